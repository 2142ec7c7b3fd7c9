"""ImagePool: fills, then swaps half of the time; saved, exact, and the same under XLA."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.layers import ImagePool

SEED = tf.TensorSpec((2,), tf.int32)


def batch(*values):
    """1x1 grey pictures of those values."""
    return tf.reshape(tf.constant(values, tf.float32), (-1, 1, 1, 1))


def values(images):
    return [float(value) for value in tf.reshape(images, [-1])]


def test_while_it_fills_images_are_returned_and_kept():
    pool = ImagePool(5)
    assert values(pool(batch(1, 2), seed=[0, 0])) == [1, 2]
    assert values(pool(batch(3, 4), seed=[0, 1])) == [3, 4]
    assert values(pool.images.value) == [1, 2, 3, 4, 0, 0]  # five places and a row of zeros
    assert int(pool.filled.numpy()) == 4
    # One of these two finds a place; the other is returned and not kept.
    assert values(pool(batch(5, 6), seed=[0, 2])) == [5, 6]
    assert values(pool.images.value) == [1, 2, 3, 4, 5, 0]
    assert int(pool.filled.numpy()) == 5


def test_a_full_pool_swaps_and_loses_nothing():
    pool = ImagePool(4)
    pool(batch(1, 2, 3, 4), seed=[0, 0])
    for step in range(20):
        held = sorted(values(pool.images.value)[:4])
        new = [10.0 + 2 * step, 11.0 + 2 * step]
        returned = values(pool(batch(*new), seed=[1, step]))
        now = values(pool.images.value)
        assert sorted(now[:4] + returned) == sorted(held + new)  # each is in one place
        assert now[4] == 0.0
        for given, back in zip(new, returned):
            assert back == given or back in held


def test_half_of_the_images_change_places():
    pool = ImagePool(50)
    pool(tf.zeros((50, 1, 1, 1)), seed=[0, 0])
    swapped = 0
    for step in range(100):
        new = batch(*range(1000 + 20 * step, 1020 + 20 * step))
        returned = pool(new, seed=[7, step])
        swapped += int(tf.reduce_sum(tf.cast(returned != new, tf.int32)))
    # Binomial(2000, 1/2): standard deviation 22.4
    assert abs(swapped - 1000) < 90


def test_the_same_seed_gives_the_same_swaps():
    returned = []
    for _ in range(2):
        pool = ImagePool(2)
        returned.append([values(pool(batch(2 * i, 2 * i + 1), seed=[3, i])) for i in range(8)])
    assert returned[0] == returned[1]


def test_a_full_pool_loses_nothing_under_xla():
    pool = ImagePool(2)
    pool.build((None, 1, 1, 1))
    compiled = tf.function(lambda x, seed: pool(x, seed), jit_compile=True)
    assert values(compiled(batch(-1, -2), tf.constant([3, 0]))) == [-1, -2]
    for step in range(10):
        held = values(pool.images.value)
        new = [2.0 * step + 1, 2.0 * step + 2]
        returned = values(compiled(batch(*new), tf.constant([3, step + 1])))
        assert sorted(values(pool.images.value) + returned) == sorted(held + new)
        assert values(pool.images.value)[2] == 0.0


def test_the_pool_is_saved(tmp_path):
    images = keras.Input((1, 1, 1))
    model = keras.Model(images, keras.layers.Rescaling(1.0)(images))
    model.pool = ImagePool(3)
    model.pool(batch(7, 8), seed=[0, 0])
    model.save_weights(tmp_path / "model.weights.h5")
    model.pool(batch(9), seed=[0, 1])
    model.load_weights(tmp_path / "model.weights.h5")
    assert values(model.pool.images.value) == [7, 8, 0, 0]
    assert int(model.pool.filled.numpy()) == 2


def test_no_pool_and_bad_sizes():
    assert values(ImagePool(0)(batch(1, 2), seed=[0, 0])) == [1, 2]
    with pytest.raises(ValueError, match="size must be"):
        ImagePool(-1)
    with pytest.raises(ValueError, match="a batch of 3 for a pool of 2"):
        ImagePool(2)(batch(1, 2, 3), seed=[0, 0])
    pool = ImagePool(2)
    anything = tf.function(pool, input_signature=[tf.TensorSpec((None, 1, 1, 1)), SEED])
    assert values(anything(batch(1, 2), tf.constant([0, 0]))) == [1, 2]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"raise pool_size.*more than 2"):
        anything(batch(1, 2, 3), tf.constant([0, 1]))
    assert values(pool.images.value) == [1, 2, 0]
    assert ImagePool.from_config(ImagePool(7).get_config()).size == 7


def test_half_precision_comes_out_as_float32():
    pool = ImagePool(2)
    returned = pool(tf.cast(batch(0.5), tf.float16), seed=[0, 0])
    assert returned.dtype == tf.float32 and np.asarray(returned).item() == 0.5
