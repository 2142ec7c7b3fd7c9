"""The PatchGAN discriminator of pix2pix (Isola et al. 2017, section 6.1.2): a logit for each patch,
so that it judges texture; used by CycleGAN and DualGAN too.
"""

import keras
from keras import layers

from kerasgan import checks
from kerasgan.networks import normalizations
from kerasgan.networks.normalizations import initializer, normalized


def build_patch_discriminator(
    image_shape=(256, 256, 3),
    condition_shape=None,
    width=64,
    halvings=3,
    normalization="instance",
    name="discriminator",
):
    """C64-C128-C256-C512 and a last convolution to one channel: 4x4 kernels, LeakyReLU 0.2.

    The first `halvings` convolutions have stride 2, the next two stride 1. A logit sees 70x70 px
    with 3 halvings, 34x34 with 2, 16x16 with 1. The first convolution has no normalisation.

    Args:
        image_shape: (H, W, C) of the images judged, at least 2 to the power (halvings + 2) px.
        condition_shape: (H, W, C) of the images that they were made from, a first input; None:
            none.
        width: channels of the first map; doubled by each next one, 8 times at most.
        halvings: convolutions of stride 2.
        normalization: "instance", "batch", "layer" or None.
        name: the network's name.

    Returns:
        A `keras.Model`: images, or [conditions, images] -> logits (batch, h, w, 1); 30x30 of
        them at 256 px with 3 halvings, as in the authors' program.

    Raises:
        ValueError: images too small; an unknown normalisation.

    Example:
        >>> build_patch_discriminator((256, 256, 3), width=4).output_shape
        (None, 30, 30, 1)
    """
    image_shape = checks.image_shape(image_shape)
    normalizations.check(normalization)
    least = 2 ** (checks.positive(halvings=halvings) + 2)
    if min(image_shape[:2]) < least:
        raise ValueError(
            f"A patch discriminator with {halvings} halvings needs images of {least} px at least; "
            f"use fewer halvings. Received: image_shape={image_shape}"
        )
    images = keras.Input(image_shape, name="images")
    inputs = [images]
    if condition_shape is not None:
        inputs.insert(0, keras.Input(checks.image_shape(condition_shape), name="conditions"))
    x = layers.Concatenate()(inputs) if len(inputs) > 1 else images
    for level in range(halvings + 1):
        chosen = normalization if level else None
        x = layers.ZeroPadding2D(1)(x)
        x = layers.Conv2D(
            width * min(2**level, 8), 4, 2 if level < halvings else 1,
            use_bias=not chosen, kernel_initializer=initializer(),
        )(x)  # fmt: skip
        x = layers.LeakyReLU(0.2)(normalized(x, chosen))
    x = layers.ZeroPadding2D(1)(x)
    logits = layers.Conv2D(1, 4, kernel_initializer=initializer(), dtype="float32", name="logits")
    return keras.Model(inputs if len(inputs) > 1 else images, logits(x), name=name)
