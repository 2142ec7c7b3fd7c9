"""Random crops and mirror images, as pix2pix, CycleGAN and StarGAN train with them.

Isola et al. 2017 (https://arxiv.org/abs/1611.07004, section 6.2): pictures are resized to 286 x 286
and cropped at random to 256 x 256; mirrored at random. Draws are functions of a seed and a number:
the random layers of Keras and keras-cv keep a generator whose state can't be resumed.
"""

import numpy as np
import tensorflow as tf

_LOADED, _CROPPED = 286, 256


def load_size(image_size):
    """The size to which pictures are resized before they are cropped to `image_size`.

    Args:
        image_size: (height, width), pixels.

    Returns:
        (height, width), greater by 286 / 256, and by one pixel at least.

    Example:
        >>> load_size((256, 128))
        (286, 143)
    """
    return tuple(max(n + 1, round(n * _LOADED / _CROPPED)) for n in image_size)


def stream_seed(seed, stream):
    """Another seed for each of the independent orders and draws that follow from `seed`.

    Args:
        seed: 64-bit integer, or None.
        stream: integer, the same for the same purpose.

    Returns:
        64-bit integer; None for None.

    Example:
        >>> stream_seed(0, 1) == stream_seed(0, 1) != stream_seed(0, 2)
        True
    """
    if seed is None:
        return None
    words = tf.constant([seed, -1 - stream], tf.int64)
    return int(tf.random.stateless_uniform([], words, None, None, tf.int64, alg="philox"))


def places(order):
    """Dataset of (epoch, position), on which all draws depend.

    Args:
        order: an `EpochOrder`; every iterator asks it once, at first, which epoch begins.

    Returns:
        `tf.data.Dataset` of pairs of int64 scalars, of known cardinality.

    Example:
        >>> from kerasgan.data.order import EpochOrder
        >>> order = EpochOrder(2)
        >>> order.seek(7)
        >>> [(int(epoch), int(position)) for epoch, position in places(order)]
        [(7, 0), (7, 1)]
    """

    def ask_epoch():
        epoch = tf.numpy_function(lambda: np.int64(order.begin_pass()), [], tf.int64)
        return tf.ensure_shape(epoch, ())

    def advance(epoch, position):
        epoch = tf.cond(epoch < 0, ask_epoch, lambda: epoch)
        return epoch, (epoch, position)

    return tf.data.Dataset.range(order.num_examples).scan(tf.constant(-1, tf.int64), advance)


def crop_and_flip(images, size, flip, seed):
    """Cuts a random part out of pictures, and mirrors it with probability 1/2.

    Args:
        images: tensor `[..., height, width, channels]` of static shape; all get the same draws.
        size: (height, width) of the part; that of `images` itself cuts nothing.
        flip: whether to mirror (left to right).
        seed: int64 tensor of two numbers.

    Returns:
        Tensor `[..., *size, channels]`.

    Example:
        >>> images = tf.reshape(tf.range(12), (3, 4, 1))
        >>> crop_and_flip(images, (2, 2), True, tf.constant([0, 1], tf.int64)).shape
        TensorShape([2, 2, 1])
    """
    *leading, height, width, channels = images.shape
    draws = tf.random.stateless_uniform([3], seed, alg="philox")
    choices = tf.constant([height - size[0] + 1, width - size[1] + 1], tf.float32)
    corner = tf.cast(draws[:2] * choices, tf.int32)  # draws < 1, so it is below the choices
    begin = tf.concat([[0] * len(leading), corner, [0]], axis=0)
    images = tf.slice(images, begin, [*leading, *size, channels])
    if flip:
        images = tf.cond(draws[2] < 0.5, lambda: tf.reverse(images, [-2]), lambda: images)
    return images
