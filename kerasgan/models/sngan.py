"""Spectral Normalization for Generative Adversarial Networks, Miyato et al. 2018,
https://arxiv.org/abs/1802.05957

What is reproduced: algorithm 1 (`kerasgan.layers.spectral_norm`), the hinge loss (equations 16 and
17), and the paper's best setting on CIFAR-10: Adam(2e-4, beta_1 = 0, beta_2 = 0.9), five updates of
the discriminator, each on a fresh batch, for one of the generator, latents of 128 from N(0, 1). The
networks of appendix B: the "standard CNN" of table 3 (`build_generator`, `build_discriminator`; the
paper's width is 64), and the ResNet of table 4 (`build_paper_generator`, ...).

Departures, and why:
- The default networks are the CNN at a quarter of the paper's width, and for 28 px two doublings
  from 7x7: the six updates of a step take 140 ms (batch 64, two CPU cores).
- One power iteration per update, not per call: real and fake images see the same kernel.
- The generator's batch is as large as the discriminator's; the authors' program takes twice that.
- The learning rate is constant; the authors' program lets it fall to 0 linearly over the run.
- Samples come from an exponential moving average of the generator.
"""

import keras
from keras import layers

from kerasgan import checks, optimizers
from kerasgan.layers import BatchNormalization, SpectralConv2D, SpectralDense
from kerasgan.models.gan import GAN
from kerasgan.networks import resnet
from kerasgan.networks.dcgan import base_and_doublings


def build_generator(latent_dim=128, image_shape=(28, 28, 1), width=16):
    """Table 3's generator: transposed 4x4 convolutions of stride 2 with BatchNorm and ReLU.

    Args:
        latent_dim: size of a latent.
        image_shape: (H, W, C) with H = W, 28 or a power of two from 8 to 1024.
        width: channels of the last hidden map; each map before it has twice as many.

    Returns:
        A `keras.Model`: latents (batch, latent_dim) -> images (batch, H, W, C) in [-1, 1].

    Raises:
        ValueError: a size that repeated doubling doesn't reach.
    """
    base, doublings = base_and_doublings(image_shape)
    channels = width * 2**doublings
    latents = keras.Input((latent_dim,), name="latents")
    x = layers.Dense(base * base * channels, kernel_initializer=_normal())(latents)
    x = layers.Reshape((base, base, channels))(x)  # (batch, base, base, channels)
    x = layers.ReLU()(BatchNormalization()(x))
    for _ in range(doublings):
        channels //= 2
        x = layers.Conv2DTranspose(channels, 4, 2, "same", kernel_initializer=_normal())(x)
        x = layers.ReLU()(BatchNormalization()(x))
    x = layers.Conv2D(image_shape[-1], 3, padding="same", kernel_initializer=_normal())(x)
    images = layers.Activation("tanh", dtype="float32", name="images")(x)
    return keras.Model(latents, images, name="generator")


def build_discriminator(image_shape=(28, 28, 1), width=16):
    """Table 3's discriminator: a 3x3 convolution and a 4x4 one of stride 2 at each size, LeakyReLU
    0.1, all spectrally normalised.

    Args:
        image_shape: (H, W, C) with H = W, 28 or a power of two from 8 to 1024.
        width: channels at the image's size; each size after it has twice as many.

    Returns:
        A `keras.Model`: images (batch, H, W, C) -> logits (batch, 1).

    Raises:
        ValueError: a size that repeated halving doesn't bring to 4 or 7.
    """
    _, halvings = base_and_doublings(image_shape)
    images = keras.Input(image_shape, name="images")
    x = images
    for i in range(halvings):
        for kernel_size, strides in ((3, 1), (4, 2)):
            x = SpectralConv2D(width * 2**i, kernel_size, strides, kernel_initializer=_normal())(x)
            x = layers.LeakyReLU(0.1)(x)
    x = SpectralConv2D(width * 2**halvings, 3, kernel_initializer=_normal())(x)
    x = layers.Flatten()(layers.LeakyReLU(0.1)(x))
    logits = SpectralDense(1, kernel_initializer=_normal(), dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="discriminator")


def build_paper_generator(latent_dim=128, image_shape=(32, 32, 3)):
    """Table 4's generator: residual blocks of 256 channels."""
    return resnet.build_generator(latent_dim, image_shape, width=256)


def build_paper_discriminator(image_shape=(32, 32, 3)):
    """Table 4's discriminator: residual blocks of 128 channels."""
    return resnet.build_discriminator(image_shape, width=128)


@keras.saving.register_keras_serializable("kerasgan")
class SNGAN(GAN):
    """A GAN whose discriminator is held to a Lipschitz bound by spectral normalisation.

    Logs and sampling are those of `GAN`. In networks of your own, too, the `Spectral...` layers of
    `kerasgan.layers` are advanced after each update.

    Args:
        image_shape: (H, W, C) of the images, float32 in [-1, 1]; or (D,) for points in D
            dimensions, of any range, with networks of your own.
        latent_dim: size of a latent, drawn from N(0, 1).
        loss: name or object of `kerasgan.losses`.
        critic_steps: updates of the discriminator, each on a fresh batch, for one of the generator
            (the paper's n_dis). A step of training takes as many batches.
        generator: `keras.Model`, latents (batch, latent_dim) -> images; None builds the default.
        discriminator: `keras.Model`, images -> logits of any rank; None builds the default.
        **kwargs: `reuse_fakes`: see `GAN`; `ema_decay`, `seed`, `name`, `dtype`: see
            `AdversarialModel`.

    Raises:
        ValueError: an unknown loss; critic_steps not a positive integer; networks whose shapes
            don't fit each other.

    Example:
        >>> import numpy as np
        >>> model = SNGAN(image_shape=(8, 8, 1), critic_steps=2, seed=0)
        >>> history = model.fit(np.zeros((8, 8, 8, 1), "float32") - 1, batch_size=4, verbose=0)
        >>> model.generate(2, seed=0).shape
        (2, 8, 8, 1)
    """

    def __init__(
        self,
        image_shape=(28, 28, 1),
        latent_dim=128,
        loss="hinge",
        critic_steps=5,
        generator=None,
        discriminator=None,
        **kwargs,
    ):
        critic_steps = checks.positive(critic_steps=critic_steps)
        super().__init__(image_shape, latent_dim, loss, generator, discriminator, **kwargs)
        self.critic_steps = critic_steps

    @property
    def batches_per_step(self):
        """One for each update of the discriminator."""
        return self.critic_steps

    def build_generator(self):
        """Table 3's generator at this image's size, a quarter as wide."""
        return build_generator(self.latent_dim, self.image_shape)

    def build_discriminator(self):
        """Table 3's discriminator at this image's size, a quarter as wide."""
        return build_discriminator(self.image_shape)

    def default_optimizers(self):
        """Adam(2e-4, beta_1 = 0, beta_2 = 0.9) for both."""
        return {p: optimizers.Adam(2e-4, beta_1=0.0, beta_2=0.9) for p in self.players()}

    def train_step(self, data):
        """`critic_steps` updates of the discriminator, then one of the generator."""
        for real_images in self.unpack_batches(data):
            fake_images, tape = self.fakes(real_images)
            self.update("discriminator", self.discriminator_loss, real_images, fake_images)
        if not self.reuse_fakes:
            fake_images, tape = self.fakes(real_images)
        self.update("generator", self.generator_loss, real_images, fake_images, tape=tape)
        return self.finish_step()


def _normal():
    return keras.initializers.RandomNormal(stddev=0.02)
