"""JPEG and PNG files decoded within a graph, as Pillow decodes them, so that a served model takes
files as they are.

EXIF has one number here, the orientation: a JPEG's segments and a PNG's chunks are walked until
EXIF is found, and the first directory of the TIFF structure in it is read. The same number in XMP,
or in a text chunk of an old PNG, turns nothing.
"""

import tensorflow as tf

LARGEST_PIXELS = 2048 * 2048  # of a picture sent to a served model
LARGEST_BYTES = 32 * 2**20  # of its file
CHANNELS = (1, 3, 4)  # grey, RGB, RGBA
_PNG = b"\x89PNG\r\n\x1a\n"
_LUMA = [[0.299], [0.587], [0.114]]  # ITU-R BT.601
_STEPS = 5000  # segments or chunks walked at most; 32 MiB of a PNG are 4,096 chunks of 8 KiB
_EXIF_SEGMENT = 0xE1
_END_OF_SEGMENTS = 0xDA  # from here on a JPEG is compressed pixels
_ORIENTATION, _SHORT, _LONG = 0x0112, 3, 4  # TIFF's numbers of a tag and two types


def decode_picture(encoded, channels):
    """A JPEG or PNG file (a string tensor) -> (H, W, channels), float32 in [-1, 1].

    It is turned as its EXIF orientation says. Of 1 or 3 channels, transparent pixels are laid over
    white; of 4, the last is alpha, 1 where a file has none. What is no such picture, or too large,
    is an INVALID_ARGUMENT.

    Example:
        >>> file = tf.io.encode_png(tf.fill((2, 3, 4), tf.constant(255, tf.uint8)))
        >>> picture = decode_picture(file, channels=1)
        >>> picture.shape, float(picture[0, 0, 0])
        (TensorShape([2, 3, 1]), 1.0)
    """
    encoded = require(
        tf.strings.length(encoded) <= LARGEST_BYTES,
        f"A picture's file may hold {LARGEST_BYTES} bytes at most.",
        encoded,
    )
    image = tf.cond(
        tf.io.is_jpeg(encoded),
        lambda: _decode_jpeg(encoded, channels == 4),
        lambda: _decode_png(encoded, channels == 4),
    )
    image = tf.ensure_shape(image, (None, None, 4 if channels == 4 else 3))
    if channels == 1:
        image = tf.tensordot(image, tf.constant(_LUMA), 1)
    return tf.clip_by_value(image * 2.0 - 1.0, -1.0, 1.0)


def require(condition, message, value):
    """`value`; INVALID_ARGUMENT with the message unless the condition is true."""
    with tf.control_dependencies([tf.debugging.Assert(condition, [message])]):
        return tf.identity(value)


def _decode_jpeg(encoded, with_alpha):
    height, width = tf.unstack(tf.io.extract_jpeg_shape(encoded)[:2])
    encoded = _require_size(height, width, encoded)
    pixels = tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE")  # as Pillow
    image = tf.cast(pixels, tf.float32) / 255.0
    if with_alpha:
        image = tf.concat([image, tf.ones_like(image[..., :1])], axis=-1)
    return _turned(image, _orientation(encoded, 2, _look_in_jpeg))


def _decode_png(encoded, with_alpha):
    is_png = tf.strings.substr(encoded, 0, len(_PNG)) == _PNG
    is_png &= tf.strings.length(encoded) > 24
    encoded = require(is_png, "A picture must be a JPEG or a PNG file.", encoded)
    head = tf.io.decode_raw(tf.strings.substr(encoded, 16, 8), tf.uint8)
    head = tf.ensure_shape(head, [8])
    width, height = _number(head[:4]), _number(head[4:])
    encoded = _require_size(height, width, encoded)
    image = tf.cast(tf.io.decode_png(encoded, channels=4), tf.float32) / 255.0
    if not with_alpha:
        color, alpha = image[..., :3], image[..., 3:]
        image = color * alpha + (1.0 - alpha)
    return _turned(image, _orientation(encoded, len(_PNG), _look_in_png))


def _require_size(height, width, encoded):
    pixels = tf.cast(height, tf.int64) * tf.cast(width, tf.int64)
    sane = (pixels > 0) & (pixels <= LARGEST_PIXELS)
    return require(sane, f"A picture may have {LARGEST_PIXELS} pixels at most.", encoded)


