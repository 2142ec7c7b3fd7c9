"""Learning-rate schedules: rates by hand, saving, and what an optimizer does with them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.models import GAN, gan
from kerasgan.schedules import ConstantThenLinear


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 0.4), (99, 0.4), (100, 0.4), (101, 0.398), (150, 0.3), (299, 0.002), (300, 0.0), (999, 0)],
)
def test_rates_by_hand(step, rate):
    schedule = ConstantThenLinear(0.4, constant_steps=100, falling_steps=200)
    for kind in (int, np.int64, keras.ops.convert_to_tensor):
        np.testing.assert_allclose(float(schedule(kind(step))), rate, rtol=1e-5, atol=1e-8)


def test_it_may_fall_from_the_start():
    schedule = ConstantThenLinear(1.0, 0, 4)
    np.testing.assert_allclose([float(schedule(n)) for n in range(5)], [1, 0.75, 0.5, 0.25, 0])


def test_the_rate_is_exact_after_many_steps():
    """float32 counts steps exactly up to 2^24, beyond what the recipes come to."""
    schedule = ConstantThenLinear(2e-4, 8_000_000, 8_000_000)
    np.testing.assert_allclose(float(schedule(12_000_001)), 2e-4 * (0.5 - 1 / 8e6), rtol=1e-6)


def test_serialisation():
    schedule = ConstantThenLinear(0.25, 3, 5)
    config = keras.saving.serialize_keras_object(schedule)
    copy = keras.saving.deserialize_keras_object(config)
    assert isinstance(copy, ConstantThenLinear)
    assert copy.get_config() == {"rate": 0.25, "constant_steps": 3, "falling_steps": 5}


def test_an_optimizer_steps_by_the_rate():
    variable = keras.Variable([10.0])
    optimizer = keras.optimizers.SGD(ConstantThenLinear(1.0, 2, 4))
    optimizer.build([variable])
    for wanted in (9.0, 8.0, 7.0, 6.25, 5.75, 5.5, 5.5, 5.5):  # 1, 1, 1, 3/4, 1/2, 1/4, 0, 0
        optimizer.apply([keras.ops.ones(1)], [variable])
        np.testing.assert_allclose(variable.numpy(), [wanted], rtol=1e-6)


def test_a_saved_model_goes_on_with_the_rate_of_its_step(tmp_path):
    def make():
        keras.utils.set_random_seed(1)
        model = GAN(
            image_shape=(4, 4, 1),
            latent_dim=3,
            seed=5,
            generator=gan.build_generator(3, (4, 4, 1), units=(8,)),
            discriminator=gan.build_discriminator((4, 4, 1), units=(8,)),
        )
        rate = ConstantThenLinear(1e-2, constant_steps=2, falling_steps=6)
        model.compile(
            discriminator_optimizer=keras.optimizers.Adam(rate, beta_1=0.5),
            generator_optimizer=keras.optimizers.Adam(rate, beta_1=0.5),
        )
        return model

    images = np.random.default_rng(0).uniform(-1, 1, (20, 4, 4, 1)).astype("float32")
    batches = tf.data.Dataset.from_tensor_slices(images).batch(5)
    whole, half = make(), make()
    whole.fit(batches, epochs=2, verbose=0)
    half.fit(batches, epochs=1, verbose=0)
    half.save(tmp_path / "half.keras")
    again = keras.saving.load_model(tmp_path / "half.keras")
    for optimizer in again.optimizers.values():
        assert isinstance(optimizer._learning_rate, ConstantThenLinear)
        assert int(optimizer.iterations.numpy()) == 4
        np.testing.assert_allclose(float(optimizer.learning_rate), 1e-2 * 4 / 6, rtol=1e-5)
    again.fit(batches, epochs=1, verbose=0)
    for optimizer in again.optimizers.values():
        np.testing.assert_allclose(float(optimizer.learning_rate), 0.0, atol=1e-9)
    for one, other in zip(whole.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rate": 0.0}, "Received: rate=0.0"),
        ({"rate": float("nan")}, "Received: rate=nan"),
        ({"rate": "fast"}, "Received: rate='fast'"),
        ({"constant_steps": -1}, "Received: constant_steps=-1"),
        ({"falling_steps": 0}, "Received: falling_steps=0"),
        ({"falling_steps": 2.5}, "Received: falling_steps=2.5"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ConstantThenLinear(**{"rate": 0.1, "constant_steps": 1, "falling_steps": 1, **arguments})
