"""The Frechet distance against closed forms, hand-worked numbers and scipy's matrix root."""

import math

import numpy as np
import pytest
import scipy.linalg

from kerasgan.metrics import frechet


def by_sqrtm(real, fake):
    """The formula as published, with a general matrix root."""
    real, fake = real.astype("float64"), fake.astype("float64")
    one, other = np.cov(real, rowvar=False), np.cov(fake, rowvar=False)
    root = scipy.linalg.sqrtm(one @ other).real
    offset = real.mean(axis=0) - fake.mean(axis=0)
    return offset @ offset + np.trace(one + other - 2 * root)


def correlated(seed, n, width, dtype="float32"):
    """Features with a wide spectrum: standard deviations from 1 down to 1/width, mixed."""
    draws = np.random.default_rng(seed)
    scales = 1.0 / np.arange(1, width + 1)
    mixing = np.linalg.qr(draws.normal(size=(width, width)))[0]
    return (draws.normal(0.3, 1.0, (n, width)) * scales @ mixing).astype(dtype)


def test_one_dimension_by_hand():
    # means 1 and 5, variances 2 and 8: 16 + (sqrt 2 - sqrt 8)^2 = 16 + 2
    distance = frechet.frechet_distance([[0.0], [2.0]], [[3.0], [7.0]])
    assert isinstance(distance, float) and abs(distance - 18.0) < 1e-12


def test_moments_by_hand():
    mean, covariance = frechet.moments(np.array([[0, 0], [2, 0], [4, 6]]))
    assert mean.tolist() == [2.0, 2.0]
    # deviations (-2, -2), (0, -2), (2, 4), over n - 1 = 2
    np.testing.assert_allclose(covariance, [[4.0, 6.0], [6.0, 12.0]], rtol=1e-15)


def test_moments_over_several_blocks_in_float64():
    """Float32 sums would lose the spread of 0.01 on an offset of 1,000."""
    features = np.random.default_rng(0).normal(1000.0, 0.01, (2500, 3)).astype("float32")
    mean, covariance = frechet.moments(features)
    np.testing.assert_allclose(mean, features.astype("float64").mean(axis=0), rtol=1e-14)
    expected = np.cov(features.astype("float64"), rowvar=False)
    np.testing.assert_allclose(covariance, expected, rtol=1e-10, atol=1e-16)


def test_known_gaussians():
    # The covariances commute: sum over axes of (mean difference)^2 + (sigma1 - sigma2)^2
    real = ([0.0, 1.0, 2.0], np.diag([1.0, 4.0, 9.0]))
    fake = ([3.0, 1.0, 0.0], np.diag([4.0, 4.0, 0.25]))
    distance = frechet.frechet_distance_from_moments(*real, *fake)
    assert abs(distance - (9.0 + 0.0 + 4.0 + 1.0 + 0.0 + 6.25)) < 1e-12


def test_covariances_that_do_not_commute():
    """In two dimensions tr (S1 S2)^(1/2) = sqrt(tr(S1 S2) + 2 sqrt(det(S1 S2)))."""
    one, other = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([[1.0, -0.5], [-0.5, 4.0]])
    # S1 S2 = [[1.5, 3], [-0.5, 11.5]]: trace 13, determinant 17.25 + 1.5 = 18.75
    expected = 5.0 + 5.0 - 2.0 * math.sqrt(13.0 + 2.0 * math.sqrt(18.75))
    for real, fake in ((one, other), (other, one)):
        distance = frechet.frechet_distance_from_moments([0, 0], real, [0, 0], fake)
        assert abs(distance - expected) < 1e-12


@pytest.mark.parametrize("width, n, m", [(8, 100, 60), (64, 500, 400), (128, 2000, 1500)])
def test_equals_the_form_with_sqrtm(width, n, m):
    real, fake = correlated(1, n, width), 1.1 * correlated(2, m, width)
    expected = by_sqrtm(real, fake)
    assert abs(frechet.frechet_distance(real, fake) / expected - 1.0) < 1e-6
    assert abs(frechet.frechet_distance(fake, real) / expected - 1.0) < 1e-6


def test_same_data_is_zero_and_never_negative():
    for n, width in ((500, 32), (10, 32), (2, 5), (200, 64)):
        features = correlated(n, n, width)
        distance = frechet.frechet_distance(features, features[::-1])
        assert 0.0 <= distance < 1e-9


