"""The autoencoder: Reducing the Dimensionality of Data with Neural Networks, Hinton and
Salakhutdinov 2006, https://doi.org/10.1126/science.1127647

What is reproduced: an encoder that squeezes an image through a code of few numbers, a decoder that
makes the image of it again, trained together by the reconstruction's error. It is the VAE
(`kerasgan.models.vae`) without its prior: the same networks, no noise, no divergence.

Departures, and why:
- Convolutions with ReLU, trained by Adam from random weights: the paper's layer-wise pretraining of
  sigmoid perceptrons is not needed any more.
- The code is standardised by a BatchNorm without scale and centre, so that each of its numbers has
  mean 0 and variance 1. So `generate` has something to draw from: N(0, I) has the codes' means and
  variances. It has neither their correlations nor their shape, and many samples look like nothing;
  that is what the VAE's prior is for.
- Samples come from an exponential moving average of both networks.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from kerasgan import checks, optimizers, specs
from kerasgan.layers import Conv2DTranspose
from kerasgan.losses import reconstruction
from kerasgan.models import latents as latent_draws
from kerasgan.models.unconditional import UnconditionalModel
from kerasgan.networks import dcgan


def build_encoder(latent_dim=32, image_shape=(28, 28, 1), width=32):
    """Strided convolutions, one dense layer, a standardised code.

    Args:
        latent_dim: size of a code.
        image_shape: (H, W, C) with H = W, 28 or a power of two from 8 to 1024.
        width: channels of the first map; each map after it has twice as many.

    Returns:
        A `keras.Model`: images (batch, H, W, C) -> codes (batch, latent_dim).

    Raises:
        ValueError: a size that repeated halving doesn't bring to 4 or 7.

    Example:
        >>> build_encoder(8, (32, 32, 3), width=4).output_shape
        (None, 8)
    """
    images = keras.Input(image_shape, name="images")
    x = encoder_trunk(images, image_shape, width)
    x = layers.Dense(latent_dim, dtype="float32")(x)
    codes = layers.BatchNormalization(center=False, scale=False, dtype="float32", name="codes")(x)
    return keras.Model(images, codes, name="encoder")


def build_decoder(latent_dim=32, image_shape=(28, 28, 1), width=32):
    """The encoder's mirror image: two dense layers, then transposed convolutions.

    Args:
        latent_dim: size of a code.
        image_shape: (H, W, C) with H = W, 28 or a power of two from 8 to 1024.
        width: channels of the last hidden map; each map before it has twice as many.

    Returns:
        A `keras.Model`: codes (batch, latent_dim) -> outputs (batch, H, W, C), not bounded: logits
        or means, as the likelihood says.

    Raises:
        ValueError: a size that repeated doubling doesn't reach.

    Example:
        >>> build_decoder(8, (32, 32, 3), width=4).output_shape
        (None, 32, 32, 3)
    """
    base, doublings = dcgan.base_and_doublings(image_shape)
    channels = width * 2 ** (doublings - 1)
    latents = keras.Input((latent_dim,), name="latents")
    x = layers.Dense(8 * width, activation="relu")(latents)
    x = layers.Dense(base * base * channels, activation="relu")(x)
    x = layers.Reshape((base, base, channels))(x)  # (batch, base, base, channels)
    for _ in range(doublings - 1):
        channels //= 2
        x = Conv2DTranspose(channels, 4, 2, "same", activation="relu")(x)
    outputs = Conv2DTranspose(image_shape[-1], 4, 2, "same", dtype="float32", name="outputs")
    return keras.Model(latents, outputs(x), name="decoder")


def encoder_trunk(images, image_shape, width):
    """From images to a vector of 8 `width` features (batch, 8 * width)."""
    _, halvings = dcgan.base_and_doublings(image_shape)
    x = images
    for i in range(halvings):
        x = layers.Conv2D(width * 2**i, 4, 2, "same", activation="relu")(x)
    return layers.Dense(8 * width, activation="relu")(layers.Flatten()(x))


@keras.saving.register_keras_serializable("kerasgan")
class AutoEncoder(UnconditionalModel):
    """One player, the encoder and the decoder together, that learns to reconstruct images.

    Logs `autoencoder_reconstruction` (the error of a pixel) and `autoencoder_loss`, the same; on
    validation data `val_reconstruction`, with the EMA networks.

    Args:
        image_shape: (H, W, C) of the images, float32 in [-1, 1]; or (D,) for points in D
            dimensions, of any range, with networks of your own.
        latent_dim: size of a code.
        likelihood: name or object of `kerasgan.losses.reconstruction`: "gaussian" (the decoder's
            outputs are images, the error is the mean square) or "bernoulli" (they are logits, the
            error is the binary cross-entropy).
        encoder: `keras.Model`, images -> codes (batch, latent_dim); None builds the default.
        generator: the decoder, under the name that the zoo's tools know: `keras.Model`, codes ->
            outputs (batch, H, W, C); None builds the default.
        **kwargs: `ema_decay`, `seed`, `name`, `dtype`: see `AdversarialModel`.

    Raises:
        ValueError: an unknown likelihood; networks whose shapes don't fit each other.

    Example:
        >>> model = AutoEncoder(image_shape=(8, 8, 1), latent_dim=2, seed=0)
        >>> images = np.zeros((3, 8, 8, 1), "float32")
        >>> model.encode(images).shape, model.reconstruct(images).shape
        ((3, 2), (3, 8, 8, 1))
    """

    averaged = ("encoder", "generator")
    test_terms = ("reconstruction",)  # what `evaluate` gives, from `measure`

    def __init__(
        self,
        image_shape=(28, 28, 1),
        latent_dim=32,
        likelihood="gaussian",
        encoder=None,
        generator=None,
        **kwargs,
    ):
        super().__init__(image_shape, latent_dim, generator, **kwargs)
        self.likelihood = reconstruction.get_likelihood(likelihood)
        self.encoder = encoder or self.build_encoder()
        self.check_encoder()
        self.set_up()

    def build_encoder(self):
        """This family's default encoder."""
        return build_encoder(self.latent_dim, self.image_shape)

    def build_generator(self):
        """This family's default decoder."""
        return build_decoder(self.latent_dim, self.image_shape)

    def check_encoder(self):
        """ValueError unless the encoder turns images into codes."""
        checks.network("encoder", self.encoder, [self.image_shape], (self.latent_dim,))

    def players(self):
        """One: encoder and decoder."""
        return {"autoencoder": [self.encoder, self.generator]}

    def default_optimizers(self):
        """Adam(1e-3)."""
        return {"autoencoder": optimizers.Adam(1e-3)}

    def train_step(self, data):
        """One update of both networks."""
        self.update("autoencoder", self.reconstruction_loss, self.unpack(data))
        return self.finish_step()

    def reconstruction_loss(self, images):
        """The error of the images' reconstructions."""
        outputs = self.generator(self.encoder(images, training=True), training=True)
        return {"reconstruction": tf.reduce_mean(self.likelihood.error(images, outputs))}

    # Validation ---------------------------------------------------------------------------

    def compile(self, **arguments):
        """As `AdversarialModel.compile`; the one optimizer is `autoencoder_optimizer`."""
        self._test_means = {name: keras.metrics.Mean(name=name) for name in self.test_terms}
        super().compile(**arguments)

    def test_step(self, data):
        """Adds a batch to the compiled metrics and to the means of `measure`'s terms."""
        logs = super().test_step(data)
        for name, values in self.measure(self._parts(data)).items():
            self._test_means[name].update_state(values)  # a mean over images, not over batches
        return logs

    def measure(self, images):
        """What `evaluate` takes the means of: dict, term -> float32 (batch,); EMA networks."""
        outputs = self.ema_generator(self.ema_encoder(images, training=False), training=False)
        return {"reconstruction": self.likelihood.error(images, outputs)}

    @property
    def metrics(self):
        """The trackers of training, the compiled metrics and the means of validation."""
        return [*super().metrics, *self._test_means.values()]

    def evaluate(self, *args, return_dict=False, **kwargs):
        """As `AdversarialModel.evaluate`; the means of `measure`'s terms come first."""
        logs = super().evaluate(*args, return_dict=True, **kwargs)
        means = {name: float(mean.result()) for name, mean in self._test_means.items()}
        logs = {**means, **logs}
        return logs if return_dict else list(logs.values())

    # Use: EMA networks --------------------------------------------------------------------

    def encode(self, images):
        """Codes of images.

        Args:
            images: array (n, H, W, C), float32 in [-1, 1].

        Returns:
            Array (n, latent_dim), float32.

        Raises:
            ValueError: images of another shape, dtype or range.
        """
        images = np.asarray(images)
        specs.check_array("images", images, self.data_spec()[0])
        return latent_draws.in_chunks(self.latents_from, images)

    def decode(self, latents):
        """Images of codes.

        Args:
            latents: array (n, latent_dim).

        Returns:
            Array (n, H, W, C), float32 in [-1, 1].

        Raises:
            ValueError: latents of another size, none, NaN or infinite ones.
        """
        latents = checks.latents(np.asarray(latents, "float32"), self.latent_dim)
        if not len(latents) or not np.isfinite(latents).all():
            raise ValueError(
                "latents must be finite numbers, at least one row. Received: latents of shape "
                f"{latents.shape}, {np.sum(~np.isfinite(latents))} NaN or infinite"
            )
        return latent_draws.in_chunks(self.images_from, latents)

    def reconstruct(self, images):
        """Images (n, H, W, C) that the decoder makes of the codes of images; see `encode`."""
        return self.decode(self.encode(images))

    def latents_from(self, images):
        """Codes (batch, latent_dim) of images, by the EMA encoder."""
        return self.ema_encoder(images, training=False)

    def images_from(self, latents):
        """Images (batch, H, W, C) of latents (batch, latent_dim): the mean of the pixels, clipped
        to [-1, 1]; points are not clipped.
        """
        images = self.likelihood.images(super().images_from(latents))
        return images if len(self.image_shape) == 1 else tf.clip_by_value(images, -1.0, 1.0)

    def signatures(self):
        """Those of an unconditional model, `encode` and `reconstruct`."""
        images_spec = tf.TensorSpec([None, *self.image_shape], tf.float32, name="images")

        def encode(images):
            images = tf.debugging.check_numerics(images, "images must be finite numbers.")
            return {"latents": latent_draws.in_chunks_tensor(self.latents_from, images)}

        def reconstruct(images):
            latents = encode(images)["latents"]
            return {"images": latent_draws.in_chunks_tensor(self.images_from, latents)}

        return {
            **super().signatures(),
            "encode": (encode, [images_spec]),
            "reconstruct": (reconstruct, [images_spec]),
        }
