"""The streaming metrics equal the plain statistics on all features, however the batches fall."""

import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import scipy.linalg
import tensorflow as tf

from kerasgan import metrics
from kerasgan.models import GAN, gan

BUFFERED = {
    metrics.KernelDistance: {"subsets": 3, "subset_size": 15},
    metrics.InceptionScore: {"splits": 4},
    metrics.PrecisionRecall: {},
    metrics.DensityCoverage: {},
}
MODES = {
    "eager": lambda f: f,
    "tf.function": tf.function,
    "XLA": lambda f: tf.function(f, jit_compile=True),
}


def feed(metric, real, fake, mode="eager", sizes=(10, 10, 13)):
    """Updates a metric with batches of the given sizes."""
    update = MODES[mode](lambda real, fake: metric.update_state(real, fake))
    for start, end in zip(np.cumsum((0, *sizes)), np.cumsum(sizes)):
        update(tf.constant(real[start:end]), tf.constant(fake[start:end]))
    return metric


@pytest.fixture
def pair(images):
    """33 real images and 33 fakes of another distribution."""
    return images(33, 1), images(33, 2) * 0.7 + 0.2


def frechet_by_scipy(real, fake):
    """Heusel et al. 2017, equation 6."""
    covariances = [np.cov(rows, rowvar=False) for rows in (real, fake)]
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    offset = np.sum((real.mean(axis=0) - fake.mean(axis=0)) ** 2)
    return offset + np.trace(covariances[0] + covariances[1] - 2 * root)


@pytest.mark.parametrize("mode", MODES)
def test_frechet_equals_the_formula_on_all_features(tiny, pair, mode):
    metric = feed(metrics.FrechetDistance(tiny), *pair, mode)
    real, fake = (tiny(images).numpy().astype("float64") for images in pair)
    assert metric.result() == pytest.approx(frechet_by_scipy(real, fake), rel=1e-5)
    assert metric.name == "frechet_tiny"
    assert metric.protocol()["n_real"] == metric.protocol()["n_fake"] == 33


def test_frechet_by_hand(pixels):
    """Four pixels, each of two images at -0.5 and 0.5 (real), 0 and 0 (fake): variance 1/2 a pixel,
    one direction of variance 2 in all, against a point: tr(C1) = 2; means are equal.
    """
    metric = metrics.FrechetDistance(pixels, name="distance")
    real = np.stack([np.full((2, 2, 1), -0.5), np.full((2, 2, 1), 0.5)]).astype("float32")
    metric.update_state(real, np.zeros_like(real))
    with pytest.warns(UserWarning, match="Frechet distance: 2 ") as told:
        assert metric.result() == pytest.approx(2.0, abs=1e-9)
    assert len(told) == 2  # of either side
    metric.reset_state()
    metric.update_state(real, real + 0.25)  # moved by 1/4 in four pixels: 4 / 16
    with pytest.warns(UserWarning, match="Frechet distance: 2 "):
        assert metric.result() == pytest.approx(0.25, abs=1e-6)


def test_running_sums_lose_nothing_to_a_large_mean():
    """Features around 1,000 with a spread of 1: squares of the mean are 10^6 times the variance."""
    network = keras.Sequential([keras.Input((1, 3, 1)), keras.layers.Flatten()])
    network.add(keras.layers.Rescaling(1.0, offset=1000.0))
    extractor = metrics.from_model(network, name="far")
    draws = np.random.default_rng(0)
    real, fake = draws.uniform(-1, 1, (2, 400, 1, 3, 1)).astype("float32")
    metric = feed(metrics.FrechetDistance(extractor), real, fake, sizes=[100] * 4)
    rows = (extractor(images).numpy().astype("float64") for images in (real, fake))
    assert metric.result() == pytest.approx(frechet_by_scipy(*rows), rel=1e-5)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", BUFFERED)
