"""An encoder inverts a generator that can be inverted."""

import keras
import numpy as np
import pytest

from kerasgan import latent
from kerasgan.models import vae
from tests.latent.makers import SHAPE, linear_gan, orthogonal
from tests.latent.test_space import tiny_began, tiny_cgan

KERNEL = 0.4 * orthogonal(16, 3, seed=0).T


def linear_encoder():
    keras.utils.set_random_seed(0)
    images = keras.Input(SHAPE)
    return keras.Model(images, keras.layers.Dense(3)(keras.layers.Flatten()(images)))


def test_a_linear_generator_is_inverted():
    space = latent.Space(linear_gan(KERNEL))
    encoder, losses = latent.train_encoder(space, linear_encoder(), updates=300, learning_rate=0.05)
    assert losses.shape == (300, 2) and losses[0, 0] > 0.5 and losses[-1].max() < 1e-3
    latents = space.draw(20, seed=99)
    guessed = encoder.predict(space.images(latents), verbose=0)
    np.testing.assert_allclose(guessed, latents, atol=0.05)


def test_training_is_repeated_by_its_seed():
    space = latent.Space(linear_gan(KERNEL))
    losses = [
        latent.train_encoder(space, linear_encoder(), updates=3, seed=seed)[1] for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(losses[0], losses[1])
    assert not np.array_equal(losses[0], losses[2])


def test_without_images_in_the_loss_there_is_no_error_of_images():
    space = latent.Space(linear_gan(KERNEL))
    _, losses = latent.train_encoder(space, linear_encoder(), updates=3, image_weight=0)
    assert losses.shape == (3, 2) and np.isnan(losses[:, 1]).all()
    assert np.all((losses[:, 0] > 0.1) & (losses[:, 0] < 10.0))
    # The first errors are those of the initial weights, whatever the images weigh.
    runs = [
        latent.train_encoder(space, linear_encoder(), updates=1, image_weight=weight)[1]
        for weight in (0.5, 1.0)
    ]
    np.testing.assert_allclose(runs[0], runs[1], rtol=1e-5)
    assert runs[0][0, 0] == pytest.approx(losses[0, 0], rel=1e-5)


@pytest.mark.parametrize("make", [tiny_cgan, tiny_began])
def test_encoders_of_conditional_and_uniform_models(make):
    space = latent.Space(make())
    encoder, losses = latent.train_encoder(
        space, latent.build_encoder(space, width=2), updates=2, batch_size=4
    )
    guessed = encoder.predict(np.zeros((2, *space.image_shape)), verbose=0)
    assert guessed.shape == (2, 4) and np.isfinite(losses).all()
    if space.distribution == "uniform":
        assert np.abs(guessed).max() <= 1.0


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"updates": 0}, "updates"),
        ({"batch_size": 0}, "batch_size"),
        ({"image_weight": -1.0}, "image_weight"),
        ({"encoder": keras.Sequential([keras.Input((3, 3, 1)), keras.layers.Flatten()])}, "inputs"),
        ({"encoder": keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten()])}, "return"),
        ({"encoder": vae.build_paper_encoder(3, SHAPE, 2)}, r"one output.*e\.outputs\[0\]"),
        ({"encoder": keras.Sequential([keras.layers.Dense(3)])}, "one output"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(ValueError, match=words) as error:
        latent.train_encoder(latent.Space(linear_gan(KERNEL)), **arguments)
    assert "Received" in str(error.value)
