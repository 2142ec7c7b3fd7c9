"""Learning to Discover Cross-Domain Relations with Generative Adversarial Networks, Kim, Cha, Kim,
Lee, Kim 2017, https://arxiv.org/abs/1703.05192

What is reproduced: the objective of section 2.3 (equations 6 to 9): two encoder-decoders without
skips, two discriminators, reconstruction by mean squared error; and what the authors' program adds:
feature matching on the discriminators' hidden maps beside the adversarial loss (shares 0.9 and
0.1), two updates of the generators for one of the discriminators, a reconstruction share that
starts at 0.01 and becomes 0.5 after 10,000 iterations (two thirds of them the generators': 6,667
updates), Adam(2e-4, beta_1=0.5).

Departures, and why:
- No weight decay: the program's L2 of 1e-5 is too weak to matter, and Keras' decay is another one.
- Images in [-1, 1] and tanh, as everywhere in the zoo; the program has [0, 1] and a sigmoid, so its
  mean squared error is a quarter of ours, and ours weighs 4 times as much beside the other terms.
- Weights start from N(0, 0.02), as DCGAN's, and not from PyTorch's defaults.
- Translations use BatchNorm's moving statistics, so that none depends on its neighbours; the
  program never leaves training mode, and translates by the statistics of the batch at hand.
- Translations come from exponential moving averages of the generators, as everywhere in the zoo.
"""

import keras
import tensorflow as tf
from keras import layers

from kerasgan import checks, losses, optimizers
from kerasgan.layers import BatchNormalization, Conv2D, Conv2DTranspose
from kerasgan.models.two_domains import TwoDomainModel
from kerasgan.networks.normalizations import initializer

GENERATOR_UPDATES = 2  # for one of the discriminators
EARLY_RECONSTRUCTION_SHARE = 0.01


def build_generator(image_shape=(64, 64, 3), width=64, name="generator"):
    """Four halvings by 4x4 convolutions with LeakyReLU 0.2, four doublings with ReLU; no skips.

    Args:
        image_shape: (H, W, C), H and W multiples of 16; the network takes any such size.
        width: channels of the first map; doubled by each next one.
        name: the network's name.

    Returns:
        A `keras.Model`: images (batch, H, W, C) -> images (batch, H, W, C) in [-1, 1].

    Raises:
        ValueError: height or width no multiple of 16.

    Example:
        >>> build_generator((64, 64, 3), width=8).output_shape
        (None, None, None, 3)
    """
    channels = checks.image_shape(image_shape, multiple=16)[-1]
    images = keras.Input((None, None, channels), name="images")
    x = images
    for level in range(4):
        x = Conv2D(
            width * 2**level, 4, 2, "same", use_bias=False, kernel_initializer=initializer()
        )(x)
        x = BatchNormalization()(x) if level else x
        x = layers.LeakyReLU(0.2)(x)  # at the end: (batch, H / 16, W / 16, 8 width)
    for level in reversed(range(3)):
        x = Conv2DTranspose(
            width * 2**level, 4, 2, "same", use_bias=False, kernel_initializer=initializer()
        )(x)
        x = layers.ReLU()(BatchNormalization()(x))
    x = Conv2DTranspose(channels, 4, 2, "same", use_bias=False, kernel_initializer=initializer())(x)
    return keras.Model(images, layers.Activation("tanh", dtype="float32")(x), name=name)


