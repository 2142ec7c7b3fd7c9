"""Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks, Zhu, Park,
Isola, Efros 2017, https://arxiv.org/abs/1703.10593

What is reproduced: the full objective (equations 1 to 3) with least squares, cycle weight 10 and
the identity loss of section 5.2; residual generators with instance normalisation and reflection
padding (9 blocks from 256 px on, 6 below; appendix), 70x70 patch discriminators, a pool of 50
earlier fakes for each discriminator, one Adam(2e-4, beta_1=0.5) for both generators and one for
both discriminators, batch 1. `recipes/cyclegan_horse2zebra.py` adds the learning rate, constant
and then falling to zero.

Departures, and why:
- The zoo's least squares have LSGAN's factor 1/2 and the paper's have not: `adversarial_weight` is
  2, so that the generators' terms keep the paper's proportions. (A discriminator's loss may have
  any scale under Adam.)
- The identity loss, which section 5.2 adds for paintings, is on by default, as in the authors'
  PyTorch program.
- The recipe's rate falls with each update, not each epoch: Keras' schedules count updates.
- Fakes for the discriminators are made anew after the generators' update, not kept from before it.
- Translations come from exponential moving averages of the generators, as everywhere in the zoo.
"""

import keras
import tensorflow as tf
from keras import layers

from kerasgan import checks, losses, optimizers
from kerasgan.layers import ImagePool, ReflectionPadding2D
from kerasgan.models.two_domains import TwoDomainModel, mean_absolute_error
from kerasgan.networks import normalizations
from kerasgan.networks.normalizations import initializer, normalized
from kerasgan.networks.patch import build_patch_discriminator


def build_generator(
    image_shape=(256, 256, 3), width=64, blocks=None, normalization="instance", name="generator"
):
    """c7s1-64, d128, d256, R256 x `blocks`, u128, u64, c7s1-3 (appendix 7.2).

    Args:
        image_shape: (H, W, C); the network itself takes any multiple of 4.
        width: channels next to the image.
        blocks: residual blocks; None: 9 from 256 px on, else 6.
        normalization: "instance", "batch" or None.
        name: the network's name.

    Returns:
        A `keras.Model`: images (batch, H, W, C) -> images (batch, H, W, C) in [-1, 1].

    Raises:
        ValueError: height or width no multiple of 4; an unknown normalisation.

    Example:
        >>> build_generator((64, 64, 3), width=8).output_shape
        (None, None, None, 3)
    """
    channels = checks.image_shape(image_shape, multiple=4)[-1]
    normalizations.check(normalization, any_size=True)
    if blocks is None:
        blocks = 9 if min(image_shape[:2]) >= 256 else 6
    bias = normalization is None

    def finished(x):
        return layers.ReLU()(normalized(x, normalization))

    def convolution(units, size, strides=1, padding="same"):
        return layers.Conv2D(
            units, size, strides, padding, use_bias=bias, kernel_initializer=initializer()
        )

    images = keras.Input((None, None, channels), name="images")
    x = finished(convolution(width, 7, padding="valid")(ReflectionPadding2D(3)(images)))
    for units in (2 * width, 4 * width):
        x = finished(convolution(units, 3, strides=2)(x))  # (batch, H / 4, W / 4, 4 width)
    for _ in range(blocks):
        y = ReflectionPadding2D(1)(x)
        y = finished(convolution(4 * width, 3, padding="valid")(y))
        y = convolution(4 * width, 3, padding="valid")(ReflectionPadding2D(1)(y))
        x = layers.Add()([x, normalized(y, normalization)])
    for units in (2 * width, width):
        x = layers.Conv2DTranspose(
            units, 3, 2, "same", use_bias=bias, kernel_initializer=initializer()
        )(x)
        x = finished(x)
    x = ReflectionPadding2D(3)(x)
    x = layers.Conv2D(channels, 7, kernel_initializer=initializer())(x)
    return keras.Model(images, layers.Activation("tanh", dtype="float32")(x), name=name)


