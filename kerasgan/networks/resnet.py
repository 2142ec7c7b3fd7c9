"""Residual generators and discriminators for small images: appendix B.4 of "Spectral Normalization
for GANs" (Miyato et al. 2018, https://arxiv.org/abs/1802.05957), which follows WGAN-GP's.

Pre-activation blocks with ReLU and 3x3 convolutions. The generator has BatchNorm, and nearest
upsampling before the first convolution of a block; the discriminator has spectrally normalised
layers and average pooling after the second. Weights from the authors' program: Glorot uniform, with
twice the variance on the residual path.
"""

import keras
from keras import layers

from kerasgan.layers import BatchNormalization, SpectralConv2D, SpectralDense
from kerasgan.networks.dcgan import base_and_doublings

_LAST_MAP = 8  # px of the discriminator's last map, at most


def build_generator(latent_dim=128, image_shape=(32, 32, 3), width=256, name="generator"):
    """A residual generator: a 4x4 (28 px: 7x7) map, one block for each doubling.

    Args:
        latent_dim: size of a latent.
        image_shape: (H, W, C) with H = W, 28 or a power of two from 8 to 1024.
        width: channels of every block.
        name: the network's name.

    Returns:
        A `keras.Model`: latents (batch, latent_dim) -> images (batch, H, W, C) in [-1, 1].

    Raises:
        ValueError: a size that repeated doubling doesn't reach.

    Example:
        >>> build_generator(16, (32, 32, 3), width=8).output_shape
        (None, 32, 32, 3)
    """
    base, doublings = base_and_doublings(image_shape)
    latents = keras.Input((latent_dim,), name="latents")
    x = layers.Dense(base * base * width)(latents)
    x = layers.Reshape((base, base, width))(x)  # (batch, base, base, width)
    for _ in range(doublings):
        x = _up_block(x, width)
    x = layers.ReLU()(BatchNormalization()(x))
    x = layers.Conv2D(image_shape[-1], 3, padding="same")(x)
    images = layers.Activation("tanh", dtype="float32", name="images")(x)
    return keras.Model(latents, images, name=name)


def build_discriminator(image_shape=(32, 32, 3), width=128, name="discriminator"):
    """A residual discriminator with spectral normalisation: blocks that halve the map down to 8x8
    (28 px: 7x7), two that don't, the sum over the map, one logit.

    Args:
        image_shape: (H, W, C) with H = W, 28 or a power of two from 8 to 1024.
        width: channels of every block.
        name: the network's name.

    Returns:
        A `keras.Model`: images (batch, H, W, C) -> logits (batch, 1).

    Raises:
        ValueError: a size that repeated halving doesn't bring to 7 or 8.

    Example:
        >>> build_discriminator((32, 32, 3), width=8).output_shape
        (None, 1)
    """
    base_and_doublings(image_shape)
    images = keras.Input(image_shape, name="images")
    x = _down_block(images, width, first=True)
    while x.shape[1] > _LAST_MAP:
        x = _down_block(x, width)
    for _ in range(2):
        y = _residual_path(layers.ReLU()(x), width)
        x = layers.Add()([y, x])
    x = layers.ReLU()(x)
    x = keras.ops.sum(keras.ops.cast(x, "float32"), axis=(1, 2))  # (batch, width)
    logits = SpectralDense(1, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name=name)


def _up_block(x, width):
    y = layers.UpSampling2D()(layers.ReLU()(BatchNormalization()(x)))
    y = layers.Conv2D(width, 3, padding="same", kernel_initializer=_residual())(y)
    y = layers.ReLU()(BatchNormalization()(y))
    y = layers.Conv2D(width, 3, padding="same", kernel_initializer=_residual())(y)
    # A 1x1 convolution and nearest upsampling commute; this order costs a quarter.
    shortcut = layers.UpSampling2D()(layers.Conv2D(width, 1)(x))
    return layers.Add()([y, shortcut])


def _down_block(x, width, first=False):
    """The first block has no ReLU before its path: images are no features yet."""
    y = layers.AveragePooling2D(2)(_residual_path(x if first else layers.ReLU()(x), width))
    # A 1x1 convolution and average pooling commute; this order costs a quarter.
    shortcut = SpectralConv2D(width, 1)(layers.AveragePooling2D(2)(x))
    return layers.Add()([y, shortcut])


def _residual_path(x, width):
    x = SpectralConv2D(width, 3, kernel_initializer=_residual())(x)
    return SpectralConv2D(width, 3, kernel_initializer=_residual())(layers.ReLU()(x))


def _residual():
    return keras.initializers.VarianceScaling(2.0, "fan_avg", "uniform")
