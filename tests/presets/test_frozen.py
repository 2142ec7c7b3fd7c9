"""A preset of format 1 that was made once, with kerasgan 0.1.0, goes on loading.

It was made by this script, and must never be made anew; a new format gets a preset of its own::

    keras.utils.set_random_seed(1)
    build_generator, build_discriminator = gan.build_generator, gan.build_discriminator
    model = GAN(
        image_shape=(3, 3, 1), latent_dim=2, seed=5, ema_decay=0.5,
        generator=build_generator(2, (3, 3, 1), units=()),
        discriminator=build_discriminator((3, 3, 1), units=()))
    images = np.random.default_rng(2).uniform(-1, 1, (64, 3, 3, 1)).astype("float32")
    model.fit(images, batch_size=4, verbose=0)
    model.save_to_preset("gan_noise", "A generator of noise, to test that old presets load.", ...)
    print(model.generate(2, seed=3), model.generator([[0.5, -1.0]]), ...)
"""

import pathlib

import h5py
import numpy as np
import pytest

from kerasgan import models, presets

FROZEN = pathlib.Path(__file__).parent / "frozen" / "gan_noise"
SHA256 = "f80d406ac944e8f4266bad57897d67033eb664d6ef6f31d754fb3b0b81892ce7"
GENERATED = [  # generate(2, seed=3)
    [-0.286615, -0.00116, -0.876858, 0.429, 0.088985, 0.433052, -0.795645, 0.002884, -0.273446],
    [0.142611, -0.359817, -0.738329, 0.318171, 0.474667, 0.51718, -0.415152, 0.464216, -0.388199],
]
PLAYER = [  # the generator itself, of the latent (0.5, -1)
    0.1446506, 0.0487787, 0.7073361, -0.2836435, -0.1262899, -0.3173907, 0.5716493, -0.0675391,
    0.2029841,
]  # fmt: skip


@pytest.fixture(scope="module")
def model():
    return models.GAN.from_preset(FROZEN, sha256=SHA256)


def test_its_numbers_are_those_of_the_day_it_was_made(model):
    images = model.generate(2, seed=3).reshape(2, 9)
    np.testing.assert_allclose(images, GENERATED, rtol=0, atol=3e-6)
    latents = np.array([[0.5, -1.0]], "float32")
    np.testing.assert_allclose(np.ravel(model.generator(latents)), PLAYER, rtol=0, atol=3e-6)
    logit = model.discriminator(np.full((1, 3, 3, 1), 0.25, "float32"))
    np.testing.assert_allclose(np.ravel(logit), [0.0911401], rtol=0, atol=3e-6)


def test_its_numbers_are_those_of_its_file(model):
    """A perceptron of one layer, worked out without Keras."""
    latents = np.array([[0.3, -0.7], [2.0, 1.0]], "float32")
    with h5py.File(FROZEN / "model.weights.h5") as file:
        kernel, bias = (file[f"ema_generator/layers/dense/vars/{i}"][:] for i in (0, 1))
    wanted = np.tanh(latents @ kernel + bias).reshape(2, 3, 3, 1)
    np.testing.assert_allclose(model.images_from(latents), wanted, rtol=0, atol=3e-6)


def test_its_card_and_counters(model):
    assert (int(model.step_counter.numpy()), model.seed, model.ema_decay) == (16, 5, 0.5)
    card = presets.info(FROZEN)
    assert card["sha256"] == SHA256 and card["name"] == "gan_noise"
    assert (card["class"], card["parameters"], card["steps"]) == ("kerasgan>GAN", 37, 16)
    assert card["versions"]["kerasgan"] == "0.1.0" and card["format_version"] == 1
    assert card["scores"] == [{"values": {"nothing": 0.0}, "protocol": {"n_fake": 0}}]
