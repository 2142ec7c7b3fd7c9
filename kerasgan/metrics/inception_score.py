"""The Inception Score of generated samples, as a pure function of a classifier's probabilities."""

import itertools

import numpy as np

from kerasgan import checks
from kerasgan.metrics import arrays

# Rows of a float16 softmax over many classes miss 1 by this much.
SUM_TOLERANCE = 1e-2


def inception_score(probabilities, splits=10):
    """How surely a classifier names each sample, and how many classes the samples spread over.

    Salimans et al. 2016, "Improved Techniques for Training GANs", section 4:
    `exp(E_x KL(p(y|x) || p(y)))`, where p(y) is the mean over the samples. The score is taken on
    each of `splits` runs of neighbouring rows, as in the paper's code: rows that come sorted by
    class must be shuffled first. It looks at no real data, and means something only for the data
    that the classifier was trained on.

    Args:
        probabilities: Float array of shape (n, num_classes) in [0, 1], each row with sum 1: the
            classifier's softmax, not its logits.
        splits: Positive int, at most n / 2.

    Returns:
        Two floats, mean and standard deviation over the splits, in [1, num_classes].

    Raises:
        ValueError: The array has another rank or a NaN, its rows are no probabilities, or there
            are fewer than 2 rows for each split.

    Example:
        >>> from kerasgan.metrics import inception_score
        >>> mean, spread = inception_score.inception_score([[1.0, 0.0], [0.0, 1.0]], splits=1)
        >>> round(mean, 6), spread  # sure of each, and both classes there
        (2.0, 0.0)
    """
    rows = arrays.feature_rows(probabilities=probabilities).astype("float64")
    sums = rows.sum(axis=1, keepdims=True)
    if rows.min() < 0 or np.abs(sums - 1.0).max() > SUM_TOLERANCE:
        raise ValueError(
            "probabilities must have rows >= 0 that sum to 1: put logits through a softmax first. "
            f"Received: a smallest value {rows.min():.4g}, row sums from {sums.min():.4g} to "
            f"{sums.max():.4g}"
        )
    if len(rows) < 2 * checks.positive(splits=splits):
        raise ValueError(
            "there must be at least 2 samples for each split. "
            f"Received: splits={splits}, {len(rows)} samples"
        )
    rows /= sums
    ends = np.arange(splits + 1) * len(rows) // splits
    scores = [_score(rows[start:end]) for start, end in itertools.pairwise(ends)]
    return float(np.mean(scores)), float(np.std(scores))


def warnings_for(n, num_classes, splits=10):
    """What makes an Inception Score of so many samples unreliable, in words.

    Args:
        n: int, number of samples.
        num_classes: int, number of the classifier's classes.
        splits: int, number of splits.

    Returns:
        A list of sentences, empty if there is nothing to say.

    Example:
        >>> from kerasgan.metrics import inception_score
        >>> inception_score.warnings_for(50000, 1000)
        []
        >>> len(inception_score.warnings_for(5000, 1000))
        1
    """
    if n // splits >= 5 * num_classes:
        return []
    return [
        f"Inception Score: {n // splits} samples in each split for {num_classes} classes give a "
        f"score that depends on their number. Use at least {5 * num_classes * splits} samples, or "
        "fewer splits."
    ]


def _score(rows):
    """The divergence of the rows from their mean: the mean's entropy less their mean entropy."""
    return np.exp(_entropy(rows.mean(axis=0)) - _entropy(rows) / len(rows))


def _entropy(probabilities):
    """Sum of -p log p in nats over the whole array, where 0 log 0 is 0."""
    positive = probabilities[probabilities > 0]
    return -np.sum(positive * np.log(positive))
