"""CGAN: the family contract, and that the label reaches both networks."""

import numpy as np
import pytest
import tensorflow as tf

from kerasgan.models import CGAN
from kerasgan.models import cgan as cgan_file
from tests.models.harness import FamilyContract
from tests.models.test_gan import LOGS, SHAPE


def tiny(**kwargs):
    return CGAN(
        num_classes=3,
        image_shape=SHAPE,
        latent_dim=4,
        generator=cgan_file.build_generator(3, 4, SHAPE, width=4, embedding_dim=5),
        discriminator=cgan_file.build_discriminator(3, SHAPE, width=4),
        **kwargs,
    )


class TestCGAN(FamilyContract):
    log_names = LOGS

    def make_model(self, **kwargs):
        return tiny(**kwargs)

    def make_arrays(self, n):
        images = np.random.default_rng(0).uniform(-1, 1, (n, *SHAPE)).astype("float32")
        return images, np.arange(n, dtype="int32") % 3

    def sample(self, model, n, seed=0):
        return model.generate(labels=np.arange(n) % 3, seed=seed)


def test_the_label_changes_what_both_networks_answer():
    model = tiny(seed=0)
    latents = np.zeros((2, 4), "float32")
    one, two = np.asarray(model.generator([latents, np.array([0, 1])]))
    assert np.abs(one - two).max() > 1e-4
    images = np.zeros((2, *SHAPE), "float32")
    one, two = np.asarray(model.discriminator([images, np.array([0, 1])])).ravel()
    assert abs(one - two) > 1e-7


def test_paper_networks_have_the_paper_sizes_and_train():
    generator = cgan_file.build_paper_generator()
    discriminator = cgan_file.build_paper_discriminator()
    # z -> 200, y -> 1000, joined -> 1200 -> 784; one counter of dropout
    assert generator.count_params() == 101 * 200 + 11 * 1000 + 1201 * 1200 + 1201 * 784 + 1
    # maxout: x -> 240x5, y -> 50x5, joined -> 240x4 -> 1; two counters of dropout
    assert discriminator.count_params() == 785 * 1200 + 11 * 250 + 291 * 960 + 241 + 2
    model = CGAN(10, loss="minimax", generator=generator, discriminator=discriminator, seed=0)
    data = tf.data.Dataset.from_tensors((np.zeros((4, 28, 28, 1), "float32"), [1, 2, 3, 4]))
    assert np.isfinite(model.fit(data, verbose=0).history["generator_loss"]).all()


@pytest.mark.parametrize("labels", [[3], [-1], [0.0, 1.0], [[1, 0, 0]], [], 1, ["one"]])
def test_bad_labels_are_named(labels):
    with pytest.raises(ValueError, match="labels") as error:
        tiny(seed=0).generate(labels=labels)
    assert "Received" in str(error.value)


@pytest.mark.parametrize(
    "images, labels, words",
    [
        (np.zeros((4, 8, 8, 1), "uint8"), [0, 1, 2, 0], "uint8"),
        (np.full((4, 8, 8, 1), 255.0, "float32"), [0, 1, 2, 0], r"\[-1"),
        (np.zeros((4, 8, 9, 1), "float32"), [0, 1, 2, 0], "shape"),
        (np.zeros((4, 8, 8, 3), "float32"), [0, 1, 2, 0], "shape"),
        (np.zeros((4, 8, 8, 1), "float32"), None, "labels"),
        (np.zeros((4, 8, 8, 1), "float32"), [0.0, 1.0, 2.0, 0.0], "labels"),
        (np.zeros((4, 8, 8, 1), "float32"), [0, 1, 2, 3], "labels"),
        (np.zeros((4, 8, 8, 1), "float32"), [0, 1, 2, -1], "labels"),
    ],
)
def test_fit_explains_wrong_data_before_the_first_step(images, labels, words):
    arrays = images if labels is None else (images, np.asarray(labels))
    dataset = tf.data.Dataset.from_tensor_slices(arrays).batch(2)
    model = tiny(seed=0)
    with pytest.raises(ValueError, match=words) as error:
        model.fit(dataset, verbose=0)
    assert "Received" in str(error.value)
    assert int(model.step_counter.numpy()) == 0


def test_a_class_count_that_is_none_is_named():
    with pytest.raises(ValueError, match="num_classes"):
        CGAN(num_classes=0)
