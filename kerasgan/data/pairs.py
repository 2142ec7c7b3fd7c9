"""Pictures for image-to-image translation: in pairs, or in two domains without pairs."""

import pathlib
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from kerasgan.data import augment, collection, pictures
from kerasgan.data.order import EpochOrder
from kerasgan.data.reading import Reading, check_choice

_SIDES = ("left", "right")
_NARROWEST = 1.2  # width / height of a picture from which on it may well be two side by side


def paired_images(
    directory,
    batch_size=None,
    image_size=256,
    inputs="left",
    jitter=True,
    flip=True,
    shuffle_seed=0,
    split=None,
    channels=3,
    crop="center",
    on_corrupt="skip",
    drop_remainder=True,
):
    """Pairs of pictures, as pix2pix trains on.

    Isola et al. 2017 (https://arxiv.org/abs/1611.07004, section 6.2): random crop and mirror image,
    the same for both halves of a pair. Pictures are decoded once, before training starts; up to
    1 GiB of them stays in memory, more is decoded anew in each epoch.

    Args:
        directory: a folder of pictures (see `image_folder`) that hold both halves side by side; or
            a tuple of two folders, whose partners have the same name, but for the extension.
        batch_size: pairs in a batch; None for a dataset of single pairs.
        image_size: pixels, or (height, width), of each half (bilinear, antialiased).
        inputs: "left" if the left half, or the first folder, is the model's input; "right" for the
            other.
        jitter: resize to 286 / 256 of `image_size`, and crop at random to `image_size`.
        flip: mirror at random, left to right.
        shuffle_seed: 64-bit integer, of the order and of all draws. None keeps the order of the
            names, and needs `jitter=False, flip=False`: so test pictures are read.
        split: sub-folder of `directory` (of each of the two) to read, such as "train".
        channels: 1 (grey), 3 (RGB) or 4 (RGBA); other pictures are converted.
        crop: cut out of each half before it is resized: "center" the greatest central part of the
            wanted aspect, pixels or (rows, columns) a central part of that size; "none" distorts.
        on_corrupt: "skip" leaves out pairs with a damaged picture, with a warning that names them;
            "error" raises.
        drop_remainder: leave out a last batch that is not full.

    Returns:
        `tf.data.Dataset` of (inputs, targets), both float32 `[batch_size, height, width, channels]`
        in [-1, 1].

    Raises:
        ValueError: an argument out of range; no pictures; halves of unequal size, missing partners,
            pictures smaller than the crop; one folder of pictures that are all too narrow to be two
            side by side, unless `image_size` asks for narrow halves: the message names them.

    Example:
        >>> import tempfile, kerasgan
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     both = tf.concat([tf.zeros((32, 32, 3)), 255 + tf.zeros((32, 32, 3))], axis=1)
        ...     tf.io.write_file(f"{folder}/1.png", tf.io.encode_png(tf.cast(both, tf.uint8)))
        ...     ds = kerasgan.data.paired_images(folder, batch_size=1, image_size=16)
        kerasgan.data: 1 pair of (16, 16, 3) from ...
        >>> inputs, targets = next(iter(ds))
        >>> inputs.shape, float(inputs[0, 0, 0, 0]), float(targets[0, 0, 0, 0])
        (TensorShape([1, 16, 16, 3]), -1.0, 1.0)
    """
    check_choice("inputs", inputs, _SIDES)
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
    roots = _roots(directory, split)
    found = [collection.list_pictures("directory", root) for root in roots]
    if len(roots) == 1:
        _check_no_partners(roots[0], found[0])
    items, halves = (found[0], _halves) if len(roots) == 1 else (_match(*found, roots), _partners)
    sides = slice(None) if inputs == "left" else slice(None, None, -1)
    shapes = {}  # of a half, by the picture's name

    def decode(item):
        both = halves(item)
        shapes[item.name] = both[0].shape[:2]
        return np.stack([reading.fit(half) for half in both[sides]])

    origin = " and ".join(map(str, roots))
    decoded = reading.decode_all(items, origin, decode, shape=(2,))
    if len(roots) == 1:
        _check_halves(roots[0], shapes, reading.size)
    total = len(decoded.items)
    order = reading.order(
        total,
        {
            "name": "+".join(root.name for root in roots),
            "split": split,
            "source": "folder",
            "origin": origin,
            "inputs": inputs,
            "skipped": decoded.skipped,
        },
    )
    what = f"{total:,} pair{'' if total == 1 else 's'} of {reading.shape}"
    print(f"kerasgan.data: {what} from {origin}")
    return reading.ordered(order, decoded.read, lambda both, index: (both[0], both[1]))


