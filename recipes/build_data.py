"""Folders of pictures, one for each domain (men and women, say) -> one set of sharded TFRecords,
which the recipes that read folders take as well.

Commands:
    python recipes/build_data.py --inputs=men=/path/men,women=/path/women --output=/path/set
    python recipes/build_data.py --inputs=/path/men,/path/women --output=/path/set --size=128
    (the same command again goes on where it was interrupted; --smoke takes seconds)
Pictures: those that `kerasgan.data.image_folder` finds in a folder and its sub-folders. Each is
    decoded as a whole, once. Damaged ones, and those whose shorter side is less than --min_size,
    are left out, and listed with the reason on the screen and in the manifest.
What is kept: JPEG and PNG of 8-bit RGB without EXIF rotation keep the file's own bytes, unless
    --size is given. All others (grey, transparent: laid over white, palettes, CMYK, 16 bit, BMP,
    GIF, WebP, rotated by EXIF) become 8-bit RGB: from JPEG to JPEG of quality 95 with full colour
    resolution, from the rest to PNG. --size cuts out the middle square and resizes it, with the
    pixels that `image_folder` would give.
Result: <output>/<domain>/part-00000-of-00004.tfrecord with an index beside it, and
    <output>/manifest.json: settings; for each domain its count, checksum, shards with their
    SHA-256, pictures left out; the checksum of the set (`kerasgan/data/records.py` says of what).
    Picture i of n, in the order of names, is in shard i * shards // n.
Time: 0.5 ms of CPU time for a JPEG of 256 x 256 pixels (32 kB), 2.7 ms with --size=128, on an
    x86-64 server CPU; 2,000 in 2.2 s on 2 cores that did other work as well. Threads do as well as
    processes, since Pillow decodes without holding Python's lock, and none outlives a kill.
"""

import collections
import concurrent.futures
import hashlib
import io
import json
import os
import pathlib
import re
import sys
import tempfile
import time

import numpy as np
import tensorflow as tf
from absl import flags
from PIL import Image

from kerasgan import files, runs
from kerasgan.data import collection, pictures, records
from kerasgan.version import __version__

PER_SHARD = 200  # pictures, at most, unless --shards is given: what a kill loses at most
AHEAD = 8  # pictures a worker, decoded before their turn to be written
LISTED = 100  # names of pictures left out that are printed; the manifest has all
JPEGS = ("JPEG", "MPO")  # Pillow's names; the second is a JPEG with others behind it
ORIENTATION = 0x0112  # number of EXIF's tag

INPUTS = flags.DEFINE_list("inputs", None, "name=folder or folder, one for each domain, by commas")
OUTPUT = flags.DEFINE_string("output", None, "Folder of the set (--smoke: runs/build_data-smoke)")
SHARDS = flags.DEFINE_integer(
    "shards", None, f"Files a domain (one for {PER_SHARD} pictures: what a kill loses at most)", 1
)
SIZE = flags.DEFINE_integer("size", None, "Pixels of a side; without it pictures keep theirs", 1)
MIN_SIZE = flags.DEFINE_integer("min_size", None, "Pixels of the shorter side (--size, or 1)", 1)
WORKERS = flags.DEFINE_integer("workers", os.cpu_count(), "Threads that decode", 1)
SMOKE = flags.DEFINE_bool("smoke", False, "Of a few pictures that it makes itself, in seconds")


def main():
    """Checks what is asked for, and builds."""
    try:
        if not SMOKE.value:
            build(check_inputs(INPUTS.value), OUTPUT.value)
            return
        if INPUTS.value:
            raise ValueError(f"Give --inputs or --smoke. Received: both, {INPUTS.value}")
        print("kerasgan: --smoke: pictures made by this recipe, two of them damaged on purpose")
        with tempfile.TemporaryDirectory() as folder:
            inputs = make_pictures(pathlib.Path(folder))
            build(check_inputs(inputs), OUTPUT.value or "runs/build_data-smoke")
    except (ValueError, OSError, tf.errors.OpError) as error:
        raise runs.RunError(str(error)) from error