@keras.saving.register_keras_serializable("kerasgan")
class CycleGAN(TwoDomainModel):
    """Two generators, A to B and B to A, each the other's check; a discriminator for each domain.

    Logs `generator_adversarial_a_to_b`, `generator_adversarial_b_to_a`, `generator_cycle_a`,
    `generator_cycle_b`, `generator_identity_a`, `generator_identity_b` (each with its weight),
    `generator_loss`, `discriminator_real_a`, `..._fake_a`, `..._real_b`, `..._fake_b`,
    `discriminator_loss`. Data: (images_a, images_b), which are no pairs.

    Args:
        cycle_weight: the paper's lambda.
        identity_weight: weight of the identity loss, in the paper half the lambda where colours
            are to be kept; 0: no such loss.
        adversarial_weight: of the generators' adversarial terms; 2 undoes LSGAN's 1/2.
        pool_size: earlier fakes that each discriminator's pool holds; 0: none.
        reuse_fakes: True: the discriminators learn from the translations that the generators have
            just learnt from, as in the authors' program; False: from those of the generators after
            their update, which costs two forward passes.
        loss: name or object of `kerasgan.losses`.
        discriminator_a: `keras.Model`, images -> logits; None builds the default.
        discriminator_b: the same for domain B.
        **kwargs: `image_shape`, `generator_a_to_b`, `generator_b_to_a`, `ema_decay`, `seed`,
            `name`, `dtype`: see `TwoDomainModel`.

    Raises:
        ValueError: a negative weight; an unknown loss, or one that compares pairs; networks that
            don't fit.

    Example:
        >>> networks = {name: build_generator((16, 16, 3), width=4, blocks=1, name=name)
        ...             for name in ("generator_a_to_b", "generator_b_to_a")}
        >>> networks |= {name: build_patch_discriminator((16, 16, 3), None, 4, 1, name=name)
        ...              for name in ("discriminator_a", "discriminator_b")}
        >>> model = CycleGAN(image_shape=(16, 16, 3), seed=0, **networks)
        >>> model.translate_a_to_b(keras.ops.zeros((2, 10, 21, 3))).shape
        (2, 10, 21, 3)
    """

    def __init__(
        self,
        cycle_weight=10.0,
        identity_weight=5.0,
        adversarial_weight=2.0,
        pool_size=50,
        reuse_fakes=False,
        loss="least_squares",
        discriminator_a=None,
        discriminator_b=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.cycle_weight = checks.not_negative(cycle_weight=cycle_weight)
        self.identity_weight = checks.not_negative(identity_weight=identity_weight)
        self.adversarial_weight = checks.positive_number(adversarial_weight=adversarial_weight)
        self.pool_size = 0 if pool_size == 0 else checks.positive(pool_size=pool_size)
        self.reuse_fakes = checks.flag(reuse_fakes=reuse_fakes)
        self.loss = losses.get(loss)
        if self.loss.needs_real_logits:
            raise ValueError(
                "CycleGAN's loss must judge fakes by themselves, as least_squares does. "
                f"Received: loss={self.loss.name}"
            )
        shape = self.image_shape
        self.discriminator_a = discriminator_a or build_patch_discriminator(
            shape, name="discriminator_a"
        )
        self.discriminator_b = discriminator_b or build_patch_discriminator(
            shape, name="discriminator_b"
        )
        checks.network("discriminator_a", self.discriminator_a, [shape])
        checks.network("discriminator_b", self.discriminator_b, [shape])
        self.pool_a, self.pool_b = ImagePool(pool_size), ImagePool(pool_size)
        self.pool_a.build((None, *shape))
        self.pool_b.build((None, *shape))
        self.set_up()

    def build_generator(self, name):
        """The paper's residual generator."""
        return build_generator(self.image_shape, name=name)

    @property
    def training_state(self):
        """The pools, which start empty again from a preset."""
        return [self.pool_a, self.pool_b]

    def players(self):
        """Both generators learn together, and so do both discriminators."""
        return {
            "discriminator": [self.discriminator_a, self.discriminator_b],
            "generator": [self.generator_a_to_b, self.generator_b_to_a],
        }

    def default_optimizers(self):
        """Adam(2e-4, beta_1 = 0.5) for both."""
        return {p: optimizers.Adam(2e-4, beta_1=0.5) for p in self.players()}

    # Sections 3 and 4 ---------------------------------------------------------------------

    def train_step(self, data):
        """One update of the generators, then one of the discriminators on fakes from the pools."""
        images_a, images_b = self.unpack(data)
        with tf.GradientTape() as tape:
            fake_b, fake_a = self.a_to_b(images_a), self.b_to_a(images_b)
        fakes = fake_a, fake_b
        self.update("generator", self.generator_loss, images_a, images_b, *fakes, tape=tape)
        if not self.reuse_fakes:
            fake_b, fake_a = self.a_to_b(images_a), self.b_to_a(images_b)
        fake_a = self.pool_a(fake_a, self.draw_seed())
        fake_b = self.pool_b(fake_b, self.draw_seed())
        self.update("discriminator", self.discriminator_loss, images_a, images_b, fake_a, fake_b)
        return self.finish_step()

    def generator_loss(self, images_a, images_b, fake_a, fake_b):
        """The full objective, equation 3: deceive both discriminators, and find the way back."""
        terms = {
            "adversarial_a_to_b": self.adversarial_loss(self.discriminator_b, fake_b),
            "adversarial_b_to_a": self.adversarial_loss(self.discriminator_a, fake_a),
            "cycle_a": self.cycle_loss(images_a, self.b_to_a(fake_b)),
            "cycle_b": self.cycle_loss(images_b, self.a_to_b(fake_a)),
        }
        if self.identity_weight:
            terms["identity_a"] = self.identity_loss(images_a, self.b_to_a(images_a))
            terms["identity_b"] = self.identity_loss(images_b, self.a_to_b(images_b))
        return terms

    def adversarial_loss(self, discriminator, fakes):
        """Equation 1, the generator's side: translations are to be taken for real."""
        logits = discriminator(fakes, training=True)
        return self.adversarial_weight * self.loss.generator(logits)

    def cycle_loss(self, images, reconstructed):
        """Equation 2: there and back again is where one was, E|F(G(a)) - a|."""
        return self.cycle_weight * mean_absolute_error(images, reconstructed)

    def identity_loss(self, images, translated):
        """Section 5.2: what is in the target domain already stays as it is, E|G(b) - b|."""
        return self.identity_weight * mean_absolute_error(images, translated)

    def discriminator_loss(self, images_a, images_b, fake_a, fake_b):
        """Equation 1, the discriminators' side: tell the real images of each domain from fakes."""
        terms = {}
        for domain, discriminator, images, fakes in (
            ("a", self.discriminator_a, images_a, fake_a),
            ("b", self.discriminator_b, images_b, fake_b),
        ):
            real_logits = discriminator(images, training=True)
            fake_logits = discriminator(fakes, training=True)
            parts = self.loss.discriminator(real_logits, fake_logits)
            terms |= {f"{part}_{domain}": value for part, value in parts.items()}
        return terms
