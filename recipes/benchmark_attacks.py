"""What an attack costs: ms per image of FGSM and PGD-40, compiled, against a plain eager loop.

Command: python recipes/benchmark_attacks.py
    (measures what is missing in <workdir>/rows.jsonl and prints the table)
Method: the network of recipes/adversarial_mnist.py, random weights, one batch of random images. The
    eager loop is the attack as people write it: a tape around model(x), the sign, a step, a clip.
    All variants are built in one process and take turns, for `rounds` rounds; a row holds the
    median and the 10th and 90th percentile over the rounds. The first calls, which trace and
    compile, are not counted. The compiled ones are the functions as users call them: their checks
    of the arguments count.
Score: the table in README.md, on 2 cores of an x86-64 server CPU with AVX-512.
"""

import functools
import time

import keras
import numpy as np
import tensorflow as tf
from absl import flags
from keras import layers

from kerasgan import attacks, files, runs, tables
from kerasgan.version import versions

WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the rows (runs/benchmark_attacks)")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 100, "Images attacked at a time", 1)
ROUNDS = flags.DEFINE_integer("rounds", 15, "Rounds over the variants", 1)
SMOKE = flags.DEFINE_bool("smoke", False, "Two rounds of a batch of 4; 3 steps of PGD")

EPSILON, STEPS, STEP_SIZE = 0.3, 40, 0.01
VARIANTS = ("eager loop", "tf.function", "XLA")
COLUMNS = ("attack", "variant", "batch_size", "ms_per_image", "p10", "p90", "times_faster")


def main():
    """Measures what is missing, then prints the table."""
    folder = WORKDIR.value or f"runs/benchmark_attacks{'-smoke' if SMOKE.value else ''}"
    try:
        workdir = files.writable_directory("workdir", folder)
    except ValueError as error:
        raise runs.RunError(str(error)) from error
    table = tables.Table(workdir / "rows.jsonl")
    size = 4 if SMOKE.value else BATCH_SIZE.value
    rounds = 2 if SMOKE.value else ROUNDS.value
    for attack in ("fgsm", "pgd"):
        key = {"attack": attack, "batch_size": size, "rounds": rounds}
        missing = [v for v in VARIANTS if not table.find(**key, variant=v)]
        if missing:  # the variants take turns, so that one alone can't be measured
            found = measure(attack, size, rounds)
            for variant in missing:
                table.add({**key, "variant": variant, **found[variant]})
    print(table.markdown(COLUMNS))


def measure(attack, size, rounds):
    """Times of each variant of an attack."""
    model = network()
    images = np.random.default_rng(0).uniform(-1, 1, (size, 28, 28, 1)).astype("float32")
    labels = np.arange(size, dtype="int32") % 10
    steps = 3 if SMOKE.value else STEPS
    options = {"steps": steps, "step_size": STEP_SIZE} if attack == "pgd" else {}
    compiled = functools.partial(
        getattr(attacks, attack), epsilon=EPSILON, batch_size=size, **options
    )
    plain = functools.partial(eager_pgd, steps=steps) if attack == "pgd" else eager_fgsm
    by_function, by_xla = (attacks.Classifier(model, jit_compile=xla) for xla in (False, True))
    runners = (plain, model), (compiled, by_function), (compiled, by_xla)
    variants = {name: functools.partial(*runner) for name, runner in zip(VARIANTS, runners)}
    times = {name: [] for name in variants}
    for i in range(-1, rounds):
        for name, run in variants.items():
            start = time.perf_counter()
            run(images, labels)
            if i >= 0:
                times[name].append((time.perf_counter() - start) * 1e3 / size)
    slowest = np.median(times["eager loop"])
    return {
        name: {
            "ms_per_image": np.median(values),
            "p10": np.percentile(values, 10),
            "p90": np.percentile(values, 90),
            "times_faster": slowest / np.median(values),
            "versions": versions(),
        }
        for name, values in times.items()
    }


def network():
    """Two convolutions of 5 x 5, and 256 units."""
    keras.utils.set_random_seed(0)
    hidden = []
    for filters in (16, 32):
        hidden += [layers.Conv2D(filters, 5, padding="same", activation="relu")]
        hidden += [layers.MaxPooling2D()]
    hidden += [layers.Flatten(), layers.Dense(256, activation="relu"), layers.Dense(10)]
    return keras.Sequential([keras.Input((28, 28, 1)), *hidden])


def eager_sign(model, images, labels):
    """The sign of the loss's gradient, op by op."""
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = model(images, training=False)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    return tf.sign(tape.gradient(loss, images))


def eager_fgsm(model, images, labels):
    """FGSM as people write it; 0.3 of [0, 1] is 0.6 of [-1, 1]."""
    images = tf.constant(images)
    step = 2 * EPSILON * eager_sign(model, images, labels)
    return tf.clip_by_value(images + step, -1.0, 1.0).numpy()


def eager_pgd(model, images, labels, steps=STEPS, random_start=True):
    """PGD as people write it."""
    x = images = tf.constant(images)
    if random_start:
        x = images + tf.random.uniform(images.shape, -2 * EPSILON, 2 * EPSILON)
        x = tf.clip_by_value(x, -1.0, 1.0)
    for _ in range(steps):
        x = x + 2 * STEP_SIZE * eager_sign(model, x, labels)
        x = tf.clip_by_value(x, images - 2 * EPSILON, images + 2 * EPSILON)
        x = tf.clip_by_value(x, -1.0, 1.0)
    return x.numpy()


if __name__ == "__main__":
    runs.launch(main)
