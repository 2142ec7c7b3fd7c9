import warnings

import numpy as np
import pytest
import tensorflow as tf

from kerasgan import specs

IMAGES = specs.ArraySpec("images", (4, 4, 1), "float32", low=-1.0, high=1.0)
LABELS = specs.ArraySpec("labels", (), "int", num_classes=10)


def images(value=-1.0, shape=(8, 4, 4, 1), dtype="float32"):
    return np.full(shape, value, dtype)


def labels(value=3, shape=(8,), dtype="int32"):
    return np.full(shape, value, dtype)


def batched(*parts, batch_size=4):
    data = parts if len(parts) > 1 else parts[0]
    return tf.data.Dataset.from_tensor_slices(data).batch(batch_size)


GOOD = [
    (batched(images()), (IMAGES,)),
    (batched(images(), labels()), (IMAGES, LABELS)),
    (batched(images(), labels(dtype="uint8")), (IMAGES, LABELS)),
    (batched(images(), labels(), labels()), (IMAGES, LABELS)),  # extra parts are left aside
    (batched(images(), labels()), (IMAGES,)),
    (batched(images(1.0009)), (IMAGES,)),  # within the tolerance
    (batched(images(-1.0009)), (IMAGES,)),
    (batched(images(shape=(8, 6, 5, 1))), (specs.ArraySpec("images", (None, None, 1), low=-1),)),
    (batched(images(7.0, (8, 3), "float64")), (specs.ArraySpec("points", (3,), "float"),)),
]


@pytest.mark.parametrize("dataset, spec", GOOD)
def test_good_data_passes_without_warning(dataset, spec):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        specs.check_dataset(dataset, spec, batches=None)


one_nan = images()
one_nan[5, 0, 0, 0] = np.nan
one_inf = images()
one_inf[5, 0, 0, 0] = np.inf
BAD = {
    "unbatched": (tf.data.Dataset.from_tensor_slices(images()), (IMAGES,), "not batched.*.batch"),
    "uint8": (batched(images(0, dtype="uint8")), (IMAGES,), "127.5 - 1.*images.dtype=uint8"),
    "bytes as floats": (batched(images(200.0)), (IMAGES,), r"8-bit.*127.5 - 1.*\[200, 200\]"),
    "too high": (batched(images(1.01)), (IMAGES,), r"Expected images in \[-1.0, 1.0\]"),
    "too low": (batched(images(-1.01)), (IMAGES,), r"Expected images in \[-1.0, 1.0\]"),
    "nan": (batched(one_nan), (IMAGES,), "1 values that are NaN"),
    "inf": (batched(one_inf), (IMAGES,), "1 values that are NaN or infinite"),
    "float64": (batched(images(dtype="float64")), (IMAGES,), "tf.cast.images, tf.float32"),
    "no channel axis": (batched(images(shape=(8, 4, 4))), (IMAGES,), "channel axis.*newaxis"),
    "wrong size": (batched(images(shape=(8, 5, 5, 1))), (IMAGES,), "image_size.*image_shape"),
    "wrong channels": (batched(images(shape=(8, 4, 4, 3))), (IMAGES,), "Map the dataset"),
    "vectors": (batched(images(shape=(8, 16))), (IMAGES,), "Is the dataset batched"),
    "channels first": (
        batched(images(shape=(8, 3, 5, 5))),
        (specs.ArraySpec("images", (5, 5, 3), low=-1, high=1),),
        "Channels come last",
    ),
    "no labels": (
        batched(images()),
        (IMAGES, LABELS),
        r"\(images, labels\); labels missing.*element_spec=",
    ),
    "float labels": (
        batched(images(), labels(dtype="float32")),
        (IMAGES, LABELS),
        "tf.cast.labels, tf.int32.*labels.dtype=float32",
    ),
    "one-hot": (
        batched(images(), labels(0, (8, 10))),
        (IMAGES, LABELS),
        r"one-hot.*integer labels: tf.argmax",
    ),
    "label column": (batched(images(), labels(0, (8, 1))), (IMAGES, LABELS), r"labels\[:, 0\]"),
    "label too high": (
        batched(images(), labels(10)),
        (IMAGES, LABELS),
        "from 0 to 9.*num_classes=11 or more",
    ),
    "label negative": (batched(images(), labels(-1)), (IMAGES, LABELS), "from 0 to 9"),
    "empty": (batched(images()).take(0), (IMAGES,), "is empty.*drop_remainder"),
    "no drop": (
        tf.data.Dataset.from_tensor_slices(images()).batch(9, drop_remainder=True),
        (IMAGES,),
        "is empty",
    ),
    "dict": (batched({"images": images()}), (IMAGES,), "images are a dict.*Map the dataset"),
    "endless": (batched(images()).repeat(), (IMAGES,), "repeats without end.*batches=n"),
    "array": (images(), (IMAGES,), "Expected a batched tf.data.Dataset.*dataset=ndarray"),
}


@pytest.mark.parametrize("case", BAD)
def test_each_mistake_is_named_with_its_remedy(case):
    dataset, spec, message = BAD[case]
    with pytest.raises(ValueError, match=f"(?s){message}") as caught:
        specs.check_dataset(dataset, spec, batches=None)
    assert "Received: " in str(caught.value)


def test_only_the_asked_number_of_batches_is_read():
    specs.check_dataset(batched(one_nan), (IMAGES,), batches=1)
    specs.check_dataset(batched(one_nan).repeat(), (IMAGES,), batches=1)
    with pytest.raises(ValueError, match="NaN"):
        specs.check_dataset(batched(one_nan), (IMAGES,), batches=2)


def test_structure_alone_draws_nothing():
    def fail():
        raise AssertionError("drawn")
        yield

    spec = tf.TensorSpec((None, 4, 4, 1), "float32")
    specs.check_dataset(
        tf.data.Dataset.from_generator(fail, output_signature=spec), (IMAGES,), batches=0
    )


def test_unknown_shapes_are_checked_on_the_values():
    spec = tf.TensorSpec(None, "float32")
    dataset = tf.data.Dataset.from_generator(
        lambda: iter([images(shape=(2, 5, 5, 1))]), output_signature=spec
    )
    with pytest.raises(ValueError, match="image_size"):
        specs.check_dataset(dataset, (IMAGES,))


def test_images_in_zero_one_warn_over_all_batches():
    half = np.concatenate([images(0.0), images(1.0)])
    with pytest.warns(UserWarning, match=r"not rescaled.*\[0, 1\]"):
        specs.check_dataset(batched(half), (IMAGES,), batches=None)
    half[-1] = -0.1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        specs.check_dataset(batched(half), (IMAGES,), batches=None)


def test_check_array_returns_the_range_and_refuses_empty_batches():
    assert specs.check_array("labels", np.array([2, 7]), LABELS) == (2, 7)
    with pytest.raises(ValueError, match="is empty"):
        specs.check_array("labels", np.zeros((0,), "int32"), LABELS)


def test_spec_is_frozen_and_normalises_its_shape():
    spec = specs.ArraySpec("images", [4, 4, 1])
    assert spec.shape == (4, 4, 1)
    with pytest.raises(AttributeError):
        spec.name = "other"
