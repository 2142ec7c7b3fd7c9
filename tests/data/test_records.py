"""Sets of pictures as TFRecords: format, random access, checksums, damage."""

import concurrent.futures
import hashlib
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from kerasgan.data import records

COUNTS = {"men": (2, 3, 1), "women": (2,)}  # pictures in each shard


def picture(domain, n):
    data = np.random.default_rng([len(domain), n]).bytes(40 + n)
    return records.Picture(f"été/{n}.png", data, 10 + n, 20 + n)


def write_set(folder, counts=COUNTS, **facts):
    """Writes a set; returns {domain: its pictures}."""
    written, summaries = {}, {}
    for domain, shards in counts.items():
        (folder / domain).mkdir(parents=True)
        written[domain] = [picture(domain, n) for n in range(sum(shards))]
        indexes, rest = [], iter(written[domain])
        for number, count in enumerate(shards):
            path = records.shard_path(folder / domain, number, len(shards))
            content = [next(rest) for _ in range(count)]
            content.append(records.Skipped(f"{number}.jpg", "empty file"))
            indexes.append(records.write_shard(path, content))
        summaries[domain] = records.summary(indexes)
    records.write_manifest(folder, summaries, **facts)
    return written


def read_all(path):
    domain = records.open_domain(path)
    return [(name, domain.read(n)) for n, name in enumerate(domain.names)]


def test_tensorflow_reads_the_shards(tmp_path):
    written = write_set(tmp_path)
    names = [f"part-{n:05d}-of-00003" for n in range(3)]
    suffixes = (".json", ".tfrecord")
    assert sorted(path.name for path in (tmp_path / "men").iterdir()) == [
        name + suffix for name in names for suffix in suffixes
    ]
    features = {"image": tf.string, "name": tf.string, "height": tf.int64, "width": tf.int64}
    features = {key: tf.io.FixedLenFeature([], kind) for key, kind in features.items()}
    found = []
    for name in names:
        dataset = tf.data.TFRecordDataset(str(tmp_path / "men" / f"{name}.tfrecord"))
        found += [(name[9], tf.io.parse_single_example(r, features)) for r in dataset]
    assert "".join(shard for shard, _ in found) == "001112"
    for (_, example), known in zip(found, written["men"], strict=True):
        assert example["name"].numpy().decode() == known.name
        assert example["image"].numpy() == known.image
        assert (int(example["height"]), int(example["width"])) == (known.height, known.width)


def test_random_access(tmp_path):
    written = write_set(tmp_path)
    assert records.domains(tmp_path) == ["men", "women"]
    for domain, known in written.items():
        opened = records.open_domain(tmp_path / domain)
        assert opened.names == [picture.name for picture in known] and len(opened) == len(known)
        for n in np.random.default_rng(0).permutation(len(known)):
            assert opened.read(int(n)) == opened.read(n) == known[n].image
    with pytest.raises(IndexError):
        opened.read(len(known))


def test_reading_in_several_threads(tmp_path):
    known = write_set(tmp_path)["men"]
    opened = records.open_domain(str(tmp_path / "men"))
    wanted = np.random.default_rng(0).integers(len(known), size=1000)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = list(pool.map(opened.read, wanted))
    assert found == [known[n].image for n in wanted]


def test_what_the_manifest_says(tmp_path):
    written = write_set(tmp_path, settings={"size": None})
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["settings"] == {"size": None}
    assert manifest["finished"] is True and manifest["count"] == 8
    men = manifest["domains"]["men"]
    assert men["count"] == 6 and [shard["count"] for shard in men["shards"]] == [2, 3, 1]
    for shard in men["shards"]:
        content = (tmp_path / "men" / shard["file"]).read_bytes()
        assert shard["sha256"] == hashlib.sha256(content).hexdigest()
    assert men["skipped"] == [{"name": f"{n}.jpg", "reason": "empty file"} for n in range(3)]

    def checksum(pairs):
        lines = [f'["{name}", "{digest}"]\n' for name, digest in pairs]
        return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()

    for domain, known in written.items():
        pairs = [
            (p.name.replace("é", "\\u00e9"), hashlib.sha256(p.image).hexdigest()) for p in known
        ]
        assert manifest["domains"][domain]["checksum"] == checksum(pairs)
        assert records.open_domain(tmp_path / domain).checksum == checksum(pairs)
    pairs = [(domain, entry["checksum"]) for domain, entry in manifest["domains"].items()]
    assert manifest["checksum"] == checksum(pairs)


def test_the_checksum_is_of_the_pictures_not_of_the_shards(tmp_path):
    checksums = {}
    for name, counts in {
        "one": {"men": (2, 3, 1), "women": (2,)},
        "other shards": {"women": (1, 1), "men": (6,)},
        "one less": {"men": (2, 3), "women": (2,)},
        "other domains": {"men": (2, 3, 1), "woman": (2,)},
    }.items():
        write_set(tmp_path / name, counts)
        checksums[name] = records.read_manifest(tmp_path / name)["checksum"]
    assert checksums["one"] == checksums["other shards"]
    assert len(set(checksums.values())) == 3


