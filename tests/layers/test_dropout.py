"""Dropout: its statistics, and masks that resume after saving and differ between replicas."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.layers import Dropout

ONES = np.ones((64, 64), "float32")


def build_model(**options):
    inputs = keras.Input((8,))
    outputs = Dropout(0.5, **options)(keras.layers.Dense(8)(inputs))
    return keras.Model(inputs, Dropout(0.25, **options)(outputs))


def calls(model, inputs, count):
    return [np.array(model(inputs, training=True)) for _ in range(count)]


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_share_and_scale(rate):
    outputs = np.array(Dropout(rate, seed=3)(np.ones((400, 500), "float32"), training=True))
    kept = outputs != 0
    deviation = (rate * (1 - rate) / outputs.size) ** 0.5
    assert abs(kept.mean() - (1 - rate)) < 5 * deviation
    assert np.all(outputs[kept] == np.float32(1) / np.float32(1 - rate))
    # neither rows nor columns share their draws
    assert kept.mean(axis=0).std() < 3 * (rate * (1 - rate) / 400) ** 0.5
    assert kept.mean(axis=1).std() < 3 * (rate * (1 - rate) / 500) ** 0.5


@pytest.mark.parametrize("options", [{"training": False}, {}], ids=str)
def test_identity_outside_training(options):
    layer = Dropout(0.5, seed=1)
    np.testing.assert_array_equal(layer(ONES, **options), ONES)
    assert int(layer.counter.numpy()) == 0


def test_rate_zero_is_identity():
    np.testing.assert_array_equal(Dropout(0.0)(ONES, training=True), ONES)


def test_masks_differ_between_calls_and_between_layers():
    layer = Dropout(0.5, seed=1)
    masks = [*calls(layer, ONES, 3), np.array(Dropout(0.5, seed=2)(ONES, training=True))]
    for i, first in enumerate(masks):
        for second in masks[:i]:
            assert 0.45 < np.mean(first == second) < 0.55  # independent: 1/2 +- 0.008
    assert int(layer.counter.numpy()) == 3


def test_the_same_seed_draws_the_same_masks():
    np.testing.assert_array_equal(
        calls(Dropout(0.5, seed=7), ONES, 3), calls(Dropout(0.5, seed=7), ONES, 3)
    )


def test_seed_none_draws_one_and_reports_it():
    first, second = Dropout(0.5), Dropout(0.5)
    assert first.seed != second.seed
    assert first.get_config()["seed"] == first.seed
    clone = Dropout.from_config(first.get_config())
    np.testing.assert_array_equal(calls(clone, ONES, 2), calls(first, ONES, 2))


def test_set_random_seed_decides_the_seed():
    seeds = []
    for _ in range(2):
        keras.utils.set_random_seed(11)
        seeds.append(Dropout(0.5).seed)
    assert seeds[0] == seeds[1]


@pytest.mark.parametrize("suffix", ["keras", "weights.h5"])
def test_ten_calls_equal_five_save_load_five(tmp_path, suffix):
    inputs = np.random.default_rng(0).normal(size=(16, 8)).astype("float32")
    model = build_model()
    path = tmp_path / f"model.{suffix}"
    calls(model, inputs, 5)
    if suffix == "keras":
        model.save(path)
        expected = calls(model, inputs, 5)
        resumed = keras.saving.load_model(path)
    else:
        model.save_weights(path)
        expected = calls(model, inputs, 5)
        resumed = keras.Model.from_config(model.get_config())
        resumed.load_weights(path)
    np.testing.assert_array_equal(calls(resumed, inputs, 5), expected)


def test_fit_resumes(tmp_path):
    """Two epochs in one go and one after the other, through tf.function."""
    rng = np.random.default_rng(0)
    data = rng.normal(size=(32, 8)).astype("float32"), rng.normal(size=(32, 8)).astype("float32")

    def fit(model):
        model.fit(*data, batch_size=8, epochs=1, shuffle=False, verbose=0)

    model = build_model()
    model.compile("sgd", "mse", jit_compile=False)
    fit(model)
    model.save(tmp_path / "model.keras")
    resumed = keras.saving.load_model(tmp_path / "model.keras")
    fit(model)
    fit(resumed)
    for expected, weight in zip(model.weights, resumed.weights, strict=True):
        np.testing.assert_array_equal(weight, expected)
    assert [int(layer.counter.numpy()) for layer in resumed.layers[2:]] == [8, 8]


def test_clone_model_keeps_seed_and_starts_its_own_counter():
    model = build_model()
    calls(model, np.ones((4, 8), "float32"), 2)
    clone = keras.models.clone_model(model)
    for original, layer in zip(model.layers[2:], clone.layers[2:], strict=True):
        assert layer.seed == original.seed and layer.counter is not original.counter
        assert int(layer.counter.numpy()) == 0 and int(original.counter.numpy()) == 2
    assert not clone.layers[2].trainable_weights


def test_eager_equals_graph():
    eager, graph = Dropout(0.5, seed=5), Dropout(0.5, seed=5)
    graph.build(ONES.shape)
    step = tf.function(lambda x: graph(x, training=True))
    for _ in range(3):
        np.testing.assert_array_equal(step(ONES), eager(ONES, training=True))


def test_two_calls_in_one_graph_differ():
    layer = Dropout(0.5, seed=5)
    layer.build(ONES.shape)
    first, second = tf.function(lambda x: (layer(x, training=True), layer(x, training=True)))(ONES)
    assert 0.45 < np.mean(np.array(first) == np.array(second)) < 0.55
    assert int(layer.counter.numpy()) == 2


def test_xla():
    layer, again = Dropout(0.5, seed=5), Dropout(0.5, seed=5)
    masks = []
    for each in (layer, again):
        each.build(ONES.shape)
        step = tf.function(lambda x, each=each: each(x, training=True), jit_compile=True)
        masks.append(np.array([step(ONES) for _ in range(2)]))
    np.testing.assert_array_equal(masks[0], masks[1])
    assert 0.45 < np.mean(masks[0][0] == masks[0][1]) < 0.55
    assert 0.95 < masks[0].mean() < 1.05
    assert int(layer.counter.numpy()) == 2


@pytest.mark.parametrize(
    "policy, dtype", [("mixed_float16", "float16"), ("mixed_bfloat16", "bfloat16")]
)
def test_mixed_precision(policy, dtype):
    layer, full = Dropout(0.5, seed=5, dtype=policy), Dropout(0.5, seed=5)
    outputs = layer(ONES, training=True)
    assert outputs.dtype == dtype and layer.counter.dtype == "int64"
    np.testing.assert_array_equal(tf.cast(outputs, "float32"), full(ONES, training=True))
    symbolic = layer(keras.Input((64,)))
    assert symbolic.dtype == dtype and symbolic.shape == (None, 64)


def test_gradient_is_the_scaled_mask():
    layer = Dropout(0.75, seed=5)
    inputs = tf.constant(ONES)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs, training=True)
    np.testing.assert_array_equal(tape.gradient(outputs, inputs), outputs)


def test_any_rank_and_a_dynamic_batch():
    model = keras.Sequential([keras.Input((3, 4, 2)), Dropout(0.5)])
    for batch in (1, 5):
        assert model(np.ones((batch, 3, 4, 2)), training=True).shape == (batch, 3, 4, 2)


REPLICAS = """
import keras, numpy as np, tensorflow as tf
from kerasgan.layers import Dropout

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    layer = Dropout(0.5, seed=5)
    layer.build((64, 64))
