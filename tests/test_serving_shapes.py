"""Requests of a wrong rank are told which shape was wanted; what classifiers answer."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import models, serving
from kerasgan.metrics import features


@pytest.fixture(scope="module")
def answer(tmp_path_factory):
    model = models.CGAN(image_shape=(8, 8, 1), latent_dim=4, num_classes=3, seed=0)
    folder = serving.export(model, tmp_path_factory.mktemp("served"))
    loaded = tf.saved_model.load(str(folder))
    return loaded.signatures["serving_default"], loaded.signatures["sample"]


@pytest.mark.parametrize(
    "latents,labels,message",
    [
        ((), (2,), r"latents must have the shape \(n, 4\), not\] \[\]"),
        ((4,), (2,), r"latents must have the shape \(n, 4\), not\] \[4\]"),
        ((2, 3), (2,), r"latents must have the shape \(n, 4\), not\] \[2 3\]"),
        ((2, 4), (), r"labels must have the shape \(n\), not\] \[\]"),
        ((2, 4), (2, 1), r"labels must have the shape \(n\), not\] \[2 1\]"),
    ],
)
def test_the_shape_wanted_is_named(answer, latents, labels, message):
    """Also where a graph's optimizer takes a rank from the signature."""
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        answer[0](latents=tf.zeros(latents), labels=tf.zeros(labels, tf.int32))


@pytest.mark.parametrize("name", ["seed", "truncation"])
@pytest.mark.parametrize("shape", [(1,), (0,), (2, 3)])
def test_that_a_single_number_is_wanted_is_named(answer, name, shape):
    good = {"seed": tf.constant(1), "labels": tf.zeros(2, tf.int32), "truncation": tf.constant(0.0)}
    told = rf"{name} must have the shape \(\), not\] \[{' '.join(map(str, shape))}\]"
    with pytest.raises(tf.errors.InvalidArgumentError, match=told):
        answer[1](**{**good, name: tf.zeros(shape, good[name].dtype)})


def test_what_fits_is_answered(answer):
    images = answer[0](latents=tf.zeros((2, 4)), labels=tf.zeros(2, tf.int32))["images"]
    assert images.shape == (2, 8, 8, 1)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    model = keras.saving.load_model(features.WEIGHTS / "mnist_classifier.keras", compile=False)
    model.signatures = functools.partial(serving.classifier_signatures, model)
    folder = serving.export(model, tmp_path_factory.mktemp("classifier"))
    return model, tf.saved_model.load(str(folder)).signatures["serving_default"]


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_a_classifier_answers_any_number_of_images(classifier, rows):
    model, answer = classifier
    images = np.random.default_rng(0).uniform(-1, 1, (rows, 28, 28, 1)).astype("float32")
    answers = answer(images=tf.constant(images))
    assert answers["logits"].shape == answers["probabilities"].shape == (rows, 10)
    if rows:
        np.testing.assert_allclose(answers["logits"], model(images), atol=1e-4)
        np.testing.assert_allclose(tf.reduce_sum(answers["probabilities"], 1), 1, atol=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_classifier_refuses_what_is_no_number(classifier, value):
    with pytest.raises(tf.errors.InvalidArgumentError, match="images must be finite numbers"):
        classifier[1](images=tf.fill((2, 28, 28, 1), np.float32(value)))


def test_a_classifier_whose_training_diverged_is_not_exported(tmp_path):
    model = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    model.signatures = functools.partial(serving.classifier_signatures, model)
    model.layers[-1].bias.assign([0.0, np.nan, 0.0])
    with pytest.raises(ValueError, match=r"finite.*Received: sequential\S* weight .*bias with NaN"):
        serving.export(model, tmp_path)
    assert not list(tmp_path.iterdir())
