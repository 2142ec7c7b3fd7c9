"""The layers against Keras' own: values, gradients, second derivatives; where they don't apply."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.layers import Conv2D, Conv2DTranspose, strided_convolutions

IMAGES = np.random.default_rng(0).normal(size=(3, 8, 12, 2)).astype("float32")
MAPS = np.random.default_rng(1).normal(size=(3, 4, 6, 7)).astype("float32")
KINDS = [
    (Conv2D, keras.layers.Conv2D, IMAGES, 7),
    (Conv2DTranspose, keras.layers.Conv2DTranspose, MAPS, 2),
]


def pair(kind, kernel_size=5, **options):
    """Ours and Keras' own, with the same weights."""
    ours, theirs, inputs, filters = kind
    options = {"strides": 2, "padding": "same", **options}
    layers = [one(filters, kernel_size, **options) for one in (ours, theirs)]
    for layer in layers:
        layer.build(inputs.shape)
        values = np.random.default_rng(2)
        layer.set_weights([values.normal(size=w.shape) for w in layer.get_weights()])
    return layers


def spied(monkeypatch):
    """List that grows by each fast way back to images."""
    calls = []
    in_blocks = strided_convolutions._in_blocks
    monkeypatch.setattr(
        strided_convolutions, "_in_blocks", lambda k: calls.append(k.shape) or in_blocks(k)
    )
    return calls


@pytest.mark.parametrize("kind", KINDS, ids=["Conv2D", "Conv2DTranspose"])
@pytest.mark.parametrize("kernel_size", [2, 3, 4, 5, 6, 7, (5, 4)])
def test_values_and_gradients_are_those_of_keras(kind, kernel_size, monkeypatch):
    calls = spied(monkeypatch)
    results, x = [], tf.constant(kind[2])
    for layer in pair(kind, kernel_size, activation="tanh"):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            loss = tf.reduce_sum(tf.sin(3.0 * y))
        results.append([y, *tape.gradient(loss, [x, *(w.value for w in layer.weights)])])
    assert len(calls) == 1  # ours, once: forward or back
    for ours, theirs in zip(*results, strict=True):
        assert float(tf.reduce_max(abs(theirs))) > 0.1
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_a_transposed_convolution_by_hand():
    """One pixel of 1 lays the kernel down; its corner lies one pixel up and left (k = 4)."""
    layer = Conv2DTranspose(1, 4, 2, "same", use_bias=False)
    layer.build((1, 2, 2, 1))
    kernel = np.arange(1.0, 17.0, dtype="float32").reshape(4, 4, 1, 1)
    layer.set_weights([kernel])
    made = layer(np.float32([[[[1], [0]], [[0], [0]]]])).numpy()[0, :, :, 0]
    np.testing.assert_allclose(made[:3, :3], [[6, 7, 8], [10, 11, 12], [14, 15, 16]])
    assert not made[3].any() and not made[:, 3].any()


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("kind", KINDS, ids=["Conv2D", "Conv2DTranspose"])
def test_second_derivatives(kind, jit_compile):
    """What a gradient penalty needs."""
    results, inputs = [], tf.constant(kind[2])
    for layer in pair(kind):

        @tf.function(jit_compile=jit_compile)
        def penalised(x, layer=layer):
            with tf.GradientTape() as outer:
                outer.watch(x)
                with tf.GradientTape() as inner:
                    inner.watch(x)
                    loss = tf.reduce_sum(tf.sin(layer(x)))
                penalty = tf.reduce_mean(inner.gradient(loss, x) ** 2)
            return outer.gradient(penalty, [x, layer.kernel.value])

        results.append(penalised(inputs))
    for ours, theirs in zip(*results, strict=True):
        assert float(tf.reduce_max(abs(theirs))) > 1e-2
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "shape, options",
    [
        ((3, 9, 12, 2), {}),  # an odd side
        ((3, 8, 12, 16), {}),  # many channels
        ((3, 8, 12, 2), {"strides": 1}),
        ((3, 8, 12, 2), {"padding": "valid"}),
        ((3, 8, 12, 2), {"groups": 2, "filters": 4}),
    ],
)
def test_elsewhere_it_is_keras_own(shape, options, monkeypatch):
    calls = spied(monkeypatch)
    x = tf.constant(np.random.default_rng(3).normal(size=shape).astype("float32"))
    results = []
    for one in (Conv2D, keras.layers.Conv2D):
        layer = one(
            **{"filters": 3, "kernel_size": 5, "strides": 2, "padding": "same"}
            | {"kernel_initializer": keras.initializers.RandomNormal(seed=0)}
            | options
        )
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
        results.append((y, tape.gradient(y, x)))
    assert not calls
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("kind", KINDS, ids=["Conv2D", "Conv2DTranspose"])
def test_frozen_layers_have_no_gradient_of_their_own(kind, monkeypatch):
    """TensorFlow warns of a SavedModel that has one, and averages are frozen."""
    for name in ("_convolve", "_transpose"):
        monkeypatch.setattr(strided_convolutions, name, None)
    results, x = [], tf.constant(kind[2])
    for layer in pair(kind):
        layer.trainable = False
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            loss = tf.reduce_sum(tf.sin(y))
        results.append([y, tape.gradient(loss, x)])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_sizes_that_are_not_known_go_keras_way(monkeypatch):
    calls = spied(monkeypatch)
    images = keras.Input((None, None, 3))
    model = keras.Model(images, Conv2DTranspose(3, 4, 2, "same")(Conv2D(8, 4, 2, "same")(images)))
    assert model.output_shape == (None, None, None, 3) and not calls
    assert model(np.zeros((1, 7, 9, 3), "float32")).shape == (1, 8, 10, 3)
    assert model(np.zeros((1, 8, 6, 3), "float32")).shape == (1, 8, 6, 3)
    assert len(calls) == 2  # arrays have a size: the transposed convolution is fast for both
    traced = tf.function(model, input_signature=[tf.TensorSpec((1, None, None, 3))])
    assert traced(np.zeros((1, 7, 9, 3), "float32")).shape == (1, 8, 10, 3)
    assert len(calls) == 2


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("kind", KINDS, ids=["Conv2D", "Conv2DTranspose"])
def test_half_precision(kind, policy):
    ours, _ = pair(kind, dtype=policy)
    y = ours(kind[2])
    assert y.dtype == keras.DTypePolicy(policy).compute_dtype
    wanted = pair(kind)[1](kind[2])
    np.testing.assert_allclose(tf.cast(y, tf.float32), wanted, rtol=0.05, atol=0.5)
    assert ours.kernel.dtype == "float32"


def test_they_are_saved_and_are_convolutions_of_keras(tmp_path):
    images = keras.Input((8, 8, 1))
    model = keras.Model(images, Conv2DTranspose(1, 5, 2, "same")(Conv2D(4, 5, 2, "same")(images)))
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert [type(layer) for layer in copy.layers[1:]] == [Conv2D, Conv2DTranspose]
    assert isinstance(copy.layers[1], keras.layers.Conv2D)
    x = np.random.default_rng(4).normal(size=(2, 8, 8, 1)).astype("float32")
    np.testing.assert_array_equal(model(x), copy(x))
