"""GAN: the family contract, and the losses of its step on constant logits."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import losses
from kerasgan.models import GAN
from kerasgan.models import gan as gan_file
from tests.models.harness import FamilyContract

SHAPE = (8, 8, 1)
LOGS = {
    "discriminator_real",
    "discriminator_fake",
    "discriminator_loss",
    "generator_adversarial",
    "generator_loss",
}


def tiny(**kwargs):
    return GAN(
        image_shape=SHAPE,
        latent_dim=4,
        generator=gan_file.build_generator(4, SHAPE, units=(16,)),
        discriminator=gan_file.build_discriminator(SHAPE, units=(16,)),
        **kwargs,
    )


class TestGAN(FamilyContract):
    log_names = LOGS

    def make_model(self, **kwargs):
        return tiny(**kwargs)

    def make_arrays(self, n):
        return np.random.default_rng(0).uniform(-1, 1, (n, *SHAPE)).astype("float32")

    def sample(self, model, n, seed=0):
        return model.generate(n, seed=seed)


def constant_networks(logit):
    """A generator of zeros, and a discriminator that answers `logit` to everything."""
    latents = keras.Input((4,))
    images = keras.layers.Reshape(SHAPE)(
        keras.layers.Dense(64, kernel_initializer="zeros", activation="tanh")(latents)
    )
    inputs = keras.Input(SHAPE)
    logits = keras.layers.Dense(
        1, kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(logit)
    )(keras.layers.Flatten()(inputs))
    return keras.Model(latents, images), keras.Model(inputs, logits)


@pytest.mark.parametrize(
    "loss, discriminator, generator",
    [
        # sigmoid(1) = 0.7310586: -log 0.7310586 = 0.3132617; -log(1 - 0.7310586) = 1.3132617
        ("minimax", 0.3132617 + 1.3132617, -1.3132617),
        ("non_saturating", 0.3132617 + 1.3132617, 0.3132617),
        ("least_squares", 0.0 + 0.5, 0.0),
        ("wasserstein", 0.0, -1.0),
        ("hinge", 0.0 + 2.0, -1.0),
        ("relativistic", math.log(2.0), math.log(2.0)),
    ],
)
def test_losses_of_a_step_by_hand(loss, discriminator, generator):
    makes, judges = constant_networks(1.0)
    model = GAN(SHAPE, 4, loss=loss, generator=makes, discriminator=judges, seed=0)
    frozen = {f"{p}_optimizer": keras.optimizers.SGD(0.0) for p in model.players()}
    model.compile(**frozen)
    history = model.fit(np.zeros((8, *SHAPE), "float32"), batch_size=4, verbose=0).history
    assert history["discriminator_loss"][-1] == pytest.approx(discriminator, abs=1e-5)
    assert history["generator_loss"][-1] == pytest.approx(generator, abs=1e-5)


def test_a_loss_object_saves_and_loads(tmp_path):
    model = tiny(loss=losses.LeastSquares(a=-1.0, b=1.0, c=0.0), seed=0)
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert loaded.loss == losses.LeastSquares(a=-1.0, b=1.0, c=0.0)
    assert loaded.loss != losses.LeastSquares()


def test_labels_in_the_data_are_left_aside():
    arrays = np.zeros((8, *SHAPE), "float32") - 1, np.arange(8) % 10
    dataset = tf.data.Dataset.from_tensor_slices(arrays).batch(4)
    assert "generator_loss" in tiny(seed=0).fit(dataset, verbose=0).history


def test_zero_centred_penalties_by_hand():
    """D = 0.25 * sum of 64 pixels: its squared gradient is 64 / 16 = 4, half of it 2."""
    makes, _ = constant_networks(0.0)
    inputs = keras.Input(SHAPE)
    logits = keras.layers.Dense(1, kernel_initializer=keras.initializers.Constant(0.25))(
        keras.layers.Flatten()(inputs)
    )
    model = GAN(
        SHAPE, 4, generator=makes, discriminator=keras.Model(inputs, logits),
        r1_weight=3.0, r2_weight=0.5, seed=0,
    )  # fmt: skip
    model.compile(**{f"{p}_optimizer": keras.optimizers.SGD(0.0) for p in model.players()})
    history = model.fit(np.zeros((4, *SHAPE), "float32"), batch_size=4, verbose=0).history
    assert history["discriminator_r1"][0] == pytest.approx(6.0, abs=1e-5)
    assert history["discriminator_r2"][0] == pytest.approx(1.0, abs=1e-5)
    both = 6.0 + 1.0 + 2 * math.log(2.0)  # of images of zeros, real and fake: D(0) = 0
    assert history["discriminator_loss"][0] == pytest.approx(both, abs=1e-5)


def test_ema_follows_the_warm_up_rule():
    model = tiny(seed=0, ema_decay=0.9)
    kernel = model.generator.trainable_variables[0]
    average = model.ema_generator.variables[0]
    start = average.numpy().astype("float64")
    expected = start.copy()
    for step in range(1, 4):
        kernel.assign(np.full(kernel.shape, float(step), "float32"))
        model.finish_step()
        decay = min(0.9, (1 + step) / (10 + step))  # 2/11, 3/12, 4/13: still warming up
        expected = decay * expected + (1 - decay) * step
    np.testing.assert_allclose(average.numpy(), expected, rtol=1e-5)


def test_truncation_bounds_the_latents_and_narrows_the_samples():
    model = tiny(seed=0)
    wide, narrow = model.generate(64, seed=1), model.generate(64, seed=1, truncation=0.1)
    ratio = narrow.std(axis=0).mean() / wide.std(axis=0).mean()
    assert 0.05 < ratio < 0.08  # latents of deviation 0.1 / sqrt(3); tanh narrows the wide ones


def test_paper_networks_have_the_paper_sizes():
    generator = gan_file.build_paper_generator()
    discriminator = gan_file.build_paper_discriminator()
    assert generator.count_params() == 101 * 1200 + 1201 * 1200 + 1201 * 784
    # Maxout of 240 units and 5 pieces; a dropout layer keeps one counter.
    assert discriminator.count_params() == 785 * 1200 + 241 * 1200 + 241 + 3
    history = GAN(generator=generator, discriminator=discriminator, seed=0).fit(
        np.zeros((8, 28, 28, 1), "float32"), batch_size=4, verbose=0
    )
    assert np.isfinite(history.history["generator_loss"]).all()


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"loss": "hnige"}, "hinge"),
        ({"loss": 3}, "non_saturating"),
        ({"image_shape": (28, 28)}, "image_shape"),
        ({"latent_dim": 0}, "latent_dim"),
        ({"latent_dim": 2.5}, "latent_dim"),
        ({"ema_decay": 1.0}, "ema_decay"),
        ({"r1_weight": -1.0}, "r1_weight"),
        ({"r2_weight": float("nan")}, "r2_weight"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"latent_dim": 5, "generator": gan_file.build_generator(4, (28, 28, 1), (8,))}, "inputs"),
        ({"generator": gan_file.build_generator(100, SHAPE, (8,))}, "must return shape"),
        ({"discriminator": gan_file.build_discriminator(SHAPE, (8,))}, "must take inputs"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(ValueError, match=words) as error:
        GAN(**arguments)
    assert "Received" in str(error.value)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"n": 0}, "n must be"),
        ({"n": 2.0}, "n must be"),
        ({"truncation": 0.0}, "truncation"),
        ({"truncation": -1.0}, "truncation"),
        ({"seed": "one"}, "seed"),
    ],
)
def test_bad_requests_are_named(arguments, words):
    with pytest.raises(ValueError, match=words) as error:
        tiny(seed=0).generate(**arguments)
    assert "Received" in str(error.value)


@pytest.mark.parametrize("latents", [np.zeros((2, 5)), np.zeros(4), [[0.0, 1.0]], 3.0])
def test_latents_of_the_wrong_size_are_named(latents):
    with pytest.raises(ValueError, match=r"\(batch, 4\). Received: latents of shape"):
        tiny(seed=0).images_from(latents)
