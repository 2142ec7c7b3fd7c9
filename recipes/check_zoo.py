"""Do the presets give the numbers on their cards? Scores each anew, from its stored weights.

Generators, by recipes/evaluate.py: with the card's sampling seed every number must come out again
(--tolerance, relative). With fresh seeds the Frechet distance varies by the sampling noise; "t" is
the distance of the card's from the mean of the fresh ones, in standard deviations of that
difference, and "p" is how often a card that is right is as far off, by Student's t distribution for
--fresh values. Below 5 % the row says that it is doubtful, which one right row in twenty is; below
0.1 % the check fails. Translations, by recipes/evaluate_translation.py, and classifiers draw no
samples: every number must come out again.

Commands:
    python recipes/efficientnet_lite0.py --weights=efficientnet-lite0-57934424.pth
    python recipes/check_zoo.py --extractor=efficientnet_lite0_imagenet.keras
    (the same command again goes on, only classifiers are scored anew; --presets chooses; --help)
--extractor: of translations, that of their cards, which the first command makes; without it they
    are left out.
Makes: <workdir>/rows.jsonl (what evaluate.py wrote), a folder for each translation, table.jsonl and
    table.md.
Time: gan_mnist with three fresh seeds took 61 s of CPU time; a fresh seed 12 s of it.
"""

import functools
import os
import pathlib
import subprocess
import sys

import numpy as np
from absl import flags
from scipy import stats

from kerasgan import data, files, metrics, presets, runs
from kerasgan.tables import Table
from kerasgan.version import versions

RECIPES = pathlib.Path(__file__).parent
DOUBTFUL, WRONG = 0.05, 0.001  # chances that a right card is as far off

COLUMNS = ("preset", "of", "score", "difference", "fresh", "sd", "t", "p", "verdict")

PRESETS = flags.DEFINE_list("presets", ["all"], "Names, or all that have scores")
FRESH = flags.DEFINE_integer("fresh", 10, "Fresh sampling seeds", 2)
TOLERANCE = flags.DEFINE_float("tolerance", 1e-3, "Of numbers with the card's seed, relative", 0.0)
EXTRACTOR = flags.DEFINE_string("extractor", None, "Of translations: see above")
WORKDIR = flags.DEFINE_string("workdir", "runs/check_zoo", "Folder of the table")
SOURCE = flags.DEFINE_string("source", "auto", "Where the data come from; see kerasgan.data.load")


def main():
    """Fills the table, prints it, fails where a card's numbers don't come out again."""
    names = presets.list() if PRESETS.value == ["all"] else PRESETS.value
    workdir = files.writable_directory("workdir", WORKDIR.value)
    table = Table(workdir / "table.jsonl")
    table.rows = []  # all are compared anew
    for name, card in [(name, presets.info(name)) for name in names]:
        for row in KINDS[kind_of(card)](card, workdir):
            table.add({"preset": name, **row})
    if not table.rows:
        print("kerasgan: nothing was compared")
        return
    text = table.markdown(COLUMNS)
    print(text)
    with files.replacing(workdir / "table.md") as temporary:
        temporary.write_text(text + "\n")
    wrong = [row["preset"] for row in table.rows if row["verdict"].startswith("wrong")]
    if wrong:
        raise runs.RunError(f"Cards whose numbers don't come out again: {', '.join(wrong)}")


def kind_of(card):
    """What the card's scores are of: samples, translations, a classifier, or nothing."""
    scores = card["scores"] or []
    if not scores:
        return "unscored"
    if "row" in scores[0]:
        return "translation"
    return "generator" if "samples_seed" in scores[0] else "classifier"


def generator_rows(card, workdir):
    """Yields a row for each score, of all latents and truncated."""
    found = Table(workdir / "rows.jsonl")
    for score in card["scores"]:
        seed = score["samples_seed"]
        again = scored(found, card, score, seed, "all")
        fresh = [scored(found, card, score, seed + 1 + i, "frechet") for i in range(FRESH.value)]
        truncation = score.get("truncation")
        of = f"truncation {truncation:g}" if truncation else "samples"
        yield {"of": of, **compared(score["values"], again, fresh)}


def translation_rows(card, workdir):
    """Yields a row for each of the card's: the model's, its rivals'."""
    if not EXTRACTOR.value:
        print(f"kerasgan: {card['name']} is left out: --extractor of translations isn't given")
        return
    extractor, protocol = metrics.get(EXTRACTOR.value), card["scores"][0]["protocol"]
    found = {"extractor": extractor.name, "weights_sha256": extractor.weights_sha256()}
    if not found.items() <= protocol.items():
        raise runs.RunError(
            f"--extractor must be that of the card: {protocol['extractor']}, whose weights have "
            f"the SHA-256 {protocol['weights_sha256']}. Received: {EXTRACTOR.value}, {found}"
        )
    dataset = protocol["split"].partition("[")[0]
    folder = data.find_folder(dataset)
    if not folder:
        raise runs.RunError(
            f"The pictures of {card['name']} must be at $KERASGAN_DATA/{dataset}. "
            f"Received: KERASGAN_DATA={os.environ.get('KERASGAN_DATA')}"
        )
    output = workdir / f"{card['name']}-{card['files']['model.weights.h5']['sha256'][:12]}"
    arguments = {"model": card["path"], "data_dir": folder, "output": output}
    arguments |= {"extractor": EXTRACTOR.value, "seed": card["scores"][0]["samples_seed"]}
    if not (output / "sheet.png").exists():  # which it makes last
        (output / "scores.jsonl").unlink(missing_ok=True)
        recipe("evaluate_translation", arguments)
    for score, row in zip(card["scores"], Table(output / "scores.jsonl").rows, strict=True):
        again = {key: row[key.removesuffix(f"_{extractor.name}")] for key in score["values"]}
        yield {"of": score["row"], **compared(score["values"], again)}


