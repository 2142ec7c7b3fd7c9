"""How well translations fit partners that are known."""

import numpy as np

from kerasgan import checks


def nearest_partner(made, truth, candidates=100):
    """Share of the images to which, of so many partners, their own is the nearest in L2.

    Args:
        made: array (n, ...), translations.
        truth: array of the same shape, their true partners.
        candidates: images i and j compete if i // candidates == j // candidates; n must be a
            multiple.

    Returns:
        float in [0, 1]; by chance 1 / candidates.

    Raises:
        ValueError: arrays of different shapes; an n that is no multiple of `candidates`.

    Example:
        >>> nearest_partner(np.array([[0.0], [2.1]]), np.array([[1.0], [2.0]]), candidates=2)
        1.0
    """
    made, truth = np.asarray(made), np.asarray(truth)
    checks.positive(candidates=candidates)
    if made.shape != truth.shape or not len(made) or len(made) % candidates:
        raise ValueError(
            "made and truth must be of one shape, their number a multiple of candidates. "
            f"Received: made of shape {made.shape}, truth of shape {truth.shape}, "
            f"candidates={candidates}"
        )
    ours, theirs = (a.reshape(-1, candidates, a[0].size) for a in (made, truth))
    squared = np.sum(np.square(theirs, dtype="float64"), axis=-1)[:, None, :]
    distances = squared - 2.0 * ours @ theirs.transpose(0, 2, 1)  # but for |ours|^2
    return float(np.mean(distances.argmin(axis=-1) == np.arange(candidates)))


def confusion_matrix(labels, predicted, num_classes=10):
    """How often a label (row) is taken for a class (column): int array (num_classes, num_classes).

    Example:
        >>> confusion_matrix([0, 0, 1], [1, 1, 1], num_classes=2).tolist()
        [[0, 2], [0, 1]]
    """
    matrix = np.zeros((num_classes, num_classes), int)
    np.add.at(
        matrix, (checks.labels(labels, num_classes), checks.labels(predicted, num_classes)), 1
    )
    return matrix


def best_permutation(matrix):
    """The renaming of classes under which a confusion matrix is most diagonal.

    Kuhn 1955, the assignment problem. Two generators that invert each other may map the classes of
    one domain to those of the other in any one-to-one way.

    Args:
        matrix: array (classes, classes) of counts.

    Returns:
        (list: row -> column, the share of the counts that it holds).

    Example:
        >>> best_permutation(np.array([[1, 4], [5, 0]]))
        ([1, 0], 0.9)
    """
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(-np.asarray(matrix))
    return columns.tolist(), float(matrix[rows, columns].sum() / matrix.sum())
