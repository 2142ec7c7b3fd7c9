import os
import pathlib

import pytest


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
