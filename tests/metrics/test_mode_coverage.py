"""Mode coverage on points and labels counted by hand, and the known ceiling of real data."""

import math

import numpy as np
import pytest

from kerasgan.metrics.mode_coverage import label_mode_coverage, point_mode_coverage

CENTERS = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])


def test_points_by_hand():
    points = np.array(
        [
            [0.0, 0.3],  # mode 0, distance 0.3 = 3 x 0.1: the edge is inside
            [0.1, 0.1],  # mode 0
            [4.2, 0.2],  # mode 1, distance 0.2828
            [4.25, 0.25],  # near mode 1, distance 0.354: too far, though each axis is within 0.3
            [2.0, 2.0],  # between all
        ]
    )
    scores = point_mode_coverage(points, CENTERS, std=0.1)
    assert (scores["modes"], scores["num_modes"], scores["high_quality"]) == (2, 4, 3 / 5)
    # high-quality shares 2/3, 1/3 against 1/4 each
    assert abs(scores["kl"] - (2 / 3 * math.log(8 / 3) + 1 / 3 * math.log(4 / 3))) < 1e-12
    assert [type(scores[key]) for key in ("modes", "num_modes", "high_quality", "kl")] == [
        int,
        int,
        float,
        float,
    ]


def test_threshold():
    points = CENTERS + np.array([0.15, 0.0])
    assert point_mode_coverage(points, CENTERS, std=0.1, threshold=1.0)["modes"] == 0
    assert point_mode_coverage(points, CENTERS, std=0.1, threshold=2.0)["modes"] == 4


def test_kl_of_a_collapse():
    one = point_mode_coverage(np.zeros((9, 2)), CENTERS, std=0.1)
    assert one["modes"] == 1 and abs(one["kl"] - math.log(4)) < 1e-12
    half = point_mode_coverage(CENTERS[[0, 3]], CENTERS, std=0.1)
    assert half["modes"] == 2 and abs(half["kl"] - math.log(2)) < 1e-12
    full = point_mode_coverage(np.repeat(CENTERS, 7, axis=0), CENTERS, std=0.1)
    assert full == {"modes": 4, "num_modes": 4, "high_quality": 1.0, "kl": 0.0}


def test_no_point_of_high_quality():
    scores = point_mode_coverage([[2.0, 2.0], [9.0, 9.0]], CENTERS, std=0.1)
    assert (scores["modes"], scores["high_quality"]) == (0, 0.0) and math.isnan(scores["kl"])


@pytest.mark.parametrize("std, num_modes", [(0.01, 8), (0.05, 25)])
def test_real_points_reach_the_ceiling(std, num_modes):
    """1 - exp(-9/2) = 98.889 %, and KL near (K - 1) / 2N, the mean of a chi-square over 2N."""
    draws = np.random.default_rng(0)
    centers = draws.permutation(np.stack(np.meshgrid(*[np.arange(5.0)] * 2), -1).reshape(-1, 2))
    centers, n = centers[:num_modes], 100_000
    points = centers[draws.integers(num_modes, size=n)] + draws.normal(0, std, (n, 2))
    scores = point_mode_coverage(points, centers, std)
    assert scores["modes"] == num_modes
    # 4 standard errors of a share: 4 sqrt(0.989 x 0.011 / 100,000) = 0.0013
    assert abs(scores["high_quality"] - (1 - math.exp(-4.5))) < 0.0013
    expected = (num_modes - 1) / (2 * n)
    assert 0.2 * expected < scores["kl"] < 3 * expected


def test_labels_by_hand():
    scores = label_mode_coverage([0, 0, 0, 2], num_modes=4)
    assert (scores["modes"], scores["num_modes"]) == (2, 4)
    assert abs(scores["kl"] - (0.75 * math.log(3.0) + 0.25 * math.log(1.0))) < 1e-12
    # real shares 1/2, 1/4, 1/4: 3/4 log(3/2) + 1/4 log(1)
    scores = label_mode_coverage([0, 0, 0, 2], 3, real_labels=[0, 0, 1, 2, 0, 0, 1, 2])
    assert abs(scores["kl"] - 0.75 * math.log(1.5)) < 1e-12


def test_kl_is_of_fake_from_real():
    """A mode lost is finite; a mode that the real samples lack is infinite."""
    assert label_mode_coverage([0, 0], 2, real_labels=[0, 1])["kl"] == math.log(2)
    assert label_mode_coverage([0, 1], 2, real_labels=[0, 0])["kl"] == math.inf
    assert label_mode_coverage([0, 1], 3, real_labels=[0, 1])["kl"] == 0.0


def test_perfect_stacked_mnist():
    """26,000 labels of 1,000 equal modes: all are met, and the KL is (K - 1) / 2N = 0.0192."""
    labels = np.random.default_rng(0).integers(1000, size=26_000)
    scores = label_mode_coverage(labels, 1000)
    assert scores["modes"] == 1000
    # a chi-square of 999 degrees over 52,000: standard deviation sqrt(1998) / 52,000 = 0.00086
    assert abs(scores["kl"] - 999 / 52_000) < 5 * 0.00086


@pytest.mark.parametrize(
    "options, message",
    [
        ({"std": 0.0}, "Received: std=0.0"),
        ({"std": math.nan}, "Received: std=nan"),
        ({"std": "1"}, "Received: std='1'"),
        ({"threshold": -3}, "Received: threshold=-3"),
        ({"points": np.zeros((3, 3))}, "same number of dimensions"),
        ({"points": np.full((3, 2), np.nan)}, "points must be finite"),
        ({"points": np.zeros((0, 2))}, "points .* samples >= 1"),
        ({"points": np.zeros(2)}, r"points of shape \(2,\)"),
        ({"centers": np.zeros((0, 2))}, "centers .* samples >= 1"),
    ],
)
def test_bad_points(options, message):
    arguments = {"points": np.zeros((3, 2)), "centers": CENTERS, "std": 0.1} | options
    with pytest.raises(ValueError, match=message):
        point_mode_coverage(**arguments)


@pytest.mark.parametrize("labels", [[0, 4], [-1, 0], [], [0.5], [[0, 1]]])
def test_bad_labels(labels):
    for arguments in ({"labels": labels}, {"labels": [0], "real_labels": labels}):
        with pytest.raises(ValueError, match="labels must"):
            label_mode_coverage(num_modes=4, **arguments)


def test_bad_num_modes():
    with pytest.raises(ValueError, match="Received: num_modes=0"):
        label_mode_coverage([0], 0)
