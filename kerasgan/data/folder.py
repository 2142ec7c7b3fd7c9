"""`image_folder`: a user's own pictures."""

import concurrent.futures
import functools
import os
import pathlib
import time
import warnings

import numpy as np
import tensorflow as tf

from kerasgan.data import pictures, pipeline
from kerasgan.data.order import EpochOrder, check_seed

_MEMORY_LIMIT = 1 << 30  # bytes of pictures, at the wanted size, that are held in memory
_PROGRESS_SECONDS = 5
_NAMES_LISTED = 20


def image_folder(
    directory,
    batch_size=None,
    image_size=64,
    channels=3,
    shuffle_seed=0,
    labels="auto",
    on_corrupt="skip",
    crop="center",
    drop_remainder=True,
):
    """Pictures in a folder: PNG (8 or 16 bit), JPEG, BMP, GIF (first frame), WebP.

    Every picture is decoded once before training starts, so a damaged file can't end a run
    halfway. Up to 1 GiB of resized pictures stays in memory; more is read anew in each epoch.
    Hidden files are left aside. EXIF rotation is applied.

    Args:
        directory: the folder; sub-folders are searched too.
        batch_size: examples in a batch; None for a dataset of single examples.
        image_size: pixels, or (height, width), to resize to (bilinear, antialiased).
        channels: 1 (grey), 3 (RGB) or 4 (RGBA). For 1 and 3, transparent pixels are laid over
            white.
        shuffle_seed: integer; None for the alphabetical order in every epoch.
        labels: "auto" makes labels of the folder's direct sub-folders, numbered in alphabetical
            order, if the pictures are in such; None gives images alone.
        on_corrupt: "skip" leaves damaged files out with a warning that names them; "error" raises.
        crop: "center" cuts the middle to the aspect of `image_size`; "none" distorts instead.
        drop_remainder: leave out a last batch that is not full.

    Returns:
        `tf.data.Dataset` of float32 images `[batch_size, height, width, channels]` in [-1, 1], or
        of (images, int32 labels `[batch_size]`). `kerasgan.data.describe` has the `class_names`.

    Raises:
        ValueError: an argument out of range, a folder without pictures, damaged files where
            `on_corrupt="error"`.

    Example:
        >>> import tempfile, kerasgan
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     picture = tf.io.encode_png(tf.zeros((20, 30, 3), tf.uint8))
        ...     tf.io.write_file(f"{folder}/black.png", picture)
        ...     ds = kerasgan.data.image_folder(folder, batch_size=1, image_size=16)
        kerasgan.data: 1 image of (16, 16, 3) from ...
        >>> next(iter(ds)).shape
        TensorShape([1, 16, 16, 3])
    """
    root = _check_arguments(directory, channels, labels, on_corrupt, crop)
    pipeline.check_batch_size(batch_size)
    check_seed(shuffle_seed)
    size = pipeline.check_image_size(image_size)
    if size is None:
        raise ValueError("Pictures need a common image_size. Received: image_size=None")
    paths = _list_pictures(root)
    classes = _class_names(root, paths) if labels == "auto" else None
    paths, images, errors, read = _read_all(paths, size, channels, crop)
    _report_errors(root, errors, len(paths), on_corrupt)
    pipeline.check_enough(batch_size, len(paths), drop_remainder)
    order = EpochOrder(
        len(paths),
        shuffle_seed,
        {
            "name": root.name,
            "split": None,
            "source": "folder",
            "origin": str(root),
            "num_classes": len(classes) if classes else None,
            "class_names": classes,
            "image_shape": (*size, channels),
            "skipped": [str(path) for path in errors],
        },
    )
    what = f"{len(paths):,} image{'' if len(paths) == 1 else 's'} of {(*size, channels)}"
    print(f"kerasgan.data: {what} from {root}" + (f", {len(classes)} classes" if classes else ""))
    reader = _file_reader(paths, read, (*size, channels)) if images is None else None
    return pipeline.image_dataset(
        order,
        reader or pipeline.array_reader(images),
        [classes.index(_class_of(root, path)) for path in paths] if classes else None,
        batch_size,
        drop_remainder,
    )


