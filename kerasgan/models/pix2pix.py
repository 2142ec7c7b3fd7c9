"""Image-to-Image Translation with Conditional Adversarial Networks, Isola, Zhu, Zhou, Efros 2017,
https://arxiv.org/abs/1611.07004

What is reproduced: the objective (equations 1 to 4: conditional cross-entropy, L1 of weight 100);
the U-Net generator with skips, noise in the form of dropout at training and test time, the 70x70
PatchGAN that sees input and output; Adam(2e-4, beta_1=0.5), batch 1, normalisation by each image's
own statistics (what BatchNorm at batch 1 is; instance normalisation here).

Departures, and why:
- No normalisation at the innermost map: of its one pixel it would leave zero.
- The dropout's masks are functions of seeds, an input of the generator, so that the noise resumes
  and a served model gives the same translation for the same seed.
- The discriminator's objective is a sum, as everywhere in the zoo; the paper halves it, to slow the
  discriminator down. Adam's steps are the same for both.
- The generator's update draws noise of its own, so its fakes are not those that the discriminator
  has just learnt from, as they are in the authors' program: a loss method makes what it judges.
- Translations come from an exponential moving average of the generator, as everywhere in the zoo.
"""

import keras
import numpy as np
import tensorflow as tf

from kerasgan import checks, losses, optimizers, specs
from kerasgan.models import translations
from kerasgan.models.base import AdversarialModel
from kerasgan.networks.patch import build_patch_discriminator
from kerasgan.networks.unet import build_unet


@keras.saving.register_keras_serializable("kerasgan")
class Pix2Pix(AdversarialModel):
    """A conditional GAN from images to images, with pairs to learn from.

    Logs `discriminator_real`, `discriminator_fake`, `discriminator_loss`,
    `generator_adversarial`, `generator_l1` (its weight included), `generator_loss`. Data: (inputs,
    targets), pairs of images.

    Args:
        image_shape: (H, W, C) of the targets, float32 in [-1, 1]. Translation takes any size.
        input_channels: of the inputs; None: as the targets.
        l1_weight: the paper's lambda.
        loss: name or object of `kerasgan.losses`.
        generator: `keras.Model`, [inputs, seeds] (or inputs alone) -> images; None builds the
            U-Net.
        discriminator: `keras.Model`, [inputs, images] -> logits; None builds the 70x70 PatchGAN.
        **kwargs: `ema_decay`, `seed`, `name`, `dtype`: see `AdversarialModel`.

    Raises:
        ValueError: a negative weight; an unknown loss, or one that compares pairs; networks that
            don't fit.

    Example:
        >>> generator = build_unet((16, 16, 3), width=4)
        >>> discriminator = build_patch_discriminator((16, 16, 3), (16, 16, 3), 4, halvings=1)
        >>> model = Pix2Pix((16, 16, 3), generator=generator, discriminator=discriminator, seed=0)
        >>> model.translate(tf.zeros((2, 10, 21, 3)), seed=1).shape
        (2, 10, 21, 3)
    """

    def __init__(
        self,
        image_shape=(256, 256, 3),
        input_channels=None,
        l1_weight=100.0,
        loss="non_saturating",
        generator=None,
        discriminator=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.image_shape = checks.image_shape(image_shape)
        if input_channels is None:
            input_channels = self.image_shape[-1]
        self.input_channels = checks.positive(input_channels=input_channels)
        self.l1_weight = checks.not_negative(l1_weight=l1_weight)
        self.loss = losses.get(loss)
        if self.loss.needs_real_logits:
            raise ValueError(
                "Pix2Pix's loss must judge fakes by themselves, as non_saturating does. "
                f"Received: loss={self.loss.name}"
            )
        input_shape, channels = self.input_shape_of_images, self.image_shape[-1]
        self.generator = generator or build_unet(input_shape, channels)
        self.discriminator = discriminator or build_patch_discriminator(
            self.image_shape, input_shape
        )
        checks.translator("generator", self.generator, input_shape, channels)
        checks.network("discriminator", self.discriminator, [input_shape, self.image_shape])
        self.set_up()

    @property
    def input_shape_of_images(self):
        """(H, W, channels) of the inputs."""
        return (*self.image_shape[:2], self.input_channels)

    def players(self):
        """The two of the paper."""
        return {"discriminator": [self.discriminator], "generator": [self.generator]}

    def default_optimizers(self):
        """Adam(2e-4, beta_1 = 0.5) for both."""
        return {p: optimizers.Adam(2e-4, beta_1=0.5) for p in self.players()}

    def data_spec(self):
        """Pairs."""
        return (
            specs.ArraySpec("inputs", self.input_shape_of_images, "float32", -1.0, 1.0),
            specs.ArraySpec("targets", self.image_shape, "float32", -1.0, 1.0),
        )

    # Sections 3.1 and 3.3 -----------------------------------------------------------------

    def train_step(self, data):
        """One update of the discriminator, then one of the generator."""
        inputs, targets = self.unpack(data)
        self.update("discriminator", self.discriminator_loss, inputs, targets)
        self.update("generator", self.generator_loss, inputs, targets)
        return self.finish_step()

    def discriminator_loss(self, inputs, targets):
        """Equation 1: tell (input, target) from (input, translation)."""
        real_logits = self.discriminator([inputs, targets], training=True)
        fake_logits = self.discriminator([inputs, self.translated(inputs)], training=True)
        return self.loss.discriminator(real_logits, fake_logits)

    def generator_loss(self, inputs, targets):
        """Equation 4: have translations taken for targets, and be near the target in L1."""
        fakes = self.translated(inputs)
        fake_logits = self.discriminator([inputs, fakes], training=True)
        return {
            "adversarial": self.loss.generator(fake_logits),
            "l1": self.l1_weight * tf.reduce_mean(tf.abs(targets - fakes)),
        }

    def translated(self, inputs):
        """G(x, z): with fresh noise, by the current weights."""
        return translations.run(self.generator, inputs, self.draw_seed(), training=True)

    # Translating --------------------------------------------------------------------------

    def translate(self, images, seed=0):
        """Translates images with the EMA generator.

        Args:
            images: array (n, H, W, input_channels), float32 in [-1, 1], H and W of any size.
            seed: int, of the noise; the same gives the same translations.

        Returns:
            Array (n, H, W, C), float32 in [-1, 1].

        Raises:
            ValueError: images of another shape, dtype or range.
        """
        return translations.translate(self.ema_generator, images, seed, self.input_channels)

    def sheet(self, parts, seed=0):
        """Columns of a contact sheet of some data: dict, title -> images (n, H, W, C)."""
        inputs, targets = (np.asarray(images) for images in parts)
        made = translations.shown(self.translate(inputs, seed))
        return {"input": inputs, "translation": made, "target": targets}

    def real_samples(self, data):
        """The targets."""
        return data[1]

    def generate_batch(self, data):
        """Translations of the inputs, for metrics."""
        return translations.run(self.ema_generator, data[0], self.draw_seed())

    def signatures(self):
        """What `kerasgan.serving.export` offers: name -> (function, TensorSpecs)."""
        translate = translations.translation_endpoint(self.ema_generator, self.input_channels)
        return {"serving_default": translate, "translate": translate}