def test_singular_covariances():
    # S1 has variance on the first axis only, S2 on the second only: no overlap, tr 4 + tr 9
    one, other = np.diag([4.0, 0.0, 0.0]), np.diag([0.0, 9.0, 0.0])
    distance = frechet.frechet_distance_from_moments([0, 0, 1], one, [0, 0, 0], other)
    assert abs(distance - 14.0) < 1e-12
    # All real samples alike: the distance is |m1 - m2|^2 + tr S2
    fake = np.array([[1.0, 0.0], [3.0, 0.0], [1.0, 4.0], [3.0, 4.0]])  # mean 2, 2; var 4/3, 16/3
    distance = frechet.frechet_distance(np.zeros((5, 2)), fake)
    assert abs(distance - (8.0 + 4 / 3 + 16 / 3)) < 1e-12
    assert abs(frechet.frechet_distance(fake, np.zeros((5, 2))) - distance) < 1e-12


def test_fewer_samples_than_features():
    """With n rows the trace of the root is that of an n x n matrix: sum of singular values."""
    real, fake = correlated(3, 20, 64, "float64"), correlated(4, 30, 64, "float64")
    a, b = (x - x.mean(axis=0) for x in (real, fake))
    roots = np.linalg.svd(a @ b.T / math.sqrt(19 * 29), compute_uv=False).sum()
    offset = np.sum((real.mean(axis=0) - fake.mean(axis=0)) ** 2)
    expected = offset + np.sum(a**2) / 19 + np.sum(b**2) / 29 - 2 * roots
    assert abs(frechet.frechet_distance(real, fake) / expected - 1.0) < 1e-5
    assert abs(frechet.frechet_distance(fake, real) / expected - 1.0) < 1e-5


def test_scale():
    """Scaling all features by c scales the distance by c^2, without any fixed small number."""
    real, fake = correlated(5, 300, 16, "float64"), 1.2 * correlated(6, 300, 16, "float64")
    distance = frechet.frechet_distance(real, fake)
    for c in (1e-6, 1e6):
        assert abs(frechet.frechet_distance(c * real, c * fake) / (c**2 * distance) - 1) < 1e-8


def test_warnings():
    assert frechet.warnings_for(129, 129, 128) == []
    (text,) = frechet.warnings_for(128, 129, 128)
    assert "128 real samples for 128 features" in text
    assert len(frechet.warnings_for(5, 5, 128)) == 2


GOOD = np.arange(12.0).reshape(6, 2)


@pytest.mark.parametrize(
    "real, fake, message",
    [
        (np.where(GOOD == 4, np.nan, GOOD), GOOD, "Received: real_features with 1 of 6 rows"),
        (GOOD, np.where(GOOD > 8, np.inf, GOOD), r"fake_features with 2 of 6 .* at row 4"),
        (GOOD[:, 0], GOOD, r"Received: real_features of shape \(6,\)"),
        (GOOD, GOOD[:, :1], r"Received: shapes \(6, 2\) and \(6, 1\)"),
        (GOOD, GOOD[:1], r"samples >= 2. Received: fake_features of shape \(1, 2\)"),
        (GOOD[:0], GOOD, "samples >= 2"),
        (GOOD.reshape(6, 1, 2), GOOD, "flatten or pool"),
        (GOOD[:, :0], GOOD[:, :0], r"of shape \(6, 0\)"),
        (GOOD.astype(str), GOOD, "must hold numbers"),
        (GOOD + 0j, GOOD, "must hold numbers"),
    ],
)
def test_bad_features(real, fake, message):
    with pytest.raises(ValueError, match=message):
        frechet.frechet_distance(real, fake)


@pytest.mark.parametrize(
    "moments, message",
    [
        (([0.0], [[1.0]], [0.0, 0.0], np.eye(2)), "the same width"),
        (([0.0], np.eye(2), [0.0], [[1.0]]), "real_covariance"),
        (([0.0], [[1.0]], [0.0], [[np.nan]]), "fake_covariance must be finite"),
        (([0.0], [[1.0]], [0.0], [[-1.0]]), "smallest variance -1"),
        (([0.0, 0.0], [[1.0, 0.5], [0.0, 1.0]], [0.0, 0.0], np.eye(2)), "asymmetry 0.5"),
    ],
)
def test_bad_moments(moments, message):
    with pytest.raises(ValueError, match=message):
        frechet.frechet_distance_from_moments(*moments)


@pytest.mark.parametrize("dtype", ["float16", "float32", "int64", "uint8"])
def test_other_types_of_numbers(dtype):
    one, other = np.array([[0], [2]], dtype), np.array([[3], [7]], dtype)
    assert abs(frechet.frechet_distance(one, other) - 18.0) < 1e-12
