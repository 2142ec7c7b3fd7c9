"""StarGAN: Unified Generative Adversarial Networks for Multi-Domain Image-to-Image Translation,
Choi, Choi, Kim, Ha, Kim, Choo 2018, https://arxiv.org/abs/1711.09020

What is reproduced: equations 1 to 6: one generator for all domains, which is told the target as
planes beside the image; a critic with a second head that names the domain; reconstruction by the
same generator told the original domain; the Wasserstein loss with gradient penalty; weights 1
(classification), 10, 10; `critic_steps` 5, Adam(1e-4, 0.5, 0.999), batch 16; the networks of the
appendix, tables 4 and 5. Domains may be exclusive (a folder for each) or attributes (several hold
at a time).

Departures, and why:
- Targets are the labels of the batch in another order, as in the authors' program; the paper leaves
  open how they are drawn. To a batch of one, which has no other labels, a domain is drawn (or one
  of its attributes is turned round).
- The cross-entropy of attributes is summed over attributes and averaged over the batch, as in the
  program.
- Translations come from an exponential moving average of the generator, as everywhere in the zoo.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from kerasgan import checks, optimizers, specs
from kerasgan.layers import Conv2D, LabelPlanes
from kerasgan.losses import Wasserstein, penalties
from kerasgan.models import translations
from kerasgan.models.base import AdversarialModel
from kerasgan.models.two_domains import mean_absolute_error
from kerasgan.networks.normalizations import normalized


def build_generator(num_domains, image_shape=(128, 128, 3), width=64, blocks=6):
    """Table 4: two halvings, residual blocks, two doublings; 4x4 kernels, instance normalisation.

    Args:
        num_domains: planes beside the image.
        image_shape: (H, W, C), H and W multiples of 4; the network itself takes any such size.
        width: channels next to the image.
        blocks: residual blocks.

    Returns:
        A `keras.Model`: [images (batch, H, W, C), domains (batch, num_domains) of 0 and 1] ->
        images (batch, H, W, C) in [-1, 1].

    Raises:
        ValueError: height or width no multiple of 4.

    Example:
        >>> build_generator(5, (32, 32, 3), width=8, blocks=1).output_shape
        (None, None, None, 3)
    """
    channels = checks.image_shape(image_shape, multiple=4)[-1]
    images = keras.Input((None, None, channels), name="images")
    domains = keras.Input((num_domains,), name="domains")

    def finished(x):
        return layers.ReLU()(normalized(x, "instance"))

    x = LabelPlanes()([images, domains])  # (batch, H, W, C + num_domains)
    x = finished(layers.Conv2D(width, 7, padding="same", use_bias=False)(x))
    for units in (2 * width, 4 * width):
        x = finished(layers.Conv2D(units, 4, 2, "same", use_bias=False)(x))
    for _ in range(blocks):  # (batch, H / 4, W / 4, 4 width)
        y = finished(layers.Conv2D(4 * width, 3, padding="same", use_bias=False)(x))
        y = layers.Conv2D(4 * width, 3, padding="same", use_bias=False)(y)
        x = layers.Add()([x, normalized(y, "instance")])
    for units in (2 * width, width):
        x = finished(layers.Conv2DTranspose(units, 4, 2, "same", use_bias=False)(x))
    x = layers.Conv2D(channels, 7, padding="same", use_bias=False)(x)
    translated = layers.Activation("tanh", dtype="float32")(x)
    return keras.Model([images, domains], translated, name="generator")


def build_critic(num_domains, image_shape=(128, 128, 3), width=64, halvings=None):
    """Table 5: 4x4 convolutions of stride 2 with LeakyReLU 0.01, and two heads on the last map.

    Args:
        num_domains: outputs of the classifying head.
        image_shape: (H, W, C).
        width: channels of the first map; doubled by each next one.
        halvings: convolutions; None: the paper's 6, or fewer that leave 2 px.

    Returns:
        A `keras.Model`: images -> [scores (batch, h, w, 1), domain logits (batch, num_domains)].

    Raises:
        ValueError: images too small to be halved so often.

    Example:
        >>> [o.shape[1:] for o in build_critic(5, (32, 32, 3), width=8).outputs]
        [(2, 2, 1), (5,)]
    """
    image_shape = checks.image_shape(image_shape)
    side = min(image_shape[:2])
    halvings = halvings or max(1, min(6, side.bit_length() - 2))
    if side < 2**halvings:
        raise ValueError(
            f"{halvings} halvings need images of {2**halvings} px at least. "
            f"Received: image_shape={image_shape}"
        )
    images = keras.Input(image_shape, name="images")
    x = images
    for level in range(halvings):
        x = layers.LeakyReLU(0.01)(Conv2D(width * 2**level, 4, 2, "same")(x))
    scores = layers.Conv2D(
        1, 3, padding="same", use_bias=False, dtype="float32", name="scores"
    )(x)  # fmt: skip
    logits = layers.Conv2D(num_domains, x.shape[1:3], use_bias=False, dtype="float32")(x)
    domain_logits = layers.Reshape((num_domains,), dtype="float32", name="domain_logits")(logits)
    return keras.Model(images, [scores, domain_logits], name="critic")


@keras.saving.register_keras_serializable("kerasgan")
class StarGAN(AdversarialModel):
    """One generator that takes an image into any of several domains.

    Logs `critic_real`, `critic_fake`, `critic_gradient_penalty`, `critic_classification`,
    `critic_loss`, `generator_adversarial`, `generator_classification`,
    `generator_reconstruction`, `generator_loss` (weights included). Data: (images, labels), labels
    integers (batch,) of exclusive domains, or float32 (batch, num_domains) of 0 and 1.

    Args:
        num_domains: number of domains, or of attributes.
        exclusive: whether an image is in one domain only; False: labels are rows of attributes.
        image_shape: (H, W, C) of the images, float32 in [-1, 1]. Translation takes any size.
        classification_weight: the paper's lambda_cls.
        reconstruction_weight: the paper's lambda_rec.
        gradient_penalty_weight: the paper's lambda_gp.
        critic_steps: updates of the critic for each of the generator; each takes a batch.
        generator: `keras.Model`, [images, domains (batch, num_domains)] -> images; None builds the
            paper's.
        critic: `keras.Model`, images -> [scores, domain logits]; None builds the paper's.
        **kwargs: `ema_decay`, `seed`, `name`, `dtype`: see `AdversarialModel`.

    Raises:
        ValueError: a weight or number out of range; networks that don't fit.

    Example:
        >>> generator = build_generator(3, (16, 16, 3), width=4, blocks=1)
        >>> critic = build_critic(3, (16, 16, 3), width=4)
        >>> model = StarGAN(3, image_shape=(16, 16, 3), generator=generator, critic=critic, seed=0)
        >>> model.translate(tf.zeros((2, 10, 21, 3)), domains=[0, 2]).shape
        (2, 10, 21, 3)
    """

    def __init__(
        self,
        num_domains,
        exclusive=True,
        image_shape=(128, 128, 3),
        classification_weight=1.0,
        reconstruction_weight=10.0,
        gradient_penalty_weight=10.0,
        critic_steps=5,
        generator=None,
        critic=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_domains = checks.positive(num_domains=num_domains)
        self.exclusive = bool(exclusive)
        if self.exclusive and self.num_domains == 1:
            raise ValueError(
                "num_domains must be 2 or more where each image has one domain: of a single one "
                "there is nothing to translate to. Received: num_domains=1"
            )
        self.image_shape = checks.image_shape(image_shape)
        self.classification_weight = checks.not_negative(
            classification_weight=classification_weight
        )
        self.reconstruction_weight = checks.not_negative(
            reconstruction_weight=reconstruction_weight
        )
        self.gradient_penalty_weight = checks.positive_number(
            gradient_penalty_weight=gradient_penalty_weight
        )
        self.critic_steps = checks.positive(critic_steps=critic_steps)
        self.generator = generator or build_generator(self.num_domains, self.image_shape)
        self.critic = critic or build_critic(self.num_domains, self.image_shape)
        checks.translator(
            "generator", self.generator, self.image_shape, condition=(self.num_domains,)
        )
        checks.network("critic", self.critic, [self.image_shape], further=[(self.num_domains,)])
        self.loss = Wasserstein()
        self.set_up()

    @property
    def batches_per_step(self):
        """Each update of the critic sees a batch of its own."""
        return self.critic_steps

    def players(self):
        """The two of the paper."""
        return {"critic": [self.critic], "generator": [self.generator]}

    def default_optimizers(self):
        """Adam(1e-4, beta_1 = 0.5, beta_2 = 0.999) for both."""
        return {p: optimizers.Adam(1e-4, 0.5, 0.999) for p in self.players()}

    def data_spec(self):
        """Images and the domains that they are in."""
        labels = specs.ArraySpec("labels", (), "int", num_classes=self.num_domains)
        if not self.exclusive:
            labels = specs.ArraySpec("labels", (self.num_domains,), "float32", 0.0, 1.0)
        return specs.ArraySpec("images", self.image_shape, "float32", -1.0, 1.0), labels

    # Equations 1 to 6 ---------------------------------------------------------------------

    def train_step(self, data):
        """`critic_steps` updates of the critic, then one of the generator."""
        batches = self.unpack_batches(data)
        for images, labels in batches:
            self.update("critic", self.critic_loss, images, self.domains(labels))
        images, labels = batches[-1]
        self.update("generator", self.generator_loss, images, self.domains(labels))
        return self.finish_step()

    def domains(self, labels):
        """Labels as rows of 0 and 1, (batch, num_domains)."""
        if self.exclusive:
            return tf.one_hot(labels, self.num_domains)
        return tf.cast(labels, tf.float32)

    def targets(self, domains):
        """The rows of `domains` in another, random order; for a single row, which has no other
        order, any domain: of attributes, its own with one turned round.
        """
        draws = self.draw_uniform([tf.shape(domains)[0]])
        one = tf.one_hot(tf.cast(draws * self.num_domains, tf.int32), self.num_domains)
        alone = one if self.exclusive else tf.abs(domains - one)
        return tf.where(tf.shape(domains)[0] > 1, tf.gather(domains, tf.argsort(draws)), alone)

    def critic_loss(self, images, domains):
        """Equation 5: score real images above translations; name the domains of real ones."""
        fakes = self.generator([images, self.targets(domains)], training=True)
        real_scores, domain_logits = self.critic(images, training=True)
        fake_scores, _ = self.critic(fakes, training=True)
        penalty = penalties.gradient_penalty(
            lambda mixed: self.critic(mixed, training=True)[0],
            images,
            fakes,
            self.draw_uniform([tf.shape(images)[0]]),
        )
        return {
            **self.loss.discriminator(real_scores, fake_scores),
            "gradient_penalty": self.gradient_penalty_weight * penalty,
            "classification": self.classification_loss(domains, domain_logits),
        }

    def generator_loss(self, images, domains):
        """Equation 6: translations that score high, are named as asked, and lead back."""
        targets = self.targets(domains)
        fakes = self.generator([images, targets], training=True)
        fake_scores, domain_logits = self.critic(fakes, training=True)
        back = self.generator([fakes, domains], training=True)
        return {
            "adversarial": self.loss.generator(fake_scores),
            "classification": self.classification_loss(targets, domain_logits),
            "reconstruction": self.reconstruction_weight * mean_absolute_error(images, back),
        }

    def classification_loss(self, domains, logits):
        """Equations 2 and 3: the cross-entropy of the domains."""
        if self.exclusive:
            each = tf.nn.softmax_cross_entropy_with_logits(domains, logits)
        else:
            each = tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(domains, logits), axis=-1)
        return self.classification_weight * tf.reduce_mean(each)

    # Translating --------------------------------------------------------------------------

    def translate(self, images, domains):
        """Translates images with the EMA generator.

        Args:
            images: array (n, H, W, C), float32 in [-1, 1], H and W of any size.
            domains: the target of each image: n integers in [0, num_domains), or rows of 0 and 1
                (n, num_domains) where domains aren't exclusive.

        Returns:
            Array (n, H, W, C), float32 in [-1, 1].

        Raises:
            ValueError: images of another shape, dtype or range; other domains, or not n of them.
        """
        if self.exclusive:
            domains = checks.labels(domains, self.num_domains, "domains")
        rows = np.asarray(self.domains(domains))
        if rows.shape != (len(images), self.num_domains) or not np.isin(rows, (0.0, 1.0)).all():
            wanted = "integers" if self.exclusive else f"rows of {self.num_domains} zeros and ones"
            raise ValueError(
                f"domains must be as many {wanted} as there are images, {len(images)}. "
                f"Received: domains of shape {np.shape(domains)}"
            )
        return translations.translate(
            self.ema_generator, images, channels=self.image_shape[-1], conditions=rows
        )

    def sheet(self, parts, seed=0):
        """Columns of a contact sheet: the input, then as each domain (or with that attribute
        turned round). dict, title -> images (n, H, W, C).
        """
        images, labels = (np.asarray(part) for part in parts)
        columns = {"input": images}
        for k in range(self.num_domains):
            if self.exclusive:
                columns[f"as {k}"] = self.translate(images, np.full(len(images), k))
            else:
                turned = np.array(labels)
                turned[:, k] = 1.0 - turned[:, k]
                columns[f"{k} turned"] = self.translate(images, turned)
        return {title: translations.shown(made) for title, made in columns.items()}

    def generate_batch(self, data):
        """Translations to the batch's labels in another order, for metrics."""
        images, labels = data
        return self.ema_generator([images, self.targets(self.domains(labels))], training=False)

    def signatures(self):
        """What `kerasgan.serving.export` offers: name -> (function, TensorSpecs)."""
        spec = tf.TensorSpec([None], tf.int32, name="domains")
        if not self.exclusive:
            spec = tf.TensorSpec([None, self.num_domains], tf.int32, name="domains")
        largest = self.num_domains if self.exclusive else 2

        def translated(image, index, domains):
            return self.ema_generator([image, self.domains(domains[index : index + 1])])

        endpoint, all_specs = translations.png_endpoint(
            translated, self.image_shape[-1], translations.size_multiple(self.ema_generator), spec
        )

        def translate(images, domains):
            return endpoint(images, translations.assert_domains(domains, largest, images))

        return {"serving_default": (translate, all_specs), "translate": (translate, all_specs)}
