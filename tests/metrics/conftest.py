"""Extractors small enough that their features can be worked out by hand."""

import keras
import numpy as np
import pytest

from kerasgan import metrics


@pytest.fixture
def pixels():
    """The four pixels of a 2 x 2 grey as features."""
    network = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten()])
    return metrics.from_model(network, name="pixels")


@pytest.fixture
def tiny():
    """A random network on 4 x 4 greys: 6 features, 3 classes as logits."""
    network = keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(6, activation="tanh", name="features"),
            keras.layers.Dense(3, kernel_initializer="normal"),
        ]
    )
    return metrics.from_model(network, "features", name="tiny", classes="logits")


@pytest.fixture
def images():
    """Function (n, seed) -> n greys of 4 x 4 in [-1, 1]."""

    def draw(n, seed, shape=(4, 4, 1)):
        return np.random.default_rng(seed).uniform(-1, 1, (n, *shape)).astype("float32")

    return draw
