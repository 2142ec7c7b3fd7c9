"""compare_objectives.py as a user starts it: rows, pictures, and no work done twice."""

import json

import pytest

from tests.recipes.running import run


@pytest.mark.slow
@pytest.mark.realdata
def test_smoke_fills_rows_and_the_same_command_again_does_nothing(tmp_path, data_root):
    flags = ["--smoke", "--families=GAN,WGANGP"]
    code, output = run("compare_objectives", tmp_path, *flags)
    assert code == 0, output
    folder = tmp_path / "runs" / "compare_mnist-smoke"
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    assert [row["family"] for row in rows] == ["real", "GAN", "WGANGP"]
    floor, *trained = rows
    assert all(row["frechet"] > 5 * floor["frechet"] > 0 for row in trained)  # of 4 updates
    assert all(row["protocol"]["n_fake"] == 200 for row in rows)
    assert len(list(folder.glob("*/samples.png"))) == 2
    code, output = run("compare_objectives", tmp_path, *flags)
    assert code == 0
    assert "updates\n" not in output and "| WGANGP | 0 | 4 |" in output


def test_an_unknown_family_is_refused_in_one_line(tmp_path):
    code, output = run("compare_objectives", tmp_path, "--families=GAN,CGAN")
    assert code == 1
    assert "--families takes some of" in output.splitlines()[-1]