def build_discriminator(image_shape=(64, 64, 3), width=64, name="discriminator"):
    """The encoder again with one logit, and its second to fourth maps for feature matching.

    Args:
        image_shape: (H, W, C), H and W multiples of 16.
        width: channels of the first map; doubled by each next one.
        name: the network's name.

    Returns:
        A `keras.Model`: images -> [logits (batch, 1), map 2, map 3, map 4].

    Raises:
        ValueError: height or width no multiple of 16.

    Example:
        >>> [o.shape[1:] for o in build_discriminator((32, 32, 3), width=8).outputs]
        [(1,), (8, 8, 16), (4, 4, 32), (2, 2, 64)]
    """
    image_shape = checks.image_shape(image_shape, multiple=16)
    images = keras.Input(image_shape, name="images")
    x, maps = images, []
    for level in range(4):
        x = Conv2D(
            width * 2**level, 4, 2, "same", use_bias=False, kernel_initializer=initializer()
        )(x)
        x = BatchNormalization()(x) if level else x
        x = layers.LeakyReLU(0.2)(x)
        maps.append(x)
    logits = layers.Dense(1, kernel_initializer=initializer(), dtype="float32", name="logits")
    return keras.Model(images, [logits(layers.Flatten()(x)), *maps[1:]], name=name)


