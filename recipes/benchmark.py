"""Milliseconds a step, images a second and peak memory of every family of kerasgan.models: eager,
tf.function, XLA, bfloat16, several steps per execution; against the same networks as people write
them today, without each speed-up, and against the arithmetic ceiling of the machine.

Command: python recipes/benchmark.py
    (measures what is missing in <workdir>/rows.jsonl, prints the table, draws speed.png; --smoke
    takes a minute or two; --device=gpu on a GPU, where bfloat16 and several steps run by XLA too)
Method: each variant of a case in a process of its own (recipes/benchmark_keras.py,
    recipes/benchmark_torch.py), all on --threads threads. They take turns for --rounds rounds, the
    others waiting; a row holds the median and the 10th and 90th percentile over all steps but each
    turn's first. One batch of random images stays in memory; every step's losses are read. A step
    is all updates of one `train_step`: the critic's too.
Rivals: "keras.io" is a `train_step` as in keras.io's examples (with `fit`'s own choice of XLA),
    "PyTorch" a bare loop, with torch.compile or bfloat16 autocast as well; both with the passes of
    kerasgan's step, which recipes/benchmark_torch.py lists. "x PyTorch" 1.2: a step of PyTorch
    takes 1.2 times as long as the row's; of bfloat16, PyTorch's with bfloat16 autocast.
"stock ...": kerasgan's step with Keras' own Adam, BatchNormalization, convolutions, or all parts.
Ceiling: operations are those in matrix products and convolutions, forward and back, 2 for each
    multiplication with its addition; counted in TensorFlow's graph as it is executed (not as a
    multiple of the forward pass), and as PyTorch executes them. The share is that of the speed of a
    large matrix product, float32 or bfloat16, which takes its turns as the variants do.
Memory: the greatest resident set of the process, the libraries' own included; of a GPU, the
    greatest sum of what was allocated. On a CPU, Linux alone tells it.
Time: 12 minutes on 2 cores for the first six cases with five variants (measured), about an hour for
    all (an estimate); the processes of a case that wait need up to 20 GB; --families and --variants
    choose some.
Score: the table in README.md.
"""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
from importlib import metadata
from importlib.util import find_spec

import numpy as np
import tensorflow as tf
from absl import flags

from kerasgan import files, plots, runs, tables
from kerasgan.version import versions

