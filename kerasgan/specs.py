"""What one batch of a model's data must look like, and the check of a dataset against it.

`ArraySpec` describes one part of a batch; a model's `data_spec()` returns a tuple of them.
`check_dataset` compares a `tf.data.Dataset` with such a tuple: first its structure, which costs
nothing, then the values of a few batches. It stands at the bottom of the import chain, so that
`fit` and `kerasgan.data.check` run the same check.
"""

import dataclasses
import warnings

import numpy as np
import tensorflow as tf

TOLERANCE = 1e-3


@dataclasses.dataclass(frozen=True)
class ArraySpec:
    """One part of a batch: its name, shape, dtype and allowed values.

    Args:
        name: what the part is called in messages, such as "images".
        shape: shape of one example, without the batch axis; None is a free axis.
        dtype: a dtype's name, or "int" (any integer) or "float" (any floating-point number).
        low: least value allowed (less 1e-3), or None.
        high: greatest value allowed (plus 1e-3), or None.
        num_classes: for labels: they lie in `[0, num_classes)`. None checks nothing.

    Example:
        >>> spec = ArraySpec("images", (28, 28, 1), "float32", low=-1.0, high=1.0)
        >>> spec.shape
        (28, 28, 1)
    """

    name: str
    shape: tuple
    dtype: str = "float32"
    low: float | None = None
    high: float | None = None
    num_classes: int | None = None

    def __post_init__(self):
        object.__setattr__(self, "shape", tuple(self.shape))


def check_dataset(dataset, specs, batches=1):
    """Checks a batched dataset against a model's specs.

    Parts of an element beyond `len(specs)` are ignored, as an unconditional GAN drops labels.
    Images that all lie in [0, 1] where [-1, 1] is expected only warn.

    Args:
        dataset: a batched `tf.data.Dataset` of tensors or tuples of tensors.
        specs: tuple of `ArraySpec`, one for each part of an element.
        batches: how many batches' values to check; None is all of them, 0 the structure only.

    Raises:
        ValueError: data that does not fit; the message says what was expected and what to do.

    Example:
        >>> images = tf.zeros((8, 4, 4, 1)) - 1.0
        >>> spec = ArraySpec("images", (4, 4, 1), "float32", low=-1.0, high=1.0)
        >>> check_dataset(tf.data.Dataset.from_tensor_slices(images).batch(4), (spec,))
    """
    if not isinstance(dataset, tf.data.Dataset):
        raise ValueError(
            "Expected a batched tf.data.Dataset, such as kerasgan.data.load(...) or "
            "tf.data.Dataset.from_tensor_slices(...).batch(...). "
            f"Received: dataset={type(dataset).__name__}"
        )
    specs = tuple(specs)
    element = dataset.element_spec
    for spec, part in zip(specs, _parts(element, specs, element)):
        _check_shape(spec.name, part.shape, part.dtype, spec)
        _check_dtype(spec.name, part.dtype, spec)
    cardinality = int(dataset.cardinality())
    if batches is None and cardinality == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            "This dataset repeats without end, so it can't be checked as a whole. Pass batches=n "
            "to check its first n batches. Received: batches=None"
        )
    _check_values(dataset if batches is None else dataset.take(batches), specs, batches)


def check_array(name, array, spec):
    """Checks one batch of one part of the data: shape, dtype and values.

    Args:
        name: what messages call the array.
        array: a NumPy array, batch axis first.
        spec: the `ArraySpec` to fit.

    Returns:
        (least, greatest) value found.

    Raises:
        ValueError: an array that does not fit; the message says what to do.

    Example:
        >>> labels = ArraySpec("labels", (), "int", num_classes=10)
        >>> low, high = check_array("labels", np.array([3, 0, 9]), labels)
        >>> print(low, high)
        0 9
    """
    dtype = tf.as_dtype(array.dtype)
    _check_shape(name, tf.TensorShape(array.shape), dtype, spec)
    _check_dtype(name, dtype, spec)
    if array.size == 0:
        raise ValueError(
            f"A batch of {name} is empty; each batch needs at least one example. "
            f"Received: {name}.shape={array.shape}"
        )
    low, high = array.min(), array.max()
    if dtype.is_floating and not (np.isfinite(low) and np.isfinite(high)):
        bad = int(np.size(array) - np.isfinite(array).sum())
        raise ValueError(
            f"{name} holds {bad} values that are NaN or infinite; find the examples that they "
            f"come from and repair or drop them. Received: {name} in [{low}, {high}]"
        )
    _check_range(name, low, high, spec)
    return low, high


def warn_of_range(spec, low, high, hint="", stacklevel=4):
    """Warns if all values lie in [0, 1] where a spec expects [-1, 1].

    Args:
        spec: `ArraySpec` of the values.
        low: least value found.
        high: greatest value found.
        hint: another way out, added to the message.
        stacklevel: as in `warnings.warn`, counted from here.
    """
    if spec.low == -1 and spec.high == 1 and 0 <= low < high <= 1:
        warnings.warn(
            f"All {spec.name} lie in [0, 1], but this model expects [-1, 1]; they were probably "
            "not rescaled: use images / 127.5 - 1 for 8-bit images, or images * 2 - 1. "
            f"{hint}Received: {spec.name} in [{low:g}, {high:g}]",
            stacklevel=stacklevel,
        )


