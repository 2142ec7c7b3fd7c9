"""`ContactSheet`: pictures and their translations side by side, after each epoch."""

import numpy as np

from kerasgan import checks, pictures
from kerasgan.callbacks.epoch_pictures import EpochPictures


class ContactSheet(EpochPictures):
    """A row for each of some pictures: input, translation, and what else the model's `sheet` gives
    (the way back, the target). Saves `<directory>/epoch-0001.png`, ... and `training.gif`.

    Args:
        directory: where the sheets go; made if it isn't there.
        dataset: batched dataset of the model's data, of which the first pictures are shown. Not
            shuffled, so that a resumed run shows the same ones.
        rows: pictures of each domain.
        seed: int, of the noise of models that take any.
        every: epochs from one sheet to the next.
        gif: whether to make the GIF.

    Raises:
        ValueError: a directory that can't be written to; rows or every not positive; a dataset
            without a batch; a model that has no `sheet`.

    Example:
        >>> import tempfile
        >>> import tensorflow as tf
        >>> images = tf.zeros((6, 8, 8, 3))
        >>> pairs = tf.data.Dataset.from_tensor_slices((images, images)).batch(4)
        >>> sheet = ContactSheet(tempfile.mkdtemp(), pairs, rows=5)
        >>> [part.shape for part in sheet.parts]
        [(5, 8, 8, 3), (5, 8, 8, 3)]
    """

    def __init__(self, directory, dataset, rows=4, seed=0, every=1, gif=True):
        super().__init__(directory, every, gif)
        self.rows = checks.positive(rows=rows)
        self.seed = seed
        batches = dataset.unbatch().take(self.rows).batch(self.rows).take(1)
        parts = list(batches.as_numpy_iterator())
        if not parts:
            raise ValueError("A contact sheet needs a picture. Received: an empty dataset")
        self.parts = parts[0]

    def set_model(self, model):
        """Checks that the model has contact sheets."""
        if not hasattr(model, "sheet"):
            raise ValueError(
                "ContactSheet needs a model that translates pictures (with `sheet`). "
                f"Received: model={type(model).__name__}"
            )
        super().set_model(model)

    def picture(self, model):
        """The sheet of `model` now: uint8 array (height, width, channels)."""
        columns = list(model.sheet(self.parts, seed=self.seed).values())
        channels = max(images.shape[-1] for images in columns)
        columns = [_with_channels(images, channels) for images in columns]
        images = np.stack(columns, axis=1)  # (rows, columns, H, W, C)
        return pictures.image_grid(images.reshape(-1, *images.shape[2:]), len(columns))


def _with_channels(images, channels):
    """Grey images as RGB, RGB ones as opaque RGBA, where other columns have as many channels."""
    if images.shape[-1] == 1 and channels > 1:
        images = np.repeat(images, 3, axis=-1)
    if images.shape[-1] == 3 and channels == 4:
        images = np.concatenate([images, np.ones_like(images[..., :1])], axis=-1)
    return images