def _check_arguments(directory, channels, labels, on_corrupt, crop):
    choices = {
        "channels": (channels, (1, 3, 4)),
        "labels": (labels, ("auto", None)),
        "on_corrupt": (on_corrupt, ("skip", "error")),
        "crop": (crop, ("center", "none")),
    }
    for name, (value, allowed) in choices.items():
        if value not in allowed:
            raise ValueError(
                f"Expected {name} to be one of {', '.join(map(repr, allowed))}. "
                f"Received: {name}={value!r}"
            )
    root = pathlib.Path(directory).expanduser().absolute()
    if not root.is_dir():
        raise ValueError(
            "Expected a folder of pictures, and there is none of that name; check the path. "
            f"Received: directory={str(directory)!r}"
        )
    return root


def _list_pictures(root):
    found = [
        path
        for path in sorted(root.rglob("*"))
        if path.suffix.lower() in pictures.EXTENSIONS
        and path.is_file()
        and not any(part.startswith((".", "__MACOSX")) for part in path.relative_to(root).parts)
    ]
    if not found:
        raise ValueError(
            f"The folder holds no pictures ({', '.join(pictures.EXTENSIONS)}), nor do its "
            f"sub-folders. Received: directory={str(root)!r}"
        )
    return found


def _class_of(root, path):
    return path.relative_to(root).parts[0]


def _class_names(root, paths):
    """Sorted names of the sub-folders that hold pictures; None if they lie directly in `root`."""
    loose = [path.name for path in paths if path.parent == root]
    if len(loose) == len(paths):
        return None
    if loose:
        raise ValueError(
            "Some pictures lie in sub-folders, which give them labels, and others beside those. "
            "Move them into sub-folders, or pass labels=None for images alone. "
            f"Received: {len(loose)} pictures beside the sub-folders, such as {loose[0]!r}"
        )
    return sorted({_class_of(root, path) for path in paths})


def _read_all(paths, size, channels, crop):
    """Decodes every picture.

    Returns:
        (readable paths, their images or None if they are too many for memory, {path: error} of
        the others, function that reads one path).
    """
    workers = min(8, (os.cpu_count() or 1) + 1)
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        dtype = "uint16" if any(pool.map(pictures.is_16_bit, paths)) else "uint8"
        read = functools.partial(
            pictures.read_picture, size=size, channels=channels, crop=crop, dtype=dtype
        )
        shape = (len(paths), *size, channels)
        fits = np.prod(shape) * np.dtype(dtype).itemsize <= _MEMORY_LIMIT
        images = np.empty(shape, dtype) if fits else None
        good, errors, shown = [], {}, time.monotonic()
        for done, (path, outcome) in enumerate(zip(paths, pool.map(_attempt(read), paths))):
            if isinstance(outcome, OSError):
                errors[path] = outcome
                continue
            if fits:
                images[len(good)] = outcome
            good.append(path)
            if time.monotonic() - shown > _PROGRESS_SECONDS:
                shown = time.monotonic()
                print(f"kerasgan.data: {done + 1:,} of {len(paths):,} pictures read")
    return good, images[: len(good)] if fits else None, errors, read


def _attempt(read):
    def attempt(path):
        try:
            return read(path)
        except OSError as error:
            return error

    return attempt


def _report_errors(root, errors, num_good, on_corrupt):
    if not errors:
        return
    lines = [f"{path.relative_to(root)}: {error}" for path, error in errors.items()]
    more = len(lines) - _NAMES_LISTED
    listed = "\n  ".join(lines[:_NAMES_LISTED] + [f"and {more} more"] * (more > 0))
    if on_corrupt == "error" or not num_good:
        hint = "" if not num_good else ', or pass on_corrupt="skip" to leave them out'
        raise ValueError(
            f"Pictures that can't be decoded; repair or remove them{hint}:\n  {listed}\n"
            f"Received: {len(errors)} damaged of {num_good + len(errors)} in {root}"
        )
    warnings.warn(
        f"{len(errors)} damaged pictures in {root} are left out:\n  {listed}", stacklevel=3
    )


def _file_reader(paths, read, shape):
    """Reader of examples from the files themselves, for the pipeline."""
    dtype = tf.as_dtype(read.keywords["dtype"])

    def read_batch(indices):
        return np.stack([read(paths[index]) for index in indices])

    def reader(indices):
        images = tf.numpy_function(read_batch, [indices], dtype)
        return tf.ensure_shape(images, (*indices.shape, *shape))

    return reader
