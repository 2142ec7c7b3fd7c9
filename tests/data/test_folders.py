"""Folders of pictures that recipes look for, and those that they make up."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from kerasgan import data


def test_folders_are_found_where_the_variable_says(tmp_path, monkeypatch):
    (tmp_path / "facades").mkdir()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KERASGAN_DATA", str(tmp_path))
    assert data.find_folder("facades") == tmp_path / "facades"
    assert data.find_folder("absent") is None
    assert data.find_folder("file") is None
    monkeypatch.setenv("KERASGAN_DATA", str(tmp_path / "absent"))
    assert data.find_folder("facades") is None
    monkeypatch.setenv("KERASGAN_DATA", "~")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data.find_folder("facades") == tmp_path / "facades"


def test_without_the_variable_none_is_found(tmp_path, monkeypatch):
    (tmp_path / "facades").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KERASGAN_DATA", raising=False)
    assert data.find_folder("facades") is None
    monkeypatch.setenv("KERASGAN_DATA", "")
    assert data.find_folder("facades") is None


def test_made_up_pictures_differ_and_are_the_same_at_each_call(capsys):
    folders = [data.made_up_pictures(["a", "b"], number=3, shape=(20, 30)) for _ in range(2)]
    said = "kerasgan: 6 pictures made for --smoke; nothing to learn from them\n"
    assert capsys.readouterr().out == 2 * said
    assert folders[0] != folders[1] and folders[0].name == folders[1].name
    found = [
        {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.glob("*/*")}
        for folder in folders
    ]
    assert found[0] == found[1]
    assert sorted(found[0]) == ["a/0.png", "a/1.png", "a/2.png", "b/0.png", "b/1.png", "b/2.png"]
    assert len(set(found[0].values())) == 6
    for path in folders[0].glob("*/*"):
        with Image.open(path) as picture:
            pixels = np.asarray(picture)
        assert pixels.shape == (20, 30, 3) and pixels.dtype == np.uint8
        assert (pixels.std(axis=(0, 1)) > 10).all()


def test_the_recipes_readings_take_them(capsys):
    folder = data.made_up_pictures(["a", "b"], number=2, shape=(16, 32))
    images_a, images_b = next(iter(data.unpaired_images(folder / "a", folder / "b", 2, 16)))
    assert images_a.shape == images_b.shape == (2, 16, 16, 3)
    inputs, targets = next(iter(data.paired_images(folder, 2, 16, split="a")))
    assert inputs.shape == targets.shape == (2, 16, 16, 3)
    _, labels = next(iter(data.domain_images(folder, 4, 16)))
    assert sorted(labels.numpy()) == [0, 0, 1, 1]


@pytest.mark.slow
def test_they_are_gone_when_the_process_ends():
    program = "from kerasgan import data; print(data.made_up_pictures(['a'], 1))"
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    path = pathlib.Path(ended.stdout.splitlines()[-1])
    assert path.name == "made_up" and not path.parent.exists()
