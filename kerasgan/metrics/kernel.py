"""The kernel distance (KID) between two sets of features, as a pure function of the arrays.

Binkowski et al. 2018, "Demystifying MMD GANs": the squared maximum mean discrepancy with the
kernel `k(x, y) = (x.y / width + 1)^3`, estimated without bias, so that it does not grow when
samples are few, as the Frechet distance does. Being unbiased, it can fall a little below 0 for
two sets of one distribution. The name KID is for features of a certain Inception network.
"""

import numpy as np

from kerasgan import checks
from kerasgan.metrics import arrays


def kernel_distance(real_features, fake_features, subsets=100, subset_size=1000, seed=0):
    """The kernel distance as a mean over random subsets, with its spread.

    Binkowski et al. 2018, section 4 and appendix: each subset is drawn without replacement from
    either set, and gives one unbiased estimate. The spread is that of a single subset's estimate,
    not the error of the mean.

    Args:
        real_features: Float array of shape (n, width).
        fake_features: Float array of shape (m, width).
        subsets: Positive int, how many pairs of subsets are drawn.
        subset_size: Int >= 2 and at most n and m, the samples of each subset.
        seed: Int >= 0: the same seed draws the same subsets.

    Returns:
        Two floats, the mean and the standard deviation over the subsets.

    Raises:
        ValueError: An array has another rank, too few rows or a NaN, the widths differ, or
            `subsets` or `subset_size` is out of range.

    Example:
        >>> from kerasgan.metrics import kernel
        >>> real, fake = [[0.0], [1.0]], [[2.0], [3.0]]
        >>> mean, spread = kernel.kernel_distance(real, fake, subsets=5, subset_size=2)
        >>> mean == kernel.kernel_distance_full(real, fake), spread
        (True, 0.0)
    """
    real, fake = arrays.feature_pair(real_features, fake_features)
    checks.positive(subsets=subsets)
    if checks.positive(subset_size=subset_size) < 2 or subset_size > min(len(real), len(fake)):
        raise ValueError(
            "subset_size must be at least 2 and at most the number of samples on either side; "
            "give a smaller one, or use kernel_distance_full. "
            f"Received: subset_size={subset_size}, {len(real)} real and {len(fake)} fake samples"
        )
    draws = np.random.default_rng(seed)
    distances = []
    for _ in range(subsets):
        real_subset, fake_subset = (
            rows[draws.choice(len(rows), subset_size, replace=False)] for rows in (real, fake)
        )
        distances.append(_unbiased_distance(real_subset, fake_subset))
    return float(np.mean(distances)), float(np.std(distances))


def kernel_distance_full(real_features, fake_features):
    """The kernel distance as one estimate from all samples, for sets too small for subsets.

    Binkowski et al. 2018; Gretton et al. 2012, "A Kernel Two-Sample Test", equation 3: the mean
    kernel over pairs of different real samples, plus that of the fake ones, less twice that of
    all mixed pairs. The time grows with the square of the number of samples.

    Args:
        real_features: Float array of shape (n, width), n >= 2.
        fake_features: Float array of shape (m, width), m >= 2.

    Returns:
        A float, around 0 (or just below) if both sets come from one distribution.

    Raises:
        ValueError: An array has another rank, fewer than 2 rows or a NaN, or the widths differ.

    Example:
        >>> from kerasgan.metrics import kernel
        >>> real, fake = [[0.0], [1.0]], [[2.0], [3.0]]
        >>> kernel.kernel_distance_full(real, fake)  # 1 + 7^3 - 2 (1 + 1 + 3^3 + 4^3) / 4
        297.5
    """
    return _unbiased_distance(*arrays.feature_pair(real_features, fake_features))


def _unbiased_distance(real, fake):
    real, fake = real.astype("float64"), fake.astype("float64")
    n, m = len(real), len(fake)
    within_real = (_kernel_sum(real, real) - _self_kernel_sum(real)) / (n * (n - 1))
    within_fake = (_kernel_sum(fake, fake) - _self_kernel_sum(fake)) / (m * (m - 1))
    return float(within_real + within_fake - 2.0 * _kernel_sum(real, fake) / (n * m))


def _kernel_sum(rows, others):
    """Sum of k(x, y) over all rows x and all others y."""
    total = 0.0
    for start in range(0, len(rows), arrays.BLOCK_ROWS):
        base = rows[start : start + arrays.BLOCK_ROWS] @ others.T
        base /= rows.shape[1]
        base += 1.0
        total += np.vdot(base * base, base)
    return total


def _self_kernel_sum(rows):
    """Sum of k(x, x) over all rows."""
    return np.sum((np.einsum("ij,ij->i", rows, rows) / rows.shape[1] + 1.0) ** 3)
