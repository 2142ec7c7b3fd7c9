"""A convolutional preset that was made once, with kerasgan 0.1.0, goes on loading: with layers of
kerasgan that replace Keras' own, and with one of Keras' own, as models saved earlier have.

It was made by this script, and must never be made anew::

    keras.utils.set_random_seed(1)
    latents = keras.Input((12,))
    x = kerasgan.layers.BatchNormalization()(layers.Reshape((2, 2, 3))(latents))
    image = kerasgan.layers.Conv2DTranspose(1, 5, 2, "same", activation="tanh")(x)
    generator = keras.Model(latents, image)
    images = keras.Input((4, 4, 1))
    x = kerasgan.layers.Conv2D(2, 5, 2, "same", activation="leaky_relu")(images)
    x = layers.Flatten()(layers.Conv2D(1, 2)(x))
    model = GAN((4, 4, 1), latent_dim=12, seed=5, ema_decay=0.5, generator=generator,
        discriminator=keras.Model(images, x))
    noise = np.random.default_rng(2).uniform(-1, 1, (64, 4, 4, 1)).astype("float32")
    model.fit(noise, batch_size=4, verbose=0)
    model.save_to_preset("conv_noise", "A convolutional generator of noise, ...", ...)
"""

import json
import pathlib

import h5py
import keras
import numpy as np
import pytest

from kerasgan import layers, models

FROZEN = pathlib.Path(__file__).parent / "frozen" / "conv_noise"
SHA256 = "1a5791e9e0ce986efda7f3b32ed428a984106bfc69a94d0f0bc783ea8ee548a0"
GENERATED = [  # generate(2, seed=3)
    [-0.1811948, -0.2868703, -0.6242812, 0.2583132, -0.3506756, -0.677045, 0.135398, 0.3176076,
     0.3548113, 0.0649654, 0.4859948, -0.5383209, -0.3071778, -0.5505139, -0.1986522, 0.1911557],
    [0.2623201, 0.1245425, 0.0462818, -0.3526683, -0.7172137, 0.2691418, 0.4895159, -0.0727304,
     -0.687365, 0.8468841, -0.1642856, -0.1858184, 0.4780996, 0.67971, 0.2545442, 0.5207276],
]  # fmt: skip
PLAYER = [  # the generator itself, of the latent that goes from -2 to 2 in equal steps
    -0.0196713, -0.0065854, -0.3224187, 0.5806069, 0.5178276, 0.4507855, -0.7752703, -0.2088304,
    -0.7181987, -0.4675507, -0.3872525, 0.3676745, -0.1624981, -0.0857963, -0.8608477, -0.1867868,
]  # fmt: skip
RAMP = np.linspace(-1, 1, 16, dtype="float32").reshape(1, 4, 4, 1)


@pytest.fixture(scope="module")
def model():
    return models.GAN.from_preset(FROZEN, sha256=SHA256)


def test_its_numbers_are_those_of_the_day_it_was_made(model):
    images = model.generate(2, seed=3).reshape(2, 16)
    np.testing.assert_allclose(images, GENERATED, rtol=0, atol=3e-6)
    latents = np.linspace(-2, 2, 12, dtype="float32")[np.newaxis]
    np.testing.assert_allclose(np.ravel(model.generator(latents)), PLAYER, rtol=0, atol=3e-6)
    np.testing.assert_allclose(model.discriminator(RAMP), [[-0.4075754]], rtol=0, atol=3e-6)
    assert int(model.step_counter.numpy()) == 16


def weights(network, layer):
    with h5py.File(FROZEN / "model.weights.h5") as file:
        found = file[f"{network}/layers/{layer}/vars"]
        return [found[str(i)][:] for i in range(len(found))]


def test_its_images_are_those_of_its_file(model):
    """Normalised, and each pixel painted as a 5 x 5 patch, two pixels from the next's."""
    latents = np.random.default_rng(1).normal(size=(3, 12)).astype("float32")
    gamma, beta, mean, variance = weights("ema_generator", "batch_normalization")
    kernel, bias = weights("ema_generator", "conv2d_transpose")
    maps = gamma * (latents.reshape(3, 2, 2, 3) - mean) / np.sqrt(variance + 1e-3) + beta
    painted = np.zeros((3, 7, 7, 1))
    for i, j in np.ndindex(2, 2):
        patch = np.einsum("nd,klcd->nklc", maps[:, i, j], kernel)
        painted[:, 2 * i : 2 * i + 5, 2 * j : 2 * j + 5] += patch
    wanted = np.tanh(painted[:, 1:5, 1:5] + bias)
    np.testing.assert_allclose(model.images_from(latents), wanted, rtol=0, atol=3e-6)


def test_its_logit_is_that_of_its_file(model):
    """A 5 x 5 patch every two pixels, then one sum over the 2 x 2 that come of it."""
    kernel, bias = weights("discriminator", "conv2d")
    last_kernel, last_bias = weights("discriminator", "conv2d_1")
    padded = np.pad(RAMP[0], [(1, 2), (1, 2), (0, 0)])
    maps = np.zeros((2, 2, 2))
    for i, j in np.ndindex(2, 2):
        patch = padded[2 * i : 2 * i + 5, 2 * j : 2 * j + 5]
        maps[i, j] = np.einsum("klc,klcd->d", patch, kernel) + bias
    maps = np.maximum(maps, 0.2 * maps)
    wanted = np.sum(maps[..., np.newaxis] * last_kernel) + last_bias
    np.testing.assert_allclose(np.ravel(model.discriminator(RAMP)), wanted, rtol=0, atol=3e-6)


def test_its_layers_are_of_the_classes_that_its_config_names(model):
    ours = {"BatchNormalization", "Conv2D", "Conv2DTranspose"}
    names = {type(layer).__name__ for layer in model.generator.layers}
    assert {"BatchNormalization", "Conv2DTranspose"} <= names
    of_kerasgan, of_keras = (x for x in model.discriminator.layers if "conv2d" in x.name)
    assert type(of_kerasgan) is layers.Conv2D and type(of_keras) is keras.layers.Conv2D
    config = json.loads((FROZEN / "config.json").read_text())
    found, left = set(), [config]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            found.add((part.get("class_name"), str(part.get("module")).split(".")[0]))
            left += part.values()
        elif isinstance(part, list):
            left += part
    assert {(name, "kerasgan") for name in ours} | {("Conv2D", "keras")} <= found
