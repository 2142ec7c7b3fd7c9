"""Interpolation by hand: the unit circle, lengths, ends, walks and grids."""

import numpy as np
import pytest

from kerasgan.latent import between, grid, lerp, slerp, walk
from tests.latent.makers import of_pixels

NORMAL = of_pixels(lambda z: z, latent_dim=2)
UNIFORM = of_pixels(lambda z: z, latent_dim=2, distribution="uniform")


def test_lerp_by_hand():
    start, end = [1.0, 2.0], [3.0, -2.0]
    np.testing.assert_allclose(lerp(start, end, [0.0, 0.25, 1.0]), [start, [1.5, 1.0], end])
    np.testing.assert_allclose(lerp(start, end, 1.5), [4.0, -4.0])


def test_slerp_goes_along_the_unit_circle_at_an_even_angle():
    shares = np.linspace(0.0, 1.0, 7)
    points = slerp([1.0, 0.0], [0.0, 1.0], shares)
    angles = np.radians([0, 15, 30, 45, 60, 75, 90])
    np.testing.assert_allclose(points, np.stack([np.cos(angles), np.sin(angles)], 1), atol=1e-12)


def test_slerp_changes_the_length_evenly():
    # 60 degrees between (2, 0) and 4 * (1/2, sqrt(3)/2); a third of the way is 20 degrees.
    end = [2.0, 2.0 * np.sqrt(3.0)]
    third = slerp([2.0, 0.0], end, 1 / 3)
    length, angle = 2.0 + 2.0 / 3.0, np.radians(20.0)
    np.testing.assert_allclose(third, [length * np.cos(angle), length * np.sin(angle)])


def test_slerp_of_one_direction_is_the_line():
    np.testing.assert_allclose(slerp([1.0, 1.0], [3.0, 3.0], 0.5), [2.0, 2.0])
    np.testing.assert_allclose(slerp([1.0, 1.0], [1.0, 1.0], [0.3]), [[1.0, 1.0]])


def test_the_middle_of_a_line_is_too_short_and_of_an_arc_is_not():
    """White 2016: two normal latents are nearly at right angles, so the middle has 1/sqrt(2)."""
    ends = np.random.default_rng(0).normal(size=(2, 200, 400))
    lengths = [np.linalg.norm(way(*ends, 0.5), axis=-1).mean() for way in (lerp, slerp)]
    assert lengths[0] == pytest.approx(np.sqrt(400 / 2), rel=0.01)
    assert lengths[1] == pytest.approx(np.sqrt(400), rel=0.01)


def test_batches_of_paths():
    ends = np.random.default_rng(0).normal(size=(2, 3, 5))
    for way in (lerp, slerp):
        paths = way(*ends, [0.0, 0.5, 1.0])
        assert paths.shape == (3, 3, 5)
        np.testing.assert_allclose(paths[1], way(ends[0][1], ends[1][1], [0.0, 0.5, 1.0]))
        np.testing.assert_allclose(paths[:, 0], ends[0])
        np.testing.assert_allclose(paths[:, 2], ends[1])


@pytest.mark.parametrize(
    "start, end, shares, words",
    [
        ([1.0, 0.0], [1.0, 0.0, 0.0], 0.5, "one shape"),
        ([1.0, np.nan], [1.0, 0.0], 0.5, "finite"),
        ([1.0, 0.0], [0.0, 1.0], [[0.5]], "shares"),
        ([0.0, 0.0], [0.0, 1.0], 0.5, "direction"),
        ([1.0, 0.0], [-2.0, 0.0], 0.5, "Opposite"),
    ],
)
def test_what_has_no_arc_is_refused(start, end, shares, words):
    with pytest.raises(ValueError, match=words) as error:
        slerp(start, end, shares)
    assert "Received" in str(error.value)


def test_normal_latents_take_the_arc_and_uniform_ones_the_line():
    start, end = [1.0, 0.0], [0.0, 1.0]
    np.testing.assert_allclose(between(NORMAL, start, end, 0.5), [0.5**0.5] * 2)
    np.testing.assert_allclose(between(UNIFORM, start, end, 0.5), [0.5, 0.5])


def test_a_walk_passes_each_stop_once():
    stops = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.5]], "float32")
    open_walk, closed = walk(UNIFORM, stops, 4), walk(UNIFORM, stops, 4, closed=True)
    assert open_walk.shape == (9, 2) and closed.shape == (12, 2)
    np.testing.assert_array_equal(open_walk[::4], stops)
    np.testing.assert_array_equal(closed[::4], stops)
    np.testing.assert_allclose(open_walk[1], [0.75, 0.25])
    np.testing.assert_allclose(closed[-1], stops[2] + 0.75 * (stops[0] - stops[2]))


def test_latents_of_one_number_go_along_the_line():
    line = of_pixels(lambda z: z, latent_dim=1)
    steps = walk(line, [[1.0], [-2.0]], steps=4)
    np.testing.assert_allclose(steps[:, 0], [1.0, 0.25, -0.5, -1.25, -2.0])
    np.testing.assert_allclose(between(line, [1.0], [-1.0], [0.25, 0.5]), [[0.5], [0.0]])
    cells = grid(line, [[1.0], [-1.0], [3.0], [-3.0]], rows=3, columns=3)
    np.testing.assert_allclose(cells.reshape(3, 3), [[1, 0, -1], [2, 0, -2], [3, 0, -3]])


def test_a_grid_has_the_corners_it_was_given():
    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], "float32")
    cells = grid(UNIFORM, corners, rows=3, columns=5).reshape(3, 5, 2)
    np.testing.assert_allclose(cells[[0, 0, 2, 2], [0, 4, 0, 4]], corners)
    np.testing.assert_allclose(cells[1, 1], [0.25, 0.5])


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: walk(NORMAL, [[1.0, 0.0]]), "two stops"),
        (lambda: walk(NORMAL, np.eye(2), steps=0), "steps"),
        (lambda: walk(NORMAL, np.eye(3)), r"\(batch, 2\)"),
        (lambda: walk(NORMAL, [[1.0, np.nan], [1.0, 0.0]]), "finite"),
        (lambda: grid(NORMAL, np.eye(2)), "4 corners"),
        (lambda: grid(UNIFORM, np.zeros((4, 2)), rows=1), "2 rows"),
    ],
)
def test_bad_walks_and_grids_are_named(call, words):
    with pytest.raises(ValueError, match=words) as error:
        call()
    assert "Received" in str(error.value)
