"""Adam in one operation against Kingma & Ba's algorithm in NumPy, and against Keras' own."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import optimizers

GRADIENTS = np.random.default_rng(0).normal(size=(5, 3, 2)).astype("float32")
OPTIONS = {"learning_rate": 0.1, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-4}


def by_hand(gradients, learning_rate, beta_1, beta_2, epsilon):
    """The weights after each step from zero, in double precision."""
    weight = first = second = np.zeros(gradients.shape[1:])
    for t, gradient in enumerate(gradients.astype("float64"), 1):
        first = beta_1 * first + (1 - beta_1) * gradient
        second = beta_2 * second + (1 - beta_2) * gradient**2
        rate = learning_rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
        weight = weight - rate * first / (np.sqrt(second) + epsilon)
        yield weight


@pytest.mark.parametrize("jit_compile", [None, False, True])
def test_five_steps(jit_compile):
    optimizer, weight = optimizers.Adam(**OPTIONS), keras.Variable(np.zeros((3, 2)))
    optimizer.build([weight])

    def step(gradient):
        optimizer.apply([gradient], [weight])

    step = step if jit_compile is None else tf.function(step, jit_compile=jit_compile)
    for gradient, wanted in zip(GRADIENTS, by_hand(GRADIENTS, **OPTIONS), strict=True):
        step(tf.constant(gradient))
        np.testing.assert_allclose(weight.numpy(), wanted, rtol=2e-6, atol=1e-7)
    assert int(optimizer.iterations.numpy()) == 5


@pytest.mark.parametrize(
    "options",
    [
        {"weight_decay": 0.1},
        {"clipnorm": 0.5},
        {"use_ema": True, "ema_momentum": 0.5},
        {"amsgrad": True},
        {"learning_rate": keras.optimizers.schedules.PolynomialDecay(0.1, 4, 0.01)},
    ],
)
def test_options_are_those_of_keras(options):
    weights = [keras.Variable(np.ones((3, 2))) for _ in range(2)]
    ours, theirs = optimizers.Adam(**options), keras.optimizers.Adam(**options)
    for gradient in GRADIENTS:
        for optimizer, weight in zip((ours, theirs), weights):
            optimizer.apply([tf.constant(gradient)], [weight])
    assert np.abs(weights[0].numpy() - 1).min() > 1e-4
    np.testing.assert_allclose(weights[0].numpy(), weights[1].numpy(), rtol=1e-5)


def test_sparse_gradients():
    weights = [keras.Variable(np.ones((4, 2))) for _ in range(2)]
    rows = tf.IndexedSlices(tf.constant([[1.0, 2.0]]), tf.constant([2]), tf.constant([4, 2]))
    for optimizer, weight in zip((optimizers.Adam(0.1), keras.optimizers.Adam(0.1)), weights):
        optimizer.apply([rows], [weight])
    np.testing.assert_allclose(weights[0].numpy(), weights[1].numpy(), rtol=1e-6)
    np.testing.assert_allclose(weights[0].numpy()[2], [0.9, 0.9], rtol=1e-5)


def test_the_state_goes_on_in_keras_own(tmp_path):
    """Two steps by ours, then one by Keras' with the saved state: as three by hand."""
    weight = keras.Variable(np.zeros((3, 2)))
    optimizer = optimizers.Adam(**OPTIONS)
    for gradient in GRADIENTS[:2]:
        optimizer.apply([tf.constant(gradient)], [weight])
    state = {}
    optimizer.save_own_variables(state)
    copy = keras.optimizers.Adam.from_config(optimizer.get_config())
    copy.build([weight])
    copy.load_own_variables(state)
    copy.apply([tf.constant(GRADIENTS[2])], [weight])
    wanted = list(by_hand(GRADIENTS[:3], **OPTIONS))[-1]
    np.testing.assert_allclose(weight.numpy(), wanted, rtol=2e-6, atol=1e-7)


def test_it_is_saved_with_a_model(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizers.Adam(0.25, beta_1=0.5), "mse")
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras").optimizer
    assert type(loaded) is optimizers.Adam and float(loaded.learning_rate.numpy()) == 0.25
    for variable, other in zip(loaded.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(variable.numpy(), other.numpy())


def test_loss_scaling():
    optimizer = keras.optimizers.LossScaleOptimizer(optimizers.Adam(0.1), initial_scale=4.0)
    weight = keras.Variable([1.0, 1.0])
    optimizer.apply([tf.constant([4.0, -4.0])], [weight])
    np.testing.assert_allclose(weight.numpy(), [0.9, 1.1], rtol=1e-5)
    optimizer.apply([tf.constant([np.inf, 1.0])], [weight])  # skipped
    np.testing.assert_allclose(weight.numpy(), [0.9, 1.1], rtol=1e-5)
