"""Which objective learns most in four minutes? GAN, DCGAN, LSGAN, WGAN, WGAN-GP, BEGAN and SNGAN on
the same images, one table.

Protocol: 10,000 samples of the averaged generator against the 10,000 test images; Frechet distance
and precision/recall (k = 3) on the 128 features of the zoo's own classifier of that data set (not
Inception: the numbers compare rows of this table, nothing else). "real" is the floor: 10,000
training images in the place of samples. Every family has its own default optimizers and a batch
of 64; DCGAN, LSGAN, WGAN and WGAN-GP share DCGAN's networks at half width. BEGAN has its paper's
batch of 16 and, unlike all others, settings that were chosen for short runs: gamma, lambda_k, rate
and residuals, by about 16 short trials on Fashion-MNIST, judged by k and by eye. No setting was
tuned on these scores. GAN_reusing_fakes: the generator learns from the discriminator's fakes; as
many updates, in less time. Updates of the generator are fixed per minute, so that
a row does not depend on what else the machine does; they are what 2 cores of an x86-64 server CPU
with AVX-512 manage by themselves.

Command: python recipes/compare_objectives.py
    (the same command again goes on where it stopped, within a row too; --smoke takes seconds)
    python recipes/compare_objectives.py --families=DCGAN,LSGAN,SNGAN --seeds=1,2
    python recipes/compare_objectives.py --dataset=fashion_mnist
Makes: <workdir>/rows.jsonl, table.md, and in a folder for each row samples.png,
    final.keras and the checkpoints.
Time: four minutes a row by the updates' measured step times; on one busy core, as the rows in
    recipes/tables/ were made, 7 to 20 minutes (their "seconds" are not a benchmark).
Score: the table in README.md: MNIST, three seeds of GAN, DCGAN and LSGAN, seed 0 of the others.
    Fashion-MNIST: not measured yet.
"""

import keras
import numpy as np
from absl import flags

from kerasgan import callbacks, data, files, metrics, models, optimizers, pictures, runs, tables
from kerasgan.callbacks import symptoms
from kerasgan.networks import dcgan

WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the table (runs/compare_<dataset>)")
SMOKE = flags.DEFINE_bool("smoke", False, "Go the whole way in seconds, without learning much")
DATASET = flags.DEFINE_enum("dataset", "mnist", ["mnist", "fashion_mnist"], "Images of 28 px")
FAMILIES = flags.DEFINE_list("families", ["all"], "all, or some of the table's rows")
SEEDS = flags.DEFINE_list("seeds", ["0"], "Of initial weights, data order and random draws")
MINUTES = flags.DEFINE_float("minutes", 4.0, "Of training on the hardware named above", 0.01)
SAMPLES = flags.DEFINE_integer("samples", 10_000, "Compared with as many real images", 100)
SOURCE = flags.DEFINE_string("source", "auto", "Where the data come from; see kerasgan.data.load")

WIDTH = 32
EPOCH = 500  # updates between two checkpoints, about
MEASURED = ("frechet", "precision", "recall")
COLUMNS = {
    "family": "family",
    "seed": "seed",
    "updates": "updates",
    "frechet": "Frechet",
    "precision": "precision",
    "recall": "recall",
    "seconds": "seconds",
    "health": "health",
}


def dcgan_networks(second, normalization):
    """DCGAN's networks, the second under the name that the family has for it."""
    return {
        "generator": dcgan.build_generator(width=WIDTH),
        second: dcgan.build_discriminator(width=WIDTH, normalization=normalization, name=second),
    }


def short_began(seed):
    """A BEGAN with the settings of recipes/began_fashion_mnist.py: k moves within some thousand
    updates, and the residuals vanish in the first tenth of four minutes.
    """
    model = models.BEGAN(gamma=1.0, lambda_k=0.02, residual_steps=430, seed=seed)
    model.compile(
        discriminator_optimizer=optimizers.Adam(5e-4, beta_1=0.5),
        generator_optimizer=optimizers.Adam(5e-4, beta_1=0.5),
    )
    return model


