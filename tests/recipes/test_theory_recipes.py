"""The recipes that show the theory, run as programs; their numbers against closed forms."""

import json
import math

import numpy as np
import pytest
from PIL import Image
from scipy import integrate, special, stats

from tests.recipes.running import run, run_and_kill

# The game on the line ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def theory_run(tmp_path_factory):
    """A smoke run of gan_theory_1d: its folder and what it printed."""
    folder = tmp_path_factory.mktemp("theory")
    code, output = run("gan_theory_1d", folder, "--smoke", "--workdir=here")
    assert code == 0, output
    return folder, output


@pytest.mark.slow
def test_theory_makes_the_figure_and_the_numbers(theory_run):
    folder, output = theory_run
    results = json.loads((folder / "here" / "theory.json").read_text())
    assert list(results["moments"]) == ["start", "on the way", "end"]
    with Image.open(folder / "here" / "frames.png") as picture:
        assert picture.width > 3 * picture.height
        assert np.asarray(picture.convert("L")).std() > 5
    for name, number in results["moments"]["end"]["numbers"].items():
        assert name in output and f"{number:9.4f}" in output


@pytest.mark.slow
def test_theory_starts_from_two_known_normals(theory_run):
    """p_g is N(0, 1) before training, exactly; the data are N(2.5, 0.6)."""
    folder, _ = theory_run
    start = json.loads((folder / "here" / "theory.json").read_text())["moments"]["start"]
    curves, numbers = start["curves"], start["numbers"]
    grid = np.arange(-4.0, 7.0, 0.02)
    p_data, p_g = stats.norm.pdf(grid, 2.5, 0.6), stats.norm.pdf(grid)
    np.testing.assert_allclose(curves["p_data"], p_data, rtol=0, atol=1e-6)
    np.testing.assert_allclose(curves["p_g"], p_g, rtol=0, atol=5e-5)
    mass = p_data + p_g > 1e-3
    best = p_data / (p_data + p_g)
    np.testing.assert_allclose(np.array(curves["D*"])[mass], best[mass], rtol=0, atol=1e-3)

    def integrand(x):
        p, q = stats.norm.pdf(x, 2.5, 0.6), stats.norm.pdf(x)
        return (special.rel_entr(p, (p + q) / 2) + special.rel_entr(q, (p + q) / 2)) / 2

    js, _ = integrate.quad(integrand, -9, 9, points=[0, 1.5, 2.5])
    assert abs(numbers["JS"] - js) < 1e-4
    assert abs(numbers["V(D*, G)"] - (2 * js - math.log(4))) < 1e-3
    assert abs(numbers["mean of p_g"]) < 1e-3 and abs(numbers["deviation of p_g"] - 1) < 1e-3


@pytest.mark.slow
def test_theory_that_is_finished_says_so_and_refuses_other_flags(theory_run):
    folder, _ = theory_run
    made = (folder / "here" / "theory.json").stat().st_mtime_ns
    code, output = run("gan_theory_1d", folder, "--smoke", "--workdir=here")
    assert code == 0 and "this run is finished" in output
    assert (folder / "here" / "theory.json").stat().st_mtime_ns == made
    code, output = run("gan_theory_1d", folder, "--smoke", "--workdir=here", "--seed=1")
    assert code == 1 and "Traceback" not in output
    assert "is a run with other flags" in output.splitlines()[-1]


@pytest.mark.slow
def test_theory_that_is_killed_ends_with_the_same_numbers(theory_run):
    folder, _ = theory_run
    flags, results = ["--smoke", "--workdir=killed"], folder / "killed" / "theory.json"
    # After the second measurement: the training goes on from its checkpoint.
    run_and_kill("gan_theory_1d", folder, *flags, when=lambda: "on the way" in _text(results))
    code, output = run("gan_theory_1d", folder, *flags)
    assert code == 0, output
    assert "resuming at step 4" in output or "resuming at step 8" in output
    whole, again = ((folder / name / "theory.json").read_text() for name in ("here", "killed"))
    assert json.loads(whole) == json.loads(again)


def _text(path):
    return path.read_text() if path.exists() else ""


# The decision boundary --------------------------------------------------------------------

SLOPES = {  # of each generator's loss, by D's output
    "minimax": lambda out: -special.expit(out),
    "non_saturating": lambda out: -special.expit(-out),
    "least_squares 0-1": lambda out: out - 1.0,
    "least_squares -1,1,0": lambda out: out,
}


@pytest.mark.slow
def test_decision_boundary(tmp_path):
    code, output = run("lsgan_decision_boundary", tmp_path, "--smoke", "--workdir=here")
    assert code == 0, output
    folder = tmp_path / "here-smoke"
    for name in ("boundary.png", "gradients.png"):
        with Image.open(folder / name) as picture:
            assert np.asarray(picture.convert("L")).std() > 5
    rows = json.loads((folder / "gradients.json").read_text())["rows"]
    assert len(rows) == 2 * 4 * 10
    table = {(r["network"], r["objective"], r["distance"]): r for r in rows}

    for name, slope in SLOPES.items():  # the chain rule, where D is linear
        per_unit = (table["linear", name, 8]["output"] - table["linear", name, -4]["output"]) / 12
        for (network, objective, _), row in table.items():
            if (network, objective) == ("linear", name):
                step = -slope(row["output"]) * per_unit
                assert abs(row["step_to_the_right"] - step) < 0.02 * per_unit + 0.02 * abs(step)
                assert row["gradient_norm"] >= abs(row["step_to_the_right"]) * 0.999
    # Linear regression on labels a and b: slope (b - a) / 4 * 2 / (deviation^2 + 1), middle at 0.
    for name, labels in {"least_squares 0-1": (0, 1), "least_squares -1,1,0": (-1, 1)}.items():
        for distance in (-4, 0, 4):
            line = sum(labels) / 2 + (labels[1] - labels[0]) / 2 / (0.49 + 1) * distance
            assert abs(table["linear", name, distance]["output"] - line) < 0.15

    for network in ("linear", "perceptron"):  # far out on the real side
        far = {name: table[network, name, 6.0] for name in SLOPES}
        assert 0.0 < far["non_saturating"]["gradient_norm"] < 1e-4
        for name in ("least_squares 0-1", "least_squares -1,1,0"):
            assert far[name]["gradient_norm"] > 100 * far["non_saturating"]["gradient_norm"]
    for name in ("least_squares 0-1", "least_squares -1,1,0"):
        assert table["linear", name, 6.0]["step_to_the_right"] < -0.1  # back to the data
    assert table["linear", "minimax", 6.0]["step_to_the_right"] > 0.1  # away from them
