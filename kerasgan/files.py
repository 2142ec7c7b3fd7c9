"""Files that appear complete or not at all, and folders found to be unwritable in time."""

import contextlib
import hashlib
import json
import os
import pathlib
import tempfile

_TEMPORARY = ".tmp-"


@contextlib.contextmanager
def replacing(path):
    """Yields a path beside `path` to write to; at the end it is renamed to `path` in one step.

    A process that is killed leaves the old file, or the new one, never a part of it. The yielded
    path ends in `path`'s name, so that formats told by their suffix work.

    Args:
        path: the file to make or to replace.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with replacing(pathlib.Path(folder) / "a.txt") as temporary:
        ...         size = temporary.write_text("whole")
        ...     os.listdir(folder)
        ['a.txt']
    """
    path = pathlib.Path(path)
    temporary = path.with_name(f"{_TEMPORARY}{os.getpid()}-{path.name}")
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path, content):
    """Writes `content` as indented JSON, atomically."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n")


def sha256(path):
    """The hexadecimal SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_leftovers(directory):
    """Deletes what `replacing` left in `directory` in a process that was killed."""
    for path in pathlib.Path(directory).glob(f"{_TEMPORARY}*"):
        if path.is_file():
            path.unlink(missing_ok=True)


def writable_directory(argument, directory):
    """Makes `directory` and tries to write to it.

    Args:
        argument: what the caller calls it, for the message.
        directory: the path; parents are made too.

    Returns:
        Absolute `pathlib.Path`.

    Raises:
        ValueError: it can't be made or written to.

    Example:
        >>> writable_directory("directory", tempfile.mkdtemp()).is_dir()
        True
    """
    path = pathlib.Path(directory).expanduser().absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise ValueError(
            f"{argument} must be a folder that can be written to; choose another or change its "
            f"permissions ({error.strerror or error}). Received: {argument}={str(directory)!r}"
        ) from error
    return path
