"""Pictures through a translating network: arrays of any size, and encoded files in a served model.

A network that halves its input needs sizes that are multiples of some power of two: pictures are
padded to the next multiple by reflection, and what comes out is cut back. Pictures of a few pixels
are padded to 8 at least: CycleGAN's generators reflect at a quarter of the size, too.
"""

import keras
import numpy as np
import tensorflow as tf

from kerasgan.layers import every_layer
from kerasgan.models.served_pictures import CHANNELS, decode_picture, require

SMALLEST_SIDE = 8  # after padding
LARGEST_REQUEST = 256  # pictures in one request
_PNG_CHANNELS = (1, 2, 3, 4)  # what tf.io.encode_png can write
_DOWN = (  # layers whose strides make maps smaller
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.AveragePooling2D,
    keras.layers.MaxPooling2D,
)


def size_multiple(network):
    """What a fully convolutional network wants height and width to be multiples of: the product
    of the strides of its convolutions and poolings, those in nested models and wrappers included.

    Each layer counts once. Where two branches halve side by side both count, so that more is padded
    than need be. The result serves both axes: of strides (1, 2) it is 2.

    Example:
        >>> x = keras.Input((None, None, 3))
        >>> y = keras.layers.Conv2D(4, 3, strides=2)(keras.layers.MaxPooling2D()(x))
        >>> size_multiple(keras.Model(x, y))
        4
    """
    strides = [layer.strides for layer in every_layer(network) if isinstance(layer, _DOWN)]
    return int(np.lcm(*np.prod(strides or [(1, 1)], axis=0)))


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

    A file goes through `decode_picture`, then through the network; what is no such picture, or too
    large, gets INVALID_ARGUMENT.

    Args:
        function: (images (1, H, W, channels), index, *more) -> images (1, H, W, 1 to 4).
        channels: 1 (grey), 3 (RGB) or 4 (RGBA).
        multiple: see `size_multiple`.
        *more_specs: TensorSpecs of further inputs, passed on to `function`.

    Raises:
        ValueError: other channels; as the signature is traced, more than a PNG can hold.
    """
    if channels not in CHANNELS:
        raise ValueError(
            "Pictures sent to a served model have 1, 3 or 4 channels (grey, RGB, RGBA), so "
            f"it can't be exported. Received: a model of images with {channels} channels"
        )

    def endpoint(images, *more):
        images = require(
            tf.shape(images)[0] <= LARGEST_REQUEST,
            f"A request may hold {LARGEST_REQUEST} pictures at most.",
            images,
        )

        def one(item):
            encoded, index = item
            picture = decode_picture(encoded, channels)[tf.newaxis]
            made = padded(lambda x: function(x, index, *more), picture, multiple)[0]
            if (made.shape[-1] or 1) not in _PNG_CHANNELS:
                raise ValueError(
                    "A served model gives PNGs, which have 1 to 4 channels. "
                    f"Received: a model that makes images with {made.shape[-1]} channels"
                )
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
    domains = require(inside, f"domains must lie in [0, {largest}).", domains)
    as_many = tf.shape(domains)[0] == tf.shape(images)[0]
    return require(as_many, "One target domain for each picture.", domains)


def shown(images):
    """Images as a contact sheet shows them, within [-1, 1]: a network without tanh may go beyond,
    and one that has just diverged makes NaN, shown as grey; `NaNGuard` says so a step later.

    Example:
        >>> shown(np.array([0.5, 3.0, np.nan, -np.inf])).tolist()
        [0.5, 1.0, 0.0, -1.0]
    """
    return np.clip(np.nan_to_num(images, nan=0.0), -1.0, 1.0)
