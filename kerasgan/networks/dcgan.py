"""Convolutional generators and discriminators after DCGAN (Radford et al. 2016), for 28 px and any
power of two from 8 px up.

Both follow the paper's rules: strided convolutions instead of pooling, no fully connected hidden
layer, BatchNorm everywhere but at the generator's output and the discriminator's input, ReLU and
tanh in the generator, LeakyReLU 0.2 in the discriminator, weights from N(0, 0.02).
"""

import keras
from keras import layers

from kerasgan.layers import BatchNormalization, Conv2D, Conv2DTranspose
from kerasgan.networks import normalizations
from kerasgan.networks.normalizations import initializer, normalized

_LARGEST = 1024  # px; beyond it these networks no longer train


def build_generator(latent_dim=100, image_shape=(28, 28, 1), width=64, name="generator"):
    """A DCGAN generator: a 4x4 (28 px: 7x7) map, doubled by transposed 5x5 convolutions.

    Args:
        latent_dim: size of a latent.
        image_shape: (H, W, C) with H = W, 28 or a power of two from 8 to 1024.
        width: channels of the last hidden map; each map before it has twice as many.
        name: the network's name.

    Returns:
        A `keras.Model`: latents (batch, latent_dim) -> images (batch, H, W, C) in [-1, 1].

    Raises:
        ValueError: a size that repeated doubling doesn't reach.

    Example:
        >>> build_generator(64, (32, 32, 3), width=16).output_shape
        (None, 32, 32, 3)
    """
    latents = keras.Input((latent_dim,), name="latents")
    images = generator_trunk(latents, image_shape, width)
    return keras.Model(latents, images, name=name)


def build_discriminator(
    image_shape=(28, 28, 1), width=64, normalization="batch", name="discriminator"
):
    """A DCGAN discriminator: 5x5 convolutions of stride 2 down to 4x4 (28 px: 7x7), one logit.

    Args:
        image_shape: (H, W, C) with H = W, 28 or a power of two from 8 to 1024.
        width: channels of the first map; each map after it has twice as many.
        normalization: "batch" (the paper's), "layer" (over each image), "instance" (over each
            channel of each image), or None.
        name: the network's name.

    Returns:
        A `keras.Model`: images (batch, H, W, C) -> logits (batch, 1).

    Raises:
        ValueError: a size that repeated halving doesn't bring to 4 or 7.

    Example:
        >>> build_discriminator((64, 64, 3), width=8).output_shape
        (None, 1)
    """
    images = keras.Input(image_shape, name="images")
    logits = discriminator_trunk(images, image_shape, width, normalization)
    return keras.Model(images, logits, name=name)


def build_paper_generator(latent_dim=100, image_shape=(64, 64, 3)):
    """The paper's generator (figure 1): 4x4x1024, 512, 256, 128 channels, then a 64-px image."""
    return build_generator(latent_dim, image_shape, width=128)


def build_paper_discriminator(image_shape=(64, 64, 3)):
    """The discriminator that mirrors the paper's generator: 128 to 1024 channels."""
    return build_discriminator(image_shape, width=128)


def generator_trunk(features, image_shape, width):
    """The generator from a vector of features (latents, with a label or not) to the image."""
    base, doublings = base_and_doublings(image_shape)
    channels = width * 2 ** (doublings - 1)
    x = layers.Dense(base * base * channels, use_bias=False, kernel_initializer=initializer())(
        features
    )
    x = layers.Reshape((base, base, channels))(x)  # (batch, base, base, channels)
    x = layers.ReLU()(BatchNormalization()(x))
    for _ in range(doublings - 1):
        channels //= 2
        x = Conv2DTranspose(
            channels, 5, 2, "same", use_bias=False, kernel_initializer=initializer()
        )(x)
        x = layers.ReLU()(BatchNormalization()(x))
    x = Conv2DTranspose(image_shape[-1], 5, 2, "same", kernel_initializer=initializer())(x)
    return layers.Activation("tanh", dtype="float32", name="images")(x)


def discriminator_trunk(x, image_shape, width, normalization="batch"):
    """The discriminator from a map at the image's size to one logit."""
    normalizations.check(normalization)
    _, halvings = base_and_doublings(image_shape)
    for i in range(halvings):
        chosen = normalization if i > 0 else None
        x = Conv2D(
            width * 2**i, 5, 2, "same", use_bias=not chosen, kernel_initializer=initializer()
        )(x)
        x = layers.LeakyReLU(0.2)(normalized(x, chosen))
    x = layers.Flatten()(x)
    return layers.Dense(1, kernel_initializer=initializer(), dtype="float32", name="logits")(x)


def base_and_doublings(image_shape):
    """(side of the smallest map, doublings from there to the image's size); ValueError else."""
    if len(image_shape) != 3 or image_shape[0] != image_shape[1]:
        raise ValueError(
            f"image_shape must be (H, W, C) with H = W. Received: image_shape={image_shape}"
        )
    size = image_shape[0]
    if size == 28:
        return 7, 2
    if not 8 <= size <= _LARGEST or size & (size - 1):
        raise ValueError(
            "The size of an image must be 28 or a power of two from 8 to 1024; resize the images "
            f"(kerasgan.data takes image_size=). Received: image_shape={image_shape}"
        )
    return 4, size.bit_length() - 3
