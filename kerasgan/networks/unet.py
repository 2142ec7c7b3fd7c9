"""The U-Net generator of pix2pix (Isola et al. 2017, section 6.1.1), which DualGAN uses too."""

import keras
from keras import layers

from kerasgan import checks
from kerasgan.layers import Conv2D, Conv2DTranspose, NoiseDropout
from kerasgan.networks import normalizations
from kerasgan.networks.normalizations import initializer, normalized

_DEEPEST = 8  # halvings; the paper's number, which takes 256 px to 1 px
_NOISY = 3  # innermost decoder maps with dropout


def build_unet(
    image_shape=(256, 256, 3),
    channels=None,
    width=64,
    normalization="instance",
    dropout=0.5,
    name="generator",
):
    """Halves the image down to 1 px, doubles it up again; skips join maps of equal size.

    Every map down is a 4x4 convolution of stride 2 with LeakyReLU 0.2, every map up a transposed
    one with ReLU; 1, 2, 4, then 8 times `width` channels. The first map and the innermost have no
    normalisation: the innermost has one pixel, which an instance's statistics would set to zero.
    Dropout in the three innermost maps of the decoder is the noise; its seeds are an input.

    Args:
        image_shape: (H, W, C); the number of halvings is the greatest that H and W allow, 8 at
            most. The network itself takes any multiple of 2 to that power.
        channels: of the output; None: as the input.
        width: channels of the first map.
        normalization: "instance", "batch" or None.
        dropout: rate in [0, 1).
        name: the network's name.

    Returns:
        A `keras.Model`: [images (batch, H, W, C), seeds (batch, 2), integers] -> images
        (batch, H, W, channels) in [-1, 1].

    Raises:
        ValueError: a size that can't be halved; an unknown normalisation; a rate out of range.

    Example:
        >>> build_unet((32, 32, 3), width=4).output_shape
        (None, None, None, 3)
    """
    image_shape = checks.image_shape(image_shape)
    normalizations.check(normalization, any_size=True)
    halvings = _halvings(image_shape)
    images = keras.Input((None, None, image_shape[-1]), name="images")
    seeds = keras.Input((2,), dtype="int64", name="seeds")
    widths = [width * min(2**level, 8) for level in range(halvings)]

    x, skips = images, []
    for level, units in enumerate(widths):
        chosen = normalization if 0 < level < halvings - 1 else None
        x = layers.LeakyReLU(0.2)(x) if level else x
        x = Conv2D(units, 4, 2, "same", use_bias=not chosen, kernel_initializer=initializer())(x)
        x = normalized(x, chosen)
        skips.append(x)  # level 0: (batch, H / 2, W / 2, width)
    for level in reversed(range(halvings - 1)):
        x = Conv2DTranspose(
            widths[level], 4, 2, "same", use_bias=not normalization,
            kernel_initializer=initializer(),
        )(layers.ReLU()(x))  # fmt: skip
        x = normalized(x, normalization)
        depth = halvings - 2 - level  # 0: innermost
        if depth < _NOISY and dropout:
            x = NoiseDropout(dropout, salt=depth)([x, seeds])
        x = layers.Concatenate()([x, skips[level]])
    x = Conv2DTranspose(
        channels or image_shape[-1], 4, 2, "same", kernel_initializer=initializer()
    )(layers.ReLU()(x))
    translated = layers.Activation("tanh", dtype="float32", name="translated")(x)
    return keras.Model([images, seeds], translated, name=name)


def _halvings(image_shape):
    height, width, _ = image_shape
    halvings = 0
    while halvings < _DEEPEST and height % 2 ** (halvings + 1) == width % 2 ** (halvings + 1) == 0:
        halvings += 1
    if halvings < 2:
        raise ValueError(
            "A U-Net halves the image repeatedly, so height and width must be multiples of 4 at "
            f"least; powers of two are best. Received: image_shape={image_shape}"
        )
    return halvings
