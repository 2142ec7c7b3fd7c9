"""Directions of generators whose answers are known."""

import keras
import numpy as np
import pytest

from kerasgan import latent
from kerasgan.latent import directions
from kerasgan.models import CGAN, autoencoder, began, cgan, gan, sngan, vae
from kerasgan.networks import dcgan
from tests.latent.makers import SHAPE, linear_gan, of_generator, orthogonal

SINGULAR = np.array([4.0, 2.0, 1.0, 0.5])
RIGHT = orthogonal(4, 4, seed=0)  # columns: what the first layer lengthens by SINGULAR
KERNEL = (RIGHT * SINGULAR) @ orthogonal(16, 4, seed=1).T  # z @ KERNEL: (4, 16)


@pytest.fixture(scope="module")
def linear():
    return latent.Space(linear_gan(KERNEL, bias=0.3))


def cosines(found, wanted):
    """Of each found direction with the wanted one of its rank."""
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(len(found)))
    return np.abs(np.sum(found * wanted, axis=1))


def test_first_weights_are_the_kernel(linear):
    np.testing.assert_allclose(latent.first_weights(linear), KERNEL.T, atol=1e-5)


def test_sefa_finds_the_singular_vectors_in_their_order(linear):
    assert cosines(directions.sefa(linear, 3), RIGHT.T[:3]) == pytest.approx(np.ones(3), abs=1e-5)


def test_first_weights_of_a_conditional_generator_are_the_latents_rows():
    model = CGAN(3, (8, 8, 1), latent_dim=4, generator=cgan.build_generator(3, 4, (8, 8, 1), 2, 5))
    dense = next(layer for layer in model.ema_generator.layers if hasattr(layer, "kernel"))
    kernel = dense.kernel.numpy()  # of latents and the embedded label, side by side
    assert kernel.shape[0] == 4 + 5
    weights = latent.first_weights(latent.Space(model))
    np.testing.assert_allclose(weights, kernel[:4].T, atol=1e-6)
    assert directions.pca_of_activations(latent.Space(model), 2, samples=30).shape == (2, 4)


def test_first_weights_skip_a_layer_that_sees_the_label_alone():
    model = CGAN(
        3, (8, 8, 1), latent_dim=4, generator=cgan.build_paper_generator(3, 4, (8, 8, 1)),
        discriminator=cgan.build_discriminator(3, (8, 8, 1), 2),
    )  # fmt: skip
    weights = latent.first_weights(latent.Space(model))
    assert weights.shape == (200, 4)  # not the 1000 units of the label


@pytest.mark.parametrize(
    "make, num_classes",
    [
        (lambda: autoencoder.build_decoder(4, (8, 8, 1), 2), None),  # the VAE's too
        (lambda: vae.build_paper_decoder(4, (8, 8, 1), 16), None),
        (lambda: gan.build_generator(4, (8, 8, 1), (16,)), None),
        (lambda: gan.build_paper_generator(4, (8, 8, 1)), None),
        (lambda: cgan.build_generator(3, 4, (8, 8, 1), 2, 5), 3),
        (lambda: cgan.build_paper_generator(3, 4, (8, 8, 1)), 3),
        (lambda: dcgan.build_generator(4, (8, 8, 1), 2), None),
        (lambda: sngan.build_generator(4, (28, 28, 1), 2), None),
        (lambda: began.build_generator(4, (16, 16, 1), width=2), None),
    ],
    ids=[
        "decoder",
        "paper-vae",
        "gan",
        "paper-gan",
        "cgan",
        "paper-cgan",
        "dcgan",
        "sngan",
        "began",
    ],
)
def test_first_weights_of_the_zoo_are_before_any_non_linearity(make, num_classes):
    generator, drawn = make(), np.random.default_rng(0)
    dense = next(
        layer
        for layer in generator.layers
        if isinstance(layer, keras.layers.Dense) and layer.kernel.shape[0] >= 4
    )
    # Outputs of both signs, so that a ReLU would show.
    dense.set_weights([drawn.uniform(-1, 1, each.shape) for each in dense.get_weights()])
    found = latent.first_weights(of_generator(generator, num_classes))
    np.testing.assert_allclose(found, dense.kernel.numpy()[:4].T, atol=1e-5)


def test_first_weights_in_half_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        generator = gan.build_generator(4, (8, 8, 1), (16,))
    finally:
        keras.config.set_dtype_policy("float32")
    kernel = generator.layers[1].kernel.numpy()
    np.testing.assert_allclose(
        latent.first_weights(of_generator(generator)), kernel.T, atol=4e-3 * np.abs(kernel).max()
    )


