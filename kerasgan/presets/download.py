"""Presets from the web: fetched whole and verified, or not at all."""

import contextlib
import http.client
import os
import shutil
import time
import urllib.parse
import urllib.request
import uuid

from kerasgan import files
from kerasgan.presets import folder, places

_UNFINISHED = ".tmp-download-"
_ABANDONED_AFTER = 3600.0  # seconds after which an unfinished download is taken for a dead one
_PATIENCE = 30.0  # seconds without a byte
_CHUNK = 1 << 20
_MOST_METADATA = 1 << 20  # bytes; of the other files the card says how many there are


def is_url(preset):
    """Whether a preset is given by a URL."""
    return isinstance(preset, str) and "://" in preset


def fetch(url, sha256):
    """The folder of a preset from the web, downloaded at the first call for this checksum.

    It comes to `KERASGAN_HOME/downloads`, which needs to be writable for that alone. Each file's
    size and SHA-256 are verified before the folder takes its final name; an interrupted download is
    begun anew, a damaged one replaced.

    Args:
        url: of the preset's folder, http or https, ending in its name.
        sha256: hexadecimal SHA-256 of its `metadata.json`, which vouches for the other files.

    Returns:
        `pathlib.Path`.

    Raises:
        ValueError: no URL of that kind; no checksum, or another preset; what can't be downloaded.
    """
    url = url.rstrip("/")
    parts = urllib.parse.urlsplit(url)
    name = parts.path.rpartition("/")[2]
    is_plain = parts.scheme in ("http", "https") and not parts.query and not parts.fragment
    if not is_plain or not parts.netloc or not places.is_name(name):
        raise ValueError(
            "A preset's URL starts with https:// or http:// and ends in the name of its folder, "
            "with nothing behind it. "
            f"Received: preset={url!r}"
        )
    if sha256 is None:
        raise ValueError(
            "A preset from the web needs its checksum, that of its metadata.json: pass sha256=, as "
            f"it is published beside the URL. Received: preset={url!r}, sha256=None"
        )
    sha256 = folder.checked_sha256(sha256)
    whole = places.home() / "downloads" / sha256 / name
    if _is_whole(whole, sha256):
        return whole
    downloads = files.writable_directory("KERASGAN_HOME", places.home() / "downloads")
    _remove_abandoned(downloads)
    part = downloads / f"{_UNFINISHED}{uuid.uuid4().hex}"
    part.mkdir()
    try:
        _download(f"{url}/{folder.METADATA}", part / folder.METADATA, _MOST_METADATA)
        metadata = folder.read_metadata(part, sha256)
        for file, entry in metadata["files"].items():
            _download(f"{url}/{file}", part / file, entry["bytes"])
            folder.verified(part, file, metadata)
        _publish(part, whole, sha256)
    except ValueError as error:  # what came from there is meant, not where it lay for a moment
        raise ValueError(str(error).replace(str(part), url)) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)  # there only if something failed
    return whole


def _is_whole(path, sha256):
    try:
        metadata = folder.read_metadata(path, sha256)
        for file in metadata["files"]:
            folder.verified(path, file, metadata)
    except ValueError:
        return False
    return True


def _download(url, path, most):
    request = urllib.request.Request(url, headers={"User-Agent": "kerasgan"})
    received = 0
    try:
        with (
            urllib.request.urlopen(request, timeout=_PATIENCE) as response,
            open(path, "wb") as out,
        ):
            while chunk := response.read(_CHUNK):
                received += len(chunk)
                if received > most:
                    raise ValueError(
                        f"Expected a file of {most:,} bytes at most: the URL is not that of the "
                        f"preset. Received: {url}"
                    )
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
    except (OSError, http.client.HTTPException) as error:
        raise ValueError(
            "The preset can't be downloaded: check the URL and the connection and try again, or "
            f"copy its folder here and give the path. Received: {url}: {error}"
        ) from error


def _publish(part, whole, sha256):
    """Gives a folder its final name; a damaged one of that name goes, one that is whole stays."""
    whole.parent.mkdir(exist_ok=True)
    try:
        os.rename(part, whole)
    except OSError:
        if _is_whole(whole, sha256):  # another process has just downloaded the same
            return
        damaged = part.with_name(f"{part.name}-damaged")
        with contextlib.suppress(FileNotFoundError):  # another process has put it aside
            os.rename(whole, damaged)
        try:
            os.rename(part, whole)
        except OSError:
            if not _is_whole(whole, sha256):
                raise
        finally:
            shutil.rmtree(damaged, ignore_errors=True)


def _remove_abandoned(downloads):
    for path in downloads.glob(f"{_UNFINISHED}*"):
        try:
            abandoned = time.time() - path.stat().st_mtime > _ABANDONED_AFTER
        except FileNotFoundError:  # finished in this very moment
            continue
        if abandoned:
            shutil.rmtree(path, ignore_errors=True)
