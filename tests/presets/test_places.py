"""From a name to a folder, and what is refused on the way."""

import json
import os
import pathlib
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kerasgan import models, presets
from kerasgan.presets import folder, places


def change_card(preset, **changes):
    path = preset / "metadata.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def put(preset, place):
    """A copy of the preset at `place`, whose card says where it is."""
    shutil.copytree(preset, place)
    change_card(place, description=str(place))
    return str(place)


def test_places_are_searched_in_order(preset, home, tmp_path, monkeypatch):
    checkout, working = tmp_path / "checkout", pathlib.Path.cwd()
    (checkout / "kerasgan").mkdir(parents=True)
    (checkout / "pyproject.toml").write_text("")
    found = []
    monkeypatch.setattr(places, "_PACKAGE", checkout / "kerasgan")
    spots = [
        working / "digits",
        home / "presets" / "digits",
        checkout / "saved_models" / "digits",
        working / "saved_models" / "digits",
        checkout / "kerasgan" / "saved_models" / "digits",
    ]
    wanted = [put(preset, spot) for spot in spots]
    for spot in spots:
        found.append(presets.info("digits")["description"])
        assert presets.list() == ["digits"]
        shutil.rmtree(spot)
    assert found == wanted
    assert presets.list() == []
    put(preset, checkout / "saved_models" / "digits")
    (checkout / "pyproject.toml").unlink()  # an installed package: nothing beside it is its own
    assert presets.list() == []


def test_a_name_and_a_path_give_the_same_model(preset, home, tiny):
    put(preset, home / "presets" / "digits")
    for name in ("digits", str(preset), preset, pathlib.Path("..") / "gan_tiny"):
        model = models.AdversarialModel.from_preset(name)
        assert type(model) is models.GAN
        np.testing.assert_array_equal(model.generate(3, seed=1), tiny.generate(3, seed=1))
        assert model.generator_optimizer.iterations.numpy() == 0


def test_the_home_is_read_at_each_call(preset, home, tmp_path, monkeypatch):
    put(preset, tmp_path / "other" / "presets" / "digits")
    assert "digits" not in presets.list()
    monkeypatch.setenv("KERASGAN_HOME", str(tmp_path / "other"))
    assert "digits" in presets.list()
    monkeypatch.delenv("KERASGAN_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert places.home() == tmp_path / ".cache" / "kerasgan"


def test_only_folders_with_a_card_and_a_proper_name_are_listed(preset, home):
    roots = home / "presets"
    for name in ("digits", "b.2-c", ".tmp-x", "-x", "no card"):
        put(preset, roots / name)
    (roots / "half").mkdir()
    shutil.copy(preset / "model.weights.h5", roots / "half")
    (roots / "file").write_text("")
    assert {"digits", "b.2-c"} <= set(presets.list())
    assert not {".tmp-x", "-x", "no card", "half", "file"} & set(presets.list())


def test_unknown_names_get_the_nearest(preset, home, monkeypatch, tmp_path):
    monkeypatch.setattr(places, "_PACKAGE", tmp_path)
    with pytest.raises(ValueError, match=r"none in KERASGAN_HOME.*Received: preset='dcgan'"):
        models.GAN.from_preset("dcgan")
    for name in ("dcgan_mnist", "cgan_mnist", "vae_faces"):
        put(preset, home / "presets" / name)
    with pytest.raises(ValueError, match=r"Did you mean dcgan_mnist or cgan_mnist\?"):
        presets.load("dcgan_mnits")
    with pytest.raises(ValueError, match=r"Did you mean dcgan_mnist or cgan_mnist\?"):
        presets.load("DCGAN_MNIST")
    with pytest.raises(ValueError, match=r"There are cgan_mnist, dcgan_mnist, vae_faces"):
        presets.info("qqq")
    with pytest.raises(ValueError, match=r"Did you mean .*vae_faces.*Received: preset='vae faces'"):
        presets.load("vae faces")
    with pytest.raises(ValueError, match=r"no such preset.*Received: preset=''"):
        presets.load("")


def test_what_no_wheel_holds_is_said_to_be_elsewhere(preset, home, monkeypatch, tmp_path):
    monkeypatch.setattr(places, "_PACKAGE", tmp_path)  # as if installed, away from a checkout
    put(preset, home / "presets" / "gan_mnist")
    for name in ("pix2pix_facades", "cyclegan_horse2zebra"):
        with pytest.raises(ValueError, match=rf"too large.*checkout.*URL.*Received: .*{name}"):
            models.GAN.from_preset(name)
    put(preset, home / "presets" / "pix2pix_facades")
    presets.load("pix2pix_facades")
    with pytest.raises(ValueError, match=r"Did you mean pix2pix_facades\?"):
        presets.load("pix2pix_facade")


@given(st.text() | st.none() | st.integers() | st.binary())
@example("~0")
@example("a\0b")
@example("x" * 5_000)
@example("/" + "x" * 5_000)
@settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_whatever_is_no_preset_is_a_value_error(preset):
    with pytest.raises(ValueError):
        presets.load(preset)


@pytest.mark.parametrize("name", ["../gan_tiny", "../../x", "a/../../gan_tiny", ".."])
def test_names_that_lead_upwards(preset, name):
    with pytest.raises(ValueError, match=r"lead out of its folder.*Received: preset='"):
        presets.load(name)


@pytest.mark.parametrize("file", ["config.json", "model.weights.h5", "metadata.json"])
def test_links_out_of_the_folder(preset, file, tmp_path):
    shutil.move(preset / file, tmp_path / file)
    (preset / file).symlink_to(tmp_path / file)
    with pytest.raises(ValueError, match=r"must lie in its folder.*a link to"):
        presets.load(preset)


def test_a_name_that_is_a_link(preset, home):
    (home / "presets").mkdir(parents=True)
    (home / "presets" / "digits").symlink_to(preset)
    with pytest.raises(ValueError, match=r"must lie in its folder.*a link to"):
        presets.load("digits")
    presets.load(home / "presets" / "digits")  # named by its path, it is meant


# Damaged presets -----------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["config.json", "model.weights.h5", "metadata.json"])
def test_a_missing_file(preset, file):
    os.remove(preset / file)
    with pytest.raises(ValueError, match=rf"Expected a preset, a folder with .*without {file}"):
        presets.load(preset)


def test_half_downloaded_and_corrupt_weights(preset):
    path = preset / "model.weights.h5"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"in part only.* with [\d,]+ of [\d,]+ bytes"):
        presets.load(preset)
    assert presets.load(preset, load_weights=False).latent_dim == 2
    path.write_bytes(content[:-1] + b"x")
    with pytest.raises(ValueError, match=r"damaged.*Received: .*sha256 [0-9a-f]{64}, expected"):
        presets.load(preset)


