"""The zoo's checkpoints: trains each by its recipe, keeps the best, scores it, writes the preset.

Each plan below is a recipe, its flags, and some numbers of epochs. The recipe runs to the first of
them, and its `final.keras` is scored; it goes on to the second (a recipe resumes bit for bit), and
so on. The checkpoint of the least Frechet distance to 10,000 training images is kept, by features
of a classifier that is trained for this choice alone (another seed than the shipped ones). So
neither the test images nor the extractor of the card's scores has a part in the choice.

Then the kept checkpoint is scored by recipes/evaluate.py on the test images, and becomes a preset:
<output>/<preset>/ with config.json, model.weights.h5, metadata.json (the card), samples.png, and a
version folder for TF Serving. The zoo in the README is made of the cards (recipes/zoo_table.py).

Command: python recipes/train_zoo.py --presets=dcgan_mnist,cgan_mnist
    (without --presets: all; the same command again goes on; --smoke takes minutes; --help; one
    process at a time for a workdir)
Makes: <workdir>/<preset>/ (the recipe's run), <workdir>/choices.jsonl, <workdir>/scores.jsonl.
Time: the cards have each preset's, five to 25 minutes on 2 cores of a server CPU.
"""

import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
from typing import NamedTuple

import keras
from absl import flags

from kerasgan import files, pictures, runs, serving
from kerasgan.tables import Table

RECIPES = pathlib.Path(__file__).parent
JUDGE = ("--seed=1", "--epochs=3")  # of recipes/mnist_classifier.py


class Plan(NamedTuple):
    """How a preset is made."""

    description: str
    recipe: str
    epochs: tuple  # after which a checkpoint is scored
    dataset: str
    flags: tuple = ()


PLANS = {
    "gan_mnist": Plan("GAN of perceptrons", "gan_mnist", (12, 16, 20), "mnist", ("--width=640",)),
    "cgan_mnist": Plan("Conditional GAN", "cgan_mnist", (10, 15, 20), "mnist"),
    "dcgan_mnist": Plan("DCGAN", "dcgan_mnist", (6, 8, 10), "mnist"),
    "lsgan_mnist": Plan(
        "LSGAN, labels 0 and 1", "lsgan_fashion_mnist", (6, 8, 10), "mnist", ("--dataset=mnist",)
    ),
    "wgangp_mnist": Plan("WGAN-GP", "wgangp_mnist", (15, 20, 25), "mnist"),
    "began_mnist": Plan("BEGAN", "began_fashion_mnist", (3, 4, 5), "mnist", ("--dataset=mnist",)),
    "sngan_mnist": Plan(
        "SNGAN, small CNNs", "sngan_cifar10", (10, 15, 20), "mnist", ("--dataset=mnist",)
    ),
    "cgan_fashion_mnist": Plan(
        "Conditional GAN",
        "cgan_mnist",
        (10, 15, 20),
        "fashion_mnist",
        ("--dataset=fashion_mnist",),
    ),
    "dcgan_fashion_mnist": Plan(
        "DCGAN", "dcgan_mnist", (6, 8, 10), "fashion_mnist", ("--dataset=fashion_mnist",)
    ),
    "vae_mnist": Plan("VAE of binary digits", "vae_mnist", (30,), "mnist", ("--width=24",)),
}

PRESETS = flags.DEFINE_list("presets", ["all"], f"all, or some of {', '.join(PLANS)}")
WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the runs (runs/train_zoo)")
OUTPUT = flags.DEFINE_string("output", "saved_models", "Where the presets go")
SOURCE = flags.DEFINE_string("source", "auto", "Where the data come from; see kerasgan.data.load")
HARDWARE = flags.DEFINE_string(
    "hardware",
    f"{os.cpu_count()} cores, {platform.machine()}, no accelerator",
    "What the card says that the model was trained on",
)
SEED = flags.DEFINE_integer("seed", 0, "Of training and of samples", 0)
SMOKE = flags.DEFINE_bool("smoke", False, "Smoke runs of the recipes, few samples")


def main():
    """Makes the presets, one after the other; those that are there are left."""
    names = list(PLANS) if PRESETS.value == ["all"] else PRESETS.value
    unknown = [name for name in names if name not in PLANS]
    if unknown:
        raise runs.RunError(
            f"--presets must be some of {', '.join(PLANS)}. Received: {', '.join(unknown)}"
        )
    folder = WORKDIR.value or f"runs/train_zoo{'-smoke' if SMOKE.value else ''}"
    workdir = files.writable_directory("workdir", folder)
    output = files.writable_directory(
        "output", workdir / "presets" if SMOKE.value else OUTPUT.value
    )
    for name in names:
        if (output / name / "metadata.json").exists():
            print(f"kerasgan: {name} is there: {output / name}")
            continue
        chosen = train(name, PLANS[name], workdir)
        publish(name, PLANS[name], chosen, workdir, output)
    serving.write_model_base(output)


