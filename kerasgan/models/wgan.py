"""Wasserstein GAN, Arjovsky et al. 2017, https://arxiv.org/abs/1701.07875, and
Improved Training of Wasserstein GANs, Gulrajani et al. 2017, https://arxiv.org/abs/1704.00028

What is reproduced: of each paper its algorithm 1. A critic scores samples without bound, several
updates (critic_steps, each on a fresh batch) for one of the generator. WGAN keeps it Lipschitz by
clipping every weight to [-0.01, 0.01], with RMSprop(5e-5); WGANGP by a penalty on the norm of its
gradient on lines from real to fake samples (U[0, 1] mixing, target 1, weight 10), with a critic
free of BatchNorm and Adam(1e-4, beta_1=0, beta_2=0.9).

Departures, and why:
- Networks are DCGAN's at the image's size (WGAN: as in its section 4; WGANGP: the critic without
  normalisation, as its section 4 asks), not WGANGP's residual ones for 64 px and more.
- WGANGP's gradient norm has gradient zero, not infinite, where it is zero.
- The loss that the critic minimises, E[f(fake)] - E[f(real)], is logged as it is; minus it
  estimates the Wasserstein distance (times the Lipschitz constant).
- Latents are normal, and samples come from an exponential moving average, as everywhere in the zoo.
"""

import keras
import tensorflow as tf

from kerasgan import checks, layers, optimizers
from kerasgan.losses import Wasserstein, penalties
from kerasgan.models.unconditional import UnconditionalModel
from kerasgan.networks import dcgan

build_generator = dcgan.build_generator


def build_critic(image_shape=(28, 28, 1), width=64, normalization=None):
    """DCGAN's discriminator as a critic: images -> scores (batch, 1); WGAN: "batch" normalised."""
    return dcgan.build_discriminator(image_shape, width, normalization, name="critic")


class WassersteinModel(UnconditionalModel):
    """What both papers share: critic, losses, and the order of updates.

    Args:
        critic_steps: updates of the critic for each of the generator. `fit` takes as many batches
            of the dataset for one step, and drops those left over at the end of an epoch.
        critic: `keras.Model`, images -> scores of any rank; None builds the default.
        **kwargs: `image_shape`, `latent_dim`, `generator`, `ema_decay`, `seed`, `name`, `dtype`:
            see `UnconditionalModel`.
    """

    def __init__(self, critic_steps=5, critic=None, **kwargs):
        super().__init__(**kwargs)
        self.critic_steps = checks.positive(critic_steps=critic_steps)
        self.critic = critic or self.build_critic()
        checks.network("critic", self.critic, [self.image_shape])
        self.loss = Wasserstein()

    @property
    def batches_per_step(self):
        """Each update of the critic sees a batch of its own."""
        return self.critic_steps

    def build_generator(self):
        """DCGAN's generator at this image's size."""
        return build_generator(self.latent_dim, self.image_shape)

    def build_critic(self):
        """This family's default critic."""
        raise NotImplementedError(f"{type(self).__name__} must implement build_critic().")

    def players(self):
        """The two of the paper."""
        return {"critic": [self.critic], "generator": [self.generator]}

    # Algorithm 1 --------------------------------------------------------------------------

    def train_step(self, data):
        """`critic_steps` updates of the critic, then one of the generator."""
        batches = self.unpack_batches(data)
        for real_images in batches:
            self.update("critic", self.critic_loss, real_images)
        self.update("generator", self.generator_loss, batches[-1])
        return self.finish_step()

    def critic_loss(self, real_images):
        """Score real images above fakes: E[f(fake)] - E[f(real)]."""
        fake_images = self.generator(self.draw_latents(real_images), training=True)
        return self.adversarial_terms(real_images, fake_images)

    def adversarial_terms(self, real_images, fake_images):
        """The critic's two terms."""
        real_scores = self.critic(real_images, training=True)
        fake_scores = self.critic(fake_images, training=True)
        return self.loss.discriminator(real_scores, fake_scores)

    def generator_loss(self, real_images):
        """Raise the critic's score of as many fakes: -E[f(fake)]."""
        fake_images = self.generator(self.draw_latents(real_images), training=True)
        return {"adversarial": self.loss.generator(self.critic(fake_images, training=True))}


