import pathlib
import warnings
import zipfile

import numpy as np
import pytest
import tensorflow as tf

from kerasgan import data
from kerasgan.data import cycle_gan, reading, records, tfds_source
from tests.data.passes import LOADED, PLAIN, check_resumes, one_pass, same


@pytest.fixture
def domains(tmp_path, coordinates, save_picture):
    """Folders a and b of 3 and 8 pictures, marked 0 to 2 and 100 to 107."""
    for name, count, mark in (("a", 3, 0), ("b", 8, 100)):
        for n in range(count):
            picture = coordinates(LOADED, LOADED, mark + n)
            save_picture(tmp_path / name / f"{n}.png", picture)
    return tmp_path / "a", tmp_path / "b"


def marks(dataset, to_bytes):
    parts = zip(*one_pass(dataset))
    return [[int(i) for image in part for i in np.atleast_1d(to_bytes(image)[..., 0, 0, 2])]
            for part in parts]  # fmt: skip


def test_an_epoch_is_as_long_as_the_longer_domain(domains, to_bytes, capsys):
    ds = data.unpaired_images(*domains, image_size=16)
    assert "3 and 8 images of (16, 16, 3) from " in capsys.readouterr().out
    epochs = [marks(ds, to_bytes) for _ in range(6)]
    assert all(sorted(b) == list(range(100, 108)) for _, b in epochs)
    assert len({tuple(b) for _, b in epochs}) == 6
    shorter = [mark for a, _ in epochs for mark in a]  # 48: 16 passes, over the epochs' ends
    passes = [tuple(shorter[n : n + 3]) for n in range(0, 48, 3)]
    assert all(sorted(one) == [0, 1, 2] for one in passes)
    assert len(set(passes)) >= 4  # of 6 orders
    facts = data.describe(ds)
    assert facts["domain_sizes"] == [3, 8] and facts["num_examples"] == 8
    assert facts["name"] == "a+b" and facts["source"] == "folder"
    swapped = data.unpaired_images(*domains[::-1], image_size=16)
    assert [len(part) for part in marks(swapped, to_bytes)] == [8, 8]


def test_orders_and_draws_of_the_domains_are_independent(tmp_path, coordinates, save_picture):
    for n in range(200):
        pixels = coordinates(LOADED, LOADED, n)
        save_picture(tmp_path / "same" / f"{n:03}.png", pixels)
    ds = data.unpaired_images(tmp_path / "same", tmp_path / "same", image_size=16)
    rows = []
    for element in one_pass(ds):
        corners = [(np.rint((image + 1) * 127.5)) for image in element]
        rows.append([(c[0, 0, 2], c[0, 0, 0], c[..., 1].min(), c[0, 0, 1] < c[0, -1, 1])
                     for c in corners])  # fmt: skip
    a, b = np.moveaxis(np.array(rows, float), 1, 0)
    for one, two in zip(a.T, b.T):
        assert abs(np.corrcoef(one, two)[0, 1]) < 4.5 / np.sqrt(200)


def test_unpaired_domains_resume(domains):
    check_resumes(lambda: data.unpaired_images(*domains, 3, 16))


def test_test_pictures_come_in_the_order_of_their_names(domains, to_bytes):
    ds = data.unpaired_images(*domains, batch_size=4, image_size=LOADED, **PLAIN)
    expected = [[0, 1, 2, 0, 1, 2, 0, 1], list(range(100, 108))]
    assert marks(ds, to_bytes) == marks(ds, to_bytes) == expected


def test_unpaired_too_many_for_memory_are_the_same(domains, monkeypatch):
    held = one_pass(data.unpaired_images(*domains, 3, 16, drop_remainder=False))
    assert [len(a) for a, _ in held] == [3, 3, 2]
    monkeypatch.setattr(reading, "_MEMORY_LIMIT", 0)
    same(held, one_pass(data.unpaired_images(*domains, 3, 16, drop_remainder=False)))


def test_domains_of_a_record_set(domains, tmp_path):
    summaries = {}
    for folder in domains:
        (tmp_path / "set" / folder.name).mkdir(parents=True)
        encoded = [
            records.Picture(path.name, path.read_bytes(), LOADED, LOADED)
            for path in sorted(folder.iterdir())
        ]
        shard = records.shard_path(tmp_path / "set" / folder.name, 0, 1)
        summaries[folder.name] = records.summary([records.write_shard(shard, encoded)])
    records.write_manifest(tmp_path / "set", summaries)
    places = [tmp_path / "set" / folder.name for folder in domains]
    ds = data.unpaired_images(*places, 3, 16)
    same(one_pass(data.unpaired_images(*domains, 3, 16)), one_pass(ds))
    assert data.describe(ds)["source"] == "records"
    with pytest.raises(ValueError, match=r"its domains, a, b, such as .*set/a'. .*domain_b="):
        data.unpaired_images(places[0], tmp_path / "set")
    (tmp_path / "set" / "manifest.json").unlink()
    with pytest.raises(ValueError, match=r"records without their manifest\.json: .*a/part-0"):
        data.unpaired_images(*places)


