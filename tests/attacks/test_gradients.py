"""Gradients that are lost or not finite are refused in words, where they are needed."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerasgan import attacks
from tests.attacks.networks import WEIGHTS, Opaque, images_of, linear

IMAGES, LABELS = images_of(6), np.array([0, 1, 2, 0, 1, 2])


def test_a_model_without_gradients_is_refused_in_words():
    rounds = keras.Sequential(
        [keras.Input((4, 4, 1)), layers.Lambda(lambda x: tf.cast(x * 255, tf.int32))]
    )
    for layer in (layers.Flatten(), layers.Rescaling(1 / 255.0), layers.Dense(3)):
        rounds.add(layer)
    for targeted in (False, True):
        with pytest.raises(ValueError, match="no gradient by its images"):
            attacks.fgsm(rounds, IMAGES, LABELS, 0.1, targeted=targeted)


def test_gradients_that_are_not_finite_are_refused():
    """The square root's slope at 0 is infinite, and times 0 it is NaN."""
    rooted = keras.Sequential(
        [keras.Input((4, 4, 1)), layers.Lambda(lambda x: tf.sqrt(0.0 * x)), layers.Flatten()]
    )
    rooted.add(layers.Dense(3))
    with pytest.raises(ValueError, match="6 of 6 images without a finite gradient, the first at 0"):
        attacks.fgsm(rooted, IMAGES, LABELS, 0.1)


def test_noise_needs_no_gradient():
    sure = Opaque(linear(bias=-200.0, shape=(2, 3, 1), activation="softmax"))
    images = images_of(3, (2, 3, 1)) * 0.5
    moved = attacks.random_noise(sure, images, [0, 0, 0], 0.1)
    np.testing.assert_allclose(np.abs(moved - images), 0.2, atol=1e-6)


def test_a_random_start_that_loses_the_gradient_is_refused():
    """At zeros the margin is 80 and some gradient is left; where noise raises it, none is."""
    model = Opaque(linear(30 * WEIGHTS, bias=-80.0, activation="softmax"))
    images = np.zeros((20, 2, 3, 1), "float32")
    attacks.fgsm(model, images, [0] * 20, 0.05)
    with pytest.raises(ValueError, match="of 20 images of which"):
        attacks.pgd(model, images, [0] * 20, 0.3, steps=1, step_size=0.001)


def test_probabilities_rounded_to_zero_are_refused_not_taken_for_strength():
    sure = Opaque(linear(bias=-200.0, shape=(2, 3, 1), activation="softmax"))
    images = images_of(3, (2, 3, 1))
    with pytest.raises(ValueError, match=r"3 of 3 images .* exactly 0"):
        attacks.fgsm(sure, images, [0, 0, 0], 0.1)
