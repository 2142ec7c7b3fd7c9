"""Sets of pictures as TFRecords, as `recipes/build_data.py` makes them, and their reader.

A set is a folder with `manifest.json` and a folder for each domain. In that, each shard
`part-00000-of-00004.tfrecord` has an index `part-00000-of-00004.json` beside it. A record is a
`tf.train.Example` of `image` (encoded bytes), `name`, `height` and `width`; the index has the names
and the SHA-256 of each image.

Checksum of a domain: the SHA-256 of the sorted lines of JSON `[name, SHA-256 of image]`. Checksum
of the set: that of the sorted lines `[domain, its checksum]`. So they depend on the names and bytes
of the pictures alone, not on shards, workers or interruptions.
"""

import dataclasses
import hashlib
import json
import os
import pathlib
import struct

import numpy as np
import tensorflow as tf

from kerasgan import files

FORMAT = "kerasgan records 1"
MANIFEST = "manifest.json"
_POLYNOMIAL = 0x82F63B78  # CRC-32C (Castagnoli), bits reversed


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture to be written.

    Args:
        name: path of its file within the folder it comes from, with "/".
        image: encoded bytes (PNG or JPEG).
        height: pixels.
        width: pixels.
    """

    name: str
    image: bytes
    height: int
    width: int


@dataclasses.dataclass(frozen=True)
class Skipped:
    """A picture that is left out.

    Args:
        name: as `Picture`'s.
        reason: what is wrong with it.
    """

    name: str
    reason: str


# Writing ----------------------------------------------------------------------------------


def shard_path(folder, number, shards):
    """Path of shard `number`, from 0, of `shards` in a domain's folder."""
    return pathlib.Path(folder) / f"part-{number:05d}-of-{shards:05d}.tfrecord"


def write_shard(path, pictures):
    """Writes a shard and its index, each of which appears whole or not at all.

    Args:
        path: of the shard.
        pictures: iterable of `Picture` and `Skipped`, in the order wanted.

    Returns:
        The index, a dict: `file`, `sha256` (of the shard), `pictures` (list of [name, SHA-256 of
        the image]), `skipped` (list of dicts of name and reason).
    """
    index = {"file": path.name, "sha256": None, "pictures": [], "skipped": []}
    with files.replacing(path) as temporary:
        with tf.io.TFRecordWriter(str(temporary)) as writer:
            for picture in pictures:
                if isinstance(picture, Skipped):
                    index["skipped"].append(dataclasses.asdict(picture))
                    continue
                writer.write(_example(picture).SerializeToString(deterministic=True))
                index["pictures"].append([picture.name, _digest(picture.image)])
        index["sha256"] = files.sha256(temporary)
    files.write_json(path.with_suffix(".json"), index)
    return index


def summary(indexes):
    """What the manifest says of a domain: count, checksum, shards and skipped pictures.

    Args:
        indexes: of the domain's shards, in order, as `write_shard` returns them.

    Returns:
        Dict of `count`, `checksum`, `shards` (file, count, SHA-256 of each) and `skipped`.
    """
    return {
        "count": sum(len(index["pictures"]) for index in indexes),
        "checksum": _checksum(pair for index in indexes for pair in index["pictures"]),
        "shards": [
            {"file": i["file"], "count": len(i["pictures"]), "sha256": i["sha256"]} for i in indexes
        ],
        "skipped": [entry for index in indexes for entry in index["skipped"]],
    }


def write_manifest(directory, domains, finished=True, **facts):
    """Writes a set's manifest.

    Args:
        directory: of the set.
        domains: dict, name -> `summary`, and what else is to be said of it.
        finished: whether all shards are there. Only then the set can be read.
        **facts: what else is to be said of the set.

    Returns:
        The manifest, a dict.
    """
    manifest = {"format": FORMAT, "finished": finished, **facts}
    if finished:
        manifest["count"] = sum(domain["count"] for domain in domains.values())
        manifest["checksum"] = _checksum([n, domain["checksum"]] for n, domain in domains.items())
        manifest["checksum_is_of"] = "names and encoded bytes of the pictures, domain by domain"
    manifest["domains"] = domains
    files.write_json(pathlib.Path(directory) / MANIFEST, manifest)
    return manifest


def read_manifest(directory):
    """A set's manifest, finished or not.

    Raises:
        ValueError: it is missing, damaged or another program's; the message names the file.
    """
    path = pathlib.Path(directory).expanduser() / MANIFEST
    try:
        manifest = json.loads(path.read_text())
        if manifest["format"] != FORMAT:
            raise ValueError(f"format {manifest['format']!r}")
        manifest["finished"], manifest["domains"].keys()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"Expected the manifest of a set that recipes/build_data.py has made ({FORMAT!r}); "
            f"make the set again. Received: {path}: {error!r}"
        ) from error
    return manifest


def _example(picture):
    features = tf.train.Features()
    features.feature["image"].bytes_list.value.append(picture.image)
    features.feature["name"].bytes_list.value.append(picture.name.encode())
    features.feature["height"].int64_list.value.append(picture.height)
    features.feature["width"].int64_list.value.append(picture.width)
    return tf.train.Example(features=features)


def _digest(data):
    return hashlib.sha256(data).hexdigest()


def _checksum(pairs):
    return _digest("".join(sorted(json.dumps(pair) + "\n" for pair in pairs)).encode())


# Reading ----------------------------------------------------------------------------------