DIGITS, SMALL, LARGE = (28, 28, 1), (64, 64, 3), (128, 128, 3)
CASES = {  # name -> family, image_shape, batch_size, steps in a turn
    "GAN": ("GAN", DIGITS, 64, 20),
    "DCGAN": ("DCGAN", DIGITS, 64, 6),
    "DCGAN-64": ("DCGAN", SMALL, 16, 4),
    "CGAN": ("CGAN", DIGITS, 64, 10),
    "WGANGP": ("WGANGP", DIGITS, 64, 3),
    "CycleGAN": ("CycleGAN", LARGE, 1, 2),
    "LSGAN": ("LSGAN", DIGITS, 64, 6),
    "WGAN": ("WGAN", DIGITS, 64, 4),
    "SNGAN": ("SNGAN", DIGITS, 64, 4),
    "BEGAN": ("BEGAN", DIGITS, 64, 6),
    "VAE": ("VAE", DIGITS, 64, 10),
    "AutoEncoder": ("AutoEncoder", DIGITS, 64, 10),
    "Pix2Pix": ("Pix2Pix", SMALL, 1, 6),
    "DualGAN": ("DualGAN", SMALL, 1, 4),
    "DiscoGAN": ("DiscoGAN", SMALL, 1, 6),
    "StarGAN": ("StarGAN", SMALL, 1, 3),
}
WITH_RIVALS = {"GAN", "DCGAN", "CGAN", "WGANGP", "CycleGAN"}  # families
WITHOUT = {"reuse_fakes": {"WGANGP"}, "stock BatchNorm": {"GAN", "WGANGP", "CycleGAN"}}
WITHOUT["stock convolutions"] = {"GAN", "CycleGAN"}
VARIANTS = {
    "eager": {"kind": "kerasgan", "compile": {"run_eagerly": True, "jit_compile": False}},
    "tf.function": {"kind": "kerasgan", "compile": {"jit_compile": False}},
    "XLA": {"kind": "kerasgan", "compile": {"jit_compile": True}},
    "bfloat16": {"kind": "kerasgan", "policy": "mixed_bfloat16"},
    "5 steps": {"kind": "kerasgan", "compile": {"steps_per_execution": 5}},
    "stock Adam": {"kind": "kerasgan", "stock": "Adam"},
    "stock BatchNorm": {"kind": "kerasgan", "stock": "BatchNormalization"},
    "stock convolutions": {"kind": "kerasgan", "stock": "Conv2D Conv2DTranspose"},
    "stock parts": {"kind": "kerasgan", "stock": "all"},
    "reuse_fakes": {"kind": "kerasgan reusing fakes"},
    "keras.io": {"kind": "by hand"},
    "PyTorch": {"kind": "PyTorch"},
    "PyTorch compile": {"kind": "PyTorch", "torch_compile": True},
    "PyTorch bfloat16": {"kind": "PyTorch", "bfloat16": True},
}
OURS = [v for v, task in VARIANTS.items() if task["kind"] == "kerasgan" and "stock" not in task]
PRODUCTS = {
    "matrix product": {"kind": "product", "dtype": "float32"},
    "matrix product bfloat16": {"kind": "product", "dtype": "bfloat16"},
}
NO_TORCH = "ModuleNotFoundError: No module named 'torch'"
COLUMNS = {name: name for name in ("device", "case", "variant", "ms", "p10", "p90")} | {
    "images_per_second": "images/s",
    "gigabytes": "peak GB",
    "gflop": "GFLOP a step",
    "ceiling": "of the ceiling",
    "x_keras_io": "x keras.io",
    "x_pytorch": "x PyTorch",
    "note": "note",
}

WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the rows (runs/benchmark)")
FAMILIES = flags.DEFINE_list("families", list(CASES), "Which cases to measure")
CHOSEN = flags.DEFINE_list("variants", list(VARIANTS), "Which variants")
DEVICE = flags.DEFINE_enum("device", "cpu", ["cpu", "gpu"], "Where")
THREADS = flags.DEFINE_integer("threads", 2, "Threads of each process", 1)
ROUNDS = flags.DEFINE_integer("rounds", 8, "Rounds over the variants", 1)
SMOKE = flags.DEFINE_bool("smoke", False, "Two rounds of two steps on the GAN alone")


class WorkerError(runs.RunError):
    """A process ended before it answered; the message is its last error."""


def main():
    """Measures what is missing, prints the table, draws it."""
    cases = chosen("families", ["GAN"] if SMOKE.value else FAMILIES.value, CASES)
    variants = chosen("variants", CHOSEN.value, VARIANTS)
    if DEVICE.value == "gpu" and not tf.config.list_physical_devices("GPU"):
        print("kerasgan: TensorFlow finds no GPU here, so nothing is measured.")
        return
    folder = WORKDIR.value or f"runs/benchmark{'-smoke' if SMOKE.value else ''}"
    table = tables.Table(files.writable_directory("workdir", folder) / "rows.jsonl")
    for case in cases:
        family = CASES[case][0]
        wanted = [v for v in variants if v in OURS or family in WITH_RIVALS - WITHOUT.get(v, set())]
        if any(not is_measured(table, case, variant) for variant in wanted):
            print(f"kerasgan: {case}, {', '.join(wanted)}", flush=True)
            rows = measure(case, wanted)
            again = [{**key(case), "variant": row["variant"]}.items() for row in rows]
            table.rows = [r for r in table.rows if not any(k <= r.items() for k in again)]
            for row in rows:
                table.add(row)
    print(table.markdown(COLUMNS))
    same = {"device": DEVICE.value, "threads": THREADS.value}.items()
    draw([row for row in table.rows if same <= row.items()], table.path.parent / "speed.png")


