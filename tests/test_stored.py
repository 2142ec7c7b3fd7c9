"""From what a user types to a stored model."""

import hashlib
import pathlib

import keras
import numpy as np
import pytest

from kerasgan import models, presets, schedules, serving, stored


@pytest.fixture(scope="module")
def model():
    return models.GAN(image_shape=(4, 4, 1), latent_dim=2, seed=0)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASGAN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_keras_files_and_the_folders_of_runs(model, place):
    model.save(place / "run.keras")
    (place / "run").mkdir()
    model.save(place / "run" / "one.keras")
    assert stored.find("run.keras").kind == stored.find("run").kind == "keras"
    assert stored.find("run").path.name == "one.keras"
    model.save(place / "run" / "two.keras")
    with pytest.raises(ValueError, match=r"Name one of.*Received: run with.*one\.keras.*two"):
        stored.find("run")
    model.save(place / "run" / "final.keras")
    found = stored.find(place / "run")
    assert found.path == place / "run" / "final.keras"
    assert found.sha256() == hashlib.sha256(found.path.read_bytes()).hexdigest()
    np.testing.assert_array_equal(found.load().generate(2, 1), model.generate(2, 1))


def test_optimizers_of_another_kind_are_no_matter(place, recwarn):
    model = models.GAN(image_shape=(4, 4, 1), latent_dim=2, seed=0)
    rate = schedules.ConstantThenLinear(0.1, 1, 1)  # has no variable of its own
    model.compile(generator_optimizer=keras.optimizers.Adam(rate))
    model.save(place / "run.keras")
    np.testing.assert_array_equal(
        stored.find("run.keras").load().generate(2, 1), model.generate(2, 1)
    )
    assert not [warning for warning in recwarn if "optimizer" in str(warning.message)]


def test_presets_by_folder_and_by_name(model, place):
    model.save_to_preset(place / "saved_models" / "tiny", "Untrained.")
    model.save_to_preset(place / "home" / "presets" / "cached", "Untrained.")
    for name in ("tiny", "saved_models/tiny", "cached", place / "saved_models" / "tiny"):
        found = stored.find(name)
        assert found.kind == "preset" and isinstance(found.load(), models.GAN)
    weights = place / "saved_models" / "tiny" / "model.weights.h5"
    assert stored.find("tiny").sha256() == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert {"cached", "tiny"} <= set(presets.list())


@pytest.mark.parametrize("places", [["home", "working"], ["working"], ["working", "word"]])
def test_a_name_is_the_same_preset_here_and_in_from_preset(places, place):
    """Each place's preset has other weights; what is nearer counts, in both searches."""
    folders = {"home": "home/presets/tiny", "working": "saved_models/tiny", "word": "tiny"}
    for seed, name in enumerate(places):
        network = models.gan.build_generator(2, (4, 4, 1), units=())
        network.layers[1].bias.assign(np.full(16, seed))
        made = models.GAN((4, 4, 1), latent_dim=2, seed=seed, generator=network)
        made.save_to_preset(place / folders[name])
    served = place / "saved_models" / "tiny"
    (served / "1").mkdir()
    (served / "1" / "saved_model.pb").touch()  # an export beside it changes nothing
    found = stored.find("tiny")
    wanted = presets.info("tiny")
    assert found.kind == "preset"
    assert found.path.resolve() == pathlib.Path(wanted["path"]).resolve()
    assert found.sha256() == wanted["files"]["model.weights.h5"]["sha256"]
    nearest = "word" if "word" in places else places[0]
    assert found.path.resolve() == place / folders[nearest]


def test_exports_the_newest_version_first(model, place):
    folder = place / "saved_models" / "served"
    serving.export(model, folder)
    (folder / "1").rename(folder / "9")
    serving.export(model, folder)  # the next number: 10
    found = stored.find("served")
    assert (found.path.name, found.kind) == ("10", "saved_model")
    assert "sample" in found.load().signatures
    assert stored.find("saved_models/served/9").path.name == "9"
    before = found.sha256()
    assert len(before) == 64 and before == found.sha256()
    (found.path / "variables" / "more").write_bytes(b"1")
    assert found.sha256() != before


@pytest.mark.parametrize("name", ["absent", "empty", "empty/absent.keras"])
def test_nothing_there(name, place):
    (place / "empty").mkdir()
    with pytest.raises(ValueError, match=rf"Expected a \.keras file.*Received: '{name}'"):
        stored.find(name)


def test_damaged_files_are_told(place):
    (place / "bad.keras").write_bytes(b"no zip")
    with pytest.raises(ValueError, match=r"can't be loaded\. Received: bad\.keras: "):
        stored.find("bad.keras").load()
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(place / "dense.keras")
    assert stored.find("dense.keras").load().count_params() == 3