def test_buffered_equal_the_statistic_on_all_features(kind, tiny, pair, mode):
    arguments = BUFFERED[kind]
    result = feed(kind(tiny, **arguments), *pair, mode).result()
    real, fake = (tiny(images).numpy() for images in pair)
    if kind is metrics.KernelDistance:
        values = metrics.kernel.kernel_distance(real, fake, **arguments)
        wanted = dict(zip(["kernel_tiny", "kernel_std_tiny"], values))
    elif kind is metrics.InceptionScore:
        values = metrics.inception_score.inception_score(tiny.probabilities(pair[1]), **arguments)
        wanted = dict(zip(["inception_score_tiny", "inception_score_std_tiny"], values))
    elif kind is metrics.PrecisionRecall:
        values = metrics.precision_recall.precision_recall(real, fake, k=3)
        wanted = {f"{name}_tiny": value for name, value in values.items()}
    else:
        values = metrics.precision_recall.density_coverage(real, fake, k=5)
        wanted = {f"{name}_tiny": value for name, value in values.items()}
    assert result == pytest.approx(wanted, rel=1e-4)
    assert all(type(value) is float for value in result.values())


def test_precision_and_recall_by_hand(pixels):
    """On a line (k = 1): real at 0, .1, .2 with balls of .1; fakes at .15 (inside), .9, .95."""

    def line(*values):
        return np.array(values, "float32").reshape(-1, 1, 1, 1) * np.ones((1, 2, 2, 1), "float32")

    metric = metrics.PrecisionRecall(pixels, k=1, name="pr")
    metric.update_state(line(0.0, 0.1), line(0.15, 0.9))
    metric.update_state(line(0.2), line(0.95))
    # The fake at .15 has its neighbour at .9, so its ball of .75 takes in all the real ones.
    assert metric.result() == {"pr_precision": pytest.approx(1 / 3), "pr_recall": 1.0}


def test_a_full_buffer_keeps_the_first(pixels, images):
    real, fake = images(9, 1, (2, 2, 1)), images(9, 2, (2, 2, 1))
    metric = metrics.DensityCoverage(pixels, k=2, capacity=5)
    for start in (0, 3, 6):
        metric.update_state(real[start : start + 3], fake[start : start + 3])
    wanted = metrics.precision_recall.density_coverage(
        real[:5].reshape(5, 4), fake[:5].reshape(5, 4), k=2
    )
    assert metric.result()["density_pixels"] == pytest.approx(wanted["density"])
    assert metric.protocol()["n_real"] == metric.protocol()["n_fake"] == 5
    metric.reset_state()
    assert metric.protocol()["n_real"] == 0


def test_a_broken_image_gives_nan_and_no_error(tiny, pair):
    real, fake = pair
    fake[3] = np.nan
    for kind, arguments in {metrics.FrechetDistance: {}, **BUFFERED}.items():
        result = feed(kind(tiny, **arguments), real, fake).result()
        assert np.isnan(list(result.values()) if isinstance(result, dict) else result).all()


def test_bad_use(tiny, pixels, images):
    metric = metrics.FrechetDistance(tiny)
    with pytest.raises(ValueError, match=r"at least two images.*Received: 0 real"):
        metric.result()
    with pytest.raises(ValueError, match=r"one size.*\(4, 4, 1\), fake \(2, 2, 1\)"):
        metric.update_state(images(3, 0), images(3, 0, (2, 2, 1)))
    with pytest.raises(ValueError, match="sample_weight"):
        metric.update_state(images(3, 0), images(3, 0), sample_weight=np.ones(3))
    with pytest.raises(ValueError, match="outside of"):
        tf.function(metric.result)()
    with pytest.raises(ValueError, match="without classes"):
        metrics.InceptionScore(pixels)
    with pytest.raises(ValueError, match="capacity=0"):
        metrics.PrecisionRecall(tiny, capacity=0)
    with pytest.raises(ValueError, match="k=0"):
        metrics.DensityCoverage(tiny, k=0)
    with pytest.raises(ValueError, match="splits=0"):
        metrics.InceptionScore(tiny, splits=0)


# In a model -------------------------------------------------------------------------------


def make_gan():
    return GAN(
        image_shape=(4, 4, 1),
        latent_dim=3,
        seed=5,
        generator=gan.build_generator(3, (4, 4, 1), units=(8,)),
        discriminator=gan.build_discriminator((4, 4, 1), units=(8,)),
    )


