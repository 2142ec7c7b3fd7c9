import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf


@pytest.fixture
def raw_data():
    """The folder of the original files."""
    folder = os.environ.get("KERASGAN_DATA")
    if not folder:
        pytest.skip("KERASGAN_DATA isn't set: the original files are not at hand")
    return pathlib.Path(folder)


@pytest.fixture
def nothing_available(monkeypatch, tmp_path):
    """No prepared TFDS data, no original files, no connection."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    monkeypatch.delenv("KERASGAN_DATA", raising=False)

    def refuse(url):
        raise OSError("no connection within 15 seconds")

    monkeypatch.setattr("kerasgan.data.tfds_source._open_url", refuse)
    return tmp_path


@pytest.fixture
def coordinates():
    """Makes a picture whose pixel (row, column) is (row, column, mark)."""

    def make(height, width, mark=0):
        rows, columns = np.mgrid[:height, :width]
        return np.stack([rows, columns, np.full_like(rows, mark)], axis=-1).astype("uint8")

    return make


@pytest.fixture
def save_picture():
    """Saves an array as a PNG (8 or 16 bit); returns its path."""

    def save(path, pixels):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tf.io.encode_png(pixels).numpy())
        return path

    return save


@pytest.fixture
def to_bytes():
    """Maps images in [-1, 1] back to the integers in [0, 255] that they come from."""

    def to_bytes(images):
        exact = (np.asarray(images, "float64") + 1.0) * 127.5
        assert abs(exact - np.rint(exact)).max() < 1e-4
        return np.rint(exact).astype(int)

    return to_bytes