@pytest.mark.parametrize("activation", ["relu", None])
def test_first_weights_behind_a_network_within_are_refused_unless_linear(activation):
    """The inner layer's kernel is 0.001 * Q, the convolution's 1 x 1 and 2, so A is 0.002 Q^T."""
    layers = keras.layers
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(16, activation=activation)])
    outer = [inner, layers.Reshape(SHAPE), layers.Conv2D(1, 1)]
    generator = keras.Sequential([keras.Input((4,)), *outer])
    kernel = 0.001 * orthogonal(16, 4, seed=1).T
    inner.set_weights([kernel, np.zeros(16)])
    outer[-1].set_weights([np.full((1, 1, 1, 1), 2.0), np.ones(1)])
    space = of_generator(keras.Model(generator.inputs, generator.outputs))
    if activation is None:
        np.testing.assert_allclose(latent.first_weights(space), 2 * kernel.T, atol=1e-6)
        return
    for call in (latent.first_weights, directions.sefa):
        with pytest.raises(ValueError, match=r"not linear.*") as error:
            call(space) if call is latent.first_weights else call(space, 1)
        assert "Received" in str(error.value)


def conditional_linear():
    """Latents @ KERNEL, and for each of 10 labels an offset that is far larger."""
    latents, labels = keras.Input((4,)), keras.Input((), dtype="int32")
    embedding, dense = keras.layers.Embedding(10, 6), keras.layers.Dense(16, name="first")
    x = dense(keras.layers.Concatenate()([latents, embedding(labels)]))
    generator = keras.Model([latents, labels], keras.layers.Reshape(SHAPE)(x))
    drawn = np.random.default_rng(2)
    embedding.set_weights([30.0 * drawn.normal(size=(10, 6))])
    dense.set_weights([np.concatenate([KERNEL, drawn.normal(size=(6, 16))]), np.ones(16)])
    return of_generator(generator, 10)


@pytest.mark.parametrize("labels", [None, 3, np.arange(3000) ** 2 % 10], ids=["all", "one", "some"])
def test_pca_of_a_conditional_model_is_not_of_its_labels(labels):
    found = directions.pca_of_activations(conditional_linear(), 3, samples=3000, labels=labels)
    assert cosines(found, RIGHT.T[:3]) == pytest.approx(np.ones(3), abs=0.01)


def test_pca_of_a_conditional_model_needs_more_samples_than_labels():
    with pytest.raises(ValueError, match="at most 1"):
        directions.pca_of_activations(conditional_linear(), 2, samples=11)
    with pytest.raises(ValueError, match=r"\[0, 10\)"):
        directions.pca_of_activations(conditional_linear(), 2, samples=50, labels=10)


def test_pca_of_linear_activations_goes_back_to_the_singular_vectors(linear):
    """Of y = A z the components are A's left singular vectors, z's regression the right ones."""
    found = directions.pca_of_activations(linear, 3, samples=4000)
    assert cosines(found, RIGHT.T[:3]) == pytest.approx(np.ones(3), abs=0.01)


def test_the_default_layer_is_what_the_second_weights_take():
    model = linear_gan(KERNEL, second=np.ones((16, 4)), image_shape=(2, 2, 1), bias=0.1)
    space = latent.Space(model)
    latents = space.draw(6, seed=0)
    wanted = np.maximum(latents @ KERNEL + 0.1, 0.0)
    np.testing.assert_allclose(latent.layer_output(space, latents), wanted, atol=1e-5)
    named = latent.layer_output(space, latents, "first")
    np.testing.assert_allclose(named, latents @ KERNEL + 0.1, atol=1e-5)
    # Far above zero the ReLU does nothing, and PCA behind it finds the same as before it.
    space = latent.Space(linear_gan(KERNEL, np.ones((16, 4)), (2, 2, 1), bias=50.0))
    found = directions.pca_of_activations(space, 2, samples=4000)
    assert cosines(found, RIGHT.T[:2]) == pytest.approx(np.ones(2), abs=0.01)


def test_pca_is_the_same_by_either_matrix(linear):
    """Fewer samples than units, and more: the coordinates agree but for their sign."""
    rows = np.random.default_rng(0).normal(size=(10, 16)) * np.linspace(3, 0.1, 16)
    rows -= rows.mean(axis=0)
    left, values, _ = np.linalg.svd(rows, full_matrices=False)
    for given in (rows, rows @ orthogonal(16, 8, 2)):
        left, values, _ = np.linalg.svd(given, full_matrices=False)
        found = directions._coordinates(given, 3)
        np.testing.assert_allclose(np.abs(found), np.abs(left * values)[:, :3], atol=1e-8)


def test_pca_of_latents():
    spread = np.array([0.2, 3.0, 1.0])
    rows = np.random.default_rng(0).normal(size=(3000, 3)) * spread + 5.0
    assert cosines(directions.pca(rows, 2), np.eye(3)[[1, 2]]) == pytest.approx([1, 1], abs=0.01)


