"""`Clock`: how long a training took, over interruptions too."""

import json
import time

import keras

from kerasgan import checks, files


class Clock(keras.callbacks.Callback):
    """Adds up the seconds of training, and keeps them in a file, so that a run which is
    interrupted goes on counting.

    Seconds are wall time, from the start of `fit` to the end of its newest whole epoch: they hold
    what other callbacks do, not what comes before or after. Of an epoch that is broken off, the
    part up to there isn't counted. A model that starts at step 0 starts the clock at 0.

    Args:
        directory: where `seconds.json` is kept; made if it isn't there.

    Attributes:
        seconds: float, the sum so far.

    Raises:
        ValueError: a directory that can't be written to; a file there that holds no seconds.

    Example:
        >>> import tempfile
        >>> clock = Clock(tempfile.mkdtemp())
        >>> clock.seconds
        0.0
    """

    def __init__(self, directory):
        super().__init__()
        self.path = files.writable_directory("directory", directory) / "seconds.json"
        self.seconds = self._read()

    def _read(self):
        if not self.path.exists():
            return 0.0
        try:
            return checks.not_negative(seconds=json.loads(self.path.read_text()))
        except ValueError as error:
            raise ValueError(
                "directory has a seconds.json that holds no number of seconds; delete the file or "
                f"choose another directory. Received: {self.path}: {error}"
            ) from error

    def on_train_begin(self, logs=None):
        """Starts the clock, where an earlier part of the run has left it."""
        if int(self.model.step_counter.numpy()) == 0:
            self.seconds = 0.0
        self._before, self._began = self.seconds, time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        """Notes the time."""
        self.seconds = round(self._before + time.perf_counter() - self._began, 1)
        files.write_json(self.path, self.seconds)
