"""The variational autoencoder: Auto-Encoding Variational Bayes, Kingma & Welling 2014,
https://arxiv.org/abs/1312.6114

What is reproduced: the estimator of equation 7 (the divergence in closed form, of appendix B, and
one sample of the latents by the reparameterisation trick, L = 1), Bernoulli and Gaussian decoders
(appendix C), a normal posterior of diagonal covariance whose encoder gives mean and log variance,
the prior N(0, I). The paper's perceptrons are `build_paper_encoder` and `build_paper_decoder`.
`beta` is beta-VAE's (Higgins et al. 2017, https://openreview.net/forum?id=Sy2fzU9gl), and
`importance_weighted_bound` is that of Burda et al. 2016, https://arxiv.org/abs/1509.00519,
equation 8, for measuring a trained model.

Departures, and why:
- Convolutions by default, Adam(1e-3) instead of Adagrad: better in the same minutes.
- No prior over the weights (the paper's MAP estimate decays them a little).
- A Gaussian decoder has one deviation for all pixels, which is given: one learnt for each pixel
  makes the likelihood unbounded where a pixel is always black.
- Images are in [-1, 1]; binary pixels are -1 and 1.
- Samples and bounds come from an exponential moving average of both networks.
"""

import types

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from kerasgan import checks, specs
from kerasgan.losses import reconstruction
from kerasgan.models import autoencoder
from kerasgan.models import latents as latent_draws

build_decoder = autoencoder.build_decoder
BINARISATIONS = (None, "dynamic", "threshold")


def build_encoder(latent_dim=32, image_shape=(28, 28, 1), width=32):
    """The autoencoder's encoder with two outputs: the posterior's mean and log variance.

    Args:
        latent_dim: size of a latent.
        image_shape: (H, W, C) with H = W, 28 or a power of two from 8 to 1024.
        width: channels of the first map; each map after it has twice as many.

    Returns:
        A `keras.Model`: images (batch, H, W, C) -> [means, log variances], each
        (batch, latent_dim).

    Raises:
        ValueError: a size that repeated halving doesn't bring to 4 or 7.

    Example:
        >>> build_encoder(8, (32, 32, 3), width=4).output_shape
        [(None, 8), (None, 8)]
    """
    images = keras.Input(image_shape, name="images")
    return _posterior(images, autoencoder.encoder_trunk(images, image_shape, width), latent_dim)


def build_paper_encoder(latent_dim=20, image_shape=(28, 28, 1), units=500):
    """Appendix C.2: one layer of `units` tanh units, 500 for MNIST in section 5."""
    images = keras.Input(image_shape, name="images")
    x = layers.Dense(units, activation="tanh")(layers.Flatten()(images))
    return _posterior(images, x, latent_dim)


def build_paper_decoder(latent_dim=20, image_shape=(28, 28, 1), units=500):
    """Appendix C.1: one layer of `units` tanh units, then a logit for each pixel."""
    latents = keras.Input((latent_dim,), name="latents")
    x = layers.Dense(units, activation="tanh")(latents)
    x = layers.Dense(int(np.prod(image_shape)), dtype="float32")(x)
    outputs = layers.Reshape(image_shape, dtype="float32", name="outputs")(x)
    return keras.Model(latents, outputs, name="decoder")


def _posterior(images, features, latent_dim):
    means = layers.Dense(latent_dim, dtype="float32", name="means")(features)
    log_variances = layers.Dense(latent_dim, dtype="float32", name="log_variances")(features)
    return keras.Model(images, [means, log_variances], name="encoder")


