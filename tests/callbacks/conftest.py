"""A GAN small enough that a step takes a millisecond, on data with one order for all epochs."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.models import GAN, gan


@pytest.fixture(scope="session")
def make_model():
    """Function (learning_rate=..., units=...) -> the same model at each call."""

    def make(learning_rate=2e-4, units=8):
        keras.utils.set_random_seed(1)
        model = GAN(
            image_shape=(4, 4, 1),
            latent_dim=3,
            seed=5,
            generator=gan.build_generator(3, (4, 4, 1), units=(units,)),
            discriminator=gan.build_discriminator((4, 4, 1), units=(units,)),
        )
        model.compile(
            generator_optimizer=keras.optimizers.Adam(learning_rate),
            discriminator_optimizer=keras.optimizers.Adam(2 * learning_rate),
        )
        return model

    return make


@pytest.fixture(scope="session")
def dataset():
    """Five batches of four images, each pass in the same order."""
    images = np.random.default_rng(0).uniform(-1, 1, (20, 4, 4, 1)).astype("float32")
    return tf.data.Dataset.from_tensor_slices(images).batch(4, drop_remainder=True)


@pytest.fixture(scope="session")
def real():
    """200 images that differ."""
    images = np.random.default_rng(0).normal(0.3, 1.0, (200, 4, 4, 1))
    return np.tanh(images).astype("float32")


@pytest.fixture(scope="session")
def ring():
    """400 points of 8 modes, as many to each."""
    random = np.random.default_rng(0)
    angles = random.permutation(400) % 8 * math.pi / 4
    points = np.stack([np.cos(angles), np.sin(angles)], -1) + random.normal(0.0, 0.01, (400, 2))
    return points.astype("float32")


class Killed(BaseException):
    """What `Kill` raises: nothing handles it, as nothing handles kill -9."""


class Kill(keras.callbacks.Callback):
    """Ends the process, so to speak, once the model has done so many steps."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.step_counter.numpy()) >= self.step:
            raise Killed


@pytest.fixture(scope="session")
def kill_at():
    """Function (fit, step): calls fit(callback) and swallows the kill."""

    def kill(fit, step):
        with pytest.raises(Killed):
            fit(Kill(step))

    return kill


@pytest.fixture(scope="session")
def assert_same():
    """Asserts that two models are equal bit for bit, optimizers and counters included."""

    def check(one, other):
        variables = [
            [*m.weights, *(v for o in m.optimizers.values() for v in o.variables)]
            for m in (one, other)
        ]
        assert len(variables[0]) == len(variables[1]) > 20
        for a, b in zip(*variables):
            np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.path)

    return check