def build(folders, output):
    """Makes the set, or what is missing of it."""
    if not output:
        raise ValueError("Give --output, the folder of the set. Received: --output=None")
    listed = {domain: list_pictures(domain, folder) for domain, folder in folders.items()}
    output, manifest = open_output(output, folders, listed)
    shards, whole = {}, {}
    for domain, found in listed.items():
        (output / domain).mkdir(exist_ok=True)
        files.remove_leftovers(output / domain)
        known = len(manifest["domains"][domain].get("shards", ()))  # of a finished set
        number = SHARDS.value or known or -(-len(found) // PER_SHARD)
        bounds = [-(-i * len(found) // number) for i in range(number + 1)]
        for i in range(number):
            path = records.shard_path(output / domain, i, number)
            shards[path] = found[bounds[i] : bounds[i + 1]]
            whole[path] = whole_index(path, shards[path])

    todo = [path for path, index in whole.items() if index is None]
    if not todo and manifest["finished"]:
        print(f"kerasgan: {output} is finished and whole; nothing to do.")
        report(manifest)
        return
    if len(todo) < len(shards):
        print(f"kerasgan: going on: {len(shards) - len(todo)} of {len(shards)} shards are whole")
    began, total = time.perf_counter(), sum(len(shards[path]) for path in todo)
    with concurrent.futures.ThreadPoolExecutor(WORKERS.value) as pool:
        converted = in_order(pool, (item for path in todo for item in shards[path]))
        converted = with_progress(converted, total)
        for path in todo:
            part = (next(converted) for _ in shards[path])
            whole[path] = records.write_shard(path, part)
    seconds = time.perf_counter() - began
    print(f"kerasgan: {total:,} pictures in {seconds:.1f} s, {total / max(seconds, 1e-9):.0f}/s")

    domains = manifest["domains"]
    for domain in domains:
        domains[domain] |= records.summary([i for p, i in whole.items() if p.parent.name == domain])
    report(manifest)
    empty = [domain for domain in domains if not domains[domain]["count"]]
    if empty:
        raise ValueError(
            f"No picture is left in {', '.join(empty)}: all are damaged or too small (see above). "
            f"Received: {', '.join(str(folders[domain]) for domain in empty)}"
        )
    manifest = records.write_manifest(output, domains, True, **facts())
    print(f"kerasgan: {manifest['count']:,} pictures in {output}, checksum {manifest['checksum']}")


# What is asked for ------------------------------------------------------------------------


def check_inputs(inputs):
    """Dict of name -> folder, from the flag's parts."""
    folders = {}
    for part in inputs or []:
        name, equals, folder = part.partition("=") if "=" in part else ("", "", part)
        folder = pathlib.Path(folder).expanduser().resolve()
        name = name if equals else folder.name
        if not re.fullmatch(r"\w[\w -]*", name):
            raise ValueError(
                "A domain's name is of letters, digits, _, - and spaces; write --inputs="
                f"name=folder where the folder's own name is another. Received: {part!r}"
            )
        if name.casefold() in map(str.casefold, folders):
            raise ValueError(f"Give each domain a name of its own. Received: {name!r} twice")
        if not folder.is_dir():
            raise ValueError(f"There is no such folder; check the path. Received: {part!r}")
        for other, path in folders.items():
            if folder.is_relative_to(path) or path.is_relative_to(folder):
                raise ValueError(
                    "The pictures of one domain would be in another too; give each its own folder. "
                    f"Received: {other}={path}, {name}={folder}"
                )
        folders[name] = folder
    if not folders:
        raise ValueError("Give --inputs, one folder or more. Received: none")
    return folders


def list_pictures(domain, folder):
    """The pictures in a folder, sorted."""
    found = collection.list_pictures(f"--inputs: {domain}", folder)
    for picture in found:
        try:
            picture.name.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"Rename a file, to UTF-8. Received: {picture.name!a}") from error
    if SHARDS.value and len(found) < SHARDS.value:
        raise ValueError(
            f"Expected no more shards than a domain has pictures. Received: --shards={SHARDS.value}"
            f", {len(found)} pictures in {folder}"
        )
    return found


def facts():
    """What the manifest says beside the domains; the settings must stay as they are."""
    settings = (SHARDS, SIZE, MIN_SIZE, SMOKE)
    return {
        "settings": {flag.name: flag.value for flag in settings},
        "versions": {"kerasgan": __version__, "pillow": Image.__version__},
    }


def open_output(output, folders, listed):
    """The set's folder and manifest, begun or found there; refuses another set's folder."""
    output = files.writable_directory("--output", output)
    files.remove_leftovers(output)
    domains = {
        domain: {"folder": str(folders[domain]), "inputs": fingerprint(folders[domain], found)}
        for domain, found in listed.items()
    }
    if not (output / records.MANIFEST).exists():
        others = sorted(path.name for path in output.iterdir())
        if others:
            raise ValueError(
                "The folder holds other files; choose another --output. "
                f"Received: {output}, with {', '.join(others[:5])}"
            )
        return output, records.write_manifest(output, domains, False, **facts())
    manifest = records.read_manifest(output)
    before, now = manifest["settings"], facts()["settings"]
    wrong = [f"--{n} was {before.get(n)!r}, is {now[n]!r}" for n in now if before.get(n) != now[n]]
    if list(manifest["domains"]) != list(domains):
        wrong.append(f"domains were {', '.join(manifest['domains'])}, are {', '.join(domains)}")
    for domain in manifest["domains"].keys() & domains.keys():
        old, new = (d[domain]["inputs"] for d in (manifest["domains"], domains))
        if old != new:
            wrong.append(
                f"the {old['pictures']:,} pictures of {domain} are {new['pictures']:,}, or have "
                "other names, sizes or times of change"
            )
    if wrong:
        raise ValueError(
            f"The folder holds a set, or a part of one, made otherwise: {'; '.join(wrong)}. Use "
            f"the same flags and pictures, or another --output. Received: {output}"
        )
    return output, manifest


def fingerprint(folder, found):
    """Number of pictures, and a SHA-256 of their names, sizes and times of change."""
    digest = hashlib.sha256()
    for picture in found:
        known = (folder / picture.name).stat()
        line = [picture.name, known.st_size, known.st_mtime_ns]
        digest.update(json.dumps(line).encode() + b"\n")
    return {"pictures": len(found), "sha256": digest.hexdigest()}


def whole_index(path, found):
    """A shard's index; None unless both are there, undamaged, and are of the pictures `found`."""
    try:
        index = json.loads(path.with_suffix(".json").read_text())
        names = [name for name, _ in index["pictures"]] + [e["name"] for e in index["skipped"]]
        same = sorted(names) == sorted(picture.name for picture in found)
        return index if same and files.sha256(path) == index["sha256"] else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


# The work ---------------------------------------------------------------------------------


def convert(picture):
    """A file as `records.Picture`, or as `records.Skipped` if it is damaged or too small."""
    data = picture.read()  # an error of the disk ends the run: no picture is lost by it
    if not data:
        return records.Skipped(picture.name, "empty file")
    try:
        form, width, height, kept = inspect(data)
        if min(width, height) < least():
            reason = f"{width} x {height} pixels, smaller than {least()}"
            return records.Skipped(picture.name, reason)
        if kept:
            return records.Picture(picture.name, data, height, width)
        pixels = pictures.decode(data)
    except OSError as error:
        return records.Skipped(picture.name, str(error))
    size = (SIZE.value, SIZE.value) if SIZE.value else pixels.shape[:2]
    image = Image.fromarray(pictures.fit(pixels, size, 3, "center", "uint8"))
    buffer = io.BytesIO()
    if form in JPEGS:
        image.save(buffer, "JPEG", quality=95, subsampling=0)
    else:
        image.save(buffer, "PNG")
    return records.Picture(picture.name, buffer.getvalue(), *size)


def inspect(data):
    """(Pillow's name of the format, width, height, whether the bytes are to be kept as they are).

    Bytes that are to be kept have been decoded as a whole, if the picture is not too small.
    """
    try:
        with Image.open(io.BytesIO(data)) as picture:
            kept = SIZE.value is None and picture.format in ("JPEG", "PNG")
            kept &= picture.mode == "RGB" and not picture.has_transparency_data
            if picture.format == "PNG":
                kept &= data[24] == 8  # bits; Pillow calls 16 bits RGB as well
            kept = kept and picture.getexif().get(ORIENTATION, 1) == 1
            if kept and min(picture.size) >= least():
                picture.load()
            return picture.format, *picture.size, kept
    except Image.UnidentifiedImageError as error:
        raise OSError("not a picture of a known format") from error
    except Exception as error:  # Pillow's decoders raise many kinds of error on damaged files
        raise OSError(str(error) or type(error).__name__) from error


def least():
    """Pixels that the shorter side of a picture must have."""
    return MIN_SIZE.value or SIZE.value or 1


def in_order(pool, items):
    """Yields `convert(item)` for each item, in their order, a few of them decoded ahead."""
    waiting = collections.deque()
    for item in items:
        waiting.append(pool.submit(convert, item))
        if len(waiting) >= AHEAD * WORKERS.value:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def with_progress(results, total):
    """Passes `results` on, and shows how far they are: a bar, or now and then a line of a log."""
    terminal = sys.stdout.isatty()
    began = shown = time.perf_counter()
    for done, result in enumerate(results, 1):
        now = time.perf_counter()
        if now - shown > (0.2 if terminal else 5) or (terminal and done == total):
            shown, rate = now, done / max(now - began, 1e-9)
            line = (
                f"[{'#' * (20 * done // total):20}] {done:,} of {total:,} pictures, {rate:.0f}/s, "
                f"{(total - done) / rate:.0f} s left"
            )
            line = f"\r{line:78}" if terminal else line  # over the line before, maybe a longer one
            print(line, end="" if terminal and done < total else "\n", flush=True)
        yield result


def report(manifest):
    """Prints counts and the pictures left out."""
    for domain, facts in manifest["domains"].items():
        print(f"kerasgan: {domain}: {facts['count']:,} pictures, {len(facts['skipped'])} left out")
        for entry in facts["skipped"][:LISTED]:
            print(f"  {domain}/{entry['name']}: {entry['reason']}")
        if len(facts["skipped"]) > LISTED:
            print(f"  and {len(facts['skipped']) - LISTED} more: see {records.MANIFEST}")


def make_pictures(folder):
    """Two domains of twelve noisy pictures, two of them damaged, for --smoke."""
    rng = np.random.default_rng(0)
    for domain, channel in (("red", 0), ("blue", 2)):
        (folder / domain).mkdir()
        for n in range(12):
            pixels = rng.integers(0, 128, (32, 40, 3), "uint8")
            pixels[..., channel] += 120
            path = folder / domain / f"{n:02d}.jpg"
            Image.fromarray(pixels).save(path, quality=95)
        path.write_bytes(path.read_bytes()[:500])
        for path in (folder / domain).iterdir():
            os.utime(path, (0, 0))  # the same at each start, so that it is known for the same set
    return [str(folder / "red"), str(folder / "blue")]


if __name__ == "__main__":
    runs.launch(main)
