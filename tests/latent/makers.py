"""Small generators whose latents are known: what the tools find can be worked out by hand."""

import keras
import numpy as np
import tensorflow as tf

from kerasgan import latent
from kerasgan.models import GAN

SHAPE = (4, 4, 1)


class Made:
    """What `Space` asks of a model, around a function of tensors."""

    def __init__(self, function, latent_dim, image_shape, distribution="normal"):
        self.latent_dim, self.image_shape = latent_dim, image_shape
        self.latent_distribution = distribution
        self.images_from = function


def of_function(function, latent_dim, image_shape, distribution="normal", num_classes=None):
    """The space of images = function(latents), or of function(latents, labels)."""
    made = Made(function, latent_dim, image_shape, distribution)
    made.num_classes = num_classes
    return latent.Space(made)


def of_pixels(function, latent_dim=1, pixels=2, distribution="normal"):
    """The space of images (1, pixels, 1) whose pixels are function(latents), (n, pixels)."""

    def images_from(latents):
        return tf.reshape(function(latents), [-1, 1, pixels, 1])

    return of_function(images_from, latent_dim, (1, pixels, 1), distribution)


def orthogonal(rows, columns, seed):
    """A matrix whose columns are unit vectors at right angles."""
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(rows, columns)))[0]


def of_generator(generator, num_classes=None):
    """The space of a generator alone, latents or [latents, labels] -> images."""
    shape = generator.outputs[0].shape[1:]
    ways = {
        True: lambda latents: generator(latents),
        False: lambda latents, labels: generator([latents, labels]),
    }
    made = Made(ways[num_classes is None], generator.inputs[0].shape[1], shape)
    made.num_classes, made.ema_generator = num_classes, generator
    return latent.Space(made)


def linear_gan(kernel, second=None, image_shape=SHAPE, bias=0.0):
    """A GAN whose generator is z @ kernel + bias, through `second` after a ReLU if there is one."""
    inputs = keras.Input((kernel.shape[0],), name="latents")
    first = keras.layers.Dense(kernel.shape[1], name="first")
    x = first(inputs)
    if second is not None:
        last = keras.layers.Dense(second.shape[1], use_bias=False, name="last")
        x = last(keras.layers.ReLU(name="rectified")(x))
        last.set_weights([second])
    first.set_weights([kernel, np.full(kernel.shape[1], bias)])
    generator = keras.Model(inputs, keras.layers.Reshape(image_shape)(x))
    images = keras.Input(image_shape)
    judge = keras.Model(images, keras.layers.Dense(1)(keras.layers.Flatten()(images)))
    return GAN(image_shape, kernel.shape[0], generator=generator, discriminator=judge, seed=0)
