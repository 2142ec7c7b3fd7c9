"""Projection and inpainting on generators whose best latents are known in closed form."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import latent, metrics
from kerasgan.latent.inpainting import context_weights
from tests.latent.makers import SHAPE, linear_gan, of_function, of_pixels, orthogonal
from tests.latent.test_space import tiny_began, tiny_cgan, tiny_gan

PLAIN = {"extractor": None, "prior_weight": 0.0}
KERNEL = 0.4 * orthogonal(16, 3, seed=0).T


def pixels(*values):
    return np.array(values, "float32").reshape(1, 1, -1, 1)


def test_a_linear_generator_is_inverted():
    space = latent.Space(linear_gan(KERNEL))
    latents = np.clip(space.draw(5, seed=3), -2, 2)
    found = latent.project(space, space.images(latents), starts=2, steps=300, **PLAIN)
    np.testing.assert_allclose(found.latents, latents, atol=0.01)
    np.testing.assert_allclose(found.images, space.images(latents), atol=0.005)
    assert found.errors.max() < 1e-5 and found.losses == pytest.approx(found.errors, abs=1e-6)


def cubic(latents):
    """(z^3 / 3 - z) / 2: 0.67 at 2.2; from the left of 1 one can only climb to 1/3, at -1."""
    return latents**3 / 6.0 - latents / 2.0


def test_several_starts_find_the_deeper_of_two_valleys():
    space = of_pixels(cubic, pixels=1)
    images = np.full((12, 1, 1, 1), float(cubic(np.float64(2.2))), "float32")
    one, many = (latent.project(space, images, starts=n, steps=150, **PLAIN) for n in (1, 30))
    stuck = one.latents[:, 0] < 0
    assert stuck.sum() >= 6  # 84 % of normal starts lie left of 1
    np.testing.assert_allclose(one.latents[stuck, 0], -1.0, atol=0.05)
    np.testing.assert_allclose(many.latents[:, 0], 2.2, atol=0.02)
    assert np.all(many.losses <= one.losses + 1e-6)


@pytest.mark.parametrize("norm, wanted", [(2, 1 / 3), (1, 0.0)])
def test_the_norm_makes_a_mean_or_a_median(norm, wanted):
    space = of_pixels(lambda z: tf.tile(z, [1, 3]), pixels=3)
    found = latent.project(space, pixels(0, 0, 1), norm=norm, starts=1, steps=400, **PLAIN)
    assert found.latents[0, 0] == pytest.approx(wanted, abs=0.06)


def test_the_prior_shrinks_as_in_ridge_regression():
    """((z - 1)^2 + (-z + 1)^2) / 2 + p z^2 is least at 1 / (1 + p); uniform: p z^2 / (1/3)."""
    arguments = {"extractor": None, "prior_weight": 0.25, "starts": 1, "steps": 300}
    for distribution, wanted in (("normal", 1 / 1.25), ("uniform", 1 / 1.75)):
        space = of_pixels(lambda z: tf.concat([z, -z], 1), distribution=distribution)
        found = latent.project(space, pixels(1, -1), **arguments)
        assert found.latents[0, 0] == pytest.approx(wanted, abs=0.01)


def test_features_weigh_in():
    """Pixels alone want z = 0; features that see the first pixel want 1: z = w / (1 + w)."""
    space = of_pixels(lambda z: tf.concat([z, -z], 1))
    network = keras.Sequential(
        [keras.Input((1, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(1, use_bias=False)]
    )
    network.layers[-1].set_weights([np.array([[2.0], [0.0]])])
    extractor = metrics.from_model(network, name="first")
    for weight in (0.0, 1.0, 3.0):
        found = latent.project(
            space, pixels(1, 1), extractor=extractor, feature_weight=weight, prior_weight=0.0,
            starts=1, steps=300,
        )  # fmt: skip
        assert found.latents[0, 0] == pytest.approx(weight / (1 + weight), abs=0.01)


def test_uniform_latents_stay_in_their_cube():
    space = of_pixels(lambda z: z / 2, distribution="uniform", pixels=1)
    found = latent.project(space, pixels(0.9), starts=2, steps=100, **PLAIN)
    assert found.latents[0, 0] == 1.0  # 1.8 would be exact


def with_labels(latents, labels):
    """A pixel at the latent, and two that tell the label."""
    hot = tf.one_hot(labels, 2) * 2.0 - 1.0
    return tf.reshape(tf.concat([latents, hot], 1), [-1, 1, 3, 1])


def test_labels_are_found_or_kept():
    space = of_function(with_labels, 1, (1, 3, 1), num_classes=2)
    images = np.concatenate([pixels(0.5, 1, -1), pixels(-0.5, -1, 1)])
    found = latent.project(space, images, starts=2, steps=200, **PLAIN)
    assert found.labels.tolist() == [0, 1]
    np.testing.assert_allclose(found.latents[:, 0], [0.5, -0.5], atol=0.01)
    kept = latent.project(space, images, labels=[1, 1], starts=2, steps=5, **PLAIN)
    assert kept.labels.tolist() == [1, 1] and kept.errors[0] > 1.0


def five_labels(latents, labels):
    """A pixel at the latent, and five that tell the label."""
    hot = tf.one_hot(labels, 5) * 2.0 - 1.0
    return tf.reshape(tf.concat([latents, hot], 1), [-1, 1, 6, 1])


def test_labels_are_found_if_there_are_more_of_them_than_starts():
    space = of_function(five_labels, 1, (1, 6, 1), num_classes=5)
    wanted = np.array([-0.5, -0.25, 0.0, 0.25, 0.5], "float32")[:, np.newaxis]
    images = space.images(wanted, np.arange(5))
    found = latent.project(space, images, starts=2, steps=200, **PLAIN)
    assert found.labels.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(found.latents, wanted, atol=0.01)
    # An encoder's guess is tried with each label: it stays what it was, at so small a step.
    pixels_in = keras.Input((1, 6, 1))
    first = keras.layers.Dense(1, use_bias=False)
    encoder = keras.Model(pixels_in, first(keras.layers.Flatten()(pixels_in)))
    first.set_weights([np.eye(6)[:, :1]])
    arguments = {"steps": 1, "learning_rate": 1e-5, "encoder": encoder, **PLAIN}
    for starts in (1, 7):
        guessed = latent.project(space, images, starts=starts, **arguments)
        assert guessed.labels.tolist() == [0, 1, 2, 3, 4]
        np.testing.assert_allclose(guessed.latents, wanted, atol=1e-4)
        kept = latent.project(space, images, 0, starts=starts, **arguments)
        np.testing.assert_allclose(kept.latents, wanted, atol=1e-4)


def test_an_encoders_guess_is_a_start():
    space = latent.Space(linear_gan(KERNEL))
    images = keras.Input(SHAPE)
    dense = keras.layers.Dense(3, use_bias=False)
    encoder = keras.Model(images, dense(keras.layers.Flatten()(images)))
    dense.set_weights([np.linalg.pinv(KERNEL)])
    wanted = np.clip(space.draw(3, seed=1), -2, 2)
    arguments = {"starts": 1, "steps": 1, "learning_rate": 1e-4, **PLAIN}
    found = latent.project(space, space.images(wanted), encoder=encoder, **arguments)
    np.testing.assert_allclose(found.latents, wanted, atol=1e-3)


def test_more_images_than_fit_at_once_and_repeated():
    space = latent.Space(linear_gan(KERNEL))
    images = space.images(np.clip(space.draw(250, seed=2), -2, 2))
    projector = latent.Projector(space, starts=2, steps=5, **PLAIN)
    first, again = projector(images), projector(images)
    assert first.latents.shape == (250, 3)
    np.testing.assert_array_equal(first.latents, again.latents)
    assert not np.array_equal(first.latents, projector(images, seed=1).latents)


# Inpainting -------------------------------------------------------------------------------


def test_what_is_masked_is_not_looked_at():
    space = latent.Space(linear_gan(KERNEL))
    images = space.images(np.clip(space.draw(3, seed=4), -2, 2))
    mask = np.ones((4, 4))
    mask[1:3] = 0
    spoilt = images.copy()
    spoilt[:, 1:3] = -0.9
    results = [latent.inpaint(space, each, mask, starts=2, steps=20) for each in (images, spoilt)]
    np.testing.assert_array_equal(results[0][1].latents, results[1][1].latents)
    np.testing.assert_array_equal(results[0][0], results[1][0])


def test_a_linear_generator_fills_the_hole():
    space = latent.Space(linear_gan(KERNEL))
    images = space.images(np.clip(space.draw(4, seed=4), -2, 2))
    mask = np.ones((4, 4, 1, 4)).transpose(3, 0, 1, 2)
    mask[:, :, :2] = 0
    filled, found = latent.inpaint(
        space, images, mask, starts=2, steps=400, learning_rate=0.02, **PLAIN, judge_weight=0.0
    )
    np.testing.assert_array_equal(filled[:, :, 2:], images[:, :, 2:])
    np.testing.assert_allclose(filled, images, atol=0.05)
    np.testing.assert_array_equal(filled[:, :, :2], found.images[:, :, :2])


def test_context_weights_by_hand():
    mask = np.ones((1, 9, 9, 1))
    mask[0, :2] = 0
    weights = context_weights(mask)[0, :, :, 0]
    assert weights[:2].max() == 0.0
    # Row 2, column 4: 14 of its 48 neighbours are missing; row 4: the window's first row, 7 of 48.
    assert weights[2, 4] == pytest.approx(14 / 48) and weights[4, 4] == pytest.approx(7 / 48)
    assert weights[2, 0] == pytest.approx(8 / 48)  # four columns lie inside the picture
    assert weights[8, 8] == pytest.approx(0.1)


def test_the_judge_pulls_towards_what_looks_real():
    space = latent.Space(linear_gan(KERNEL))
    images = space.images(np.clip(space.draw(3, seed=5), -2, 2))
    scores = [
        latent.realness_of(
            space,
            np.clip(
                latent.project(space, images, judge_weight=w, starts=1, steps=50, **PLAIN).images,
                -1, 1,
            ),
        )
        for w in (0.0, 0.3)
    ]  # fmt: skip
    assert np.all(scores[1] > scores[0] + 0.01)


# Judges -----------------------------------------------------------------------------------


def test_realness_is_each_family_s_own():
    images = np.random.default_rng(0).uniform(-1, 1, (3, 8, 8, 1)).astype("float32")
    model = tiny_gan()
    wanted = model.discriminator(images, training=False).numpy()[:, 0]
    np.testing.assert_allclose(latent.realness_of(latent.Space(model), images), wanted, atol=1e-6)
    model = tiny_cgan()
    labels = np.array([0, 2, 1], "int32")
    wanted = model.discriminator([images, labels], training=False).numpy()[:, 0]
    found = latent.realness_of(latent.Space(model), images, labels)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    model = tiny_began()
    images = images.repeat(2, axis=1).repeat(2, axis=2)
    errors = np.abs(model.discriminator(images, training=False) - images).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(latent.realness_of(latent.Space(model), images), -errors, atol=1e-6)


# At the door ------------------------------------------------------------------------------

SPACE = of_pixels(lambda z: tf.concat([z, -z], 1))
POINTS = of_function(lambda z: tf.concat([z, -z], 1), 1, (2,))


def encoder_of(shape, *widths):
    images = keras.Input(shape)
    flat = keras.layers.Flatten()(images)
    return keras.Model(images, [keras.layers.Dense(width)(flat) for width in widths])


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: latent.project(SPACE, np.zeros((2, 3, 3, 1), "float32"), **PLAIN), "resize"),
        (lambda: latent.project(SPACE, 200 * pixels(1, 1), **PLAIN), "127.5"),
        (lambda: latent.project(SPACE, pixels(np.nan, 1), **PLAIN), "finite"),
        (lambda: latent.project(SPACE, pixels(1, 1), labels=1, **PLAIN), "no labels"),
        (lambda: latent.Projector(SPACE, steps=0), "steps"),
        (lambda: latent.Projector(SPACE, starts=0), "starts"),
        (lambda: latent.Projector(SPACE, norm=3), "norm"),
        (lambda: latent.Projector(SPACE, learning_rate=0.0), "learning_rate"),
        (lambda: latent.Projector(SPACE, feature_weight=-1.0), "feature_weight"),
        (lambda: latent.Projector(SPACE, extractor="nobody"), "extractor"),
        (lambda: latent.Projector(POINTS), r"images \(H, W, C\).*points, image_shape=\(2,\)"),
        (
            lambda: latent.Projector(SPACE, encoder=encoder_of((1, 2, 1), 1, 1), **PLAIN),
            r"e\.outputs\[0\]\)\. Received: 2 outputs",
        ),
        (
            lambda: latent.Projector(SPACE, encoder=encoder_of((1, 3, 1), 1), **PLAIN),
            "encoder must take inputs",
        ),
        (
            lambda: latent.Projector(SPACE, encoder=encoder_of((1, 2, 1), 4), **PLAIN),
            "encoder must return shape",
        ),
        (lambda: latent.project(SPACE, pixels(1, 1), judge_weight=1.0, **PLAIN), "discriminator"),
        (
            lambda: latent.Projector(SPACE, **PLAIN)(pixels(1, 1), weights=np.zeros((1, 2, 1))),
            "above 0",
        ),
        (lambda: latent.Projector(SPACE, **PLAIN)(pixels(1, 1), weights=np.ones(3)), "fit images"),
        (lambda: latent.inpaint(SPACE, pixels(1, 1), np.ones((2, 2))), "Expected a mask"),
        (lambda: latent.inpaint(SPACE, pixels(1, 1), np.full((1, 2), 0.5)), "1 where"),
        (lambda: latent.inpaint(SPACE, pixels(1, 1), np.zeros((1, 2))), "known pixels"),
        (lambda: context_weights(np.ones((4, 4)), window=4), "odd"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words) as error:
        call()
    assert "Received" in str(error.value)
