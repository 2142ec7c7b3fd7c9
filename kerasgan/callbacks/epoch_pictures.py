"""A picture of what a model makes after each epoch, and a GIF of the whole training."""

import keras

from kerasgan import checks, files, pictures
from kerasgan.callbacks.nan_guard import not_finite


class EpochPictures(keras.callbacks.Callback):
    """Saves `<directory>/epoch-0001.png`, ... and, at the end, `<directory>/training.gif`.

    The GIF is made of all the pictures in the directory, so that a resumed run has a whole one. A
    subclass implements `picture`.

    Args:
        directory: where the pictures go; made if it isn't there.
        every: epochs from one picture to the next.
        gif: whether to make the GIF.

    Raises:
        ValueError: a directory that can't be written to; `every` not positive.
    """

    def __init__(self, directory, every=1, gif=True):
        super().__init__()
        self.every = checks.positive(every=every)
        self.gif = gif
        self.directory = files.writable_directory("directory", directory)

    def picture(self, model):
        """What `model` makes now: uint8 array (height, width, channels)."""
        raise NotImplementedError

    def file(self, epoch):
        """The picture's path; epochs count from 1."""
        return self.directory / f"epoch-{epoch:04d}.png"

    def on_epoch_end(self, epoch, logs=None):
        """Saves the epoch's picture, unless the model has diverged."""
        if (epoch + 1) % self.every == 0 and not not_finite(logs):
            pictures.save_png(self.picture(self.model), self.file(epoch + 1))

    def on_train_end(self, logs=None):
        """Makes the GIF of all the pictures that are there."""
        saved = sorted(self.directory.glob("epoch-*.png"), key=lambda p: int(p.stem[6:]))
        if self.gif and saved:
            pictures.save_gif(saved, self.directory / "training.gif")
