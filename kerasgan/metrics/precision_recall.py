"""Precision and recall, density and coverage: fidelity and diversity told apart.

All four are pure functions of two arrays of features. They compare distances with the distance
of a sample to its k-th nearest neighbour in its own set, itself not counted. Distances are
computed in blocks of rows, in the precision of the features, so memory grows with the number of
samples and not with its square.
"""

import numpy as np

from kerasgan import checks
from kerasgan.metrics import arrays


def precision_recall(real_features, fake_features, k=3):
    """Share of fakes amid the real samples, and share of real samples amid the fakes.

    Kynkaanniemi et al. 2019, "Improved Precision and Recall Metric for Assessing Generative
    Models", equations 1 and 2. A sample lies amid a set if it is inside the ball of at least one
    member: the ball that reaches to the member's k-th nearest neighbour, its edge included.

    Args:
        real_features: Float array of shape (n, width).
        fake_features: Float array of shape (m, width).
        k: Positive int, less than n and m.

    Returns:
        A dict of two floats in [0, 1]: `precision` (fidelity) and `recall` (diversity).

    Raises:
        ValueError: An array has another rank or a NaN, the widths differ, or k is not less than
            the number of samples.

    Example:
        >>> from kerasgan.metrics import precision_recall
        >>> real, fake = [[0.0], [1.0], [2.0], [9.0]], [[0.5], [1.5], [20.0]]
        >>> scores = precision_recall.precision_recall(real, fake, k=1)
        >>> round(scores["precision"], 3), scores["recall"]  # 20 is far out, 9 is amid the fakes
        (0.667, 1.0)
    """
    real, fake = _checked(real_features, fake_features)
    real_radii = _squared_radii(real, _neighbours(k, real_features=real))
    fake_radii = _squared_radii(fake, _neighbours(k, fake_features=fake))
    fake_is_inside = np.zeros(len(fake), bool)
    real_is_inside = np.zeros(len(real), bool)
    for block, distances in arrays.squared_distances(real, fake):
        fake_is_inside |= (distances <= real_radii[block, None]).any(axis=0)
        real_is_inside[block] = (distances <= fake_radii).any(axis=1)
    return {"precision": float(fake_is_inside.mean()), "recall": float(real_is_inside.mean())}


def density_coverage(real_features, fake_features, k=5):
    """How densely fakes lie amid the real samples, and how many real samples have one near.

    Naeem et al. 2020, "Reliable Fidelity and Diversity Metrics for Generative Models", equations
    4 and 5. Density counts, for each fake, the real samples whose ball holds it, over k; coverage
    is the share of real samples whose ball holds a fake. Only real samples have balls, so one
    outlier among the fakes can't raise either score.

    Args:
        real_features: Float array of shape (n, width).
        fake_features: Float array of shape (m, width).
        k: Positive int, less than n.

    Returns:
        A dict of two floats: `density` >= 0, about 1 for two sets of one distribution and larger
        for fakes that crowd where real samples are dense, and `coverage` in [0, 1].

    Raises:
        ValueError: An array has another rank or a NaN, the widths differ, or k is not less than
            the number of real samples.

    Example:
        >>> from kerasgan.metrics import precision_recall
        >>> real, fake = [[0.0], [1.0], [2.0], [9.0]], [[0.5], [1.5], [20.0]]
        >>> scores = precision_recall.density_coverage(real, fake, k=1)
        >>> round(scores["density"], 3), scores["coverage"]  # (2 + 2 + 0) / 3, and not 9
        (1.333, 0.75)
    """
    real, fake = _checked(real_features, fake_features)
    real_radii = _squared_radii(real, _neighbours(k, real_features=real))
    balls_with_fakes = 0
    real_is_covered = np.zeros(len(real), bool)
    for block, distances in arrays.squared_distances(real, fake):
        inside = distances <= real_radii[block, None]
        balls_with_fakes += np.count_nonzero(inside)
        real_is_covered[block] = inside.any(axis=1)
    density = balls_with_fakes / (k * len(fake))
    return {"density": float(density), "coverage": float(real_is_covered.mean())}


def _checked(real_features, fake_features):
    return arrays.near_origin(*arrays.feature_pair(real_features, fake_features))


def _neighbours(k, **argument):
    """`k`, if the rows of the argument have so many neighbours; ValueError otherwise."""
    ((name, rows),) = argument.items()
    if checks.positive(k=k) >= len(rows):
        raise ValueError(
            f"k must be less than the number of rows of {name}: give more samples or a smaller k. "
            f"Received: k={k}, {len(rows)} samples"
        )
    return k


def _squared_radii(rows, k):
    """Squared distance of each row to its k-th nearest other row."""
    radii = np.empty(len(rows), rows.dtype)
    for block, distances in arrays.squared_distances(rows, rows):
        own = np.arange(block.stop - block.start)
        distances[own, block.start + own] = np.inf
        distances.partition(k - 1, axis=1)
        radii[block] = distances[:, k - 1]
    return radii
