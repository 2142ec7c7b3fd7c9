"""The benchmark: every family is in it, both sides do the same work, and its numbers are right."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import flagsaver

from kerasgan import models, runs, tables
from tests.recipes.loading import loaded
from tests.recipes.running import ROOT, run

BASES = {"AdversarialModel", "TwoDomainModel", "UnconditionalModel"}
TASK = {"kind": "kerasgan", "policy": "float32", "batch_size": 2, "count": True, "threads": 1}
TASK |= {"stock": ""}


@pytest.fixture(scope="module")
def driver():
    with loaded("benchmark") as module:
        yield module


@pytest.fixture(scope="module")
def worker():
    with loaded("benchmark_keras") as module:
        yield module


def test_every_family_is_measured(driver):
    assert {case[0] for case in driver.CASES.values()} == set(models.__all__) - BASES
    assert set(driver.VARIANTS) >= {"eager", "tf.function", "XLA", "bfloat16", "5 steps"}


# What is counted ----------------------------------------------------------------------------


def test_operations_of_dense_layers_forward_and_back(worker):
    first, second = keras.layers.Dense(5), keras.layers.Dense(3)
    first.build((None, 7))
    second.build((None, 5))

    def step(x):
        with tf.GradientTape() as tape:
            y = second(first(x))
            loss = tf.reduce_sum(y * y)
        unused = tf.matmul(x, tf.transpose(x))
        del unused
        return tape.gradient(loss, [first.kernel.value, second.kernel.value])

    forward = 2 * 4 * (7 * 5 + 5 * 3)
    back = 2 * 4 * (7 * 5 + 2 * 5 * 3)  # of the first layer, the kernel's gradient alone
    assert worker.step_flops(step, np.zeros((4, 7), "float32")) == forward + back


def test_operations_of_convolutions_forward_and_back(worker):
    down = keras.layers.Conv2D(6, 3, 2, "same")
    up = keras.layers.Conv2DTranspose(4, 5, 2, "same")
    down.build((None, 8, 8, 2))
    up.build((None, 4, 4, 6))

    def step(x):
        with tf.GradientTape() as tape:
            y = up(down(x))
            loss = tf.reduce_sum(y * y)
        for layer, gradient in zip(
            (down, up), tape.gradient(loss, [down.kernel.value, up.kernel.value])
        ):
            layer.kernel.assign_sub(gradient)

    one = 2 * 3 * (4 * 4) * (3 * 3) * 2 * 6  # batch, small map, kernel, channels
    other = 2 * 3 * (4 * 4) * (5 * 5) * 6 * 4
    counted = worker.step_flops(step, np.zeros((3, 8, 8, 2), "float32"))
    assert counted == 2 * one + 3 * other


def test_a_gan_step_costs_what_its_passes_do(worker):
    """Updates: G forward, D thrice of twice; then G thrice, D forward and back to its input."""
    task = {**TASK, "family": "GAN", "image_shape": [8, 8, 1]}
    generator = 2 * 2 * (100 * 256 + 256 * 512 + 512 * 1024 + 1024 * 64)
    discriminator = 2 * 2 * (64 * 512 + 512 * 256 + 256)
    into_inputs = 2 * 2 * (100 * 256), 2 * 2 * (64 * 512)  # gradients that nothing needs
    first = generator + 2 * (3 * discriminator - into_inputs[1])
    second = 3 * generator - into_inputs[0] + 2 * discriminator
    counted = worker.counted(task)
    assert counted["flops"] == first + second
    assert counted["images"] == 2
    reusing = worker.counted({**task, "kind": "kerasgan reusing fakes"})
    assert reusing["flops"] == first + second - generator


def test_all_threads_are_limited(worker, monkeypatch):
    given = {}
    for name in ("intra", "inter"):
        setter = f"set_{name}_op_parallelism_threads"
        monkeypatch.setattr(
            tf.config.threading, setter, lambda threads, name=name: given.update({name: threads})
        )
    monkeypatch.setattr(worker, "counted", lambda task: {})
    monkeypatch.setattr(sys, "argv", ["benchmark_keras.py", json.dumps({**TASK, "threads": 3})])
    worker.main()
    assert given == {"intra": 3, "inter": 3}


# Equal work on both sides -------------------------------------------------------------------


SIZES = [
    ("GAN", [8, 8, 1]),
    ("DCGAN", [16, 16, 3]),
    ("CGAN", [8, 8, 1]),
    ("WGANGP", [8, 8, 1]),
    pytest.param("CycleGAN", [32, 32, 3], marks=pytest.mark.slow),
]


@pytest.mark.parametrize("family,image_shape", SIZES)
def test_by_hand_does_the_same_work(worker, family, image_shape):
    """As many weights, as many operations of a step."""
    task = {**TASK, "family": family, "image_shape": image_shape}
    assert worker.counted({**task, "kind": "by hand"}) == worker.counted(task)


@pytest.mark.parametrize("family,image_shape", SIZES)
def test_stock_parts_do_the_same_work(worker, family, image_shape):
    task = {**TASK, "family": family, "image_shape": image_shape}
    stock = {**task, "count": False, "stock": "all"}
    model, element = worker.build(stock)
    counted = worker.counted(task)["flops"]
    assert worker.step_flops(model.train_step, element) == counted
    ours, _ = worker.build({**task, "count": False})  # with zeros around 5 x 5 kernels: 6 x 6
    assert counted <= worker.step_flops(ours.train_step, element) <= 36 / 25 * counted
    ours = {"Adam", "BatchNormalization", "Conv2D", "Conv2DTranspose", "Dropout"}
    networks = [network for player in model.players().values() for network in player]
    kinds = {type(layer) for network in networks for layer in network.layers}
    adams = worker.stock_optimizers(model)
    assert {name.removesuffix("_optimizer") for name in adams} == set(model.players())
    for kind in kinds | {type(adam) for adam in adams.values()}:
        assert kind.__name__ not in ours or kind.__module__.startswith("keras.")
    rates = [float(adam.learning_rate) for adam in adams.values()]
    assert rates == [float(optimizer.learning_rate) for optimizer in model.optimizers.values()]


def test_single_parts_are_stock(worker):
    task = {**TASK, "count": False, "family": "CGAN", "image_shape": [8, 8, 1]}
    for stock, ours in [
        ("Conv2D Conv2DTranspose", {"BatchNormalization"}),
        ("BatchNormalization", {"Conv2D", "Conv2DTranspose"}),
        ("Adam", {"BatchNormalization", "Conv2D", "Conv2DTranspose"}),
    ]:
        model, _ = worker.build({**task, "stock": stock})
        kinds = {type(layer) for n in (model.generator, model.discriminator) for layer in n.layers}
        assert {k.__name__ for k in kinds if k.__module__.startswith("kerasgan.")} == ours


@pytest.mark.slow
@pytest.mark.parametrize("family,image_shape", SIZES)
def test_pytorch_does_the_same_work(worker, family, image_shape):
    pytest.importorskip("torch", exc_type=ImportError)
    task = {**TASK, "family": family, "image_shape": image_shape, "device": "cpu"}
    ours = worker.counted(task)
    task |= {"batches_per_step": ours["images"] // 2, "torch_compile": False, "bfloat16": False}
    program = ROOT / "recipes" / "benchmark_torch.py"
    result = subprocess.run(
        [sys.executable, program, json.dumps(task)], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    theirs = json.loads(result.stdout.removeprefix("BENCHMARK "))
    assert theirs["parameters"] == ours["parameters"]
    if family == "WGANGP":  # PyTorch takes more operations for second-order gradients
        assert 1.0 <= theirs["flops"] / ours["flops"] < 1.15
    else:
        assert theirs["flops"] == ours["flops"]


@pytest.mark.parametrize("family,image_shape", SIZES)
def test_the_step_by_hand_trains_all_of_it(worker, family, image_shape):
    task = {**TASK, "kind": "by hand", "family": family, "image_shape": image_shape}
    model, element = worker.build(task)
    weights = [v for part in (0, 1) for v in model.variables_of(part) if v.name == "kernel"]
    before = [weight.numpy() for weight in weights]
    dataset = tf.data.Dataset.from_tensors(element)
    history = model.fit(dataset, shuffle=False, verbose=0).history
    assert set(history) == {"d_loss", "g_loss"}
    assert np.isfinite(list(history.values())).all()
    assert all(not np.array_equal(a, w.numpy()) for a, w in zip(before, weights, strict=True))


# The table ----------------------------------------------------------------------------------


def test_rows_are_compared_as_documented(driver):
    rows = {
        "tf.function": {"ms": 20.0, "gflop": 1.0},
        "bfloat16": {"ms": 10.0, "gflop": 1.0},
        "keras.io": {"ms": 30.0, "gflop": 1.0},
        "PyTorch": {"ms": 25.0, "gflop": 1.0},
        "PyTorch bfloat16": {"ms": 5.0, "gflop": 1.0},
        "PyTorch compile": {"note": "failed"},
        "matrix product": {"ms": 10.0, "gflop": 2.0},
        "matrix product bfloat16": {"ms": 5.0, "gflop": 2.0},
    }
    driver.compare(rows)
    assert rows["tf.function"]["x_keras_io"] == pytest.approx(1.5)
    assert rows["tf.function"]["x_pytorch"] == pytest.approx(1.25)
    assert rows["tf.function"]["ceiling"] == pytest.approx(0.25)
    assert rows["bfloat16"]["x_pytorch"] == pytest.approx(0.5)
    assert rows["bfloat16"]["ceiling"] == pytest.approx(0.25)
    assert rows["PyTorch compile"] == {"note": "failed"}
    assert "ceiling" not in rows["matrix product"]


WORKER = """
import json, sys
task = json.loads(sys.argv[1])
ends = task["compile"].get("steps_per_execution")  # the variant that ends early
ends = ends if task["kind"] == "kerasgan" and not task["count"] else None
print("BENCHMARK", json.dumps({"flops": 1e9, "images": 64, "parameters": 7}), flush=True)
for line in sys.stdin:
    if ends and "TURN" == "before":
        raise MemoryError("no more")
    print("BENCHMARK", json.dumps({"ms": [1.0] * int(line), "device_bytes": 2e9}), flush=True)
    if ends and "TURN" == "after":
        raise MemoryError("no more")
