"""Spectral norms against numpy's SVD, closed forms, and Keras' own layers; when u advances."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.layers import SpectralDense, SpectralLayer, advance_spectral_norms, every_layer
from tests.layers.spectral_kinds import EACH, LAYERS, RNG, built


def as_matrix(kind, kernel):
    """(h * w * inputs, outputs), worked out apart from the layer."""
    if kind == "transpose":  # (h, w, outputs, inputs)
        kernel = np.moveaxis(kernel, 2, 3)
    return kernel.reshape(-1, kernel.shape[-1])


def dense_with(kernel, u=None):
    layer = SpectralDense(np.shape(kernel)[1], use_bias=False)
    layer.build((None, np.shape(kernel)[0]))
    layer.kernel.assign(kernel)
    if u is not None:
        layer.u.assign(u)
    return layer


@EACH
def test_sigma_is_the_largest_singular_value(kind):
    layer, _ = built(kind)
    layer.kernel.assign(RNG.normal(size=layer.kernel.shape))  # u knows nothing of it
    largest = np.linalg.svd(as_matrix(kind, layer.kernel.numpy()), compute_uv=False)[0]
    assert layer.sigma() < 0.99 * largest
    for _ in range(200):
        layer.advance()
    assert float(layer.sigma()) == pytest.approx(largest, rel=1e-5)
    normalized = as_matrix(kind, np.array(layer.normalized_kernel()))
    assert np.linalg.svd(normalized, compute_uv=False)[0] == pytest.approx(1.0, rel=1e-5)


@EACH
def test_sigma_is_near_from_the_start(kind):
    layer, _ = built(kind)
    largest = np.linalg.svd(as_matrix(kind, layer.kernel.numpy()), compute_uv=False)[0]
    assert 0.95 * largest < float(layer.sigma()) <= 1.00001 * largest
    assert np.linalg.norm(layer.u.numpy()) == pytest.approx(1.0, rel=1e-5)


@EACH
def test_outputs_are_those_of_keras_with_the_kernel_over_sigma(kind):
    layer, inputs = built(kind)
    plain = LAYERS[kind][2]()
    plain(inputs)
    kernel = layer.kernel.numpy() / float(layer.sigma())
    plain.set_weights([kernel, layer.bias.numpy()] if layer.use_bias else [kernel])
    np.testing.assert_allclose(layer(inputs), plain(inputs), rtol=1e-5, atol=1e-6)
    assert layer.compute_output_shape(inputs.shape) == plain(inputs).shape


def test_an_iteration_by_hand():
    layer = dense_with([[3.0, 0.0], [0.0, 1.0]], [0.6, 0.8])
    assert float(layer.sigma()) == pytest.approx(np.hypot(1.8, 0.8), rel=1e-6)  # |W u|
    layer.advance()
    expected = np.array([9 * 0.6, 0.8]) / np.hypot(5.4, 0.8)  # W' W u
    np.testing.assert_allclose(layer.u.numpy(), expected, rtol=1e-6)


def test_the_gradient_of_sigma_is_v_u():
    kernel = RNG.normal(size=(6, 4)).astype("float32")
    layer = dense_with(kernel)
    for _ in range(200):
        layer.advance()
    with tf.GradientTape() as tape:
        sigma = layer.sigma()
    gradient = tape.gradient(sigma, layer.kernel.value)
    left, _, right = np.linalg.svd(kernel)
    np.testing.assert_allclose(gradient, np.outer(left[:, 0], right[0]), atol=1e-4)
    step = np.zeros_like(kernel)
    step[2, 1] = 1e-2
    values = [np.linalg.svd(kernel + s * step, compute_uv=False)[0] for s in (1, -1)]
    slope = (values[0] - values[1]) / 2e-2
    assert float(gradient[2, 1]) == pytest.approx(slope, rel=1e-3)


@EACH
def test_the_gradient_of_a_loss_flows_through_sigma(kind):
    """Equation 9: dL/dW = (G - <G, W/sigma> v u') / sigma, where G is dL/d(W/sigma)."""
    layer, inputs = built(kind)
    layer.kernel.assign(RNG.normal(size=layer.kernel.shape))
    plain = LAYERS[kind][2]()
    plain(inputs)
    normalized = np.array(layer.normalized_kernel())
    plain.set_weights([normalized, layer.bias.numpy()] if layer.use_bias else [normalized])
    gradients = []
    for each in (layer, plain):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(each(inputs, training=True) ** 2)
        gradients.append(np.array(tf.convert_to_tensor(
            tape.gradient(loss, each.trainable_weights[0].value))))  # fmt: skip
    of_kernel, of_normalized = (as_matrix(kind, gradient) for gradient in gradients)
    matrix, u = as_matrix(kind, layer.kernel.numpy()), layer.u.numpy()
    sigma = np.linalg.norm(matrix @ u)
    inner = np.sum(of_normalized * matrix) / sigma
    expected = (of_normalized - inner * np.outer(matrix @ u / sigma, u)) / sigma
    scale = np.abs(expected).max()
    np.testing.assert_allclose(of_kernel, expected, atol=1e-4 * scale)
    assert np.abs(of_kernel - of_normalized / sigma).max() > 1e-3 * scale  # sigma isn't constant


@EACH
def test_calls_change_nothing(kind):
    layer, inputs = built(kind)
    layer.kernel.assign(RNG.normal(size=layer.kernel.shape))
    before = [weight.numpy() for weight in layer.weights]
    outputs = [np.array(layer(inputs, **t)) for t in ({"training": True}, {}, {"training": True})]
    for weight, value in zip(layer.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)
    np.testing.assert_array_equal(outputs[0], outputs[1])
    np.testing.assert_array_equal(outputs[0], outputs[2])


def test_a_network_of_dense_layers_is_1_lipschitz():
    network = keras.Sequential(
        [
            keras.Input((8,)),
            SpectralDense(16),
            keras.layers.LeakyReLU(0.1),
            SpectralDense(16),
            keras.layers.ReLU(),
            SpectralDense(1),
        ]
    )
    for _ in range(100):
        advance_spectral_norms(network)
    a, b = RNG.normal(size=(2, 500, 8)).astype("float32")
    slopes = np.abs(network(a) - network(b))[:, 0] / np.linalg.norm(a - b, axis=1)
    assert 0.05 < slopes.max() <= 1.0001


def test_one_iteration_an_update_follows_a_kernel_in_training():
    keras.utils.set_random_seed(0)
    layer = SpectralDense(8, use_bias=False)
    draws = np.random.default_rng(1)
    x = draws.normal(size=(64, 12)).astype("float32")
    targets = x @ draws.normal(size=(12, 8)).astype("float32")
    layer.build(x.shape)
    optimizer = keras.optimizers.Adam(0.01)
    first, first_u = layer.kernel.numpy(), layer.u.numpy()
    for _ in range(100):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((layer(x, training=True) - targets) ** 2)
        optimizer.apply([tape.gradient(loss, layer.kernel.value)], [layer.kernel])
        advance_spectral_norms(layer)
    kernel = layer.kernel.numpy()
    largest = np.linalg.norm(kernel, 2)
    assert np.linalg.norm(kernel - first) > 0.5 * np.linalg.norm(first)
    assert 0.95 * largest < float(layer.sigma()) <= 1.0001 * largest
    assert np.linalg.norm(kernel @ first_u) < 0.9 * largest  # what it would be without iterations


def test_a_kernel_of_zeros_stays_finite_and_wakes_up():
    layer = dense_with(np.zeros((3, 2)))
    with tf.GradientTape() as tape:
        outputs = layer(np.ones((1, 3), "float32"))
    np.testing.assert_array_equal(outputs, np.zeros((1, 2)))
    assert np.isfinite(tape.gradient(outputs, layer.kernel.value)).all()
    layer.advance()
    assert np.linalg.norm(layer.u.numpy()) > 0.0
    layer.kernel.assign(RNG.normal(size=(3, 2)))
    for _ in range(100):
        layer.advance()
    assert float(layer.sigma()) == pytest.approx(np.linalg.norm(layer.kernel.numpy(), 2), rel=1e-5)


@keras.saving.register_keras_serializable("tests")
class Holder(keras.layers.Layer):
    """A layer with a spectrally normalised one inside."""

    def build(self, input_shape):
        self.inner = SpectralDense(4)
        self.inner.build(input_shape)

    def call(self, inputs):
        return self.inner(inputs)


def test_advance_reaches_every_depth_but_nothing_frozen():
    inner = keras.Sequential([keras.Input((4,)), SpectralDense(4), Holder()])
    frozen = SpectralDense(4)
    network = keras.Sequential([keras.Input((4,)), SpectralDense(4), inner, frozen])
    frozen.trainable = False
    found = [network.layers[0], inner.layers[0], inner.layers[1].inner, frozen]
    within = [layer for layer in every_layer(network) if isinstance(layer, SpectralLayer)]
    assert len(within) == 4 and {*map(id, within)} == {*map(id, found)}
    for layer in found:
        layer.kernel.assign(RNG.normal(size=(4, 4)))
    before = {id(layer): layer.u.numpy() for layer in found}
    advance_spectral_norms(network)
    for layer in found:
        same = np.array_equal(layer.u.numpy(), before[id(layer)])
        assert same == (layer is frozen)
