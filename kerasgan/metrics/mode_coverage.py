"""Mode coverage: how many of a distribution's known modes a generator still makes.

The protocol is PacGAN's (Lin et al. 2018, "PacGAN: The power of two samples in generative
adversarial networks", section 4), which follows VEEGAN's (Srivastava et al. 2017). Three numbers:

* modes: a mode counts if at least one sample of good quality belongs to it;
* high quality: the share of samples within 3 standard deviations of the nearest mode's centre
  (points only; a classifier's labels have no such distance);
* kl: the reverse KL divergence over the modes, `KL(fake || real)` in nats, between the shares of
  the modes in generated and in real samples. The other direction is infinite as soon as one mode
  is lost, which is the case of interest. Its best value is 0. A generator with one of K equal
  modes left gets log K, and one with half of them left, evenly, log 2.

What the paper leaves open is taken from the authors' published code: for points, the shares of
the modes are those of the high-quality samples alone, so samples between the modes, which
`high_quality` counts already, don't blur the balance. With N samples the KL of a perfect
generator over K equal modes is not 0 but about (K - 1) / 2N: 0.0014 for the ring's 8 modes and
2,500 samples, 0.019 for Stacked-MNIST's 1,000 and 26,000, and more if the real shares are
estimated too.
"""

import math

import numpy as np

from kerasgan import checks
from kerasgan.metrics import arrays


def point_mode_coverage(points, centers, std, threshold=3.0):
    """Modes, high-quality share and KL of generated points against a mixture of equal Gaussians.

    Lin et al. 2018, section 4.1 (ring of 8, grid of 25; 2,500 points). In two dimensions real
    points themselves reach a high-quality share of 1 - exp(-9/2) = 98.9 %.

    Args:
        points: Float array of shape (n, dimensions), generated points.
        centers: Float array of shape (num_modes, dimensions), the means of the Gaussians, which
            have equal weights.
        std: Float > 0, the standard deviation of each Gaussian in each dimension.
        threshold: Float > 0: a point is of high quality if its distance to the nearest centre is
            at most `threshold * std`.

    Returns:
        A dict: `modes`, an int, the modes with at least one high-quality point nearest to them;
        `num_modes`, an int; `high_quality`, a float in [0, 1]; `kl`, a float in
        [0, log(num_modes)], from the high-quality points and equal shares, NaN if there is none.

    Raises:
        ValueError: An array has another rank or a NaN, their dimensions differ, or `std` or
            `threshold` is not a positive number.

    Example:
        >>> from kerasgan.metrics import mode_coverage
        >>> points, centers = [[0.1], [-0.2], [5.0], [7.0]], [[0.0], [5.0], [10.0], [15.0]]
        >>> scores = mode_coverage.point_mode_coverage(points, centers, std=0.1)
        >>> scores["modes"], scores["num_modes"], scores["high_quality"]
        (2, 4, 0.75)
        >>> round(scores["kl"], 4)  # shares 2/3 and 1/3: log 4 + 2/3 log 2/3 + 1/3 log 1/3
        0.7498
    """
    points = arrays.feature_rows(1, points=points)
    centers = arrays.feature_rows(1, centers=centers)
    if points.shape[1] != centers.shape[1]:
        raise ValueError(
            "points and centers must have the same number of dimensions. "
            f"Received: shapes {points.shape} and {centers.shape}"
        )
    reach = checks.positive_number(std=std) * checks.positive_number(threshold=threshold)
    distances = np.stack([np.linalg.norm(points - center, axis=1) for center in centers], axis=1)
    is_good = distances.min(axis=1) <= reach
    counts = np.bincount(distances.argmin(axis=1)[is_good], minlength=len(centers))
    equal = np.full(len(centers), 1.0 / len(centers))
    return {
        "modes": int(np.count_nonzero(counts)),
        "num_modes": len(centers),
        "high_quality": float(is_good.mean()),
        "kl": _divergence(counts, equal) if is_good.any() else math.nan,
    }


def label_mode_coverage(labels, num_modes, real_labels=None):
    """Modes and KL of generated samples whose modes a classifier has named.

    Srivastava et al. 2017, section 5.2; Lin et al. 2018, section 4.2 (Stacked-MNIST: 1,000 modes
    made of three digits, 26,000 samples). A mode counts if at least one sample has its label.

    Args:
        labels: Array of n ints in [0, num_modes), the classifier's label of each generated sample.
        num_modes: Positive int.
        real_labels: Array of ints in [0, num_modes): labels, by the same classifier, of real
            samples, whose shares the KL is taken against. None: against equal shares.

    Returns:
        A dict: `modes`, an int; `num_modes`, an int; `kl`, a float >= 0, which is infinite if a
        generated sample has a label that no real sample has.

    Raises:
        ValueError: The labels are no integers in [0, num_modes), or there is none.

    Example:
        >>> from kerasgan.metrics import mode_coverage
        >>> scores = mode_coverage.label_mode_coverage([0, 0, 2, 2], num_modes=4)
        >>> scores["modes"], scores["num_modes"], round(scores["kl"], 4)  # log 2
        (2, 4, 0.6931)
    """
    num_modes = checks.positive(num_modes=num_modes)
    counts = np.bincount(checks.labels(labels, num_modes), minlength=num_modes)
    if real_labels is None:
        real_counts = np.ones(num_modes)
    else:
        real_counts = np.bincount(checks.labels(real_labels, num_modes), minlength=num_modes)
    return {
        "modes": int(np.count_nonzero(counts)),
        "num_modes": num_modes,
        "kl": _divergence(counts, real_counts / real_counts.sum()),
    }


def _divergence(counts, real_shares):
    """KL(shares of the counts || real_shares) in nats, infinite where only the real share is 0."""
    there = counts > 0
    shares = counts[there] / counts.sum()
    if np.any(real_shares[there] == 0):
        return math.inf
    return max(float(np.sum(shares * np.log(shares / real_shares[there]))), 0.0)
