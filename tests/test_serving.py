"""An export must give `generate`'s images in a process without kerasgan, and refuse bad requests
as TensorFlow Serving's INVALID_ARGUMENT.
"""

import glob
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from tensorflow.core.protobuf import saved_model_pb2

from kerasgan import serving
from kerasgan.models import CGAN, DCGAN, GAN, cgan, gan
from kerasgan.networks import dcgan

LATENT_DIM = 4
SEED = 7
CLIENT = os.path.join(os.path.dirname(__file__), "serving_client.py")


def tiny_gan(image_shape=(8, 8, 1)):
    return GAN(
        image_shape=image_shape,
        latent_dim=LATENT_DIM,
        generator=gan.build_generator(LATENT_DIM, image_shape, units=(16,)),
        discriminator=gan.build_discriminator(image_shape, units=(16,)),
        seed=0,
    )


def tiny_dcgan():
    shape = (8, 8, 3)
    return DCGAN(
        image_shape=shape,
        latent_dim=LATENT_DIM,
        generator=dcgan.build_generator(LATENT_DIM, shape, 4),
        discriminator=dcgan.build_discriminator(shape, 4),
        seed=0,
    )


def tiny_cgan():
    shape = (8, 8, 4)
    return CGAN(
        num_classes=3,
        image_shape=shape,
        latent_dim=LATENT_DIM,
        generator=cgan.build_generator(3, LATENT_DIM, shape, width=4),
        discriminator=cgan.build_discriminator(3, shape, width=4),
        seed=0,
    )


