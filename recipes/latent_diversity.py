"""An article's two ways to more diverse samples, each measured: extra noise at the generator's
input, and training on several data sets.

The article (in Chinese: "Latent space exploration in GANs: how to improve the quality of what is
generated", section 6.3) asks how to keep a GAN from depending too much on its training data, and
answers: add random noise to the generator's input, and train on different data sets. Small GANs are
trained, with equal updates of equal batches:

    baseline      latents of 100 from N(0, 1), MNIST
    added_noise   in training, fresh noise of deviation 0.5 is added to each latent. Sums of normals
                  are normal: to the generator these are latents of deviation sqrt(1.25), and no
                  other sort of diversity. The row `added_noise, not sampled` leaves it out of the
                  samples, `added_noise, sampled` doesn't.
    more_latents  the noise beside the latents instead: 200 in place of 100
    two_sets      half of each batch MNIST, half Fashion-MNIST

Command: python recipes/latent_diversity.py
    (the same command again goes on where it stopped, within a row too; --smoke takes seconds)
Makes: <workdir>/rows.jsonl, table.md, and in a folder for each training samples.png, final.keras
    and the checkpoints.
Protocol: precision and recall (Kynkaanniemi et al. 2019, k = 3) of --samples samples, on the 128
    features of the shipped classifier of MNIST beside the 128 of Fashion-MNIST's; against as many
    test images of MNIST (`_mnist`), and of both sets, half and half (`_both`). The `_mnist` columns
    compare all samples, clothes too. "real" is what training images reach.
Time: 3 minutes a training on 2 cores of an x86-64 server CPU, beside other work.
Score: seed 0, one run, 5,000 samples; precision and recall against MNIST, then against both sets:
    real MNIST                .84 .83   .85 .42     real, both    .42 .84   .86 .86
    baseline                  .60 .19   .69 .09
    added_noise, not sampled  .59 .18   .69 .09     sampled       .59 .21   .68 .10
    more_latents              .60 .21   .71 .10
    two_sets                  .25 .12   .65 .07
    So noise or more latents bring next to nothing, and two sets, at the same cost, less of both.
"""

import keras
import numpy as np
import tensorflow as tf
from absl import flags

from kerasgan import callbacks, data, files, latent, metrics, models, pictures, runs, tables

WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the table (runs/latent_diversity)")
SMOKE = flags.DEFINE_bool("smoke", False, "Go the whole way in seconds, without learning much")
ROWS = flags.DEFINE_list("rows", ["all"], "all, or some of the trainings named above")
SEEDS = flags.DEFINE_list("seeds", ["0"], "Of initial weights, data order and random draws")
UPDATES = flags.DEFINE_integer("updates", 8_000, "Of each network", 1)
SAMPLES = flags.DEFINE_integer("samples", 5_000, "Compared with as many real images", 10)
SOURCE = flags.DEFINE_string("source", "auto", "Where the data come from; see kerasgan.data.load")

NOISE = 0.5  # deviation of what is added to latents of deviation 1
BATCH_SIZE = 64
EPOCH = 500  # updates between two checkpoints, about
SETS = ("mnist", "fashion_mnist")
MEASURED = ("precision_mnist", "recall_mnist", "precision_both", "recall_both")
COLUMNS = {"row": "row", "seed": "seed", "updates": "updates"}
COLUMNS |= {name: name.replace("_", ", ") for name in MEASURED} | {"seconds": "seconds"}


@keras.saving.register_keras_serializable("latent_diversity")
class NoisyGAN(models.GAN):
    """A GAN whose latents get extra noise in training."""

    def draw_latents(self, like):
        """The latents and the noise are drawn apart, afresh each time."""
        latents = super().draw_latents(like)
        return latents + NOISE * self.draw_normal(tf.shape(latents))


SAMPLED = {"added_noise": ("added_noise, not sampled", "added_noise, sampled")}  # else one row
TRAININGS = {
    "baseline": lambda seed: models.GAN(seed=seed),
    "added_noise": lambda seed: NoisyGAN(seed=seed),
    "more_latents": lambda seed: models.GAN(latent_dim=200, seed=seed),
    "two_sets": lambda seed: models.GAN(seed=seed),
}


