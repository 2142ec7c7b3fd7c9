"""What reading pairs, unpaired domains and labelled domains of pictures has in common."""

import numpy as np
import tensorflow as tf

from kerasgan.data import augment, collection, pictures, pipeline
from kerasgan.data.order import EpochOrder, check_seed

_MEMORY_LIMIT = 1 << 30  # bytes of pictures, at load size, that a dataset holds in memory
_PARALLEL_CALLS = 4
_DRAWS = (2, 3)  # streams of the draws for two domains; 0 and 1 are their orders


class Reading:
    """How pictures are read; its arguments are those of `paired_images`, checked here.

    Args:
        batch_size: examples in a batch; None for a dataset of single examples.
        image_size: pixels, or (height, width).
        channels: 1, 3 or 4.
        crop: "center", "none", pixels, or (rows, columns).
        jitter: whether pictures are loaded greater and cropped at random.
        flip: whether they are mirrored at random.
        shuffle_seed: 64-bit integer, or None if nothing is random.
        on_corrupt: "skip" or "error".
        drop_remainder: leave out a last batch that is not full.

    Attributes:
        shape: (height, width, channels) of a picture in a batch.
        facts: dict for the dataset's description.

    Raises:
        ValueError: an argument out of range.
    """

    def __init__(
        self,
        batch_size,
        image_size,
        channels,
        crop,
        jitter,
        flip,
        shuffle_seed,
        on_corrupt,
        drop_remainder,
    ):
        choices = {
            "channels": (channels, (1, 3, 4)),
            "jitter": (jitter, (True, False)),
            "flip": (flip, (True, False)),
            "on_corrupt": (on_corrupt, ("skip", "error")),
        }
        for name, (value, allowed) in choices.items():
            check_choice(name, value, allowed)
        pipeline.check_batch_size(batch_size)
        self.size = pipeline.check_image_size(image_size)
        if self.size is None:
            raise ValueError("Pictures need a common image_size. Received: image_size=None")
        if check_seed(shuffle_seed) is None and (jitter or flip):
            raise ValueError(
                "Random crops and mirror images need a shuffle_seed; pictures to test with are "
                "read with jitter=False, flip=False, shuffle_seed=None. Received: "
                f"shuffle_seed=None, jitter={jitter}, flip={flip}"
            )
        self.batch_size, self.seed = batch_size, shuffle_seed
        self._draw_seeds = [augment.stream_seed(shuffle_seed, stream) for stream in _DRAWS]
        self.crop, self.jitter, self.flip = _check_crop(crop), jitter, flip
        self.on_corrupt, self.drop_remainder = on_corrupt, drop_remainder
        self.load_size = augment.load_size(self.size) if jitter else self.size
        self.shape = (*self.size, channels)
        self.facts = {"image_shape": self.shape, "crop": crop, "jitter": jitter, "flip": flip}

    def fit(self, pixels):
        """A decoded picture, cropped as asked, at load size: uint8 `[height, width, channels]`."""
        return pictures.fit(pixels, self.load_size, self.shape[-1], self.crop, "uint8")

    def decode_all(self, items, origin, decode=None, shape=(), share=1):
        """`collection.decode_all` with this reading's settings.

        Args:
            items: `collection.Encoded`s, or what `decode` takes.
            origin: for messages.
            decode: maps an item to uint8 `[*shape, *load_size, channels]`; None for one picture.
            shape: see `decode`.
            share: how many calls share the memory.
        """
        return collection.decode_all(
            items,
            decode or (lambda picture: self.fit(pictures.decode(picture.read()))),
            (*shape, *self.load_size, self.shape[-1]),
            "uint8",
            origin,
            self.on_corrupt,
            _MEMORY_LIMIT // share,
            stacklevel=3,
        )

    def order(self, num_examples, description):
        """The dataset's `EpochOrder`, once it is sure that a batch can be filled."""
        pipeline.check_enough(self.batch_size, num_examples, self.drop_remainder)
        description = {"num_classes": None, "class_names": None, **description, **self.facts}
        return EpochOrder(num_examples, self.seed, description)

    def picture(self, read, index, number, domain=0):
        """One example's pictures, cropped and mirrored at random: float32 in [-1, 1].

        Args:
            read: `Decoded.read`.
            index: int64 scalar, which item.
            number: int64 scalar, of the example among those of all epochs; the draws' seed.
            domain: 0 or 1; each has other draws.
        """
        images = read(index[tf.newaxis])[0]
        if self.jitter or self.flip:
            seed = tf.stack([tf.constant(self._draw_seeds[domain], tf.int64), number])
            images = augment.crop_and_flip(images, self.size, self.flip, seed)
        return pipeline.rescale(images)

    def dataset(self, order, example):
        """The dataset in the order of `order`; `example` maps (epoch, position) to an element."""
        dataset = augment.places(order)
        dataset = dataset.map(example, num_parallel_calls=_PARALLEL_CALLS, deterministic=True)
        if self.batch_size is not None:
            dataset = dataset.batch(self.batch_size, self.drop_remainder)
        options = tf.data.Options()
        options.autotune.enabled = False  # see pipeline.py
        return order.attach(dataset.prefetch(2).with_options(options))

    def ordered(self, order, read, finish):
        """The dataset of a single `read`: `finish` maps (pictures, index) to an element."""

        def example(epoch, position):
            index = order.indices(epoch, position[tf.newaxis])[0]
            number = epoch * order.num_examples + position
            return finish(self.picture(read, index, number), index)

        return self.dataset(order, example)


def check_choice(name, value, allowed):
    """Raises a ValueError unless `value` is one of `allowed`."""
    if value not in allowed:
        raise ValueError(
            f"Expected {name} to be one of {', '.join(map(repr, allowed))}. "
            f"Received: {name}={value!r}"
        )


def _check_crop(crop):
    """`crop` as "center", "none" or (rows, columns)."""
    if isinstance(crop, str) and crop in ("center", "none"):
        return crop
    pair = (crop, crop) if isinstance(crop, (int, np.integer)) else crop
    if (
        not isinstance(pair, (tuple, list))
        or len(pair) != 2
        or not all(isinstance(n, (int, np.integer)) and n >= 1 for n in pair)
    ):
        raise ValueError(
            'Expected crop to be "center", "none", a number of pixels, or (rows, columns). '
            f"Received: crop={crop!r}"
        )
    return tuple(int(n) for n in pair)
