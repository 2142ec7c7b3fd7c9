"""Adversarial objectives: what a model is given to say which game its two players play.

An objective pairs a discriminator's loss, by named terms, with a generator's. Objects hold only
hyper-parameters: they serialise with the model, and two with equal configs are equal.
"""

import re

import keras

from kerasgan.losses import adversarial, terms
from kerasgan.losses.configured import Configured


@keras.saving.register_keras_serializable("kerasgan")
class AdversarialLoss(Configured):
    """A discriminator's and a generator's loss that belong together.

    A subclass implements `discriminator` and `generator`, and `get_config` if it has arguments,
    each of which is an attribute of the same name.

    Example:
        >>> from kerasgan import losses
        >>> objective = losses.get("hinge")
        >>> terms = objective.discriminator(real_logits=[[2.0], [0.5]], fake_logits=[[-2.0], [0.0]])
        >>> {name: float(value) for name, value in terms.items()}
        {'real': 0.25, 'fake': 0.5}
        >>> float(objective.generator(fake_logits=[[1.0], [2.0]]))
        -1.5
    """

    needs_real_logits = False

    @property
    def name(self):
        """The class's name in snake case, which `kerasgan.losses.get` knows it by."""
        return re.sub(r"(?<=.)(?=[A-Z])", "_", type(self).__name__).lower()

    def discriminator(self, real_logits, fake_logits):
        """The discriminator's loss, as named terms to be summed.

        Args:
            real_logits: Float tensor of any shape, logits of real samples.
            fake_logits: Float tensor of any shape, logits of generated samples.

        Returns:
            Dict of float32 scalars: `real` and `fake`, or `relativistic` alone.
        """
        raise NotImplementedError

    def generator(self, fake_logits, real_logits=None):
        """The generator's loss.

        Args:
            fake_logits: Float tensor of any shape, logits of generated samples.
            real_logits: Float tensor, logits of real samples. Needed if `needs_real_logits` is
                True, otherwise not looked at.

        Returns:
            A float32 scalar.

        Raises:
            ValueError: If `real_logits` is needed and None.
        """
        raise NotImplementedError


class _CrossEntropy(AdversarialLoss):
    """The discriminator that minimax and non-saturating games share."""

    def __init__(self, label_smoothing=0.0):
        terms.check_label_smoothing(label_smoothing)
        self.label_smoothing = float(label_smoothing)

    def discriminator(self, real_logits, fake_logits):
        """See `AdversarialLoss.discriminator`."""
        return terms.cross_entropy_terms(real_logits, fake_logits, self.label_smoothing)

    def get_config(self):
        """The constructor's arguments."""
        return {"label_smoothing": self.label_smoothing}


@keras.saving.register_keras_serializable("kerasgan")
class Minimax(_CrossEntropy):
    """The saturating game of Goodfellow et al. 2014, equation 1.

    Args:
        label_smoothing: Float in [0, 0.5); the discriminator's target for real samples is
            1 - label_smoothing.

    Raises:
        ValueError: If `label_smoothing` is outside [0, 0.5).

    Example:
        >>> from kerasgan import losses
        >>> losses.Minimax(label_smoothing=0.1)
        Minimax(label_smoothing=0.1)
    """

    def generator(self, fake_logits, real_logits=None):
        """See `AdversarialLoss.generator`."""
        return adversarial.minimax_generator_loss(fake_logits)


@keras.saving.register_keras_serializable("kerasgan")
class NonSaturating(_CrossEntropy):
    """Goodfellow et al. 2014, section 3: the generator maximises log D(G(z)).

    Args:
        label_smoothing: Float in [0, 0.5); the discriminator's target for real samples is
            1 - label_smoothing.

    Raises:
        ValueError: If `label_smoothing` is outside [0, 0.5).

    Example:
        >>> from kerasgan import losses
        >>> losses.NonSaturating() == losses.get("non_saturating")
        True
    """

    def generator(self, fake_logits, real_logits=None):
        """See `AdversarialLoss.generator`."""
        return adversarial.non_saturating_generator_loss(fake_logits)


@keras.saving.register_keras_serializable("kerasgan")
class LeastSquares(AdversarialLoss):
    """Mao et al. 2017, "Least Squares Generative Adversarial Networks", equation 2.

    Args:
        a: Finite float, the discriminator's label for fake samples.
        b: Finite float other than `a`, the discriminator's label for real samples.
        c: Finite float, the label that the generator wants for its samples, on b's side of a.

    Raises:
        ValueError: If a label is not finite, `a` equals `b`, or `c` is not on b's side of a.

    Example:
        >>> from kerasgan import losses
        >>> losses.LeastSquares(a=-1.0, c=0.0)
        LeastSquares(a=-1.0, b=1.0, c=0.0)
    """

    def __init__(self, a=0.0, b=1.0, c=1.0):
        terms.check_labels(a, b)
        terms.check_generator_label(a, b, c)
        self.a, self.b, self.c = float(a), float(b), float(c)

    def discriminator(self, real_logits, fake_logits):
        """See `AdversarialLoss.discriminator`."""
        return terms.least_squares_terms(real_logits, fake_logits, self.a, self.b)

    def generator(self, fake_logits, real_logits=None):
        """See `AdversarialLoss.generator`."""
        return adversarial.least_squares_generator_loss(fake_logits, self.c)

    def get_config(self):
        """The constructor's arguments."""
        return {"a": self.a, "b": self.b, "c": self.c}


