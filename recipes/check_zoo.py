"""Do the presets give the numbers on their cards? Scores each anew with recipes/evaluate.py.

With the card's sampling seed every number must come out again (--tolerance, relative). With fresh
seeds the Frechet distance varies by the sampling noise; "t" is the distance of the card's from the
mean of the fresh ones, in standard deviations of that difference, and "p" is how often a card that
is right is as far off, by Student's t distribution for --fresh values. Below 5 % the row says that
it is doubtful, which one right row in twenty is; below 0.1 % the check fails. Translations and
classifiers draw no samples and are left out: recipes/evaluate_translation.py --model=<preset> and
recipes/train_zoo.py score them.

Command: python recipes/check_zoo.py
    (the same command again goes on; --presets chooses some; --help)
Makes: <workdir>/rows.jsonl (what evaluate.py wrote), table.jsonl and table.md.
Time: gan_mnist with three fresh seeds took 61 s of CPU time; a fresh seed 12 s of it.
"""

import pathlib
import subprocess
import sys

import numpy as np
from absl import flags
from scipy import stats

from kerasgan import files, presets, runs
from kerasgan.tables import Table

EVALUATE = pathlib.Path(__file__).parent / "evaluate.py"
DOUBTFUL, WRONG = 0.05, 0.001  # chances that a right card is as far off

PRESETS = flags.DEFINE_list("presets", ["all"], "Names, or all that have samples to score")
FRESH = flags.DEFINE_integer("fresh", 10, "Fresh sampling seeds", 2)
TOLERANCE = flags.DEFINE_float("tolerance", 1e-3, "Of numbers with the card's seed, relative", 0.0)
WORKDIR = flags.DEFINE_string("workdir", "runs/check_zoo", "Folder of the table")
SOURCE = flags.DEFINE_string("source", "auto", "Where the data come from; see kerasgan.data.load")


def main():
    """Fills the table, prints it, fails where a card's numbers don't come out again."""
    names = presets.list() if PRESETS.value == ["all"] else PRESETS.value
    cards = {name: presets.info(name) for name in names}
    cards = {name: card for name, card in cards.items() if is_sampled(card)}
    workdir = files.writable_directory("workdir", WORKDIR.value)
    found = Table(workdir / "rows.jsonl")
    table = Table(workdir / "table.jsonl")
    table.rows = []  # all are compared anew
    for name, card in cards.items():
        for score in card["scores"]:
            seed = score["samples_seed"]
            again = scored(found, card, score, seed, "all")
            fresh = [
                scored(found, card, score, seed + 1 + i, "frechet") for i in range(FRESH.value)
            ]
            compared_to = compared(score["values"], again, fresh)
            table.add({"preset": name, "truncation": score.get("truncation"), **compared_to})
    text = table.markdown(list(table.rows[0])) if table.rows else "No preset has samples to score."
    print(text)
    with files.replacing(workdir / "table.md") as temporary:
        temporary.write_text(text + "\n")
    wrong = [row["preset"] for row in table.rows if row["verdict"].startswith("wrong")]
    if wrong:
        raise runs.RunError(f"Cards whose numbers don't come out again: {', '.join(wrong)}")


def is_sampled(card):
    """Whether the card's scores are those of samples."""
    scores = card["scores"] or []
    return bool(scores) and all("samples_seed" in score and "row" not in score for score in scores)


def compared(card, again, fresh):
    """A row: how far the numbers are from the card's."""
    different = set(card) ^ set(again)
    if different:
        raise runs.RunError(f"The card has other metrics than evaluate.py: {sorted(different)}")
    difference = max(abs(again[k] - v) / max(abs(v), 1e-12) for k, v in card.items())
    (metric,) = fresh[0]
    values = [row[metric] for row in fresh]
    spread = float(np.std(values, ddof=1))
    off = float(card[metric] - np.mean(values)) / np.sqrt(1 + 1 / len(values))
    t = off / spread if spread else np.sign(off) * np.inf if off else 0.0
    p = float(2 * stats.t.sf(abs(t), df=len(values) - 1))
    return {
        "difference": difference,
        "Frechet": card[metric],
        "fresh": float(np.mean(values)),
        "sd": spread,
        "t": float(t),
        "p": p,
        "verdict": verdict(difference, p),
    }


def verdict(difference, p):
    """What a row says."""
    if difference > TOLERANCE.value:
        return "wrong with the card's seed"
    if p < WRONG:
        return "wrong with fresh seeds"
    return "doubtful" if p < DOUBTFUL else "right"


def scored(found, card, score, seed, metrics):
    """The values of a preset for a seed, by a score's protocol; measured unless they are there."""
    sha256 = card["files"]["model.weights.h5"]["sha256"]
    for row in found.rows:
        is_it = row["scored"]["sha256"] == sha256 and row["samples_seed"] == seed
        is_it = is_it and row["truncation"] == score.get("truncation")
        if is_it and (metrics == "all") == (len(row["values"]) > 1):
            return row["values"]
    protocol = score["protocol"]
    dataset, _, split = protocol["split"].rstrip("]").partition("[")
    arguments = {"model": card["path"], "dataset": dataset, "split": split, "seed": seed}
    arguments |= {"samples": protocol["n_fake"], "extractor": protocol["extractor"]}
    arguments |= {"metrics": metrics, "source": SOURCE.value, "output": found.path}
    if score.get("truncation"):
        arguments["truncation"] = score["truncation"]
    command = [str(EVALUATE), *(f"--{name}={value}" for name, value in arguments.items())]
    print(f"kerasgan: {' '.join(command)}", flush=True)
    if subprocess.run([sys.executable, *command]).returncode:
        raise runs.RunError(f"evaluate.py failed; see above. Received: {' '.join(command)}")
    found.rows = Table(found.path).rows
    return found.rows[-1]["values"]


if __name__ == "__main__":
    runs.launch(main)
