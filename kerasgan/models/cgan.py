"""Conditional Generative Adversarial Nets, Mirza & Osindero 2014, https://arxiv.org/abs/1411.1784

What is reproduced: equation 2 (both networks see the label y, as an additional input layer), with
the minimax objective and with the non-saturating one (the default); the paper's MNIST perceptrons
as `build_paper_generator` and `build_paper_discriminator`.

Departures, and why:
- Convolutional networks by default (DCGAN's, half as wide): minutes on a CPU for good digits.
- The label enters as a learnt embedding: beside the latent in the generator, as one more image
  channel in the discriminator. The paper's perceptrons take it one-hot.
- Adam(2e-4, beta_1=0.5) instead of decaying momentum SGD; normal latents, not uniform; samples come
  from an exponential moving average of the generator.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from kerasgan import checks, losses, optimizers, specs
from kerasgan.layers import Dropout, Maxout
from kerasgan.models import latents as latent_draws
from kerasgan.models.base import AdversarialModel
from kerasgan.networks import dcgan


def build_generator(
    num_classes, latent_dim=100, image_shape=(28, 28, 1), width=32, embedding_dim=50
):
    """Latents (batch, latent_dim) and labels (batch,) -> images (batch, H, W, C) in [-1, 1]."""
    latents = keras.Input((latent_dim,), name="latents")
    labels = keras.Input((), dtype="int32", name="labels")
    embedded = layers.Embedding(num_classes, embedding_dim)(labels)
    features = layers.Concatenate()([latents, embedded])  # (batch, latent_dim + embedding_dim)
    images = dcgan.generator_trunk(features, image_shape, width)
    return keras.Model([latents, labels], images, name="generator")


def build_discriminator(num_classes, image_shape=(28, 28, 1), width=32):
    """Images (batch, H, W, C) and labels (batch,) -> logits (batch, 1)."""
    images = keras.Input(image_shape, name="images")
    labels = keras.Input((), dtype="int32", name="labels")
    height, width_px, _ = image_shape
    plane = layers.Embedding(num_classes, height * width_px)(labels)
    plane = layers.Reshape((height, width_px, 1))(plane)  # the label as one more channel
    x = layers.Concatenate()([images, plane])  # (batch, H, W, C + 1)
    logits = dcgan.discriminator_trunk(x, image_shape, width)
    return keras.Model([images, labels], logits, name="discriminator")


def build_paper_generator(num_classes=10, latent_dim=100, image_shape=(28, 28, 1)):
    """Section 4.1: latent -> 200 and label -> 1000 ReLU units, joined in 1200, then the image."""
    latents = keras.Input((latent_dim,), name="latents")
    labels = keras.Input((), dtype="int32", name="labels")
    one_hot = layers.CategoryEncoding(num_classes, output_mode="one_hot")(labels)
    from_latents = layers.Dense(200, activation="relu")(latents)
    from_labels = layers.Dense(1000, activation="relu")(one_hot)
    x = layers.Concatenate()([from_latents, from_labels])  # (batch, 1200)
    x = Dropout(0.5)(layers.Dense(1200, activation="relu")(x))
    x = layers.Dense(int(np.prod(image_shape)), activation="tanh", dtype="float32")(x)
    images = layers.Reshape(image_shape, dtype="float32", name="images")(x)
    return keras.Model([latents, labels], images, name="generator")


def build_paper_discriminator(num_classes=10, image_shape=(28, 28, 1)):
    """Section 4.1: maxout 240x5 of the image and 50x5 of the label, joined in maxout 240x4."""
    images = keras.Input(image_shape, name="images")
    labels = keras.Input((), dtype="int32", name="labels")
    one_hot = layers.CategoryEncoding(num_classes, output_mode="one_hot")(labels)
    from_images = Maxout(240, 5)(layers.Flatten()(images))
    from_labels = Maxout(50, 5)(one_hot)
    x = layers.Concatenate()([from_images, from_labels])  # (batch, 290)
    x = Dropout(0.5)(Maxout(240, 4)(Dropout(0.5)(x)))
    logits = layers.Dense(1, dtype="float32", name="logits")(x)
    return keras.Model([images, labels], logits, name="discriminator")


@keras.saving.register_keras_serializable("kerasgan")
class CGAN(AdversarialModel):
    """A GAN whose two networks are both told the class.

    Logs `discriminator_real`, `discriminator_fake`, `discriminator_loss`,
    `generator_adversarial`, `generator_loss`. Data: (images, integer labels).

    Args:
        num_classes: number of classes; labels lie in [0, num_classes).
        image_shape: (H, W, C) of the images, float32 in [-1, 1].
        latent_dim: size of a latent, drawn from N(0, 1).
        loss: name or object of `kerasgan.losses`, e.g. "non_saturating" or "minimax".
        generator: `keras.Model`, [latents, labels] -> images; None builds the default.
        discriminator: `keras.Model`, [images, labels] -> logits; None builds the default.
        reuse_fakes: True: the generator learns from the fakes that the discriminator has just
            learnt from, a forward pass less; False: from fresh ones.
        **kwargs: `ema_decay`, `seed`, `name`, `dtype`: see `AdversarialModel`.

    Raises:
        ValueError: an unknown loss; networks whose shapes don't fit each other.

    Example:
        >>> model = CGAN(num_classes=10, image_shape=(8, 8, 1), latent_dim=4, seed=0)
        >>> model.generate(labels=[3, 3, 7], seed=0).shape
        (3, 8, 8, 1)
    """

    def __init__(
        self,
        num_classes,
        image_shape=(28, 28, 1),
        latent_dim=100,
        loss="non_saturating",
        generator=None,
        discriminator=None,
        reuse_fakes=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_classes = checks.positive(num_classes=num_classes)
        self.image_shape = checks.image_shape(image_shape)
        self.latent_dim = checks.positive(latent_dim=latent_dim)
        self.loss = losses.get(loss)
        self.reuse_fakes = checks.flag(reuse_fakes=reuse_fakes)
        self.generator = generator or build_generator(
            self.num_classes, self.latent_dim, self.image_shape
        )
        self.discriminator = discriminator or build_discriminator(
            self.num_classes, self.image_shape
        )
        checks.network("generator", self.generator, [(self.latent_dim,), ()], self.image_shape)
        checks.network("discriminator", self.discriminator, [self.image_shape, ()])
        self.set_up()

    def players(self):
        """The two of the paper."""
        return {"discriminator": [self.discriminator], "generator": [self.generator]}

    def default_optimizers(self):
        """Adam(2e-4, beta_1 = 0.5) for both."""
        return {p: optimizers.Adam(2e-4, beta_1=0.5) for p in self.players()}

    def data_spec(self):
        """Images and their labels."""
        return (
            specs.ArraySpec("images", self.image_shape, "float32", -1.0, 1.0),
            specs.ArraySpec("labels", (), "int", num_classes=self.num_classes),
        )

    # Equation 2: the game of the GAN, given y ---------------------------------------------

    def train_step(self, data):
        """One update of the discriminator, then one of the generator, on the batch's labels."""
        real_images, labels = self.unpack(data)
        fakes, tape = self.fakes(labels)
        self.update("discriminator", self.discriminator_loss, real_images, fakes, labels)
        if not self.reuse_fakes:
            fakes, tape = self.fakes(labels)
        self.update("generator", self.generator_loss, real_images, fakes, labels, tape=tape)
        return self.finish_step()

    def fakes(self, labels):
        """A fake for each label, and the tape that knows how they were made."""
        with tf.GradientTape() as tape:
            fake_images = self.generator([self.draw_latents(labels), labels], training=True)
        return fake_images, tape

    def discriminator_loss(self, real_images, fake_images, labels):
        """Tell real images of a class from fakes made for it."""
        real_logits = self.discriminator([real_images, labels], training=True)
        fake_logits = self.discriminator([fake_images, labels], training=True)
        return self.loss.discriminator(real_logits, fake_logits)

    def generator_loss(self, real_images, fake_images, labels):
        """Have fakes taken for real images of their class."""
        fake_logits = self.discriminator([fake_images, labels], training=True)
        if not self.loss.needs_real_logits:
            return {"adversarial": self.loss.generator(fake_logits)}
        real_logits = self.discriminator([real_images, labels], training=True)
        return {"adversarial": self.loss.generator(fake_logits, real_logits)}

    def draw_latents(self, like):
        """Latents from N(0, 1), as many as `like` has rows."""
        return self.draw_normal([tf.shape(like)[0], self.latent_dim])

    # Sampling -----------------------------------------------------------------------------

    def generate(self, labels, seed=None, truncation=None):
        """Samples one image for each label with the EMA generator.

        Args:
            labels: list of integers in [0, num_classes).
            seed: int; the same seed gives the same images. None draws one.
            truncation: latents are drawn again where they exceed it (in standard deviations;
                Brock et al. 2019, section 3.1). None: not truncated.

        Returns:
            Array (len(labels), H, W, C), float32 in [-1, 1].

        Raises:
            ValueError: labels that are no integers or out of range; truncation not positive.
        """
        labels = checks.labels(labels, self.num_classes)
        latents = latent_draws.draw(len(labels), self.latent_dim, seed, truncation)
        return latent_draws.in_chunks(self.images_from, latents, labels)

    def images_from(self, latents, labels):
        """Images (batch, H, W, C) of given latents and labels, by the EMA generator."""
        latents = checks.latents(latents, self.latent_dim)
        return self.ema_generator([latents, labels], training=False)

    def generate_batch(self, parts):
        """A sample for each label of a batch of real data, for metrics."""
        _, labels = parts
        return self.images_from(self.draw_latents(labels), labels)

    def signatures(self):
        """What `kerasgan.serving.export` offers: name -> (function, TensorSpecs)."""
        latents_spec = tf.TensorSpec([None, self.latent_dim], tf.float32, name="latents")
        labels_spec = tf.TensorSpec([None], tf.int32, name="labels")

        def serving_default(latents, labels):
            latents = latent_draws.assert_finite(latents)
            labels = latent_draws.assert_labels(labels, self.num_classes, len_of=latents)
            return {"images": latent_draws.in_chunks_tensor(self.images_from, latents, labels)}

        def sample(seed, labels, truncation):
            labels = latent_draws.assert_labels(labels, self.num_classes)
            num = latent_draws.assert_count(tf.shape(labels)[0])
            latents = latent_draws.draw_tensor(num, self.latent_dim, seed, truncation)
            return {"images": latent_draws.in_chunks_tensor(self.images_from, latents, labels)}

        return {
            "serving_default": (serving_default, [latents_spec, labels_spec]),
            "sample": (sample, latent_draws.sample_specs(labels_spec)),
        }
