"""What an extractor does to images, what it says of itself, and the shipped classifiers."""

import hashlib
import urllib.error

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import metrics
from kerasgan.metrics import extractor as extractor_module
from kerasgan.metrics import features


def test_features_and_probabilities_by_hand():
    network = keras.Sequential(
        [keras.Input((1, 2, 1)), keras.layers.Flatten(name="flat"), keras.layers.Dense(2)]
    )
    network.layers[-1].set_weights([np.array([[1.0, 0.0], [0.0, 3.0]]), np.array([0.0, 1.0])])
    extractor = metrics.from_model(network, "flat", name="hand", classes="logits")
    images = np.array([[[[0.5], [-1.0]]]])
    np.testing.assert_allclose(extractor(images), [[0.5, -1.0]], atol=1e-7)
    wanted = np.exp([0.5, -2.0]) / np.exp([0.5, -2.0]).sum()  # logits 0.5 and 3 * -1 + 1
    np.testing.assert_allclose(extractor.probabilities(images), [wanted], atol=1e-6)
    assert (extractor.width, extractor.num_classes) == (2, 2)


def test_probabilities_are_taken_as_they_are_where_the_network_ends_in_them():
    network = keras.Sequential(
        [keras.Input((1, 2, 1)), keras.layers.Flatten(name="flat"), keras.layers.Softmax()]
    )
    extractor = metrics.from_model(network, "flat", classes="probabilities")
    images = np.log([0.4, 0.8]).reshape(1, 1, 2, 1)  # their softmax is 1/3, 2/3
    np.testing.assert_allclose(extractor.probabilities(images), [[1 / 3, 2 / 3]], rtol=1e-6)


def test_conversion_of_range_by_hand():
    network = keras.Sequential([keras.Input((1, 3, 1)), keras.layers.Flatten()])
    extractor = metrics.from_model(network, value_range=(0, 255))
    images = np.array([-1.0, 0.0, 1.0]).reshape(1, 1, 3, 1)
    np.testing.assert_allclose(extractor(images), [[0.0, 127.5, 255.0]], atol=1e-4)


def test_grey_is_replicated_where_that_was_asked_for():
    network = keras.Sequential([keras.Input((1, 2, 3)), keras.layers.Flatten()])
    images = np.array([0.25, -0.5]).reshape(1, 1, 2, 1)
    extractor = metrics.from_model(network, replicate_grey=True)
    np.testing.assert_allclose(extractor(images), [[0.25] * 3 + [-0.5] * 3])
    assert extractor.protocol()["grey"] == "replicated to RGB"
    with pytest.raises(ValueError, match=r"takes images of 3 channel.*Received: images of shape"):
        metrics.from_model(network)(images)


def test_colour_is_not_taken_for_grey():
    with pytest.raises(ValueError, match="'mnist_classifier' takes images of 1 channel"):
        metrics.classifier("mnist")(np.zeros((1, 28, 28, 3)))


@pytest.mark.parametrize(
    "before, after", [((28, 28), (7, 9)), ((5, 8), (11, 8)), ((32, 32), (28, 28)), ((4, 9), (8, 3))]
)
def test_resize_is_tensorflows_antialiased_one(before, after, images):
    pictures = images(3, 0, (*before, 2))
    wanted = tf.image.resize(pictures, after, "bilinear", antialias=True)
    np.testing.assert_allclose(extractor_module.resize(pictures, after), wanted, atol=1e-5)


def test_resizes_within_xla_to_what_the_network_takes(pixels, images):
    pictures = images(3, 0, (4, 4, 1))
    # Halving a side: weights 1/7, 3/7, 3/7 and 0 of the four pixels; hand: triangle of width 4.
    row = np.array([[3 / 7, 3 / 7, 1 / 7, 0], [0, 1 / 7, 3 / 7, 3 / 7]])
    wanted = np.einsum("yh,bhwc,xw->byxc", row, pictures, row).reshape(3, 4)
    made = tf.function(pixels.__call__, jit_compile=True)(pictures)
    np.testing.assert_allclose(made, wanted, atol=1e-6)


