"""The kernel distance against hand-worked numbers and loops over single pairs."""

import numpy as np
import pytest

from kerasgan.metrics import arrays, kernel


def by_loops(real, fake):
    """The unbiased estimate, pair by pair."""

    def k(x, y):
        return (sum(float(a) * float(b) for a, b in zip(x, y)) / len(x) + 1.0) ** 3

    n, m = len(real), len(fake)
    within_real = sum(k(real[i], real[j]) for i in range(n) for j in range(n) if i != j)
    within_fake = sum(k(fake[i], fake[j]) for i in range(m) for j in range(m) if i != j)
    mixed = sum(k(x, y) for x in real for y in fake)
    return within_real / (n * (n - 1)) + within_fake / (m * (m - 1)) - 2.0 * mixed / (n * m)


def features(seed, n, width=4, offset=0.0):
    return np.random.default_rng(seed).normal(offset, 1.0, (n, width))


def test_two_samples_by_hand():
    # k(0, 1) = 1; k(2, 3) = 7^3; mixed: k(0, .) = 1 twice, k(1, 2) = 27, k(1, 3) = 64
    distance = kernel.kernel_distance_full([[0.0], [1.0]], [[2.0], [3.0]])
    assert isinstance(distance, float) and distance == 1.0 + 343.0 - 2.0 * 93.0 / 4.0


def test_width_divides_the_product():
    # width 2: k(x, y) = (x.y / 2 + 1)^3. real: x.y = 0 -> 1. fake: 4 / 2 + 1 = 3 -> 27.
    # mixed: (1, 0).(2, 0) = 2 -> 8, (1, 0).(2, 2) = 2 -> 8, (0, 1).(2, 0) -> 1, (0, 1).(2, 2) -> 8
    distance = kernel.kernel_distance_full([[1, 0], [0, 1]], [[2, 0], [2, 2]])
    assert distance == 1.0 + 27.0 - 2.0 * 25.0 / 4.0


@pytest.mark.parametrize("n, m", [(2, 2), (7, 5), (20, 30)])
def test_equals_loops(n, m):
    real, fake = features(0, n), features(1, m, offset=0.5)
    assert abs(kernel.kernel_distance_full(real, fake) / by_loops(real, fake) - 1) < 1e-12


def test_blocks_make_no_difference(monkeypatch):
    real, fake = features(0, 50), features(1, 41, offset=0.5)
    whole = kernel.kernel_distance_full(real, fake)
    monkeypatch.setattr(arrays, "BLOCK_ROWS", 7)
    assert abs(kernel.kernel_distance_full(real, fake) / whole - 1) < 1e-12


def test_mean_and_spread_over_known_subsets():
    """Subsets of all samples are all alike; of 2 of 3 samples, each is one of nine pairs."""
    real, fake = features(0, 3), features(1, 3, offset=1.0)
    mean, spread = kernel.kernel_distance(real, fake, subsets=4, subset_size=3)
    assert abs(mean / by_loops(real, fake) - 1) < 1e-12 and abs(spread) < 1e-12
    pairs = [[0, 1], [0, 2], [1, 2]]
    estimates = [by_loops(real[i], fake[j]) for i in pairs for j in pairs]
    mean, spread = kernel.kernel_distance(real, fake, subsets=4000, subset_size=2)
    # 4,000 draws of nine equally likely estimates: 5 standard errors
    assert abs(mean - np.mean(estimates)) < 5 * np.std(estimates) / np.sqrt(4000)
    assert abs(spread / np.std(estimates) - 1) < 0.1


def test_no_bias_at_small_samples():
    """Sets of one distribution: the mean over many draws of 10 samples is 0, within its error."""
    draws = np.random.default_rng(0)
    distances = [kernel.kernel_distance_full(*draws.normal(0, 1, (2, 10, 3))) for _ in range(2000)]
    assert abs(np.mean(distances)) < 4 * np.std(distances) / np.sqrt(2000)
    assert min(distances) < 0  # as an unbiased estimate of 0 must be at times


def test_expectation_in_closed_form():
    """In one dimension, real N(0, 1), fake N(1, 1): the sum of squared differences of moments.

    (xy + 1)^3 = 1 + 3 xy + 3 x^2 y^2 + x^3 y^3, so MMD^2 = 3 (0 - 1)^2 + 3 (1 - 2)^2 + (0 - 4)^2,
    where E x^2 = 1 + 1 and E x^3 = 1 + 3 for N(1, 1).
    """
    draws = np.random.default_rng(1)
    distances = [
        kernel.kernel_distance_full(draws.normal(0, 1, (100, 1)), draws.normal(1, 1, (100, 1)))
        for _ in range(100)
    ]
    error = np.std(distances) / np.sqrt(100)
    assert abs(np.mean(distances) - 22.0) < 4 * error and error < 1.0


def test_seed():
    real, fake = features(0, 40), features(1, 40)
    first = kernel.kernel_distance(real, fake, subsets=3, subset_size=10, seed=1)
    assert first == kernel.kernel_distance(real, fake, subsets=3, subset_size=10, seed=1)
    assert first != kernel.kernel_distance(real, fake, subsets=3, subset_size=10, seed=2)


def test_float32_features_are_summed_in_float64():
    real, fake = (features(i, 300, 64, 3.0).astype("float32") for i in range(2))
    expected = kernel.kernel_distance_full(real.astype("float64"), fake.astype("float64"))
    assert kernel.kernel_distance_full(real, fake) == expected


@pytest.mark.parametrize("size", [0, 1, 6, 1000, 2.0, True])
def test_bad_subset_size(size):
    with pytest.raises(ValueError, match="Received: subset_size="):
        kernel.kernel_distance(features(0, 5), features(1, 9), subset_size=size)


def test_bad_arguments():
    good = features(0, 5)
    with pytest.raises(ValueError, match="Received: subsets=0"):
        kernel.kernel_distance(good, good, subsets=0, subset_size=2)
    with pytest.raises(ValueError, match="samples >= 2"):
        kernel.kernel_distance_full(good, good[:1])
    with pytest.raises(ValueError, match="same width"):
        kernel.kernel_distance_full(good, good[:, 1:])
    with pytest.raises(ValueError, match="fake_features must be finite"):
        kernel.kernel_distance(good, np.full_like(good, np.nan), subset_size=2)
