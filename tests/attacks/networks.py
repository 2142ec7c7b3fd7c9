"""Classifiers that can be computed by hand, and small ones that can't."""

import keras
import numpy as np
from keras import layers

SHAPE = (2, 3, 1)
WEIGHTS = np.array([0.5, -1.0, 2.0, 0.25, -0.75, 1.5], "float32")  # of class 1 against class 0


class Opaque(keras.Model):
    """Hides what a model returns."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def call(self, images):
        return self.model(images)


def linear(weights=WEIGHTS, bias=0.0, shape=SHAPE, **dense):
    """Logits [0, w x + b]: for class 0, J = log(1 + exp(w x + b))."""
    kernel = np.stack([np.zeros_like(weights), weights], axis=1)
    model = keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(2, **dense)])
    model.set_weights([kernel, np.array([0.0, bias])])
    return model


def small(classes=3, shape=(4, 4, 1), activation=None, dtype=None):
    """A perceptron of random weights, curved enough that one step isn't all."""
    return keras.Sequential(
        [
            keras.Input(shape, dtype=dtype),
            layers.Flatten(dtype=dtype),
            layers.Dense(12, "tanh", kernel_initializer="random_normal", dtype=dtype),
            layers.Dense(classes, activation, kernel_initializer="glorot_normal", dtype=dtype),
        ]
    )


def images_of(n, shape=(4, 4, 1), value_range=(-1.0, 1.0), seed=0):
    """Random images, one in four of their pixels black or white."""
    low, high = value_range
    draws = np.random.default_rng(seed).uniform(-0.125, 1.125, (n, *shape)).clip(0, 1)
    return (low + (high - low) * draws).astype("float32").clip(low, high)
