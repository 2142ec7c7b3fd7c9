"""Adversarial losses as pure functions on logits of any rank.

Conventions, the same for every pair:

* inputs are logits (or critic scores), never probabilities; D(x) below is sigmoid(logit);
* a loss is the mean over all elements, computed in float32 whatever the dtype of the logits;
* a discriminator's loss is its real part plus its fake part: a sum, not halved.

The formulas of the discriminators' parts are in `kerasgan.losses.terms`; the objects that a model
holds, in `kerasgan.losses.objectives`, use the same ones.
"""

from kerasgan.losses import terms


def minimax_discriminator_loss(real_logits, fake_logits, label_smoothing=0.0):
    """Cross-entropy of a discriminator that tells real from fake.

    Goodfellow et al. 2014, "Generative Adversarial Networks":
    `-E[log D(x)] - E[log(1 - D(G(z)))]`. With one-sided label smoothing s (Salimans et al. 2016,
    "Improved Techniques for Training GANs") the target of the real images is 1 - s.

    Args:
        real_logits: Float tensor of any shape, logits of real samples.
        fake_logits: Float tensor of any shape, logits of generated samples.
        label_smoothing: Float in [0, 0.5), applied to the real part only.

    Returns:
        A float32 scalar >= 0.

    Raises:
        ValueError: If `label_smoothing` is outside [0, 0.5).

    Example:
        >>> from kerasgan import losses
        >>> round(float(losses.minimax_discriminator_loss([[0.0]], [[0.0]])), 4)  # 2 log 2
        1.3863
    """
    return _total(terms.cross_entropy_terms(real_logits, fake_logits, label_smoothing))


def minimax_generator_loss(fake_logits):
    """The generator's side of the minimax game, which saturates when D wins.

    Goodfellow et al. 2014, equation 1: `E[log(1 - D(G(z)))]`.

    Args:
        fake_logits: Float tensor of any shape, logits of generated samples.

    Returns:
        A float32 scalar <= 0.

    Example:
        >>> from kerasgan import losses
        >>> round(float(losses.minimax_generator_loss([[0.0]])), 4)  # log(1/2)
        -0.6931
    """
    return -terms.cross_entropy_to_fake(fake_logits)


def non_saturating_discriminator_loss(real_logits, fake_logits, label_smoothing=0.0):
    """The same cross-entropy as `minimax_discriminator_loss`.

    Goodfellow et al. 2014, section 3: only the generator's loss differs.

    Args:
        real_logits: Float tensor of any shape, logits of real samples.
        fake_logits: Float tensor of any shape, logits of generated samples.
        label_smoothing: Float in [0, 0.5), applied to the real part only.

    Returns:
        A float32 scalar >= 0.

    Raises:
        ValueError: If `label_smoothing` is outside [0, 0.5).

    Example:
        >>> from kerasgan import losses
        >>> round(float(losses.non_saturating_discriminator_loss([0.0], [0.0])), 4)
        1.3863
    """
    return minimax_discriminator_loss(real_logits, fake_logits, label_smoothing)


def non_saturating_generator_loss(fake_logits):
    """The generator's loss with strong gradients while D wins.

    Goodfellow et al. 2014, section 3: `-E[log D(G(z))]`.

    Args:
        fake_logits: Float tensor of any shape, logits of generated samples.

    Returns:
        A float32 scalar >= 0.

    Example:
        >>> from kerasgan import losses
        >>> round(float(losses.non_saturating_generator_loss([0.0, 0.0])), 4)  # log 2
        0.6931
    """
    return terms.cross_entropy_to_real(fake_logits)


def least_squares_discriminator_loss(real_logits, fake_logits, a=0.0, b=1.0):
    """Squared distance of the outputs to one label for fake and one for real.

    Mao et al. 2017, "Least Squares Generative Adversarial Networks", equation 2:
    `E[(D(x) - b)^2] / 2 + E[(D(G(z)) - a)^2] / 2`, where D is linear.

    Args:
        real_logits: Float tensor of any shape, outputs for real samples.
        fake_logits: Float tensor of any shape, outputs for generated samples.
        a: Finite float, the label of fake samples.
        b: Finite float other than `a`, the label of real samples.

    Returns:
        A float32 scalar >= 0.

    Raises:
        ValueError: If a label is not finite, or `a` equals `b`.

    Example:
        >>> from kerasgan import losses
        >>> float(losses.least_squares_discriminator_loss([2.0], [3.0]))  # 1/2 + 9/2
        5.0
    """
    return _total(terms.least_squares_terms(real_logits, fake_logits, a, b))


def least_squares_generator_loss(fake_logits, c=1.0):
    """Squared distance of the outputs for fakes to the label that G wants.

    Mao et al. 2017, equation 2: `E[(D(G(z)) - c)^2] / 2`.

    Args:
        fake_logits: Float tensor of any shape, outputs for generated samples.
        c: Finite float, the label that G wants D to believe.

    Returns:
        A float32 scalar >= 0.

    Raises:
        ValueError: If `c` is not finite.

    Example:
        >>> from kerasgan import losses
        >>> float(losses.least_squares_generator_loss([3.0]))
        2.0
    """
    terms.check_finite(c=c)
    return terms.half_squared_distance(fake_logits, c)


