"""The zoo's checkpoints: trains each by its recipe, keeps the best, scores it, writes the preset.

Each plan (zoo.json) is a recipe, its flags, and some numbers of epochs. The recipe runs to the
first of them, and its `final.keras` is scored; it goes on to the second (a recipe resumes bit for
bit), and so on. The checkpoint of the least Frechet distance to 10,000 training images is kept, by
features of a classifier that is trained for this choice alone (another seed than the shipped ones).
So neither the test images nor the extractor of the card's scores has a part in the choice.
Conditional models are scored truncated, too: by the mildest of TRUNCATIONS at which that classifier
gives samples the label asked as often as it is right about images held out from its training.

Then the kept checkpoint is scored by recipes/evaluate.py on the test images, and becomes a preset:
<output>/<preset>/ with config.json, model.weights.h5, metadata.json (the card), samples.png, and a
version folder for TF Serving. The zoo in the README is made of the cards (recipes/zoo_table.py),
and recipes/check_zoo.py scores the presets anew.

Translations have one checkpoint, the last, scored by recipes/evaluate_translation.py; samples.png
has translations of test pictures, where these may be shown. The classifiers are the shipped ones of
kerasgan.metrics, which recipes/mnist_classifier.py made: they are scored, not trained again, and
samples.png is their confusion matrix.

Command: python recipes/train_zoo.py --presets=dcgan_mnist,cgan_mnist
    (without --presets: all; again: goes on; --smoke takes minutes; one process for a workdir)
Makes: <workdir>/<preset>/ (the recipe's run), <workdir>/choices.jsonl, <workdir>/scores.jsonl.
Time: the cards have each preset's, five to 25 minutes on 2 cores of a server CPU.
"""

import functools
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
from typing import NamedTuple

import keras
import numpy as np
from absl import flags

from kerasgan import data, files, metrics, pictures, plots, presets, runs, serving
from kerasgan.metrics import correspondence, features
from kerasgan.tables import Table

RECIPES = pathlib.Path(__file__).parent
JUDGE = ("--seed=1", "--epochs=3")  # of recipes/mnist_classifier.py
TRUNCATIONS = (3.0, 2.5, 2.0, 1.5, 1.0)  # which are tried of conditional models


class Plan(NamedTuple):
    """How a preset is made."""

    description: str
    recipe: str
    epochs: list  # after which a checkpoint is scored
    dataset: str
    flags: list


PLANS, TRANSLATIONS, CLASSIFIERS = (
    {name: Plan(**plan) for name, plan in plans.items()}
    for plans in json.loads((RECIPES / "zoo.json").read_text()).values()
)
SHOWN = ["pix2pix_facades"]  # horse2zebra's pictures are ImageNet's, for research alone
MADE_UP = {  # for --smoke
    "facades_pix2pix": {"folders": ["train", "test"], "number": 4, "shape": (40, 80)},
    "horse2zebra": {"folders": ["trainA", "trainB", "testA", "testB"], "number": 4},
}
NAMES = (*PLANS, *TRANSLATIONS, *CLASSIFIERS)

PRESETS = flags.DEFINE_list("presets", ["all"], f"all, or some of {', '.join(NAMES)}")
WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the runs (runs/train_zoo)")
OUTPUT = flags.DEFINE_string("output", "saved_models", "Where the presets go")
SOURCE = flags.DEFINE_string("source", "auto", "Where the data come from; see kerasgan.data.load")
HARDWARE = flags.DEFINE_string(
    "hardware",
    f"{os.cpu_count()} cores, {platform.machine()}, no accelerator",
    "What the card says that the model was trained on",
)
EXTRACTOR = flags.DEFINE_string("extractor", "inception_v3", "Of translations, of --smoke, too")
SEED = flags.DEFINE_integer("seed", 0, "Of training and of samples", 0)
SMOKE = flags.DEFINE_bool("smoke", False, "Smoke runs of the recipes, few samples")


