"""Pictures through a translating network: arrays of any size, and encoded files in a served model.

A network that halves its input needs sizes that are multiples of some power of two: pictures are
padded to the next multiple by reflection, and what comes out is cut back. Pictures of a few pixels
are padded to 8 at least: CycleGAN's generators reflect at a quarter of the size, too.
"""

import keras
import numpy as np
import tensorflow as tf

SMALLEST_SIDE = 8  # after padding
LARGEST_PIXELS = 2048 * 2048  # of a picture sent to a served model
LARGEST_BYTES = 32 * 2**20  # of its file
LARGEST_REQUEST = 256  # pictures in one request
_PNG = b"\x89PNG\r\n\x1a\n"
_LUMA = [[0.299], [0.587], [0.114]]  # ITU-R BT.601
_EXIF_BYTES = 65536  # of a JPEG in which an orientation is looked for: APP1 is no longer


def size_multiple(network):
    """What a fully convolutional network wants height and width to be multiples of: the product
    of the strides of its `Conv2D` layers.

    Example:
        >>> x = keras.Input((None, None, 3))
        >>> y = keras.layers.Conv2D(4, 3, strides=2)(keras.layers.Conv2D(4, 3, strides=2)(x))
        >>> size_multiple(keras.Model(x, y))
        4
    """
    strides = [
        layer.strides[0] for layer in network.layers if isinstance(layer, keras.layers.Conv2D)
    ]
    return int(np.prod(strides))


def takes_noise(generator):
    """Whether a generator has a second input, the seeds of its noise."""
    return len(generator.inputs) == 2


def run(generator, images, seed, training=False):
    """A generator's images; `seed` (two integers) is that of its noise, if it takes any."""
    if not takes_noise(generator):
        return generator(images, training=training)
    shape = [tf.shape(images)[0], 2]
    seeds = tf.random.stateless_uniform(shape, seed, None, None, tf.int64)  # one for each image
    return generator([images, seeds], training=training)


def padded(function, images, multiple):
    """`function` of images (batch, H, W, C), reflected at the lower and right edge up to the next
    multiple; its images are cut back to (batch, H, W, ...).
    """
    height, width = tf.shape(images)[1], tf.shape(images)[2]
    for axis, size in ((1, height), (2, width)):
        wanted = -(-tf.maximum(size, SMALLEST_SIDE) // multiple) * multiple
        images = tf.gather(images, _reflected(size, wanted), axis=axis)
    return function(images)[:, :height, :width]


def _reflected(size, wanted):
    """Indices 0, 1, ..., size - 1, size - 2, ..., 1, 0, 1, ...: `wanted` of them."""
    period = tf.maximum(1, 2 * (size - 1))
    position = tf.range(wanted) % period
    return tf.minimum(position, period - position) % size


def translate(generator, images, seed=0, channels=3, conditions=None):
    """Translates pictures one by one, so that none depends on its neighbours.

    Args:
        generator: a `keras.Model`, images, [images, seeds] or [images, conditions] -> images.
        images: array (batch, H, W, channels), float32 in [-1, 1], of any H and W.
        seed: int, of the noise; picture i has the noise of (seed, i).
        channels: those that the model was built for.
        conditions: array (batch, n), a condition for each picture; None: there are none.

    Returns:
        Array (batch, H, W, C), float32.

    Raises:
        ValueError: another shape, NaN, values out of range; a seed that isn't an integer.
    """
    if not isinstance(seed, (int, np.integer)):
        raise ValueError(f"seed must be an integer. Received: seed={seed!r}")
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] != channels or not images.size:
        raise ValueError(
            f"images must be an array (batch, height, width, {channels}). "
            f"Received: images of shape {images.shape}"
        )
    if images.dtype.kind != "f" or not (np.abs(images) <= 1.001).all():
        raise ValueError(
            "images must be floats in [-1, 1]; of 8-bit pixels, pixels / 127.5 - 1. "
            f"Received: {images.dtype} from {images.min()} to {images.max()}"
        )
    images = images.astype("float32")
    multiple = size_multiple(generator)

    def one(image, i):
        if conditions is None:
            return run(generator, image, (seed, i))
        return generator([image, tf.constant(conditions[i : i + 1])], training=False)

    made = [
        padded(lambda x, i=i: one(x, i), images[i : i + 1], multiple) for i in range(len(images))
    ]
    return np.concatenate([np.asarray(image) for image in made])


# Served models: encoded pictures in, PNGs out -----------------------------------------------


def translation_endpoint(generator, channels):
    """The signature of a generator: see `png_endpoint`; with `seed`, if it takes noise."""
    multiple = size_multiple(generator)
    if not takes_noise(generator):
        return png_endpoint(lambda x, index: run(generator, x, None), channels, multiple)

    def translated(image, index, seed):
        return run(generator, image, tf.stack([seed, index]))

    return png_endpoint(translated, channels, multiple, tf.TensorSpec([], tf.int32, name="seed"))


