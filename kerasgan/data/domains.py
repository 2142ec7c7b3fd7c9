"""Pictures of several domains: a folder for each, or a table of attributes."""

import tensorflow as tf

from kerasgan.data import attributes as tables
from kerasgan.data import collection, pictures, records
from kerasgan.data.reading import Reading


def domain_images(
    directory,
    batch_size=None,
    image_size=128,
    flip=True,
    jitter=False,
    shuffle_seed=0,
    channels=3,
    crop="center",
    on_corrupt="skip",
    drop_remainder=True,
):
    """Pictures with the number of their domain, as StarGAN trains on.

    Choi et al. 2018 (https://arxiv.org/abs/1711.09020, section 5): central crop, resize to 128 x
    128, random mirror image. Up to 1 GiB of pictures stays in memory; more is decoded anew in each
    epoch.

    Args:
        directory: a folder with a sub-folder of pictures for each domain, or a set that
            `recipes/build_data.py` has made.
        batch_size: pictures in a batch; None for a dataset of single ones.
        image_size: pixels, or (height, width), to resize to (bilinear, antialiased).
        flip: mirror at random, left to right.
        jitter: resize to 286 / 256 of `image_size`, and crop at random to `image_size`.
        shuffle_seed: 64-bit integer, of the order and of all draws. None keeps the order of the
            names, and needs `jitter=False, flip=False`: so test pictures are read.
        channels: 1 (grey), 3 (RGB) or 4 (RGBA); other pictures are converted.
        crop: cut out before resizing: "center" the greatest central part of the wanted aspect,
            pixels or (rows, columns) a central part of that size, such as 178 for the paper's
            CelebA; "none" distorts.
        on_corrupt: "skip" leaves damaged pictures out with a warning that names them; "error"
            raises.
        drop_remainder: leave out a last batch that is not full.

    Returns:
        `tf.data.Dataset` of (images, labels): float32 `[batch_size, height, width, channels]` in
        [-1, 1], and int32 `[batch_size]`, the number of the domain in the sorted names, which
        `kerasgan.data.describe` has as `class_names`.

    Raises:
        ValueError: an argument out of range, fewer than two domains, one without pictures, pictures
            beside the sub-folders, pictures smaller than the crop: the message names them.

    Example:
        >>> import tempfile, kerasgan
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("day/1", "night/1"):
        ...         picture = tf.io.encode_png(tf.zeros((20, 20, 3), tf.uint8))
        ...         tf.io.write_file(f"{folder}/{name}.png", picture)
        ...     ds = kerasgan.data.domain_images(folder, batch_size=2, image_size=16)
        kerasgan.data: 2 images of (16, 16, 3) from ..., 2 domains
        >>> images, labels = next(iter(ds))
        >>> images.shape, sorted(labels.numpy().tolist())
        (TensorShape([2, 16, 16, 3]), [0, 1])
    """
    reading = Reading(
        batch_size,
        image_size,
        channels,
        crop,
        jitter,
        flip,
        shuffle_seed,
        on_corrupt,
        drop_remainder,
    )
    root = collection.find_directory("directory", directory)
    names = _domain_names(root)
    found = [
        collection.Encoded(f"{name}/{picture.name}", picture.read)
        for name in names
        for picture in collection.open_domain("directory", root / name).pictures
    ]
    decoded = reading.decode_all(found, root)
    labels = [names.index(picture.name.split("/")[0]) for picture in decoded.items]
    empty = [name for number, name in enumerate(names) if number not in labels]
    if empty:
        raise ValueError(
            f"All pictures of a domain are damaged. Received: {', '.join(empty)} in {root}"
        )
    facts = {"num_classes": len(names), "class_names": names}
    facts["source"] = "records" if records.is_record_set(root) else "folder"
    return _labelled(reading, root, decoded, facts, f"{len(names)} domains", labels, tf.int32)


