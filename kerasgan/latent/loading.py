"""From a name on the command line to a `Space`."""

import functools
import pathlib

import keras

from kerasgan import presets
from kerasgan.latent.space import SavedSpace, Space


def load(name, num_classes=None):
    """The space of a stored model.

    Args:
        name: path of a `.keras` file; a folder with `final.keras`, or one other `.keras` file, as a
            recipe's workdir; a preset's folder; a SavedModel's folder, or the folder of its
            numbered versions (the newest counts); the name of any of these in `saved_models/`; or
            that of a preset (`kerasgan.presets.list()`).
        num_classes: of a conditional SavedModel, to be sure of it.

    Returns:
        `Space`; of a SavedModel a `SavedSpace`, with which all works that needs no gradient and no
        layer: draws, walks, arithmetic, truncation, directions from labels and scores.

    Raises:
        ValueError: nothing there that is a model with latents; a damaged one.
    """
    path, make = _find(name, num_classes)
    try:
        return make(path)
    except Exception as error:  # damaged files raise whatever their readers stumble over
        raise ValueError(f"A model can't be loaded. Received: {path}: {error}") from error


def _find(name, num_classes):
    """(path, function that makes a space of it)."""
    tried = (pathlib.Path(name).expanduser(), pathlib.Path("saved_models") / name)
    for path in tried:
        if path.is_file() and path.suffix == ".keras":
            return path, _from_keras
        files = sorted(path.glob("*.keras"))
        finals = [file for file in files if file.name == "final.keras"] or files
        if len(finals) == 1:
            return finals[0], _from_keras
        if len(finals) > 1:
            raise ValueError(
                f"Name one of the models. Received: {path} with {[f.name for f in finals]}"
            )
        if (path / "metadata.json").is_file():
            return path, _from_preset
        versions = [p for p in path.glob("*/") if p.name.isdecimal()]
        for found in (path, *sorted(versions, key=lambda p: int(p.name), reverse=True)):
            if (found / "saved_model.pb").is_file():
                return found, functools.partial(SavedSpace, num_classes=num_classes)
    if name in presets.list():
        return name, _from_preset
    raise ValueError(
        "Expected a .keras file, a folder that holds one, an exported SavedModel, a preset, or the "
        f"name of such a folder in saved_models/. Received: {str(name)!r}"
    )


def _from_keras(path):
    return Space(keras.saving.load_model(path, compile=False))


def _from_preset(preset):
    return Space(presets.load(preset))
