"""The recipe that translates pictures: models with noise, with domains, and those it refuses."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import flagsaver

from kerasgan import models, runs, serving, stored
from kerasgan.networks.patch import build_patch_discriminator
from kerasgan.networks.unet import build_unet
from tests.recipes.translating import linear, noise, paints, read, save, two_ways


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def noisy(folder):
    """A Pix2Pix whose dropout shows, saved and exported."""
    model = models.Pix2Pix(
        (16, 16, 3),
        generator=build_unet((16, 16, 3), width=4),
        discriminator=build_patch_discriminator((16, 16, 3), (16, 16, 3), 2, 1),
    )
    for weight in model.ema_generator.weights:
        weight.assign(10.0 * weight)
    model.save(folder / "noisy.keras")
    serving.export(model, folder / "noisy")
    return str(folder / "noisy.keras"), str(folder / "noisy")


@pytest.fixture(scope="module")
def exported_stars(folder):
    """Exports of StarGANs: of domains, and of attributes."""
    for exclusive in (True, False):
        serving.export(paints(exclusive), folder / f"star-{exclusive}")
    return {e: str(folder / f"star-{e}") for e in (True, False)}


def test_a_picture_that_comes_out_nan_is_left_out(translate, tmp_path):
    """The root of -x: of black 1, of white none."""
    images = keras.Input((None, None, 3))
    roots = keras.Model(images, keras.ops.sqrt(-images))
    two_ways(generator_a_to_b=roots, generator_b_to_a=linear(1)).save(tmp_path / "roots.keras")
    for name, level in {"a": 0, "b": 255, "c": 0}.items():
        save(tmp_path / "in" / f"{name}.png", np.full((8, 8, 3), level, "uint8"))
    with pytest.raises(
        runs.RunError, match=r"left out.*: 1\. Received: b\.png: its pixels are NaN"
    ):
        translate(model="roots.keras", input="in", output="out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.png", "c.png"]


# Noise, domains ---------------------------------------------------------------------------


def test_noise_follows_the_seed_alone(translate, noisy, tmp_path):
    pixels = noise(20, 16)
    save(tmp_path / "in" / "a.png", noise(8, 8, seed=3))
    save(tmp_path / "in" / "b.png", pixels)
    made = {}
    for kind in (0, 1):
        for seed in (0, 7):
            translate(model=noisy[kind], input="in", output=f"out{kind}{seed}", seed=seed)
            made[kind, seed] = read(tmp_path / f"out{kind}{seed}" / "b.png").astype(int)
    translate(model=noisy[0], input="in/b.png", output="alone.png", seed=7)
    np.testing.assert_array_equal(read(tmp_path / "alone.png"), made[0, 7])
    assert np.abs(made[0, 0] - made[0, 7]).max() > 5
    for seed in (0, 7):
        assert np.abs(made[0, seed] - made[1, seed]).max() <= 1
    model = keras.saving.load_model(noisy[0])
    images = pixels[np.newaxis].astype("float32") / 127.5 - 1.0
    wanted = np.clip(np.rint((model.translate(images, seed=7)[0] + 1.0) * 127.5), 0, 255)
    np.testing.assert_array_equal(made[0, 7], wanted)


@pytest.mark.parametrize(
    ("exclusive", "domain", "color"),
    [(True, ["1"], (0, 255, 0)), (False, ["1", "0", "1"], (255, 0, 255))],
)
def test_domains(translate, exported_stars, translate_recipe, tmp_path, exclusive, domain, color):
    save(tmp_path / "in.png", noise(7, 9))
    translate(model=exported_stars[exclusive], input="in.png", output="out.png", domain=domain)
    np.testing.assert_array_equal(read(tmp_path / "out.png"), np.full((7, 9, 3), color))
    with flagsaver.flagsaver(model="a StarGAN", domain=domain):
        made = translate_recipe.keras_translator(paints(exclusive))(noise(7, 9))
    np.testing.assert_array_equal(made, np.full((7, 9, 3), color))


@pytest.mark.parametrize(
    ("exclusive", "domain", "message"),
    [
        (True, None, "Give --domain, the number of a domain"),
        (True, ["red"], r"Give --domain, the number.*\['red'\]"),
        (True, ["-1"], r"Give --domain, the number.*\['-1'\]"),
        (True, ["3"], r"can't translate with --domain=3: .*must lie in \[0, 3\)"),
        (True, [str(2**32 + 1)], "There is no such domain.*4294967297"),
        (True, ["0", "1"], "goes to one domain"),
        (False, None, "0 or 1 for each attribute"),
        (False, ["1", "0"], "can't translate with --domain=1,0: "),
        (False, ["1", "0", "2"], "can't translate with --domain=1,0,2: "),
    ],
)
def test_bad_domains(translate, exported_stars, tmp_path, monkeypatch, exclusive, domain, message):
    save(tmp_path / "in.png", noise(8, 8))
    arguments = {"input": "in.png", "output": "out.png", "domain": domain}
    with pytest.raises(runs.RunError, match=message):
        translate(model=exported_stars[exclusive], **arguments)
    (tmp_path / "model.keras").write_bytes(b"")
    monkeypatch.setattr(stored.Stored, "load", lambda found: paints(exclusive))
    with pytest.raises(runs.RunError, match=message):
        translate(model="model.keras", **arguments)


# Models that are refused ---------------------------------------------------------------------


def test_models_that_do_not_translate(translate, noisy, tmp_path):
    save(tmp_path / "in.png", noise(8, 8))
    arguments = {"input": "in.png", "output": "out.png"}
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "dense.keras")
    with pytest.raises(runs.RunError, match=r"must translate pictures.*a Sequential"):
        translate(model="dense.keras", **arguments)
    module = tf.Module()
    module.f = tf.function(lambda x: {"y": x}, input_signature=[tf.TensorSpec([])])
    tf.saved_model.save(module, str(tmp_path / "saved"))
    with pytest.raises(runs.RunError, match=r"must translate pictures.*a SavedModel without"):
        translate(model="saved", **arguments)
    with pytest.raises(runs.RunError, match=r"in one direction only.*--direction=b_to_a"):
        translate(model=noisy[1], direction="b_to_a", **arguments)


def test_a_model_that_diverged(translate, tmp_path):
    two_ways(generator_a_to_b=linear(1.0, np.nan), generator_b_to_a=linear(1.0)).save(
        tmp_path / "nan.keras"
    )
    save(tmp_path / "in.png", noise(8, 8))
    with pytest.raises(runs.RunError, match=r"nan\.keras can't translate: its pixels are NaN"):
        translate(model="nan.keras", input="in.png", output="out.png")
    assert not (tmp_path / "out.png").exists()


def test_code_in_a_model_file_is_not_run(translate, tmp_path):
    images = keras.Input((None, None, 3))
    code = keras.Model(
        images, keras.layers.Lambda(lambda x: -x, output_shape=(None, None, 3))(images)
    )
    code.save(tmp_path / "code.keras")
    save(tmp_path / "in.png", noise(8, 8))
    with pytest.raises(runs.RunError, match=r"can't be loaded.*[Ll]ambda"):
        translate(model="code.keras", input="in.png", output="out.png")
