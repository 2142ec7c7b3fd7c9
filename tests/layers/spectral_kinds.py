"""One layer of each spectrally normalised kind, and Keras' layer of that kind beside it."""

import keras
import numpy as np
import pytest

from kerasgan.layers import (
    SpectralConv2D,
    SpectralConv2DTranspose,
    SpectralDense,
    SpectralEmbedding,
)

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(2, 6, 6, 3)).astype("float32")
# Layer, its input, Keras' layer with the same arguments.
LAYERS = {
    "dense": (lambda: SpectralDense(5), IMAGES, lambda: keras.layers.Dense(5)),
    "conv": (
        lambda: SpectralConv2D(5, (3, 4), strides=2),
        IMAGES,
        lambda: keras.layers.Conv2D(5, (3, 4), 2, "same"),
    ),
    "valid": (
        lambda: SpectralConv2D(5, 3, padding="valid"),
        IMAGES,
        lambda: keras.layers.Conv2D(5, 3),
    ),
    "transpose": (
        lambda: SpectralConv2DTranspose(5, 4, strides=2),
        IMAGES,
        lambda: keras.layers.Conv2DTranspose(5, 4, 2, "same"),
    ),
    "embedding": (
        lambda: SpectralEmbedding(7, 5),
        np.array([[0, 6], [3, 3]]),
        lambda: keras.layers.Embedding(7, 5),
    ),
}
EACH = pytest.mark.parametrize("kind", LAYERS)


def built(kind):
    """A layer with a random bias, and its input."""
    make, inputs, _ = LAYERS[kind]
    layer = make()
    layer(inputs)
    if layer.use_bias:
        layer.bias.assign(RNG.normal(size=layer.bias.shape))
    return layer, inputs
