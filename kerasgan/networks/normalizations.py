"""Normalisation layers by the names that builders take, and DCGAN's initial weights."""

import keras
from keras import layers

from kerasgan.layers import BatchNormalization

_MAKERS = {
    "batch": BatchNormalization,
    # A group for each channel of each image: Ulyanov et al. 2016, https://arxiv.org/abs/1607.08022
    "instance": lambda: layers.GroupNormalization(groups=-1, epsilon=1e-5),
    "layer": lambda: layers.LayerNormalization(axis=(1, 2, 3)),
    None: None,
}


def check(normalization, any_size=False):
    """ValueError unless it is "batch", "instance", "layer" or None.

    A network for images of any size (`any_size`) has no "layer": that learns a scale and an offset
    for each pixel.
    """
    names = [name for name in _MAKERS if name != "layer" or not any_size]
    if normalization not in names:
        raise ValueError(
            f"normalization must be one of {names}. Received: normalization={normalization!r}"
        )


def normalized(x, normalization):
    """`x` after a new layer of that normalisation; None: `x` itself.

    Example:
        >>> normalized(keras.Input((8, 8, 3)), "instance").shape
        (None, 8, 8, 3)
    """
    check(normalization)
    return _MAKERS[normalization]()(x) if normalization else x


def initializer():
    """Kernels from N(0, 0.02), as in DCGAN, pix2pix and CycleGAN."""
    return keras.initializers.RandomNormal(stddev=0.02)