@pytest.mark.parametrize("jit_compile", [False, True])
def test_fit_logs_them_and_keeps_the_best(tiny, images, tmp_path, jit_compile):
    model = make_gan()
    chosen = [metrics.FrechetDistance(tiny), metrics.PrecisionRecall(tiny)]
    model.compile(metrics=chosen, jit_compile=jit_compile)
    best = keras.callbacks.ModelCheckpoint(
        tmp_path / "best.keras", monitor="val_frechet_tiny", mode="min", save_best_only=True
    )
    data = tf.data.Dataset.from_tensor_slices(images(32, 0)).batch(8)
    history = model.fit(data, validation_data=data, epochs=3, callbacks=[best], verbose=0).history
    assert {"val_frechet_tiny", "val_precision_tiny", "val_recall_tiny"} <= set(history)
    assert best.best == pytest.approx(min(history["val_frechet_tiny"]))
    assert chosen[0].protocol()["n_fake"] == 32
    # The value is that of the very images that the saved model makes.
    loaded = keras.saving.load_model(tmp_path / "best.keras")
    assert loaded.evaluate(data, return_dict=True, verbose=0)["frechet_tiny"] == pytest.approx(
        best.best, rel=1e-5
    )


def test_a_saved_model_brings_its_metrics_along(tiny, images, tmp_path):
    """An extractor without a name is saved with its weights, even where the model has moved."""
    model = make_gan()
    kinds = {metrics.FrechetDistance: {"name": "mine"}, **BUFFERED}
    model.compile(metrics=[kind(tiny, **arguments) for kind, arguments in kinds.items()])
    data = tf.data.Dataset.from_tensor_slices(images(32, 0)).batch(8)
    before = model.evaluate(data, return_dict=True, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.evaluate(data, return_dict=True, verbose=0) == pytest.approx(before, rel=1e-5)
    found = {type(metric): metric for metric in loaded.metrics if type(metric) in kinds}
    assert set(found) == set(kinds)
    for metric in found.values():
        assert metric.extractor is not tiny
        assert metric.extractor.weights_sha256() == tiny.weights_sha256()
    assert found[metrics.KernelDistance].subset_size == 15
    assert found[metrics.InceptionScore].splits == 4


def test_a_shipped_extractor_is_saved_by_its_name_alone():
    metric = metrics.FrechetDistance("mnist_classifier")
    assert metric.get_config()["extractor"] == "mnist_classifier"
    store = {}
    metric.save_own_variables(store)
    assert store == {}
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert again.name == "frechet_mnist_classifier"
    assert again.extractor.weights_sha256() == metric.extractor.weights_sha256()


def test_weights_other_than_the_saved_ones_are_refused(tiny):
    metric = metrics.FrechetDistance(tiny)
    again = metrics.FrechetDistance.from_config(metric.get_config())
    with pytest.raises(ValueError, match="no weights yet"):
        again.update_state(np.zeros((1, 4, 4, 1)), np.zeros((1, 4, 4, 1)))
    store = {}
    metric.save_own_variables(store)
    store["1"] = store["1"] + 1
    with pytest.raises(ValueError, match="not those that it was saved with"):
        again.load_own_variables(store)


@pytest.mark.slow
def test_replicas_add_up_their_sums_and_buffers_refuse(tiny, images):
    """In a process of its own, as two CPUs must be asked for before TensorFlow starts."""
    program = pathlib.Path(__file__).with_name("replicas_run.py")
    path = os.pathsep.join([str(program.parents[2]), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run(
        [sys.executable, program],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    made = json.loads(run.stdout.splitlines()[-1])
    rows = np.arange(24.0).reshape(8, 3) ** 2 % 17 / 17
    assert made["frechet"] == pytest.approx(frechet_by_scipy(rows, rows[::-1] ** 2), rel=1e-5)
    assert made["counts"] == [8, 8]
    assert "PrecisionRecall keeps features" in made["refusal"]
