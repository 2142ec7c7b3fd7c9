"""The package as a whole: what importing it costs, and which way imports run."""

import ast
import configparser
import pathlib
import re
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(__file__).parent.parent / "kerasgan"
OPTIONAL = [
    "tensorflow_datasets",
    "matplotlib",
    "keras_cv",
    "PIL",
    "mlxtend",
    "pandas",
    "scipy",
    "gradio",
]

# What a part may import, besides itself and what stands at the bottom of the chain.
BOTTOM = {"version", "checks", "specs", "files"}
ALLOWED = {
    "version": set(),
    "checks": set(),
    "files": set(),
    "specs": {"checks"},
    "attacks": BOTTOM | {"plots"},
    "latent": BOTTOM | {"layers", "losses", "metrics", "models", "pictures", "stored"},
    "layers": BOTTOM,
    "losses": BOTTOM,
    "networks": BOTTOM | {"layers"},
    "models": BOTTOM | {"layers", "losses", "networks", "optimizers", "presets"},
    "optimizers": set(),
    "data": BOTTOM,
    "pictures": BOTTOM,
    "plots": BOTTOM,
    "presets": BOTTOM,
    "stored": BOTTOM | {"presets"},
    "serving": BOTTOM | {"models", "pictures"},
    "callbacks": BOTTOM | {"metrics", "models", "pictures"},
    "metrics": BOTTOM,
    "schedules": BOTTOM,
    "fine_tuning": BOTTOM,
    "theory": BOTTOM,
    "tables": BOTTOM,
    "runs": BOTTOM | {"callbacks", "data", "models", "pictures", "serving"},
}


def imports_of(path):
    """Parts of kerasgan that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            modules = [node.module]
            if node.module == "kerasgan":
                modules = [f"kerasgan.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        else:
            continue
        for module in modules:
            if module.startswith("kerasgan."):
                yield module.split(".")[1]


@pytest.mark.parametrize("part", sorted(ALLOWED))
def test_imports_run_one_way(part):
    folder = PACKAGE / part
    paths = list(folder.rglob("*.py")) if folder.is_dir() else [PACKAGE / f"{part}.py"]
    assert paths
    for path in paths:
        wrong = set(imports_of(path)) - ALLOWED[part] - {part}
        assert not wrong, f"{path.relative_to(PACKAGE)} imports {wrong}"


def test_every_part_has_its_place_in_the_chain():
    parts = {p.stem for p in PACKAGE.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert parts - {"__init__"} == set(ALLOWED)


@pytest.mark.parametrize("folder", ["kerasgan", "recipes", "tests"])
def test_no_file_is_too_long(folder):
    paths = list((PACKAGE.parent / folder).rglob("*.py"))
    assert len(paths) > 10
    lengths = {path: len(path.read_text().splitlines()) for path in paths}
    assert {str(path): n for path, n in lengths.items() if n > 350} == {}


@pytest.mark.slow
def test_importing_costs_little_and_brings_nothing_optional():
    program = f"""
import sys, time, keras
before = set(sys.modules)
start = time.process_time()  # what else the machine does must not count
import kerasgan
print(time.process_time() - start)
print([name for name in {OPTIONAL} if name in set(sys.modules) - before])
"""
    runs = [
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout.split("\n")
        for _ in range(3)
    ]
    assert {run[1] for run in runs} == {"[]"}
    assert min(float(run[0]) for run in runs) <= 0.3


def test_pillow_is_new_enough():
    """`Image.has_transparency_data`, which reading pictures needs, came with Pillow 10.1."""
    settings = configparser.ConfigParser()
    settings.read(PACKAGE.parent / "setup.cfg")
    required = settings["options"]["install_requires"]
    least = re.search(r"^pillow>=(\d+)\.(\d+)$", required, re.MULTILINE)
    assert least and tuple(map(int, least.groups())) >= (10, 1)
