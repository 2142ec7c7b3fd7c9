"""Readers of the original files of MNIST, Fashion-MNIST and CIFAR-10, and of a zip of JPEGs."""

import gzip
import hashlib
import tarfile
import zipfile

import numpy as np
import tensorflow as tf

from kerasgan.data.unavailable import Unavailable

_CIFAR_FOLDER = "cifar-10-batches-bin"
_CIFAR_FILES = {
    "train": [f"data_batch_{n}.bin" for n in range(1, 6)],
    "test": ["test_batch.bin"],
}
_CIFAR_RECORD = 1 + 3 * 32 * 32
_CIFAR_RECORDS = 10_000


def verify(path, sha256):
    """Raises a ValueError that names the file unless its sha256 is as given."""
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ValueError(
            f"{path} is damaged, cut off or another file: its sha256 is not {sha256}. Fetch the "
            f"file again, or delete it. Received: sha256={found}, {path.stat().st_size:,} bytes"
        )


def read_idx_split(folder, entry, split):
    """(images uint8 [n, height, width, 1], labels int32 [n]) from a folder of idx .gz files."""
    prefix = {"train": "train", "test": "t10k"}[split]
    files = {name: sha for name, sha in entry.files.items() if name.startswith(prefix)}
    missing = [str(folder / name) for name in files if not (folder / name).is_file()]
    if missing:
        raise Unavailable(f"missing: {', '.join(missing)}; put the original files there")
    arrays = {}
    for name, sha256 in files.items():
        verify(folder / name, sha256)
        kind = "images" if "images" in name else "labels"
        shape = (entry.counts[split], *entry.image_shape[:2])[: 3 if kind == "images" else 1]
        with gzip.open(folder / name) as file:
            arrays[kind] = parse_idx(file.read(), shape, folder / name)
    return arrays["images"][..., np.newaxis], arrays["labels"].astype("int32")


def parse_idx(data, shape, path):
    """Array of unsigned bytes from idx data whose header must state `shape`."""
    header = 4 + 4 * len(shape)
    expected = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes()
    if data[:header] != expected or len(data) != header + np.prod(shape):
        raise ValueError(
            f"{path} is not an idx file of {shape} unsigned bytes. Fetch the original file. "
            f"Received: header={data[:header].hex()}, {len(data):,} bytes unpacked"
        )
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def read_cifar_archive(path, entry, split):
    """(images, labels) from the original archive of CIFAR-10's binary version."""
    verify(path, entry.files[path.name])
    with tarfile.open(path) as archive:
        blocks = {
            name: archive.extractfile(f"{_CIFAR_FOLDER}/{name}").read()
            for name in _CIFAR_FILES[split]
        }
    return _parse_cifar(blocks, path)


def read_cifar_folder(folder, split):
    """(images, labels) from the extracted files of CIFAR-10's binary version."""
    missing = [name for name in _CIFAR_FILES[split] if not (folder / name).is_file()]
    if missing:
        raise Unavailable(f"missing in {folder}: {', '.join(missing)}; extract the archive again")
    return _parse_cifar({n: (folder / n).read_bytes() for n in _CIFAR_FILES[split]}, folder)


def _parse_cifar(blocks, place):
    parts = []
    for name, data in blocks.items():
        whole = len(data) == _CIFAR_RECORDS * _CIFAR_RECORD
        records = np.frombuffer(data, np.uint8).reshape(-1, _CIFAR_RECORD) if whole else None
        if records is None or records[:, 0].max() > 9:
            raise ValueError(
                f"{name} in {place} is not a file of CIFAR-10's binary version, which holds "
                f"{_CIFAR_RECORDS:,} records of {_CIFAR_RECORD:,} bytes, each a label from 0 to "
                f"9 first. Fetch it again. Received: {name} of {len(data):,} bytes"
            )
        parts.append(records)
    records = np.concatenate(parts)
    images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), records[:, 0].astype("int32")


def read_jpeg_zip(path, entry, split):
    """(images, labels) from a zip of `<split>/<class>/<number>.jpg`; a bad picture is named."""
    label_of = {name: label for label, name in enumerate(entry.class_names)}
    images, labels = [], []
    try:
        with zipfile.ZipFile(path) as archive:
            names = [n for n in sorted(archive.namelist()) if n.endswith((".jpg", ".jpeg"))]
            for name in names:
                folder, _, rest = name.partition("/")
                if folder == split and rest.partition("/")[0] in label_of:
                    images.append(_decode_jpeg(archive, name, entry.image_shape))
                    labels.append(label_of[rest.partition("/")[0]])
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path} is damaged. Fetch it again. Received: {error}") from error
    if not images:
        raise Unavailable(f"{path} holds no pictures {split}/<class>/<number>.jpg")
    return np.stack(images), np.array(labels, "int32")


def _decode_jpeg(archive, name, shape):
    data = archive.read(name)
    try:
        with tf.device("CPU:0"):
            image = tf.io.decode_jpeg(data, shape[-1], dct_method="INTEGER_ACCURATE").numpy()
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(
            f"{name} in {archive.filename} is a damaged picture. Replace the file. "
            f"Received: {len(data):,} bytes"
        ) from error
    if image.shape != shape:
        raise ValueError(
            f"{name} in {archive.filename}: expected a picture of shape {shape}. Replace the "
            f"file. Received: shape={image.shape}"
        )
    return image