@keras.saving.register_keras_serializable("kerasgan")
class VAE(autoencoder.AutoEncoder):
    """An encoder and a decoder trained together to maximise the evidence lower bound,
    `ELBO = E_q[log p(x|z)] - KL(q(z|x) || N(0, I)) <= log p(x)`, in nats for one image.

    Logs `autoencoder_reconstruction` (minus the first part), `autoencoder_kl` (`beta` times the
    second), `autoencoder_loss` (their sum) and `elbo` (of beta = 1, whatever `beta`); on
    validation data `val_reconstruction`, `val_kl` and `val_elbo`, of the EMA networks and without
    `beta`. Callbacks can monitor `val_elbo` with `mode="max"`.

    An ELBO can be compared with published ones only if the data are binary and the likelihood is
    Bernoulli; of grey pixels a Bernoulli "likelihood" is a cross-entropy, and no bound.

    Args:
        image_shape: (H, W, C) of the images, float32 in [-1, 1]; or (D,) for points in D
            dimensions, of any range, with networks of your own.
        latent_dim: size of a latent.
        likelihood: name or object of `kerasgan.losses.reconstruction`: "bernoulli" (the decoder's
            outputs are logits) or "gaussian" (they are means), `Gaussian(deviation)`.
        beta: weight of the divergence, > 0: 1 is the VAE; above, a simpler posterior.
        binarisation: what the model itself does with images, in training and in `evaluate`, before
            all else. None: nothing (data that are binary already stay what they are). "dynamic":
            each pixel is drawn anew at each step, on with the probability of its grey value, by
            draws that resume; each `evaluate` makes the same draws. "threshold": on where above 0.
        encoder: `keras.Model`, images -> [means, log variances]; None builds the default.
        generator: the decoder, under the name that the zoo's tools know: `keras.Model`, latents ->
            outputs (batch, H, W, C); None builds the default.
        **kwargs: `ema_decay`, `seed`, `name`, `dtype`: see `AdversarialModel`.

    Raises:
        ValueError: an argument out of its range; networks whose shapes don't fit each other.

    Example:
        >>> model = VAE(image_shape=(8, 8, 1), latent_dim=2, binarisation="dynamic", seed=0)
        >>> history = model.fit(np.zeros((8, 8, 8, 1), "float32"), batch_size=4, verbose=0)
        >>> model.generate(2, seed=0).shape, model.encode(np.zeros((3, 8, 8, 1), "float32")).shape
        ((2, 8, 8, 1), (3, 2))
    """

    test_terms = ("reconstruction", "kl", "elbo")

    def __init__(
        self,
        image_shape=(28, 28, 1),
        latent_dim=32,
        likelihood="bernoulli",
        beta=1.0,
        binarisation=None,
        encoder=None,
        generator=None,
        **kwargs,
    ):
        if binarisation not in BINARISATIONS:
            raise ValueError(
                f"binarisation must be one of {BINARISATIONS}. "
                f"Received: binarisation={binarisation!r}"
            )
        super().__init__(image_shape, latent_dim, likelihood, encoder, generator, **kwargs)
        self.beta = checks.positive_number(beta=beta)
        self.binarisation = binarisation

    def build_encoder(self):
        """This family's default encoder."""
        return build_encoder(self.latent_dim, self.image_shape)

    def check_encoder(self):
        """ValueError unless the encoder turns images into [means, log variances]."""
        made, latents = [tuple(o.shape[1:]) for o in self.encoder.outputs], (self.latent_dim,)
        if made != [latents] * 2:
            raise ValueError(
                f"encoder must return [means, log variances], each of shape ({self.latent_dim},) "
                f"(without the batch axis). Received: a network that returns {made}"
            )
        checks.network("encoder", self.encoder, [self.image_shape], latents, further=[latents])

    def set_up(self):
        """As `AdversarialModel.set_up`; what is compiled of the EMA networks is made anew."""
        super().set_up()
        # In a holder: tf.saved_model stores each tf.function that is an attribute.
        self._compiled = types.SimpleNamespace(log_weight=tf.function(self._log_weight))

    # Equations 7 and 10 -------------------------------------------------------------------

    def train_step(self, data):
        """One update of both networks, by the negative ELBO of the batch."""
        images = self.binarised(self.unpack(data))
        terms = self.update("autoencoder", self.negative_elbo, images)
        self.track("elbo", -terms["reconstruction"] - terms["kl"] / self.beta)
        return self.finish_step()

    def negative_elbo(self, images):
        """Minus the two parts of the bound, the divergence weighted by beta."""
        means, log_variances = self.encoder(images, training=True)
        outputs = self.generator(self.reparameterise(means, log_variances), training=True)
        kl = reconstruction.kl_to_standard_normal(means, log_variances)
        return {
            "reconstruction": -tf.reduce_mean(self.likelihood.log_likelihood(images, outputs)),
            "kl": self.beta * tf.reduce_mean(kl),
        }

    def reparameterise(self, means, log_variances):
        """`z = mean + deviation * e`, e from N(0, I): z has a gradient with respect to both."""
        return means + tf.exp(0.5 * log_variances) * self.draw_normal(tf.shape(means))

    def binarised(self, images):
        """The images as `binarisation` says; pixels are -1 or 1 then."""
        if self.binarisation is None:
            return images
        thresholds = 0.0
        if self.binarisation == "dynamic":
            thresholds = self.draw_uniform(tf.shape(images), -1.0, 1.0)
        return tf.where(images > thresholds, 1.0, -1.0)

    # Measuring: EMA networks --------------------------------------------------------------

    def measure(self, images):
        """`reconstruction`, `kl` and `elbo` of each image, binarised as in training."""
        images = self.binarised(images)
        means, log_variances = self.ema_encoder(images, training=False)
        latents = self.reparameterise(means, log_variances)
        outputs = self.ema_generator(latents, training=False)
        log_likelihood = self.likelihood.log_likelihood(images, outputs)
        kl = reconstruction.kl_to_standard_normal(means, log_variances)
        return {"reconstruction": -log_likelihood, "kl": kl, "elbo": log_likelihood - kl}

    def importance_weighted_bound(self, images, samples=100, seed=0):
        """A bound of `log p(x)` that grows with the number of samples, to which 1 gives the ELBO.

        `log(1/k sum_i p(x, z_i) / q(z_i|x))`, z_i from q(z|x): Burda et al. 2016, equation 8.

        Args:
            images: array (n, H, W, C), float32 in [-1, 1]; binarised as in training.
            samples: k, latents drawn for each image; the work grows with it.
            seed: int in [0, 2**31), of all draws.

        Returns:
            Array (n,), float32, in nats. Its mean over images is the bound of the data.

        Raises:
            ValueError: images of another shape, dtype or range; samples not positive; a seed out of
                its range.
        """
        images, samples = np.asarray(images), checks.positive(samples=samples)
        specs.check_array("images", images, self.data_spec()[0])
        seed, weight = checks.seed(seed), self._compiled.log_weight
        self._open_stream(tf.constant(-1 - seed, tf.int64))
        images = np.asarray(self.binarised(tf.constant(images)))

        def bound(images, rows):
            start = seed * 2**32 + tf.cast(rows[0], tf.int64)
            weights = [weight(images, tf.stack([start, i])) for i in range(samples)]
            return tf.reduce_logsumexp(weights, axis=0) - np.log(samples).astype("float32")

        return latent_draws.in_chunks(bound, images, np.arange(len(images)))

    def _log_weight(self, images, seeds):
        """`log p(x|z) + log p(z) - log q(z|x)`, float32 (batch,), for one z from q(z|x)."""
        means, log_variances = self.ema_encoder(images, training=False)
        noise = tf.random.stateless_normal(tf.shape(means), seeds)
        latents = means + tf.exp(0.5 * log_variances) * noise
        outputs = self.ema_generator(latents, training=False)
        # The densities' constants, -log(2 pi) / 2 for each latent, cancel.
        log_prior = -0.5 * tf.reduce_sum(tf.square(latents), axis=1)
        log_posterior = -0.5 * tf.reduce_sum(tf.square(noise) + log_variances, axis=1)
        return self.likelihood.log_likelihood(images, outputs) + log_prior - log_posterior

    def latents_from(self, images):
        """The posterior's means (batch, latent_dim), of images as they are: grey pixels are not
        drawn, so that the same image has the same latents.
        """
        return self.ema_encoder(images, training=False)[0]
