"""MirroredStrategy on two virtual CPUs and two processes of MultiWorkerMirroredStrategy."""

import importlib
import json
import os
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest

SCRIPT = "tests.models.distributed_run"


def start(*arguments, config=None):
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
    if config:
        environment["TF_CONFIG"] = json.dumps(config)
    return subprocess.Popen(
        [sys.executable, "-m", SCRIPT, *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def report(process):
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output[-3000:]
    return json.loads(output.split("REPORT")[1])


def two_workers(*arguments):
    sockets = [socket.socket() for _ in range(2)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    addresses = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    for s in sockets:
        s.close()
    cluster = {"worker": addresses}
    tasks = [{"cluster": cluster, "task": {"type": "worker", "index": i}} for i in range(2)]
    return [report(p) for p in [start("workers", *arguments, config=task) for task in tasks]]


@pytest.mark.slow
@pytest.mark.parametrize(
    "family, steps",
    [
        *[("GAN", 12), ("CGAN", 12), ("DCGAN", 12), ("WGAN", 6), ("BEGAN", 12), ("SNGAN", 6)],
        ("Pix2Pix", 12),
    ],
)
def test_two_replicas_in_one_process_and_in_two_agree(family, steps, tmp_path):
    mirrored = report(start("mirrored", family, tmp_path))
    first, second = two_workers(family, tmp_path)
    assert mirrored["steps"] == first["steps"] == steps
    assert mirrored["iterations"] == [12, steps]  # a critic makes two updates a step
    assert first["weights"] == second["weights"]
    for name, values in mirrored["history"].items():
        assert np.isfinite(values).all()
        np.testing.assert_allclose(values, np.ravel(first["history"][name]), rtol=1e-3, atol=1e-4)
    module = importlib.import_module(f"tests.models.test_{family.lower()}")
    loaded = keras.saving.load_model(first["path"])
    assert int(loaded.step_counter.numpy()) == steps
    loaded.fit(getattr(module, f"Test{family}")().dataset(), verbose=0)


@pytest.mark.slow
def test_a_model_with_pools_trains_on_replicas(tmp_path):
    """Each worker has pools of its own, so its fakes are others than those of two replicas."""
    mirrored = report(start("mirrored", "CycleGAN", tmp_path))
    first, second = two_workers("CycleGAN", tmp_path)
    assert first["weights"] == second["weights"]
    for found in (mirrored, first, second):
        assert found["iterations"] == [12, 12] and found["pooled"] == 6  # full
        assert all(np.isfinite(values).all() for values in found["history"].values())


@pytest.mark.slow
def test_replicas_together_make_the_update_of_the_whole_batch(tmp_path):
    alone = report(start("alone", "constant", tmp_path))
    mirrored = report(start("mirrored", "constant", tmp_path))
    np.testing.assert_allclose(mirrored["weights"], alone["weights"], rtol=1e-5)
    for name, values in alone["history"].items():
        np.testing.assert_allclose(mirrored["history"][name], values, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_under_two_replicas(policy, tmp_path):
    mirrored = report(start("mirrored", "DCGAN", tmp_path, policy))
    assert mirrored["steps"] == 12
    assert all(np.isfinite(values).all() for values in mirrored["history"].values())