def _turned(image, orientation):
    """The picture as EXIF orientation 1 to 8 says that it is to be shown."""
    transposed = orientation >= 5
    flip_rows = tf.reduce_any(orientation == [3, 4, 7, 8])
    flip_columns = tf.reduce_any(orientation == [2, 3, 6, 7])
    image = tf.cond(transposed, lambda: tf.transpose(image, [1, 0, 2]), lambda: image)
    image = tf.cond(flip_rows, lambda: image[::-1], lambda: image)
    return tf.cond(flip_columns, lambda: image[:, ::-1], lambda: image)


# EXIF -------------------------------------------------------------------------------------


def _orientation(encoded, first, look):
    """The EXIF orientation of a file, 1 to 8: 1 if it says nothing of the kind.

    Args:
        encoded: the file, a string tensor.
        first: position of its first segment or chunk.
        look: (bytes of the file, position of a segment or chunk) -> (whether EXIF is in it, its
            first byte, its end, position of the next segment or chunk; 0: there is none).
    """

    def step(position, start, end):
        found, first_byte, behind, following = look(data, position)
        nowhere = tf.zeros_like(position)
        return (
            tf.where(found, nowhere, following),
            tf.where(found, first_byte, start),
            tf.where(found, behind, end),
        )

    with tf.device("CPU:0"):  # many steps on a few bytes
        data = tf.io.decode_raw(encoded, tf.uint8)
        position, nowhere = tf.constant(first, tf.int64), tf.constant(0, tf.int64)
        _, start, end = tf.while_loop(
            lambda position, start, end: position > 0,
            step,
            (position, nowhere, nowhere),
            parallel_iterations=1,
            maximum_iterations=_STEPS,
        )
        return tf.cast(_orientation_in_tiff(data[start:end]), tf.int32)


def _look_in_jpeg(data, position):
    """A segment: 0xFF, its kind, its length without these two, what it holds."""
    head = _bytes(data, position, 10)
    kind, end = head[1], position + 2 + _number(head[2:4])
    is_segment = (head[0] == 0xFF) & (kind != _END_OF_SEGMENTS) & (end >= position + 4)
    found = is_segment & (kind == _EXIF_SEGMENT) & tf.reduce_all(head[4:] == [*b"Exif\0\0"])
    return found, position + 10, end, tf.where(is_segment, end, 0)


def _look_in_png(data, position):
    """A chunk: the length of its content, its kind, the content, a checksum."""
    head = _bytes(data, position, 8)
    end = position + 8 + _number(head[:4])
    whole = end + 4 <= tf.size(data, tf.int64)
    found = whole & tf.reduce_all(head[4:] == [*b"eXIf"])
    return found, position + 8, end, tf.where(whole, end + 4, 0)


def _orientation_in_tiff(data):
    """The orientation in a TIFF structure's first directory; 1 if there is none, or no TIFF."""
    head = _bytes(data, tf.constant(0, tf.int64), 8)
    little = tf.reduce_all(head[:4] == [*b"II*\0"])
    is_tiff = little | tf.reduce_all(head[:4] == [*b"MM\0*"])
    directory = _number(head[4:], little)
    count = _number(_bytes(data, directory, 2), little)
    entries = data[directory + 2 : directory + 2 + 12 * count]
    entries = tf.reshape(entries[: tf.size(entries) // 12 * 12], [-1, 12])
    tag, kind = _number(entries[:, :2], little), _number(entries[:, 2:4], little)
    short, long = _number(entries[:, 8:10], little), _number(entries[:, 8:], little)
    is_one = (tag == _ORIENTATION) & (_number(entries[:, 4:8], little) == 1)
    values = tf.where(is_one & (kind == _SHORT), short, tf.where(is_one & (kind == _LONG), long, 0))
    value = tf.reduce_max(tf.concat([[0], values], axis=0))  # of no entries 0
    return tf.where(is_tiff & (value >= 1) & (value <= 8), value, 1)


def _bytes(data, position, number):
    """int64 (number,): that many bytes from a position on; zeros behind the end."""
    found = tf.cast(data[position : position + number], tf.int64)
    return tf.ensure_shape(tf.pad(found, [[0, number - tf.size(found)]]), [number])


def _number(digits, little=False):
    """The number of which the last axis has the bytes, the greatest first unless `little`."""
    powers = [256**i for i in range(digits.shape[-1])]
    powers = tf.where(little, tf.constant(powers, tf.int64), tf.constant(powers[::-1], tf.int64))
    return tf.reduce_sum(tf.cast(digits, tf.int64) * powers, axis=-1)