def chosen(flag, values, known):
    """The values, if all are known."""
    unknown = [value for value in values if value not in known]
    if unknown:
        raise runs.RunError(
            f"--{flag} takes some of {', '.join(known)}, with commas between. Received: {unknown}"
        )
    return values


def key(case):
    """What a row must share with these flags to count as measured."""
    size = CASES[case][2]
    return {"case": case, "batch_size": size, "device": DEVICE.value, "threads": THREADS.value}


def is_measured(table, case, variant):
    """Whether the table has the row; one for lack of PyTorch doesn't count once it is there."""
    row = table.find(**key(case), variant=variant)
    return row is not None and (row.get("note") != NO_TORCH or find_spec("torch") is None)


# One case -----------------------------------------------------------------------------------


def measure(case, variants):
    """A row for each variant, and for the matrix products beside them."""
    settings = {**{variant: VARIANTS[variant] for variant in variants}, **PRODUCTS}
    counts = {"kerasgan": counted(case, "kerasgan")}
    batches = counts["kerasgan"]["images"] // CASES[case][2]
    workers, rows = {}, {variant: {**key(case), "variant": variant} for variant in settings}
    try:
        for variant, setting in settings.items():
            kind = setting["kind"]
            with noting(rows[variant], workers):
                if kind not in counts and kind != "product":
                    counts[kind] = counted(case, kind, batches_per_step=batches)
                workers[variant] = Worker(task_of(case, batches_per_step=batches, **setting))
                workers[variant].answer()  # one compiles at a time
        rounds, steps = (2, 2) if SMOKE.value else (ROUNDS.value, CASES[case][3])
        for _ in range(rounds):
            for variant, worker in list(workers.items()):
                with noting(rows[variant], workers):
                    worker.run(steps)
        for variant, worker in list(workers.items()):
            with noting(rows[variant], workers):
                rows[variant] |= worker.results()
    finally:
        for worker in workers.values():
            worker.end()
    for variant in workers:
        found = counts.get(settings[variant]["kind"])
        gflop = found["flops"] / 1e9 if found else 2 * product_size() ** 3 / 1e9
        rows[variant] |= {"gflop": gflop, "versions": measured_versions()}
        if found:
            speed = 1000 * counts["kerasgan"]["images"] / rows[variant]["ms"]
            rows[variant] |= {"images_per_second": speed, "parameters": found["parameters"]}
    compare(rows)
    return list(rows.values())


@contextlib.contextmanager
def noting(row, workers):
    """An error of a row's worker is noted in the row, and the worker ended."""
    try:
        yield
    except WorkerError as error:
        row["note"] = str(error)
        if worker := workers.pop(row["variant"], None):
            worker.end()


def compare(rows):
    """Adds what a case's rows are against each other: rivals' times, the share of the ceiling."""

    def ms(variant):
        return rows.get(variant, {}).get("ms")

    for variant, row in rows.items():
        if "ms" not in row or variant in PRODUCTS:
            continue
        narrow = " bfloat16" if "bfloat16" in variant else ""
        if "ms" in (product := rows["matrix product" + narrow]):
            row["ceiling"] = (row["gflop"] / row["ms"]) / (product["gflop"] / product["ms"])
        for name, rival in (("x_keras_io", "keras.io"), ("x_pytorch", "PyTorch" + narrow)):
            if ms(rival):
                row[name] = ms(rival) / row["ms"]


def counted(case, kind, **options):
    """Parameters, images and operations of a step, as one kind of program counts them."""
    worker = Worker(task_of(case, kind=kind, count=True, **options))
    try:
        return worker.answer()
    finally:
        worker.end()


def task_of(case, kind, **options):
    """What a worker is told."""
    family, image_shape, batch_size, _ = CASES[case]
    return {
        "kind": kind,
        "family": family,
        "image_shape": image_shape,
        "batch_size": batch_size,
        "batches_per_step": 1,
        "device": DEVICE.value,
        "threads": THREADS.value,
        "count": False,
        "stock": "",
        "compile": {},
        "policy": "float32",
        "torch_compile": False,
        "bfloat16": False,
        "size": product_size(),
        "warm_up": 3,
        **options,
    }


