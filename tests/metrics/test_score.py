"""`score`: the same numbers as the plain statistics, the protocol, warnings, bad input."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import metrics


@pytest.fixture
def pair(images):
    """60 real images, 40 fakes."""
    return images(60, 1), images(40, 2) * 0.7 + 0.2


UNLABELLED = [name for name in metrics.METRICS if name != "label_agreement"]


def quiet(*args, **kwargs):
    return metrics.score(*args, progress=False, **kwargs)


def test_values_are_those_of_the_statistics(tiny, pair):
    values = quiet(*pair, tiny, UNLABELLED, seed=3, batch_size=7)["values"]
    real, fake = (tiny(images).numpy() for images in pair)
    shuffled = np.random.default_rng(3).permutation(tiny.probabilities(pair[1]).numpy())
    kernel = metrics.kernel.kernel_distance(real, fake, 100, 40, 3)
    inception_score = metrics.inception_score.inception_score(shuffled, 10)
    wanted = {
        "frechet_tiny": metrics.frechet.frechet_distance(real, fake),
        "kernel_tiny": kernel[0],
        "kernel_std_tiny": kernel[1],
        "inception_score_tiny": inception_score[0],
        "inception_score_std_tiny": inception_score[1],
    }
    for found in (
        metrics.precision_recall.precision_recall(real, fake, 3),
        metrics.precision_recall.density_coverage(real, fake, 5),
    ):
        wanted.update({f"{name}_tiny": value for name, value in found.items()})
    assert values == pytest.approx(wanted, rel=1e-4, abs=1e-7)
    assert list(values) == list(wanted)


def test_label_agreement_counts_what_the_classifier_sees(tiny, pair):
    real, fake = pair
    seen = tiny.probabilities(fake).numpy().argmax(axis=1)
    labels = np.where(np.arange(40) < 30, seen, (seen + 1) % 3)  # 30 of 40 as asked
    dataset = tf.data.Dataset.from_tensor_slices((fake, labels)).batch(16)
    assert quiet(real, dataset, tiny, "label_agreement")["values"] == {"label_agreement_tiny": 0.75}


@pytest.mark.parametrize(
    "dataset, words",
    [
        (lambda fake: fake, "dataset of"),
        (lambda fake: tf.data.Dataset.from_tensors((fake, np.full(40, 3))), r"\[0, 3\)"),
    ],
)
def test_label_agreement_needs_labels_of_the_classifier(tiny, pair, dataset, words):
    with pytest.raises(ValueError, match=words):
        quiet(pair[0], dataset(pair[1]), tiny, ["frechet", "label_agreement"])


def test_frechet_by_hand(pixels):
    """All pixels moved by 1/2: four features, each moved by 1/2, equal covariances."""
    real = np.random.default_rng(0).uniform(-1, 0.5, (50, 2, 2, 1))
    result = quiet(real, real + 0.5, pixels, "frechet")
    assert result["values"] == {"frechet_pixels": pytest.approx(4 * 0.25, rel=1e-5)}
    assert result["warnings"] == []


def test_protocol_is_complete_and_json(tiny, pair):
    result = quiet(*pair, tiny, UNLABELLED, split="uniform[1]", seed=4)
    protocol = json.loads(json.dumps(result))["protocol"]
    versions = protocol.pop("versions")
    assert versions == {
        "kerasgan": kerasgan.__version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
    }
    assert protocol == {
        "extractor": "tiny",
        "weights_sha256": tiny.weights_sha256(),
        "feature_width": 6,
        "input_shape": [4, 4, 1],
        "value_range": [-1.0, 1.0],
        "resizer": "none",
        "grey": "as it is",
        "image_shape": [4, 4, 1],
        "n_real": 60,
        "n_fake": 40,
        "split": "uniform[1]",
        "subsets": 100,
        "subset_size": 40,
        "seed": 4,
        "splits": 10,
        "k_precision_recall": 3,
        "k_density_coverage": 5,
    }


def test_datasets_equal_arrays(tiny, pair):
    real, fake = pair
    labels = np.zeros(len(real), "int32")
    result = quiet(
        tf.data.Dataset.from_tensor_slices((real, labels)).batch(9),
        tf.data.Dataset.from_tensor_slices(fake).batch(11),
        tiny,
    )
    wanted = quiet(real, fake, tiny)
    assert result["values"] == pytest.approx(wanted["values"], rel=1e-5)
    assert result["protocol"] == wanted["protocol"]


def test_few_samples_are_said(images, pixels):
    network = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    wide = metrics.from_model(network, name="wide")  # 64 features
    result = quiet(images(64, 0, (8, 8, 1)), images(65, 1, (8, 8, 1)), wide)
    assert [text.split(":")[0] for text in result["warnings"]] == [
        "Frechet distance",
        "Kernel distance",
        "precision_recall",
        "density_coverage",
    ]
    assert "64 real samples for 64 features" in result["warnings"][0]
    enough = images(1000, 0, (2, 2, 1))
    assert quiet(enough, enough, pixels, ["frechet", "precision_recall"])["warnings"] == []


def test_resizing_is_told(pixels, images):
    result = quiet(images(9, 0), images(9, 1), pixels, "frechet")
    assert result["protocol"]["resizer"] == "bilinear, antialiased when shrinking, to 2x2"
    assert result["protocol"]["image_shape"] == [4, 4, 1]


def test_progress_is_shown(pixels, images, capsys):
    pictures = images(10, 0, (2, 2, 1))
    metrics.score(pictures, pictures, pixels, "frechet", batch_size=2)
    printed = capsys.readouterr().out
    assert "pixels: features of the fake images" in printed and "5/5" in printed


def test_an_undefined_statistic_is_an_error(tiny, images):
    with pytest.raises(ValueError, match=r"Received: real_features of shape \(1, 6\)"):
        quiet(images(1, 0), images(5, 1), tiny, "frechet")
    with pytest.raises(ValueError, match="k="):
        quiet(images(3, 0), images(3, 1), tiny, "precision_recall")
    with pytest.raises(ValueError, match="splits=10"):
        quiet(images(15, 0), images(15, 1), tiny, "inception_score")


def test_bad_images(tiny, images):
    good = images(10, 0)
    with pytest.raises(ValueError, match=r"one size.*\(4, 4, 1\).*\(5, 4, 1\)"):
        quiet(good, images(10, 0, (5, 4, 1)), tiny)
    with pytest.raises(ValueError, match=r"real images in \[-1.0, 1.0\].*8-bit"):
        quiet(good * 127.5 + 127.5, good, tiny)
    with pytest.raises(ValueError, match="uint8"):
        quiet((good * 127.5 + 127.5).astype("uint8"), good, tiny)
    broken = good.copy()
    broken[3, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="fake images holds 1 values that are NaN"):
        quiet(good, broken, tiny)
    with pytest.raises(ValueError, match=r"n, height, width, channels.*\(10, 16\)"):
        quiet(good.reshape(10, 16), good, tiny)
    with pytest.raises(ValueError, match="n, height"):
        quiet(good[:0], good, tiny)
    with pytest.raises(ValueError, match="takes images of 1 channel"):
        quiet(images(5, 0, (4, 4, 3)), images(5, 0, (4, 4, 3)), tiny)


def test_bad_datasets(tiny, images):
    data = tf.data.Dataset.from_tensor_slices(images(10, 0))
    with pytest.raises(ValueError, match="without an end"):
        quiet(data.batch(2).repeat(), images(10, 0), tiny)
    with pytest.raises(ValueError, match="dataset of batches"):
        quiet(data, images(10, 0), tiny)
    with pytest.raises(ValueError, match="Received: real_images without any"):
        quiet(data.batch(2).take(0), images(10, 0), tiny)


def test_features_with_nan(images):
    network = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten()])
    network.add(keras.layers.Dense(2, kernel_initializer=keras.initializers.Constant(np.nan)))
    broken = metrics.from_model(network, name="broken")
    with pytest.raises(ValueError, match="features of the real images by 'broken' that are NaN"):
        quiet(images(10, 0), images(10, 1), broken)


def test_bad_metrics(tiny, pixels, images):
    pictures = images(10, 0, (2, 2, 1))
    for names in (["fid"], [], ["frechet", "psnr"]):
        with pytest.raises(ValueError, match="Expected metrics to be some of frechet"):
            quiet(pictures, pictures, pixels, names)
    with pytest.raises(ValueError, match="without classes"):
        quiet(pictures, pictures, pixels, "inception_score")
    with pytest.raises(ValueError, match="batch_size=0"):
        quiet(pictures, pictures, pixels, batch_size=0)
