"""How long each version in saved_models/ takes, by the loader that TF Serving uses, in C++ and
without a network between; and whether 16 threads at once lose an answer or get a wrong one.

Command: python -m tests.serving_latencies
    (from the checkout; --models chooses some, --requests and --repetitions how many; --output)
Makes: rows of recipes/tables/latencies.jsonl, in place of those of the same models; prints a table.
Requests: `sample` of one sample and of 64 (of those without: one picture and 64, translated or
    classified), each of eight kinds that differ in seed, labels or pictures, so that an answer to
    another request would be seen. A translation of 64 pictures takes seconds: these are asked for
    the fewer times that a row says.
"""

import argparse
import datetime
import os
import pathlib
import sys

import numpy as np
import pytest
import tensorflow as tf

from kerasgan.files import sha256
from kerasgan.tables import Table
from tests import serving_loader
from tests.serving_loader import OK, Request
from tests.serving_requests import files, numbers, picture

ROOT = pathlib.Path(__file__).parents[1]
STORED = ROOT / "saved_models"
THREADS, KINDS = 16, 8
SLOW = ("translate", "translate_a_to_b")  # signatures of which 64 pictures are asked for less often
SIZE = 128  # of the pictures to be translated
COLUMNS = {
    "model": "model",
    "signature": "signature",
    "rows": "rows",
    "alone_p50": "alone p50, ms",
    "alone_p99": "p99",
    "alone": "of",
    "crowded_p50": f"{THREADS} threads p50, ms",
    "crowded_p99": "p99",
    "answered": "answered",
    "wrong": "wrong",
    "per_second": "rows/s",
}


def versions(names=None):
    """Folders of the stored versions."""
    paths = sorted(path.parent for path in STORED.glob("*/*/saved_model.pb"))
    return [path for path in paths if not names or path.parent.name in names]


def fingerprint(version):
    """SHA-256 of the file in which TensorFlow puts checksums of a version's graph and variables."""
    return sha256(version / "fingerprint.pb")


def signature_of(version):
    """The signature that is timed."""
    has = serving_loader.signatures(version)
    return next(name for name in ("sample", *SLOW, "serving_default") if name in has)


def requests_of(version, rows, kinds=KINDS):
    """Requests of `rows` samples or pictures each, all different."""
    signature = signature_of(version)
    specs = tf.saved_model.load(str(version)).signatures[signature].structured_input_signature[1]
    for kind in range(kinds):
        inputs = numbers(seed=kind, num=rows, truncation=0.0, labels=(np.arange(rows) + kind) % 10)
        if signature in SLOW:
            inputs |= files(*(picture(SIZE, kind * rows + i) for i in range(rows)))
        elif "images" in specs:
            shape = (rows, *specs["images"].shape[1:])
            images = np.random.default_rng(kind).uniform(-1, 1, shape)
            inputs |= {"images": images.astype("float32")}
        yield Request(str(version), signature, {name: inputs[name] for name in specs})


def row(version, rows, total, repetitions):
    """A row of the table: `total` requests from 16 threads, and as many as `repetitions` by one."""
    kinds = KINDS
    if rows > 1 and signature_of(version) in SLOW:
        kinds, total, repetitions = 2, min(total, 2 * THREADS), min(repetitions, 10)
    requests = list(requests_of(version, rows, kinds))
    load = os.getloadavg()[0]  # of other work; ours begins now
    responses, figures = serving_loader.run(requests, THREADS, total, -(-repetitions // kinds))
    assert all(response.code == OK for response in responses), responses[0].message
    alone = [time for times in figures["alone"] for time in times]
    crowded = [time for times in figures["crowded"] for time in times]
    return {
        "model": version.parent.name,
        "version": int(version.name),
        "fingerprint_sha256": fingerprint(version),
        "signature": requests[0].signature,
        "rows": rows,
        **{f"alone_p{p}": round(float(np.percentile(alone, p)), 2) for p in (50, 99)},
        "alone": len(alone),
        "threads": THREADS,
        **{f"crowded_p{p}": round(float(np.percentile(crowded, p)), 2) for p in (50, 99)},
        "requests": total,
        "answered": figures["answered"],
        "wrong": figures["wrong"],
        # By Little's law: so many are under way at any time.
        "per_second": round(THREADS * rows * 1000 / float(np.mean(crowded)), 1),
        "cpus": len(os.sched_getaffinity(0)),
        "load_before": round(load, 2),
        "tensorflow": tf.__version__,
        "date": datetime.date.today().isoformat(),
    }


def main():
    """Measures, keeps and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="*", help="names of presets; all without it")
    parser.add_argument("--requests", type=int, default=1000, help="from 16 threads")
    parser.add_argument("--repetitions", type=int, default=200, help="by one thread")
    parser.add_argument("--output", default=ROOT / "recipes" / "tables" / "latencies.jsonl")
    arguments = parser.parse_args()
    try:
        serving_loader.compiled()
    except pytest.skip.Exception as error:
        sys.exit(str(error))
    table = Table(arguments.output)
    for version in versions(arguments.models):
        for rows in (1, 64):
            made = row(version, rows, arguments.requests, arguments.repetitions)
            same = {"model": made["model"], "rows": rows}
            table.rows = [r for r in table.rows if not same.items() <= r.items()]
            table.add(made)
            print(f"{made['model']}, {rows}: {made['alone_p50']} ms alone", flush=True)
    table.rows.sort(key=lambda r: (r["model"], r["rows"]))
    print(table.markdown(COLUMNS))
    lost = [r["model"] for r in table.rows if r["wrong"] or r["answered"] < r["requests"]]
    if lost:
        sys.exit(f"lost or wrong answers: {', '.join(lost)}")


if __name__ == "__main__":
    main()
