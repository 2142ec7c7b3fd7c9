"""The recipe that makes record sets: what it leaves out, resumes and refuses."""

import hashlib
import json
import os
import pathlib

import pytest

from kerasgan import runs
from kerasgan.data import collection, records
from tests.recipes.running import run as run_program
from tests.recipes.sets import DAMAGED, noise, read_all, save


def test_damaged_pictures_are_named_and_the_rest_is_there(build, thirty, tmp_path, capsys):
    manifest = build(shards=3)
    assert (manifest["finished"], manifest["count"]) == (True, 27)
    reasons = {
        f"{domain}/{entry['name']}": entry["reason"]
        for domain, facts in manifest["domains"].items()
        for entry in facts["skipped"]
    }
    assert reasons.keys() == DAMAGED
    assert "truncated" in reasons["a/04.jpg"] and reasons["b/11.png"] == "empty file"
    assert reasons["b/00.jpg"] == "not a picture of a known format"
    printed = capsys.readouterr().out
    assert all(f"  {name}: {reason}\n" in printed for name, reason in reasons.items())
    assert manifest["checksum"] in printed
    for domain, names in thirty.items():
        found = read_all(tmp_path / "set" / domain)
        assert list(found) == names
        assert all(found[name] == (tmp_path / domain / name).read_bytes() for name in names)
    a, b = (manifest["domains"][domain] for domain in "ab")
    # Shards are of 5 files each: the fifth of a, the first and the twelfth of b are damaged.
    assert [shard["count"] for shard in a["shards"]] == [4, 5, 5]
    assert [shard["count"] for shard in b["shards"]] == [4, 5, 4]
    content = (tmp_path / "set" / "a" / "part-00001-of-00003.tfrecord").read_bytes()
    assert a["shards"][1]["sha256"] == hashlib.sha256(content).hexdigest()


def test_shards_and_workers_do_not_change_the_set(build, thirty, tmp_path):
    manifests = [
        build(output="one", shards=3, workers=1),
        build(output="two", shards=3, workers=5),
        build(output="three", shards=7),
        build(output="four"),
    ]
    assert len({manifest["checksum"] for manifest in manifests}) == 1
    assert manifests[0] == manifests[1]
    assert len(manifests[3]["domains"]["a"]["shards"]) == 1
    opened = [records.open_domain(tmp_path / m / "b").names for m in ("one", "three", "four")]
    assert opened == [thirty["b"]] * 3


def snapshot(folder):
    return {str(p): (p.stat().st_mtime_ns, p.stat().st_ino) for p in sorted(folder.rglob("*"))}


def test_a_finished_set_stays_as_it_is(build, thirty, tmp_path, capsys):
    manifest = build(shards=3)
    before = snapshot(tmp_path / "set")
    capsys.readouterr()
    assert build(shards=3, workers=1) == manifest
    assert "finished and whole; nothing to do" in capsys.readouterr().out
    assert snapshot(tmp_path / "set") == before


def cut(path):
    path.write_bytes(path.read_bytes()[:-5])


def other_names(path):
    index = json.loads(path.read_text())
    index["pictures"][0][0] = "other.jpg"
    path.write_text(json.dumps(index))


@pytest.mark.parametrize(
    "damage, name",
    [
        (pathlib.Path.unlink, "part-00001-of-00003.tfrecord"),
        (pathlib.Path.unlink, "part-00001-of-00003.json"),
        (cut, "part-00001-of-00003.tfrecord"),
        (cut, "part-00001-of-00003.json"),
        (lambda path: path.write_text("[]"), "part-00001-of-00003.json"),
        (other_names, "part-00001-of-00003.json"),
    ],
)
def test_a_damaged_shard_is_made_again(build, thirty, tmp_path, capsys, damage, name):
    manifest = build(shards=3)
    before = snapshot(tmp_path / "set")
    damage(tmp_path / "set" / "a" / name)
    (tmp_path / "set" / "a" / ".tmp-1-part-00001-of-00003.tfrecord").write_bytes(b"begun")
    capsys.readouterr()
    assert build(shards=3) == manifest
    assert "5 of 6 shards are whole" in capsys.readouterr().out
    after = snapshot(tmp_path / "set")
    assert after.keys() == before.keys()
    changed = {pathlib.Path(path).name for path in after if after[path] != before[path]}
    assert {"part-00001-of-00003.tfrecord", "part-00001-of-00003.json"} <= changed
    assert changed <= {"part-00001-of-00003.tfrecord", "part-00001-of-00003.json"} | {
        *("a", "set", "manifest.json")
    }
    assert list(read_all(tmp_path / "set" / "a")) == thirty["a"]


