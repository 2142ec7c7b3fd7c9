"""The recipes that count modes, as a user starts them: the whole way, then again."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from tests.recipes.running import run


def rows_of(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.slow
def test_ring_and_grid(tmp_path):
    code, output = run("ring_and_grid", tmp_path, "--smoke", "--datasets=ring")
    assert code == 0, output
    folder = tmp_path / "runs" / "ring_and_grid-smoke"
    rows = rows_of(folder / "ring.jsonl")
    assert [row["objective"] for row in rows] == ["non_saturating", "non_saturating_r1_r2"]
    assert all(0 <= row["modes"] <= 8 and row["updates"] == 20 for row in rows)
    points = [np.load(file) for file in sorted((folder / "points").iterdir())]
    assert [array.shape for array in points] == [(2500, 2)] * 2
    assert (folder / "ring.md").read_text().count("\n| ") == 2
    assert Image.open(folder / "ring.png").width > 500

    code, output = run("ring_and_grid", tmp_path, "--smoke", "--datasets=ring", "--seeds=0,1")
    assert code == 0, output
    assert "seed 1" in output and "ring, non_saturating, seed 0" not in output
    again = rows_of(folder / "ring.jsonl")
    assert again[:2] == rows and [row["seed"] for row in again] == [0, 0, 1, 1]
    assert "non_saturating, 2 runs of 20 updates: modes" in (folder / "ring.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    "flag, message",
    [
        ("--datasets=ring,square", "--datasets takes ring and grid. Received: ['ring', 'square']"),
        ("--objectives=hing", "--objectives takes all, best, or some of"),
    ],
)
def test_ring_and_grid_refuses_in_one_line(flag, message, tmp_path):
    code, output = run("ring_and_grid", tmp_path, flag)
    assert code == 1
    assert message in output.splitlines()[-1] and "Traceback" not in output


@pytest.mark.slow
def test_stacked_mnist(tmp_path):
    if not os.environ.get("KERASGAN_DATA"):
        pytest.skip("KERASGAN_DATA is not set: the test digits are not at hand")
    flags = ["--smoke", "--source=files"]
    code, output = run("stacked_mnist", tmp_path, *flags, "--only=dcgan")
    assert code == 0, output
    folder = tmp_path / "runs" / "stacked_mnist-smoke"
    data, dcgan = rows_of(folder / "rows.jsonl")
    # 500 draws from 1,000 modes, nearly all equally likely, reach 1000 (1 - e^(-1/2)) = 393.
    assert data["model"] == "data" and 350 < data["modes"] < 430
    assert (dcgan["model"], dcgan["updates"]) == ("dcgan", 4) and 1 <= dcgan["modes"] <= 500
    made = {path.name for path in (folder / "dcgan-0-4").iterdir()}
    assert made == {"checkpoints", "health", "samples.png", "seconds.json"}
    assert dcgan["health"] == "silent" and dcgan["seconds"] > 0

    (folder / "rows.jsonl").unlink()  # as if killed after the last step
    code, output = run("stacked_mnist", tmp_path, *flags, "--only=dcgan,relativistic_r1_r2")
    assert code == 0, output
    assert "resuming at step 4" in output
    rows = rows_of(folder / "rows.jsonl")
    assert [row["model"] for row in rows] == ["data", "dcgan", "relativistic_r1_r2"]
    assert rows[1] == dcgan
    assert (folder / "table.md").read_text().count("\n| ") == 3
