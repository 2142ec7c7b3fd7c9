"""WGAN and WGANGP: the family contract, fresh batches for each critic update, clipping, penalty."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.models import WGAN, WGANGP, wgan
from tests.models.harness import FamilyContract
from tests.models.test_gan import SHAPE, constant_networks

LOGS = {"critic_real", "critic_fake", "critic_loss", "generator_adversarial", "generator_loss"}


class TestWGAN(FamilyContract):
    log_names = LOGS

    def make_model(self, **kwargs):
        return WGAN(
            critic_steps=2,
            clip=0.02,
            image_shape=SHAPE,
            latent_dim=4,
            generator=wgan.build_generator(4, SHAPE, width=4),
            critic=wgan.build_critic(SHAPE, width=4, normalization="batch"),
            **kwargs,
        )

    def make_arrays(self, n):
        return np.random.default_rng(0).uniform(-1, 1, (n, *SHAPE)).astype("float32")

    def sample(self, model, n, seed=0):
        return model.generate(n, seed=seed)


class TestWGANGP(TestWGAN):
    log_names = LOGS | {"critic_gradient_penalty"}

    def make_model(self, **kwargs):
        return WGANGP(
            critic_steps=2,
            image_shape=SHAPE,
            latent_dim=4,
            generator=wgan.build_generator(4, SHAPE, width=4),
            critic=wgan.build_critic(SHAPE, width=4),
            **kwargs,
        )


def test_each_critic_update_sees_a_fresh_batch_and_the_rest_is_dropped(capsys):
    model = TestWGAN().make_model(seed=0)
    model.compile(run_eagerly=True)
    seen = []
    original = model.critic_loss
    model.critic_loss = lambda images: seen.append(float(images[0, 0, 0, 0])) or original(images)
    levels = np.linspace(-1, 1, 7, dtype="float32")
    images = np.repeat(levels, 4)[:, None, None, None] * np.ones((1, *SHAPE), "float32")
    model.fit(tf.data.Dataset.from_tensor_slices(images).batch(4), verbose=0)
    np.testing.assert_allclose(seen, levels[:6])
    assert "the last 1 of 7 batches of an epoch are dropped" in capsys.readouterr().out


def test_fewer_batches_than_critic_steps_are_refused():
    with pytest.raises(ValueError, match=r"takes 5 batches.*Received: a dataset of 4 batches"):
        WGAN(image_shape=SHAPE).fit(np.zeros((8, *SHAPE), "float32"), batch_size=2, verbose=0)


def test_one_critic_step():
    model = WGAN(critic_steps=1, image_shape=SHAPE, latent_dim=4, seed=0)
    model.fit(np.zeros((8, *SHAPE), "float32"), batch_size=4, verbose=0)
    assert int(model.step_counter.numpy()) == 2


def test_all_weights_of_the_critic_are_clipped_and_none_of_the_generator():
    model = TestWGAN().make_model(seed=0)
    model.fit(TestWGAN().dataset(), verbose=0)
    largest = max(np.abs(v.numpy()).max() for v in model.critic.trainable_variables)
    assert largest == pytest.approx(0.02)
    assert max(np.abs(v.numpy()).max() for v in model.generator.trainable_variables) > 0.04


def linear_critic(slope):
    """f(x) = slope * sum(x): gradient norm slope * 8 for 8 x 8 pixels."""
    inputs = keras.Input(SHAPE)
    scores = keras.layers.Dense(1, kernel_initializer=keras.initializers.Constant(slope))(
        keras.layers.Flatten()(inputs)
    )
    return keras.Model(inputs, scores)


def test_losses_of_a_step_by_hand():
    """Fakes are 0, real pixels -1: f(fake) = 0, f(real) = -64 slope; the norm is 8 slope."""
    generator, _ = constant_networks(0.0)
    model = WGANGP(
        critic_steps=2, image_shape=SHAPE, latent_dim=4, generator=generator,
        critic=linear_critic(0.25), seed=0,
    )  # fmt: skip
    model.compile(**{f"{p}_optimizer": keras.optimizers.SGD(0.0) for p in model.players()})
    history = model.fit(tf.zeros((8, *SHAPE)) - 1.0, batch_size=4, verbose=0).history
    assert history["critic_real"][0] == pytest.approx(16.0, abs=1e-4)
    assert history["critic_fake"][0] == pytest.approx(0.0, abs=1e-6)
    assert history["critic_gradient_penalty"][0] == pytest.approx(10 * (2.0 - 1.0) ** 2, abs=1e-4)
    assert history["critic_loss"][0] == pytest.approx(26.0, abs=1e-3)
    assert history["generator_loss"][0] == pytest.approx(0.0, abs=1e-6)


def test_the_penalty_alone_moves_every_kernel_of_the_critic():
    model = TestWGANGP().make_model(seed=0)
    model._open_stream(tf.constant(0, tf.int64))
    kernels = [v for v in model.critic.trainable_variables if v.name == "kernel"]
    assert len(kernels) == 2
    with tf.GradientTape() as tape:
        terms = model.critic_loss(TestWGANGP().make_arrays(4))
    gradients = tape.gradient(terms["gradient_penalty"], [v.value for v in kernels])
    assert all(g is not None and float(tf.reduce_max(abs(g))) > 0 for g in gradients)


def test_mixing_draws_are_uniform_and_fresh():
    """With f = sum(x^2)/2 the gradient is the mixed image; from -1 to 0 its norm is 8 |1 - mix|."""
    generator, _ = constant_networks(0.0)
    inputs = keras.Input(SHAPE)
    squares = keras.layers.Lambda(lambda x: 0.5 * x * x)(inputs)
    model = WGANGP(
        critic_steps=1, gradient_penalty_weight=1.0, image_shape=SHAPE, latent_dim=4,
        generator=generator, critic=keras.Model(inputs, squares), seed=0,
    )  # fmt: skip
    model._open_stream(tf.constant(0, tf.int64))
    images = tf.zeros((4096, *SHAPE)) - 1.0
    first, second = (float(model.critic_loss(images)["gradient_penalty"]) for _ in range(2))
    wanted = 64 / 3 - 8 + 1  # E[(8u - 1)^2], u uniform
    assert first == pytest.approx(wanted, rel=0.05)
    assert second == pytest.approx(wanted, rel=0.05)
    assert first != second


def test_optimizers_are_those_of_the_papers():
    rmsprop = WGAN(image_shape=SHAPE).optimizers["critic"]
    assert isinstance(rmsprop, keras.optimizers.RMSprop)
    assert float(rmsprop.learning_rate) == pytest.approx(5e-5)
    adam = WGANGP(image_shape=SHAPE).optimizers["critic"]
    assert (float(adam.learning_rate), adam.beta_1, adam.beta_2) == pytest.approx((1e-4, 0.0, 0.9))


def test_weights_ten_times_too_large_stay_finite():
    model = TestWGANGP().make_model(seed=0)
    model.critic.set_weights([10 * w for w in model.critic.get_weights()])
    history = model.fit(TestWGANGP().dataset(), epochs=4, verbose=0).history
    assert np.isfinite(history["critic_loss"]).all()
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_batch_norm_in_the_critic_of_wgangp_is_refused():
    with pytest.raises(ValueError, match=r"Use LayerNorm.*Received: critic with batch_norm"):
        WGANGP(
            image_shape=(16, 16, 1), critic=wgan.build_critic((16, 16, 1), 4, normalization="batch")
        )


@pytest.mark.parametrize(
    "family, arguments, words",
    [
        (WGAN, {"critic_steps": 0}, "critic_steps"),
        (WGAN, {"critic_steps": 2.0}, "critic_steps"),
        (WGAN, {"clip": 0.0}, "clip"),
        (WGAN, {"clip": -0.01}, "clip"),
        (WGAN, {"clip": float("inf")}, "clip"),
        (WGAN, {"clip": "0.01"}, "clip"),
        (WGANGP, {"gradient_penalty_weight": 0.0}, "gradient_penalty_weight"),
        (WGANGP, {"critic_steps": -1}, "critic_steps"),
        (WGANGP, {"critic": wgan.build_critic((16, 16, 1), 4)}, "critic must take inputs"),
    ],
)
def test_bad_arguments_are_named(family, arguments, words):
    with pytest.raises(ValueError, match=words) as error:
        family(image_shape=SHAPE, **arguments)
    assert "Received" in str(error.value)
