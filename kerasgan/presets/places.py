"""Where presets lie, and the way from a name to a folder."""

import difflib
import os
import pathlib
import re

from kerasgan.presets import folder

_PACKAGE = pathlib.Path(__file__).parent.parent
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
TOO_LARGE = ("cyclegan_", "pix2pix_")  # beginnings of the names that setup.cfg keeps out of a wheel


def home():
    """`pathlib.Path` of the folder for presets and downloads: the environment variable
    `KERASGAN_HOME`, by default `~/.cache/kerasgan`.
    """
    chosen = os.environ.get("KERASGAN_HOME") or pathlib.Path.home() / ".cache" / "kerasgan"
    return pathlib.Path(os.path.expanduser(chosen)).absolute()


def roots():
    """The folders of named presets, in the order in which they are searched."""
    places = [home() / "presets"]
    if (_PACKAGE.parent / "pyproject.toml").is_file():  # a checkout; site-packages has none
        places.append(_PACKAGE.parent / "saved_models")
    return [*places, pathlib.Path("saved_models").absolute(), _PACKAGE / "saved_models"]


def names():
    """The names of all presets that can be loaded by name, sorted.

    They lie in `KERASGAN_HOME/presets`, in `saved_models` of the checkout and of the working
    directory, and in the installed package.

    Returns:
        list of str, for `kerasgan.presets.load` and the models' `from_preset`.

    Example:
        >>> isinstance(names(), list)
        True
    """
    found = {path.parent.name for root in roots() for path in root.glob(f"*/{folder.METADATA}")}
    return sorted(name for name in found if _NAME.fullmatch(name))


def find(preset):
    """The folder of a preset.

    Args:
        preset: path of the folder, or a name in `names()`. A bare word that is a preset in the
            working directory stands for it.

    Returns:
        `pathlib.Path`.

    Raises:
        ValueError: no such preset; the nearest names are offered. A text that leads upwards: where
            that is meant, a `pathlib.Path` says so.
    """
    if not isinstance(preset, (str, os.PathLike)):
        raise ValueError(
            "A preset is given by its name, its folder or its URL. "
            f"Received: preset={preset!r} of type {type(preset).__name__}"
        )
    path = pathlib.Path(preset)
    if isinstance(preset, str) and ".." in path.parts:
        raise ValueError(
            "A preset's name may not lead out of its folder. To load one from a folder further up, "
            f"give its pathlib.Path. Received: preset={preset!r}"
        )
    path = pathlib.Path(os.path.expanduser(path))
    is_name = isinstance(preset, str) and _NAME.fullmatch(preset)
    is_word = isinstance(preset, str) and not {"/", os.sep} & set(preset)
    if is_word and not is_name and not (preset and os.path.exists(path)):
        raise ValueError(f"{_offer(preset)} Received: preset={preset!r}")
    if not is_name or folder.is_preset(path):
        return path
    for root in roots():
        path = root / preset
        if folder.is_preset(path):
            if path.resolve().parent != root.resolve():
                raise ValueError(
                    "A named preset must lie in its folder: copy what the link points to, or give "
                    f"its path. Received: {path}, a link to {path.resolve()}"
                )
            return path
    raise ValueError(f"{_offer(preset)} Received: preset={preset!r}")


def is_name(text):
    """Whether a text can be the name of a preset."""
    return bool(_NAME.fullmatch(text))


def _offer(preset):
    known = names()
    for start in TOO_LARGE:
        if preset.startswith(start) and not any(name.startswith(start) for name in known):
            return (
                f"There is no such preset here: those named {start}... are too large for the "
                "package that pip installs. Give the path of its folder in a checkout's "
                "saved_models, or copy that to KERASGAN_HOME/presets, or give its URL and sha256=."
            )
    near = difflib.get_close_matches(preset.lower(), known, n=3, cutoff=0.5)
    if near:
        return f"There is no such preset. Did you mean {' or '.join(near)}?"
    if known:
        return f"There is no such preset. There are {', '.join(known)}; or give a folder's path."
    return "There is no such preset, and none in KERASGAN_HOME/presets or saved_models."
