import itertools

import numpy as np
import pytest
import tensorflow as tf

from kerasgan.data import describe
from kerasgan.data.order import EpochOrder, find_order


def dataset_of(order, batch_size=4, drop_remainder=False):
    return order.attach(order.batches(batch_size, drop_remainder).prefetch(2))


def one_pass(dataset):
    return [int(i) for batch in dataset for i in np.atleast_1d(batch.numpy())]


def test_each_pass_is_another_permutation():
    dataset = dataset_of(EpochOrder(50, seed=0))
    passes = [one_pass(dataset) for _ in range(4)]
    assert all(sorted(p) == list(range(50)) for p in passes)
    assert len({tuple(p) for p in passes}) == 4


def test_order_is_a_function_of_seed_and_epoch():
    first, again, other = (dataset_of(EpochOrder(50, seed)) for seed in (7, 7, 8))
    passes = [one_pass(first) for _ in range(3)]
    assert passes == [one_pass(again) for _ in range(3)]
    assert passes[0] != one_pass(other)
    find_order(again).seek(1)
    assert one_pass(again) == passes[1]


def test_orders_are_pinned_across_versions():
    """A changed number here means that no run of an earlier version can be resumed exactly."""
    order = EpochOrder(1000, seed=3)
    assert order.indices(2, tf.range(5)).numpy().tolist() == [560, 43, 80, 793, 969]


def test_neighbouring_epochs_and_positions_are_unrelated():
    n = 20_000
    order = EpochOrder(n, seed=0)
    passes = [order.indices(epoch, tf.range(n)).numpy() for epoch in range(4)]
    bound = 5 / np.sqrt(n)
    for a, b in itertools.pairwise(passes):
        assert abs(np.corrcoef(a, b)[0, 1]) < bound
        assert abs(np.corrcoef(a[:-1], a[1:])[0, 1]) < bound
        assert abs(np.corrcoef(a, np.arange(n))[0, 1]) < bound


def test_seek_pin_and_release():
    order = EpochOrder(50)
    dataset = dataset_of(order)
    expected = [order.indices(epoch, tf.range(50)).numpy().tolist() for epoch in range(8)]
    assert one_pass(dataset) == expected[0]
    order.seek(5)
    assert one_pass(dataset) == one_pass(dataset) == expected[5]
    order.release()
    assert [one_pass(dataset), one_pass(dataset)] == expected[6:8]
    order.release()  # nothing is pinned: nothing happens
    order.seek(2, pin=False)
    assert [one_pass(dataset), one_pass(dataset)] == expected[2:4]


def test_uncounted_passes_leave_the_order_where_it_was():
    order = EpochOrder(50)
    order.begin_pass()
    with order.uncounted():
        order.begin_pass()
        order.seek(9)
    assert order.begin_pass() == 1


def test_iterators_read_at_once_keep_their_own_epochs():
    order = EpochOrder(12)
    dataset = dataset_of(order)
    expected = [order.indices(epoch, tf.range(12)).numpy().tolist() for epoch in range(2)]
    one, two = iter(dataset), iter(dataset)
    pairs = [(next(one).numpy(), next(two).numpy()) for _ in range(3)]
    found = [np.concatenate(side).tolist() for side in zip(*pairs)]
    assert sorted(found) == sorted(expected)


def test_repeat_goes_through_the_epochs():
    order = EpochOrder(12)
    found = one_pass(dataset_of(order).repeat(2))
    assert found == [i for e in (0, 1) for i in order.indices(e, tf.range(12)).numpy()]


def test_no_seed_keeps_the_order_of_the_source():
    dataset = dataset_of(EpochOrder(10, seed=None))
    assert one_pass(dataset) == one_pass(dataset) == list(range(10))


@pytest.mark.parametrize("drop, count, static", [(True, 2, 4), (False, 3, None)])
def test_cardinality_and_static_shape(drop, count, static):
    dataset = dataset_of(EpochOrder(10), 4, drop)
    assert int(dataset.cardinality()) == count == len(list(dataset))
    assert dataset.element_spec.shape.as_list() == [static]
    assert dataset_of(EpochOrder(8), 4).element_spec.shape.as_list() == [4]


def test_order_is_found_through_transformations():
    order = EpochOrder(8, description={"name": "some"})
    dataset = dataset_of(order)
    assert find_order(dataset) is order
    assert find_order(dataset.map(lambda x: x + 1).repeat().take(3)) is order
    other = tf.data.Dataset.range(3)
    assert find_order(tf.data.Dataset.zip((other, dataset))) is order
    assert find_order(other) is None and find_order([1, 2]) is None
    facts = describe(dataset.map(lambda x: x))
    assert facts == {"name": "some", "num_examples": 8, "shuffle_seed": 0}
    assert describe(other) == {}


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_examples(n):
    assert sorted(one_pass(dataset_of(EpochOrder(n, seed=5), 1))) == list(range(n))


def test_errors():
    with pytest.raises(ValueError, match=r"num_examples=0"):
        EpochOrder(0)
    for seed in (1.5, True, "a", 2**63):
        with pytest.raises(ValueError, match=r"64-bit integer.*Received: shuffle_seed="):
            EpochOrder(3, seed)
    for epoch in (-1, 0.5):
        with pytest.raises(ValueError, match=r"Received: epoch="):
            EpochOrder(3).seek(epoch)
