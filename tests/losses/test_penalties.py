"""Penalties: numbers by hand, gradients at zero, and second-order gradients into every kernel."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.losses import penalties


def quadratic(x):
    """D(x) = |x|^2 / 2, whose gradient at x is x."""
    return 0.5 * tf.reduce_sum(tf.square(x), axis=1, keepdims=True)


REAL = tf.constant([[3.0, 4.0], [0.0, 2.0]])
FAKE = tf.constant([[0.0, 0.0], [0.0, -2.0]])


def test_gradient_penalty_by_hand():
    # [3, 4] + 0.5 ([0, 0] - [3, 4]) = [1.5, 2], of norm 2.5; [0, 2] + 0.25 [0, -4] = [0, 1]
    value = penalties.gradient_penalty(quadratic, REAL, FAKE, mix=[0.5, 0.25])
    assert float(value) == pytest.approx((1.5**2 + 0.0) / 2, abs=1e-6)
    value = penalties.gradient_penalty(quadratic, REAL, FAKE, mix=[0.5, 0.25], target=0.0)
    assert float(value) == pytest.approx((2.5**2 + 1.0) / 2, abs=1e-6)


def test_r1_and_r2_by_hand():
    assert float(penalties.r1(quadratic, REAL)) == pytest.approx((25 / 2 + 4 / 2) / 2, abs=1e-6)
    assert float(penalties.r2(quadratic, FAKE)) == pytest.approx((0 + 4 / 2) / 2, abs=1e-6)


def test_dragan_by_hand():
    # The four numbers 3, 4, 0, 2 have mean 2.25 and variance 35/16, so the step is
    # 0.5 * 1.4790199 = 0.73950997 in each direction where noise is 1.
    noise, mix = tf.constant([[1.0, 0.0], [0.0, 1.0]]), [1.0, 0.5]
    first = np.hypot(3 + 0.73950997, 4)
    second = 2 + 0.5 * 0.73950997
    wanted = ((first - 1) ** 2 + (second - 1) ** 2) / 2
    value = penalties.dragan(quadratic, REAL, noise, mix)
    assert float(value) == pytest.approx(wanted, abs=1e-5)


def test_logits_of_any_rank_are_added_up():
    def patches(x):  # 2 x 2 logits for each sample, each with slope 3: the sum's slope is 12
        return tf.tile(3.0 * x[:, :1, None], [1, 2, 2])

    value = penalties.gradient_penalty(patches, REAL, FAKE, mix=[0.1, 0.9])
    assert float(value) == pytest.approx(11.0**2, rel=1e-6)


def test_a_closure_carries_labels():
    labels = tf.constant([1.0, 2.0])
    value = penalties.r1(lambda x: labels[:, None] * x[:, :1], REAL)
    assert float(value) == pytest.approx((1 + 4) / 2 / 2, abs=1e-6)


@pytest.mark.parametrize("target, wanted", [(1.0, 1.0), (0.0, 0.0)])
def test_finite_where_the_gradient_is_zero(target, wanted):
    weight = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        value = penalties.gradient_penalty(
            lambda x: weight * x, REAL, FAKE, mix=[0.5, 0.5], target=target
        )
    assert float(value) == pytest.approx(wanted)
    assert float(tape.gradient(value, weight)) == 0.0


@pytest.mark.parametrize("scale", [1e-15, 1e-4, 1e6])
def test_gradients_are_right_however_small_or_large(scale):
    # D = w x has gradient norm |w|, so d/dw (|w| - 1)^2 = 2 (w - 1)
    weight = tf.Variable(scale)
    with tf.GradientTape() as tape:
        value = penalties.gradient_penalty(lambda x: weight * x[:, :1], REAL, FAKE, [0.5, 0.5])
    assert float(tape.gradient(value, weight)) == pytest.approx(2 * (scale - 1), rel=1e-5)


def test_half_precision_inputs_are_computed_in_float32():
    real, fake = tf.cast(REAL, tf.float16), tf.cast(FAKE, tf.float16)
    value = penalties.gradient_penalty(quadratic, real, fake, mix=[0.5, 0.25])
    assert value.dtype == tf.float32
    assert float(value) == pytest.approx(1.5**2 / 2, abs=1e-6)


def test_mix_needs_one_number_per_sample():
    with pytest.raises(ValueError, match=r"\(batch,\).*Received: mix of shape \(2, 1\)"):
        penalties.gradient_penalty(quadratic, REAL, FAKE, mix=[[0.5], [0.25]])


@pytest.mark.parametrize("name", ["gradient_penalty", "r1", "r2", "dragan"])
def test_each_penalty_alone_moves_every_kernel_of_a_convolutional_critic(name):
    critic = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(4, 3, 2, "same"),
            keras.layers.LeakyReLU(0.2),
            keras.layers.Conv2D(4, 3, 2, "same"),
            keras.layers.LeakyReLU(0.2),
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ]
    )
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(2, 4, 8, 8, 1)).astype("float32")
    arguments = {
        "gradient_penalty": (real, fake, rng.uniform(size=4)),
        "r1": (real,),
        "r2": (fake,),
        "dragan": (real, rng.uniform(size=real.shape), rng.uniform(size=4)),
    }[name]
    kernels = [v for v in critic.trainable_variables if v.name == "kernel"]
    with tf.GradientTape() as tape:
        value = getattr(penalties, name)(critic, *arguments)
    gradients = tape.gradient(value, [v.value for v in kernels])
    assert len(kernels) == 3
    assert all(g is not None and float(tf.reduce_max(abs(g))) > 0 for g in gradients)