def test_an_error_of_the_disk_ends_the_run_and_loses_nothing(
    build, thirty, tmp_path, monkeypatch, capsys
):
    whole = build(output="whole", shards=3)
    list_pictures = collection.list_pictures

    def failing(argument, root):
        found = list_pictures(argument, root)

        def fail():
            raise OSError(5, "Input/output error")

        return [p._replace(read=fail) if p.name == "13.png" else p for p in found]

    monkeypatch.setattr(collection, "list_pictures", failing)
    with pytest.raises(runs.RunError, match="Input/output error"):
        build(shards=3)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert build(shards=3) == whole
    assert "going on: 2 of 6" in capsys.readouterr().out


def test_domains_have_the_names_given_or_those_of_their_folders(build, thirty, tmp_path):
    manifest = build(inputs=["old men=a", f"{tmp_path}/b/"])
    assert list(manifest["domains"]) == ["old men", "b"]
    assert manifest["domains"]["old men"]["folder"] == str(tmp_path / "a")
    assert records.domains(tmp_path / "set") == ["old men", "b"]
    assert records.open_domain("set/old men").names == thirty["a"]
    (tmp_path / "a").rename(tmp_path / "x=y")
    manifest = build(inputs=["men=x=y"], output="other")
    assert manifest["domains"]["men"]["folder"] == str(tmp_path / "x=y")


@pytest.mark.parametrize(
    "flags, message",
    [
        ({"size": 8}, "--size was None, is 8"),
        ({"min_size": 8}, "--min_size was None, is 8"),
        ({"shards": 2}, "--shards was 3, is 2"),
        ({"inputs": ["a"]}, "domains were a, b, are a"),
        ({"inputs": ["b", "a"]}, "domains were a, b, are b, a"),
    ],
)
def test_other_settings_are_refused(build, thirty, tmp_path, flags, message):
    build(shards=3)
    before = snapshot(tmp_path / "set")
    with pytest.raises(runs.RunError, match=f"made otherwise: {message}.*another --output"):
        build(**{"shards": 3, **flags})
    assert snapshot(tmp_path / "set") == before


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda folder: save(folder / "new.png", noise(99)), "15 pictures of b are 16"),
        (lambda folder: (folder / "01.png").unlink(), "15 pictures of b are 14"),
        (lambda folder: os.utime(folder / "02.jpg", (9, 9)), "15 pictures of b are 15, or have"),
        (lambda folder: (folder / "02.jpg").rename(folder / "x.jpg"), "other names, sizes"),
    ],
)
def test_changed_pictures_are_refused(build, thirty, tmp_path, change, message):
    build()
    change(tmp_path / "b")
    with pytest.raises(runs.RunError, match=message):
        build()


@pytest.mark.parametrize(
    "flags, message",
    [
        ({"inputs": None}, "Give --inputs, one folder or more"),
        ({"output": None}, "Give --output"),
        ({"inputs": ["a", "absent"]}, "no such folder.*Received: 'absent'"),
        ({"inputs": ["a", "void"]}, "holds no pictures.*Received: --inputs: void='.*/void'"),
        ({"inputs": ["men=a", "women=./a"]}, "in another too.*men=.*/a, women=.*/a"),
        ({"inputs": ["a", "all=."]}, "in another too"),
        ({"inputs": ["x=a", "X=b"]}, "a name of its own. Received: 'X' twice"),
        ({"inputs": ["../x=a"]}, "name is of letters.*Received: '../x=a'"),
        ({"inputs": ["=a"]}, "name is of letters.*Received: '=a'"),
        ({"shards": 16}, "--shards=16, 15 pictures in"),
        ({"output": "a/00.jpg/set"}, "--output must be a folder that can be written to"),
        ({"output": "a"}, "holds other files; choose another --output.*with 00.jpg"),
        ({"inputs": ["a", "bad"]}, "No picture is left in bad: all are damaged or too small"),
        ({"min_size": 13}, "No picture is left in a, b"),
        ({"smoke": True}, "Give --inputs or --smoke"),
    ],
)
def test_bad_input(build, thirty, tmp_path, flags, message):
    (tmp_path / "void").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.png").write_bytes(b"bad")
    with pytest.raises(runs.RunError, match=message):
        build(**flags)


def test_a_damaged_manifest_is_refused(build, thirty, tmp_path):
    build()
    (tmp_path / "set" / "manifest.json").write_text('{"format": "kerasgan rec')
    with pytest.raises(runs.RunError, match=r"Expected the manifest.*set/manifest.json"):
        build()


@pytest.mark.slow
def test_smoke(tmp_path):
    code, output = run_program("build_data", tmp_path, "--smoke")
    assert code == 0, output
    assert "pictures made by this recipe, two of them damaged on purpose" in output
    folder = tmp_path / "runs" / "build_data-smoke"
    assert [len(read_all(folder / domain)) for domain in ("red", "blue")] == [11, 11]
    code, output = run_program("build_data", tmp_path, "--smoke")
    assert code == 0 and "finished and whole" in output
    code, output = run_program("build_data", tmp_path, "--inputs=nowhere", "--output=set")
    assert code == 1 and "Traceback" not in output
    assert output.splitlines()[-1].endswith("check the path. Received: 'nowhere'")
    assert not (tmp_path / "set").exists()