def attribute_images(
    directory,
    table,
    attributes,
    batch_size=None,
    image_size=128,
    flip=True,
    jitter=False,
    shuffle_seed=0,
    channels=3,
    crop="center",
    on_corrupt="skip",
    drop_remainder=True,
):
    """Pictures with attributes out of a table, as StarGAN trains on CelebA.

    Args:
        directory: a folder of pictures (see `image_folder`). Those that the table does not name are
            left out.
        table: a CSV file: a header, with the file's name in the first column and an attribute in
            each other, then a line for each picture, with 0 and 1, or -1 and 1; or CelebA's own
            `list_attr_celeba.txt`.
        attributes: list of the columns wanted, in that order.
        batch_size: as in `domain_images`, and so are all others.
        image_size: see there.
        flip: see there.
        jitter: see there.
        shuffle_seed: see there.
        channels: see there.
        crop: see there; 178 for CelebA as in the paper.
        on_corrupt: see there.
        drop_remainder: see there.

    Returns:
        `tf.data.Dataset` of (images, labels): as `domain_images`, but labels are float32
        `[batch_size, len(attributes)]` of 0 and 1. `kerasgan.data.describe` has the `attributes`.

    Raises:
        ValueError: an argument out of range; unknown columns, files that are missing, other values,
            pictures smaller than the crop: the message names them.

    Example:
        >>> import pathlib, tempfile, kerasgan
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     picture = tf.io.encode_png(tf.zeros((20, 20, 3), tf.uint8))
        ...     tf.io.write_file(f"{folder}/1.png", picture)
        ...     table = pathlib.Path(folder, "table.csv")
        ...     _ = table.write_text("file,Male,Young\\n1.png,-1,1\\n")
        ...     ds = kerasgan.data.attribute_images(folder, table, ["Young", "Male"], batch_size=1)
        kerasgan.data: 1 image of (128, 128, 3) from ..., 2 attributes
        >>> next(iter(ds))[1].numpy().tolist()
        [[1.0, 0.0]]
    """
    reading = Reading(
        batch_size,
        image_size,
        channels,
        crop,
        jitter,
        flip,
        shuffle_seed,
        on_corrupt,
        drop_remainder,
    )
    root = collection.find_directory("directory", directory)
    rows = tables.read_attributes(table, attributes)
    found = {picture.name: picture for picture in collection.list_pictures("directory", root)}
    missing = [name for name in rows if name not in found]
    if missing:
        raise ValueError(
            f"The table names pictures that are not in {root}. Received: table={str(table)!r}, "
            f"{len(missing)} of {len(rows)} missing: {collection.listed(missing)}"
        )
    decoded = reading.decode_all([found[name] for name in sorted(rows)], root)
    labels = [rows[picture.name] for picture in decoded.items]
    facts = {"attributes": list(attributes), "source": "folder"}
    what = f"{len(attributes)} attribute{'' if len(attributes) == 1 else 's'}"
    return _labelled(reading, root, decoded, facts, what, labels, tf.float32)


def _domain_names(root):
    if records.is_record_set(root):
        names = sorted(records.domains(root))
    else:
        visible = [p for p in sorted(root.iterdir()) if not p.name.startswith((".", "__MACOSX"))]
        loose = [p.name for p in visible if p.suffix.lower() in pictures.EXTENSIONS and p.is_file()]
        if loose:
            raise ValueError(
                "Each picture needs to lie in the sub-folder of its domain. Received: "
                f"directory={str(root)!r}, beside its sub-folders {collection.listed(loose)}"
            )
        names = [path.name for path in visible if path.is_dir()]
    if len(names) < 2:
        raise ValueError(
            "Expected a sub-folder of pictures for each domain, two at least. "
            f"Received: directory={str(root)!r} with {len(names)}"
        )
    return names


def _labelled(reading, root, decoded, facts, what, labels, dtype):
    """The dataset of pictures with `labels`, one for each of `decoded.items`."""
    total = len(decoded.items)
    facts = {"name": root.name, "split": None, "origin": str(root), **facts}
    order = reading.order(total, {**facts, "skipped": decoded.skipped})
    images = f"{total:,} image{'' if total == 1 else 's'} of {reading.shape}"
    print(f"kerasgan.data: {images} from {root}, {what}")
    with tf.device("CPU:0"):
        labels = tf.constant(labels, dtype)
    return reading.ordered(order, decoded.read, lambda image, n: (image, tf.gather(labels, n)))
