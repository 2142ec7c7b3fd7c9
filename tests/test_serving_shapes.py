"""Requests of a wrong rank are told which shape was wanted."""

import pytest
import tensorflow as tf

from kerasgan import models, serving


@pytest.fixture(scope="module")
def answer(tmp_path_factory):
    model = models.CGAN(image_shape=(8, 8, 1), latent_dim=4, num_classes=3, seed=0)
    folder = serving.export(model, tmp_path_factory.mktemp("served"))
    return tf.saved_model.load(str(folder)).signatures["serving_default"]


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
        answer(latents=tf.zeros(latents), labels=tf.zeros(labels, tf.int32))


def test_what_fits_is_answered(answer):
    images = answer(latents=tf.zeros((2, 4)), labels=tf.zeros(2, tf.int32))["images"]
    assert images.shape == (2, 8, 8, 1)
