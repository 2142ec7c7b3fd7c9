"""Generative Adversarial Nets, Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661

What is reproduced: algorithm 1 with k = 1, both generator objectives of section 3 (minimax, and
the non-saturating one, our default as it is the paper's choice in practice), multilayer
perceptrons, and the paper's maxout discriminator with dropout as `build_paper_discriminator`.

Departures, and why:
- The default networks are LeakyReLU perceptrons with Adam(2e-4, beta_1=0.5) instead of maxout with
  momentum SGD: they train reliably in minutes.
- Latents are normal, not uniform: interpolation and truncation are defined for it.
- Images in [-1, 1] from tanh, not [0, 1] from a sigmoid: the range of the whole zoo.
- Samples come from an exponential moving average of the generator.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from kerasgan import checks, losses, optimizers
from kerasgan.layers import Dropout, Maxout
from kerasgan.losses import penalties
from kerasgan.models.unconditional import UnconditionalModel


def build_generator(latent_dim=100, image_shape=(28, 28, 1), units=(256, 512, 1024)):
    """A perceptron with LeakyReLU 0.2: latents (batch, latent_dim) -> images in [-1, 1]."""
    latents = keras.Input((latent_dim,), name="latents")
    x = latents
    for width in units:
        x = layers.LeakyReLU(0.2)(layers.Dense(width)(x))
    x = layers.Dense(int(np.prod(image_shape)), activation="tanh", dtype="float32")(x)
    images = layers.Reshape(image_shape, dtype="float32", name="images")(x)
    return keras.Model(latents, images, name="generator")


def build_discriminator(image_shape=(28, 28, 1), units=(512, 256), dropout=0.3):
    """A perceptron with LeakyReLU 0.2 and dropout: images -> logits (batch, 1)."""
    images = keras.Input(image_shape, name="images")
    x = layers.Flatten()(images)
    for width in units:
        x = layers.LeakyReLU(0.2)(layers.Dense(width)(x))
        x = Dropout(dropout)(x)
    logits = layers.Dense(1, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="discriminator")


def build_paper_generator(latent_dim=100, image_shape=(28, 28, 1)):
    """The MNIST generator of the authors' program: two layers of 1200 ReLU units."""
    latents = keras.Input((latent_dim,), name="latents")
    x = layers.Dense(1200, activation="relu")(latents)
    x = layers.Dense(1200, activation="relu")(x)
    x = layers.Dense(int(np.prod(image_shape)), activation="tanh", dtype="float32")(x)
    images = layers.Reshape(image_shape, dtype="float32", name="images")(x)
    return keras.Model(latents, images, name="generator")


def build_paper_discriminator(image_shape=(28, 28, 1)):
    """The authors' MNIST discriminator: two maxout layers of 240 units, 5 pieces; dropout."""
    images = keras.Input(image_shape, name="images")
    x = Dropout(0.2)(layers.Flatten()(images))
    x = Dropout(0.5)(Maxout(240, 5)(x))
    x = Dropout(0.5)(Maxout(240, 5)(x))
    logits = layers.Dense(1, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="discriminator")