def test_protocol(pixels):
    protocol = pixels.protocol((4, 4, 1))
    assert protocol == {
        "extractor": "pixels",
        "weights_sha256": hashlib.sha256(b"").hexdigest(),  # it has no weights
        "feature_width": 4,
        "input_shape": [2, 2, 1],
        "value_range": [-1.0, 1.0],
        "resizer": "bilinear, antialiased when shrinking, to 2x2",
        "grey": "as it is",
    }
    assert pixels.protocol((2, 2, 1))["resizer"] == "none"


def test_hash_of_the_weights_by_hand(tiny):
    digest = hashlib.sha256()
    for weight in tiny.network.get_weights():
        digest.update(f"{weight.shape} float32".encode() + weight.tobytes())
    assert tiny.weights_sha256() == digest.hexdigest()
    before = tiny.weights_sha256()
    tiny.network.set_weights([w + 1e-6 for w in tiny.network.get_weights()])
    assert tiny.weights_sha256() != before


def test_no_classes_no_probabilities(pixels):
    with pytest.raises(ValueError, match="Received: the extractor 'pixels', without classes"):
        pixels.probabilities(np.zeros((1, 2, 2, 1)))


def test_bad_arguments(tiny):
    with pytest.raises(ValueError, match=r"Expected an extractor: .*extractor='inception'"):
        metrics.get("inception")
    with pytest.raises(ValueError, match="Expected an extractor"):
        metrics.get(None)
    with pytest.raises(ValueError, match="Received: dataset='cifar10'"):
        metrics.classifier("cifar10")
    network = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 3, name="conv")])
    with pytest.raises(ValueError, match=r"shape \(batch, width\).*\(None, 2, 2, 2\)"):
        metrics.from_model(network)
    with pytest.raises(ValueError, match="one of conv"):
        metrics.from_model(network, "dense")
    with pytest.raises(ValueError, match="classes='softmax'"):
        metrics.Extractor(tiny.network, "x", classes="softmax")
    with pytest.raises(ValueError, match="value_range"):
        metrics.Extractor(tiny.network, "x", value_range=(1, 1))
    with pytest.raises(ValueError, match="functional or Sequential"):
        metrics.from_model(keras.Model())
    anysize = keras.Sequential([keras.Input((None, None, 1)), keras.layers.GlobalMaxPool2D()])
    with pytest.raises(ValueError, match="fixed size"):
        metrics.from_model(anysize)
    with pytest.raises(ValueError, match=r"\[batch, height, width, channels\]"):
        tiny(np.zeros((3, 16)))


# InceptionV3 ------------------------------------------------------------------------------


@pytest.fixture
def small_inception(monkeypatch):
    """keras.applications' function, with a network of its form but small; records its weights."""
    asked = []

    def make(weights):
        asked.append(weights)
        images = keras.Input((75, 75, 3))
        x = keras.layers.AveragePooling2D(25)(images)
        x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
        return keras.Model(images, keras.layers.Dense(4, activation="softmax")(x))

    monkeypatch.setattr(keras.applications, "InceptionV3", make)
    return asked


def test_inception_takes_grey_and_keeps_to_float32(small_inception):
    keras.config.set_dtype_policy("mixed_bfloat16")
    extractor = metrics.get("inception_v3")
    assert keras.config.dtype_policy().name == "mixed_bfloat16"
    assert small_inception == ["imagenet"]
    assert (extractor.name, extractor.identifier) == ("keras_inception_v3", "inception_v3")
    assert {layer.compute_dtype for layer in extractor.network.layers} == {"float32"}
    np.testing.assert_allclose(extractor(np.full((2, 8, 8, 1), 0.5)), np.full((2, 3), 0.5), 1e-5)
    np.testing.assert_allclose(
        tf.reduce_sum(extractor.probabilities(np.zeros((2, 8, 8, 3))), 1), [1, 1], 1e-6
    )


def test_inception_from_a_file(small_inception, tmp_path):
    path = tmp_path / "inception.h5"
    path.write_bytes(b"weights")
    extractor = metrics.get(f"inception_v3:{path}")
    assert small_inception == [str(path)] and extractor.identifier == f"inception_v3:{path}"
    with pytest.raises(ValueError, match="there is no such file"):
        metrics.inception_v3(tmp_path / "missing.h5")


