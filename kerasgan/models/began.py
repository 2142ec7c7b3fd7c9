"""BEGAN: Boundary Equilibrium Generative Adversarial Networks, Berthelot, Schumm, Metz 2017,
https://arxiv.org/abs/1703.10717

What is reproduced: sections 3.3 and 3.4 (the objective, gamma, k, the convergence measure), the
networks of 3.5 (3x3 convolutions with ELU, two at each size; filters growing linearly, n, 2n, 3n,
..., with each subsampling of stride 2; nearest upsampling; an embedding h without non-linearity; a
generator like the decoder, with weights of its own), both refinements of 3.5.1 (vanishing
residuals, skip connections from h0), uniform latents, h and z of 64, Adam(1e-4), lambda_k = 0.001.

Departures, and why:
- 16 filters by default instead of 64 or 128, and 28 px from a 7x7 map: minutes on a CPU. Larger
  images end in the paper's 8x8. Its widest networks are `build_paper_generator` and
  `build_paper_discriminator`.
- Adam's beta_1 is 0.5 as everywhere in the zoo; the paper names none.
- Samples are clipped to [-1, 1], the range of the zoo. While training they are not: both networks
  end in a convolution without non-linearity, as the paper names none. (With tanh the generator was
  slow to leave grey on images of a dark ground, and k stayed at 0.)
- The generator's update follows the discriminator's instead of sharing its step, as everywhere in
  the zoo; z_D and z_G are drawn apart, as in the paper.
- The learning rate is constant; the paper halves it where M_global stalls. `m_global` is logged, so
  a callback or a schedule can do so.
- The carry of the residuals is counted from step 1 (1 - 1/16,000): at exactly 1 the convolutions
  would have no gradient at all.
- Samples come from an exponential moving average of the generator.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from kerasgan import checks, optimizers
from kerasgan.models.unconditional import UnconditionalModel


@keras.saving.register_keras_serializable("kerasgan")
class VanishingResidual(layers.Layer):
    """`carry * x + (1 - carry) * y`, section 3.5.1; a network uses one layer for all its pairs.

    The carry is a weight, 1 at first, that no optimizer moves: `BEGAN` sets it at each step, so it
    is saved, exported and copied with the network.

    Example:
        >>> layer = VanishingResidual()
        >>> float(layer([keras.ops.ones((1,)), keras.ops.zeros((1,))])[0])
        1.0
    """

    def build(self, input_shape):
        """Makes the carry."""
        self.carry = self.add_weight(
            name="carry", shape=(), initializer="ones", trainable=False,
            aggregation="only_first_replica",
        )  # fmt: skip

    def call(self, inputs):
        """Mixes a layer's input x with its output y."""
        x, y = inputs
        return self.carry * x + (1.0 - self.carry) * y

    def compute_output_shape(self, input_shape):
        """The shape of x."""
        return input_shape[0]


def build_generator(
    latent_dim=64, image_shape=(28, 28, 1), width=16, repeats=2, skip_connections=True
):
    """The decoder of figure 1 as a network: latents in [-1, 1] -> images.

    Args:
        latent_dim: size of a latent.
        image_shape: (H, W, C) with H = W, 7 or 8 doubled once or more: 28, 32, 64, 128, ...
        width: filters n of each convolution.
        repeats: convolutions at each resolution.
        skip_connections: whether h0, the first map, is joined to each map after an upsampling.

    Returns:
        A `keras.Model`: latents (batch, latent_dim) -> images (batch, H, W, C), not bounded.

    Raises:
        ValueError: a size that doubling 7 or 8 doesn't reach.

    Example:
        >>> build_generator(64, (32, 32, 3), width=8).output_shape
        (None, 32, 32, 3)
    """
    latents = keras.Input((latent_dim,), name="latents")
    residual = VanishingResidual()
    x = _decoder(latents, image_shape, width, repeats, skip_connections, residual)
    images = layers.Activation("linear", dtype="float32", name="images")(x)
    return keras.Model(latents, images, name="generator")


def build_discriminator(
    image_shape=(28, 28, 1), embedding_dim=64, width=16, repeats=2, skip_connections=True
):
    """The autoencoder of figure 1: images -> their reconstructions.

    Args:
        image_shape: (H, W, C) with H = W, 7 or 8 doubled once or more: 28, 32, 64, 128, ...
        embedding_dim: size of the embedding h, the layer named "h".
        width: filters n of the first map; each subsampling adds as many.
        repeats: convolutions at each resolution.
        skip_connections: whether the decoder joins h0 to each map after an upsampling.

    Returns:
        A `keras.Model`: images (batch, H, W, C) in [-1, 1] -> the same shape, not bounded.

    Raises:
        ValueError: a size that halving doesn't bring to 7 or 8.

    Example:
        >>> build_discriminator((32, 32, 3), width=8).output_shape
        (None, 32, 32, 3)
    """
    residual = VanishingResidual()
    images = keras.Input(image_shape, name="images")
    _, doublings = _base_and_doublings(image_shape)
    x = _convolution(width)(images)
    for level in range(1, doublings + 2):
        x = _repeated(x, level * width, repeats, residual)  # (batch, H / 2^(level-1), .., level*n)
        if level <= doublings:
            x = _convolution((level + 1) * width, strides=2)(x)
    embedding = layers.Dense(embedding_dim, name="h")(layers.Flatten()(x))
    x = _decoder(embedding, image_shape, width, repeats, skip_connections, residual)
    reconstructions = layers.Activation("linear", dtype="float32", name="reconstructions")(x)
    return keras.Model(images, reconstructions, name="discriminator")