def unpaired_images(
    domain_a,
    domain_b,
    batch_size=None,
    image_size=256,
    jitter=True,
    flip=True,
    shuffle_seed=0,
    channels=3,
    crop="center",
    on_corrupt="skip",
    drop_remainder=True,
):
    """Pictures of two domains without pairs, as CycleGAN, DualGAN and DiscoGAN train on.

    Zhu et al. 2017 (https://arxiv.org/abs/1703.10593, section 7.1). An epoch is as long as the
    greater domain; of the smaller, pass follows pass, each in a new order. Orders, crops and mirror
    images of the two are independent. Up to 512 MiB of each domain stays in memory; if it is
    greater, pictures are decoded anew in each epoch.

    Args:
        domain_a: a folder of pictures (see `image_folder`); a domain of a set that
            `recipes/build_data.py` has made, `<set>/<domain>`; or one of TFDS's cycle_gan/*, such
            as "tfds:cycle_gan/horse2zebra/trainA".
        domain_b: as `domain_a`.
        batch_size: pictures of each domain in a batch; None for a dataset of single ones.
        image_size: pixels, or (height, width), to resize to (bilinear, antialiased).
        jitter: resize to 286 / 256 of `image_size`, and crop at random to `image_size`.
        flip: mirror at random, left to right.
        shuffle_seed: 64-bit integer, of the orders and of all draws. None keeps the order of the
            names, and needs `jitter=False, flip=False`: so test pictures are read.
        channels: 1 (grey), 3 (RGB) or 4 (RGBA); other pictures are converted.
        crop: cut out before resizing: "center" the greatest central part of the wanted aspect,
            pixels or (rows, columns) a central part of that size; "none" distorts.
        on_corrupt: "skip" leaves damaged pictures out with a warning that names them; "error"
            raises.
        drop_remainder: leave out a last batch that is not full.

    Returns:
        `tf.data.Dataset` of (images_a, images_b), both float32
        `[batch_size, height, width, channels]` in [-1, 1].

    Raises:
        ValueError: an argument out of range, a domain without pictures, pictures smaller than the
            crop: the message names them.
        FileNotFoundError: a domain of cycle_gan is not at hand; the message says what to do.

    Example:
        >>> import tempfile, kerasgan
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name, level in [("a/1", 0), ("b/1", 255), ("b/2", 255)]:
        ...         picture = tf.io.encode_png(tf.cast(level + tf.zeros((20, 20, 3)), tf.uint8))
        ...         tf.io.write_file(f"{folder}/{name}.png", picture)
        ...     ds = kerasgan.data.unpaired_images(f"{folder}/a", f"{folder}/b", 1, image_size=16)
        kerasgan.data: 1 and 2 images of (16, 16, 3) from ...
        >>> [(float(a[0, 0, 0, 0]), float(b[0, 0, 0, 0])) for a, b in ds]
        [(-1.0, 1.0), (-1.0, 1.0)]
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
    domains = [
        collection.open_domain("domain_a", domain_a),
        collection.open_domain("domain_b", domain_b),
    ]
    decoded = [reading.decode_all(d.pictures, d.origin, share=2) for d in domains]
    sizes = [len(d.items) for d in decoded]
    longer = max(sizes)
    names = [d.name for d in domains]
    order = reading.order(
        longer,
        {
            "name": "+".join(names),
            "split": None,
            "source": "+".join(dict.fromkeys(d.source for d in domains)),
            "origin": " and ".join(d.origin for d in domains),
            "domain_sizes": sizes,
            "skipped": [f"{n}: {name}" for n, d in zip(names, decoded) for name in d.skipped],
        },
    )
    orders = [
        EpochOrder(size, augment.stream_seed(shuffle_seed, stream))
        for stream, size in enumerate(sizes)
    ]
    what = f"{sizes[0]:,} and {sizes[1]:,} images of {reading.shape}"
    print(f"kerasgan.data: {what} from {order.description['origin']}")

    def example(epoch, position):
        epoch = tf.zeros_like(epoch) if shuffle_seed is None else epoch
        number = epoch * longer + position  # of the example among those of all epochs

        def picture(domain):
            size = sizes[domain]
            index = orders[domain].indices(number // size, (number % size)[tf.newaxis])[0]
            return reading.picture(decoded[domain].read, index, number, domain)

        return picture(0), picture(1)

    return reading.dataset(order, example)


class _Partners(NamedTuple):
    """A pair in two folders."""

    name: str
    first: collection.Encoded
    second: collection.Encoded


def _roots(directory, split):
    """The folder, or the two folders, to read."""
    folders = directory if isinstance(directory, (tuple, list)) else [directory]
    if len(folders) not in (1, 2):
        raise ValueError(
            "Expected a folder of pictures with two halves, or a tuple of two folders. "
            f"Received: directory={directory!r}"
        )
    folders = [pathlib.Path(folder, split) if split else folder for folder in folders]
    return [collection.find_directory("directory", folder) for folder in folders]


def _halves(picture):
    """Left and right half of a picture."""
    pixels = pictures.decode(picture.read())
    width = pixels.shape[1]
    if width % 2:
        raise pictures.Unfit(f"{width} pixels wide, so its halves are unequal")
    return [pixels[:, : width // 2], pixels[:, width // 2 :]]


def _check_halves(root, shapes, size):
    """ValueError if all pictures are too narrow to be two, and no such halves are asked for."""
    narrow = all(2 * width < _NARROWEST * height for height, width in shapes.values())
    if narrow and 2 * size[1] >= _NARROWEST * size[0]:
        name = min(shapes)
        height, width = shapes[name]
        raise ValueError(
            "Expected pictures with both halves side by side, and none is much wider than high. "
            "For partners by file name in two folders give both: directory=(inputs, targets). If "
            "the halves are so narrow, ask for such: image_size=(height, width). Received: "
            f"directory={str(root)!r}, with pictures such as {name}, {2 * width} pixels wide and "
            f"{height} high, image_size={size}"
        )


def _partners(pair):
    """The two pictures of a pair."""
    both = [pictures.decode(picture.read()) for picture in pair[1:]]
    sizes = ["{} x {}".format(*pixels.shape[:2]) for pixels in both]
    if sizes[0] != sizes[1]:
        raise pictures.Unfit(f"partners of unequal size, {sizes[0]} and {sizes[1]} pixels")
    return both


def _check_no_partners(root, found):
    """ValueError for one folder with two sub-folders of the same names: those are the two sides."""
    names = {}
    for picture in found:
        folder, slash, name = picture.name.partition("/")
        if not slash:
            return
        names.setdefault(folder, set()).add(name)
    first, *others = names.values()
    if len(others) == 1 and first == others[0]:
        a, b = (str(root / folder) for folder in names)
        raise ValueError(
            "Expected pictures with both halves side by side. For partners by file name in two "
            f"folders give both: directory=({a!r}, {b!r}). Received: directory={str(root)!r}"
        )


def _match(first, second, roots):
    """Pairs of pictures of the same name, extension aside."""
    by_stem = []
    for found, root in zip((first, second), roots):
        stems = {}
        for picture in found:
            stems.setdefault(picture.name.rpartition(".")[0], []).append(picture)
        double = [f"{one.name} and {two.name}" for one, two, *_ in _several(stems)]
        if double:
            raise ValueError(
                "Partners are found by name, extension aside, so each name may occur once in a "
                f"folder. Received: {collection.listed(double)} in {root}"
            )
        by_stem.append({stem: pictures[0] for stem, pictures in stems.items()})
    one, two = by_stem
    lonely = [collection.listed(sorted(a.keys() - b.keys())) for a, b in ((one, two), (two, one))]
    if any(lonely):
        received = [f"only in {root}: {names}" for root, names in zip(roots, lonely) if names]
        raise ValueError(
            "Each picture needs a partner of the same name, extension aside, in the other folder. "
            f"Received: {'; '.join(received)}"
        )
    return [_Partners(stem, one[stem], two[stem]) for stem in sorted(one)]


def _several(stems):
    return [found for found in stems.values() if len(found) > 1]
