"""Precision, recall, density and coverage on points placed by hand, and against direct loops."""

import numpy as np
import pytest

from kerasgan.metrics import arrays
from kerasgan.metrics.precision_recall import density_coverage, precision_recall

# On a line. Nearest neighbours at k = 1: real 0-1, 1-0, 4-1 (3 away), 10-4 (6 away).
REAL = np.array([[0.0], [1.0], [4.0], [10.0]])
# Fakes: 2-2.5, 2.5-2, 17-2.5 (14.5 away).
FAKE = np.array([[2.0], [2.5], [17.0]])


def directly(real, fake, k):
    """All four scores from the whole matrix of distances, computed difference by difference."""

    def distances(a, b):
        return np.array([np.sqrt(((b - x) ** 2).sum(axis=1)) for x in a])

    real, fake = real.astype("float64"), fake.astype("float64")
    real_radii = np.sort(distances(real, real), axis=1)[:, k]  # column 0 is the row itself
    fake_radii = np.sort(distances(fake, fake), axis=1)[:, k]
    mixed = distances(real, fake)
    inside = mixed <= real_radii[:, None]
    return {
        "precision": inside.any(axis=0).mean(),
        "recall": (mixed <= fake_radii[None, :]).any(axis=1).mean(),
        "density": inside.sum(axis=0).mean() / k,
        "coverage": (mixed.min(axis=1) <= real_radii).mean(),
    }


def all_four(real, fake, k):
    return precision_recall(real, fake, k) | density_coverage(real, fake, k)


def test_precision_and_recall_by_hand():
    scores = precision_recall(REAL, FAKE, k=1)
    # 2: in the balls of 1 (its edge) and 4; 2.5: in that of 4; 17: 10 reaches to 16 only.
    assert scores["precision"] == 2 / 3
    # fake balls: 1.5 to 2.5, 2 to 3, 2.5 to 31.5. 4 and 10 are inside, 0 and 1 are not.
    assert scores["recall"] == 2 / 4
    assert {type(score) for score in scores.values()} == {float}


def test_density_and_coverage_by_hand():
    scores = density_coverage(REAL, FAKE, k=1)
    # balls: 0 reaches [-1, 1], 1 [0, 2], 4 [1, 7], 10 [4, 16]: 2 lies in two, 2.5 in one, 17 none
    assert scores["density"] == 3 / 3 and scores["coverage"] == 2 / 4
    # k = 2: 0 reaches 4, 1 3, 4 4, 10 9: [-4, 4], [-2, 4], [0, 8], [1, 19]: 4 + 4 + 1, over 2
    scores = density_coverage(REAL, FAKE, k=2)
    assert scores["density"] == 9 / (2 * 3) and scores["coverage"] == 4 / 4


def test_the_sides_are_not_mixed_up():
    """Fakes on one of two far clusters: all precise, half recalled. Swapped: the reverse."""
    near = np.random.default_rng(0).normal(0, 1, (300, 2))
    far = near + 100.0
    both = np.concatenate([near, far])
    scores = precision_recall(both, near + 0.01)
    assert scores["precision"] > 0.97 and 0.48 < scores["recall"] <= 0.5
    scores = precision_recall(near + 0.01, both)
    assert 0.48 < scores["precision"] <= 0.5 and scores["recall"] > 0.97
    assert 0.48 < density_coverage(both, near + 0.01)["coverage"] <= 0.5


def test_same_samples_and_far_samples():
    points = np.random.default_rng(0).normal(0, 1, (200, 8))
    # A point itself is in its ball, and so are its 3 neighbours: 4 / 3 on average.
    same = {"precision": 1.0, "recall": 1.0, "density": 4 / 3, "coverage": 1.0}
    assert all_four(points, points, 3) == same
    assert set(all_four(points, points + 1e3, 3).values()) == {0.0}


def test_a_sample_is_not_its_own_neighbour():
    """Copies are neighbours at distance 0; the sample itself isn't one."""
    real = np.array([[0.0], [0.0], [5.0], [7.0]])
    # radii at k = 1: 0, 0, 2, 2
    assert density_coverage(real, np.array([[0.5], [6.0]]), k=1)["density"] == (0 + 2) / 2


def test_one_outlier_among_fakes_raises_recall_but_not_coverage():
    real = np.random.default_rng(0).normal(0, 1, (100, 4))
    fake = np.array([[-5.0] * 4, [-5.0] * 4, [-5.0] * 4, [40.0] * 4])
    assert precision_recall(real, fake)["recall"] == 1.0  # the outlier's ball reaches to -5
    assert density_coverage(real, fake)["coverage"] == 0.0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("k", [1, 3, 5])
def test_equals_the_direct_form(k, dtype):
    draws = np.random.default_rng(k)
    real = draws.normal(0, 1, (400, 16)).astype(dtype)
    fake = draws.normal(0.3, 0.9, (300, 16)).astype(dtype)
    expected = directly(real, fake, k)
    assert min(expected.values()) > 0.1 and expected["recall"] < 1  # so that it shows something
    scores = all_four(real, fake, k)
    assert scores == pytest.approx(expected, rel=1e-4)


def test_blocks_make_no_difference(monkeypatch):
    draws = np.random.default_rng(0)
    real, fake = draws.normal(0, 1, (103, 8)), draws.normal(0.3, 1, (90, 8))
    whole = all_four(real, fake, 3)
    monkeypatch.setattr(arrays, "BLOCK_ROWS", 10)
    assert all_four(real, fake, 3) == whole


def test_large_common_offset_in_float32():
    """Without the move of the origin the squares, 3e9, would drown the distances, about 30."""
    draws = np.random.default_rng(0)
    real, fake = (draws.integers(-8, 9, (300, 32)).astype("float32") / 8 for _ in range(2))
    expected = all_four(real, fake, 3)
    assert 0.1 < expected["recall"] < 1
    assert all_four(real + 10_000, fake + 10_000, 3) == expected


def test_squares_that_overflow():
    with pytest.raises(ValueError, match="too large"):
        precision_recall(np.float32(1e30) * REAL.astype("float32"), FAKE.astype("float32"), k=1)


@pytest.mark.parametrize("k", [0, -1, 1.5, None, True])
def test_bad_k(k):
    for score in (precision_recall, density_coverage):
        with pytest.raises(ValueError, match="Received: k="):
            score(REAL, FAKE, k=k)


def test_too_few_samples():
    with pytest.raises(ValueError, match=r"fake_features.* Received: k=3, 3 samples"):
        precision_recall(REAL, FAKE)
    with pytest.raises(ValueError, match=r"real_features.* Received: k=5, 4 samples"):
        density_coverage(REAL, FAKE)
    assert density_coverage(REAL, FAKE, k=3)["coverage"] == 1.0  # only real samples have balls


def test_bad_features():
    for score in (precision_recall, density_coverage):
        with pytest.raises(ValueError, match="same width"):
            score(REAL, np.zeros((4, 2)), k=1)
        with pytest.raises(ValueError, match="fake_features must be finite"):
            score(REAL, np.where(FAKE > 9, np.nan, FAKE), k=1)