def build_paper_generator(latent_dim=64, image_shape=(128, 128, 3)):
    """The generator at the paper's largest width: n = 128."""
    return build_generator(latent_dim, image_shape, width=128)


def build_paper_discriminator(image_shape=(128, 128, 3)):
    """The discriminator at the paper's largest width: n = 128, so 640 filters at 8x8."""
    return build_discriminator(image_shape, width=128)


def _decoder(state, image_shape, width, repeats, skip_connections, residual):
    base, doublings = _base_and_doublings(image_shape)
    x = layers.Dense(base * base * width)(state)
    x = skip = layers.Reshape((base, base, width), name="h0")(x)
    x = _repeated(x, width, repeats, residual)
    for _ in range(doublings):
        x = layers.UpSampling2D(2)(x)
        if skip_connections:
            skip = layers.UpSampling2D(2)(skip)
            x = layers.Concatenate()([x, skip])  # (batch, h, w, 2n)
        x = _repeated(x, width, repeats, residual)
    return layers.Conv2D(image_shape[-1], 3, padding="same")(x)


def _repeated(x, filters, repeats, residual):
    """Convolutions of one size; each whose input has that size too gets a vanishing residual."""
    for _ in range(repeats):
        y = _convolution(filters)(x)
        x = residual([x, y]) if x.shape[-1] == filters else y
    return x


def _convolution(filters, strides=1):
    return layers.Conv2D(filters, 3, strides, "same", activation="elu")


def _base_and_doublings(image_shape):
    size, doublings = image_shape[0], 0
    while size > 8 and size % 2 == 0:
        size, doublings = size // 2, doublings + 1
    square = len(image_shape) == 3 and image_shape[0] == image_shape[1]
    if not square or size not in (7, 8) or not doublings:
        raise ValueError(
            "image_shape must be (H, W, C) with H = W, 7 or 8 doubled once or more, such as 28, 32 "
            "or 64; resize the images (kerasgan.data takes image_size=), or give networks of your "
            f"own. Received: image_shape={image_shape}"
        )
    return size, doublings


