"""From arrays in memory, or a reader of pictures, to a dataset of images in [-1, 1]."""

import numpy as np
import tensorflow as tf

_PARALLEL_CALLS = 4


def image_dataset(order, read, labels, batch_size, drop_remainder, finish=None):
    """A dataset of images, with labels unless they are None, in the order of `order`.

    Args:
        order: the `EpochOrder`.
        read: maps an int64 vector of examples to their images, integers in [0, maximum of dtype].
        labels: int array `[num_examples]`, or None.
        batch_size: examples in a batch, or None for single examples.
        drop_remainder: leave out a last batch that is not full.
        finish: maps a batch of float images in [-1, 1] to what is returned, or None.

    Returns:
        `tf.data.Dataset` of float32 images, or of (images, int32 labels).
    """
    if labels is not None:
        with tf.device("CPU:0"):
            labels = tf.constant(labels, tf.int32)

    def to_batch(indices):
        images = rescale(read(indices))
        if finish is not None:
            images = finish(images)
        return images if labels is None else (images, tf.gather(labels, indices))

    size = min(order.num_examples, 64) if batch_size is None else batch_size
    dataset = order.batches(size, drop_remainder and batch_size is not None)
    dataset = dataset.map(to_batch, num_parallel_calls=_PARALLEL_CALLS, deterministic=True)
    if batch_size is None:
        dataset = dataset.unbatch()
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(order.num_examples))
    # Autotune brings nothing to so short a pipeline, and can stall where an iterator ends.
    options = tf.data.Options()
    options.autotune.enabled = False
    return order.attach(dataset.prefetch(2).with_options(options))


def array_reader(images):
    """Reader of examples from a uint8 or uint16 array, which is held once."""
    with tf.device("CPU:0"):
        images = tf.constant(images)
    return lambda indices: tf.gather(images, indices)


def rescale(images):
    """Integers in [0, maximum of their dtype] to float32 in [-1, 1]."""
    return tf.cast(images, tf.float32) / (images.dtype.max / 2) - 1.0


def resizer(size):
    """Antialiased bilinear resize to `size` = (height, width), clipped to [-1, 1]."""

    def resize(images):
        images = tf.image.resize(images, size, "bilinear", antialias=True)
        return tf.clip_by_value(images, -1.0, 1.0)

    return resize


def check_batch_size(batch_size):
    """Raises a ValueError unless `batch_size` is None or an integer of 1 or more."""
    whole = isinstance(batch_size, (int, np.integer)) and not isinstance(batch_size, bool)
    if batch_size is not None and (not whole or batch_size < 1):
        raise ValueError(
            "Expected a batch_size of 1 or more, or None for single examples. "
            f"Received: batch_size={batch_size!r}"
        )


def check_enough(batch_size, num_examples, drop_remainder):
    """Raises a ValueError if no batch can be filled."""
    if batch_size is not None and drop_remainder and batch_size > num_examples:
        raise ValueError(
            f"There are {num_examples:,} examples, so no batch of {batch_size} can be filled. "
            f"Choose a batch_size of at most {num_examples}. Received: batch_size={batch_size}"
        )


def check_image_size(image_size):
    """Returns `image_size` as (height, width), or None; raises a ValueError."""
    if image_size is None:
        return None
    pair = (image_size, image_size) if isinstance(image_size, (int, np.integer)) else image_size
    whole = isinstance(pair, (tuple, list)) and len(pair) == 2
    if not whole or not all(isinstance(n, (int, np.integer)) and n >= 1 for n in pair):
        raise ValueError(
            "Expected an image_size that is a number of pixels or (height, width). "
            f"Received: image_size={image_size!r}"
        )
    return tuple(int(n) for n in pair)
