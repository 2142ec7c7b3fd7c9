"""What is written to a preset's folder, and what `save` and `amend` refuse."""

import hashlib
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kerasgan
from kerasgan import presets
from kerasgan.presets import folder

FILES = ["config.json", "metadata.json", "model.weights.h5"]
SCORE = {"values": {"frechet_mnist_classifier": 1.5}, "protocol": {"n_fake": 10_000}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def dense():
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])


def test_the_card_holds_what_was_given_and_what_is_found_out(tiny, tmp_path):
    given = {
        "recipe": "gan_mnist",
        "command": "python recipes/gan_mnist.py --seed 5",
        "data_set": "mnist[train]",
        "source": "TFDS",
        "seed": 5,
        "wall_seconds": 600.5,
        "hardware": "2 CPU cores",
        "scores": [SCORE],
        "licence": "Apache-2.0",
    }
    tiny.save_to_preset(tmp_path / "deep" / "gan_tiny", "For tests.", **given)
    path = tmp_path / "deep" / "gan_tiny"
    assert sorted(p.name for p in path.iterdir()) == FILES
    card = presets.info(path)
    assert {name: card[name] for name in given} == given
    contents = {p.name: p.read_bytes() for p in path.iterdir()}
    assert card["files"] == {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in contents.items()
        if name != "metadata.json"
    }
    assert card["sha256"] == hashlib.sha256(contents["metadata.json"]).hexdigest()
    assert (card["name"], card["path"]) == ("gan_tiny", str(path))
    assert (card["class"], card["steps"], card["parameters"]) == ("kerasgan>GAN", 123, 37)
    assert card["versions"] == {
        "kerasgan": kerasgan.__version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
    }
    assert "compile_config" not in json.loads(contents["config.json"])


@given(st.text().filter(str.strip), st.lists(JSON, max_size=2), st.integers(0, 2**31 - 1))
@settings(deadline=None, derandomize=True, database=None, max_examples=50)
def test_any_card_is_read_as_it_was_written(description, values, seed):
    scores = [{"values": value, "protocol": {}} for value in values]
    card = folder.checked_card(description=description, scores=scores, seed=seed)
    assert json.loads(json.dumps(card)) == card


@pytest.mark.parametrize(
    "card",
    [
        {"description": ""},
        {"description": None},
        {"description": 3},
        {"recipe": " "},
        {"licence": 2.0},
        {"seed": -1},
        {"seed": 0.5},
        {"wall_seconds": -1.0},
        {"wall_seconds": "long"},
        {"steps": -1},
        {"scores": SCORE},
        {"scores": [SCORE, {"values": {}}]},
        {"scores": [{"values": {"kernel": float("nan")}, "protocol": {}}]},
        {"scores": [{"values": {"kernel": np.float32(1)}, "protocol": {}}]},
    ],
)
def test_wrong_fields(card, tmp_path):
    name = next(iter(card))
    with pytest.raises(ValueError, match=rf"{name}.* Received: "):
        presets.save(dense(), tmp_path / "x", **{"description": "Dense.", **card})
    assert not (tmp_path / "x").exists()


def test_what_is_found_out_cannot_be_given(tiny, tmp_path):
    with pytest.raises(ValueError, match=r"GAN counts its steps itself. Received: steps=5"):
        tiny.save_to_preset(tmp_path, "For tests.", steps=5)
    with pytest.raises(TypeError, match=r"parameters"):
        tiny.save_to_preset(tmp_path, "For tests.", parameters=5)
    assert list(tmp_path.glob("*.*")) == []


def test_a_description_that_is_not_given_says_class_and_steps(tiny, tmp_path):
    tiny.save_to_preset(tmp_path / "gan_tiny")
    assert presets.info(tmp_path / "gan_tiny")["description"] == "GAN, 123 steps of training."
    with pytest.raises(ValueError, match=r"description must be a sentence.*Received: .*''"):
        tiny.save_to_preset(tmp_path / "other", "")