def wasserstein_discriminator_loss(real_logits, fake_logits):
    """The critic's estimate of the Wasserstein-1 distance, negated.

    Arjovsky et al. 2017, "Wasserstein GAN", equation 3: `E[f(G(z))] - E[f(x)]`. It is a distance
    only if the critic is Lipschitz, by clipping or a gradient penalty, which is not in here.

    Args:
        real_logits: Float tensor of any shape, scores of real samples.
        fake_logits: Float tensor of any shape, scores of generated samples.

    Returns:
        A float32 scalar.

    Example:
        >>> from kerasgan import losses
        >>> float(losses.wasserstein_discriminator_loss([3.0, 5.0], [1.0]))
        -3.0
    """
    return _total(terms.wasserstein_terms(real_logits, fake_logits))


def wasserstein_generator_loss(fake_logits):
    """The critic's mean score of fakes, negated.

    Arjovsky et al. 2017, algorithm 1: `-E[f(G(z))]`.

    Args:
        fake_logits: Float tensor of any shape, scores of generated samples.

    Returns:
        A float32 scalar.

    Example:
        >>> from kerasgan import losses
        >>> float(losses.wasserstein_generator_loss([1.0, 2.0]))
        -1.5
    """
    return -terms.mean(fake_logits)


def hinge_discriminator_loss(real_logits, fake_logits):
    """Hinge loss with margin 1 on either side.

    Lim and Ye 2017, "Geometric GAN"; Miyato et al. 2018, equation 16:
    `E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))]`, where D is linear.

    Args:
        real_logits: Float tensor of any shape, logits of real samples.
        fake_logits: Float tensor of any shape, logits of generated samples.

    Returns:
        A float32 scalar >= 0.

    Example:
        >>> from kerasgan import losses
        >>> float(losses.hinge_discriminator_loss([2.0, 0.5], [-2.0, 0.0]))  # 0.5/2 + 1/2
        0.75
    """
    return _total(terms.hinge_terms(real_logits, fake_logits))


def hinge_generator_loss(fake_logits):
    """The generator's side of the hinge game, which is linear, as the critic's is.

    Miyato et al. 2018, "Spectral Normalization for GANs", equation 17: `-E[D(G(z))]`.

    Args:
        fake_logits: Float tensor of any shape, logits of generated samples.

    Returns:
        A float32 scalar.

    Example:
        >>> from kerasgan import losses
        >>> float(losses.hinge_generator_loss([1.0, 2.0]))
        -1.5
    """
    return wasserstein_generator_loss(fake_logits)


def relativistic_discriminator_loss(real_logits, fake_logits):
    """How surely each real sample is more realistic than the fake one it is paired with.

    Jolicoeur-Martineau 2018, "The relativistic discriminator" (RpGAN):
    `-E[log sigmoid(C(x) - C(G(z)))]`.

    Args:
        real_logits: Float tensor of any shape, logits of real samples.
        fake_logits: Float tensor of the same shape, logits of generated samples.

    Returns:
        A float32 scalar >= 0.

    Raises:
        ValueError: If the two shapes differ.

    Example:
        >>> from kerasgan import losses
        >>> round(float(losses.relativistic_discriminator_loss([3.0], [3.0])), 4)  # log 2
        0.6931
    """
    return _total(terms.relativistic_terms(real_logits, fake_logits))


def relativistic_generator_loss(real_logits, fake_logits):
    """The mirror of `relativistic_discriminator_loss`: fakes want to beat their real partners.

    Jolicoeur-Martineau 2018 (RpGAN): `-E[log sigmoid(C(G(z)) - C(x))]`.

    Args:
        real_logits: Float tensor of any shape, logits of real samples.
        fake_logits: Float tensor of the same shape, logits of generated samples.

    Returns:
        A float32 scalar >= 0.

    Raises:
        ValueError: If the two shapes differ.

    Example:
        >>> from kerasgan import losses
        >>> round(float(losses.relativistic_generator_loss([3.0], [3.0])), 4)  # log 2
        0.6931
    """
    return terms.cross_entropy_to_fake(terms.paired_difference(real_logits, fake_logits))


def relativistic_average_discriminator_loss(real_logits, fake_logits):
    """How surely real samples beat the average fake, and fakes lose to the average real one.

    Jolicoeur-Martineau 2018 (RaGAN):
    `-E[log sigmoid(C(x) - E[C(G(z))])] - E[log(1 - sigmoid(C(G(z)) - E[C(x)]))]`.
    The averages are over the batch at hand (of one replica, if there are several).

    Args:
        real_logits: Float tensor of any shape, logits of real samples.
        fake_logits: Float tensor of any shape, logits of generated samples.

    Returns:
        A float32 scalar >= 0.

    Example:
        >>> from kerasgan import losses
        >>> round(float(losses.relativistic_average_discriminator_loss([3.0], [3.0])), 4)
        1.3863
    """
    return _total(terms.relativistic_average_terms(real_logits, fake_logits))


def relativistic_average_generator_loss(real_logits, fake_logits):
    """The mirror of `relativistic_average_discriminator_loss`: real and fake change places.

    Jolicoeur-Martineau 2018 (RaGAN):
    `-E[log sigmoid(C(G(z)) - E[C(x)])] - E[log(1 - sigmoid(C(x) - E[C(G(z))]))]`.

    Args:
        real_logits: Float tensor of any shape, logits of real samples.
        fake_logits: Float tensor of any shape, logits of generated samples.

    Returns:
        A float32 scalar >= 0.

    Example:
        >>> from kerasgan import losses
        >>> round(float(losses.relativistic_average_generator_loss([3.0], [3.0])), 4)
        1.3863
    """
    return relativistic_average_discriminator_loss(fake_logits, real_logits)


def _total(parts):
    return sum(parts.values())
