"""The recipes that explore latents, the whole way; then again, for what is left to do."""

import json
import os

import keras
import numpy as np
import pytest
from absl.testing import flagsaver
from PIL import Image

from kerasgan import runs, serving, tables
from tests.latent.makers import linear_gan, of_pixels
from tests.latent.test_space import tiny_cgan, tiny_gan
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

        run.module = module
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


@pytest.fixture
def walking(explore, tmp_path):
    """Function (**flags) -> (walks.png, figures.json) of the walks of a small model."""
    tiny_gan().save(tmp_path / "tiny.keras")
    folder = tmp_path / "made"
    flags = {"smoke": True, "model": str(tmp_path / "tiny.keras"), "workdir": str(folder)}

    def run(**values):
        explore(**flags, parts=["walks"], **values)
        figures = json.loads((folder / "figures.json").read_text())
        return (folder / "walks.png").read_bytes(), figures

    run.module, run.folder = explore.module, folder
    return run


def test_pictures_and_figures_are_of_the_same_command(walking):
    first, figures = walking(seed=0)
    assert figures["seed"] == 0
    second, figures = walking(seed=1)
    assert figures["seed"] == 1 and second != first
    again, figures = walking(seed=0)
    assert figures["seed"] == 0 and again == first


def test_deleted_pictures_are_made_again_and_others_are_not(walking, capsys):
    first, _ = walking()
    (walking.folder / "walk.gif").unlink()
    assert walking()[0] == first and (walking.folder / "walk.gif").exists()
    assert capsys.readouterr().out.count("kerasgan: walks of") == 2
    walking()
    assert "kerasgan: walks of" not in capsys.readouterr().out


def test_a_stop_leaves_nothing_that_is_believed(walking, monkeypatch):
    first, _ = walking(seed=0)

    def stops(it):
        it.save("walks", np.zeros((1, 8, 8, 1)))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setitem(walking.module.PARTS, "walks", stops)
        with pytest.raises(KeyboardInterrupt):
            walking(seed=1)
    assert (walking.folder / "walks.png").read_bytes() != first
    assert not (walking.folder / "figures.json").exists()
    assert walking(seed=0)[0] == first


@pytest.mark.parametrize(
    "model, name",
    [
        ("runs/a/final.keras", "a"),
        ("runs/a/best.keras", "a"),
        ("runs/dcgan-0.5/final.keras", "dcgan-0.5"),
        ("runs/a/mine.keras", "mine"),
        ("runs/a/export", "a"),
        ("runs/a/export/1", "a"),
        ("saved_models/c/1", "c"),
        ("final.keras", "model"),
    ],
)
def test_models_of_the_same_file_name_have_folders_of_their_own(model, name, explore, monkeypatch):
    monkeypatch.setattr(explore.module.latent, "load", lambda path: path)
    with flagsaver.flagsaver(model=model):
        assert explore.module.find_space() == (model, name)


def test_an_export_of_three_classes_is_explored(explore, tmp_path):
    serving.export(tiny_cgan(), tmp_path / "export")
    folder = tmp_path / "made"
    explore(smoke=True, model=str(tmp_path / "export"), workdir=str(folder))
    assert {path.name for path in folder.iterdir()} >= {"walks.png", "truncation.png"}


def test_uniform_latents_are_truncated_by_thresholds_that_cut(explore, tmp_path, monkeypatch):
    space, rows = of_pixels(lambda z: z, latent_dim=2, distribution="uniform"), []
    with flagsaver.flagsaver(smoke=True):
        it = explore.module.Explorer(space, tmp_path)
    monkeypatch.setattr(it, "save", lambda name, images: rows.extend(np.split(images, 9)))
    explore.module.truncation(it)
    # Untruncated, four thresholds, four shares of the way to the mean.
    largest = [np.abs(row).max() for row in rows]
    assert largest[0] > 0.8
    assert all(most < limit for most, limit in zip(largest[1:5], (0.8, 0.6, 0.4, 0.2)))


def test_models_of_points_and_damaged_ones_are_refused_in_one_line(explore, tmp_path):
    linear_gan(np.eye(2), image_shape=(2,)).save(tmp_path / "points.keras")
    flags = {"smoke": True, "workdir": str(tmp_path / "made")}
    with pytest.raises(runs.RunError, match=r"one of points, image_shape=\(2,\)"):
        explore(**flags, model=str(tmp_path / "points.keras"))
    data = (tmp_path / "points.keras").read_bytes()
    (tmp_path / "half.keras").write_bytes(data[: len(data) // 2])
    with pytest.raises(runs.RunError, match=r"can't be loaded.*half\.keras"):
        explore(**flags, model=str(tmp_path / "half.keras"))


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


@pytest.fixture
def diversity(tmp_path, monkeypatch):
    """Function (**flags) -> names of the rows: latent_diversity, without trainings and scores."""
    with loaded("latent_diversity") as module:

        def train(name, seed, epochs, steps, folder):
            folder.mkdir(exist_ok=True)
            return tiny_gan(), 1.0

        monkeypatch.setattr(module, "train", train)
        monkeypatch.setattr(module, "images_of", lambda name, split, n: np.zeros((n, 8, 8, 1)))
        scores = dict.fromkeys(module.MEASURED, 0.5)
        monkeypatch.setattr(module, "Scores", lambda samples: lambda images: scores)

        def run(**values):
            with flagsaver.flagsaver(smoke=True, workdir=str(tmp_path), **values):
                module.main()
            return [json.loads(line)["row"] for line in (tmp_path / "rows.jsonl").open()]

        yield run


def test_a_stop_between_two_rows_doubles_or_loses_none(diversity, monkeypatch):
    add, stops = tables.Table.add, ["real, both", "added_noise, sampled"]

    def stopping(table, row):
        if stops and row["row"] == stops[0]:
            del stops[0]
            raise KeyboardInterrupt
        add(table, row)

    monkeypatch.setattr(tables.Table, "add", stopping)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            diversity(rows=["added_noise"])
    names = ["real, mnist", "real, both", "added_noise, not sampled", "added_noise, sampled"]
    assert diversity(rows=["added_noise"]) == names
    assert diversity(rows=["added_noise"]) == names


@pytest.mark.parametrize("seeds", [["x"], ["1", "-1"], ["1.5"], [str(2**40)]])
def test_seeds_that_are_none_are_refused_in_one_line(seeds, diversity):
    with pytest.raises(runs.RunError, match="--seeds takes whole numbers"):
        diversity(seeds=seeds)
