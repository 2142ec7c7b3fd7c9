"""ReflectionPadding2D, NoiseDropout and LabelPlanes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.layers import LabelPlanes, NoiseDropout, ReflectionPadding2D

SEEDS = tf.constant([[1, 0], [1, 1], [2, 0]], tf.int64)


def test_reflection_equals_numpys():
    x = np.random.default_rng(0).normal(size=(2, 4, 5, 3)).astype("float32")
    wanted = np.pad(x, [(0, 0), (3, 3), (3, 3), (0, 0)], mode="reflect")
    np.testing.assert_array_equal(ReflectionPadding2D(3)(x), wanted)


def test_reflection_knows_its_shape_and_config():
    layer = ReflectionPadding2D.from_config(ReflectionPadding2D(2).get_config())
    assert layer.compute_output_shape((None, None, 6, 3)) == (None, None, 10, 3)
    assert layer(keras.Input((8, None, 3))).shape == (None, 12, None, 3)
    with pytest.raises(ValueError, match="padding must be"):
        ReflectionPadding2D(0)


def test_noise_keeps_the_right_share_and_scale():
    kept = NoiseDropout(0.25)([tf.ones((3, 50, 50, 4)), SEEDS]).numpy()
    assert set(np.unique(kept)) == {0.0, np.float32(1 / 0.75)}
    # Binomial(30000, 3/4): standard deviation of the share 0.0025
    assert abs((kept > 0).mean() - 0.75) < 0.01


def test_an_examples_mask_follows_from_its_seed_alone():
    x = tf.ones((3, 6, 6, 8))
    layer = NoiseDropout(0.5, salt=2)
    masks = layer([x, SEEDS]).numpy()
    np.testing.assert_array_equal(masks[1:2], layer([x[:1], SEEDS[1:2]]).numpy())
    assert not np.array_equal(masks[0], masks[1]) and not np.array_equal(masks[0], masks[2])
    assert not np.array_equal(masks, NoiseDropout(0.5, salt=3)([x, SEEDS]).numpy())
    copy = NoiseDropout.from_config(layer.get_config())
    np.testing.assert_array_equal(masks, copy([x, SEEDS]).numpy())


def test_noise_is_the_same_in_training_and_after():
    x = tf.ones((3, 6, 6, 8))
    images, seeds = keras.Input((6, 6, 8)), keras.Input((2,), dtype="int64")
    model = keras.Model([images, seeds], NoiseDropout(0.5)([images, seeds]))
    trained = model([x, SEEDS], training=True).numpy()
    np.testing.assert_array_equal(trained, model([x, SEEDS], training=False).numpy())
    assert (trained == 0).any()


def test_no_noise_at_rate_zero_and_bad_rates():
    x = tf.ones((3, 2, 2, 1))
    np.testing.assert_array_equal(NoiseDropout(0.0)([x, SEEDS]), x)
    for rate in (1.0, -0.1):
        with pytest.raises(ValueError, match=r"rate must lie in \[0, 1\)"):
            NoiseDropout(rate)


def test_planes_stand_beside_the_image():
    images = np.random.default_rng(0).normal(size=(2, 3, 5, 3)).astype("float32")
    labels = np.array([[0.0, 1.0], [0.5, 0.0]], "float32")
    both = LabelPlanes()([images, labels]).numpy()
    np.testing.assert_array_equal(both[..., :3], images)
    for example in range(2):
        for plane in range(2):
            assert set(both[example, ..., 3 + plane].ravel()) == {labels[example, plane]}
    shapes = [(None, None, None, 3), (None, 2)]
    assert LabelPlanes().compute_output_shape(shapes) == (None, None, None, 5)