@keras.saving.register_keras_serializable("kerasgan")
class GAN(UnconditionalModel):
    """The original GAN: a generator against a discriminator, one update each per step.

    Logs `discriminator_real`, `discriminator_fake`, `discriminator_loss`,
    `generator_adversarial`, `generator_loss` (relativistic losses: `discriminator_relativistic`).

    Args:
        image_shape: (H, W, C) of the images, float32 in [-1, 1]; or (D,) for points in D
            dimensions, of any range, with networks of your own.
        latent_dim: size of a latent, drawn from N(0, 1).
        loss: name or object of `kerasgan.losses`: "minimax", "non_saturating", "least_squares",
            "wasserstein", "hinge", "relativistic", "relativistic_average".
        generator: `keras.Model`, latents (batch, latent_dim) -> images; None builds the default.
        discriminator: `keras.Model`, images -> logits of any rank; None builds the default.
        r1_weight: weight (gamma) of the penalty on the discriminator's gradient at real images,
            0 or more; logged as `discriminator_r1` where it is positive (Mescheder et al. 2018).
        r2_weight: the same at fakes, logged as `discriminator_r2`.
        reuse_fakes: True: the generator learns from the fakes that the discriminator has just
            learnt from, a forward pass less; False: from fresh ones, as in algorithm 1.
        **kwargs: `ema_decay`, `seed`, `name`, `dtype`: see `AdversarialModel`.

    Raises:
        ValueError: an unknown loss; a negative weight; networks whose shapes don't fit each other.

    Example:
        >>> model = GAN(image_shape=(8, 8, 1), latent_dim=4, seed=0)
        >>> history = model.fit(np.zeros((8, 8, 8, 1), "float32") - 1, batch_size=4, verbose=0)
        >>> model.generate(2, seed=0).shape
        (2, 8, 8, 1)
    """

    def __init__(
        self,
        image_shape=(28, 28, 1),
        latent_dim=100,
        loss="non_saturating",
        generator=None,
        discriminator=None,
        r1_weight=0.0,
        r2_weight=0.0,
        reuse_fakes=False,
        **kwargs,
    ):
        super().__init__(image_shape, latent_dim, generator, **kwargs)
        self.loss = losses.get(loss)
        self.r1_weight = checks.not_negative(r1_weight=r1_weight)
        self.r2_weight = checks.not_negative(r2_weight=r2_weight)
        self.reuse_fakes = checks.flag(reuse_fakes=reuse_fakes)
        self.discriminator = discriminator or self.build_discriminator()
        checks.network("discriminator", self.discriminator, [self.image_shape])
        self.set_up()

    def build_generator(self):
        """This family's default generator."""
        return build_generator(self.latent_dim, self.image_shape)

    def build_discriminator(self):
        """This family's default discriminator."""
        return build_discriminator(self.image_shape)

    def players(self):
        """The two of the paper."""
        return {"discriminator": [self.discriminator], "generator": [self.generator]}

    def default_optimizers(self):
        """Adam(2e-4, beta_1 = 0.5) for both."""
        return {p: optimizers.Adam(2e-4, beta_1=0.5) for p in self.players()}

    # Algorithm 1 --------------------------------------------------------------------------

    def train_step(self, data):
        """One update of the discriminator, then one of the generator."""
        real_images = self.unpack(data)
        fake_images, tape = self.fakes(real_images)
        self.update("discriminator", self.discriminator_loss, real_images, fake_images)
        if not self.reuse_fakes:
            fake_images, tape = self.fakes(real_images)
        self.update("generator", self.generator_loss, real_images, fake_images, tape=tape)
        return self.finish_step()

    def fakes(self, real_images):
        """As many fakes, and the tape that knows how they were made."""
        with tf.GradientTape() as tape:
            fake_images = self.generator(self.draw_latents(real_images), training=True)
        return fake_images, tape

    def discriminator_loss(self, real_images, fake_images):
        """Tell real images from fakes."""
        real_logits, fake_logits = self.judge(real_images), self.judge(fake_images)
        terms = self.loss.discriminator(real_logits, fake_logits)
        if self.r1_weight:
            terms["r1"] = self.r1_weight * penalties.r1(self.judge, real_images)
        if self.r2_weight:
            terms["r2"] = self.r2_weight * penalties.r2(self.judge, fake_images)
        return terms

    def judge(self, images):
        """The discriminator's logits in training."""
        return self.discriminator(images, training=True)

    def generator_loss(self, real_images, fake_images):
        """Have fakes taken for real; only relativistic losses look at the real images."""
        fake_logits = self.judge(fake_images)
        if not self.loss.needs_real_logits:
            return {"adversarial": self.loss.generator(fake_logits)}
        real_logits = self.judge(real_images)
        return {"adversarial": self.loss.generator(fake_logits, real_logits)}
