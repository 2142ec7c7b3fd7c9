"""`serve_client` against a server that runs real exports: its picture, its times, its refusals."""

import re

import numpy as np
import pytest
from absl.testing import flagsaver
from PIL import Image

from kerasgan import pictures, runs, serving
from tests import serving_double, serving_models
from tests.latent.test_space import tiny_cgan, tiny_gan
from tests.recipes.loading import loaded


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """(address, models)."""
    base = tmp_path_factory.mktemp("base")
    models = {"gan": tiny_gan(), "cgan": tiny_cgan()}
    for name, model in models.items():
        serving.export(model, base / name)
    serving.write_model_base(base, base_path=str(base))
    double = serving_models.Models(base / "models.config")
    with serving_double.rest(double) as address:
        yield address, models


@pytest.fixture
def serve_client(served, tmp_path, monkeypatch):
    """Function (**flags): runs the recipe within tmp_path."""
    monkeypatch.chdir(tmp_path)
    with loaded("serve_client") as module:

        def run(**values):
            with flagsaver.flagsaver(**{"address": served[0], **values}):
                module.main()

        yield run


def near(path, images):
    """Whether a picture is the grid of images, up to the rounding of a level."""
    wanted = pictures.image_grid(images, 8)[..., 0].astype(int)
    got = np.asarray(Image.open(path)).astype(int)
    assert np.ptp(wanted) > 20 and got.shape == wanted.shape
    assert np.abs(got - wanted).max() <= 1


def test_samples_and_times(serve_client, served, tmp_path, capsys):
    serve_client(model="gan", num=20, seed=4, requests=7, threads=3)
    near(tmp_path / "runs" / "serve_client.png", served[1]["gan"].generate(20, seed=4))
    printed = capsys.readouterr().out
    found = re.search(
        r"7 requests of 20 samples by 3 threads: p50 ([\d.]+) ms, p99 ([\d.]+) ms, (\d+) samples/s",
        printed,
    )
    p50, p99, rate = (float(number) for number in found.groups())
    assert 0 < p50 <= p99 and rate > 0


def test_labels_in_turn(serve_client, served, tmp_path):
    serve_client(
        model="cgan",
        num=5,
        labels=["2", "0"],
        requests=1,
        version="stable",
        truncation=0.5,
        output="made/here.png",
    )
    wanted = served[1]["cgan"].generate([2, 0, 2, 0, 2], seed=0, truncation=0.5)
    near(tmp_path / "made" / "here.png", wanted)


@pytest.mark.parametrize(
    "flags, words",
    [
        ({"model": "gan", "labels": ["1"]}, "takes .*'num'.* Received: "),
        ({"model": "cgan"}, "takes .*'labels'.* Received: "),
        ({"model": "cgan", "labels": ["9"]}, r"INVALID_ARGUMENT: .*labels must lie in \[0, 3\)"),
        ({"model": "gan", "truncation": 0.0}, "Received: truncation=0.0"),
        ({"model": "cgan", "labels": ["a"]}, "labels must be integers. Received: "),
        ({"model": "nobody"}, "NOT_FOUND: "),
        ({"model": "gan", "version": "7"}, "NOT_FOUND: "),
        ({"model": "gan", "version": "nightly"}, "INVALID_ARGUMENT: Unrecognized"),
        ({"model": "gan", "address": "ftp://here"}, "Received: address="),
        ({"model": "gan", "output": "/proc/1/x.png"}, "Received: output="),
    ],
)
def test_refusals_are_one_line(serve_client, flags, words, tmp_path):
    with pytest.raises(runs.RunError, match=words):
        serve_client(**flags)
    assert not (tmp_path / "runs" / "serve_client.png").exists()