def test_supervised_directions_find_a_planted_vector():
    latents = np.random.default_rng(0).normal(size=(3000, 5))
    planted = np.array([3.0, 0.0, -4.0, 0.0, 0.0]) / 5.0
    noise = np.random.default_rng(1).normal(size=3000)
    scores = 7.0 + 2.0 * latents @ planted + noise
    assert directions.from_scores(latents, scores) @ planted > 0.999
    sides = latents @ planted + 0.3 * noise > 0.5
    assert directions.from_labels(latents, sides) @ planted > 0.99
    assert directions.from_labels(latents, ~sides) @ planted < -0.99


def test_logistic_regression_by_an_independent_solver():
    from scipy import optimize

    latents = np.random.default_rng(0).normal([0.5, 0.0], 1.0, (200, 2))
    sides = (latents @ [1.0, 0.5] + np.random.default_rng(1).logistic(size=200)) > 0

    def loss(weights):
        logits = latents @ weights[:2] + weights[2]
        penalty = 0.5e-3 * 200 * np.sum(weights[:2] ** 2)
        return np.sum(np.logaddexp(0, logits) - sides * logits) + penalty

    wanted = optimize.minimize(loss, np.zeros(3), tol=1e-10).x[:2]
    found = directions.from_labels(latents, sides)
    np.testing.assert_allclose(found, wanted / np.linalg.norm(wanted), atol=1e-4)


def test_apart_from_is_at_right_angles():
    rest = directions.apart_from([1.0, 2.0, 3.0], [[0.0, 1.0, 1.0], [0.0, 1.0, 0.0]])
    np.testing.assert_allclose(rest, [1.0, 0.0, 0.0], atol=1e-12)


@pytest.mark.parametrize(
    "direction, others, wanted",
    [
        ([1.0, 1.0, 0.0], [[0.0, 1.0, 0.0], [0.0, 2.0, 0.0]], [1.0, 0.0, 0.0]),
        ([1.0, 1.0, 1.0], [[0.0, 1.0, 0.0], [0.0, 2.0, 0.0]], [0.5**0.5, 0.0, 0.5**0.5]),
        ([3.0, 3.0], [[0.0, 0.0]], [0.5**0.5, 0.5**0.5]),
        # More others than numbers, in the plane of the first two axes.
        ([1.0, 2.0, -3.0], [[1.0, 0, 0], [0, 1, 0], [1, 1, 0], [2, -1, 0]], [0.0, 0.0, -1.0]),
    ],
)
def test_apart_from_others_that_depend_on_each_other(direction, others, wanted):
    np.testing.assert_allclose(directions.apart_from(direction, others), wanted, atol=1e-12)


def test_a_layer_has_no_more_directions_than_numbers():
    narrow = latent.Space(linear_gan(np.eye(4, 2, dtype="float32"), image_shape=(1, 2, 1)))
    found = directions.pca_of_activations(narrow, 2, layer="first", samples=50)
    assert found.shape == (2, 4)
    with pytest.raises(ValueError, match="at most 2"):
        directions.pca_of_activations(narrow, 3, layer="first", samples=50)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda s: directions.sefa(s, 5), "at most 4"),
        (lambda s: directions.sefa(s, 0), "n must be"),
        (lambda s: directions.pca_of_activations(s, 3, samples=3), "at most 2"),
        (lambda s: latent.layer_output(s, s.draw(2), "fist"), "first"),
        (lambda s: directions.pca([[1.0, np.nan], [0.0, 1.0]]), "finite"),
        (lambda s: directions.from_labels(np.eye(2), [1, 1]), "both kinds"),
        (lambda s: directions.from_labels(np.eye(2), [0, 2]), "0 or 1"),
        (lambda s: directions.from_labels(np.eye(2), [0, 1, 1]), "for each latent"),
        (lambda s: directions.from_scores(np.eye(2), [1.0, 1.0]), "not the same"),
        (lambda s: directions.from_scores(np.eye(2), [1.0, np.nan]), "finite score"),
        (lambda s: directions.apart_from([1.0, 0.0], [2.0, 0.0]), "nothing left"),
        (lambda s: directions.apart_from([1.0, 0.0], [2.0, 0.0, 1.0]), r"\(2,\) and \(1, 3\)"),
        (lambda s: directions.apart_from([1.0, np.nan], [2.0, 0.0]), "all finite"),
        (lambda s: directions.apart_from([1.0, 1.0], [np.nan, 0.0]), "all finite"),
        (lambda s: directions.apart_from([0.0, 0.0], [2.0, 0.0]), "not zero"),
        (lambda s: directions.apart_from([[1.0, 0.0]], [2.0, 0.0]), r"direction \(latent_dim,\)"),
    ],
)
def test_bad_input_is_named(call, words, linear):
    with pytest.raises(ValueError, match=words) as error:
        call(linear)
    assert "Received" in str(error.value)
