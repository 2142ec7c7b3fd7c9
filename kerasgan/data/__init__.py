"""Real samples as `tf.data.Dataset`s: float32 images `[batch, height, width, channels]` in [-1, 1].

The order of the examples is a pure function of (seed, epoch, position), so that an interrupted run
goes on with the data that an uninterrupted one would have seen.
"""

from kerasgan.data.checks import check
from kerasgan.data.domains import attribute_images, domain_images
from kerasgan.data.folder import image_folder
from kerasgan.data.folders import find_folder, made_up_pictures
from kerasgan.data.images import load
from kerasgan.data.order import describe
from kerasgan.data.pairs import paired_images, unpaired_images
from kerasgan.data.synthetic import grid, grid_centers, ring, ring_centers, stacked_mnist

__all__ = [
    "attribute_images",
    "check",
    "describe",
    "domain_images",
    "find_folder",
    "grid",
    "grid_centers",
    "image_folder",
    "load",
    "made_up_pictures",
    "paired_images",
    "ring",
    "ring_centers",
    "stacked_mnist",
    "unpaired_images",
]
