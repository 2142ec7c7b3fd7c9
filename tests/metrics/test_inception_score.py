"""The Inception Score on probabilities whose score is known."""

import math

import numpy as np
import pytest

from kerasgan.metrics import inception_score as module
from kerasgan.metrics.inception_score import inception_score


def test_sure_and_evenly_spread_is_the_number_of_classes():
    rows = np.eye(10)[np.arange(200) % 10]
    mean, spread = inception_score(rows)  # each split of 20 rows has every class twice
    assert isinstance(mean, float) and abs(mean - 10.0) < 1e-12 and abs(spread) < 1e-12


def test_one_class_only_and_no_idea_are_one():
    for rows in (np.eye(5)[np.zeros(40, int)], np.full((40, 5), 0.2)):
        mean, spread = inception_score(rows, splits=4)
        assert abs(mean - 1.0) < 1e-12 and abs(spread) < 1e-12


def test_two_rows_by_hand():
    # p(y) = (0.7, 0.3); KLs: 0.9 log(9/7) + 0.1 log(1/3) and 0.5 log(5/7) + 0.5 log(5/3)
    one = 0.9 * math.log(9 / 7) + 0.1 * math.log(1 / 3)
    other = 0.5 * math.log(5 / 7) + 0.5 * math.log(5 / 3)
    mean, spread = inception_score([[0.9, 0.1], [0.5, 0.5]], splits=1)
    assert abs(mean - math.exp((one + other) / 2)) < 1e-12 and spread == 0.0


def test_splits_are_runs_of_neighbouring_rows():
    # Five rows in two splits: rows 0-1 (one class: 1) and rows 2-4 (three classes: 3)
    rows = np.eye(3)[[0, 0, 0, 1, 2]]
    mean, spread = inception_score(rows, splits=2)
    assert abs(mean - 2.0) < 1e-12 and abs(spread - 1.0) < 1e-12


def test_zeros_and_the_smallest_numbers_stay_finite():
    tiny = np.nextafter(0.0, 1.0)
    mean, _ = inception_score([[1.0, tiny, 0.0], [1.0, 0.0, 0.0]], splits=1)
    assert abs(mean - 1.0) < 1e-12


def test_float32_softmax():
    logits = np.random.default_rng(0).normal(0, 3, (500, 20))
    rows = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for dtype, tolerance in (("float32", 1e-6), ("float16", 1e-3)):
        low, full = inception_score(rows.astype(dtype)), inception_score(rows)
        np.testing.assert_allclose(low, full, rtol=tolerance)


def test_warnings():
    assert module.warnings_for(500, 10) == []
    (text,) = module.warnings_for(499, 10)
    assert "49 samples in each split for 10 classes" in text and "at least 500" in text
    assert module.warnings_for(499, 10, splits=1) == []


@pytest.mark.parametrize(
    "rows, message",
    [
        ([[2.0, -1.0], [0.5, 0.5]], "smallest value -1"),
        ([[3.0, 1.0], [0.5, 0.5]], "row sums from 1 to 4"),
        ([[0.5, 0.3], [0.5, 0.5]], "through a softmax"),
        ([[np.nan, 1.0], [0.5, 0.5]], "probabilities must be finite"),
        ([0.5, 0.5], r"of shape \(2,\)"),
        ([[1.0]], "samples >= 2"),
    ],
)
def test_bad_probabilities(rows, message):
    with pytest.raises(ValueError, match=message):
        inception_score(rows, splits=1)


@pytest.mark.parametrize("splits", [0, -1, 11, 1.5])
def test_bad_splits(splits):
    with pytest.raises(ValueError, match="Received: splits="):
        inception_score(np.full((20, 4), 0.25), splits=splits)
