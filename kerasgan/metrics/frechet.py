"""The Frechet distance between two sets of features, as a pure function of the arrays.

Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
Equilibrium". Each set is summed up by its mean m and covariance S, and two Gaussians with these
moments lie at the distance `|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))`, which is squared
already, as in every published FID. The name FID is for the features of one certain Inception
network: a score made from other features is named after them.
"""

import numpy as np

from kerasgan.metrics import arrays


def frechet_distance(real_features, fake_features):
    """The Frechet distance between two sets of feature vectors.

    Heusel et al. 2017, equation 6, with the unbiased covariances (divided by n - 1). The distance
    itself is biased: it grows as samples get fewer, so compare only scores of equal counts.

    Args:
        real_features: Float array of shape (n, width), n >= 2.
        fake_features: Float array of shape (m, width), m >= 2.

    Returns:
        A float >= 0.

    Raises:
        ValueError: An array has another rank, fewer than 2 rows or a NaN, or the widths differ.

    Example:
        >>> from kerasgan.metrics import frechet
        >>> real, fake = [[0.0], [2.0]], [[3.0], [7.0]]  # means 1 and 5, variances 2 and 8
        >>> round(frechet.frechet_distance(real, fake), 6)  # 16 + (sqrt(2) - sqrt(8))^2
        18.0
    """
    real, fake = arrays.feature_pair(real_features, fake_features)
    return frechet_distance_from_moments(*moments(real), *moments(fake))


def moments(features):
    """Mean and unbiased covariance of feature vectors, summed up in float64 in blocks.

    Args:
        features: Float array of shape (n, width), n >= 2.

    Returns:
        The mean, a float64 array of shape (width,), and the covariance, (width, width).

    Raises:
        ValueError: The array has another rank, fewer than 2 rows, or holds a NaN.

    Example:
        >>> from kerasgan.metrics import frechet
        >>> mean, covariance = frechet.moments([[0.0, 1.0], [2.0, 1.0]])
        >>> mean.tolist(), covariance.tolist()
        ([1.0, 1.0], [[2.0, 0.0], [0.0, 0.0]])
    """
    features = arrays.feature_rows(features=features)
    mean = features.mean(axis=0, dtype="float64")
    covariance = np.zeros((len(mean), len(mean)))
    for start in range(0, len(features), arrays.BLOCK_ROWS):
        centred = features[start : start + arrays.BLOCK_ROWS] - mean
        covariance += centred.T @ centred
    return mean, covariance / (len(features) - 1)


def frechet_distance_from_moments(real_mean, real_covariance, fake_mean, fake_covariance):
    """The Frechet distance between two Gaussians, given by their moments.

    The trace of `(S1 S2)^(1/2)` is taken as the sum of the roots of the eigenvalues of
    `F S2 F^T`, where `S1 = F^T F`. This matrix is symmetric, so no root is ever complex, and
    directions in which S1 has no variance drop out: singular covariances need no small number
    added to their diagonals.

    Args:
        real_mean: Float array of shape (width,).
        real_covariance: Float array of shape (width, width), symmetric, no eigenvalue below 0.
        fake_mean: Float array of shape (width,).
        fake_covariance: Float array of shape (width, width), symmetric, no eigenvalue below 0.

    Returns:
        A float >= 0.

    Raises:
        ValueError: Shapes that don't fit each other, a NaN, or a matrix that is no covariance:
            not symmetric, or with a variance below 0.

    Example:
        >>> from kerasgan.metrics import frechet
        >>> one, other = [[4.0, 0.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 9.0]]
        >>> moments = ([0.0, 0.0], one, [0.0, 0.0], other)
        >>> round(frechet.frechet_distance_from_moments(*moments), 6)  # (2-1)^2 + (0-3)^2
        10.0
    """
    real_mean, real_covariance = _checked_moments("real", real_mean, real_covariance)
    fake_mean, fake_covariance = _checked_moments("fake", fake_mean, fake_covariance)
    if real_mean.shape != fake_mean.shape:
        raise ValueError(
            "real and fake moments must have the same width. "
            f"Received: real_mean of shape {real_mean.shape}, fake_mean of shape {fake_mean.shape}"
        )
    factor = _factor(real_covariance)  # (rank, width)
    eigenvalues = np.linalg.eigvalsh(factor @ fake_covariance @ factor.T)
    trace_of_root = np.sqrt(np.maximum(eigenvalues, 0.0)).sum()
    offset = np.sum((real_mean - fake_mean) ** 2)
    spread = np.trace(real_covariance) + np.trace(fake_covariance) - 2.0 * trace_of_root
    return float(max(offset + spread, 0.0))


def warnings_for(n_real, n_fake, width):
    """What makes a Frechet distance of so many samples unreliable, in words.

    Args:
        n_real: int, number of real samples.
        n_fake: int, number of generated samples.
        width: int, number of features of a sample.

    Returns:
        A list of sentences, empty if there is nothing to say.

    Example:
        >>> from kerasgan.metrics import frechet
        >>> frechet.warnings_for(10000, 10000, 128)
        []
        >>> len(frechet.warnings_for(100, 10000, 128))
        1
    """
    return [
        f"Frechet distance: {n} {side} samples for {width} features give a singular covariance, "
        f"and a distance that is far too large. Use more than {width} samples, better ten times "
        "as many."
        for side, n in (("real", n_real), ("fake", n_fake))
        if n <= width
    ]


def _factor(covariance):
    """F of shape (rank, width) with `covariance = F^T F`."""
    eigenvalues, vectors = np.linalg.eigh(covariance)
    kept = eigenvalues > len(covariance) * np.finfo("float64").eps * eigenvalues[-1]
    return np.sqrt(eigenvalues[kept])[:, None] * vectors[:, kept].T


def _checked_moments(side, mean, covariance):
    """Both as float64 arrays; ValueError if they can't be a mean and its covariance."""
    mean, covariance = (np.asarray(x, "float64") for x in (mean, covariance))
    if mean.ndim != 1 or len(mean) == 0 or covariance.shape != (len(mean), len(mean)):
        raise ValueError(
            f"{side}_mean must have shape (width,) and {side}_covariance (width, width). "
            f"Received: shapes {mean.shape} and {covariance.shape}"
        )
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise ValueError(
            f"{side}_mean and {side}_covariance must be finite. Received: a NaN or an infinity"
        )
    scale = np.abs(covariance).max()
    skew = np.abs(covariance - covariance.T).max()
    lowest = np.diagonal(covariance).min()
    if skew > 1e-6 * scale or lowest < -1e-6 * scale:
        raise ValueError(
            f"{side}_covariance must be symmetric, with no variance below 0. Received: "
            f"{side}_covariance with asymmetry {skew:.3g} and smallest variance {lowest:.3g}"
        )
    return mean, covariance
