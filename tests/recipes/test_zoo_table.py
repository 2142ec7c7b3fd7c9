"""README's table of trained models says what their cards say."""

import pytest
from absl.testing import flagsaver

from kerasgan import runs
from tests.recipes.loading import loaded


@pytest.fixture
def recipe():
    with loaded("zoo_table") as module:
        yield module


def test_readme_and_cards_agree(recipe):
    with flagsaver.flagsaver(check=True):
        recipe.main()


def test_a_table_that_is_old_is_told_and_made_anew(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(recipe, "ROOT", tmp_path)
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{recipe.BEGIN}\nold\n{recipe.END}\nafter\n")
    (tmp_path / "saved_models").mkdir()
    with flagsaver.flagsaver(check=True), pytest.raises(runs.RunError, match="not that of the"):
        recipe.main()
    recipe.main()
    head = "| preset | class | MB | Frechet | precision | recall | label as asked | accuracy "
    head += "| trained |"
    lines = readme.read_text().splitlines()
    assert lines[:4] == ["before", recipe.BEGIN, "", head] and lines[-2:] == [recipe.END, "after"]
    with flagsaver.flagsaver(check=True):
        recipe.main()


def test_a_line_by_hand(recipe):
    card = {
        "name": "cgan_mnist",
        "class": "kerasgan>CGAN",
        "files": {"model.weights.h5": {"bytes": 1_500_000}},
        "scores": [
            {
                "values": {"frechet_judge": 4.567, "recall_judge": 0.5, "label_agreement_judge": 1},
                "protocol": {"extractor": "judge"},
            }
        ],
        "wall_seconds": 150.0,
        "hardware": "2 cores",
    }
    assert recipe.cells(card) == (
        "`cgan_mnist`", "`CGAN`", "1.5", "4.57", "-", "0.50", "100.0 %", "-", "2 min, 2 cores"
    )  # fmt: skip