"""


@pytest.mark.parametrize("turn", ["before", "after"])
def test_a_worker_that_dies_is_noted_and_the_others_go_on(driver, tmp_path, monkeypatch, turn):
    for name in ("keras", "torch"):
        path = tmp_path / f"benchmark_{name}.py"
        path.write_text(WORKER.replace("TURN", turn))
    monkeypatch.setattr(driver, "__file__", str(tmp_path / "benchmark.py"))
    run = driver.Worker.run

    def run_and_wait(self, steps):
        run(self, steps)
        if self.steps == 5 and turn == "after":
            self.process.wait(60)  # it has ended when its next turn comes

    monkeypatch.setattr(driver.Worker, "run", run_and_wait)
    with flagsaver.flagsaver(smoke=True):
        rows = {row["variant"]: row for row in driver.measure("GAN", ["XLA", "5 steps", "eager"])}
    assert rows["5 steps"] == {
        **driver.key("GAN"),
        "variant": "5 steps",
        "note": "MemoryError: no more",
    }
    for variant in ("XLA", "eager"):
        row = rows[variant]
        assert (row["ms"], row["readings"], row["gigabytes"], row["parameters"]) == (1.0, 4, 2.0, 7)
    assert rows["XLA"]["ceiling"] > 0 and "note" not in rows["matrix product"]


def test_a_worker_that_dies_after_its_last_turn(driver, tmp_path, monkeypatch):
    """On a CPU its memory is read at the end, from a process that must still be there."""
    for name in ("keras", "torch"):
        code = WORKER.replace("TURN", "never").replace(
            '"device_bytes": 2e9', '"device_bytes": None'
        )
        (tmp_path / f"benchmark_{name}.py").write_text(code)
    monkeypatch.setattr(driver, "__file__", str(tmp_path / "benchmark.py"))
    results = driver.Worker.results

    def killed(self):
        if self.steps == 5:
            self.process.kill()
            os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)  # dead, not reaped
        return results(self)

    monkeypatch.setattr(driver.Worker, "results", killed)
    with flagsaver.flagsaver(smoke=True):
        rows = {row["variant"]: row for row in driver.measure("GAN", ["XLA", "5 steps"])}
    assert rows["5 steps"]["note"] == "ended with exit code -9" and "ms" not in rows["5 steps"]
    assert rows["XLA"]["ms"] == 1.0 and rows["XLA"]["gigabytes"] > 0


def test_without_the_product_there_is_no_ceiling(driver):
    rows = {
        "XLA": {"ms": 20.0, "gflop": 1.0},
        "keras.io": {"ms": 30.0, "gflop": 1.0},
        "matrix product": {"note": "failed"},
        "matrix product bfloat16": {"ms": 5.0, "gflop": 2.0},
    }
    driver.compare(rows)
    assert rows["XLA"] == {"ms": 20.0, "gflop": 1.0, "x_keras_io": pytest.approx(1.5)}


def test_a_row_for_lack_of_torch_is_measured_once_it_is_there(driver, tmp_path, monkeypatch):
    table = tables.Table(tmp_path / "rows.jsonl")
    table.add({**driver.key("GAN"), "variant": "PyTorch", "note": driver.NO_TORCH})
    table.add({**driver.key("GAN"), "variant": "XLA", "note": "failed"})
    for torch, measured in ((None, True), ("spec", False)):
        monkeypatch.setattr(driver, "find_spec", lambda name, found=torch: found)
        assert driver.is_measured(table, "GAN", "PyTorch") is measured
        assert driver.is_measured(table, "GAN", "XLA")
    assert not driver.is_measured(table, "GAN", "eager")
    assert not driver.is_measured(table, "CGAN", "XLA")


def test_unknown_names_are_refused(driver):
    with (
        flagsaver.flagsaver(families=["GAN", "stylegan"]),
        pytest.raises(runs.RunError, match=r"--families takes some of GAN.*Received: \['stylegan'"),
    ):
        driver.main()


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="there is a GPU")
def test_without_a_gpu_it_says_so(driver, capsys):
    with flagsaver.flagsaver(device="gpu"):
        driver.main()
    assert "finds no GPU here" in capsys.readouterr().out


@pytest.mark.slow
def test_smoke_measures_once(tmp_path):
    flags = ["--smoke", "--variants=tf.function,5 steps,stock parts,keras.io,PyTorch"]
    code, output = run("benchmark", tmp_path, *flags)
    assert code == 0, output
    folder = tmp_path / "runs" / "benchmark-smoke"
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    rows = {row["variant"]: row for row in rows}
    torch = rows.pop("PyTorch")
    assert "ms" in torch or torch["note"] == "ModuleNotFoundError: No module named 'torch'"
    assert list(rows) == [
        "tf.function", "5 steps", "stock parts", "keras.io", "matrix product",
        "matrix product bfloat16",
    ]  # fmt: skip
    for row in rows.values():
        assert 0 < row["p10"] <= row["ms"] <= row["p90"] and 0.2 < row["gigabytes"] < 5
    assert (
        rows["tf.function"]["gflop"] == rows["keras.io"]["gflop"] == pytest.approx(1.199, abs=1e-3)
    )
    assert rows["tf.function"]["parameters"] == 2019857
    speed = 64 / rows["tf.function"]["ms"] * 1000
    assert rows["tf.function"]["images_per_second"] == pytest.approx(speed)
    assert (folder / "speed.png").read_bytes()[1:4] == b"PNG"
    code, output = run("benchmark", tmp_path, *flags)  # nothing is missing
    assert code == 0 and "kerasgan: GAN" not in output and "| GAN | keras.io |" in output