def test_amending_changes_the_card_alone(preset):
    before = presets.info(preset)
    presets.amend(preset, scores=[SCORE], description="Measured.")
    after = presets.info(preset)
    assert after["scores"] == [SCORE] and after["description"] == "Measured."
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"scores", "description", "sha256"}
    presets.load(preset, sha256=after["sha256"])
    for card in ({"parameters": 1}, {"steps": 1}, {"files": {}}):
        with pytest.raises(ValueError, match=r"A card's fields are description.*Received: "):
            presets.amend(preset, **card)
    with pytest.raises(ValueError, match=r"scores must be"):
        presets.amend(preset, scores=1)
    assert presets.info(preset) == after
    with pytest.raises(ValueError, match=r"Expected a preset.*Received: .*typo"):
        presets.amend(preset / "typo", licence="MIT")
    assert not (preset / "typo").exists()


def test_a_preset_is_not_overwritten_and_other_files_stay(tiny, preset):
    before = {p.name: p.read_bytes() for p in preset.iterdir()}
    with pytest.raises(ValueError, match=r"holds a preset already.*Received: directory="):
        tiny.save_to_preset(preset, "Another.")
    assert {p.name: p.read_bytes() for p in preset.iterdir()} == before
    (preset / "metadata.json").unlink()
    (preset / "7").mkdir()
    (preset / "7" / "saved_model.pb").write_text("a version")
    (preset / "samples.png").write_text("a picture")
    tiny.save_to_preset(preset, "Another.")
    assert sorted(p.name for p in preset.iterdir()) == ["7", *FILES, "samples.png"]
    np.testing.assert_array_equal(presets.load(preset).generate(2, 1), tiny.generate(2, 1))


@pytest.mark.parametrize("moment", ["weights", "config", "metadata"])
def test_a_save_that_fails_leaves_no_preset(moment, tiny, tmp_path, monkeypatch):
    def broken(*args, **kwargs):
        raise OSError("no space left on device")

    write = presets.zoo.files.write_json
    if moment == "weights":
        monkeypatch.setattr(keras.saving, "save_weights", broken)
    else:
        monkeypatch.setattr(
            presets.zoo.files,
            "write_json",
            lambda path, content: (broken if moment in path.name else write)(path, content),
        )
    with pytest.raises(OSError, match=r"no space"):
        tiny.save_to_preset(tmp_path / "gan_tiny", "For tests.")
    with pytest.raises(ValueError, match=r"without metadata.json"):
        presets.load(tmp_path / "gan_tiny")
    monkeypatch.undo()
    tiny.save_to_preset(tmp_path / "gan_tiny", "For tests.")
    presets.load(tmp_path / "gan_tiny")


class Unregistered(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)
        self.dense.build((None, 1))
        self.built = True


def diverged():
    model = dense()
    model.layers[-1].bias.assign([0.0, np.nan, 0.0])
    return model


def with_lambda():
    return keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: 2 * x)])


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: None, "keras.Model that is built.*Received: model=None"),
        (lambda: keras.layers.Dense(1), "keras.Model that is built"),
        (lambda: keras.Sequential([keras.layers.Dense(1)]), "keras.Model that is built"),
        (diverged, "must be finite.*Received: .*bias with NaN or infinity"),
        (Unregistered, "kerasgan and Keras only.*Received: class_name='Unregistered'"),
        (with_lambda, "none that carries code.*Received: class_name='Lambda'"),
    ],
)
def test_models_that_can_be_no_preset(make, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        presets.save(make(), tmp_path / "x", "Not possible.")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("where", ["file", "below a file"])
def test_directories_that_cannot_be_used(where, tiny, tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / ("below" if where == "below a file" else "")
    with pytest.raises(ValueError, match=r"Received: directory="):
        tiny.save_to_preset(path, "For tests.")


@given(data=st.data())
@settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_change_of_a_file_is_noticed(data, preset):
    """A byte changed, lost or added, in whichever file: never another model, always a ValueError
    (of the card itself only its checksum can tell).
    """
    sha256 = presets.info(preset)["sha256"]
    path = preset / data.draw(st.sampled_from(FILES))
    content = path.read_bytes()
    place = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(1, 255))
    change = data.draw(st.sampled_from(["change", "cut", "add"]))
    path.write_bytes(
        {
            "change": content[:place] + bytes([content[place] ^ byte]) + content[place + 1 :],
            "cut": content[:place],
            "add": content + bytes([byte]),
        }[change]
    )
    try:
        with pytest.raises(ValueError, match=r"Received: "):
            presets.load(preset, sha256=sha256)
    finally:
        path.write_bytes(content)