@keras.saving.register_keras_serializable("kerasgan")
class Wasserstein(AdversarialLoss):
    """Arjovsky et al. 2017, "Wasserstein GAN"; what keeps the critic Lipschitz is not in here.

    Example:
        >>> from kerasgan import losses
        >>> float(losses.Wasserstein().generator([1.0, 2.0]))
        -1.5
    """

    def discriminator(self, real_logits, fake_logits):
        """See `AdversarialLoss.discriminator`."""
        return terms.wasserstein_terms(real_logits, fake_logits)

    def generator(self, fake_logits, real_logits=None):
        """See `AdversarialLoss.generator`."""
        return adversarial.wasserstein_generator_loss(fake_logits)


@keras.saving.register_keras_serializable("kerasgan")
class Hinge(AdversarialLoss):
    """Lim and Ye 2017, "Geometric GAN"; Miyato et al. 2018, equations 16 and 17.

    Example:
        >>> from kerasgan import losses
        >>> float(losses.Hinge().generator([1.0, 2.0]))
        -1.5
    """

    def discriminator(self, real_logits, fake_logits):
        """See `AdversarialLoss.discriminator`."""
        return terms.hinge_terms(real_logits, fake_logits)

    def generator(self, fake_logits, real_logits=None):
        """See `AdversarialLoss.generator`."""
        return adversarial.hinge_generator_loss(fake_logits)


@keras.saving.register_keras_serializable("kerasgan")
class Relativistic(AdversarialLoss):
    """Jolicoeur-Martineau 2018, "The relativistic discriminator", on pairs (RpGAN).

    Example:
        >>> from kerasgan import losses
        >>> losses.Relativistic().needs_real_logits
        True
    """

    needs_real_logits = True

    def discriminator(self, real_logits, fake_logits):
        """See `AdversarialLoss.discriminator`."""
        return terms.relativistic_terms(real_logits, fake_logits)

    def generator(self, fake_logits, real_logits=None):
        """See `AdversarialLoss.generator`."""
        _check_given(self, real_logits)
        return adversarial.relativistic_generator_loss(real_logits, fake_logits)


@keras.saving.register_keras_serializable("kerasgan")
class RelativisticAverage(AdversarialLoss):
    """Jolicoeur-Martineau 2018, "The relativistic discriminator", on averages (RaGAN).

    Example:
        >>> from kerasgan import losses
        >>> round(float(losses.RelativisticAverage().generator([0.0], real_logits=[0.0])), 4)
        1.3863
    """

    needs_real_logits = True

    def discriminator(self, real_logits, fake_logits):
        """See `AdversarialLoss.discriminator`."""
        return terms.relativistic_average_terms(real_logits, fake_logits)

    def generator(self, fake_logits, real_logits=None):
        """See `AdversarialLoss.generator`."""
        _check_given(self, real_logits)
        return adversarial.relativistic_average_generator_loss(real_logits, fake_logits)


_BY_NAME = {
    objective().name: objective
    for objective in (
        Minimax,
        NonSaturating,
        LeastSquares,
        Wasserstein,
        Hinge,
        Relativistic,
        RelativisticAverage,
    )
}


def get(identifier):
    """An objective from its name, from its serialised form, or as it is.

    Args:
        identifier: One of the names "minimax", "non_saturating", "least_squares", "wasserstein",
            "hinge", "relativistic", "relativistic_average"; or an `AdversarialLoss`; or a dict
            that `serialize` returned.

    Returns:
        An `AdversarialLoss`.

    Raises:
        ValueError: If `identifier` is none of these.

    Example:
        >>> from kerasgan import losses
        >>> losses.get("least_squares")
        LeastSquares(a=0.0, b=1.0, c=1.0)
    """
    objective, reason = identifier, None
    if isinstance(identifier, str) and identifier in _BY_NAME:
        objective = _BY_NAME[identifier]()
    elif isinstance(identifier, dict):
        try:
            objective = keras.saving.deserialize_keras_object(identifier)
        except (KeyError, TypeError, ValueError) as error:
            reason = error
    if not isinstance(objective, AdversarialLoss):
        raise ValueError(
            f"An adversarial loss is one of {sorted(_BY_NAME)}, an AdversarialLoss object or a "
            f"dict from kerasgan.losses.serialize. Received: identifier={identifier!r}"
        ) from reason
    return objective


def serialize(objective):
    """A JSON-able dict that `get` turns into an equal objective.

    Args:
        objective: An `AdversarialLoss`, or its name.

    Returns:
        A dict.

    Raises:
        ValueError: If `objective` is neither.

    Example:
        >>> from kerasgan import losses
        >>> losses.get(losses.serialize(losses.LeastSquares(c=0.5)))
        LeastSquares(a=0.0, b=1.0, c=0.5)
    """
    return keras.saving.serialize_keras_object(get(objective))


def _check_given(objective, real_logits):
    if real_logits is None:
        raise ValueError(
            f"{objective!r} compares fake logits with real ones, so the generator's loss needs "
            "both. Received: real_logits=None"
        )
