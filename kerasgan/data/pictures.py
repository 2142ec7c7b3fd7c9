"""An encoded picture to an array of the wanted size and channels."""

import io
import struct

import numpy as np
import tensorflow as tf

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")
_PNG = b"\x89PNG\r\n\x1a\n"
_LUMA = np.array([0.299, 0.587, 0.114], "float32")  # ITU-R BT.601


class Unfit(Exception):
    """A picture that can be decoded but not used as asked; the message says why."""


def is_16_bit(path):
    """Whether a file's first bytes are those of a PNG of 16 bits a channel."""
    with open(path, "rb") as file:
        return _is_16_bit_png(file.read(26))


def decode(data):
    """Decodes a picture; EXIF rotation is applied.

    Args:
        data: the encoded bytes: PNG, JPEG, BMP, GIF (first frame), WebP.

    Returns:
        Array `[height, width, 1 to 4]` of uint8, or of uint16 for a PNG of 16 bits. 2 channels are
        grey and alpha, 4 RGB and alpha.

    Raises:
        OSError: bytes that can't be decoded.

    Example:
        >>> decode(tf.io.encode_png(tf.zeros((2, 3, 1), tf.uint16)).numpy()).shape
        (2, 3, 1)
    """
    if _is_16_bit_png(data):  # Pillow would cut colours to 8 bits
        try:
            with tf.device("CPU:0"):
                return tf.io.decode_png(data, dtype=tf.uint16).numpy()
        except tf.errors.InvalidArgumentError as error:
            raise OSError("damaged PNG") from error
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as picture:
            picture = ImageOps.exif_transpose(picture)
            pixels = np.asarray(picture.convert(_mode(picture)))
    except UnidentifiedImageError as error:
        raise OSError("not a picture of a known format") from error
    except OSError:
        raise
    except Exception as error:  # Pillow's decoders raise many kinds of error on damaged files
        raise OSError(f"{type(error).__name__}: {error}") from error
    return pixels if pixels.ndim == 3 else pixels[..., np.newaxis]


def fit(pixels, size, channels, crop, dtype):
    """Converts, crops and resizes (bilinear, antialiased) a decoded picture.

    Args:
        pixels: what `decode` returns.
        size: (height, width) wanted.
        channels: 1 (grey), 3 (RGB) or 4 (RGBA) wanted. Without alpha, transparent pixels are laid
            over white.
        crop: what is cut out first: "center" the greatest central part of the aspect of `size`;
            (rows, columns) the central part of that many pixels; "none" distorts instead.
        dtype: "uint8" or "uint16", the range of the result.

    Returns:
        Array `[height, width, channels]` of `dtype`.

    Raises:
        Unfit: a picture smaller than the crop.

    Example:
        >>> fit(np.zeros((4, 6, 1), "uint8"), (2, 2), 3, (3, 3), "uint16").shape
        (2, 2, 3)
    """
    image = _convert(pixels.astype("float32") / np.iinfo(pixels.dtype).max, channels)
    if crop == "center":
        image = _center_crop(image, size)
    elif crop != "none":
        height, width = image.shape[:2]
        if height < crop[0] or width < crop[1]:
            raise Unfit(f"{height} x {width} pixels, smaller than the crop {crop[0]} x {crop[1]}")
        image = _cut(image, *crop)
    if image.shape[:2] != size:
        with tf.device("CPU:0"):
            image = tf.image.resize(image, size, "bilinear", antialias=True).numpy()
    return np.rint(np.clip(image, 0, 1) * np.iinfo(dtype).max).astype(dtype)


def _is_16_bit_png(head):
    return head.startswith(_PNG) and len(head) >= 25 and struct.unpack_from("B", head, 24) == (16,)


def _mode(picture):
    if picture.has_transparency_data:
        return "RGBA"
    return "L" if picture.mode in ("1", "L") else "RGB"


def _convert(image, channels):
    """Float image in [0, 1] with 1 to 4 channels (2: grey and alpha) to `channels`."""
    has_alpha = image.shape[-1] in (2, 4)
    color, alpha = (image[..., :-1], image[..., -1:]) if has_alpha else (image, None)
    if channels == 4:
        alpha = np.ones_like(image[..., :1]) if alpha is None else alpha
        rgb = np.broadcast_to(color, (*color.shape[:2], 3))
        return np.concatenate([rgb, alpha], axis=-1)
    if alpha is not None:
        color = color * alpha + (1 - alpha)
    if channels == 3:
        return np.broadcast_to(color, (*color.shape[:2], 3))
    return color if color.shape[-1] == 1 else (color @ _LUMA)[..., np.newaxis]


def _center_crop(image, size):
    """The greatest central part of `image` with the aspect of `size`."""
    height, width = image.shape[:2]
    scale = min(height / size[0], width / size[1])
    rows = max(1, min(height, round(size[0] * scale)))
    return _cut(image, rows, max(1, min(width, round(size[1] * scale))))


def _cut(image, rows, columns):
    """The central part of `image`."""
    top, left = (image.shape[0] - rows) // 2, (image.shape[1] - columns) // 2
    return image[top : top + rows, left : left + columns]
