"""Times of one training step: eager, tf.function and XLA, and what the base costs over a step
written by hand.

Command: python recipes/benchmark.py
    (measures what is missing in <workdir>/rows.jsonl and prints the table)
Method: all variants of a family are built in one process and take turns, `steps` steps each, for
    `rounds` rounds, on one batch of random images that stays in memory; a row holds the median and
    the 10th and 90th percentile over all steps but each round's first.
    "by hand" is a tf.function with the same networks, losses, optimizers, EMA and running means of
    the losses, and none of kerasgan's base.
"""

import itertools
import json
import pathlib
import time

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

from kerasgan import files, models
from kerasgan.version import __version__

WORKDIR = flags.DEFINE_string("workdir", "runs/benchmark", "Folder of the rows")
FAMILIES = flags.DEFINE_list("families", ["GAN", "CGAN", "DCGAN"], "Which models to time")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 64, "Real images in a batch", 1)
ROUNDS = flags.DEFINE_integer("rounds", 8, "Rounds over the variants", 1)
STEPS = flags.DEFINE_integer("steps", 12, "Steps of a variant in a round", 2)
SMOKE = flags.DEFINE_bool("smoke", False, "Two rounds of three steps on the GAN alone")

MODES = {
    "eager": {"run_eagerly": True},
    "tf.function": {"jit_compile": False},
    "XLA": {"jit_compile": True},
}


def main(_):
    """Measures what is missing, then prints the table."""
    workdir = files.writable_directory("workdir", WORKDIR.value + ("-smoke" if SMOKE.value else ""))
    path = pathlib.Path(workdir) / "rows.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    for family in ["GAN"] if SMOKE.value else FAMILIES.value:
        done = [r for r in rows if (r["family"], r["batch_size"]) == (family, BATCH_SIZE.value)]
        if not done:
            print(f"timing {family} ...", flush=True)
            done = measure(family)
            with open(path, "a") as file:
                file.writelines(json.dumps(row) + "\n" for row in done)
        show(done)


def measure(family):
    """One row for each variant of a family's step."""
    steps = {mode: zoo_step(family, arguments) for mode, arguments in MODES.items()}
    steps["by hand"] = step_by_hand(family)
    rounds, length = (2, 3) if SMOKE.value else (ROUNDS.value, STEPS.value)
    times = {name: [] for name in steps}
    for name, _ in itertools.product(steps, range(3)):
        steps[name]()  # traces and compiles
    for _ in range(rounds):
        for name, step in steps.items():
            for i in range(length):
                start = time.perf_counter()
                step()
                if i:
                    times[name].append((time.perf_counter() - start) * 1e3)
    return [
        {
            "family": family,
            "variant": name,
            "batch_size": BATCH_SIZE.value,
            "ms": np.median(values),
            "p10": np.percentile(values, 10),
            "p90": np.percentile(values, 90),
            "steps": len(values),
            "versions": {"kerasgan": __version__, "keras": keras.__version__, "tf": tf.__version__},
        }
        for name, values in times.items()
    ]


def show(rows):
    """Prints a family's rows."""
    by_hand = next(row["ms"] for row in rows if row["variant"] == "by hand")
    for row in rows:
        print(
            f"{row['family']:6} {row['variant']:12} {row['ms']:7.1f} ms/step "
            f"(p10 {row['p10']:.1f}, p90 {row['p90']:.1f}), {row['ms'] / by_hand:.3f} of by hand"
        )


def new_model(family):
    """The family's default model, the same weights each time."""
    keras.utils.set_random_seed(0)
    arguments = {"num_classes": 10} if family == "CGAN" else {}
    return getattr(models, family)(seed=0, **arguments)


def new_iterator(model):
    """An endless iterator over one batch."""
    images = np.random.default_rng(0).uniform(-1, 1, (BATCH_SIZE.value, *model.image_shape))
    labels = np.arange(BATCH_SIZE.value, dtype="int32") % 10
    batch = (images.astype("float32"), labels)
    return iter(tf.data.Dataset.from_tensors(batch).repeat())


def zoo_step(family, arguments):
    """A function that runs one step as `fit` does."""
    model = new_model(family)
    model.compile(**arguments)
    model.make_train_function()
    iterator = new_iterator(model)

    def step():
        return {name: float(value) for name, value in model.train_function(iterator).items()}

    return step


def step_by_hand(family):
    """The same step as people write it: two tapes, two optimizers, an EMA, means of the losses."""
    model = new_model(family)
    generator, discriminator = model.generator, model.discriminator
    average = keras.models.clone_model(generator)
    adams = [keras.optimizers.Adam(2e-4, beta_1=0.5) for _ in range(2)]
    for adam, network in zip(adams, (discriminator, generator)):
        adam.build(network.trainable_variables)
    names = ("d_real", "d_fake", "d_loss", "g_adversarial", "g_loss")
    means = {name: keras.metrics.Mean(name) for name in names}
    conditional = family == "CGAN"

    def given(x, labels):
        return [x, labels] if conditional else x

    @tf.function(jit_compile=False)
    def train(iterator):
        images, labels = next(iterator)
        latents = tf.random.normal([tf.shape(images)[0], model.latent_dim])
        with tf.GradientTape() as tape:
            fakes = generator(given(latents, labels), training=True)
            real = tf.reduce_mean(
                tf.nn.softplus(-discriminator(given(images, labels), training=True))
            )
            fake = tf.reduce_mean(
                tf.nn.softplus(discriminator(given(fakes, labels), training=True))
            )
            d_loss = real + fake
        variables = discriminator.trainable_variables
        adams[0].apply(tape.gradient(d_loss, variables), variables)
        latents = tf.random.normal([tf.shape(images)[0], model.latent_dim])
        with tf.GradientTape() as tape:
            fakes = generator(given(latents, labels), training=True)
            g_loss = tf.reduce_mean(
                tf.nn.softplus(-discriminator(given(fakes, labels), training=True))
            )
        variables = generator.trainable_variables
        adams[1].apply(tape.gradient(g_loss, variables), variables)
        for source, copy in zip(generator.variables, average.variables):
            if source.trainable:
                copy.assign(0.999 * copy + 0.001 * source)
            else:
                copy.assign(source)
        for name, value in zip(names, (real, fake, d_loss, g_loss, g_loss)):
            means[name].update_state(value)
        return {name: mean.result() for name, mean in means.items()}

    iterator = new_iterator(model)

    def step():
        return {name: float(value) for name, value in train(iterator).items()}

    return step


if __name__ == "__main__":
    app.run(main)
