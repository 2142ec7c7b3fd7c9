"""BEGAN: the family contract; its losses, k and M_global by hand; training; bad input."""

import keras
import numpy as np
import pytest
from keras import layers

from kerasgan.models import began
from tests.models.harness import FamilyContract

SHAPE = (14, 14, 1)


def tiny(**kwargs):
    kwargs = {"residual_steps": 8, **kwargs}
    return began.BEGAN(
        image_shape=SHAPE,
        latent_dim=4,
        generator=began.build_generator(4, SHAPE, width=3, repeats=1),
        discriminator=began.build_discriminator(SHAPE, 4, width=3, repeats=1),
        **kwargs,
    )


def black(n):
    return np.full((n, *SHAPE), -1.0, "float32")


class TestBEGAN(FamilyContract):
    log_names = {
        "discriminator_real",
        "discriminator_fake",
        "discriminator_loss",
        "generator_adversarial",
        "generator_loss",
        "k",
        "m_global",
    }

    def make_model(self, **kwargs):
        return tiny(**kwargs)

    def make_arrays(self, n):
        return np.random.default_rng(0).uniform(-1, 1, (n, *SHAPE)).astype("float32")

    def sample(self, model, n, seed=0):
        return model.generate(n, seed=seed)


# Section 3.3 by hand ----------------------------------------------------------------------


def constant_model(**kwargs):
    """G makes images of 0.5, D reconstructs everything as zeros, and neither learns."""
    latents = keras.Input((4,))
    half = keras.initializers.Constant(0.5)
    makes = layers.Dense(196, kernel_initializer="zeros", bias_initializer=half)(latents)
    images = keras.Input(SHAPE)
    zeros = layers.Conv2D(1, 1, kernel_initializer="zeros")(images)
    model = began.BEGAN(
        SHAPE,
        4,
        generator=keras.Model(latents, layers.Reshape(SHAPE)(makes)),
        discriminator=keras.Model(images, zeros),
        seed=0,
        **kwargs,
    )
    frozen = {f"{player}_optimizer": keras.optimizers.SGD(0.0) for player in model.players()}
    model.compile(run_eagerly=True, **frozen)
    return model


def one_step(model):
    """The logs of a step on real images of -0.8: L(x) = 0.8 or 0.64, L(G(z)) = 0.5 or 0.25."""
    history = model.fit(np.full((4, *SHAPE), -0.8, "float32"), batch_size=4, verbose=0).history
    return {name: values[0] for name, values in history.items()}


@pytest.mark.parametrize(
    "norm, real, fake, m_global, k",
    [
        # gamma L(x) - L(G(z)) = 0.72 - 0.5 = 0.22; M = 0.8 + 0.22; k = 0.3 + 0.01 * 0.22
        (1, 0.8, 0.5, 1.02, 0.3022),
        # 0.9 * 0.64 - 0.25 = 0.326; M = 0.64 + 0.326; k = 0.3 + 0.01 * 0.326
        (2, 0.64, 0.25, 0.966, 0.30326),
    ],
)
def test_a_step_by_hand(norm, real, fake, m_global, k):
    model = constant_model(gamma=0.9, lambda_k=0.01, norm=norm)
    model.k.assign(0.3)
    expected = {
        "discriminator_real": real,
        "discriminator_fake": -0.3 * fake,
        "discriminator_loss": real - 0.3 * fake,
        "generator_adversarial": fake,
        "generator_loss": fake,
        "k": k,
        "m_global": m_global,
    }
    assert one_step(model) == pytest.approx(expected, abs=1e-6)
    assert float(model.k.numpy()) == pytest.approx(k, abs=1e-6)


def test_k_starts_at_zero_and_a_step_uses_the_k_of_the_step_before():
    model = constant_model(gamma=1.0)  # gamma L(x) - L(G(z)) = 0.3; lambda_k = 0.001
    first, second = one_step(model), one_step(model)
    assert first["discriminator_fake"] == 0.0
    assert first["k"] == pytest.approx(0.0003, abs=1e-8)
    assert second["discriminator_fake"] == pytest.approx(-0.0003 * 0.5, abs=1e-8)
    assert second["k"] == pytest.approx(0.0006, abs=1e-8)


@pytest.mark.parametrize(
    "gamma, before, after",
    [
        (1.0, 0.5, 1.0),  # 0.5 + 2 * (0.8 - 0.5) = 1.1, clipped
        (1.0, 0.1, 0.7),
        (0.5, 0.1, 0.0),  # 0.1 + 2 * (0.4 - 0.5) = -0.1, clipped
        (0.5, 0.9, 0.7),
    ],
)
def test_k_stays_between_0_and_1(gamma, before, after):
    model = constant_model(gamma=gamma, lambda_k=2.0)
    model.k.assign(before)
    assert one_step(model)["k"] == pytest.approx(after, abs=1e-6)
    # M_global = 0.8 + |0.3| or 0.8 + |-0.1|, whether k is clipped or not.
    assert one_step(model)["m_global"] == pytest.approx(1.1 if gamma == 1.0 else 0.9, abs=1e-6)


