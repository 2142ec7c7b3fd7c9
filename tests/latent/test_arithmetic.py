"""Arithmetic and truncation by hand."""

import numpy as np
import pytest

from kerasgan.latent import analogy, around, concept, towards_mean


def test_concepts_and_analogies_by_hand():
    assert concept([[1.0, 0.0], [3.0, 4.0]]).tolist() == [2.0, 2.0]
    result = analogy([[1.0, 0.0], [3.0, 4.0]], [[0.0, 1.0]], [[5.0, 5.0], [7.0, 7.0]])
    assert result.tolist() == [8.0, 7.0]


def test_three_means_of_three_are_as_wide_as_a_latent():
    draws = np.random.default_rng(0).normal(size=(3, 3, 20_000))
    assert analogy(*draws).std() == pytest.approx(1.0, abs=0.02)  # 1/3 + 1/3 + 1/3
    assert analogy(*draws[:, :1]).std() == pytest.approx(3**0.5, abs=0.03)


def test_towards_the_mean():
    latents, mean = [[2.0, -4.0], [0.0, 1.0]], [1.0, 1.0]
    np.testing.assert_allclose(towards_mean(latents, 0.5, mean), [[1.5, -1.5], [0.5, 1.0]])
    np.testing.assert_allclose(towards_mean(latents, 1.0, mean), latents)
    np.testing.assert_allclose(towards_mean(latents, 0.0), np.zeros((2, 2)))
    drawn = np.random.default_rng(0).normal(size=(20_000, 2))
    assert towards_mean(drawn, 0.7).std() == pytest.approx(0.7, abs=0.01)


def test_around_is_near_and_keeps_the_latent_first():
    rows = around([1.0, -1.0], 500, reach=0.25, seed=3)
    assert rows.shape == (500, 2) and rows[0].tolist() == [1.0, -1.0]
    assert 0.24 < np.abs(rows - rows[0]).max() <= 0.25
    np.testing.assert_array_equal(rows, around([1.0, -1.0], 500, reach=0.25, seed=3))


@pytest.mark.parametrize(
    "call",
    [
        lambda: concept([]),
        lambda: concept([[np.nan]]),
        lambda: towards_mean([[1.0]], np.nan),
        lambda: towards_mean([[1.0, 2.0]], 0.5, [1.0, 2.0, 3.0]),
        lambda: towards_mean([[1.0, 2.0]], 0.5, [1.0]),
        lambda: towards_mean([[1.0], [2.0]], 0.5, [[1.0], [2.0]]),
        lambda: towards_mean([1.0, 2.0], 0.5),
        lambda: towards_mean([[1.0, np.nan]], 0.5),
        lambda: towards_mean([[1.0, 2.0]], 0.5, [1.0, np.inf]),
        lambda: analogy([[1.0, 2.0]], [[1.0]], [[1.0, 2.0]]),
        lambda: analogy([[1.0]], [[1.0]], [[1.0, 2.0]]),
        lambda: around([np.nan], 3),
        lambda: around([1.0], -3),
        lambda: around([1.0], 0),
        lambda: around([[1.0]], 2),
        lambda: around([1.0], 2, reach=-0.1),
        lambda: around([1.0], 2, reach=np.nan),
    ],
)
def test_bad_input_is_named(call):
    with pytest.raises(ValueError, match="Received"):
        call()
