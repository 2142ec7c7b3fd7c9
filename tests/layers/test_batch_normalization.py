"""The fused layer against moments in NumPy, and against Keras' own."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.layers import BatchNormalization

X = np.random.default_rng(0).normal(3.0, 2.0, (4, 5, 6, 3)).astype("float32")


def pair(shape=X.shape, **options):
    """Ours and Keras' own, with the same weights."""
    layers = BatchNormalization(**options), keras.layers.BatchNormalization(**options)
    for layer in layers:
        layer.build(shape)
        values = np.random.default_rng(1)
        layer.set_weights([values.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    return layers


def test_training_by_hand():
    layer = BatchNormalization(momentum=0.9, epsilon=0.5)
    y = layer(X, training=True)
    mean, variance = X.mean((0, 1, 2)), X.var((0, 1, 2))  # biased, as in the paper
    np.testing.assert_allclose(y, (X - mean) / np.sqrt(variance + 0.5), atol=2e-6)
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance.numpy(), 0.9 + 0.1 * variance, rtol=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False}])
def test_values_gradients_and_averages_are_those_of_keras(options, jit_compile):
    results = []
    for layer in pair(**options):

        def run(x, layer=layer):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x, training=True)
                loss = tf.reduce_sum(tf.sin(y))
            sources = [x, *(w.value for w in layer.trainable_weights)]
            return y, *tape.gradient(loss, sources)

        results.append([*tf.function(run, jit_compile=jit_compile)(tf.constant(X))])
        results[-1] += layer.get_weights()
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-5)


def test_second_derivatives():
    """What a gradient penalty needs."""
    results = []
    for layer in pair():
        x = tf.constant(X)
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                loss = tf.reduce_sum(tf.sin(layer(x, training=True)))
            penalty = tf.reduce_sum(inner.gradient(loss, x) ** 2)
        results.append(outer.gradient(penalty, [x, layer.gamma.value]))
    for ours, theirs in zip(*results, strict=True):
        assert float(tf.reduce_max(abs(theirs))) > 1e-3
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "shape, options, arguments",
    [
        ((4, 5, 6, 3), {}, {"training": False}),
        ((4, 5, 6, 3), {}, {}),
        ((4, 5, 6, 3), {"trainable": False}, {"training": True}),
        ((4, 5, 6, 3), {"axis": 1}, {"training": True}),
        ((8, 3), {}, {"training": True}),
        ((4, 5, 3), {}, {"training": True}),
        ((4, 5, 6, 3), {}, {"training": True, "mask": np.ones((4, 5, 6), bool)}),
    ],
)
def test_elsewhere_it_is_keras_own(shape, options, arguments):
    x = np.random.default_rng(2).normal(size=shape).astype("float32")
    ours, theirs = pair(shape, **options)
    assert (ours(x, **arguments).numpy() == theirs(x, **arguments).numpy()).all()
    for weight, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision(policy):
    layer = BatchNormalization(dtype=policy)
    y = layer(X, training=True)
    assert y.dtype == keras.DTypePolicy(policy).compute_dtype
    wanted = (X - X.mean((0, 1, 2))) / np.sqrt(X.var((0, 1, 2)) + 1e-3)
    np.testing.assert_allclose(tf.cast(y, tf.float32), wanted, atol=0.04)
    assert layer.moving_mean.dtype == "float32"
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.01 * X.mean((0, 1, 2)), rtol=0.01)


def test_it_is_saved_and_is_a_batch_normalization_of_keras(tmp_path):
    images = keras.Input((4, 4, 3))
    model = keras.Model(images, BatchNormalization(momentum=0.7)(images))
    model.save(tmp_path / "model.keras")
    layer = keras.saving.load_model(tmp_path / "model.keras").layers[1]
    assert type(layer) is BatchNormalization and layer.momentum == 0.7
    assert isinstance(layer, keras.layers.BatchNormalization)  # which WGAN-GP's critic refuses
