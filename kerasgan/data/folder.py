"""`image_folder`: a user's own pictures."""

import concurrent.futures

from kerasgan.data import collection, pictures, pipeline
from kerasgan.data.order import EpochOrder, check_seed

_MEMORY_LIMIT = 1 << 30  # bytes of pictures, at the wanted size, that are held in memory


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
        >>> import tempfile, kerasgan, tensorflow as tf
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
    found = collection.list_pictures("directory", root)
    classes = _class_names(found) if labels == "auto" else None
    with concurrent.futures.ThreadPoolExecutor() as pool:
        wide = any(pool.map(pictures.is_16_bit, [root / picture.name for picture in found]))
    shape, dtype = (*size, channels), "uint16" if wide else "uint8"

    def decode(picture):
        return pictures.fit(pictures.decode(picture.read()), size, channels, crop, dtype)

    decoded = collection.decode_all(found, decode, shape, dtype, root, on_corrupt, _MEMORY_LIMIT)
    total = len(decoded.items)
    pipeline.check_enough(batch_size, total, drop_remainder)
    order = EpochOrder(
        total,
        shuffle_seed,
        {
            "name": root.name,
            "split": None,
            "source": "folder",
            "origin": str(root),
            "num_classes": len(classes) if classes else None,
            "class_names": classes,
            "image_shape": shape,
            "skipped": [str(root / name) for name in decoded.skipped],
        },
    )
    what = f"{total:,} image{'' if total == 1 else 's'} of {shape}"
    print(f"kerasgan.data: {what} from {root}" + (f", {len(classes)} classes" if classes else ""))
    return pipeline.image_dataset(
        order,
        decoded.read,
        [classes.index(_class_of(picture)) for picture in decoded.items] if classes else None,
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
    return collection.find_directory("directory", directory)


def _class_of(picture):
    return picture.name.split("/")[0]


def _class_names(found):
    """Sorted names of the sub-folders that hold pictures; None if all lie beside those."""
    loose = [picture.name for picture in found if "/" not in picture.name]
    if len(loose) == len(found):
        return None
    if loose:
        raise ValueError(
            "Some pictures lie in sub-folders, which give them labels, and others beside those. "
            "Move them into sub-folders, or pass labels=None for images alone. "
            f"Received: {len(loose)} pictures beside the sub-folders, such as {loose[0]!r}"
        )
    return sorted({_class_of(picture) for picture in found})