step = tf.function(lambda: strategy.run(lambda: layer(tf.ones((64, 64)), training=True)))
calls = [[np.array(mask) for mask in strategy.experimental_local_results(step())] for _ in range(2)]
masks = calls[0] + calls[1]
for i in range(4):
    for j in range(i):
        assert 0.45 < np.mean(masks[i] == masks[j]) < 0.55, (i, j)
counters = [int(c.numpy()) for c in strategy.experimental_local_results(layer.counter.value)]
assert counters == [2, 2], counters
alone = Dropout(0.5, seed=5)
np.testing.assert_array_equal(alone(np.ones((64, 64)), training=True), masks[0])

with strategy.scope():
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8), Dropout(0.5)])
    model.compile("sgd", "mse", jit_compile=False)
model.fit(np.ones((32, 8)), np.ones((32, 8)), batch_size=8, verbose=0)
assert model.layers[-1].counter.numpy() == 4
"""


def test_replicas_draw_different_masks_and_count_together():
    process = subprocess.run([sys.executable, "-c", REPLICAS], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize("rate", [-0.1, 1.0, 2, float("nan"), "0.5", None, True])
def test_bad_rate(rate):
    with pytest.raises(ValueError, match="Received: rate="):
        Dropout(rate)


@pytest.mark.parametrize("seed", [-1, 2**31, 0.5, "1", True])
def test_bad_seed(seed):
    with pytest.raises(ValueError, match="Received: seed="):
        Dropout(0.5, seed=seed)
