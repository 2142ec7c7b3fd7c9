"""Spectrally normalised layers saved, cloned, compiled, in half precision, on replicas."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.layers import (
    SpectralConv2D,
    SpectralConv2DTranspose,
    SpectralDense,
    SpectralEmbedding,
    advance_spectral_norms,
)
from tests.layers.spectral_kinds import EACH, LAYERS, RNG


@EACH
def test_saving_cloning_and_config(kind, tmp_path):
    make, inputs, _ = LAYERS[kind]
    model = keras.Sequential([keras.Input(inputs.shape[1:], dtype=inputs.dtype), make()])
    model.layers[0].kernel.assign(RNG.normal(size=model.layers[0].kernel.shape))
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    for other in (loaded, clone):
        assert other.layers[0].get_config() == model.layers[0].get_config()
        for _ in range(2):
            np.testing.assert_array_equal(other(inputs), model(inputs))
            advance_spectral_norms(model)
            advance_spectral_norms(other)
        model.set_weights(loaded.get_weights())
        clone.set_weights(loaded.get_weights())


@EACH
def test_graph_and_xla_agree_with_eager(kind):
    results = []
    for options in (None, {"jit_compile": False}, {"jit_compile": True}):
        keras.utils.set_random_seed(5)
        layer, inputs = LAYERS[kind][0](), LAYERS[kind][1]
        layer(inputs)

        def step(layer=layer, inputs=inputs):
            outputs = layer(inputs, training=True)
            layer.advance()
            return outputs

        step = step if options is None else tf.function(step, **options)
        results.append([*(np.array(step()) for _ in range(3)), layer.u.numpy()])
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@EACH
def test_mixed_precision_keeps_sigma_in_float32(kind, policy):
    keras.utils.set_random_seed(5)
    full, inputs = LAYERS[kind][0](), LAYERS[kind][1]
    expected = full(inputs)
    keras.mixed_precision.set_dtype_policy(policy)
    keras.utils.set_random_seed(5)
    layer = LAYERS[kind][0]()
    outputs = layer(inputs)
    assert outputs.dtype == layer.normalized_kernel().dtype == policy[len("mixed_") :]
    assert {weight.dtype for weight in layer.weights} == {"float32"}
    assert float(layer.sigma()) == float(full.sigma())
    np.testing.assert_allclose(tf.cast(outputs, "float32"), expected, rtol=0.05, atol=0.03)


REPLICAS = """
import keras, numpy as np, tensorflow as tf
from kerasgan.layers import SpectralConv2D, advance_spectral_norms

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
keras.utils.set_random_seed(1)
with strategy.scope():
    layer = SpectralConv2D(4, 3)
    layer.build((None, 6, 6, 3))
keras.utils.set_random_seed(1)
alone = SpectralConv2D(4, 3)
alone.build((None, 6, 6, 3))
kernel = np.random.default_rng(0).normal(size=(3, 3, 3, 4))
for each in (layer, alone):
    each.kernel.assign(kernel)
step = tf.function(lambda: strategy.run(advance_spectral_norms, args=(layer,)))
for _ in range(3):
    step()
    advance_spectral_norms(alone)
for u in strategy.experimental_local_results(layer.u.value):
    np.testing.assert_allclose(u, alone.u.numpy(), rtol=1e-5)
"""


def test_replicas_advance_together():
    process = subprocess.run([sys.executable, "-c", REPLICAS], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: SpectralDense(0), "units"),
        (lambda: SpectralDense(2.5), "units"),
        (lambda: SpectralConv2D(-1, 3), "filters"),
        (lambda: SpectralConv2D(4, 0), "kernel_size"),
        (lambda: SpectralConv2D(4, (3, 3, 3)), "kernel_size"),
        (lambda: SpectralConv2D(4, 3, strides="2"), "strides"),
        (lambda: SpectralConv2DTranspose(4, 3, padding="full"), "padding"),
        (lambda: SpectralEmbedding(0, 4), "input_dim"),
        (lambda: SpectralEmbedding(4, True), "output_dim"),
    ],
)
def test_bad_arguments_are_named(make, words):
    with pytest.raises(ValueError, match=words) as error:
        make()
    assert "Received" in str(error.value)