def product_size():
    """Rows of the matrices: a tenth of a second or less."""
    return 256 if SMOKE.value else {"cpu": 2048, "gpu": 8192}[DEVICE.value]


def measured_versions():
    """Of all that is measured."""
    return versions() | ({"torch": metadata.version("torch")} if find_spec("torch") else {})


class Worker:
    """A process that holds one variant, which a dict describes, and runs it when asked."""

    def __init__(self, task):
        self.steps = task["compile"].get("steps_per_execution", 1)
        self.times, self.device_bytes, self.messages = [], None, []
        program = "benchmark_torch.py" if task["kind"] == "PyTorch" else "benchmark_keras.py"
        hidden = {"CUDA_VISIBLE_DEVICES": "-1"} if task["device"] == "cpu" else {}
        growth = {"TF_FORCE_GPU_ALLOW_GROWTH": "true"}  # several processes share the GPU
        self.process = subprocess.Popen(
            [sys.executable, pathlib.Path(__file__).with_name(program), json.dumps(task)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **hidden, **growth, "OMP_NUM_THREADS": str(task["threads"])},
            text=True,
        )

    def answer(self):
        """The next answer."""
        for line in self.process.stdout:
            if line.startswith("BENCHMARK "):
                return json.loads(line.removeprefix("BENCHMARK "))
            self.messages.append(line.strip())
        code = self.process.wait()
        told = [m for m in self.messages if "Error:" in m] or [f"ended with exit code {code}"]
        raise WorkerError(told[-1])

    def run(self, steps):
        """Takes its turn: one call that isn't counted, then that many steps."""
        calls = 1 + -(-steps // self.steps)
        with contextlib.suppress(OSError):  # of one that has died, the answer is its last error
            print(calls, file=self.process.stdin, flush=True)
        answer = self.answer()
        self.times += [ms / self.steps for ms in answer["ms"][1:]]
        self.device_bytes = answer["device_bytes"]

    def results(self):
        """Median, percentiles and memory."""
        low, median, high = np.percentile(self.times, [10, 50, 90])
        if self.device_bytes is None:
            status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
            if "VmHWM:" not in status:  # it has died, and holds no memory any more
                self.answer()
            kilobytes = status.split("VmHWM:")[1].split()[0]  # the greatest resident set so far
            self.device_bytes = int(kilobytes) * 1024
        memory = {"gigabytes": self.device_bytes / 1e9}
        return {"ms": median, "p10": low, "p90": high, "readings": len(self.times), **memory}

    def end(self):
        """Ends the process."""
        self.process.kill()
        self.process.communicate()


# The picture --------------------------------------------------------------------------------


def draw(rows, path):
    """Speed of each variant against kerasgan's tf.function, a line for each case."""
    base = {r["case"]: r["ms"] for r in rows if r["variant"] == "tf.function" and "ms" in r}
    if not (cases := list(base)):
        return
    rows = [row for row in rows if "ms" in row and row["case"] in base]
    figsize = (8, max(3.5, 1.5 + 0.35 * len(cases)))
    figure, axes = plots.subplots(figsize=figsize, layout="constrained")
    for variant, marker in zip(VARIANTS, "ov^s*<>DPXdph+"):
        if found := [row for row in rows if row["variant"] == variant]:
            speeds = [base[row["case"]] / row["ms"] for row in found]
            places = [cases.index(row["case"]) for row in found]
            axes.plot(speeds, places, marker, label=variant, alpha=0.8)
    axes.set_xscale("log")
    axes.xaxis.set(major_formatter="{x:g}", minor_formatter="{x:g}")
    axes.set_yticks(range(len(cases)), cases)
    axes.invert_yaxis()
    axes.axvline(1.0, color="grey", linewidth=0.8)
    axes.set_xlabel("speed against kerasgan's tf.function (further right is faster)")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    plots.save(figure, path)


if __name__ == "__main__":
    runs.launch(main)