# family -> (generator updates a minute on 2 cores, batch size, builder)
FAMILY = {
    "GAN": (4000, 64, models.GAN),
    "DCGAN": (1600, 64, lambda **k: models.DCGAN(**dcgan_networks("discriminator", "batch"), **k)),
    "LSGAN": (1600, 64, lambda **k: models.LSGAN(**dcgan_networks("discriminator", "batch"), **k)),
    "WGAN": (500, 64, lambda **k: models.WGAN(**dcgan_networks("critic", "batch"), **k)),
    "WGANGP": (370, 64, lambda **k: models.WGANGP(**dcgan_networks("critic", None), **k)),
    "BEGAN": (1080, 16, short_began),
    "SNGAN": (340, 64, models.SNGAN),
    "GAN_reusing_fakes": (4000, 64, lambda **k: models.GAN(reuse_fakes=True, **k)),
}


def main():
    """Fills the table with the rows asked for."""
    names = list(FAMILY) if FAMILIES.value == ["all"] else FAMILIES.value
    if set(names) - set(FAMILY):
        raise runs.RunError(f"--families takes some of {list(FAMILY)}. Received: {names}")
    seeds = [int(seed) for seed in SEEDS.value]
    folder = WORKDIR.value or f"runs/compare_{DATASET.value}{'-smoke' if SMOKE.value else ''}"
    workdir = files.writable_directory("workdir", folder)
    table = tables.Table(workdir / "rows.jsonl")
    samples = 200 if SMOKE.value else SAMPLES.value
    extractor = metrics.classifier(DATASET.value)
    try:
        real_images = images_of("test", samples)
    except FileNotFoundError as error:
        raise runs.RunError(str(error)) from error
    if not table.find(family="real"):
        table.add({"family": "real", **score(real_images, images_of("train", samples), extractor)})
    for seed in seeds:
        for family in names:
            wanted = 4 if SMOKE.value else FAMILY[family][0] * MINUTES.value
            epochs, steps = tables.whole_epochs(wanted, EPOCH)
            updates = epochs * steps
            if table.find(family=family, seed=seed, updates=updates):
                continue
            print(f"kerasgan: {family}, seed {seed}, {updates} updates", flush=True)
            place = workdir / f"{family}-{seed}-{updates}"
            fake_images, row = train(family, seed, epochs, steps, samples, place)
            row |= score(real_images, fake_images, extractor)
            table.add({"family": family, "seed": seed, "updates": updates, **row})
            with files.replacing(workdir / "table.md") as temporary:
                temporary.write_text(table.markdown(COLUMNS) + "\n")
    print(table.markdown(COLUMNS))
    print(f"kerasgan: table and samples: {workdir}")


def images_of(split, number):
    """The first images of a split."""
    dataset = data.load(DATASET.value, split, shuffle_seed=None, source=SOURCE.value)
    return np.stack([images for images, _ in dataset.take(number).as_numpy_iterator()])


def train(family, seed, epochs, steps, samples, folder):
    """Trains one row, or goes on with it: (samples, what to note in the row)."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    _, batch_size, build = FAMILY[family]
    dataset = data.load(
        DATASET.value, batch_size=batch_size, shuffle_seed=seed, source=SOURCE.value
    )
    model = build(seed=seed)
    clock = callbacks.Clock(folder)
    health = callbacks.Health(real=dataset, directory=folder / "health")
    checkpoint = callbacks.Checkpoint(folder / "checkpoints")
    model.fit(
        dataset,
        epochs=epochs,
        steps_per_epoch=steps,
        callbacks=[health, callbacks.NaNGuard(), clock, checkpoint],
        verbose=2,
    )
    with files.replacing(folder / "final.keras") as temporary:
        model.save(temporary)
    fake_images = model.generate(samples, seed=seed)
    pictures.save_png(pictures.image_grid(fake_images[:100], 10), folder / "samples.png")
    return fake_images, {"seconds": clock.seconds, "health": symptoms.summary(health.findings)}


def score(real_images, fake_images, extractor):
    """Frechet distance, precision and recall, with their protocol."""
    if not np.isfinite(fake_images).all():
        return {"frechet": None, "precision": 0.0, "recall": 0.0}
    result = metrics.score(
        real_images,
        fake_images,
        extractor,
        metrics=("frechet", "precision_recall"),
        split=f"{DATASET.value}[test]",
        progress=False,
    )
    values = {name: result["values"][f"{name}_{extractor.name}"] for name in MEASURED}
    return {**values, "protocol": result["protocol"]}


if __name__ == "__main__":
    runs.launch(main)
