"""DualGAN: Unsupervised Dual Learning for Image-to-Image Translation, Yi, Zhang, Tan, Gong 2017,
https://arxiv.org/abs/1704.02510

What is reproduced: algorithm 1: two U-Nets with noise in the form of dropout, at test time too; two
patch critics with clipped weights, `critic_steps` updates of both on fresh batches for one of the
generators; L1 reconstruction; RMSprop(5e-5).

Departures, and why:
- Of the paper's ranges: reconstruction_weight 500 (100 to 1000), critic_steps 2 (2 to 4), clip 0.01
  (0.01 to 0.1).
- The paper minimises a generator's two reconstruction errors and both critics' scores in one sum;
  so do we, and log each.
- Algorithm 1 draws a fresh batch for the generators; here they learn from the critics' last one, so
  that a step takes no batch more than WGAN's.
- The authors' program, as it stands, has cross-entropy in place of Wasserstein with clipping, a
  weight of 20, two updates of the generators for one of the discriminators; we follow the paper.
- Instance normalisation where the paper has BatchNorm: the same at its batch size of 1, and no
  other statistics are needed at test time.
- Translations come from exponential moving averages of the generators, as everywhere in the zoo.
"""

import keras
import tensorflow as tf

from kerasgan import checks
from kerasgan.losses import Wasserstein
from kerasgan.models.two_domains import TwoDomainModel, mean_absolute_error
from kerasgan.networks.patch import build_patch_discriminator
from kerasgan.networks.unet import build_unet


@keras.saving.register_keras_serializable("kerasgan")
class DualGAN(TwoDomainModel):
    """The primal task, A to B, and the dual one, B to A, teach each other; Wasserstein critics.

    Logs `critic_real_a`, `critic_fake_a`, `critic_real_b`, `critic_fake_b`, `critic_loss`,
    `generator_adversarial_a_to_b`, `generator_adversarial_b_to_a`, `generator_reconstruction_a`,
    `generator_reconstruction_b` (with its weight), `generator_loss`. Data: (images_a, images_b),
    which are no pairs.

    Args:
        reconstruction_weight: of the L1 reconstruction, the paper's lambda_U and lambda_V.
        critic_steps: updates of both critics for each of the generators; each takes a batch.
        clip: the weights of the critics stay in [-clip, clip].
        critic_a: `keras.Model`, images -> scores; None builds the 70x70 patch critic.
        critic_b: the same for domain B.
        **kwargs: `image_shape`, `generator_a_to_b`, `generator_b_to_a`, `ema_decay`, `seed`,
            `name`, `dtype`: see `TwoDomainModel`.

    Raises:
        ValueError: a weight, clip or critic_steps out of range; networks that don't fit.

    Example:
        >>> networks = {name: build_unet((16, 16, 3), width=4, name=name)
        ...             for name in ("generator_a_to_b", "generator_b_to_a")}
        >>> networks |= {name: build_patch_discriminator((16, 16, 3), None, 4, 1, name=name)
        ...              for name in ("critic_a", "critic_b")}
        >>> model = DualGAN(image_shape=(16, 16, 3), seed=0, **networks)
        >>> model.translate_b_to_a(tf.zeros((1, 16, 16, 3)), seed=3).shape
        (1, 16, 16, 3)
    """

    def __init__(
        self,
        reconstruction_weight=500.0,
        critic_steps=2,
        clip=0.01,
        critic_a=None,
        critic_b=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.reconstruction_weight = checks.not_negative(
            reconstruction_weight=reconstruction_weight
        )
        self.critic_steps = checks.positive(critic_steps=critic_steps)
        self.clip = checks.positive_number(clip=clip)
        shape = self.image_shape
        self.critic_a = critic_a or build_patch_discriminator(shape, name="critic_a")
        self.critic_b = critic_b or build_patch_discriminator(shape, name="critic_b")
        checks.network("critic_a", self.critic_a, [shape])
        checks.network("critic_b", self.critic_b, [shape])
        self.loss = Wasserstein()
        self.set_up()

    @property
    def batches_per_step(self):
        """Each update of the critics sees batches of its own."""
        return self.critic_steps

    def build_generator(self, name):
        """pix2pix's U-Net."""
        return build_unet(self.image_shape, name=name)

    def players(self):
        """Both critics learn together, and so do both generators."""
        return {
            "critic": [self.critic_a, self.critic_b],
            "generator": [self.generator_a_to_b, self.generator_b_to_a],
        }

    def default_optimizers(self):
        """RMSprop(5e-5) for both."""
        return {p: keras.optimizers.RMSprop(5e-5, rho=0.9) for p in self.players()}

    # Algorithm 1 --------------------------------------------------------------------------

    def train_step(self, data):
        """`critic_steps` updates of the critics, then one of the generators."""
        batches = self.unpack_batches(data)
        for images_a, images_b in batches:
            self.update("critic", self.critic_loss, images_a, images_b)
        self.update("generator", self.generator_loss, *batches[-1])
        return self.finish_step()

    def update(self, player, loss_function, *args, **kwargs):
        """One optimizer step; of the critics, with the clipping after it."""
        terms = super().update(player, loss_function, *args, **kwargs)
        if player == "critic":
            for weight in self.player_variables("critic"):
                weight.assign(tf.clip_by_value(weight.value, -self.clip, self.clip))
        return terms

    def critic_loss(self, images_a, images_b):
        """Equations 1 and 2: each critic scores its domain's images above translations."""
        terms = {}
        for domain, critic, images, fakes in (
            ("a", self.critic_a, images_a, self.b_to_a(images_b)),
            ("b", self.critic_b, images_b, self.a_to_b(images_a)),
        ):
            parts = self.loss.discriminator(
                critic(images, training=True), critic(fakes, training=True)
            )
            terms |= {f"{part}_{domain}": value for part, value in parts.items()}
        return terms

    def generator_loss(self, images_a, images_b):
        """Equation 3: find the way back, and raise the critics' scores."""
        fake_b, fake_a = self.a_to_b(images_a), self.b_to_a(images_b)
        weight = self.reconstruction_weight
        return {
            "adversarial_a_to_b": self.loss.generator(self.critic_b(fake_b, training=True)),
            "adversarial_b_to_a": self.loss.generator(self.critic_a(fake_a, training=True)),
            "reconstruction_a": weight * mean_absolute_error(images_a, self.b_to_a(fake_b)),
            "reconstruction_b": weight * mean_absolute_error(images_b, self.a_to_b(fake_a)),
        }
