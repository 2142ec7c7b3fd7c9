"""Padding to a multiple, and pictures decoded in the graph as Pillow decodes them."""

import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from kerasgan.models import translations

RNG = np.random.default_rng(0)
PIXELS = np.kron(RNG.integers(0, 255, (3, 4, 3)), np.ones((16, 16, 1))).astype("uint8")


def encoded(picture, kind="PNG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def decode():
    """bytes, channels -> array, by a compiled function, as in a served model."""
    functions = {
        channels: tf.function(
            lambda file, c=channels: translations.decode_picture(file, c),
            input_signature=[tf.TensorSpec([], tf.string)],
        )
        for channels in (1, 3)
    }
    return lambda file, channels=3: functions[channels](tf.constant(file)).numpy()


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


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("endian", ["<", ">"])
def test_jpegs_are_turned_as_exif_says(decode, orientation, endian):
    exif = Image.Exif()
    exif.endian = endian
    exif[0x0112] = orientation
    file = encoded(Image.fromarray(PIXELS), "JPEG", quality=95, exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(file)))
    assert upright.size == ((64, 48) if orientation <= 4 else (48, 64))
    np.testing.assert_allclose(decode(file), np.asarray(upright) / 127.5 - 1, atol=1e-6)


def test_jpegs_without_exif_and_grey_ones(decode):
    file = encoded(Image.fromarray(PIXELS), "JPEG")
    wanted = np.asarray(Image.open(io.BytesIO(file))) / 127.5 - 1
    np.testing.assert_allclose(decode(file), wanted, atol=1e-6)
    grey = encoded(Image.fromarray(PIXELS[..., 0]), "JPEG")
    assert decode(grey).shape == (48, 64, 3)


def test_bytes_of_the_tag_outside_of_exif_turn_nothing(decode):
    file = encoded(Image.fromarray(PIXELS), "JPEG", comment=b"\x12\x01\x03\x00\x01\0\0\0\x06\0")
    assert decode(file).shape == (48, 64, 3)


def test_kinds_of_png(decode):
    rgb = PIXELS / 127.5 - 1
    np.testing.assert_allclose(decode(encoded(Image.fromarray(PIXELS))), rgb, atol=1e-6)
    grey16 = Image.fromarray(PIXELS[..., 0].astype("uint16") * 257)
    np.testing.assert_allclose(
        decode(encoded(grey16)), np.repeat(rgb[..., :1], 3, axis=-1), atol=1e-6
    )
    palette = Image.fromarray(PIXELS).convert("P")
    wanted = np.asarray(palette.convert("RGB")) / 127.5 - 1
    np.testing.assert_allclose(decode(encoded(palette)), wanted, atol=1e-6)


def test_transparent_pixels_lie_over_white(decode):
    alpha = np.full((48, 64, 1), 51, "uint8")  # a fifth
    file = encoded(Image.fromarray(np.concatenate([PIXELS, alpha], axis=-1)))
    wanted = (0.2 * PIXELS / 255 + 0.8) * 2 - 1
    np.testing.assert_allclose(decode(file), wanted, atol=1e-6)


def test_colours_become_grey_by_their_luma(decode):
    wanted = (PIXELS @ np.array([0.299, 0.587, 0.114]))[..., None] / 127.5 - 1
    np.testing.assert_allclose(decode(encoded(Image.fromarray(PIXELS)), 1), wanted, atol=1e-5)


HUGE = encoded(Image.fromarray(PIXELS))[:16] + (50_000).to_bytes(4, "big") * 2


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (b"", "must be a JPEG or a PNG"),
        (b"hello, I am no picture at all", "must be a JPEG or a PNG"),
        (encoded(Image.fromarray(PIXELS), "BMP"), "must be a JPEG or a PNG"),
        (encoded(Image.fromarray(PIXELS))[:100], "PNG"),
        (encoded(Image.fromarray(PIXELS), "JPEG")[:300], "JPEG"),
        (HUGE + b"\x08\x02\0\0\0", "pixels at most"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "pixels at most"),
    ],
)
def test_what_is_no_picture_is_an_invalid_argument(decode, file, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        decode(file)


def test_the_multiple_follows_from_the_strides():
    images = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(2, 3, 2)(images)
    x = keras.layers.Conv2D(2, 3, 1)(x)
    x = keras.layers.Conv2D(2, 4, 4)(x)
    x = keras.layers.Conv2DTranspose(2, 4, 8)(x)
    assert translations.size_multiple(keras.Model(images, x)) == 8
