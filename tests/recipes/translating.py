"""Models whose translations are known, and pictures for them."""

import keras
import numpy as np
from PIL import Image

from kerasgan import models
from kerasgan.models import stargan
from kerasgan.networks.patch import build_patch_discriminator

SHAPE = (8, 8, 3)


def linear(sign, offset=0.0, channels=3, stride=1):
    """Images -> sign * images + offset."""
    images = keras.Input((None, None, channels))
    kernel = keras.initializers.Constant(sign * np.eye(channels)[np.newaxis, np.newaxis])
    layer = keras.layers.Conv2D(channels, 1, stride, kernel_initializer=kernel)
    x = layer(images)
    if stride > 1:
        x = keras.layers.UpSampling2D(stride)(x)
    layer.bias.assign([offset] * channels)
    return keras.Model(images, x)


def transparent_negative():
    """A CycleGAN of RGBA pictures; both ways turn all four channels into their negative."""
    networks = {f"generator_{way}": linear(-1.0, channels=4) for way in ("a_to_b", "b_to_a")}
    networks |= {
        f"discriminator_{d}": build_patch_discriminator((8, 8, 4), None, 2, 1) for d in "ab"
    }
    return models.CycleGAN(image_shape=(8, 8, 4), pool_size=0, **networks)


def two_ways(**generators):
    discriminators = {
        f"discriminator_{d}": build_patch_discriminator((8, 8, 3), None, 2, 1, None) for d in "ab"
    }
    return models.CycleGAN(image_shape=SHAPE, pool_size=0, **discriminators, **generators)


class Painted(keras.layers.Layer):
    """[images, domains] -> each channel as the domain of its number says, between -1 and 1."""

    def call(self, inputs):
        images, domains = inputs
        return images * 0.0 + (2.0 * domains[:, None, None, :] - 1.0)


def paints(exclusive):
    """A StarGAN with the domains red, green, blue."""
    inputs = [keras.Input((None, None, 3)), keras.Input((3,))]
    generator = keras.Model(inputs, Painted()(inputs))
    critic = stargan.build_critic(3, SHAPE, width=2)
    return models.StarGAN(3, exclusive, SHAPE, generator=generator, critic=critic)


def noise(height, width, channels=3, seed=0, dtype="uint8"):
    most = np.iinfo(dtype).max
    shape = (height, width, channels)
    return np.random.default_rng(seed).integers(0, most, shape, dtype, endpoint=True)


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(path, **options)


def read(path):
    with Image.open(path) as picture:
        assert picture.getexif().get(274, 1) == 1
        return np.asarray(picture)