MODELS = {"gan": tiny_gan, "dcgan": tiny_dcgan, "cgan": tiny_cgan}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """(models, paths of their exports, what the client got, how its bad requests ended)."""
    root = tmp_path_factory.mktemp("served")
    keras.utils.set_random_seed(1)
    models = {kind: build() for kind, build in MODELS.items()}
    for model in models.values():  # so that the EMA differs from the generator, and by far from 0
        for variable in model.ema_generator.variables:
            if len(variable.shape) > 1:  # kernels and embeddings
                variable.assign(tf.random.normal(variable.shape, stddev=0.4))
    exports = {kind: serving.export(model, root / kind) for kind, model in models.items()}
    results = str(root / "results.npz")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    process = subprocess.run(
        [sys.executable, CLIENT, json.dumps(exports), results],
        capture_output=True,
        text=True,
        cwd=root,
        env=environment,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    outcomes = json.loads(process.stdout.split("RESULT")[1])
    return models, exports, dict(np.load(results)), outcomes


def generate(model, rows, truncation=None):
    what = {"labels": np.arange(rows) % 3} if isinstance(model, CGAN) else {"n": rows}
    return model.generate(**what, seed=SEED, truncation=truncation)


def pixels(images):
    return np.clip(np.round((images + 1.0) * 127.5), 0, 255).astype("uint8")


def test_the_client_does_without_kerasgan(served):
    assert served[3]["modules"] == []


@pytest.mark.parametrize("kind", MODELS)
def test_samples_are_those_of_generate(served, kind):
    models, _, arrays, _ = served
    for rows in (1, 5):
        for truncation in (0.0, 0.5):
            expected = generate(models[kind], rows, truncation or None)
            assert np.ptp(expected) > 0.5  # images that say something
            got = arrays[f"{kind}/{rows}/{truncation}"]
            np.testing.assert_allclose(got, expected, atol=1e-5)
            assert got.dtype == "float32"
            # 1: a rounding error of a float may tip a pixel that lies between two levels
            difference = arrays[f"{kind}/{rows}/{truncation}/png"].astype(int) - pixels(got)
            assert np.abs(difference).max() <= 1 and np.mean(difference != 0) < 1e-3
    np.testing.assert_allclose(arrays[f"{kind}/600"], generate(models[kind], 600), atol=1e-5)
    np.testing.assert_allclose(arrays[f"{kind}/session"], generate(models[kind], 2), atol=1e-5)


@pytest.mark.parametrize("kind", MODELS)
def test_latents_are_mapped_by_the_ema_generator(served, kind):
    models, _, arrays, _ = served
    for rows in (1, 5):
        latents = np.random.default_rng(rows).normal(size=(rows, LATENT_DIM)).astype("float32")
        labels = [tf.range(rows) % 3] if kind == "cgan" else []
        expected = models[kind].images_from(tf.constant(latents), *labels)
        np.testing.assert_allclose(arrays[f"{kind}/{rows}"], expected, atol=1e-5)


@pytest.mark.parametrize("kind", MODELS)
def test_edges_of_good_requests(served, kind):
    models, _, arrays, _ = served
    assert tuple(arrays[f"{kind}/0/images"]) == (0, *models[kind].image_shape)
    assert tuple(arrays[f"{kind}/0/png_bytes"]) == (0,)
    assert np.isfinite(arrays[f"{kind}/edges"]).all()


def test_bad_requests_are_invalid_arguments(served):
    outcomes = {what: how for what, how in served[3].items() if what != "modules"}
    assert len(outcomes) > 60
    wrong = {what: how for what, how in outcomes.items() if how != "InvalidArgumentError"}
    assert not wrong


@pytest.mark.parametrize("kind", MODELS)
def test_signatures_have_a_dynamic_batch_and_no_xla(served, kind):
    models, exports, _, _ = served
    signatures = tf.saved_model.load(exports[kind]).signatures
    assert sorted(signatures) == ["sample", "sample_png", "serving_default"]
    inputs = {name: set(s.structured_input_signature[1]) for name, s in signatures.items()}
    what = "labels" if kind == "cgan" else "num"
    assert inputs["sample"] == inputs["sample_png"] == {"seed", what, "truncation"}
    assert inputs["serving_default"] == {"latents"} | ({"labels"} if kind == "cgan" else set())
    for name in ("serving_default", "sample"):
        assert signatures[name].structured_outputs["images"].shape == (
            None,
            *models[kind].image_shape,
        )
    with open(os.path.join(exports[kind], "saved_model.pb"), "rb") as file:
        message = saved_model_pb2.SavedModel.FromString(file.read())
    functions = message.meta_graphs[0].graph_def.library.function
    assert len(functions) > 5
    for function in functions:
        assert not function.attr["_XlaMustCompile"].b


def test_the_discriminator_stays_at_home(served):
    models, exports, _, _ = served
    stored = sum(np.prod(v.shape) for v in tf.saved_model.load(exports["dcgan"]).variables)
    assert stored == models["dcgan"].ema_generator.count_params()


@pytest.mark.slow
def test_saved_model_cli(served, tmp_path):
    models, exports, _, _ = served
    command = [
        *(sys.executable, "-m", "tensorflow.python.tools.saved_model_cli", "run"),
        *("--dir", exports["gan"], "--tag_set", "serve", "--signature_def", "sample"),
        *("--input_exprs", "seed=7;num=2;truncation=0.0", "--outdir", str(tmp_path)),
    ]
    subprocess.run(command, check=True, capture_output=True)
    np.testing.assert_allclose(
        np.load(tmp_path / "images.npy"), generate(models["gan"], 2), atol=1e-5
    )


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_a_model_of_mixed_precision_is_exported(policy, tmp_path):
    keras.mixed_precision.set_dtype_policy(policy)
    model = tiny_dcgan()
    sample = tf.saved_model.load(serving.export(model, tmp_path)).signatures["sample"]
    arguments = {"seed": SEED, "num": 3, "truncation": 0.0}
    images = sample(**{k: tf.constant(v) for k, v in arguments.items()})["images"]
    assert images.dtype == tf.float32
    np.testing.assert_allclose(images, generate(model, 3), atol=1e-2)


def test_grey_and_alpha_is_encoded_too_and_other_channels_have_no_png(tmp_path):
    sample_png = tf.saved_model.load(serving.export(tiny_gan((8, 8, 2)), tmp_path)).signatures[
        "sample_png"
    ]
    pngs = sample_png(seed=tf.constant(1), num=tf.constant(2), truncation=tf.constant(0.0))[
        "png_bytes"
    ]
    assert tf.io.decode_png(pngs[0]).shape == (8, 8, 2)
    five = serving.export(tiny_gan((8, 8, 5)), tmp_path)
    assert sorted(tf.saved_model.load(five).signatures) == ["sample", "serving_default"]


# Version folders -----------------------------------------------------------------------------


class Answer(keras.Model):
    """The least that can be exported."""

    averaged = ("network",)

    def __init__(self, value=1.0):
        super().__init__()
        self.ema_network = keras.Sequential([keras.Input((1,)), layers.Dense(1)])
        self.ema_network.set_weights([np.full((1, 1), value), np.zeros(1)])

    def signatures(self):
        spec = tf.TensorSpec([None, 1], tf.float32, name="x")
        return {"serving_default": (lambda x: {"y": self.ema_network(x)}, [spec])}


def test_each_export_takes_the_next_version(tmp_path):
    directory = tmp_path / "made" / "too"
    assert serving.export(Answer(), directory) == str(directory / "1")
    assert serving.export(Answer(), directory) == str(directory / "2")
    (directory / "7").mkdir()
    (directory / "notes").mkdir()
    (directory / "9").write_text("a file, yet the number is taken")
    assert serving.export(Answer(), str(directory)) == str(directory / "10")
    assert sorted(os.listdir(directory)) == ["1", "10", "2", "7", "9", "notes"]


def test_a_version_taken_meanwhile_is_left_alone(tmp_path, monkeypatch):
    """Another export finishes between our look at the versions and our renaming."""
    rename = os.rename

    def late(source, target):
        if target.endswith("/1") and not os.path.exists(target):
            os.mkdir(target)
            with open(os.path.join(target, "saved_model.pb"), "w") as file:
                file.write("theirs")
        rename(source, target)

    monkeypatch.setattr(os, "rename", late)
    assert serving.export(Answer(), tmp_path) == str(tmp_path / "2")
    assert (tmp_path / "1" / "saved_model.pb").read_text() == "theirs"
    assert (tmp_path / "2" / "saved_model.pb").stat().st_size > 6


@pytest.mark.slow
def test_two_exports_at_once(tmp_path):
    import threading

    paths = []
    models = [Answer(2.0), Answer(3.0)]
    threads = [
        threading.Thread(target=lambda m=m: paths.append(serving.export(m, tmp_path)))
        for m in models
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(os.path.basename(path) for path in paths) == ["1", "2"]
    answers = [
        float(tf.saved_model.load(p).signatures["serving_default"](tf.ones([1, 1]))["y"][0, 0])
        for p in paths
    ]
    assert sorted(answers) == [2.0, 3.0]


@pytest.mark.parametrize("moment", ["writing", "renaming"])
def test_a_failure_leaves_nothing(tmp_path, monkeypatch, moment):
    if moment == "writing":
        save = tf.saved_model.save

        def broken(model, path, **kwargs):
            save(model, path, **kwargs)
            os.remove(os.path.join(path, "saved_model.pb"))
            raise OSError("no space left on device")

        monkeypatch.setattr(tf.saved_model, "save", broken)
    else:

        def broken(source, target):
            raise OSError("no space left on device")

        monkeypatch.setattr(os, "rename", broken)
    with pytest.raises(OSError, match="no space"):
        serving.export(Answer(), tmp_path)
    assert os.listdir(tmp_path) == []


def test_left_overs_of_killed_exports_are_no_versions_and_go_in_time(tmp_path):
    old, young = tmp_path / ".tmp-export-1", tmp_path / ".tmp-export-2"
    for folder in (old, young):
        (folder / "variables").mkdir(parents=True)
    os.utime(old, (1, 1))
    assert serving.export(Answer(), tmp_path) == str(tmp_path / "1")
    assert sorted(os.listdir(tmp_path)) == [".tmp-export-2", "1"]


def test_a_version_can_be_read_by_others(tmp_path):
    """A server often runs as another user than the training: no folder for the owner alone."""
    path = serving.export(Answer(), tmp_path)
    mask = os.umask(0)
    os.umask(mask)
    assert os.stat(path).st_mode & 0o777 == 0o777 & ~mask


# Refusals ------------------------------------------------------------------------------------


def test_models_that_cannot_be_served(tmp_path):
    with pytest.raises(ValueError, match=r"signatures\(\).*Received: model=Sequential"):
        serving.export(keras.Sequential([layers.Dense(1)]), tmp_path)
    broken = Answer(np.nan)
    with pytest.raises(ValueError, match=r"finite.*Received: .*kernel"):
        serving.export(broken, tmp_path)
    assert glob.glob(str(tmp_path / "*")) == []


def test_directories_that_cannot_be_used(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("")
    for directory in (file, file / "below", "gs://bucket/models", 3, None):
        with pytest.raises(ValueError, match="Received: directory="):
            serving.export(Answer(), directory)
    assert file.read_text() == ""


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_directory(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ValueError, match="Received: directory="):
        serving.export(Answer(), tmp_path)