def test_a_wrong_checksum(preset):
    right = presets.info(preset)["sha256"]
    presets.load(preset, sha256=right.upper())
    with pytest.raises(ValueError, match=r"not the one that the checksum names.*Received: sha256"):
        presets.load(preset, sha256="0" * 64)
    for wrong in ("", "abc", 3, right + "0"):
        with pytest.raises(ValueError, match=r"64 hexadecimal digits.*Received: sha256="):
            presets.info(preset, sha256=wrong)


def test_a_newer_format(preset):
    change_card(preset, format_version=folder.FORMAT_VERSION + 1, files="unheard of")
    with pytest.raises(ValueError, match=r"upgrade kerasgan. Received: format_version=2"):
        presets.load(preset)


@pytest.mark.parametrize(
    "changes",
    [
        {"format_version": None},
        {"format_version": "1"},
        {"format_version": 0},
        {"class": None},
        {"files": None},
        {"files": {"config.json": 1, "model.weights.h5": 2}},
        {"files": {"config.json": {"bytes": "1", "sha256": "0" * 64}, "model.weights.h5": {}}},
    ],
)
def test_a_damaged_card(preset, changes):
    change_card(preset, **changes)
    with pytest.raises(ValueError, match=r"can't be read.*Received: .*metadata.json"):
        presets.load(preset)


@pytest.mark.parametrize("name", ["../model.weights.h5", "/etc/passwd", "a/b", "extra"])
def test_a_card_that_names_other_files(preset, name):
    listed = presets.info(preset)["files"]
    change_card(preset, files={"config.json": listed["config.json"], name: {}})
    with pytest.raises(ValueError, match=r"nothing outside its folder. Received: files="):
        presets.load(preset)


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b"3", b"\xff\xfe", b"[" * 100_000])
@pytest.mark.parametrize("file", ["metadata.json", "config.json"])
def test_damaged_json(preset, file, text):
    (preset / file).write_bytes(text)
    if file == "config.json":
        listed = json.loads((preset / "metadata.json").read_text())["files"]
        change_card(preset, files={**listed, **folder.described([preset / file])})
    with pytest.raises(ValueError, match=f"can't be read.*Received: .*{file}"):
        presets.load(preset)


def test_a_card_of_another_class_than_the_config(preset):
    change_card(preset, **{"class": "kerasgan>CGAN"})
    message = r"damaged.*Received: .*gan_tiny.*kerasgan>CGAN.*kerasgan>GAN"
    for use in (presets.info, presets.load, models.GAN.from_preset, models.CGAN.from_preset):
        with pytest.raises(ValueError, match=message):
            use(preset)


def test_what_a_card_lacks_is_none(preset):
    path = preset / "metadata.json"
    whole = presets.info(preset)
    lean = {k: json.loads(path.read_text())[k] for k in ("format_version", "class", "files")}
    path.write_text(json.dumps(lean))
    card = presets.info(preset)
    assert set(card) == set(whole)
    own = {*lean, "name", "path", "sha256"}
    assert {name for name, value in card.items() if value is None} == set(whole) - own
    for name in ("description", "parameters", "steps", "scores", "versions", "licence"):
        assert card[name] is None
    assert type(presets.load(preset)) is models.GAN
    assert json.loads(path.read_text()) == lean


@pytest.mark.parametrize("file", ["config.json", "model.weights.h5", "metadata.json"])
def test_a_file_that_may_not_be_read(preset, file, monkeypatch):
    sha256 = presets.info(preset)["sha256"]
    original = open

    def refuse(path, *args, **kwargs):
        if pathlib.Path(path).name == file:
            raise PermissionError(13, "Permission denied", str(path))
        return original(path, *args, **kwargs)

    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr("io.open", refuse)  # pathlib's
    for checksum in (None, sha256):
        with pytest.raises(
            ValueError, match=rf"can't be read.*Permission denied.*Received: .*{file}"
        ):
            presets.load(preset, sha256=checksum)


def test_a_preset_of_another_class(preset):
    with pytest.raises(ValueError, match=r"Expected a preset of CGAN.*a preset of kerasgan>GAN"):
        models.CGAN.from_preset(preset)
    assert type(models.UnconditionalModel.from_preset(preset)) is models.GAN


def test_weights_that_do_not_fit_the_config(preset):
    path, listed = preset / "config.json", presets.info(preset)["files"]
    path.write_text(path.read_text().replace('"latent_dim": 2', '"latent_dim": 3'))
    change_card(preset, files={**listed, **folder.described([path])})
    with pytest.raises(ValueError, match=r"can't build the preset.*Received: "):
        presets.load(preset)
