import itertools

import numpy as np
import pytest
import tensorflow as tf

from kerasgan.data import augment
from kerasgan.data.order import EpochOrder


@pytest.mark.parametrize(
    "size, loaded", [((256, 256), (286, 286)), ((128, 64), (143, 72)), ((4, 1), (5, 2))]
)
def test_load_size(size, loaded):
    assert augment.load_size(size) == loaded


def draws(pixels, size, flip, count, seed=5):
    """Cuts of the same pixels, of draws number 0, 1, 2, ..."""

    def cut(number):
        words = tf.stack([tf.constant(seed, tf.int64), number])
        return augment.crop_and_flip(tf.constant(pixels), size, flip, words)

    dataset = tf.data.Dataset.range(count).map(cut)
    return list(dataset.as_numpy_iterator())


def corner_and_side(image):
    """(top, left, mirrored) of a cut from a picture of coordinates, which it must be exactly."""
    rows, columns = image[..., 0].astype(int), image[..., 1].astype(int)
    mirrored = columns[0, 0] > columns[0, -1]
    if mirrored:
        columns = columns[:, ::-1]
    top, left = rows[0, 0], columns[0, 0]
    grid = np.mgrid[: image.shape[0], : image.shape[1]]
    np.testing.assert_array_equal(rows - top, grid[0])
    np.testing.assert_array_equal(columns - left, grid[1])
    return int(top), int(left), bool(mirrored)


def test_every_corner_and_both_sides_are_equally_likely(coordinates):
    cuts = draws(coordinates(7, 8), (5, 6), True, 1800)
    found = [corner_and_side(cut) for cut in cuts]
    counts = [found.count(one) for one in itertools.product(range(3), range(3), (False, True))]
    assert sum(counts) == 1800
    # 18 outcomes, 100 each expected, standard deviation 9.7
    assert all(60 < count < 140 for count in counts)


def test_draws_are_independent(coordinates):
    cuts = draws(coordinates(40, 40), (20, 20), True, 1000)
    found = np.array([corner_and_side(cut) for cut in cuts], float)
    bound = 5 / np.sqrt(1000)
    assert abs(np.corrcoef(found.T)[np.triu_indices(3, 1)]).max() < bound
    for column in found.T:
        assert abs(np.corrcoef(column[:-1], column[1:])[0, 1]) < bound


def test_draws_follow_from_seed_and_number(coordinates):
    pixels = coordinates(60, 60)
    one, again, other = (
        [corner_and_side(cut) for cut in draws(pixels, (20, 20), True, 20, seed)]
        for seed in (5, 5, 6)
    )
    assert one == again != other


def test_halves_get_the_same_draws(coordinates):
    both = np.stack([coordinates(8, 8, mark) for mark in (1, 2)])
    for cuts in draws(both, (4, 4), True, 5):
        assert cuts.shape == (2, 4, 4, 3)
        np.testing.assert_array_equal(cuts[0, ..., :2], cuts[1, ..., :2])
        assert (cuts[0, ..., 2] == 1).all() and (cuts[1, ..., 2] == 2).all()


def test_nothing_asked_nothing_done(coordinates):
    pixels = coordinates(4, 5)
    for cut in draws(pixels, (4, 5), False, 3):
        np.testing.assert_array_equal(cut, pixels)


def test_streams_have_seeds_of_their_own():
    seeds = {augment.stream_seed(seed, stream) for seed in (0, 1, -(2**63)) for stream in range(4)}
    assert len(seeds) == 12
    assert augment.stream_seed(None, 1) is None
    # Another number here means that no run of an earlier version can be resumed exactly.
    assert augment.stream_seed(0, 2) == 8113857415863572994


def test_places_ask_for_the_epoch_once_a_pass():
    order = EpochOrder(3)
    dataset = augment.places(order)
    passes = [[(int(e), int(p)) for e, p in dataset] for _ in range(2)]
    assert passes == [[(e, p) for p in range(3)] for e in range(2)]
    assert int(dataset.cardinality()) == 3