@keras.saving.register_keras_serializable("kerasgan")
class WGAN(WassersteinModel):
    """Arjovsky et al. 2017: the critic's weights are clipped after each of its updates.

    Logs `critic_real`, `critic_fake`, `critic_loss`, `generator_adversarial`, `generator_loss`.

    Args:
        clip: the weights of the critic stay in [-clip, clip].
        **kwargs: `critic_steps` (5), `critic`, `image_shape`, `latent_dim`, `generator`,
            `ema_decay`, `seed`, `name`, `dtype`: see `WassersteinModel`.

    Raises:
        ValueError: clip not positive, critic_steps not a positive integer; networks that don't fit.

    Example:
        >>> model = WGAN(image_shape=(8, 8, 1), latent_dim=4, critic_steps=2, seed=0)
        >>> history = model.fit(tf.zeros((8, 8, 8, 1)) - 1.0, batch_size=2, verbose=0)
        >>> max(float(tf.reduce_max(abs(w))) for w in model.critic.trainable_weights) <= 0.01
        True
    """

    def __init__(self, clip=0.01, **kwargs):
        super().__init__(**kwargs)
        self.clip = checks.positive_number(clip=clip)
        self.set_up()

    def build_critic(self):
        """DCGAN's discriminator, BatchNorm included, as in the paper's section 4."""
        return build_critic(self.image_shape, normalization="batch")

    def default_optimizers(self):
        """RMSprop(5e-5) for both: momentum made training unstable (section 4.3)."""
        return {p: keras.optimizers.RMSprop(5e-5, rho=0.99) for p in self.players()}

    def update(self, player, loss_function, *args, **kwargs):
        """One optimizer step; of the critic, with the clipping after it."""
        terms = super().update(player, loss_function, *args, **kwargs)
        if player == "critic":
            for weight in self.player_variables("critic"):
                weight.assign(tf.clip_by_value(weight.value, -self.clip, self.clip))
        return terms


@keras.saving.register_keras_serializable("kerasgan")
class WGANGP(WassersteinModel):
    """Gulrajani et al. 2017: a penalty on the critic's gradient instead of clipping.

    Logs what `WGAN` does, and `critic_gradient_penalty` (weight included).

    Args:
        gradient_penalty_weight: the paper's lambda.
        **kwargs: `critic_steps` (5), `critic`, `image_shape`, `latent_dim`, `generator`,
            `ema_decay`, `seed`, `name`, `dtype`: see `WassersteinModel`.

    Raises:
        ValueError: a weight not positive, critic_steps not a positive integer; networks that don't
            fit, or a critic with BatchNorm (it ties the samples of a batch, while the penalty is
            about each; use "layer" normalization).

    Example:
        >>> model = WGANGP(image_shape=(8, 8, 1), latent_dim=4, critic_steps=2, seed=0)
        >>> history = model.fit(tf.zeros((8, 8, 8, 1)) - 1.0, batch_size=2, verbose=0)
        >>> sorted(history.history)[:2]
        ['critic_fake', 'critic_gradient_penalty']
    """

    def __init__(self, gradient_penalty_weight=10.0, **kwargs):
        super().__init__(**kwargs)
        self.gradient_penalty_weight = checks.positive_number(
            gradient_penalty_weight=gradient_penalty_weight
        )
        batch_norms = [
            layer.name
            for layer in layers.every_layer(self.critic)
            if isinstance(layer, keras.layers.BatchNormalization)
        ]
        if batch_norms:
            raise ValueError(
                "WGANGP's critic must not use BatchNormalization: the penalty is about the "
                "gradient at each sample by itself. Use LayerNormalization, or none. "
                f"Received: critic with {', '.join(batch_norms)}"
            )
        self.set_up()

    def build_critic(self):
        """DCGAN's discriminator without normalisation."""
        return build_critic(self.image_shape, normalization=None)

    def default_optimizers(self):
        """Adam(1e-4, beta_1 = 0, beta_2 = 0.9) for both."""
        return {p: optimizers.Adam(1e-4, 0.0, 0.9) for p in self.players()}

    def critic_loss(self, real_images):
        """Score real images above fakes, with gradients of norm 1 between the two."""
        fake_images = self.generator(self.draw_latents(real_images), training=True)
        mix = self.draw_uniform([tf.shape(real_images)[0]])
        penalty = penalties.gradient_penalty(
            lambda images: self.critic(images, training=True), real_images, fake_images, mix
        )
        return {
            **self.adversarial_terms(real_images, fake_images),
            "gradient_penalty": self.gradient_penalty_weight * penalty,
        }
