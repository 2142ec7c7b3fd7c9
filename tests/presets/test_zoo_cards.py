"""The presets in saved_models/: whole, small, with complete cards, and made as zoo.json says."""

import json
import pathlib
import re
import shlex

import pytest

from kerasgan import presets
from kerasgan.presets import folder
from kerasgan.serving import warmup

ROOT = pathlib.Path(__file__).parent.parent.parent
PATHS = sorted(path.parent for path in (ROOT / "saved_models").glob("*/metadata.json"))
ZOO = json.loads((ROOT / "recipes" / "zoo.json").read_text())
DATA_SETS = ZOO.pop("data_sets")
PLANS = {name: plan for plans in ZOO.values() for name, plan in plans.items()}
LARGE = ("pix2pix_facades", "cyclegan_horse2zebra")
MB = 1_000_000
OF_A_MACHINE = re.compile(r"[\"' =](/home|/work|/tmp|/root|/Users|[A-Z]:\\)")

FIELDS = (*folder.GIVEN, "class", "steps", "parameters", "files", "versions", "format_version")
NOT_CLOCKED = ("mnist_classifier", "fashion_mnist_classifier")  # their hardware says about how long

each = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)


def card_of(path):
    return presets.info(path)


def test_every_plan_has_its_preset():
    assert {path.name for path in PATHS} == set(PLANS)


@each
def test_a_card_is_complete(path):
    card = card_of(path)
    empty = {name for name in FIELDS if card[name] in (None, "", [], {}, 0)} - {"seed"}
    assert empty == ({"wall_seconds"} if path.name in NOT_CLOCKED else set())
    assert set(card["versions"]) == {"kerasgan", "keras", "tensorflow"}
    assert (ROOT / "recipes" / f"{card['recipe']}.py").is_file()
    for file in card["files"]:
        folder.verified(path, file, card)
    for score in card["scores"]:
        protocol = score["protocol"]
        assert score["values"] and protocol["split"].endswith("[test]")
        assert protocol["n_real"] > 100 and len(protocol["image_shape"]) == 3
        assert set(protocol["versions"]) == {"kerasgan", "keras", "tensorflow"}
        if path.name in ZOO["generators"]:
            (floor,) = protocol["real_floor"]["values"].items()
            assert floor[0] == f"frechet_{protocol['extractor']}" and 0.05 < floor[1] < 0.3
            assert protocol["real_floor"]["n_fake"] == protocol["n_real"] == 10_000


@each
def test_a_card_says_what_the_plan_says(path):
    card, plan = card_of(path), PLANS[path.name]
    python, recipe, *given = shlex.split(card["command"])
    assert (python, recipe) == ("python", f"recipes/{plan['recipe']}.py")
    assert card["recipe"] == plan["recipe"]
    values = dict(flag.removeprefix("--").split("=") for flag in given)
    assert int(values["epochs"]) in plan["epochs"]
    assert int(values["seed"]) == card["seed"]
    rest = [flag for flag in given if not flag.startswith(("--epochs=", "--seed="))]
    assert rest == plan["flags"]
    assert card["data_set"].startswith(f"{plan['dataset']}[train]")
    assert {score["protocol"]["split"] for score in card["scores"]} == {f"{plan['dataset']}[test]"}
    known = DATA_SETS[plan["dataset"]]
    assert card["source"] == known["source"]
    assert card["licence"] == "; ".join(filter(None, ["Apache-2.0", known["terms"]]))
    assert card["description"].startswith(plan["description"])
    assert f" {values['epochs']} epochs" in card["description"]


def test_a_part_of_a_data_set_is_said_to_be_one():
    assert "250 and 250 pictures" in card_of(ROOT / "saved_models/cyclegan_horse2zebra")["data_set"]


@each
def test_a_folder_is_whole(path):
    (version,) = [part for part in path.iterdir() if part.is_dir()]
    assert version.name.isdecimal()
    assert (version / "saved_model.pb").stat().st_size > 1000
    assert (version / "assets.extra" / warmup.FILE).stat().st_size > 100
    shown = {"samples.png"} if path.name != "cyclegan_horse2zebra" else set()  # ImageNet's
    found = {part.name for part in path.iterdir() if part.is_file()}
    assert found == {folder.CONFIG, folder.METADATA, folder.WEIGHTS} | shown


@each
def test_weights_are_small(path):
    size = (path / folder.WEIGHTS).stat().st_size
    assert 10_000 < size <= (20 if path.name in LARGE else 8) * MB


def test_all_weights_together_are_small():
    sizes = [(p / folder.WEIGHTS).stat().st_size for p in PATHS if p.name not in LARGE]
    assert sum(sizes) <= 60 * MB


@each
def test_no_card_and_no_config_holds_a_path_of_a_machine(path):
    for file in path.rglob("*.json"):
        found = OF_A_MACHINE.search(file.read_text())
        assert not found, f"{file}: {found}"


@pytest.mark.parametrize("text", ['"/home/me/x"', '"--workdir=/tmp/x"', "'/work/a'", '": /root/x'])
def test_paths_of_a_machine_are_found(text):
    assert OF_A_MACHINE.search(text)
