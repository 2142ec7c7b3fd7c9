"""What an autoencoder pays for a reconstruction, and a VAE for its posterior: log likelihoods, and
the divergence of a normal distribution from the standard one, each for one example, in nats.

A decoder's output is a map of the images' shape. A `Likelihood` says what it means: the means of
normal pixels (`Gaussian`), or the logits of binary ones (`Bernoulli`).
"""

import math

import keras
from keras import ops

from kerasgan import checks
from kerasgan.losses.configured import Configured


def bernoulli_log_likelihood(images, logits):
    """`log p(x|z)` of binary pixels: Kingma & Welling 2014, appendix C.1.

    Args:
        images: float tensor (batch, ...) in [-1, 1]; -1 is a pixel that is off, 1 one that is on.
            Grey counts as a share of on: then it is a cross-entropy, not a likelihood.
        logits: float tensor of the same shape, logits of a pixel being on.

    Returns:
        Float32 tensor (batch,): the sum over pixels, in nats.

    Example:
        >>> images = ops.ones((1, 2, 2, 1))
        >>> print(f"{float(bernoulli_log_likelihood(images, 0.0 * images)[0]):.4f}")  # 4 log(1/2)
        -2.7726
    """
    images, logits = ops.cast(images, "float32"), ops.cast(logits, "float32")
    share = 0.5 * (images + 1.0)
    return _sum_by_example(share * logits - ops.softplus(logits))


def gaussian_log_likelihood(images, means, deviation=1.0):
    """`log p(x|z)` of normal pixels, all of the same deviation.

    Args:
        images: float tensor (batch, ...).
        means: float tensor of the same shape.
        deviation: the standard deviation, > 0, in the images' unit (their range is 2 wide).

    Returns:
        Float32 tensor (batch,): the sum over pixels, in nats.

    Example:
        >>> images = ops.zeros((1, 2, 2, 1))
        >>> print(f"{float(gaussian_log_likelihood(images, images)[0]):.4f}")  # -4 log(2 pi) / 2
        -3.6758
    """
    errors = (ops.cast(images, "float32") - ops.cast(means, "float32")) / deviation
    constant = math.log(deviation) + 0.5 * math.log(2.0 * math.pi)
    return _sum_by_example(-0.5 * ops.square(errors) - constant)


def kl_to_standard_normal(means, log_variances):
    """`KL(N(mean, variance) || N(0, I))`, diagonal: Kingma & Welling 2014, appendix B.

    Args:
        means: float tensor (batch, latent_dim).
        log_variances: float tensor of the same shape.

    Returns:
        Float32 tensor (batch,), in nats.

    Example:
        >>> zeros = ops.zeros((1, 3))
        >>> kl_to_standard_normal(zeros + 2.0, zeros)  # 3 * 2^2 / 2
        <tf.Tensor: shape=(1,), dtype=float32, numpy=array([6.], dtype=float32)>
    """
    means, log_variances = ops.cast(means, "float32"), ops.cast(log_variances, "float32")
    return _sum_by_example(0.5 * (ops.square(means) + ops.exp(log_variances) - 1.0 - log_variances))


def _sum_by_example(values):
    return ops.sum(values, axis=tuple(range(1, len(values.shape))))


class Likelihood(Configured):
    """What a decoder's output says of the images: `log p(x|z)`, and their mean.

    Objects hold only hyper-parameters: they serialise with the model, and two with equal configs
    are equal.
    """

    def log_likelihood(self, images, outputs):
        """`log p(x|z)` in nats, float32 (batch,), of images given a decoder's outputs."""
        raise NotImplementedError

    def error(self, images, outputs):
        """The error of a plain autoencoder, float32 (batch,): each image's mean over pixels."""
        raise NotImplementedError

    def images(self, outputs):
        """The mean of the pixels, in the images' range, given a decoder's outputs."""
        raise NotImplementedError


@keras.saving.register_keras_serializable("kerasgan")
class Bernoulli(Likelihood):
    """Binary pixels, -1 or 1: the decoder's outputs are logits. The error is the cross-entropy.

    Example:
        >>> Bernoulli().images(ops.zeros((1, 1))) + 0.0  # a pixel that is on as often as off
        <tf.Tensor: shape=(1, 1), dtype=float32, numpy=array([[0.]], dtype=float32)>
    """

    def log_likelihood(self, images, outputs):
        """See `bernoulli_log_likelihood`."""
        return bernoulli_log_likelihood(images, outputs)

    def error(self, images, outputs):
        """Each image's mean binary cross-entropy of a pixel, in nats."""
        return -self.log_likelihood(images, outputs) / math.prod(outputs.shape[1:])

    def images(self, outputs):
        """`2 sigmoid(logit) - 1`: the probability of on, as a grey value in [-1, 1]."""
        return 2.0 * ops.sigmoid(ops.cast(outputs, "float32")) - 1.0


@keras.saving.register_keras_serializable("kerasgan")
class Gaussian(Likelihood):
    """Normal pixels of one deviation: the decoder's outputs are means. The error: the mean square.

    Args:
        deviation: the standard deviation, > 0, in the images' unit (their range is 2 wide). A small
            one weighs the reconstruction more against the divergence.

    Raises:
        ValueError: a deviation that isn't positive.

    Example:
        >>> Gaussian(0.5)
        Gaussian(deviation=0.5)
    """

    def __init__(self, deviation=0.25):
        self.deviation = checks.positive_number(deviation=deviation)

    def log_likelihood(self, images, outputs):
        """See `gaussian_log_likelihood`."""
        return gaussian_log_likelihood(images, outputs, self.deviation)

    def error(self, images, outputs):
        """Each image's mean squared error of a pixel, whatever the deviation."""
        errors = ops.cast(images, "float32") - ops.cast(outputs, "float32")
        return ops.mean(ops.square(errors), axis=tuple(range(1, len(errors.shape))))

    def images(self, outputs):
        """The means themselves."""
        return ops.cast(outputs, "float32")

    def get_config(self):
        """The constructor's arguments."""
        return {"deviation": self.deviation}


_BY_NAME = {"bernoulli": Bernoulli, "gaussian": Gaussian}


def get_likelihood(identifier):
    """A `Likelihood` from "bernoulli", "gaussian" or an object.

    Args:
        identifier: one of the names, or a `Likelihood`, which is returned.

    Raises:
        ValueError: `identifier` is neither.

    Example:
        >>> get_likelihood("bernoulli")
        Bernoulli()
    """
    if isinstance(identifier, Likelihood):
        return identifier
    if isinstance(identifier, str) and identifier in _BY_NAME:
        return _BY_NAME[identifier]()
    raise ValueError(
        "likelihood must be 'bernoulli' (binary pixels), 'gaussian' or an object such as "
        f"kerasgan.losses.reconstruction.Gaussian(0.1). Received: likelihood={identifier!r}"
    )
