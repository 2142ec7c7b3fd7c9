"""The recipe that makes record sets, killed (kill -9) and started again: the set is the same."""

import os
import signal
import subprocess
import sys
import time

import pytest

from kerasgan.data import records
from tests.recipes.running import ROOT
from tests.recipes.sets import noise, read_all, save

PATH = ROOT / "recipes" / "build_data.py"

# The recipe, with one picture at which it stays for good, so that it can be killed there.
STUCK = """
import importlib.util, sys, time
from kerasgan import runs
path, there, *flags = sys.argv[1:]
spec = importlib.util.spec_from_file_location("build_data_recipe", path)
recipe = importlib.util.module_from_spec(spec)
spec.loader.exec_module(recipe)
convert = recipe.convert
def stuck(picture):
    if picture.read() == open(there, "rb").read():
        time.sleep(600)
    return convert(picture)
recipe.convert = stuck
sys.argv[1:] = flags
runs.launch(recipe.main)
"""


def run_and_kill(folder, stuck_at, *flags, when_there):
    """Starts the recipe in a folder; kills it once a file is there, or after a minute."""
    process = subprocess.Popen(
        [sys.executable, "-c", STUCK, PATH, stuck_at, "--inputs=a,b", "--output=set", *flags],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    try:
        while process.poll() is None and not when_there.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == -signal.SIGKILL


def whole_shards(folder):
    """Paths of the shards in a set, sorted, with what tells whether they were written again."""
    found = sorted(folder.glob("*/part*.tfrecord"))
    return {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in found}


def contents(folder):
    """Bytes of each file below a folder."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.mark.slow
def test_killed_and_started_again_equals_uninterrupted(build, thirty, tmp_path, capsys):
    """In the second shard of b: the three of a and the first of b are whole."""
    whole = build(output="whole", shards=3)
    last = tmp_path / "set" / "b" / "part-00000-of-00003.json"
    run_and_kill(tmp_path, "b/07.png", "--shards=3", when_there=last)
    left = whole_shards(tmp_path / "set")
    assert [f"{p.parent.name}{p.name[9]}" for p in left] == ["a0", "a1", "a2", "b0"]
    with pytest.raises(ValueError, match="not finished"):
        records.open_domain(tmp_path / "set" / "a")

    capsys.readouterr()
    again = build(shards=3)
    printed = capsys.readouterr().out
    assert "going on: 4 of 6 shards are whole" in printed
    assert "kerasgan: 10 pictures in" in printed
    assert left.items() <= whole_shards(tmp_path / "set").items()
    assert again == whole
    for domain, names in thirty.items():
        assert records.open_domain(tmp_path / "set" / domain).names == names
    assert not list((tmp_path / "set").rglob(".tmp*"))


DAMAGES = {  # of a picture's bytes
    "a/0000.jpg": lambda data: data[: len(data) * 2 // 3],
    "a/0199.png": lambda data: data[: len(data) * 2 // 3],
    "a/0200.jpg": lambda data: b"",
    "a/0777.png": lambda data: b"<html>404 Not Found</html>",
    "a/0999.png": lambda data: bytes(len(data)),
    "b/0000.jpg": lambda data: data[:24],
    "b/0001.png": lambda data: data[:33],
    "b/0500.jpg": lambda data: b"\0" + data[1:],
    "b/0501.png": lambda data: data.replace(b"IDAT", b"IDOT"),
    "b/0998.jpg": lambda data: b"GIF89a" + data[6:30],
}


@pytest.fixture
def two_thousand(tmp_path):
    """2,000 pictures in a/ and b/, ten of them damaged; bytes of the others by domain and name."""
    good = {"a": {}, "b": {}}
    for n in range(2000):
        domain, number = "ab"[n // 1000], n % 1000
        name = f"{number:04d}.{'png' if number % 2 else 'jpg'}"
        data = save(tmp_path / domain / name, noise(n))
        damage = DAMAGES.get(f"{domain}/{name}")
        if damage:
            (tmp_path / domain / name).write_bytes(damage(data))
        else:
            good[domain][name] = data
    assert [len(pictures) for pictures in good.values()] == [995, 995]
    return good


@pytest.mark.slow
def test_two_thousand_pictures_killed_half_way(build, two_thousand, tmp_path, capsys):
    """At picture 980, so in the last of the first domain's five shards."""
    whole = build(output="whole")
    assert (whole["finished"], whole["count"]) == (True, 1990)
    skipped = {
        f"{domain}/{entry['name']}": entry["reason"]
        for domain, facts in whole["domains"].items()
        for entry in facts["skipped"]
    }
    assert skipped.keys() == DAMAGES.keys()
    printed = capsys.readouterr().out
    assert all(f"  {name}: {reason}\n" in printed for name, reason in skipped.items())

    last = tmp_path / "set" / "a" / "part-00003-of-00005.json"
    run_and_kill(tmp_path, "a/0980.jpg", when_there=last)
    left = whole_shards(tmp_path / "set")
    assert [path.name for path in left] == [f"part-0000{n}-of-00005.tfrecord" for n in range(4)]
    again = build()
    printed = capsys.readouterr().out
    assert "going on: 4 of 10 shards are whole" in printed
    assert "kerasgan: 1,200 pictures in" in printed  # 200 of a, 1,000 of b
    assert left.items() <= whole_shards(tmp_path / "set").items()
    assert again["checksum"] == whole["checksum"] and again == whole
    assert contents(tmp_path / "set") == contents(tmp_path / "whole")
    for domain, pictures in two_thousand.items():
        assert len(records.open_domain(tmp_path / "set" / domain)) == len(pictures)
        assert read_all(tmp_path / "set" / domain) == pictures


def test_a_finished_set_keeps_its_number_of_shards(
    build, build_data_recipe, thirty, tmp_path, monkeypatch, capsys
):
    """Also where it was made when the recipe put fewer or more pictures into one."""
    monkeypatch.setattr(build_data_recipe, "PER_SHARD", 5)
    manifest = build()
    before = whole_shards(tmp_path / "set")
    assert len(before) == 6
    monkeypatch.setattr(build_data_recipe, "PER_SHARD", 200)
    assert build() == manifest
    assert "finished and whole; nothing to do" in capsys.readouterr().out
    list(before)[1].unlink()
    assert build() == manifest
    assert "going on: 5 of 6 shards are whole" in capsys.readouterr().out
    assert whole_shards(tmp_path / "set").keys() == before.keys()