@keras.saving.register_keras_serializable("kerasgan")
class DiscoGAN(TwoDomainModel):
    """Two generators that must invert each other discover how two domains correspond.

    Logs `discriminator_real_a`, `..._fake_a`, `..._real_b`, `..._fake_b`, `discriminator_loss`,
    `generator_adversarial_a_to_b`, `generator_adversarial_b_to_a`, `generator_features_a`,
    `generator_features_b`, `generator_reconstruction_a`, `generator_reconstruction_b` (each with
    its share), `generator_loss`. Data: (images_a, images_b), which are no pairs.

    A step takes three batches of the data: one for the discriminators, two for the generators.

    Args:
        reconstruction_share: of the generators' loss, from the curriculum's end on; the rest is
            adversarial and feature matching.
        feature_share: of that rest, what is feature matching.
        curriculum_updates: updates of the generators with a reconstruction share of 0.01 only.
        loss: name or object of `kerasgan.losses`.
        discriminator_a: `keras.Model`, images -> [logits, map, ...]; None builds the default.
        discriminator_b: the same for domain B.
        **kwargs: `image_shape` (64 px), `generator_a_to_b`, `generator_b_to_a`, `ema_decay`,
            `seed`, `name`, `dtype`: see `TwoDomainModel`.

    Raises:
        ValueError: a share outside [0, 1]; an unknown loss, or one that compares pairs; networks
            that don't fit.

    Example:
        >>> networks = {f"generator_{way}": build_generator((16, 16, 3), 4)
        ...             for way in ("a_to_b", "b_to_a")}
        >>> networks |= {f"discriminator_{d}": build_discriminator((16, 16, 3), 4) for d in "ab"}
        >>> model = DiscoGAN(image_shape=(16, 16, 3), seed=0, **networks)
        >>> model.translate_a_to_b(tf.zeros((2, 10, 21, 3))).shape
        (2, 10, 21, 3)
    """

    batches_per_step = 1 + GENERATOR_UPDATES

    def __init__(
        self,
        reconstruction_share=0.5,
        feature_share=0.9,
        curriculum_updates=6_667,
        loss="non_saturating",
        image_shape=(64, 64, 3),
        discriminator_a=None,
        discriminator_b=None,
        **kwargs,
    ):
        super().__init__(image_shape=image_shape, **kwargs)
        self.reconstruction_share = _share(reconstruction_share=reconstruction_share)
        self.feature_share = _share(feature_share=feature_share)
        self.curriculum_updates = int(checks.not_negative(curriculum_updates=curriculum_updates))
        self.loss = losses.get(loss)
        if self.loss.needs_real_logits:
            raise ValueError(
                "DiscoGAN's loss must judge fakes by themselves, as non_saturating does. "
                f"Received: loss={self.loss.name}"
            )
        shape = self.image_shape
        self.discriminator_a = discriminator_a or build_discriminator(shape, name="discriminator_a")
        self.discriminator_b = discriminator_b or build_discriminator(shape, name="discriminator_b")
        checks.network("discriminator_a", self.discriminator_a, [shape], further=None)
        checks.network("discriminator_b", self.discriminator_b, [shape], further=None)
        self.set_up()

    def build_generator(self, name):
        """The encoder-decoder."""
        return build_generator(self.image_shape, name=name)

    def players(self):
        """Both discriminators learn together, and so do both generators."""
        return {
            "discriminator": [self.discriminator_a, self.discriminator_b],
            "generator": [self.generator_a_to_b, self.generator_b_to_a],
        }

    def default_optimizers(self):
        """Adam(2e-4, beta_1 = 0.5) for both."""
        return {p: optimizers.Adam(2e-4, beta_1=0.5) for p in self.players()}

    # Section 2.3 --------------------------------------------------------------------------

    def train_step(self, data):
        """One update of the discriminators, then two of the generators, each on a fresh batch."""
        first, *others = self.unpack_batches(data)
        self.update("discriminator", self.discriminator_loss, *first)
        for images_a, images_b in others:
            self.update("generator", self.generator_loss, images_a, images_b)
        return self.finish_step()

    def discriminator_loss(self, images_a, images_b):
        """Equation 9: tell the real images of each domain from translations."""
        terms = {}
        for domain, discriminator, images, fakes in (
            ("a", self.discriminator_a, images_a, self.b_to_a(images_b)),
            ("b", self.discriminator_b, images_b, self.a_to_b(images_a)),
        ):
            real_logits, *_ = discriminator(images, training=True)
            fake_logits, *_ = discriminator(fakes, training=True)
            parts = self.loss.discriminator(real_logits, fake_logits)
            terms |= {f"{part}_{domain}": value for part, value in parts.items()}
        return terms

    def generator_loss(self, images_a, images_b):
        """Equation 8, with the program's shares: deceive, match features, find the way back."""
        fake_b, fake_a = self.a_to_b(images_a), self.b_to_a(images_b)
        share = self.reconstruction_share_now()
        terms = {
            "reconstruction_a": share * mean_squared_error(images_a, self.b_to_a(fake_b)),
            "reconstruction_b": share * mean_squared_error(images_b, self.a_to_b(fake_a)),
        }
        for domain, way, discriminator, images, fakes in (
            ("b", "a_to_b", self.discriminator_b, images_b, fake_b),
            ("a", "b_to_a", self.discriminator_a, images_a, fake_a),
        ):
            fake_logits, *fake_maps = discriminator(fakes, training=True)
            _, *real_maps = discriminator(images, training=True)
            adversarial = (1.0 - self.feature_share) * self.loss.generator(fake_logits)
            features = self.feature_share * feature_matching(real_maps, fake_maps)
            terms[f"adversarial_{way}"] = (1.0 - share) * adversarial
            terms[f"features_{domain}"] = (1.0 - share) * features
        return terms

    def reconstruction_share_now(self):
        """0.01 until `curriculum_updates` of the generators, then `reconstruction_share`."""
        updates = GENERATOR_UPDATES * tf.convert_to_tensor(self.step_counter)
        early = updates < self.curriculum_updates
        return tf.where(early, EARLY_RECONSTRUCTION_SHARE, self.reconstruction_share)


def feature_matching(real_maps, fake_maps):
    """Salimans et al. 2016, section 3.1: the squared distance of the maps' means over the batch,
    averaged over a map's values and summed over the maps.

    Example:
        >>> real, fake = tf.constant([[1.0, 1.0], [3.0, 1.0]]), tf.constant([[0.0, 0.0]])
        >>> float(feature_matching([real], [fake]))  # (2^2 + 1^2) / 2
        2.5
    """
    return tf.add_n(
        [
            mean_squared_error(tf.reduce_mean(real, axis=0), tf.reduce_mean(fake, axis=0))
            for real, fake in zip(real_maps, fake_maps, strict=True)
        ]
    )


def mean_squared_error(images, others):
    """The squared L2 distance per value."""
    return tf.reduce_mean(tf.square(tf.cast(images, tf.float32) - tf.cast(others, tf.float32)))


def _share(**argument):
    ((name, value),) = argument.items()
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} must lie in [0, 1]. Received: {name}={value}")
    return float(value)
