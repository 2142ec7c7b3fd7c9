"""Partners found, and classes renamed: numbers worked out by hand and by brute force."""

import itertools

import numpy as np
import pytest

from kerasgan.metrics import correspondence


def test_nearest_partner_is_what_all_distances_say():
    random = np.random.default_rng(0)
    truth = random.normal(size=(60, 4, 4, 3)).astype("float32")
    made = truth + random.normal(scale=1.5, size=truth.shape).astype("float32")
    found = 0
    for block in range(3):
        rows = range(20 * block, 20 * block + 20)
        for i in rows:
            distances = [np.linalg.norm(made[i] - truth[j]) for j in rows]
            found += rows[int(np.argmin(distances))] == i
    assert 10 < found < 60
    share = correspondence.nearest_partner(made, truth, candidates=20)
    assert share == pytest.approx(found / 60)


def test_partners_compete_within_their_block_only():
    truth = np.array([[0.0], [1.0], [0.1], [1.1]])
    made = np.array([[0.1], [1.1], [0.0], [0.2]])
    assert correspondence.nearest_partner(made, truth, candidates=2) == 0.75
    assert correspondence.nearest_partner(made, truth, candidates=4) == 0.0


@pytest.mark.parametrize(
    "shapes, candidates, message",
    [
        (((6, 2), (6, 3)), 2, "of one shape"),
        (((6, 2), (6, 2)), 4, "a multiple of candidates"),
        (((0, 2), (0, 2)), 1, "Received: made of shape"),
        (((6, 2), (6, 2)), 0, "candidates must be a positive integer"),
    ],
)
def test_what_cannot_compete_is_refused(shapes, candidates, message):
    with pytest.raises(ValueError, match=message):
        correspondence.nearest_partner(*map(np.zeros, shapes), candidates=candidates)


def test_confusion_counts_rows_by_label():
    matrix = correspondence.confusion_matrix([0, 2, 2, 2], [1, 2, 0, 2], num_classes=3)
    assert matrix.tolist() == [[0, 1, 0], [0, 0, 0], [1, 0, 2]]
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 3\)"):
        correspondence.confusion_matrix([0], [3], num_classes=3)


def test_the_best_permutation_is_that_of_a_search_through_all():
    matrix = np.random.default_rng(1).integers(0, 50, (5, 5))
    sums = {p: sum(matrix[i, p[i]] for i in range(5)) for p in itertools.permutations(range(5))}
    best = max(sums, key=sums.get)
    assert best != tuple(range(5))
    permutation, share = correspondence.best_permutation(matrix)
    assert tuple(permutation) == best
    assert share == pytest.approx(sums[best] / matrix.sum())
