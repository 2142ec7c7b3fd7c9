"""FGSM and RAND+FGSM: closed forms on a linear softmax model, finite differences, saturation."""

import numpy as np
import pytest
import tensorflow as tf

from kerasgan import attacks
from kerasgan.attacks.fgsm import gradient, log_odds_against
from tests.attacks.networks import WEIGHTS, images_of, linear, small

IMAGES = images_of(4, (2, 3, 1)) * 0.5  # far enough from black and white that nothing is clipped


def loss_of_class_0(model, images):
    logits = model(images).numpy().astype("float64")
    return np.log1p(np.exp(logits[:, 1] - logits[:, 0]))


def test_on_a_linear_model_the_step_and_the_loss_have_a_closed_form():
    """Goodfellow et al., section 5: J = log(1 + exp(w x + b + epsilon |w|_1))."""
    model = linear(bias=0.3)
    moved = attacks.fgsm(model, IMAGES, [0] * 4, epsilon=0.1)
    step = 0.2 * np.sign(WEIGHTS).reshape(2, 3, 1)  # 0.1 of [0, 1] is 0.2 of [-1, 1]
    np.testing.assert_allclose(moved, IMAGES + step, atol=1e-6)
    margin = IMAGES.reshape(4, -1) @ WEIGHTS + 0.3 + 0.2 * np.abs(WEIGHTS).sum()
    np.testing.assert_allclose(loss_of_class_0(model, moved), np.log1p(np.exp(margin)), rtol=1e-5)


def test_targeted_goes_the_other_way_and_labels_choose_the_way():
    model = linear()
    step = 0.2 * np.sign(WEIGHTS).reshape(2, 3, 1)
    towards_1 = attacks.fgsm(model, IMAGES, [1] * 4, 0.1, targeted=True)
    from_1 = attacks.fgsm(model, IMAGES, [1] * 4, 0.1)
    np.testing.assert_allclose(towards_1, IMAGES + step, atol=1e-6)
    np.testing.assert_allclose(from_1, IMAGES - step, atol=1e-6)


def test_an_l2_step_is_along_the_gradient():
    moved = attacks.fgsm(linear(), IMAGES, [0] * 4, 0.1, norm="l2")
    step = 0.2 * (WEIGHTS / np.linalg.norm(WEIGHTS)).reshape(2, 3, 1)
    np.testing.assert_allclose(moved, IMAGES + step, atol=1e-6)


@pytest.mark.parametrize("targeted", [False, True])
def test_the_gradient_has_the_direction_of_finite_differences_of_the_loss(targeted):
    """It is dJ = p' dm for the log-odds m against the label, p' = sigmoid(m); all in 64 bits."""
    model = small(dtype="float64")
    images, labels = images_of(3).astype("float64"), np.array([0, 1, 2])
    found = gradient(model, tf.constant(images), labels, targeted).numpy()

    def loss(x):
        logits = model(x).numpy()
        log_sums = np.log(np.exp(logits).sum(axis=1))
        return log_sums - logits[range(3), labels]

    numeric, h = np.zeros_like(images), 1e-5
    for pixel in np.ndindex(images.shape[1:]):
        bump = np.zeros(images.shape[1:])
        bump[pixel] = h
        numeric[(slice(None), *pixel)] = (loss(images + bump) - loss(images - bump)) / (2 * h)
    odds = 1 / (1 - np.exp(-loss(images)))  # 1 / sigmoid(m)
    expected = (-1 if targeted else 1) * numeric * odds.reshape(3, 1, 1, 1)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    moved = attacks.fgsm(model, images, labels, 0.01, targeted=targeted)
    inside = np.abs(images) < 0.97
    signs = np.sign(moved - images)
    np.testing.assert_array_equal(signs[inside], np.sign(expected)[inside])


def test_log_odds_by_hand():
    logits = tf.math.log([[0.7, 0.2, 0.1], [0.7, 0.2, 0.1]])
    np.testing.assert_allclose(
        tf.exp(log_odds_against(logits, [0, 2])), [0.3 / 0.7, 0.9 / 0.1], rtol=1e-5
    )


