"""The files of a preset: their names, the card's fields, and checks before anything is used."""

import json
import os
import re

from kerasgan import checks, files

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
FORMAT_VERSION = 1  # raised when older versions of kerasgan could misread a preset

_TEXTS = ("description", "recipe", "command", "data_set", "source", "hardware", "licence")
GIVEN = (*_TEXTS, "seed", "wall_seconds", "scores")  # fields that a card's author may change
FIELDS = (*GIVEN, "steps", "parameters", "versions")  # that a card may lack
_HEXADECIMAL = re.compile(r"[0-9a-f]{64}")


def is_preset(folder):
    """Whether a path is that of a preset's folder, to judge by its `metadata.json`."""
    return os.path.isfile(folder / METADATA)  # False also for what can't be a path


def read_metadata(folder, wanted=None):
    """What a preset's `metadata.json` holds.

    Args:
        folder: `pathlib.Path` of the preset.
        wanted: SHA-256 that the file must have; None: any.

    Returns:
        dict of JSON values.

    Raises:
        ValueError: the file is missing, damaged, another one than `wanted` says, of a newer format,
            it can't be read, or it names files that don't belong to a preset.
    """
    path = _inside(folder, METADATA)
    if wanted is not None and (found := sha256(path)) != checked_sha256(wanted):
        raise ValueError(
            "The preset is not the one that the checksum names (that of its metadata.json): get "
            "the preset, or the checksum, anew from where it is published. "
            f"Received: sha256={wanted}, and {path} has {found}"
        )
    metadata = _read_json(path)
    version = metadata.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise ValueError(
            f"The preset is of a newer format than this kerasgan reads ({FORMAT_VERSION}): upgrade "
            f"kerasgan. Received: format_version={version} in {path}"
        )
    listed = metadata.get("files")
    if version != FORMAT_VERSION or not isinstance(metadata.get("class"), str) or not listed:
        raise _damaged(path, "format_version, class or files")
    if not isinstance(listed, dict) or set(listed) != {CONFIG, WEIGHTS}:
        raise ValueError(
            f"A preset's metadata.json lists {CONFIG} and {WEIGHTS}, and nothing outside its "
            f"folder. Received: files={list(listed)} in {path}"
        )
    for entry in listed.values():
        is_entry = isinstance(entry, dict) and isinstance(entry.get("bytes"), int)
        if not is_entry or not _HEXADECIMAL.fullmatch(str(entry.get("sha256"))):
            raise _damaged(path, "bytes and sha256 of a file")
    return metadata


def read_config(folder, metadata):
    """What a preset's `config.json` holds, once it is verified; see `verified`."""
    return _read_json(verified(folder, CONFIG, metadata))


def verified(folder, name, metadata):
    """Path of one of the preset's files, with the size and the SHA-256 that the card says.

    Raises:
        ValueError: it is missing, lies elsewhere, can't be read, or is another or a part of it.
    """
    path = _inside(folder, name)
    wanted, size = metadata["files"][name], path.stat().st_size
    if size < wanted["bytes"]:
        raise ValueError(
            "The preset is there in part only: copy or download it again. "
            f"Received: {path} with {size:,} of {wanted['bytes']:,} bytes"
        )
    found = sha256(path)
    if size != wanted["bytes"] or found != wanted["sha256"]:
        raise ValueError(
            "The preset is damaged, or its files are of two presets: copy or download it again. "
            f"Received: {path} with sha256 {found}, expected {wanted['sha256']}"
        )
    return path


def sha256(path):
    """The hexadecimal SHA-256 of a preset's file; ValueError if it can't be read."""
    try:
        return files.sha256(path)
    except OSError as error:
        raise _unreadable(path, error) from error


def described(paths):
    """The card's entry on files: dict, name -> bytes and sha256."""
    return {
        path.name: {"bytes": path.stat().st_size, "sha256": files.sha256(path)} for path in paths
    }


def checked_sha256(value):
    """`value` in lower case; ValueError unless it is 64 hexadecimal digits."""
    if not isinstance(value, str) or not _HEXADECIMAL.fullmatch(value.lower()):
        raise ValueError(
            "sha256 must be the 64 hexadecimal digits of a preset's metadata.json, as "
            f"kerasgan.presets.info(name)['sha256'] gives them. Received: sha256={value!r}"
        )
    return value.lower()


def checked_card(**fields):
    """The fields of a card that its author gives, checked; see `kerasgan.presets.save`.

    Example:
        >>> checked_card(description="Digits.", seed=0, scores=None)
        {'description': 'Digits.', 'seed': 0, 'scores': None}
    """
    for name, value in fields.items():
        if name in _TEXTS:
            is_text = isinstance(value, str) and value.strip()
            if not is_text and (value is not None or name == "description"):
                raise ValueError(f"{name} must be a sentence or a name. Received: {name}={value!r}")
        elif value is None:
            continue
        elif name == "scores":
            _check_scores(value)
        elif name == "seed":
            checks.seed(value)
        else:  # steps and wall_seconds
            checks.not_negative(**{name: value})
    return fields


def _check_scores(scores):
    is_list = isinstance(scores, list) and all(isinstance(score, dict) for score in scores)
    if not is_list or not all({"values", "protocol"} <= score.keys() for score in scores):
        raise ValueError(
            "scores must be a list of what kerasgan.metrics.score returns: dicts with 'values' and "
            f"the 'protocol' that says how they were measured. Received: scores={scores!r}"
        )
    try:
        json.dumps(scores, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(
            "scores must be finite numbers, texts, lists and dicts, to be written as JSON. "
            f"Received: {error}"
        ) from error


def _inside(folder, name):
    path = folder / name
    if not os.path.isfile(path):
        raise ValueError(
            f"Expected a preset, a folder with {CONFIG}, {METADATA} and {WEIGHTS}: give its path, "
            f"or copy it again. Received: {folder}, without {name}"
        )
    if path.resolve().parent != folder.resolve():
        raise ValueError(
            "A preset's files must lie in its folder: copy what the link points to. "
            f"Received: {path}, a link to {path.resolve()}"
        )
    return path


def _read_json(path):
    try:
        content = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise _unreadable(path, error) from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, error) from error
    if not isinstance(content, dict):
        raise _damaged(path, type(content).__name__)
    return content


def _unreadable(path, error):
    return ValueError(
        f"A preset's file can't be read ({error.strerror or error}): change its permissions, or "
        f"copy the preset again. Received: {path}"
    )


def _damaged(path, what):
    return ValueError(
        "A preset's file can't be read: copy or download the preset again. "
        f"Received: {path}: {what}"
    )
