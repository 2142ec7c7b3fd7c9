"""The recipes that explore latents, the whole way; then again, for what is left to do."""

import json
import os

import keras
import pytest
from absl.testing import flagsaver
from PIL import Image

from kerasgan import runs
from tests.latent.test_space import tiny_gan
from tests.recipes.loading import loaded

PICTURES = {
    "walks.png",
    "walk.gif",
    "grid.png",
    "arithmetic.png",
    "truncation.png",
    "directions_sefa.png",
    "directions_pca.png",
    "directions_random.png",
    "directions_supervised.png",
    "projection.png",
    "inpainting.png",
    "neighbours.png",
    "membership.png",
}
OF_THE_CLASSES = {"arithmetic.png"}  # not there where an untrained GAN shows one class only


@pytest.fixture
def explore():
    """Function (**flags): runs explore_latent_space."""
    with loaded("explore_latent_space") as module:

        def run(**values):
            with flagsaver.flagsaver(**values):
                module.main()

        yield run


def needs_data():
    if not os.environ.get("KERASGAN_DATA"):
        pytest.skip("KERASGAN_DATA is not set: the test digits are not at hand")


@pytest.mark.slow
def test_explore_latent_space(explore, tmp_path, capsys):
    needs_data()
    folder = tmp_path / "made"
    flags = {"smoke": True, "source": "files", "workdir": str(folder)}
    explore(**flags, parts=["walks"])
    first = json.loads((folder / "figures.json").read_text())
    assert set(first) >= {"model", "weights", "walks"} and "projection" not in first
    explore(**flags)
    output = capsys.readouterr().out
    assert output.count("kerasgan: walks of") == 1 and "kerasgan: membership of" in output
    assert {path.name for path in folder.iterdir()} >= PICTURES - OF_THE_CLASSES
    assert Image.open(folder / "walk.gif").n_frames > 10
    figures = json.loads((folder / "figures.json").read_text())
    assert figures["walks"] == first["walks"]
    assert 0.0 <= figures["walks"]["slerp"] <= 1.0
    assert figures["directions"]["sefa"]["directions"] == 10
    rows = figures["directions"]["table"]
    assert len({row["attribute"] for row in rows}) == 5 + 10
    assert set(figures["projection"]["error"]) >= {"nearest", "encoder", "projection"}
    assert set(figures["inpainting"]["error"]) == {"nearest", "inpainting"}
    assert 0.0 <= figures["membership"]["discriminator"]["auc"] <= 1.0
    explore(**flags)
    assert "kerasgan: walks of" not in capsys.readouterr().out


def test_other_images_get_pictures_without_figures(explore, tmp_path):
    tiny_gan().save(tmp_path / "tiny.keras")
    folder = tmp_path / "made"
    flags = {"smoke": True, "model": str(tmp_path / "tiny.keras"), "workdir": str(folder)}
    explore(**flags)
    made = {path.name for path in folder.iterdir()}
    assert made >= {"walks.png", "truncation.png", "directions_sefa.png"}
    assert not made & {"projection.png", "directions_supervised.png"}
    with pytest.raises(runs.RunError, match="28 x 28 grey images"):
        explore(**flags, parts=["projection"])


@pytest.mark.parametrize(
    "flags, words",
    [
        ({"parts": ["wlaks"], "smoke": True}, "--parts takes all or some of walks"),
        ({}, "Received: neither"),
        ({"model": "a", "preset": "b"}, "not both"),
        ({"model": "no/such.keras"}, "no/such.keras"),
    ],
)
def test_bad_flags_are_refused_in_one_line(flags, words, explore, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(runs.RunError, match=words):
        explore(**flags)


@pytest.mark.slow
def test_latent_diversity(tmp_path, capsys):
    needs_data()
    flags = {"smoke": True, "source": "files", "workdir": str(tmp_path)}
    with loaded("latent_diversity") as module:
        with flagsaver.flagsaver(**flags, rows=["added_noise"]):
            module.main()
        with flagsaver.flagsaver(**flags, rows=["added_noise", "two_sets"]):
            module.main()
        with flagsaver.flagsaver(**flags, rows=["noise"]), pytest.raises(runs.RunError):
            module.main()
    assert capsys.readouterr().out.count("kerasgan: added_noise, seed 0") == 1
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    names = ["real, mnist", "real, both"]
    names += ["added_noise, not sampled", "added_noise, sampled", "two_sets"]
    assert [row["row"] for row in rows] == names
    assert all(0.0 <= row[f"recall_{name}"] <= 1.0 for row in rows for name in ("mnist", "both"))
    # Digits alone can cover at most the half of both sets that is digits, and clothes little.
    assert rows[0]["recall_both"] < 0.7 < rows[1]["recall_both"]
    assert (tmp_path / "two_sets-0-4" / "samples.png").exists()
    keras.backend.clear_session()
