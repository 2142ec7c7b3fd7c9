"""Stored models: from what a user types to a `.keras` file, a preset or an export."""

import hashlib
import pathlib
import warnings
from typing import NamedTuple

import keras
import tensorflow as tf

from kerasgan import files, presets


class Stored(NamedTuple):
    """A model that lies somewhere."""

    path: pathlib.Path
    kind: str  # "keras", "preset" or "saved_model"

    def load(self):
        """The model: a `keras.Model`, or what `tf.saved_model.load` gives.

        Raises:
            ValueError: whatever the reader of a damaged or foreign file stumbles over.
        """
        try:
            if self.kind == "keras":
                with warnings.catch_warnings():  # what isn't compiled needs no optimizers' state
                    warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
                    return keras.saving.load_model(self.path, compile=False)
            if self.kind == "preset":
                return presets.load(self.path)
            return tf.saved_model.load(str(self.path))
        except Exception as error:
            raise ValueError(
                f"A model can't be loaded. Received: {self.path}: {type(error).__name__}: {error}"
            ) from error

    def sha256(self):
        """Hexadecimal SHA-256: of a preset's weights, of a file, of all files of an export."""
        if self.kind == "preset":
            return presets.info(self.path)["files"]["model.weights.h5"]["sha256"]
        if self.kind == "keras":
            return files.sha256(self.path)
        digest = hashlib.sha256()
        for part in sorted(path for path in self.path.rglob("*") if path.is_file()):
            digest.update(part.read_bytes())
        return digest.hexdigest()


def find(name):
    """Where the model lies that a name leads to.

    Args:
        name: path of a `.keras` file; a folder with `final.keras`, or one other `.keras` file, as a
            recipe's workdir; a preset's folder; a SavedModel's folder, or the folder of its
            numbered versions (the newest counts); the name of a preset (`kerasgan.presets.list()`),
            which `kerasgan.presets.load` takes for the same; or the name of any of these in
            `saved_models/`.

    Returns:
        `Stored`.

    Raises:
        ValueError: nothing there that is a model, or several.

    Example:
        >>> import tempfile
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> model.save(folder / "final.keras")
        >>> find(folder).path.name, find(folder).load().count_params()
        ('final.keras', 3)
    """
    found = _at(pathlib.Path(name).expanduser())
    if found is None and str(name) in presets.list():
        return Stored(pathlib.Path(presets.info(str(name))["path"]), "preset")
    found = found or _at(pathlib.Path("saved_models") / name)
    if found:
        return found
    raise ValueError(
        "Expected a .keras file, a folder that holds one, a preset's name or folder, an exported "
        f"SavedModel, or the name of such a folder in saved_models/. Received: {str(name)!r}"
    )


def _at(path):
    """`Stored` of the model at a path, or None."""
    if path.is_file() and path.suffix == ".keras":
        return Stored(path, "keras")
    models = sorted(path.glob("*.keras"))
    models = [file for file in models if file.name == "final.keras"] or models
    if len(models) > 1:
        raise ValueError(
            f"Name one of the models. Received: {path} with {[file.name for file in models]}"
        )
    if models:
        return Stored(models[0], "keras")
    if (path / "metadata.json").is_file():
        return Stored(path, "preset")
    versions = [folder for folder in path.glob("*/") if folder.name.isdecimal()]
    for folder in (path, *sorted(versions, key=lambda v: int(v.name), reverse=True)):
        if (folder / "saved_model.pb").is_file():
            return Stored(folder, "saved_model")
    return None
