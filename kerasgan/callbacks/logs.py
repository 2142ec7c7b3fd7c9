"""Logs of a training: `CSVLog`, whose rows stay single when a run resumes, and TensorBoard."""

import csv
import importlib.util
import pathlib
import time

import keras

from kerasgan import files

_FIRST = ("epoch", "step", "seconds")


class CSVLog(keras.callbacks.Callback):
    """Writes one row an epoch: epoch (from 1), step, seconds, then the logs in alphabetical order.

    A run that goes on at an epoch replaces the rows from there on, so none is doubled; one that
    starts at the first epoch starts the file anew. The file is replaced as a whole each time, so
    it is never half written. In an epoch that was broken off and resumed, the logs and `seconds`
    (wall time) cover the part after the resumption.

    Args:
        path: the file; its folder is made if it isn't there.

    Raises:
        ValueError: a folder that can't be written to; a file there that is no such log.

    Example:
        >>> import tempfile
        >>> log = CSVLog(tempfile.mkdtemp() + "/log.csv")
        >>> log.path.name
        'log.csv'
    """

    def __init__(self, path):
        super().__init__()
        self.path = pathlib.Path(path).expanduser().absolute()
        files.writable_directory("path's folder", self.path.parent)
        self._rows = self._read()
        self._started = None

    def _read(self):
        if not self.path.exists():
            return []
        with self.path.open(newline="") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ())[:3] != _FIRST:
                raise ValueError(
                    f"path is a file that is no log of CSVLog (its columns would begin with "
                    f"{', '.join(_FIRST)}); choose another name. Received: path={str(self.path)!r}"
                )
            return list(reader)

    def on_epoch_begin(self, epoch, logs=None):
        """Drops the rows of this epoch and of later ones, left by a run that was broken off."""
        self._rows = [row for row in self._rows if int(row["epoch"]) <= epoch]
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        """Adds the epoch's row."""
        seconds = time.perf_counter() - self._started
        row = {"epoch": epoch + 1, "step": int(self.model.step_counter.numpy())}
        values = {name: f"{float(value):.9g}" for name, value in (logs or {}).items()}
        self._rows.append({**row, "seconds": f"{seconds:.3f}", **values})
        names = sorted({name for row in self._rows for name in row} - set(_FIRST))
        with files.replacing(self.path) as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, [*_FIRST, *names], restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(self._rows)


def tensorboard(directory, **kwargs):
    """Keras' TensorBoard callback, with a clear message where TensorBoard is missing.

    Args:
        directory: where the event files go.
        **kwargs: further arguments of `keras.callbacks.TensorBoard`.

    Returns:
        A `keras.callbacks.TensorBoard`.

    Raises:
        ImportError: the package tensorboard is not installed.
        ValueError: a directory that can't be written to.

    Example:
        >>> import tempfile
        >>> callback = tensorboard(tempfile.mkdtemp())  # doctest: +SKIP
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise ImportError(
            "TensorBoard logs need the package tensorboard: pip install 'kerasgan[tensorboard]'"
        )
    directory = files.writable_directory("directory", directory)
    return keras.callbacks.TensorBoard(str(directory), **{"write_graph": False, **kwargs})
