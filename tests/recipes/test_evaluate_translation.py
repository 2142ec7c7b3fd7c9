"""`evaluate_translation`: its figures where they are known, a smoke run, what it refuses."""

import json

import keras
import numpy as np
import pytest
from absl.testing import flagsaver

from kerasgan import models, runs
from kerasgan.data import records
from kerasgan.networks.patch import build_patch_discriminator
from tests.recipes.loading import loaded
from tests.recipes.running import run
from tests.recipes.translating import linear, save, two_ways

WAYS = ("a_to_b", "b_to_a")


@pytest.fixture(scope="module")
def recipe():
    with loaded("evaluate_translation") as module:
        yield module


@pytest.fixture(scope="module")
def evaluate(recipe, tmp_path_factory):
    """Function (model, folder, **flags): rows by their names. Features are mean colours."""
    place = tmp_path_factory.mktemp("evaluate")
    colours = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D()], name="colours"
    )
    colours.save(place / "colours.keras")

    def score(model, folder, **more):
        model.save(place / "model.keras")
        flags = {"model": str(place / "model.keras"), "extractor": str(place / "colours.keras")}
        output = place / folder.parent.name / folder.name
        with flagsaver.flagsaver(**flags, data_dir=str(folder), output=str(output), **more):
            recipe.main()
        assert (output / "sheet.png").stat().st_size
        rows = [json.loads(line) for line in (output / "scores.jsonl").read_text().splitlines()]
        assert all(row["protocol"]["extractor"] == "colours" for row in rows)
        return {row["row"]: row for row in rows}

    return score


def plain(level):
    return np.full((8, 8, 3), level, "uint8")


def plain_grey(level, alpha=None):
    pixels = np.full((8, 8, 1), level, "uint8")
    if alpha is None:
        return pixels
    return np.concatenate([pixels, pixels, pixels, np.full_like(pixels, alpha)], axis=-1)


def pair(inputs, targets):
    return np.concatenate([plain(targets), plain(inputs)], axis=1)  # the input is the right half


def test_pairs_by_hand(evaluate, tmp_path):
    """Values 0 and 255 are -1 and 1. The model negates its input; the truth is the same."""
    for name, both in {"1": pair(0, 255), "2": pair(255, 255)}.items():
        save(tmp_path / "train" / f"{name}.png", both)
    for name, both in {"1": pair(0, 255), "2": pair(255, 0), "3": pair(51, 204)}.items():
        save(tmp_path / "test" / f"{name}.png", both)
    discriminator = build_patch_discriminator((8, 8, 3), (8, 8, 3), 2, 1, None)
    model = models.Pix2Pix((8, 8, 3), generator=linear(-1), discriminator=discriminator)
    rows = evaluate(model, tmp_path)
    assert rows["model"]["l1"] == pytest.approx(0, abs=1e-6)
    # "mean" is 1 everywhere; the truths are 1, -1 and 0.6; "nearest" finds targets of 1.
    for name in ("mean", "nearest"):
        assert rows[name]["l1"] == pytest.approx((0 + 2 + 0.4) / 3, abs=1e-6)
    assert rows["model"]["frechet"] == pytest.approx(0, abs=1e-6)
    # Features are one number thrice. Real: mean 0.2, of (1, -1, 0.6), variance 1.12; made: 1, 0.
    assert rows["mean"]["frechet"] == pytest.approx(3 * (0.8**2 + 1.12), rel=1e-4)
    assert (rows["real"]["protocol"]["n_real"], rows["real"]["protocol"]["n_fake"]) == (3, 2)


def test_psnr_and_nearest_by_hand(recipe):
    images = np.zeros((2, 1, 2, 1), "float32")
    others = np.array([0.2, 0.0, 2.0, 2.0], "float32").reshape(2, 1, 2, 1)
    # Squared errors 0.02 and 4: 10 log10(200) and 0 dB.
    assert recipe.psnr(images, others) == pytest.approx((23.0103 + 0) / 2, abs=1e-4)
    random = np.random.default_rng(0)
    some, many = random.normal(size=(5, 2, 2, 1)), random.normal(size=(9, 2, 2, 1))
    wanted = [np.argmin(((many - one) ** 2).sum((1, 2, 3))) for one in some]
    assert recipe.nearest_index(some, many).tolist() == wanted


def test_domains_by_hand(evaluate, tmp_path):
    """A: -1 and 0.2, B: 1 and -0.2. A to B negates; the way back is 0.1 too high."""
    for domain, levels in {"A": (0, 153), "B": (255, 102)}.items():
        for name, level in enumerate(levels):
            save(tmp_path / f"train{domain}" / f"{name}.png", plain(level))
            save(tmp_path / f"test{domain}" / f"{name}.png", plain(level))
    model = two_ways(generator_a_to_b=linear(-1), generator_b_to_a=linear(-1, 0.1))
    rows = evaluate(model, tmp_path)
    assert rows["a_to_b"]["cycle"] == pytest.approx(0.1, abs=1e-6)
    # B to A: -0.9 and 0.3; back to B: 0.9 and -0.3.
    assert rows["b_to_a"]["cycle"] == pytest.approx(0.1, abs=1e-6)
    assert rows["a_to_b"]["frechet"] == pytest.approx(0, abs=1e-6)
    assert rows["b_to_a"]["frechet"] == pytest.approx(3 * 0.1**2, rel=1e-3)
    assert rows["a_to_b before"]["frechet"] == pytest.approx(3 * 0.8**2, rel=1e-4)
    assert rows["a_to_b real"]["frechet"] == pytest.approx(0, abs=1e-6)