@pytest.mark.slow
def test_inception_that_cannot_be_downloaded_says_how_to_give_a_path(monkeypatch, tmp_path):
    """The real network; its download fails as it does without a connection."""
    from keras.src.utils import file_utils

    def refuse(*args, **kwargs):
        raise urllib.error.URLError("no connection")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(file_utils.config, "keras_home", lambda: str(tmp_path))
    monkeypatch.setattr(file_utils, "urlretrieve", refuse)
    with pytest.raises(ValueError, match=r"pass its path: inception_v3\(weights=<path>\).*no conn"):
        metrics.inception_v3()


@pytest.mark.slow
def test_inception_of_keras_from_its_own_weights(tmp_path):
    path = tmp_path / "random.weights.h5"
    model = keras.applications.InceptionV3(weights=None)
    model.save_weights(path)
    extractor = metrics.inception_v3(path)
    assert (extractor.width, extractor.num_classes, extractor.input_shape) == (
        2048,
        1000,
        (299, 299, 3),
    )
    pictures = np.random.default_rng(0).uniform(-1, 1, (1, 299, 299, 3)).astype("float32")
    np.testing.assert_allclose(extractor.probabilities(pictures), model(pictures), rtol=1e-4)


# The shipped classifiers ------------------------------------------------------------------


@pytest.mark.parametrize("dataset", ["mnist", "fashion_mnist"])
def test_shipped_classifier_is_small_float32_and_without_optimizer(dataset):
    path = features.WEIGHTS / f"{dataset}_classifier.keras"
    assert path.stat().st_size <= 2 << 20
    model = keras.saving.load_model(path, safe_mode=True)
    assert not model.compiled
    extractor = metrics.get(f"{dataset}_classifier")
    assert (extractor.width, extractor.num_classes) == (128, 10)
    assert extractor.input_shape == (28, 28, 1)
    assert {layer.compute_dtype for layer in extractor.network.layers} == {"float32"}


@pytest.mark.realdata
@pytest.mark.parametrize("dataset, least", [("mnist", 0.993), ("fashion_mnist", 0.925)])
def test_shipped_classifier_is_accurate(dataset, least, data_root):
    test = kerasgan.data.load(dataset, "test", batch_size=500, shuffle_seed=None, source="files")
    extractor = metrics.classifier(dataset)
    right = [
        np.mean(np.argmax(extractor.probabilities(images), 1) == labels) for images, labels in test
    ]
    assert least <= np.mean(right) <= 0.9999


def test_an_extractor_from_a_keras_file(tmp_path):
    inputs = keras.Input((2, 2, 1))
    flat = keras.layers.Flatten(name="features")(inputs)
    path = str(tmp_path / "net.keras")
    keras.Model(inputs, keras.layers.Dense(3)(flat), name="net").save(path)
    extractor = metrics.get(path)
    images = np.linspace(-1, 1, 4).reshape(1, 2, 2, 1)
    np.testing.assert_allclose(extractor(images), images.reshape(1, 4))
    assert (extractor.name, extractor.num_classes) == ("net", None)
    (tmp_path / "bad.keras").write_text("no model")
    for name in ("bad.keras", "missing.keras"):
        with pytest.raises(ValueError, match=r"a .keras file that loads.*Received: extractor="):
            metrics.get(str(tmp_path / name))


@pytest.mark.parametrize("last", ["logits", "probabilities", "heads"])
def test_a_classifier_from_a_keras_file_tells_classes(last, tmp_path):
    """By the name of its last layer, as the shipped classifiers have it."""
    activation = "softmax" if last == "probabilities" else None
    flat, head = keras.layers.Flatten(name="features"), keras.layers.Dense(3, activation, name=last)
    model = keras.Sequential([keras.Input((2, 2, 1)), flat, head])
    model.save(tmp_path / "net.keras")
    extractor = features.get(str(tmp_path / "net.keras"))
    assert (extractor.width, extractor.num_classes) == (4, None if last == "heads" else 3)
    if last != "heads":
        images = np.random.default_rng(0).uniform(-1, 1, (5, 2, 2, 1)).astype("float32")
        outputs = model(images)
        wanted = keras.ops.softmax(outputs) if last == "logits" else outputs
        np.testing.assert_allclose(extractor.probabilities(images), wanted, rtol=1e-5)