def is_record_set(directory):
    """Whether a folder is a set that `recipes/build_data.py` has made, or has begun to make."""
    try:
        with open(pathlib.Path(directory).expanduser() / MANIFEST, "rb") as file:
            return b'"kerasgan records' in file.read(100)  # `format` comes first
    except OSError:
        return False


def is_domain(path):
    """Whether `path` is the folder of a domain in a set, `<set>/<domain>`."""
    path = pathlib.Path(path).expanduser().absolute()
    return is_record_set(path.parent) and path.name in read_manifest(path.parent)["domains"]


def domains(directory):
    """Names of a set's domains, in the order in which they were given to `build_data.py`.

    Raises:
        ValueError: no set, or an unfinished one.
    """
    return list(_finished_manifest(directory)["domains"])


def open_domain(path):
    """Opens a domain of a set for random access.

    Args:
        path: the domain's folder, `<set>/<domain>`.

    Returns:
        `Domain`.

    Raises:
        ValueError: no domain of a finished set; a shard or index that is missing, damaged, cut off,
            or not the one of the manifest. The message names it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     men = pathlib.Path(folder, "men")
        ...     men.mkdir()
        ...     index = write_shard(shard_path(men, 0, 1), [Picture("a.png", b"bytes", 64, 48)])
        ...     manifest = write_manifest(folder, {"men": summary([index])})
        ...     domain = open_domain(men)
        ...     domain.names, domain.read(0)
        (['a.png'], b'bytes')
    """
    return Domain(path)


class Domain:
    """Pictures of a domain, by number. Reading is safe in several threads at once.

    Args and errors are those of `open_domain`.

    Attributes:
        path: absolute `pathlib.Path` of its folder.
        names: list of the pictures' names, paths within the folder that they came from.
        checksum: of the domain, as the manifest has it.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path).expanduser().absolute()
        known = _finished_manifest(self.path.parent)["domains"]
        if self.path.name not in known:
            raise ValueError(
                f"Expected the folder of a domain, one of {', '.join(map(repr, known))} in "
                f"{self.path.parent}. Received: path={str(path)!r}"
            )
        entry = known[self.path.name]
        self.checksum = entry["checksum"]
        self._shards = [self.path / shard["file"] for shard in entry["shards"]]
        pairs, places = [], []
        for number, (file, shard) in enumerate(zip(self._shards, entry["shards"])):
            found, listed = _scan(file), _listed(file.with_suffix(".json"))
            if not len(found) == len(listed) == shard["count"]:
                wrong = f"{len(found):,} records, {len(listed):,} pictures in its index"
                raise _damaged(file, f"{wrong}; {shard['count']:,} in the manifest")
            pairs += listed
            places += [(number, *place) for place in found]
        if _checksum(pairs) != self.checksum:
            raise _damaged(self.path / "part-*.json", "not the indexes of the manifest")
        self.names = [name for name, _ in pairs]
        self._digests = [bytes.fromhex(digest) for _, digest in pairs]
        self._places = np.array(places, "int64").reshape(-1, 3)  # shard, offset, length

    def __len__(self):
        return len(self.names)

    def read(self, index):
        """Encoded bytes of picture `index`, from 0.

        Raises:
            ValueError: the record is damaged; the message names file and picture.
        """
        shard, offset, length = self._places[index].tolist()
        with open(self._shards[shard], "rb") as file:
            file.seek(offset)
            record = file.read(length)
        try:
            feature = tf.train.Example.FromString(record).features.feature
            (name,), (image,) = (feature[key].bytes_list.value for key in ("name", "image"))
        except Exception:  # of protobuf, whose kind depends on its implementation
            name, image = b"", b""
        expected = self.names[index]
        if name != expected.encode() or hashlib.sha256(image).digest() != self._digests[index]:
            raise _damaged(self._shards[shard], f"the record of {expected!r} is damaged")
        return image


def _finished_manifest(directory):
    manifest = read_manifest(directory)
    if not manifest["finished"]:
        raise ValueError(
            "The set is not finished; the command that began it goes on with it. "
            f"Received: {str(directory)!r}"
        )
    return manifest


def _damaged(path, error):
    return ValueError(
        "A file of the set is missing or damaged. Delete what is left of it, and start the command "
        f"that made the set once more. Received: {path}: {error}"
    )


def _listed(path):
    """Pairs of name and SHA-256 in a shard's index."""
    try:
        return [(name, digest) for name, digest in json.loads(path.read_text())["pictures"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, repr(error)) from error


def _scan(path):
    """(offset, length) in bytes of each record's content, from the records' headers.

    A record is: its length (8 bytes), the masked CRC-32C of these, the content, its CRC (4 bytes).
    """
    places, position = [], 0
    try:
        with open(path, "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            while position < size:
                file.seek(position)
                header = file.read(12)
                length, crc = struct.unpack("<QI", header) if len(header) == 12 else (size, 0)
                if len(header) == 12 and crc != _masked_crc32c(header[:8]):
                    raise OSError(f"damaged at byte {position:,}")
                if position + 16 + length > size:
                    raise OSError(f"cut off within the record at byte {position:,}")
                places.append((position + 12, length))
                position += 16 + length
    except OSError as error:
        raise _damaged(path, error.strerror or error) from error
    return places


def _crc_table():
    table = range(256)
    for _ in range(8):
        table = [value >> 1 ^ _POLYNOMIAL * (value & 1) for value in table]
    return table


_CRC_TABLE = _crc_table()


def _masked_crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
