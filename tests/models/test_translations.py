"""Padding to the multiple of sizes that a network needs, and what an endpoint refuses."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.models import translations

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("size", "multiple"), [(5, 4), (8, 4), (3, 8), (2, 16), (1, 4)])
def test_padding_reflects_to_the_next_multiple(size, multiple):
    images = RNG.normal(size=(2, size, 6, 3)).astype("float32")
    seen = []

    def network(x):
        seen.append(x.numpy())
        return x[..., :1] * 2

    result = translations.padded(network, tf.constant(images), multiple)
    np.testing.assert_array_equal(result, images[..., :1] * 2)
    rows = {(5, 4): 3, (8, 4): 0, (3, 8): 5, (2, 16): 14, (1, 4): 7}[size, multiple]
    columns = {4: 2, 8: 2, 16: 10}[multiple]
    mode = "reflect" if size > 1 else "edge"
    wanted = np.pad(images, [(0, 0), (0, rows), (0, 0), (0, 0)], mode=mode)
    wanted = np.pad(wanted, [(0, 0), (0, 0), (0, columns), (0, 0)], mode="reflect")
    np.testing.assert_array_equal(seen[0], wanted)


def test_the_multiple_follows_from_the_strides():
    images = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(2, 3, 2)(images)
    x = keras.layers.Conv2D(2, 3, 1)(x)
    x = keras.layers.Conv2D(2, 4, 4)(x)
    x = keras.layers.Conv2DTranspose(2, 4, 8)(x)
    assert translations.size_multiple(keras.Model(images, x)) == 8


def halving(layer):
    """Images -> maps of half the size, as a model of its own."""
    return keras.Sequential([keras.Input((None, None, 3)), layer])


HALVINGS = {
    "a nested model": lambda: halving(keras.layers.Conv2D(3, 3, 2, "same")),
    "a model in a nested one": lambda: halving(halving(keras.layers.Conv2D(3, 3, 2, "same"))),
    "pooling by the maximum": lambda: keras.layers.MaxPooling2D(padding="same"),
    "pooling by the mean": lambda: keras.layers.AveragePooling2D(3, 2, "same"),
    "a depthwise convolution": lambda: keras.layers.DepthwiseConv2D(3, 2, "same"),
    "a separable convolution": lambda: keras.layers.SeparableConv2D(3, 3, 2, "same"),
    "a wrapped convolution": lambda: keras.layers.SpectralNormalization(
        keras.layers.Conv2D(3, 3, 2, "same")
    ),
}


@pytest.mark.parametrize("make", HALVINGS.values(), ids=HALVINGS)
def test_all_that_halves_counts(make):
    """The skips join maps of one size, so that pictures of other sizes can't go through."""
    images = keras.Input((None, None, 3))
    half = make()(images)
    quarter = keras.layers.Conv2D(3, 3, 2, "same")(half)
    up = keras.layers.UpSampling2D()(quarter)
    x = keras.layers.Add()([up, half])
    x = keras.layers.Add()([keras.layers.UpSampling2D()(x), images])
    network = keras.Model(images, x)
    assert translations.size_multiple(network) == 4
    picture = RNG.uniform(-1, 1, (1, 13, 22, 3)).astype("float32")
    with pytest.raises((ValueError, tf.errors.OpError)):
        network(picture)
    assert translations.translate(network, picture).shape == (1, 13, 22, 3)


def test_strides_of_each_axis_count():
    images = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(3, 3, (1, 2), "same")(images)
    x = keras.layers.MaxPooling2D((3, 1))(x)
    network = keras.Model(images, keras.layers.UpSampling2D((3, 2))(x))
    assert translations.size_multiple(network) == 6
    images = keras.Input((None, None, 3))
    network = keras.Model(images, keras.layers.Conv2D(3, 3, padding="same")(images))
    assert translations.size_multiple(network) == 1


# Endpoints --------------------------------------------------------------------------------


def test_channels_of_no_picture_are_refused():
    with pytest.raises(ValueError, match=r"1, 3 or 4 channels .*Received: .* with 2 channels"):
        translations.png_endpoint(lambda x, index: x, 2, 1)
    function, specs = translations.png_endpoint(lambda x, index: tf.tile(x, [1, 1, 1, 5]), 1, 1)
    with pytest.raises(ValueError, match=r"PNGs, which have 1 to 4.*makes images with 5 channels"):
        tf.function(function, input_signature=specs).get_concrete_function()
