"""`SampleGrid`: a picture of samples after each epoch, and a GIF of the whole training."""

import inspect

import numpy as np

from kerasgan import checks, pictures
from kerasgan.callbacks.epoch_pictures import EpochPictures

_MOST_CLASSES = 10  # rows of a conditional model unless more are asked for


class SampleGrid(EpochPictures):
    """Saves `<directory>/epoch-0001.png`, ... and, at the end, `<directory>/training.gif`.

    The latents are the same each time, so that one can watch a sample develop. Models whose
    `generate` takes labels get one row for each class. The GIF is made of all the pictures in the
    directory, so that a resumed run has a whole one.

    Args:
        directory: where the pictures go; made if it isn't there.
        rows: rows of the grid; None: one for each class, 10 at most, or else as many as columns.
        columns: samples in a row.
        seed: int, the seed of the latents.
        every: epochs from one picture to the next.
        truncation: as in the model's `generate`.
        gif: whether to make the GIF.

    Raises:
        ValueError: a directory that can't be written to; rows, columns or every not positive; a
            model that makes no images.

    Example:
        >>> import tempfile
        >>> grid = SampleGrid(tempfile.mkdtemp(), rows=2, columns=3)
        >>> grid.file(epoch=7).name
        'epoch-0007.png'
    """

    def __init__(
        self, directory, rows=None, columns=10, seed=0, every=1, truncation=None, gif=True
    ):
        super().__init__(directory, every, gif)
        self.rows = rows if rows is None else checks.positive(rows=rows)
        self.columns = checks.positive(columns=columns)
        self.seed = seed
        self.truncation = truncation

    def set_model(self, model):
        """Checks that the model makes images."""
        if not hasattr(model, "generate") or not hasattr(model, "image_shape"):
            raise ValueError(
                "SampleGrid needs an image model of the zoo (with `generate` and `image_shape`). "
                f"Received: model={type(model).__name__}"
            )
        super().set_model(model)

    def picture(self, model):
        """The grid of `model`'s samples now: uint8 array (height, width, channels)."""
        keywords = {"seed": self.seed, "truncation": self.truncation}
        if "labels" in inspect.signature(model.generate).parameters:
            rows = self.rows or min(model.num_classes, _MOST_CLASSES)
            labels = np.repeat(np.arange(rows) % model.num_classes, self.columns)
            images = model.generate(labels=labels, **keywords)
        else:
            images = model.generate((self.rows or self.columns) * self.columns, **keywords)
        return pictures.image_grid(images, self.columns)