def classifier_rows(card, workdir):
    """Yields a row for each score, which is of a data set's images."""
    for score in card["scores"]:
        dataset, _, split = score["protocol"]["split"].rstrip("]").partition("[")
        options = {"shuffle_seed": None, "source": SOURCE.value}
        batches = data.load(dataset, split, 100, **options)
        classify = presets.load(card["path"]).predict_on_batch
        right = [
            np.argmax(classify(images), axis=1) == labels
            for images, labels in batches.as_numpy_iterator()
        ]
        again = {"accuracy": float(np.mean(np.concatenate(right)))}
        yield {"of": score["protocol"]["split"], **compared(score["values"], again)}


KINDS = {
    "generator": generator_rows,
    "translation": translation_rows,
    "classifier": classifier_rows,
    "unscored": lambda card, workdir: [],
}


def compared(card, again, fresh=()):
    """A row: how far the numbers are from the card's, and one of them from those of fresh seeds."""
    different = set(card) ^ set(again)
    if different:
        raise runs.RunError(f"The card has other scores than come out: {sorted(different)}")
    # NumPy's maximum: that of Python may pass over a NaN.
    difference = float(np.max([abs(again[k] - v) / max(abs(v), 1e-12) for k, v in card.items()]))
    metric = next((name for name in card if name.startswith("frechet")), next(iter(card)))
    row = {"score": card[metric], "difference": difference}
    if fresh:
        values = [row[metric] for row in fresh]
        spread = float(np.std(values, ddof=1))
        off = float(card[metric] - np.mean(values)) / np.sqrt(1 + 1 / len(values))
        t = off / spread if spread else np.sign(off) * np.inf if off else 0.0
        p = float(2 * stats.t.sf(abs(t), df=len(values) - 1))
        row |= {"fresh": float(np.mean(values)), "sd": spread, "t": float(t), "p": p}
    return {**row, "verdict": verdict(difference, row.get("p", 1.0))}


def verdict(difference, p):
    """What a row says."""
    if not difference <= TOLERANCE.value:  # NaN is wrong too
        return "wrong with the card's seed"
    if not p >= WRONG:
        return "wrong with fresh seeds"
    return "doubtful" if p < DOUBTFUL else "right"


def scored(found, card, score, seed, chosen):
    """The values of a preset for a seed, by a score's protocol; measured unless they are there."""
    wanted = expected(score["protocol"])
    sha256 = card["files"]["model.weights.h5"]["sha256"]
    for row in found.rows:
        is_it = row["scored"]["sha256"] == sha256 and row["samples_seed"] == seed
        is_it = is_it and row["truncation"] == score.get("truncation")
        is_it = is_it and wanted.items() <= row["protocol"].items()
        if is_it and (chosen == "all") == (len(row["values"]) > 1):
            return row["values"]
    protocol = score["protocol"]
    dataset, _, split = protocol["split"].rstrip("]").partition("[")
    arguments = {"model": card["path"], "dataset": dataset, "split": split, "seed": seed}
    arguments |= {"samples": protocol["n_fake"], "extractor": protocol["extractor"]}
    arguments |= {"metrics": chosen, "source": SOURCE.value, "output": found.path}
    if score.get("truncation"):
        arguments["truncation"] = score["truncation"]
    recipe("evaluate", arguments)
    found.rows = Table(found.path).rows
    return found.rows[-1]["values"]


def expected(protocol):
    """What of its protocol a row measured now would share with the card's, or have anew."""
    asked = {name: protocol[name] for name in ("split", "extractor", "n_fake")}
    return {**asked, "weights_sha256": weights_sha256(asked["extractor"]), "versions": versions()}


@functools.cache
def weights_sha256(extractor):
    """Of the weights that the extractor has today."""
    return metrics.get(extractor).weights_sha256()


def recipe(name, arguments):
    """Runs a recipe."""
    command = [f"{RECIPES / name}.py", *(f"--{key}={value}" for key, value in arguments.items())]
    print(f"kerasgan: {' '.join(command)}", flush=True)
    if subprocess.run([sys.executable, *command]).returncode:
        raise runs.RunError(f"{name}.py failed; see above. Received: {' '.join(command)}")


if __name__ == "__main__":
    runs.launch(main)
