"""Pix2Pix: the family contract, its losses by hand, noise that can be asked for again."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.layers import NoiseDropout
from kerasgan.models import Pix2Pix
from kerasgan.networks.patch import build_patch_discriminator
from kerasgan.networks.unet import build_unet
from tests.models.harness import FamilyContract

SHAPE = (8, 8, 3)
INPUT = (8, 8, 1)
LOGS = {"discriminator_real", "discriminator_fake", "discriminator_loss"}
LOGS |= {"generator_adversarial", "generator_l1", "generator_loss"}


def tiny_generator():
    """A generator with noise; the U-Net has tests of its own."""
    images, seeds = keras.Input((None, None, 1)), keras.Input((2,), dtype="int64")
    x = keras.layers.Conv2D(4, 3, padding="same")(images)
    x = keras.layers.LeakyReLU()(NoiseDropout(0.5)([x, seeds]))
    x = keras.layers.Conv2D(3, 3, padding="same", activation="tanh", dtype="float32")(x)
    return keras.Model([images, seeds], x, name="generator")


class TestPix2Pix(FamilyContract):
    log_names = LOGS

    def make_model(self, **kwargs):
        return Pix2Pix(
            image_shape=SHAPE,
            input_channels=1,
            generator=tiny_generator(),
            discriminator=build_patch_discriminator(SHAPE, INPUT, 4, 1, None),
            **kwargs,
        )

    def make_arrays(self, n):
        rng = np.random.default_rng(0)
        return tuple(rng.uniform(-1, 1, (n, *s)).astype("float32") for s in (INPUT, SHAPE))

    def sample(self, model, n, seed=0):
        return model.translate(self.make_arrays(n)[0], seed=seed)


def test_the_papers_networks_train_in_small():
    model = Pix2Pix(
        image_shape=SHAPE,
        input_channels=1,
        generator=build_unet(INPUT, 3, width=4),
        discriminator=build_patch_discriminator(SHAPE, INPUT, 4, halvings=1),
        seed=0,
    )
    before = [v.numpy() for v in model.trainable_variables]
    history = model.fit(TestPix2Pix().dataset(batch=2, steps=2), verbose=0).history
    assert np.isfinite([values[-1] for values in history.values()]).all()
    kernels = [
        np.abs(a - v.numpy()).max()
        for a, v in zip(before, model.trainable_variables)
        if v.name == "kernel"
    ]
    assert min(kernels) > 0.0


def linear_model(shapes, weights, bias):
    """A network that weighs the channels of its inputs: `weights` is (channels in, out)."""
    inputs = [keras.Input(shape) for shape in shapes]
    x = keras.layers.Concatenate()(inputs) if len(inputs) > 1 else inputs[0]
    outputs = keras.layers.Dense(len(weights[0]))(x)
    model = keras.Model(inputs if len(inputs) > 1 else inputs[0], outputs)
    model.set_weights([np.array(weights), np.full(len(weights[0]), bias)])
    return model


def test_losses_by_hand():
    """Inputs of 0.2 become 0.5 x 0.2 + 0.15 = 0.25, and targets are -0.5. The logits of (input,
    image): 0.7 x 0.2 + 3 x 0.4 image + 0.1: of the target -0.36, of the translation 0.54.
    """
    model = Pix2Pix(
        image_shape=SHAPE,
        input_channels=1,
        generator=linear_model([INPUT], [[0.5] * 3], 0.15),
        discriminator=linear_model([INPUT, SHAPE], [[0.7], [0.4], [0.4], [0.4]], 0.1),
        l1_weight=10.0,
        seed=0,
    )
    inputs, targets = tf.fill((2, *INPUT), 0.2), tf.fill((2, *SHAPE), -0.5)
    model.unpack((inputs, targets))
    terms = model.generator_loss(inputs, targets)
    np.testing.assert_allclose(terms["adversarial"], np.log(1 + np.exp(-0.54)), rtol=1e-5)
    np.testing.assert_allclose(terms["l1"], 10 * 0.75, rtol=1e-5)
    terms = model.discriminator_loss(inputs, targets)
    np.testing.assert_allclose(terms["real"], np.log(1 + np.exp(0.36)), rtol=1e-5)
    np.testing.assert_allclose(terms["fake"], np.log(1 + np.exp(0.54)), rtol=1e-5)


def test_a_sheet_of_a_model_that_has_just_diverged_is_grey():
    model = TestPix2Pix().make_model(seed=0)
    model.ema_generator.set_weights([w * np.nan for w in model.ema_generator.get_weights()])
    inputs, targets = TestPix2Pix().make_arrays(2)
    assert not model.sheet((inputs, targets))["translation"].any()


def test_noise_follows_from_the_seed_and_the_place_alone():
    model = TestPix2Pix().make_model(seed=0)
    same = np.repeat(TestPix2Pix().make_arrays(1)[0], 3, axis=0)
    first, again, other = (model.translate(same, seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
    assert np.abs(first[0] - first[1]).max() > 1e-3  # each picture has noise of its own
    np.testing.assert_allclose(first[:2], model.translate(same[:2], seed=5), atol=1e-6)


def test_without_noise_the_seed_does_not_matter():
    model = Pix2Pix(
        image_shape=SHAPE,
        generator=build_unet(SHAPE, width=4, dropout=0.0),
        discriminator=build_patch_discriminator(SHAPE, SHAPE, 4, halvings=1),
        seed=0,
    )
    images = np.zeros((2, *SHAPE), "float32") + 0.3
    np.testing.assert_array_equal(model.translate(images, 1), model.translate(images, 2))


def test_the_discriminator_sees_the_input():
    model = TestPix2Pix().make_model(seed=0)
    inputs, targets = TestPix2Pix().make_arrays(2)
    right = model.discriminator([inputs, targets])
    wrong = model.discriminator([inputs[::-1], targets])
    assert np.abs(right - wrong).max() > 1e-4


def test_metrics_compare_targets_with_translations():
    model = TestPix2Pix().make_model(seed=0)

    class Seen(keras.metrics.Metric):
        def __init__(self):
            super().__init__(name="seen")

        def update_state(self, real, fake):
            self.real, self.fake = real, fake

        def result(self):
            return 0.0

    metric = Seen()
    model.compile(metrics=[metric], run_eagerly=True)
    arrays = TestPix2Pix().make_arrays(3)
    model.evaluate(tf.data.Dataset.from_tensor_slices(arrays).batch(3), verbose=0)
    np.testing.assert_array_equal(metric.real, arrays[1])
    assert metric.fake.shape == (3, *SHAPE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"l1_weight": -1.0}, "l1_weight must be"),
        ({"loss": "relativistic_average"}, "judge fakes by themselves"),
        ({"generator": build_unet((8, 8, 3), 3, width=4)}, r"generator must turn .*\(8, 8, 1"),
        (
            {"discriminator": build_patch_discriminator(SHAPE, None, 4, 1)},
            "discriminator must take inputs",
        ),
        ({"input_channels": 0}, "input_channels must be a positive integer"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    networks = {
        "generator": build_unet(INPUT, 3, width=4),
        "discriminator": build_patch_discriminator(SHAPE, INPUT, 4, halvings=1),
    }
    with pytest.raises(ValueError, match=message):
        Pix2Pix(**{"image_shape": SHAPE, "input_channels": 1, **networks, **arguments})