def _parts(element, specs, whole):
    """The element's leading tensor specs, one for each of `specs`."""
    wanted = f"({', '.join(spec.name for spec in specs)})" if len(specs) > 1 else specs[0].name
    parts = tuple(element) if isinstance(element, (tuple, list)) else (element,)
    if len(parts) < len(specs):
        missing = ", ".join(spec.name for spec in specs[len(parts) :])
        raise ValueError(
            f"This model needs each element of the dataset to be {wanted}; {missing} missing. "
            f"Add what is missing, for example by tf.data.Dataset.zip((images, labels)). "
            f"Received: element_spec={whole}"
        )
    for spec, part in zip(specs, parts):
        if not isinstance(part, tf.TensorSpec):
            raise ValueError(
                f"This model needs each element of the dataset to be {wanted}, each a dense "
                f"tensor, but its {spec.name} are a {type(part).__name__}. Map the dataset to "
                f"that form. Received: element_spec={whole}"
            )
    return parts[: len(specs)]


def _check_shape(name, shape, dtype, spec):
    expected = (None, *spec.shape)
    if tf.TensorShape(expected).is_compatible_with(shape):
        return
    received = f"Expected {name} of shape {expected}. {{}} Received: {name}.shape={shape}"
    rank = shape.rank
    if rank == len(spec.shape) and tf.TensorShape(spec.shape).is_compatible_with(shape):
        hint = "The dataset is not batched: call .batch(batch_size) or load it with batch_size=."
    elif spec.shape == () and rank == 2 and shape[1] in (1, None):
        hint = f"Drop the last axis: {name}[:, 0]."
    elif spec.shape == () and rank == 2:
        hint = (
            "They look one-hot; this model takes integer labels: "
            f"tf.argmax({name}, -1, output_type=tf.int32). Attributes, of which several may be 1, "
            "need a model that is made for them (StarGAN: exclusive=False)."
        )
    elif spec.shape[-1:] == (1,) and tf.TensorShape(expected[:-1]).is_compatible_with(shape):
        hint = f"Add the channel axis: {name}[..., tf.newaxis]."
    elif rank == 4 and len(spec.shape) == 3 and shape[1] == spec.shape[2] != shape[3]:
        hint = f"Channels come last here: tf.transpose({name}, [0, 2, 3, 1])."
    elif rank == len(expected) == 4 and shape[3] == spec.shape[2]:
        hint = (
            "Load the data at the model's size (image_size=...) or build the model for the "
            "data's (image_shape=...)."
        )
    elif rank < len(expected):
        hint = "Is the dataset batched? If not, call .batch(batch_size)."
    else:
        hint = "Map the dataset to that shape, or build the model for the data's."
    raise ValueError(received.format(hint))


def _check_dtype(name, dtype, spec):
    if spec.dtype == "int":
        fits, cast = dtype.is_integer, "int32"
    elif spec.dtype == "float":
        fits, cast = dtype.is_floating, "float32"
    else:
        fits, cast = dtype == tf.as_dtype(spec.dtype), spec.dtype
    if fits:
        return
    hint = f"Cast them: tf.cast({name}, tf.{cast})."
    if dtype.is_integer and spec.low == -1:
        hint = (
            f"Rescale them: tf.cast({name}, tf.float32) / 127.5 - 1 (that is images / 127.5 - 1)."
        )
    raise ValueError(
        f"Expected {name} of dtype {spec.dtype}. {hint} Received: {name}.dtype={dtype.name}"
    )


def _check_range(name, low, high, spec):
    received = f"Received: {name} in [{low:g}, {high:g}]"
    if spec.num_classes is not None and (low < 0 or high >= spec.num_classes):
        raise ValueError(
            f"Expected {name} from 0 to {spec.num_classes - 1}, as this model has "
            f"num_classes={spec.num_classes}. Renumber them from 0, or build the model with "
            f"num_classes={int(high) + 1} or more. {received}"
        )
    too_low = spec.low is not None and low < spec.low - TOLERANCE
    too_high = spec.high is not None and high > spec.high + TOLERANCE
    if not (too_low or too_high):
        return
    hint = "Rescale them."
    if (spec.low, spec.high) == (-1, 1) and low >= 0 and 2 < high <= 255:
        hint = "They look like 8-bit values: images / 127.5 - 1."
    raise ValueError(f"Expected {name} in [{spec.low}, {spec.high}]. {hint} {received}")


def _check_values(dataset, specs, batches):
    """Checks each batch of `dataset`; the ranges over all of them give the [0, 1] warning."""
    ranges = []
    for element in dataset.as_numpy_iterator():
        parts = element if isinstance(element, (tuple, list)) else (element,)
        ranges.append([check_array(s.name, np.asarray(p), s) for s, p in zip(specs, parts)])
    if not ranges and batches != 0:
        raise ValueError(
            "The dataset is empty. Is batch_size greater than the number of examples, with "
            "drop_remainder=True? Received: 0 batches"
        )
    for spec, found in zip(specs, zip(*ranges)):
        warn_of_range(spec, min(f[0] for f in found), max(f[1] for f in found), stacklevel=5)