@keras.saving.register_keras_serializable("kerasgan")
class BEGAN(UnconditionalModel):
    """An autoencoder that reconstructs real images and not fakes, against a generator whose fakes
    it is to reconstruct, held in balance by k.

    With `L(v)` the mean of `|v - D(v)|**norm`, section 3.3:
    `L_D = L(x) - k L(G(z_D))`, `L_G = L(G(z_G))`, `k += lambda_k * (gamma L(x) - L(G(z_G)))`, k
    within [0, 1]; and section 3.4.1: `M_global = L(x) + |gamma L(x) - L(G(z_G))|`.

    Logs `discriminator_real` (`L(x)`), `discriminator_fake` (`-k L(G(z_D))`),
    `discriminator_loss`, `generator_adversarial` (`L(G(z_G))`), `generator_loss`, `k` (after the
    step) and `m_global`, which falls as training converges: callbacks can monitor it, with
    `mode="min"`. `model.k` is the weight itself.

    Args:
        image_shape: (H, W, C) of the images, float32 in [-1, 1].
        latent_dim: size of a latent, uniform in [-1, 1].
        gamma: in (0, 1], the ratio `L(G(z)) / L(x)` that k aims at: the lower, the sharper the
            images and the smaller their diversity. Where the ground is of one colour (MNIST), low
            values make faint images, as emptier ones are easier to reconstruct: try 1.
        lambda_k: by how much a step moves k, > 0.
        norm: 1 or 2, the power in `L` (the paper's eta).
        residual_steps: steps over which the residuals' carry falls from 1 to 0; 0: no residuals.
            The paper's 16,000 are for long runs: give a shorter one a like share.
        generator: `keras.Model`, latents (batch, latent_dim) -> images; None builds the default.
        discriminator: `keras.Model`, images -> reconstructions; None builds the default.
        **kwargs: `ema_decay`, `seed`, `name`, `dtype`: see `AdversarialModel`.

    Raises:
        ValueError: an argument out of its range; networks whose shapes don't fit each other.

    Example:
        >>> model = BEGAN(image_shape=(16, 16, 1), latent_dim=4, residual_steps=1_000, seed=0)
        >>> model.generate(2, seed=0).shape, float(model.k.numpy())
        ((2, 16, 16, 1), 0.0)
    """

    latent_distribution = "uniform"

    def __init__(
        self,
        image_shape=(28, 28, 1),
        latent_dim=64,
        gamma=0.5,
        lambda_k=0.001,
        norm=1,
        residual_steps=16_000,
        generator=None,
        discriminator=None,
        **kwargs,
    ):
        super().__init__(image_shape, latent_dim, generator, **kwargs)
        if not isinstance(gamma, (int, float, np.number)) or not 0.0 < gamma <= 1.0:
            raise ValueError(
                "gamma is the diversity ratio L(G(z)) / L(x) and must lie in (0, 1]. "
                f"Received: gamma={gamma!r}"
            )
        if norm not in (1, 2):
            raise ValueError(f"norm must be 1 or 2. Received: norm={norm!r}")
        if not isinstance(residual_steps, int) or residual_steps < 0:
            raise ValueError(
                "residual_steps must be an integer, 0 (no residuals) or more. "
                f"Received: residual_steps={residual_steps!r}"
            )
        self.gamma = float(gamma)
        self.lambda_k = checks.positive_number(lambda_k=lambda_k)
        self.norm = norm
        self.residual_steps = residual_steps
        self.discriminator = discriminator or self.build_discriminator()
        checks.network("discriminator", self.discriminator, [self.image_shape], self.image_shape)
        self.k = self.add_weight(
            name="k", shape=(), dtype="float32", initializer="zeros", trainable=False,
            aggregation="only_first_replica",
        )  # fmt: skip
        self.set_up()

    def build_generator(self):
        """This family's default generator."""
        return build_generator(self.latent_dim, self.image_shape)

    def build_discriminator(self):
        """This family's default discriminator, with an embedding of the latents' size."""
        return build_discriminator(self.image_shape, embedding_dim=self.latent_dim)

    def players(self):
        """The two of the paper."""
        return {"discriminator": [self.discriminator], "generator": [self.generator]}

    def default_optimizers(self):
        """Adam(1e-4, beta_1 = 0.5) for both."""
        return {p: optimizers.Adam(1e-4, beta_1=0.5) for p in self.players()}

    # Sections 3.3 and 3.4 -----------------------------------------------------------------

    def train_step(self, data):
        """One update of the discriminator, one of the generator, one of k."""
        real_images = self.unpack(data)
        self.vanish_residuals()
        judged = self.update("discriminator", self.discriminator_loss, real_images)
        made = self.update("generator", self.generator_loss, real_images)
        self.update_balance(judged["real"], made["adversarial"])
        return self.finish_step()

    def discriminator_loss(self, real_images):
        """Reconstruct real images; reconstruct fakes badly, by the weight k."""
        fake_images = self.generator(self.draw_latents(real_images), training=True)
        return {
            "real": self.reconstruction_loss(real_images),
            "fake": -self.k * self.reconstruction_loss(fake_images),
        }

    def generator_loss(self, real_images):
        """Have fakes, drawn afresh, reconstructed well."""
        fake_images = self.generator(self.draw_latents(real_images), training=True)
        return {"adversarial": self.reconstruction_loss(fake_images)}

    def reconstruction_loss(self, images):
        """L: the mean over pixels and images of `|v - D(v)|**norm`."""
        errors = images - self.discriminator(images, training=True)
        return tf.reduce_mean(tf.abs(errors) if self.norm == 1 else tf.square(errors))

    def update_balance(self, real_loss, fake_loss):
        """Moves k, and tracks it and M_global."""
        balance = self.gamma * real_loss - fake_loss
        self.k.assign(tf.clip_by_value(self.k + self.lambda_k * _replica_mean(balance), 0.0, 1.0))
        self.track("k", self.k)
        self.track("m_global", real_loss + tf.abs(balance))

    def images_from(self, latents):
        """Images (batch, H, W, C) of given latents (batch, latent_dim), clipped to [-1, 1]."""
        return tf.clip_by_value(super().images_from(latents), -1.0, 1.0)

    def vanish_residuals(self):
        """Sets the carry of both networks, 1 - t / residual_steps in step t (from 1)."""
        step = tf.cast(self.step_counter + 1, tf.float32)
        carry = tf.maximum(0.0, 1.0 - step / max(1, self.residual_steps))
        for network in (self.discriminator, self.generator):
            for layer in network.layers:
                if isinstance(layer, VanishingResidual):
                    layer.carry.assign(carry)


def _replica_mean(value):
    replica = tf.distribute.get_replica_context()
    return replica.all_reduce("MEAN", value) if replica.num_replicas_in_sync > 1 else value
