"""Milliseconds a step and peak memory of the translating families, at 128 and 256 px.

Command: python recipes/benchmark_translation.py
    (measures what is missing in <workdir>/rows.jsonl and prints the table; --smoke takes seconds)
Method: each row in a process of its own, with the family's default networks and optimizers, batch
    1 (DiscoGAN and StarGAN as well, though their papers have more), random images that stay in
    memory, and what `compile` chooses (tf.function on a CPU). A step is all updates of one
    `train_step`: DualGAN 2 of the critics and 1 of the generators, DiscoGAN 1 and 2, StarGAN 5 and
    1, the others 1 and 1. The median over --steps steps (256 px: 5) after one that is not counted.
    Memory: the greatest resident set of the process, TensorFlow's own 0.5 to 0.6 GB included.
Score: the table in README.md, on 2 cores of an x86-64 server CPU with AVX-512.
"""

import resource
import statistics
import subprocess
import sys
import time

import keras
import numpy as np
import tensorflow as tf
from absl import flags

from kerasgan import files, models, runs, tables

FAMILIES = ["Pix2Pix", "CycleGAN", "DualGAN", "DiscoGAN", "StarGAN"]
SIZES = {128: 10, 256: 5}  # px -> steps measured
COLUMNS = {
    "family": "family",
    "size": "px",
    "parameters": "trained parameters",
    "ms": "ms a step",
    "gigabytes": "peak memory, GB",
}

WORKDIR = flags.DEFINE_string("workdir", "runs/benchmark_translation", "Folder of the rows")
SMOKE = flags.DEFINE_bool("smoke", False, "DiscoGAN at 16 px alone, one step")
STEPS = flags.DEFINE_integer("steps", None, "Steps measured (10 at 128 px, 5 at 256 px)", 1)
ONE = flags.DEFINE_string("one", None, "Internal: <family>,<size>,<steps>, measured here")


def main():
    """Measures what is missing, then prints the table."""
    if ONE.value:
        family, size, steps = ONE.value.split(",")
        measure(family, int(size), int(steps))
        return
    workdir = files.writable_directory("workdir", WORKDIR.value + ("-smoke" if SMOKE.value else ""))
    table = tables.Table(workdir / "rows.jsonl")
    wanted = [(family, size) for size in SIZES for family in FAMILIES]
    for family, size in [("DiscoGAN", 16)] if SMOKE.value else wanted:
        if table.find(family=family, size=size):
            continue
        print(f"kerasgan: {family} at {size} px", flush=True)
        steps = 1 if SMOKE.value else STEPS.value or SIZES[size]
        command = [sys.executable, __file__, f"--one={family},{size},{steps}"]
        process = subprocess.run(command, capture_output=True, text=True)
        if process.returncode:
            raise runs.RunError(f"{family} at {size} px failed: {process.stderr[-2000:]}")
        ms, parameters, gigabytes = process.stdout.split("MEASURED")[1].split()
        row = {"family": family, "size": size, "steps": steps, "ms": float(ms)}
        table.add({**row, "parameters": int(parameters), "gigabytes": float(gigabytes)})
    print(table.markdown(COLUMNS))


def measure(family, size, steps):
    """Times one family; prints ms, parameters and gigabytes."""
    shape = (size, size, 3)
    arguments = {"num_domains": 4} if family == "StarGAN" else {}
    model = getattr(models, family)(image_shape=shape, seed=0, **arguments)
    images = np.random.default_rng(0).uniform(-1, 1, (1, *shape)).astype("float32")
    second = np.zeros(1, "int32") if family == "StarGAN" else images[:, ::-1]
    dataset = tf.data.Dataset.from_tensors((images, second)).repeat()
    stopwatch = Stopwatch()
    model.fit(dataset, steps_per_epoch=steps + 1, callbacks=[stopwatch], verbose=0)
    parameters = sum(
        int(np.prod(v.shape)) for p in model.players() for v in model.player_variables(p)
    )
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ms = 1000 * statistics.median(stopwatch.seconds[1:])
    print(f"MEASURED {ms:.1f} {parameters} {kilobytes / 1e6:.2f}")


class Stopwatch(keras.callbacks.Callback):
    """Seconds of each step."""

    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_train_batch_begin(self, batch, logs=None):
        """Starts."""
        self.began = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        """Stops."""
        self.seconds.append(time.perf_counter() - self.began)


if __name__ == "__main__":
    runs.launch(main)
