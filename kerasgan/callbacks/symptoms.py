"""What `Health` judges by: statistics of arrays, and the symptoms that they show, in words.

A symptom is a pair (message, values), or None where there is none.
"""

import collections

import numpy as np

_LEAST_GAP = 0.5  # of mean scores: a Wasserstein critic with terms near zero has a smaller one
_LEAST_SHARE = 0.99  # of pairs in which the real sample is scored above the fake one
_WINDOW = 5  # values in a running median
_ENTROPY_FLOOR = 1e-12

ADVICE = {
    "not_finite": "A lower learning rate helps most often, or a penalty or a clip that is missing.",
    "exploding": "A lower learning rate may help; a Wasserstein critic needs clipping or a "
    "gradient penalty.",
    "discriminator_saturated": "A lower learning rate of the discriminator, label smoothing, a "
    "gradient penalty, more data or the non-saturating loss may help.",
    "generator_collapsed": "A lower learning rate of the generator, another loss (wasserstein with "
    "a gradient penalty, hinge with spectral normalization) or a larger batch may help.",
}


def mean_distance(samples, labels=None):
    """The mean Euclidean distance between two different samples.

    Args:
        samples: array (n, ...), at least two.
        labels: array (n,); if given and any two are equal, only pairs of equal labels count, so
            that the distances between classes can't hide that each class is one picture.

    Returns:
        Float >= 0.

    Example:
        >>> mean_distance(np.array([[0.0], [3.0], [6.0]]))  # 3, 3 and 6
        4.0
        >>> mean_distance(np.array([[0.0], [3.0], [6.0]]), labels=[1, 2, 2])
        3.0
    """
    flat = np.asarray(samples, "float64").reshape(len(samples), -1)
    flat = flat - flat.mean(0)  # nearer to 0, so that the differences below lose no digits
    squares = (flat**2).sum(1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares[None] - 2.0 * flat @ flat.T, 0.0))
    pairs = np.triu(np.ones(distances.shape, bool), 1)
    if labels is not None:
        same = pairs & (np.asarray(labels)[:, None] == np.asarray(labels)[None])
        pairs = same if same.any() else pairs
    return float(distances[pairs].mean())


def effective_classes(probabilities):
    """The exponential of the entropy of the classes' shares: k if k classes are equally frequent.

    Args:
        probabilities: array (n, classes), each row a classifier's answer for one sample.

    Returns:
        Float in [1, classes].

    Example:
        >>> round(effective_classes([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), 6)
        2.0
    """
    shares = np.asarray(probabilities, "float64").mean(0)
    return float(np.exp(-(shares * np.log(shares + _ENTROPY_FLOOR)).sum()))


def share_above(real_scores, fake_scores):
    """How often a real sample's score is above a fake one's (the area under the ROC curve).

    Args:
        real_scores: array (n,).
        fake_scores: array (m,).

    Returns:
        Float in [0, 1]; equal scores count one half.

    Example:
        >>> share_above([1.0, 3.0], [2.0, 1.0])  # of 4 pairs: 2 above, 1 equal
        0.625
    """
    difference = np.asarray(real_scores, "float64")[:, None] - np.asarray(fake_scores, "float64")
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


class Level:
    """How many times above its usual size a quantity is.

    Its usual size is the lowest that the median of five successive values has been, and 1 at
    least. The median lets single values pass; the lowest one does not follow slow growth.

    Example:
        >>> level = Level()
        >>> [level.ratio(size) for size in (2.0, 4.0, 6.0, 4000.0)]
        [0.0, 2.0, 3.0, 2000.0]
    """

    def __init__(self):
        self._recent = collections.deque(maxlen=_WINDOW)
        self.lowest = np.inf

    def ratio(self, size):
        """`size` over the usual size so far (0 for the first); counts it from now on."""
        ratio = size / max(1.0, self.lowest)
        self._recent.append(size)
        self.lowest = min(self.lowest, float(np.median(self._recent)))
        return ratio


def explosion(sizes, levels, factor):
    """The symptom of sizes that are more than `factor` times their usual ones.

    Args:
        sizes: dict of floats >= 0, by name.
        levels: dict of `Level`s, by name; updated.
        factor: float > 1.

    Example:
        >>> levels = {}
        >>> explosion({"generator_loss": 2.0}, levels, factor=100.0)
        >>> explosion({"generator_loss": 500.0}, levels, factor=100.0)[0]
        'Exploding: generator_loss is 500 in size (usually 2).'
    """
    found = {}
    for name, size in sizes.items():
        if levels.setdefault(name, Level()).ratio(size) > factor:
            found[name] = size
    if not found:
        return None
    listed = ", ".join(
        f"{name} is {size:.3g} in size (usually {max(1.0, levels[name].lowest):.3g})"
        for name, size in found.items()
    )
    return f"Exploding: {listed}.", found


def saturation(terms, gap, share, most):
    """The symptom of a discriminator that has nothing more to learn.

    Args:
        terms: dict, the terms of its loss by name; {}: no symptom.
        gap: mean score of real samples less that of fakes.
        share: how often a real sample is scored above a fake one.
        most: how large in size each term may be for the symptom.

    Example:
        >>> terms = {"discriminator_real": 0.002, "discriminator_fake": 0.001}
        >>> saturation(terms, gap=13.0, share=1.0, most=0.01)[0].split(",")[0]
        'The discriminator has won: discriminator_real = 0.002'
        >>> saturation(terms, gap=0.003, share=1.0, most=0.01)  # a critic whose scores are small
    """
    small = terms and max(map(abs, terms.values())) <= most
    if not small or gap < _LEAST_GAP or share < _LEAST_SHARE:
        return None
    listed = ", ".join(f"{name} = {value:.2g}" for name, value in terms.items())
    message = (
        f"The discriminator has won: {listed}, and it scores real above fake in {share:.1%} of "
        f"pairs, {gap:.3g} apart on average. It learns nothing more."
    )
    return message, {**terms, "score_gap": gap, "real_above_fake": share}


def collapse(distance_ratio, least_distance, classes=None, real_classes=None, least_classes=None):
    """The symptom of a generator whose samples are all alike, or of few classes.

    Args:
        distance_ratio: mean distance of two samples over that of two real ones.
        least_distance: what it should be at least.
        classes: effective number of classes of the samples, or None: not measured.
        real_classes: that of the real samples.
        least_classes: what their ratio should be at least.

    Example:
        >>> collapse(0.02, 0.1)[0]
        'The generator has collapsed: two samples are 2.0% as far apart as two real ones.'
        >>> collapse(0.8, 0.1, classes=9.0, real_classes=9.9, least_classes=0.2)
    """
    reasons, values = [], {}
    if distance_ratio < least_distance:
        values["distance_ratio"] = distance_ratio
        reasons.append(f"two samples are {distance_ratio:.1%} as far apart as two real ones")
    if classes is not None and classes < least_classes * real_classes:
        values.update(classes=classes, real_classes=real_classes)
        reasons.append(
            f"samples fall into {classes:.1f} classes effectively, real ones into "
            f"{real_classes:.1f}"
        )
    return (f"The generator has collapsed: {'; '.join(reasons)}.", values) if reasons else None


def summary(findings):
    """The kinds of `Health.findings` in a line, each once; "silent" if there are none.

    Example:
        >>> summary([{"kind": "exploding"}, {"kind": "not_finite"}, {"kind": "exploding"}])
        'exploding, not_finite'
        >>> summary([])
        'silent'
    """
    return ", ".join(sorted({finding["kind"] for finding in findings})) or "silent"