def test_what_is_a_set_and_what_a_domain(tmp_path):
    write_set(tmp_path / "set")
    (tmp_path / "set" / "notes").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "manifest.json").write_text('{"name": "a web page"}')
    assert records.is_record_set(tmp_path / "set") and records.is_record_set(str(tmp_path / "set"))
    assert records.is_domain(tmp_path / "set" / "men") and records.is_domain(
        str(tmp_path / "set" / "women")
    )
    for path in (tmp_path, tmp_path / "other", tmp_path / "absent", tmp_path / "set" / "men"):
        assert not records.is_record_set(path)
    for path in (tmp_path / "set", tmp_path / "set" / "notes", tmp_path / "other" / "men"):
        assert not records.is_domain(path)
    with pytest.raises(ValueError, match=r"one of 'men', 'women' in .*Received: path='.*notes'"):
        records.open_domain(tmp_path / "set" / "notes")
    with pytest.raises(ValueError, match=r"build_data.py has made.*other/manifest.json: KeyError"):
        records.open_domain(tmp_path / "other" / "men")
    with pytest.raises(ValueError, match=r"absent/manifest.json: FileNotFoundError"):
        records.domains(tmp_path / "absent")


def test_an_unfinished_set_is_not_read(tmp_path):
    write_set(tmp_path, finished=False)
    assert records.is_record_set(tmp_path) and records.is_domain(tmp_path / "men")
    with pytest.raises(ValueError, match=r"not finished; the command that began it goes on"):
        records.open_domain(tmp_path / "men")


def test_a_newer_format_is_not_read(tmp_path):
    write_set(tmp_path)
    path = tmp_path / "manifest.json"
    path.write_text(path.read_text().replace(records.FORMAT, "kerasgan records 9"))
    assert records.is_record_set(tmp_path)
    with pytest.raises(ValueError, match=r"manifest.json: ValueError\(\"format 'kerasgan records"):
        records.domains(tmp_path)


def test_a_shard_cut_off_anywhere_is_found_and_named(tmp_path):
    write_set(tmp_path)
    path = records.shard_path(tmp_path / "men", 1, 3)
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"part-00001-of-00003.tfrecord: (cut off|\d records)"):
            records.open_domain(tmp_path / "men")
    path.write_bytes(whole + bytes(3))
    with pytest.raises(ValueError, match=r"00001-of-00003.tfrecord: cut off within the record at"):
        records.open_domain(tmp_path / "men")
    path.write_bytes(whole + bytes(20))
    with pytest.raises(ValueError, match=rf"damaged at byte {len(whole)}$"):
        records.open_domain(tmp_path / "men")


def test_a_damaged_byte_is_found_and_named(tmp_path):
    (known,) = write_set(tmp_path, {"men": (1,)})["men"]
    path = records.shard_path(tmp_path / "men", 0, 1)
    whole = path.read_bytes()
    image, name = whole.index(known.image), whole.index(known.name.encode())
    header = range(12)  # length and its checksum
    content = [*range(image, image + len(known.image)), *range(name, name + len(known.name) + 2)]
    for place in [*header, *content]:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        message = "damaged at byte 0" if place in header else "the record of 'été/0.png' is damaged"
        with pytest.raises(ValueError, match=f"part-00000-of-00001.tfrecord: {message}"):
            read_all(tmp_path / "men")


def change_index(path, change):
    index = json.loads(path.with_suffix(".json").read_text())
    change(index["pictures"])
    path.with_suffix(".json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda a, b: a.unlink(), "00000-of-00002.tfrecord: No such file"),
        (lambda a, b: a.with_suffix(".json").unlink(), "00000-of-00002.json: FileNotFoundError"),
        (lambda a, b: a.with_suffix(".json").write_text("{"), "of-00002.json: JSONDecodeError"),
        (lambda a, b: a.with_suffix(".json").write_text("[]"), "of-00002.json: TypeError"),
        (lambda a, b: change_index(a, list.pop), "2 records, 1 pictures in its index; 2 in the"),
        (lambda a, b: change_index(a, list.reverse), "00000-of-00002.tfrecord: the record of"),
        (lambda a, b: change_index(a, lambda p: p[0].reverse()), "part-.*json: not the indexes"),
        (lambda a, b: shutil.copy(a, b), "00001-of-00002.tfrecord: the record of 'été/2.png'"),
    ],
)
def test_missing_and_exchanged_files_are_named(tmp_path, damage, message):
    write_set(tmp_path, {"men": (2, 2)})
    damage(*(records.shard_path(tmp_path / "men", n, 2) for n in range(2)))
    with pytest.raises(ValueError, match=f"start the command that made the set.*{message}"):
        read_all(tmp_path / "men")


def test_a_shard_that_fails_leaves_the_former(tmp_path):
    path = tmp_path / "a.tfrecord"
    records.write_shard(path, [picture("a", 0)])
    before = path.read_bytes()

    def broken():
        yield picture("a", 1)
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        records.write_shard(path, broken())
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.json", "a.tfrecord"]