def test_the_discriminator_holds_fakes_off_by_the_weight_k():
    """With k = 1 a step raises L(G(z)), while with k = 0 the fakes don't matter to D at all."""

    def step(k, noise):
        keras.utils.set_random_seed(1)
        model = tiny(seed=noise, lambda_k=1e-9)
        model.compile(
            discriminator_optimizer=keras.optimizers.SGD(0.05),
            generator_optimizer=keras.optimizers.SGD(0.0),
            run_eagerly=True,
        )
        model.k.assign(k)
        fakes = model.generator(np.random.default_rng(2).uniform(-1, 1, (64, 4)))
        model.vanish_residuals()
        before = float(model.reconstruction_loss(fakes))
        model.fit(black(8), batch_size=8, verbose=0)
        change = float(model.reconstruction_loss(fakes)) - before
        return change, model.discriminator.trainable_variables[0].numpy()

    (held_off, kernel), (ignored, other) = step(1.0, noise=1), step(0.0, noise=1)
    assert held_off > ignored
    assert not np.array_equal(kernel, step(1.0, noise=2)[1])
    np.testing.assert_array_equal(other, step(0.0, noise=2)[1])


def test_each_player_gets_latents_of_its_own_uniform_in_plus_minus_1():
    model = tiny(seed=0)
    model.compile(run_eagerly=True)
    drawn = []
    draw = model.draw_latents
    model.draw_latents = lambda like: drawn.append(draw(like)) or drawn[-1]
    model.fit(black(256), batch_size=256, verbose=0)
    assert [z.shape for z in drawn] == [(256, 4), (256, 4)]
    assert not np.isin(drawn[0], drawn[1]).any()
    for latents in drawn:
        assert -1.0 <= np.min(latents) < -0.97 and 0.97 < np.max(latents) < 1.0
        # Uniform on [-1, 1]: variance 1/3, fourth moment 1/5.
        assert np.mean(np.square(latents)) == pytest.approx(1 / 3, abs=0.04)
        assert np.mean(np.power(latents, 4)) == pytest.approx(1 / 5, abs=0.04)


def test_samples_come_from_uniform_latents_truncated_to_a_smaller_range():
    latents = keras.Input((196,))
    as_they_are = layers.Dense(196, kernel_initializer="identity")(latents)
    generator = keras.Model(latents, layers.Reshape(SHAPE)(as_they_are))
    discriminator = began.build_discriminator(SHAPE, 4, width=2)
    model = began.BEGAN(SHAPE, 196, generator=generator, discriminator=discriminator, seed=0)
    wide, narrow = model.generate(50, seed=1), model.generate(50, seed=1, truncation=0.3)
    assert 0.99 < np.abs(wide).max() <= 1.0
    assert wide.std() == pytest.approx(1 / np.sqrt(3), abs=0.01)
    assert 0.297 < np.abs(narrow).max() <= 0.3
    assert narrow.std() == pytest.approx(0.3 / np.sqrt(3), abs=0.003)


def test_samples_are_clipped_to_the_range_of_images():
    model = constant_model()
    model.ema_generator.variables[1].assign(np.linspace(-3, 3, 196))
    expected = np.clip(np.linspace(-3, 3, 196), -1, 1).reshape(SHAPE)
    np.testing.assert_allclose(model.generate(1, seed=0)[0], expected, atol=1e-6)


# Training ---------------------------------------------------------------------------------


def test_m_global_falls_and_k_leaves_0():
    model = tiny(seed=0, residual_steps=50, lambda_k=0.05)
    rates = {f"{p}_optimizer": keras.optimizers.Adam(2e-3, beta_1=0.5) for p in model.players()}
    model.compile(**rates)
    bars = np.where(np.arange(14) % 4 < 2, -1.0, 1.0).astype("float32")
    images = np.broadcast_to(bars[:, None, None], (8, *SHAPE)) * np.ones((8, 1, 1, 1), "float32")
    images[4:] = images[4:].transpose(0, 2, 1, 3)  # horizontal and vertical bars
    history = model.fit(images, batch_size=8, epochs=150, verbose=0).history
    assert history["m_global"][-1] < 0.5 * history["m_global"][0]
    assert 0.05 < max(history["k"]) < 1.0


def test_callbacks_can_monitor_m_global():
    model = tiny(seed=0)
    model.compile(run_eagerly=True)
    stop = keras.callbacks.EarlyStopping("m_global", min_delta=10.0, patience=2, mode="min")
    images = black(4)
    history = model.fit(images, batch_size=4, epochs=9, callbacks=[stop], verbose=0)
    assert len(history.history["m_global"]) == 3


# Bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"gamma": 0.0}, "gamma"),
        ({"gamma": -0.5}, "gamma"),
        ({"gamma": 1.01}, "gamma"),
        ({"gamma": float("nan")}, "gamma"),
        ({"gamma": "0.5"}, r"gamma is .* Received: gamma='0\.5'"),
        ({"gamma": None}, "gamma is"),
        ({"lambda_k": 0.0}, "lambda_k"),
        ({"lambda_k": -0.001}, "lambda_k"),
        ({"lambda_k": "0.1"}, "lambda_k must be a positive number"),
        ({"lambda_k": float("inf")}, "lambda_k"),
        ({"norm": 0}, "norm must be 1 or 2"),
        ({"norm": "l1"}, "norm must be 1 or 2"),
        ({"residual_steps": -1}, "residual_steps"),
        ({"residual_steps": 1.5}, "residual_steps"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(ValueError, match=words) as error:
        tiny(**arguments)
    assert "Received" in str(error.value)


def test_a_discriminator_that_gives_logits_is_named():
    logits = keras.Sequential([keras.Input(SHAPE), layers.Flatten(), layers.Dense(1)])
    with pytest.raises(ValueError, match="discriminator must return shape"):
        began.BEGAN(SHAPE, 4, generator=began.build_generator(4, SHAPE, 2), discriminator=logits)