def test_pairs_of_grey_inputs_by_hand(evaluate, tmp_path):
    """The model takes grey, and gives its negative in all three colours."""
    for name, level in {"1": 0, "2": 255}.items():
        for split in ("train", "test"):
            save(tmp_path / split / f"{name}.png", pair(level, 255 - level))
    generator = linear(-1.0)
    grey = keras.Input((None, None, 1))
    generator = keras.Model(grey, generator(keras.layers.Concatenate()([grey] * 3)))
    discriminator = build_patch_discriminator((8, 8, 3), (8, 8, 1), 2, 1, None)
    model = models.Pix2Pix(
        (8, 8, 3), input_channels=1, generator=generator, discriminator=discriminator
    )
    rows = evaluate(model, tmp_path)
    assert rows["model"]["l1"] == pytest.approx(0, abs=1e-6)
    assert rows["mean"]["l1"] == pytest.approx(1, abs=1e-6)  # the mean of -1 and 1 is 0
    assert rows["nearest"]["l1"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("channels", [1, 4])
def test_domains_of_grey_and_of_transparent_pictures(evaluate, tmp_path, channels):
    """As above, with a constant alpha of 1 (4 channels): A to B negates it too, and so B has 0."""
    alphas = {"A": 255, "B": 0} if channels == 4 else {"A": None, "B": None}
    for domain, levels in {"A": (0, 153), "B": (255, 102)}.items():
        for name, level in enumerate(levels):
            for split in ("train", "test"):
                pixels = plain_grey(level, alphas[domain])
                save(tmp_path / f"{split}{domain}" / f"{name}.png", pixels)
    networks = {f"generator_{way}": linear(-1.0, channels=channels) for way in WAYS}
    networks |= {
        f"discriminator_{d}": build_patch_discriminator((8, 8, channels), None, 2, 1) for d in "ab"
    }
    model = models.CycleGAN(image_shape=(8, 8, channels), pool_size=0, **networks)
    rows = evaluate(model, tmp_path)
    assert rows["a_to_b"]["cycle"] == pytest.approx(0, abs=1e-6)
    assert rows["a_to_b"]["frechet"] == pytest.approx(0, abs=1e-6)
    # Grey: -1 and 0.2 against 1 and -0.2. Over white: all of B is 1, as its alpha is 0.
    mean, deviation = (0.8, 0.0) if channels == 1 else (1.4, 0.6)
    wanted = 3 * (mean**2 + 2 * deviation**2)  # variances are those of a sample of two
    assert rows["a_to_b before"]["frechet"] == pytest.approx(wanted, rel=1e-3)


def test_domains_of_record_sets(evaluate, tmp_path):
    """Two sets as build_data makes them: the same figures as those of the folders."""
    model = two_ways(generator_a_to_b=linear(-1), generator_b_to_a=linear(-1, 0.1))
    for split in ("train", "test"):
        known = {}
        for domain, levels in {"men": (0, 153, 51), "women": (255, 102)}.items():
            folder = tmp_path / "sets" / split / domain
            folder.mkdir(parents=True)
            for name, level in enumerate(levels):
                save(tmp_path / "folders" / split / domain / f"{name}.png", plain(level))
            found = sorted((tmp_path / "folders" / split / domain).iterdir())
            encoded = [records.Picture(p.name, p.read_bytes(), 8, 8) for p in found]
            index = records.write_shard(records.shard_path(folder, 0, 1), encoded)
            known[domain] = records.summary([index])
        records.write_manifest(tmp_path / "sets" / split, known)
    domains = [f"{split}/{domain}" for split in ("train", "test") for domain in ("men", "women")]
    of_sets, of_folders = (
        evaluate(model, tmp_path / kind, domains=domains) for kind in ("sets", "folders")
    )
    assert of_sets.keys() == of_folders.keys() and len(of_sets) == 6
    for name, row in of_sets.items():
        for figure in {"cycle", "frechet_colours", "frechet", "kernel"} & row.keys():
            assert row[figure] == of_folders[name][figure]
    # Of A: -1, 0.2, -0.6 becomes 1, -0.2, 0.6, and, on the way back, -0.9, 0.3, -0.5.
    assert of_sets["a_to_b"]["cycle"] == pytest.approx(0.1, abs=1e-6)
    assert of_sets["a_to_b before"]["protocol"]["n_fake"] == 3
    assert of_sets["b_to_a"]["protocol"]["n_fake"] == 2
    assert of_sets["b_to_a real"]["protocol"]["n_fake"] == 2  # of three, as many as translated
    with pytest.raises(runs.RunError, match=r"must name four.*Received: --domains=train/men"):
        evaluate(model, tmp_path / "sets", domains=["train/men"])
    with pytest.raises(runs.RunError, match=r"name one of its domains, men, women"):
        evaluate(model, tmp_path / "sets", domains=["train", *domains[1:]])


def test_what_it_refuses(recipe, tmp_path):
    with pytest.raises(runs.RunError, match=r"Give --model and --data_dir. Received: .*None"):
        recipe.main()
    colours = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D()])
    colours.save(tmp_path / "colours.keras")
    path = str(tmp_path / "colours.keras")
    flags = {"model": path, "data_dir": str(tmp_path), "output": str(tmp_path / "out")}
    refused = pytest.raises(runs.RunError, match=r"must be a Pix2Pix.*a Sequential")
    with flagsaver.flagsaver(**flags, extractor=path), refused:
        recipe.main()


@pytest.mark.slow
def test_smoke(tmp_path):
    code, output = run("evaluate_translation", tmp_path, "--smoke")
    assert code == 0, output
    assert "kerasgan: scores.jsonl and sheet.png" in output
    folder = tmp_path / "runs" / "evaluate_translation-smoke"
    assert len((folder / "scores.jsonl").read_text().splitlines()) == 4
