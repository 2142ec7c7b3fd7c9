"""Pictures decoded in the graph as Pillow decodes them: kinds of files, channels, EXIF's turns."""

import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageCms, ImageOps

from kerasgan.data import pictures
from kerasgan.models import served_pictures

RNG = np.random.default_rng(0)
PIXELS = np.kron(RNG.integers(0, 255, (3, 4, 3)), np.ones((16, 16, 1))).astype("uint8")
ORIENTATIONS = range(1, 9)
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def encoded(picture, kind="PNG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def exif(orientation, endian="<"):
    made = Image.Exif()
    made.endian = endian
    made[0x010F] = "a maker"  # so that the orientation isn't the first entry
    made[0x0112] = orientation
    return made


def tiff(orientation, kind=3, count=1, prefix=b"II*\0"):
    """A TIFF structure with one entry, little-endian but for what `prefix` says."""
    entry = struct.pack("<HHIHH", 0x0112, kind, count, orientation, 0)
    return prefix + struct.pack("<IH", 8, 1) + entry + bytes(4)


def jpeg_with(*segments):
    """A JPEG with these segments (kind, content) before its own."""
    file = encoded(Image.fromarray(PIXELS), "JPEG", quality=95)
    made = [
        struct.pack(">BBH", 0xFF, kind, len(content) + 2) + content for kind, content in segments
    ]
    return file[:2] + b"".join(made) + file[2:]


def png_with(*chunks, behind=False):
    """A PNG with these chunks (kind, content) before its pixels, or behind them."""
    file = encoded(Image.fromarray(PIXELS))
    made = [
        struct.pack(">I", len(content)) + kind + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    ]  # fmt: skip
    place = len(file) - 12 if behind else 33
    return file[:place] + b"".join(made) + file[place:]


@pytest.fixture(scope="module")
def decode():
    """bytes, channels -> array, by a compiled function, as in a served model."""
    functions = {
        channels: tf.function(
            lambda file, c=channels: served_pictures.decode_picture(file, c),
            input_signature=[tf.TensorSpec([], tf.string)],
        )
        for channels in (1, 3, 4)
    }
    return lambda file, channels=3: functions[channels](tf.constant(file)).numpy()


def is_as_pillow_has_it(decode, file, turned=None):
    """Checks pixels, and whether they are turned, if that is known."""
    with Image.open(io.BytesIO(file)) as picture:
        upright = ImageOps.exif_transpose(picture)
    image = decode(file)
    np.testing.assert_allclose(image, np.asarray(upright) / 127.5 - 1, rtol=0, atol=1e-6)
    if turned is not None:
        assert image.shape == ((64, 48, 3) if turned else (48, 64, 3))


# EXIF -------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("endian", ["<", ">"])
def test_jpegs_are_turned_as_exif_says(decode, orientation, endian):
    options = {"quality": 95, "exif": exif(orientation, endian)}
    file = encoded(Image.fromarray(PIXELS), "JPEG", **options)
    is_as_pillow_has_it(decode, file, orientation > 4)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_jpegs_are_turned_where_exif_comes_behind_other_segments(decode, orientation):
    """JFIF, a comment, and a colour profile of two segments, of more than 64 kB."""
    profile = [
        (0xE2, b"ICC_PROFILE\0" + bytes([n, 2]) + content)
        for n, content in ((1, ICC + bytes(60_000)), (2, bytes(30_000)))
    ]
    jfif = (0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0")
    file = jpeg_with(jfif, (0xFE, b"a comment"), *profile, (0xE1, b"Exif\0\0" + tiff(orientation)))
    is_as_pillow_has_it(decode, file, orientation > 4)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("endian", ["<", ">"])
def test_pngs_are_turned_as_exif_says(decode, orientation, endian):
    options = {"exif": exif(orientation, endian), "icc_profile": ICC}
    file = encoded(Image.fromarray(PIXELS), **options)
    assert file.index(b"iCCP") < file.index(b"eXIf")
    is_as_pillow_has_it(decode, file, orientation > 4)


def test_pngs_are_turned_where_exif_comes_last(decode):
    is_as_pillow_has_it(decode, png_with((b"eXIf", tiff(6)), behind=True), True)
    many = [(b"tEXt", b"Comment\0%d" % n) for n in range(1000)]
    is_as_pillow_has_it(decode, png_with(*many, (b"eXIf", tiff(6)), behind=True), True)


@pytest.mark.parametrize("with_alpha", [False, True])
def test_transparent_pngs_are_turned_too(decode, with_alpha):
    alpha = RNG.integers(0, 255, (48, 64, 1)).astype("uint8")
    rgba = np.concatenate([PIXELS, alpha], axis=-1)
    file = encoded(Image.fromarray(rgba), exif=exif(8))
    image = decode(file, 4 if with_alpha else 3)
    turned = np.rot90(rgba)
    shares = turned[..., 3:] / 255
    over_white = turned[..., :3] / 255 * shares + 1 - shares
    wanted = turned / 127.5 - 1 if with_alpha else over_white * 2 - 1
    np.testing.assert_allclose(image, wanted, rtol=0, atol=1e-6)


TURNS_NOTHING = {
    "a value out of range": tiff(9),
    "zero": tiff(0),
    "two values": tiff(6, count=2),
    "a rational": tiff(6, kind=5),
    "no TIFF": tiff(6, prefix=b"II+\1"),
    "nothing": b"",
    "a directory outside": b"II*\0" + struct.pack("<I", 2**32 - 1) + tiff(6)[8:],
    "a directory cut off": tiff(6)[:18],
    "entries that are missing": tiff(6)[:8] + struct.pack("<H", 0),
    "another tag": tiff(6).replace(b"\x12\x01", b"\x13\x01"),
}


@pytest.mark.parametrize("content", TURNS_NOTHING.values(), ids=TURNS_NOTHING)
def test_what_turns_nothing(decode, content):
    assert decode(jpeg_with((0xE1, b"Exif\0\0" + content))).shape == (48, 64, 3)
    assert decode(png_with((b"eXIf", content))).shape == (48, 64, 3)


def test_long_numbers_and_the_first_of_several(decode):
    is_as_pillow_has_it(decode, jpeg_with((0xE1, b"Exif\0\0" + tiff(6, kind=4))), True)
    is_as_pillow_has_it(decode, png_with((b"eXIf", tiff(6, kind=4))), True)
    xmp = (0xE1, b"http://ns.adobe.com/xap/1.0/\0")
    both = [(0xE1, b"Exif\0\0" + tiff(orientation)) for orientation in (6, 1)]
    is_as_pillow_has_it(decode, jpeg_with(xmp, *both), True)


def test_bytes_of_the_tag_outside_of_exif_turn_nothing(decode):
    for content in (b"\x12\x01\x03\x00\x01\0\0\0\x06\0", b"Exif\0\0" + tiff(6)):
        assert decode(jpeg_with((0xFE, content))).shape == (48, 64, 3)
        assert decode(png_with((b"tEXt", b"Comment\0" + content))).shape == (48, 64, 3)
        assert decode(png_with((b"tEXt", b"Comment\0eXIf" + content))).shape == (48, 64, 3)


# Files ------------------------------------------------------------------------------------


def test_jpegs_without_exif_and_grey_ones(decode):
    is_as_pillow_has_it(decode, encoded(Image.fromarray(PIXELS), "JPEG"), False)
    grey = encoded(Image.fromarray(PIXELS[..., 0]), "JPEG")
    assert decode(grey).shape == (48, 64, 3)


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


@pytest.mark.parametrize("kind", ["RGBA", "RGB", "L", "LA", "JPEG"])
def test_four_channels_are_those_that_the_data_functions_give(decode, kind):
    if kind == "JPEG":
        file = encoded(Image.fromarray(PIXELS), "JPEG")
    else:
        alpha = RNG.integers(0, 255, (48, 64, 1)).astype("uint8")
        rgba = Image.fromarray(np.concatenate([PIXELS, alpha], axis=-1))
        file = encoded(rgba.convert(kind))
    image = decode(file, 4)
    wanted = pictures.fit(pictures.decode(file), (48, 64), 4, "none", "uint8") / 127.5 - 1
    np.testing.assert_allclose(image, wanted, rtol=0, atol=1e-6)
    assert (np.ptp(image[..., 3]) > 1) == (kind in ("RGBA", "LA"))
    if kind in ("RGB", "L", "JPEG"):
        assert (image[..., 3] == 1).all()


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
@pytest.mark.parametrize("channels", [3, 4])
def test_what_is_no_picture_is_an_invalid_argument(decode, file, message, channels):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        decode(file, channels)
