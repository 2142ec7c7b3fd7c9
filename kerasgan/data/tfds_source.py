"""Data sets prepared by TensorFlow Datasets, and their download.

TFDS retries for minutes where there is no connection, and waits without end where one stalls. So
the files are fetched here, every wait bounded, and handed to TFDS, which verifies and prepares
them; other programs that use TFDS find the result in its usual place.
"""

import contextlib
import functools
import http.client
import importlib.util
import os
import pathlib
import threading
import urllib.request

import numpy as np

from kerasgan.data.raw_files import verify
from kerasgan.data.unavailable import Unavailable

TIMEOUT_SECONDS = 15
_BLOCK = 1 << 16


def data_dir():
    """The folder in which TFDS keeps its data sets."""
    return pathlib.Path(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()


def read_prepared(entry, split):
    """(images, labels, folder) of a data set that TFDS has prepared; does no downloads."""
    folder = prepared_folder(entry)
    if folder is None:
        raise Unavailable(
            f"no prepared {entry.name} under {data_dir()}; set TFDS_DATA_DIR to where it is"
        )
    builder = import_tfds().builder_from_directory(folder)
    try:
        dataset = builder.as_dataset(split=split, as_supervised=True, shuffle_files=False)
        batches = list(dataset.batch(1000).as_numpy_iterator())
    except Exception as error:
        raise ValueError(
            f"The {entry.name} that TFDS has prepared in {folder} can't be read. Delete that "
            f"folder to have it prepared again. Received: {type(error).__name__}: {error}"
        ) from error
    images, labels = (np.concatenate(parts) for parts in zip(*batches))
    return images, labels.astype("int32"), folder


def download(entry, split):
    """Downloads a data set, has TFDS prepare it, and reads it as `read_prepared` does."""
    if importlib.util.find_spec("tensorflow_datasets") is None:
        raise Unavailable("tensorflow_datasets is not installed: pip install tensorflow-datasets")
    manual_dir = data_dir() / "downloads" / "manual" / entry.name
    for name, sha256 in entry.files.items():
        fetch(entry.url + name, manual_dir / name, sha256)
    tfds = import_tfds()
    config = tfds.download.DownloadConfig(manual_dir=manual_dir)
    builder = tfds.builder(entry.name, data_dir=data_dir())
    builder.download_and_prepare(download_config=config)
    return read_prepared(entry, split)


def prepared_folder(entry):
    """The newest version of a data set that TFDS has prepared; None if there is none."""

    def version(folder):
        return [int(part) for part in folder.name.split(".")]

    folders = [info.parent for info in (data_dir() / entry.name).glob("*.*.*/dataset_info.json")]
    return max(folders, key=version, default=None)


def import_tfds():
    """The module tensorflow_datasets; Unavailable if it can't be imported."""
    try:
        import tensorflow_datasets
    except ImportError as error:
        raise Unavailable(
            f"tensorflow_datasets can't be imported ({error}): "
            "pip install tensorflow-datasets importlib_resources"
        ) from error
    return tensorflow_datasets


def fetch(url, path, sha256):
    """Downloads `url` to `path` unless the right file is there already."""
    with contextlib.suppress(ValueError, FileNotFoundError):
        return verify(path, sha256)
    part = path.with_name(path.name + ".part")
    try:
        with _open_url(url) as response:
            print(f"kerasgan.data: downloading {url}")
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(part, "wb") as file:
                for block in iter(functools.partial(response.read, _BLOCK), b""):
                    file.write(block)
        verify(part, sha256)
    except (OSError, ValueError, http.client.HTTPException) as error:
        part.unlink(missing_ok=True)
        raise Unavailable(f"{url} could not be downloaded: {error}") from error
    part.replace(path)


def _open_url(url):
    """The open response, no later than `TIMEOUT_SECONDS`; resolving the host's name included."""
    outcome = {}

    def connect():
        try:
            outcome["response"] = urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS)
        except Exception as error:
            outcome["error"] = error

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(TIMEOUT_SECONDS)
    if "response" in outcome:
        return outcome["response"]
    raise OSError(outcome.get("error") or f"no connection within {TIMEOUT_SECONDS} seconds")
