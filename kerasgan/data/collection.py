"""Encoded pictures wherever they lie, and their decoding, once, before training starts."""

import concurrent.futures
import os
import pathlib
import time
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from kerasgan.data import cycle_gan, pictures, pipeline, records

_PROGRESS_SECONDS = 5
_NAMES_LISTED = 20


class Encoded(NamedTuple):
    """An encoded picture: its name, for messages, and the function that reads its bytes."""

    name: str
    read: Callable[[], bytes]


class Domain(NamedTuple):
    """The pictures of a domain (list of `Encoded`), their source's name, and where they lie."""

    name: str
    source: str
    origin: str
    pictures: list


class Decoded(NamedTuple):
    """What `decode_all` has made.

    Args:
        items: those that could be decoded.
        skipped: names of the others.
        read: maps an int64 vector of positions in `items` to their arrays.
    """

    items: list
    skipped: list
    read: Callable


def find_directory(argument, directory):
    """The absolute path of a folder; a ValueError that names the argument if there is none."""
    root = pathlib.Path(directory).expanduser().absolute()
    if not root.is_dir():
        there = "that is a file" if root.exists() else "there is none of that name"
        raise ValueError(
            f"Expected a folder of pictures, and {there}; check the path. "
            f"Received: {argument}={str(directory)!r}"
        )
    return root


def list_pictures(argument, root):
    """The pictures in a folder and its sub-folders as `Encoded`, hidden files left aside.

    Raises:
        ValueError: there are none.
    """
    found = [
        Encoded(path.relative_to(root).as_posix(), path.read_bytes)
        for path in sorted(root.rglob("*"))
        if path.suffix.lower() in pictures.EXTENSIONS
        and path.is_file()
        and not any(part.startswith((".", "__MACOSX")) for part in path.relative_to(root).parts)
    ]
    if not found and (records.is_record_set(root) or records.is_domain(root)):
        raise ValueError(
            "These are records of recipes/build_data.py, which unpaired_images and domain_images "
            "read; give here the folder of pictures that they were made of. "
            f"Received: {argument}={str(root)!r}"
        )
    if not found:
        shard = next(root.rglob("*.tfrecord"), None)
        told = f" (but records without their manifest.json: {shard})" if shard else ""
        raise ValueError(
            f"The folder holds no pictures ({', '.join(pictures.EXTENSIONS)}), nor do its "
            f"sub-folders{told}. Received: {argument}={str(root)!r}"
        )
    return found


def open_domain(argument, domain):
    """Opens a domain of pictures.

    Args:
        argument: the argument's name, for messages.
        domain: a folder; `<set>/<domain>` of a record set; or "tfds:cycle_gan/<name>/<split>".

    Returns:
        `Domain`.

    Raises:
        ValueError: no such domain, or one without pictures.
        FileNotFoundError: a domain of cycle_gan that is not at hand.
    """
    if str(domain).startswith(cycle_gan.PREFIX):
        found, origin = cycle_gan.read_split(argument, str(domain))
        return Domain(str(domain), "tfds", origin, [Encoded(*pair) for pair in found])
    path = pathlib.Path(domain).expanduser().absolute()
    if records.is_domain(path):
        opened = records.open_domain(path)
        if not opened.names:
            raise ValueError(f"The domain holds no pictures. Received: {argument}={str(path)!r}")
        found = [
            Encoded(name, lambda number=number: opened.read(number))
            for number, name in enumerate(opened.names)
        ]
        return Domain(path.name, "records", f"records in {path}", found)
    if records.is_record_set(path):
        raise ValueError(
            f"This is a whole record set; name one of its domains, {listed(records.domains(path))},"
            f" such as {str(path / records.domains(path)[0])!r}. Received: {argument}={str(path)!r}"
        )
    root = find_directory(argument, path)
    return Domain(root.name, "folder", str(root), list_pictures(argument, root))


def listed(names, separator=", "):
    """Names in one string: 20 at most, and how many more there are."""
    names = list(names)
    more = len(names) - _NAMES_LISTED
    return separator.join(names[:_NAMES_LISTED] + [f"and {more} more"] * (more > 0))


def decode_all(items, decode, shape, dtype, origin, on_corrupt, memory_limit, stacklevel=2):
    """Decodes all items once, in several threads, and keeps them in memory where they fit.

    Args:
        items: list; `item.name` is used in messages.
        decode: maps an item to its array; raises OSError for a damaged one, `pictures.Unfit` for
            one that can't be used as asked.
        shape: of an array.
        dtype: of the arrays.
        origin: where they come from, for messages.
        on_corrupt: "skip" leaves damaged items out with a warning, "error" raises.
        memory_limit: bytes; if all arrays are greater, each is decoded anew whenever it is read.
        stacklevel: of the warning: 1 is the line that calls this, 2 the one that called that.

    Returns:
        `Decoded`.

    Raises:
        ValueError: items that are unfit, or damaged, if `on_corrupt="error"` or all are.
    """
    fits = len(items) * np.prod(shape) * np.dtype(dtype).itemsize <= memory_limit
    arrays = np.empty((len(items), *shape), dtype) if fits else None
    good, damaged, unfit, shown = [], {}, {}, time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(min(8, (os.cpu_count() or 1) + 1)) as pool:
        for done, (item, outcome) in enumerate(zip(items, pool.map(_attempt(decode), items))):
            if isinstance(outcome, Exception):
                (unfit if isinstance(outcome, pictures.Unfit) else damaged)[item.name] = outcome
                continue
            if fits:
                arrays[len(good)] = outcome
            good.append(item)
            if time.monotonic() - shown > _PROGRESS_SECONDS:
                shown = time.monotonic()
                print(f"kerasgan.data: {done + 1:,} of {len(items):,} pictures read")
    _refuse_unfit(unfit, len(items), origin)
    _report_damaged(damaged, len(items), origin, on_corrupt, stacklevel + 2)
    if fits:
        read = pipeline.array_reader(arrays[: len(good)])
    else:
        read = _file_reader(good, decode, shape, dtype)
    return Decoded(good, list(damaged), read)


def _attempt(decode):
    def attempt(item):
        try:
            return decode(item)
        except (OSError, pictures.Unfit) as error:
            return error

    return attempt


def _lines(errors):
    return listed((f"{name}: {error}" for name, error in errors.items()), "\n  ")


def _refuse_unfit(errors, total, origin):
    if errors:
        raise ValueError(
            "Pictures that can't be used as asked; repair or remove them, or ask otherwise:\n  "
            f"{_lines(errors)}\nReceived: {len(errors)} such of {total} in {origin}"
        )


def _report_damaged(errors, total, origin, on_corrupt, stacklevel):
    if not errors:
        return
    if on_corrupt == "error" or len(errors) == total:
        hint = "" if len(errors) == total else ', or pass on_corrupt="skip" to leave them out'
        raise ValueError(
            f"Pictures that can't be decoded; repair or remove them{hint}:\n  {_lines(errors)}\n"
            f"Received: {len(errors)} damaged of {total} in {origin}"
        )
    warnings.warn(
        f"Damaged pictures left out of {origin}, {len(errors)}:\n  {_lines(errors)}",
        stacklevel=stacklevel,
    )


def _file_reader(items, decode, shape, dtype):
    """Reader of items that are too many for memory, for the pipeline."""

    def read_batch(indices):
        return np.stack([decode(items[index]) for index in indices])

    def reader(indices):
        arrays = tf.numpy_function(read_batch, [indices], tf.as_dtype(dtype))
        return tf.ensure_shape(arrays, (*indices.shape, *shape))

    return reader
