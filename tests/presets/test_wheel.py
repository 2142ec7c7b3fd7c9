"""The presets of a checkout are in the wheel that is built from it, and load without a network."""

import configparser
import fnmatch
import json
import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

from kerasgan.presets import folder, places

ROOT = pathlib.Path(__file__).parent.parent.parent
FROZEN = pathlib.Path(__file__).parent / "frozen" / "gan_noise"
FILES = {folder.CONFIG, folder.METADATA, folder.WEIGHTS}
LARGEST = 8 * 2**20  # bytes of weights in a wheel


def setup_cfg():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def lines(text):
    return text.split()


def test_all_packages_are_listed():
    found = {
        str(path.parent.relative_to(ROOT)).replace(os.sep, ".")
        for path in (ROOT / "kerasgan").rglob("__init__.py")
    }
    listed = lines(setup_cfg()["options"]["packages"])
    assert sorted(listed) == sorted(found | {"kerasgan.saved_models"})


def left_out():
    """Patterns of the presets that no wheel holds."""
    return lines(setup_cfg()["options.exclude_package_data"]["kerasgan.saved_models"])


def bundled():
    """Names of the checkout's presets that a wheel holds."""
    cards = (path.parent.name for path in (ROOT / "saved_models").glob(f"*/{folder.METADATA}"))
    names = {name for name in cards if not any(fnmatch.fnmatch(f"{name}/x", p) for p in left_out())}
    assert len(names) >= 12
    return names


def test_what_goes_into_the_wheel_is_small():
    for name in bundled():
        assert (ROOT / "saved_models" / name / folder.WEIGHTS).stat().st_size <= LARGEST, name


def test_what_no_wheel_holds_is_known_by_the_beginning_of_its_name():
    assert sorted(left_out()) == sorted(f"{start}*/*" for start in places.TOO_LARGE)


PROGRAM = """
import json, socket, sys

def refuse(*args):
    raise OSError("there is no network")

socket.socket.connect = refuse
import kerasgan
loaded = {}
for name in kerasgan.presets.list():
    kerasgan.presets.load(name)
    loaded[name] = kerasgan.presets.info(name)["path"]
images = kerasgan.models.GAN.from_preset("gan_noise").generate(1, seed=3)
try:
    kerasgan.models.Pix2Pix.from_preset("pix2pix_facades")
except ValueError as error:
    refusal = str(error)
print("RESULT" + json.dumps([kerasgan.__file__, loaded, images.ravel().tolist(), refusal]))
"""


@pytest.mark.slow
def test_an_installed_wheel_loads_its_presets_without_a_network(tmp_path):
    tree, site = tmp_path / "tree", tmp_path / "site"
    tree.mkdir()
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    ignored = shutil.ignore_patterns("__pycache__", "[0-9]*", "*.png", ".tmp-*")
    shutil.copytree(ROOT / "kerasgan", tree / "kerasgan", ignore=ignored)
    shutil.copytree(ROOT / "saved_models", tree / "saved_models", ignore=ignored)
    for name in ("gan_noise", "pix2pix_noise"):
        preset = shutil.copytree(FROZEN, tree / "saved_models" / name)
        (preset / "1").mkdir()
        (preset / "1" / "saved_model.pb").write_text("a version for TF Serving")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    offline = ["--no-build-isolation", "--no-deps", "--no-index"]
    subprocess.run([*pip, "wheel", *offline, "-w", tmp_path, tree], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = bundled() | {"gan_noise"}  # not pix2pix_noise, and none of the versions' files
    held = [n for n in zipfile.ZipFile(wheel).namelist() if "/saved_models/" in n]
    assert sorted(held) == sorted(
        f"kerasgan/saved_models/{name}/{file}" for name in names for file in FILES
    )

    command = [*pip, "install", *offline, "--target", site, wheel]
    subprocess.run(command, check=True, capture_output=True)
    shutil.rmtree(tree)
    process = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
    )
    assert process.returncode == 0, process.stderr[-3000:]
    file, loaded, images, refusal = json.loads(process.stdout.split("RESULT")[1])
    assert pathlib.Path(file) == site / "kerasgan" / "__init__.py"
    assert loaded == {n: str(site / "kerasgan" / "saved_models" / n) for n in names}
    assert images[:3] == pytest.approx([-0.286615, -0.00116, -0.876858], abs=3e-6)
    assert "too large" in refusal and refusal.endswith("Received: preset='pix2pix_facades'")
