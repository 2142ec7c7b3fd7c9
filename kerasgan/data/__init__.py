"""Real samples as `tf.data.Dataset`s: float32 images `[batch, height, width, channels]` in [-1, 1].

The order of the examples is a pure function of (seed, epoch, position), so that an interrupted run
goes on with the data that an uninterrupted one would have seen.
"""

from kerasgan.data.checks import check
from kerasgan.data.folder import image_folder
from kerasgan.data.images import load
from kerasgan.data.order import describe
from kerasgan.data.synthetic import grid, grid_centers, ring, ring_centers, stacked_mnist

__all__ = [
    "check",
    "describe",
    "grid",
    "grid_centers",
    "image_folder",
    "load",
    "ring",
    "ring_centers",
    "stacked_mnist",
]
