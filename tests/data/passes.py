"""Passes over datasets, and the comparison of two."""

import numpy as np

from kerasgan.models import training

PLAIN = {"jitter": False, "flip": False, "shuffle_seed": None}
LOADED = 18  # pixels to which pictures of 16 are loaded


def one_pass(dataset):
    return [tuple(part.numpy() for part in element) for element in dataset]


def same(passes, others):
    assert len(passes) == len(others)
    for one, two in zip(passes, others):
        for first, second in zip(one, two):
            np.testing.assert_array_equal(first, second)


def check_resumes(make):
    """A dataset gives the same from (epoch, position) however often it was read before."""
    whole, resumed = make(), make()
    passes = [one_pass(whole) for _ in range(3)]
    (order,) = training._find_orders(resumed.map(lambda *parts: parts).skip(1))
    order.seek(2)
    same(passes[2], one_pass(resumed))
    same(passes[2][1:], one_pass(resumed.skip(1)))
    order.seek(1)
    same(passes[1], one_pass(resumed))
    assert any((one != two).any() for one, two in zip(passes[0][0], passes[1][0]))