def png_endpoint(function, channels, multiple, *more_specs):
    """(function, TensorSpecs) of a signature: `images` (batch,), JPEG or PNG files -> `png`.

    Pictures are turned as their EXIF orientation says; transparent ones are laid over white.
    What is no such picture, or larger than `LARGEST_PIXELS`, gets INVALID_ARGUMENT.

    Args:
        function: (images (1, H, W, channels), index, *more) -> images (1, H, W, 1 or 3).
        channels: 1 or 3.
        multiple: see `size_multiple`.
        *more_specs: TensorSpecs of further inputs, passed on to `function`.
    """

    def endpoint(images, *more):
        images = _assert(
            tf.shape(images)[0] <= LARGEST_REQUEST,
            f"A request may hold {LARGEST_REQUEST} pictures at most.",
            images,
        )

        def one(item):
            encoded, index = item
            picture = decode_picture(encoded, channels)[tf.newaxis]
            made = padded(lambda x: function(x, index, *more), picture, multiple)[0]
            made = tf.debugging.check_numerics(made, "The picture would not be finite numbers.")
            pixels = tf.clip_by_value(tf.round((made + 1.0) * 127.5), 0.0, 255.0)
            return tf.io.encode_png(tf.cast(pixels, tf.uint8))

        indices = tf.range(tf.shape(images)[0])
        made = tf.map_fn(
            one, (images, indices), fn_output_signature=tf.string, parallel_iterations=1
        )
        return {"png": made}

    return endpoint, [tf.TensorSpec([None], tf.string, name="images"), *more_specs]


def assert_domains(domains, largest, images):
    """`domains`, or INVALID_ARGUMENT if one is outside [0, largest) or there aren't as many as
    images.
    """
    inside = tf.reduce_all((domains >= 0) & (domains < largest))
    domains = _assert(inside, f"domains must lie in [0, {largest}).", domains)
    as_many = tf.shape(domains)[0] == tf.shape(images)[0]
    return _assert(as_many, "One target domain for each picture.", domains)


def decode_picture(encoded, channels):
    """A JPEG or PNG file (a string tensor) -> (H, W, channels), float32 in [-1, 1].

    Example:
        >>> file = tf.io.encode_png(tf.fill((2, 3, 4), tf.constant(255, tf.uint8)))
        >>> picture = decode_picture(file, channels=1)
        >>> picture.shape, float(picture[0, 0, 0])
        (TensorShape([2, 3, 1]), 1.0)
    """
    encoded = _assert(
        tf.strings.length(encoded) <= LARGEST_BYTES,
        f"A picture's file may hold {LARGEST_BYTES} bytes at most.",
        encoded,
    )
    rgb = tf.cond(
        tf.io.is_jpeg(encoded), lambda: _decode_jpeg(encoded), lambda: _decode_png(encoded)
    )
    rgb = tf.ensure_shape(rgb, (None, None, 3))
    image = rgb if channels == 3 else tf.tensordot(rgb, tf.constant(_LUMA), 1)
    return tf.clip_by_value(image * 2.0 - 1.0, -1.0, 1.0)


def _decode_jpeg(encoded):
    height, width = tf.unstack(tf.io.extract_jpeg_shape(encoded)[:2])
    encoded = _assert_size(height, width, encoded)
    pixels = tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE")  # as Pillow
    return _turned(tf.cast(pixels, tf.float32) / 255.0, _orientation(encoded))


def _decode_png(encoded):
    is_png = tf.strings.substr(encoded, 0, len(_PNG)) == _PNG
    is_png &= tf.strings.length(encoded) > 24
    encoded = _assert(is_png, "A picture must be a JPEG or a PNG file.", encoded)
    head = tf.cast(tf.io.decode_raw(tf.strings.substr(encoded, 16, 8), tf.uint8), tf.int64)
    height, width = (tf.reduce_sum(head[i : i + 4] * [2**24, 2**16, 2**8, 1]) for i in (4, 0))
    encoded = _assert_size(height, width, encoded)
    rgba = tf.cast(tf.io.decode_png(encoded, channels=4), tf.float32) / 255.0
    color, alpha = rgba[..., :3], rgba[..., 3:]
    return color * alpha + (1.0 - alpha)


def _orientation(encoded):
    """The EXIF orientation of a JPEG, 1 to 8: the value of tag 0x0112, a short, of one number."""
    head = tf.cast(tf.io.decode_raw(tf.strings.substr(encoded, 0, _EXIF_BYTES), tf.uint8), tf.int32)
    windows = tf.signal.frame(tf.concat([head, tf.zeros([10], tf.int32)], 0), 10, 1)
    little = tf.reduce_all(windows[:, :8] == [0x12, 1, 3, 0, 1, 0, 0, 0], axis=1)
    big = tf.reduce_all(windows[:, :8] == [1, 0x12, 0, 3, 0, 0, 0, 1], axis=1)
    values = tf.where(little, windows[:, 8], tf.where(big, windows[:, 9], 0))
    has_exif = tf.strings.regex_full_match(
        tf.strings.substr(encoded, 0, 64), r"(?s)\C*Exif\x00\x00\C*"
    )
    value = values[tf.argmax(tf.cast(little | big, tf.int32))]
    return tf.where(has_exif & (value >= 1) & (value <= 8), value, 1)


def _turned(image, orientation):
    """The picture as EXIF orientation 1 to 8 says that it is to be shown."""
    transposed = orientation >= 5
    flip_rows = tf.reduce_any(orientation == [3, 4, 7, 8])
    flip_columns = tf.reduce_any(orientation == [2, 3, 6, 7])
    image = tf.cond(transposed, lambda: tf.transpose(image, [1, 0, 2]), lambda: image)
    image = tf.cond(flip_rows, lambda: image[::-1], lambda: image)
    return tf.cond(flip_columns, lambda: image[:, ::-1], lambda: image)


def _assert_size(height, width, encoded):
    pixels = tf.cast(height, tf.int64) * tf.cast(width, tf.int64)
    sane = (pixels > 0) & (pixels <= LARGEST_PIXELS)
    return _assert(sane, f"A picture may have {LARGEST_PIXELS} pixels at most.", encoded)


def _assert(condition, message, value):
    with tf.control_dependencies([tf.debugging.Assert(condition, [message])]):
        return tf.identity(value)
