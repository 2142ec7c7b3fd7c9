import importlib.util
import json

import pytest
from absl import flags
from absl.testing import flagsaver

from tests.recipes.loading import loaded
from tests.recipes.running import ROOT
from tests.recipes.sets import DAMAGED, noise, save


@pytest.fixture(scope="module")
def build_data_recipe():
    """`build_data` as a module; its flags are gone afterwards."""
    spec = importlib.util.spec_from_file_location(
        "build_data_recipe", ROOT / "recipes" / "build_data.py"
    )
    module = importlib.util.module_from_spec(spec)
    before = set(flags.FLAGS)
    spec.loader.exec_module(module)
    parsed = flags.FLAGS.is_parsed()
    flags.FLAGS.mark_as_parsed()
    yield module
    for name in set(flags.FLAGS) - before:
        delattr(flags.FLAGS, name)
    if not parsed:
        flags.FLAGS.unparse_flags()


@pytest.fixture
def build(build_data_recipe, tmp_path, monkeypatch):
    """Function (**flags) -> the manifest, built within tmp_path, of a/ and b/ if nothing else."""
    monkeypatch.chdir(tmp_path)

    def run(**values):
        values = {"inputs": ["a", "b"], "output": "set", "workers": 2, **values}
        with flagsaver.flagsaver(**values):
            build_data_recipe.main()
        return json.loads((tmp_path / values["output"] / "manifest.json").read_text())

    return run


@pytest.fixture
def thirty(tmp_path):
    """30 pictures in a/ and b/, three of them damaged."""
    for n in range(30):
        domain, number = "ab"[n // 15], n % 15
        suffix = "png" if number % 2 else "jpg"
        save(tmp_path / domain / f"{number:02d}.{suffix}", noise(n))
    cut = tmp_path / "a" / "04.jpg"
    cut.write_bytes(cut.read_bytes()[:-100])
    (tmp_path / "b" / "00.jpg").write_text("no picture")
    (tmp_path / "b" / "11.png").write_bytes(b"")
    names = {
        d: [p.name for p in sorted((tmp_path / d).iterdir()) if f"{d}/{p.name}" not in DAMAGED]
        for d in "ab"
    }
    assert [len(part) for part in names.values()] == [14, 13]
    return names


@pytest.fixture(scope="module")
def translate_recipe():
    """`translate` as a module."""
    with loaded("translate") as module:
        yield module


@pytest.fixture
def translate(translate_recipe, tmp_path, monkeypatch):
    """Function (**flags): runs the recipe within tmp_path."""
    monkeypatch.chdir(tmp_path)

    def run(**values):
        with flagsaver.flagsaver(**values):
            translate_recipe.main()

    return run