def main():
    """Makes the presets, one after the other; those that are there are left."""
    names = NAMES if PRESETS.value == ["all"] else PRESETS.value
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise runs.RunError(
            f"--presets must be some of {', '.join(NAMES)}. Received: {', '.join(unknown)}"
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
        if name in PLANS:
            publish_generator(name, train(name, PLANS[name], workdir), workdir, output / name)
        elif name in TRANSLATIONS:
            publish_translation(name, workdir, output / name)
        else:
            publish_classifier(name, output / name)
        print(f"kerasgan: {name}: {output / name}")
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
    if not (judge / "result.json").exists():
        recipe("mnist_classifier", f"--dataset={dataset}", f"--workdir={judge}", *JUDGE)
    return judge / f"{dataset}_classifier.keras"


def recipe(name, *arguments):
    """Runs a recipe; RunError if it fails."""
    command = [sys.executable, str(RECIPES / f"{name}.py"), *arguments]
    command += ["--smoke"] if SMOKE.value else []
    print(f"kerasgan: {' '.join(command[1:])}", flush=True)
    if subprocess.run(command).returncode:
        raise runs.RunError(f"A recipe failed; see above. Received: {' '.join(command[1:])}")


def evaluate(model, dataset, split, extractor, output, metrics, *more):
    """The row that recipes/evaluate.py adds to `output`."""
    found = {"model": model, "dataset": dataset, "split": split, "extractor": extractor}
    found |= {"metrics": metrics, "seed": SEED.value, "source": SOURCE.value, "output": output}
    recipe("evaluate", *(f"--{name}={value}" for name, value in found.items()), *more)
    return Table(output).rows[-1]


# The presets ------------------------------------------------------------------------------


def publish_generator(name, chosen, workdir, folder):
    """Scores the checkpoint chosen on the test images and writes its preset."""
    plan = PLANS[name]
    path = workdir / chosen["file"]
    extractor = f"{plan.dataset}_classifier"
    model = keras.saving.load_model(path)
    labels = getattr(model, "num_classes", None)
    flagged = [(), (f"--truncation={choose_truncation(path, plan, workdir)}",)] if labels else [()]
    scores = [
        evaluate(path, plan.dataset, "test", extractor, workdir / "scores.jsonl", "all", *flag)
        for flag in flagged
    ]
    of = f" (the best of {', '.join(map(str, plan.epochs))} by Frechet distance to training images)"
    samples = model.generate(64 if labels is None else [i // 10 for i in range(100)], seed=0)
    kept = ("values", "protocol", "samples_seed", "truncation", "warnings")
    record = json.loads((workdir / name / "run.json").read_text())
    write(
        model,
        folder,
        pictures.image_grid(samples, columns=8 if labels is None else 10),
        f"{plan.description}, {chosen['epochs']} epochs{of if len(plan.epochs) > 1 else ''}.",
        **trained(plan, chosen["epochs"], record, chosen["seconds"]),
        scores=[{field: row[field] for field in kept} for row in scores],
    )


def choose_truncation(path, plan, workdir):
    """The mildest truncation at which labels come out as they do of real images, or the last."""
    judge = train_judge(plan.dataset, workdir)
    wanted = json.loads((judge.parent / "result.json").read_text())["validation_accuracy"]
    of = (path, plan.dataset, "train", judge, workdir / "judged.jsonl", "label_agreement")
    for truncation in TRUNCATIONS:
        (share,) = evaluate(*of, f"--truncation={truncation}")["values"].values()
        print(f"kerasgan: truncation {truncation}: {share:.2%}; of real images {wanted:.2%}")
        if share >= wanted:
            break
    return truncation


def publish_translation(name, workdir, folder):
    """Trains, scores on the test pictures, writes the preset."""
    plan = TRANSLATIONS[name]
    metrics.get(EXTRACTOR.value)  # what can't be had is said before the training
    run, scores = workdir / name, workdir / f"{name}-scores"
    (epochs,) = (1,) if SMOKE.value else plan.epochs
    pictures_of = find_pictures(plan.dataset)
    for old in [scores, run] if SMOKE.value else [scores]:  # smoke runs make up other pictures
        shutil.rmtree(old, ignore_errors=True)
    of = (f"--data_dir={pictures_of}", f"--seed={SEED.value}")
    recipe(plan.recipe, f"--workdir={run}", f"--epochs={epochs}", *of, *plan.flags)
    record = json.loads((run / "run.json").read_text())
    found = (f"--model={run / 'final.keras'}", f"--output={scores}")
    recipe("evaluate_translation", *found, *of, f"--extractor={EXTRACTOR.value}")
    model = keras.saving.load_model(run / "final.keras")
    write(
        model,
        folder,
        translations(model, pictures_of) if name in SHOWN else None,
        f"{plan.description}, {epochs} epochs.",
        **trained(plan, epochs, record, record["wall_seconds"]),
        scores=[card_score(row, plan.dataset) for row in Table(scores / "scores.jsonl").rows],
    )


def find_pictures(dataset):
    """The folder of a data set; of a smoke run, pictures that are made up."""
    folder = data.made_up_pictures(**MADE_UP[dataset]) if SMOKE.value else data.find_folder(dataset)
    if not folder:
        raise runs.RunError(
            f"The pictures must be at $KERASGAN_DATA/{dataset}, as the header of the preset's "
            f"recipe says. Received: KERASGAN_DATA={os.environ.get('KERASGAN_DATA')}, "
            f"no folder {dataset} there"
        )
    return folder


def translations(model, folder):
    """A grid of a Pix2Pix' translations of test pictures."""
    size = model.image_shape[:2]
    options = {"jitter": False, "flip": False, "shuffle_seed": None, "split": "test"}
    batch_size = 4 if SMOKE.value else 24
    inputs, _ = next(iter(data.paired_images(folder, batch_size, size, "right", **options)))
    return pictures.image_grid(model.translate(inputs.numpy()), columns=6)


def card_score(row, dataset):
    """What a card keeps of a row of recipes/evaluate_translation.py."""
    extractor = row["protocol"]["extractor"]
    found = {name: row[name] for name in ("l1", "psnr", "cycle") if name in row}
    found |= {f"{name}_{extractor}": row[name] for name in ("frechet", "kernel")}
    kept = {"row": row["row"], "warnings": row["warnings"], "samples_seed": SEED.value}
    return {**kept, "values": found, "protocol": {**row["protocol"], "split": f"{dataset}[test]"}}


def publish_classifier(name, folder):
    """Scores a shipped classifier on the test images and writes its preset."""
    plan = CLASSIFIERS[name]
    (epochs,) = plan.epochs
    model = keras.saving.load_model(features.WEIGHTS / f"{name}.keras", compile=False)
    test = data.load(plan.dataset, "test", 100, shuffle_seed=None, source=SOURCE.value)
    labels = np.concatenate([labels for _, labels in test.as_numpy_iterator()])
    classes = model.predict(test, verbose=0).argmax(axis=1)
    figure, axes = plots.subplots(figsize=(5, 5))
    plots.draw_confusion(axes, correspondence.confusion_matrix(labels, classes))
    axes.set(xlabel="class given", ylabel="class")
    model.signatures = functools.partial(serving.classifier_signatures, model)
    write(
        model,
        folder,
        figure,
        f"{plan.description} that gives kerasgan.metrics its features, {epochs} epochs.",
        recipe=plan.recipe,
        command=f"python recipes/{plan.recipe}.py --dataset={plan.dataset} --epochs={epochs}",
        data_set=f"{plan.dataset}[train], 5,000 images held out",
        seed=0,
        wall_seconds=60.0 * epochs,
        hardware="2 cores of an x86-64 server CPU with AVX-512 (at about a minute an epoch)",
        scores=[
            {
                "values": {"accuracy": float(np.mean(classes == labels))},
                "protocol": {"split": f"{plan.dataset}[test]", "n_real": len(labels)},
            }
        ],
    )


def trained(plan, epochs, record, seconds):
    """What a card says about a recipe's run."""
    command = ["python", f"recipes/{plan.recipe}.py", f"--epochs={epochs}", *plan.flags]
    return {
        "recipe": plan.recipe,
        "command": " ".join([*command, f"--seed={SEED.value}"]),
        "data_set": f"{plan.dataset}[train]",
        "source": record["data"]["source"],
        "seed": SEED.value,
        "wall_seconds": round(seconds, 1),
        "hardware": HARDWARE.value,
    }


def write(model, folder, picture, description, **card):
    """The folder of a preset; the card is last, and says that the rest is there."""
    files.writable_directory("output", folder)
    if isinstance(picture, np.ndarray):
        pictures.save_png(picture, folder / "samples.png")
    elif picture is not None:
        plots.save(picture, folder / "samples.png")
    if not any(folder.glob("*/saved_model.pb")):
        serving.export(model, folder)
    presets.save(model, folder, description, licence="Apache-2.0", **card)


if __name__ == "__main__":
    runs.launch(main)