@pytest.mark.parametrize("activation", [None, "softmax"])
def test_a_model_that_is_sure_is_attacked_all_the_same(activation):
    """With 100 between the logits, the loss and its gradient are 0 in 32 bits."""
    model = linear(bias=-100.0, activation=activation)
    assert model(IMAGES).numpy()[:, 0].min() in (0.0, 1.0)
    moved = attacks.fgsm(model, IMAGES, [0] * 4, 0.1)
    step = 0.2 * np.sign(WEIGHTS).reshape(2, 3, 1)
    np.testing.assert_allclose(moved, IMAGES + step, atol=1e-6)


def test_rand_fgsm_by_hand():
    """Random signs of alpha, then the gradient's of epsilon - alpha."""
    moved = attacks.rand_fgsm(linear(), IMAGES, [0] * 4, 0.1, alpha=0.02, seed=1)
    rest = moved - IMAGES - 0.16 * np.sign(WEIGHTS).reshape(2, 3, 1)
    np.testing.assert_allclose(np.abs(rest), 0.04, atol=1e-6)
    assert 0 < np.mean(rest > 0) < 1
    half = attacks.rand_fgsm(linear(), IMAGES, [0] * 4, 0.1, seed=1)
    rest = half - IMAGES - 0.1 * np.sign(WEIGHTS).reshape(2, 3, 1)
    np.testing.assert_allclose(np.abs(rest), 0.1, atol=1e-6)


def test_the_second_step_follows_the_gradient_where_the_first_one_led():
    """Logits [0, |s|] of the sum s of the pixels: from -0.01 the signs decide which way is up."""
    import keras

    inputs = keras.Input((1, 1, 1))
    size = keras.ops.abs(keras.layers.Flatten()(inputs))
    logits = keras.layers.Dense(2, kernel_initializer=keras.initializers.Constant([[0.0, 1.0]]))
    model = keras.Model(inputs, logits(size))
    images = np.full((40, 1, 1, 1), -0.01, "float32")
    labels = np.zeros(40, "int32")
    assert np.all(attacks.fgsm(model, images, labels, 0.1) < -0.2)
    moved = attacks.rand_fgsm(model, images, labels, 0.1, seed=0).ravel()
    np.testing.assert_allclose(np.abs(moved + 0.01), 0.2, atol=1e-6)
    assert 5 < np.sum(moved > 0) < 35


def test_seeds_reproduce_noise():
    for attack in (attacks.rand_fgsm, attacks.random_noise):
        one, again, other = (attack(linear(), IMAGES, [0] * 4, 0.1, seed=s) for s in (3, 3, 4))
        np.testing.assert_array_equal(one, again)
        assert np.any(one != other)


def test_batches_make_no_difference_and_differ_in_their_draws():
    images, labels = np.concatenate([IMAGES, IMAGES, IMAGES[:1]]), [0] * 9
    whole = attacks.fgsm(small(2, (2, 3, 1)), images, labels, 0.1, batch_size=9)
    assert whole.shape == images.shape
    model = small(2, (2, 3, 1))
    np.testing.assert_allclose(
        attacks.fgsm(model, images, labels, 0.1, batch_size=4),
        attacks.fgsm(model, images, labels, 0.1, batch_size=100),
        atol=1e-6,
    )
    noise = attacks.random_noise(model, images, labels, 0.1, batch_size=4) - images
    assert np.any(noise[:4] != noise[4:8])


def test_bad_arguments():
    with pytest.raises(ValueError, match="alpha is the random part"):
        attacks.rand_fgsm(linear(), IMAGES, [0] * 4, 0.1, alpha=0.2)
    with pytest.raises(ValueError, match="norm must be one of linf, l2"):
        attacks.fgsm(linear(), IMAGES, [0] * 4, 0.1, norm="l1")
    with pytest.raises(ValueError, match="distribution must be one of"):
        attacks.random_noise(linear(), IMAGES, [0] * 4, 0.1, distribution="normal")
    with pytest.raises(ValueError, match="seed must be"):
        attacks.rand_fgsm(linear(), IMAGES, [0] * 4, 0.1, seed=-1)
    with pytest.raises(ValueError, match="batch_size"):
        attacks.fgsm(linear(), IMAGES, [0] * 4, 0.1, batch_size=0)