# Training ---------------------------------------------------------------------------------


def train(name, plan, workdir):
    """Trains by the recipe; returns the row of the checkpoint chosen."""
    judge = train_judge(plan.dataset, workdir)
    table = Table(workdir / "choices.jsonl")
    run = workdir / name
    stages = (1, 2) if SMOKE.value else plan.epochs
    for epochs in stages:
        if table.find(preset=name, epochs=epochs, seed=SEED.value):
            continue
        command = [f"--workdir={run}", f"--epochs={epochs}", f"--seed={SEED.value}", *plan.flags]
        recipe(plan.recipe, *command, f"--source={SOURCE.value}")
        record = json.loads((run / "run.json").read_text())
        kept = workdir / f"{name}-{epochs}.keras"
        with files.replacing(kept) as temporary:
            shutil.copyfile(run / "final.keras", temporary)
        row = evaluate(kept, plan.dataset, "train", judge, workdir / "judged.jsonl", "frechet")
        (distance,) = row["values"].values()
        table.add(
            {
                "preset": name,
                "epochs": epochs,
                "seed": SEED.value,
                "steps": record["steps"],
                "seconds": record["wall_seconds"],
                "frechet_by_judge": distance,
                "file": kept.name,
            }
        )
    rows = [table.find(preset=name, epochs=epochs, seed=SEED.value) for epochs in stages]
    return min(rows, key=lambda row: row["frechet_by_judge"])


def train_judge(dataset, workdir):
    """The classifier whose features choose: path of its file."""
    judge = workdir / f"judge_{dataset}"
    path = judge / f"{dataset}_classifier.keras"
    if not (judge / "result.json").exists():
        recipe("mnist_classifier", f"--dataset={dataset}", f"--workdir={judge}", *JUDGE)
    return path


def recipe(name, *arguments):
    """Runs a recipe; RunError if it fails."""
    command = [sys.executable, str(RECIPES / f"{name}.py"), *arguments]
    command += ["--smoke"] if SMOKE.value else []
    print(f"kerasgan: {' '.join(command[1:])}", flush=True)
    if subprocess.run(command).returncode:
        raise runs.RunError(f"A recipe failed; see above. Received: {' '.join(command[1:])}")


def evaluate(model, dataset, split, extractor, output, metrics):
    """The row that recipes/evaluate.py adds to `output`."""
    found = {"model": model, "dataset": dataset, "split": split, "extractor": extractor}
    found |= {"metrics": metrics, "seed": SEED.value, "source": SOURCE.value, "output": output}
    recipe("evaluate", *(f"--{name}={value}" for name, value in found.items()))
    return Table(output).rows[-1]


# The preset -------------------------------------------------------------------------------


def publish(name, plan, chosen, workdir, output):
    """Scores the checkpoint chosen on the test images and writes its preset."""
    path = workdir / chosen["file"]
    extractor = f"{plan.dataset}_classifier"
    row = evaluate(path, plan.dataset, "test", extractor, workdir / "scores.jsonl", "all")
    record = json.loads((workdir / name / "run.json").read_text())
    command = ["python", f"recipes/{plan.recipe}.py", f"--epochs={chosen['epochs']}", *plan.flags]
    of = f" (the best of {', '.join(map(str, plan.epochs))} by Frechet distance to training images)"
    model = keras.saving.load_model(path)
    labels = getattr(model, "num_classes", None)
    samples = model.generate(64 if labels is None else [i // 10 for i in range(100)], seed=0)
    grid = pictures.image_grid(samples, columns=8 if labels is None else 10)
    files.writable_directory("output", output / name)
    pictures.save_png(grid, output / name / "samples.png")
    if not any((output / name).glob("*/saved_model.pb")):
        serving.export(model, output / name)
    model.save_to_preset(  # last: the card says that the rest is there
        output / name,
        f"{plan.description}, {chosen['epochs']} epochs{of if len(plan.epochs) > 1 else ''}.",
        recipe=plan.recipe,
        command=" ".join([*command, f"--seed={SEED.value}"]),
        data_set=f"{plan.dataset}[train]",
        source=record["data"]["source"],
        seed=SEED.value,
        wall_seconds=round(chosen["seconds"], 1),
        hardware=HARDWARE.value,
        scores=[{name: row[name] for name in ("values", "protocol", "samples_seed", "warnings")}],
        licence="Apache-2.0",
    )
    print(f"kerasgan: {name}: {output / name}")


if __name__ == "__main__":
    runs.launch(main)
