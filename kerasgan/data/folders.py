"""Folders of pictures for recipes: those of $KERASGAN_DATA, and made-up ones for `--smoke`."""

import atexit
import os
import pathlib
import tempfile

import numpy as np


def find_folder(name):
    """The folder of pictures that goes by a name.

    Args:
        name: of a folder in the one that the environment variable KERASGAN_DATA names.

    Returns:
        `pathlib.Path`; None if the variable isn't set or there is no such folder.

    Example:
        >>> find_folder("no such folder") is None
        True
    """
    root = os.environ.get("KERASGAN_DATA")
    folder = pathlib.Path(root).expanduser() / name if root else None
    return folder if folder and folder.is_dir() else None


def made_up_pictures(folders, number, shape=(48, 48)):
    """Makes pictures for recipes that try themselves out, and says so.

    They are noise of a colour for each folder, the same at each call. They lie in a temporary
    folder, which is removed when the process ends.

    Args:
        folders: names of the sub-folders.
        number: pictures in each.
        shape: (height, width) of a picture, pixels.

    Returns:
        `pathlib.Path` of the folder that holds the sub-folders.

    Example:
        >>> folder = made_up_pictures(["trainA", "trainB"], number=2)
        kerasgan: 4 pictures made for --smoke; nothing to learn from them
        >>> sorted(path.relative_to(folder).as_posix() for path in folder.glob("*/*"))
        ['trainA/0.png', 'trainA/1.png', 'trainB/0.png', 'trainB/1.png']
    """
    from PIL import Image

    temporary = tempfile.TemporaryDirectory(prefix="kerasgan-")
    atexit.register(temporary.cleanup)
    root = pathlib.Path(temporary.name) / "made_up"  # a dataset is named after its folder
    random = np.random.default_rng(0)
    for name in folders:
        (root / name).mkdir(parents=True)
        color = random.integers(0, 192, 3)
        for n in range(number):
            pixels = color + random.integers(0, 64, (*shape, 3))
            Image.fromarray(pixels.astype("uint8")).save(root / name / f"{n}.png")
    total = len(folders) * number
    print(f"kerasgan: {total} pictures made for --smoke; nothing to learn from them")
    return root