def test_domains_without_pictures(domains, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"holds no pictures.*Received: domain_b=.*empty"):
        data.unpaired_images(domains[0], tmp_path / "empty")
    with pytest.raises(ValueError, match=r"none of that name.*Received: domain_a=.*absent"):
        data.unpaired_images(tmp_path / "absent", domains[1])
    (tmp_path / "empty" / "bad.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"1 damaged of 1 in .*empty"):
        data.unpaired_images(domains[0], tmp_path / "empty")


def test_damaged_pictures_of_a_domain_are_left_out(domains, to_bytes):
    (domains[0] / "1.png").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"Damaged pictures left out of .*, 1:"):
        ds = data.unpaired_images(*domains, image_size=16)
    assert set(marks(ds, to_bytes)[0]) == {0, 2}
    assert data.describe(ds)["skipped"] == ["a: 1.png"]


# TFDS's cycle_gan ------------------------------------------------------------------------------

HORSE, ZEBRA = (f"tfds:cycle_gan/horse2zebra/train{side}" for side in "AB")


def test_offline_cycle_gan_says_what_to_do(nothing_available):
    with pytest.raises(FileNotFoundError) as caught:
        data.unpaired_images(HORSE, ZEBRA)
    message = str(caught.value)
    for part in (
        "cycle_gan/horse2zebra is not at hand",
        "no connection within 15 seconds",
        f"put it at {tfds_source.data_dir()}/downloads/manual/cycle_gan/horse2zebra/",
        f"Received: domain_a='{HORSE}'",
    ):
        assert part in message


def test_the_archive_is_read(nothing_available, monkeypatch, domains):
    path = tfds_source.data_dir() / "downloads" / "manual" / "cycle_gan" / "horse2zebra"
    path.mkdir(parents=True)
    with zipfile.ZipFile(path / "horse2zebra.zip", "w") as archive:
        for side, folder in zip("AB", domains):
            for picture in folder.iterdir():
                archive.write(picture, f"horse2zebra/train{side}/{picture.name}")
    with pytest.raises(FileNotFoundError):  # not the file that TFDS knows
        data.unpaired_images(HORSE, ZEBRA)
    monkeypatch.setattr(tfds_source, "verify", lambda path, sha256: pathlib.Path(path).read_bytes())
    ds = data.unpaired_images(HORSE, ZEBRA, 3, 16)
    same(one_pass(data.unpaired_images(*domains, 3, 16)), one_pass(ds))
    assert data.describe(ds)["source"] == "tfds"


def test_what_tfds_has_prepared_is_read(nothing_available, domains):
    tfds = pytest.importorskip("tensorflow_datasets")
    image = tfds.features.Image(shape=(None, None, 3), encoding_format="png")
    tfds.dataset_builders.store_as_tfds_dataset(
        name="cycle_gan",
        config="horse2zebra",
        version="3.0.0",
        data_dir=tfds_source.data_dir(),
        features=tfds.features.FeaturesDict({"image": image}),
        split_datasets={
            f"train{side}": [(path.name, {"image": str(path)}) for path in sorted(folder.iterdir())]
            for side, folder in zip("AB", domains)
        },
        disable_shuffling=True,
    )
    ds = data.unpaired_images(HORSE, ZEBRA, 3, 16)
    same(one_pass(data.unpaired_images(*domains, 3, 16)), one_pass(ds))
    with pytest.raises(ValueError, match=r"can't be read.*Received: "):
        data.unpaired_images(HORSE.replace("train", "test"), ZEBRA)


@pytest.mark.parametrize(
    "domain, message",
    [
        ("tfds:cycle_gan/lion2lamb/trainA", "names apple2orange, .*Received: domain_a='tfds:"),
        ("tfds:mnist/train", "tfds:cycle_gan/<name>/<split>"),
        ("tfds:cycle_gan/maps/train", "splits trainA, trainB, testA, testB. Received: domain_a="),
    ],
)
def test_names_of_cycle_gan_are_checked(domain, message):
    with pytest.raises(ValueError, match=message):
        data.unpaired_images(domain, ZEBRA)
    assert len(cycle_gan._SHA256) == 10


# Real pictures ---------------------------------------------------------------------------------


@pytest.mark.realdata
def test_horses_and_zebras(raw_data):
    root = raw_data / "horse2zebra"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ds = data.unpaired_images(root / "testA", root / "testB", 4, 32)
    assert data.describe(ds)["domain_sizes"] == [120, 140]
    for images in next(iter(ds)):
        assert images.shape == (4, 32, 32, 3) and images.dtype == tf.float32
        assert -1.0 <= images.numpy().min() < -0.5 and 0.5 < images.numpy().max() <= 1.0