def main():
    """Fills the table with the rows asked for."""
    names = list(TRAININGS) if ROWS.value == ["all"] else ROWS.value
    if set(names) - set(TRAININGS):
        raise runs.RunError(f"--rows takes all or some of {list(TRAININGS)}. Received: {names}")
    seeds = chosen_seeds()
    workdir = files.writable_directory(
        "workdir", WORKDIR.value or f"runs/latent_diversity{'-smoke' if SMOKE.value else ''}"
    )
    table = tables.Table(workdir / "rows.jsonl")
    samples = 60 if SMOKE.value else SAMPLES.value
    key = {"samples": samples}
    score = Scores(samples)
    for row, sets in (("real, mnist", SETS[:1]), ("real, both", SETS)):
        if not table.find(row=row, **key):
            parts = [images_of(name, "train", samples // len(sets)) for name in sets]
            table.add({"row": row, **key, **score(np.concatenate(parts))})
    epochs, steps = tables.whole_epochs(4 if SMOKE.value else UPDATES.value, EPOCH)
    for seed in seeds:
        for name in names:
            key |= {"seed": seed, "updates": epochs * steps}
            rows = [r for r in SAMPLED.get(name, (name,)) if not table.find(row=r, **key)]
            if not rows:
                continue
            print(f"kerasgan: {name}, seed {seed}, {epochs * steps} updates", flush=True)
            folder = workdir / f"{name}-{seed}-{epochs * steps}"
            model, seconds = train(name, seed, epochs, steps, folder)
            space = latent.Space(model)
            for row in rows:
                latents = space.draw(samples, seed)
                if row == "added_noise, sampled":
                    latents = latents + NOISE * space.draw(samples, seed + 1)
                images = space.images(latents)
                pictures.save_png(pictures.image_grid(images[:100], 10), folder / "samples.png")
                table.add({"row": row, **key, **score(images), "seconds": seconds})
            with files.replacing(workdir / "table.md") as temporary:
                temporary.write_text(table.markdown(COLUMNS) + "\n")
    print(table.markdown(COLUMNS))
    print(f"kerasgan: table and samples: {workdir}")


def chosen_seeds():
    """The seeds as numbers."""
    if not all(seed.isdecimal() and int(seed) < 2**31 for seed in SEEDS.value):
        raise runs.RunError(f"--seeds takes whole numbers, 0 or more. Received: {SEEDS.value}")
    return [int(seed) for seed in SEEDS.value]


def load(name, split, batch_size=None, seed=None):
    """A data set's split, or a refusal in one line where it can't be had."""
    try:
        return data.load(name, split, batch_size, shuffle_seed=seed, source=SOURCE.value)
    except (FileNotFoundError, ValueError) as error:
        raise runs.RunError(str(error)) from error


def images_of(name, split, number):
    """The first images of a split."""
    dataset = load(name, split).take(number)
    return np.stack([images for images, _ in dataset.as_numpy_iterator()])


class Scores:
    """Precision and recall against the test images of MNIST, and of both sets."""

    def __init__(self, number):
        self.extractors = [metrics.classifier(name) for name in SETS]
        both = [images_of(name, "test", number - number // 2) for name in SETS]
        self.real = {"mnist": self.features(images_of("mnist", "test", number))}
        self.real["both"] = self.features(np.concatenate(both)[:number])

    def features(self, images):
        """Both classifiers' features side by side, (n, 256)."""
        rows = [latent.neighbours.rows_of(images, extractor) for extractor in self.extractors]
        return np.concatenate(rows, axis=1)

    def __call__(self, images):
        """dict: the names in MEASURED -> float."""
        fake, found = self.features(images), {}
        for name, real in self.real.items():
            values = metrics.precision_recall.precision_recall(real, fake)
            found |= {f"{what}_{name}": value for what, value in values.items()}
        return found


def batches(name, seed):
    """Batches of images: of MNIST, or half of it and half of Fashion-MNIST."""
    if name != "two_sets":
        return load("mnist", "train", BATCH_SIZE, seed)
    halves = [load(each, "train", BATCH_SIZE // 2, seed) for each in SETS]
    return tf.data.Dataset.zip(*halves).map(lambda a, b: tf.concat([a[0], b[0]], axis=0))


def train(name, seed, epochs, steps, folder):
    """Trains a row, or goes on with it: (model, seconds)."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    model = TRAININGS[name](seed)
    clock = callbacks.Clock(folder)
    checkpoint = callbacks.Checkpoint(folder / "checkpoints")
    model.fit(
        batches(name, seed),
        epochs=epochs,
        steps_per_epoch=steps,
        callbacks=[callbacks.NaNGuard(), clock, checkpoint],
        verbose=2,
    )
    with files.replacing(folder / "final.keras") as temporary:
        model.save(temporary)
    return model, clock.seconds


if __name__ == "__main__":
    runs.launch(main)
