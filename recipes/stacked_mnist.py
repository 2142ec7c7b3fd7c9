"""Stacked-MNIST: how many of 1,000 modes does a GAN reach? Three random digits are the red, green
and blue of a picture; Metz et al. 2017, https://arxiv.org/abs/1611.02163

Protocol of VEEGAN (Srivastava et al. 2017, https://arxiv.org/abs/1705.07761) and PacGAN (Lin et al.
2018, https://arxiv.org/abs/1712.04086): 128,000 training images; the classifier for MNIST that the
zoo ships names the digit in each channel of 26,000 samples; a mode counts if one sample is in it;
KL is KL(samples || data) between the shares of the modes, here with the shares of the training
images by the same classifier. 26,000 images made of MNIST's test digits stand beside as "data": no
sample of that size can have a KL of 0.

All models have 28-px networks of DCGAN's kind with half the default's channels, batches of 64, and
as many updates as 2 cores of an x86-64 server CPU with AVX-512 manage in the minutes asked for, so
that a row does not depend on what else the machine does.

Command: python recipes/stacked_mnist.py
    (the same command again goes on where it stopped, inside a row too; --smoke takes seconds;
    --help shows all flags)
Makes: <workdir>/rows.jsonl and table.md; in a folder for each row samples.png, the checkpoints
    and what Health found.
Time: 20 minutes a row by the updates' measured step times; on one busy core, as the
    rows in recipes/tables/ were made, 41 and 64 minutes.
Score: seed 0: DCGAN 1000 modes, KL 0.154; relativistic with R1 and R2 1000 modes, KL
    0.102; images of the test digits 1000 modes, KL 0.023. Its settings were a guess, tried once.
    WGAN-GP, --minutes=10: 2,600 updates (13,000 of the critic), 969 modes, KL 0.653.
"""

import keras
import numpy as np
from absl import flags

from kerasgan import callbacks, data, files, metrics, models, optimizers, pictures, runs, tables
from kerasgan.callbacks import symptoms
from kerasgan.metrics import mode_coverage
from kerasgan.networks import dcgan

IMAGE_SHAPE = (28, 28, 3)
LATENT_DIM = 100
WIDTH = 32  # channels next to the image
BATCH = 64
EPOCH = 500  # updates between two lines of the log, about
GAMMA = 1.0  # weight of R1 and R2
IMAGES = {"train": 128_000, "test": 26_000}
CHUNK = 500  # samples classified at a time

WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the table (runs/stacked_mnist)")
SMOKE = flags.DEFINE_bool("smoke", False, "Go the whole way in seconds, without learning much")
ONLY = flags.DEFINE_list("only", [], "Names of the rows to fill; none: all")
MINUTES = flags.DEFINE_float("minutes", 20.0, "Of training a row on the hardware named above", 0.01)
SEED = flags.DEFINE_integer("seed", 0, "Of initial weights, data order and random draws", 0)
SOURCE = flags.DEFINE_string("source", "auto", "Where MNIST comes from; see kerasgan.data.load")


def build_dcgan(**common):
    """DCGAN as it is."""
    return models.DCGAN(discriminator=dcgan.build_discriminator(IMAGE_SHAPE, WIDTH), **common)


def build_wgan_gp(**common):
    """WGAN-GP as it is: 5 updates of the critic for one of the generator."""
    critic = dcgan.build_discriminator(IMAGE_SHAPE, WIDTH, normalization=None, name="critic")
    return models.WGANGP(critic=critic, **common)


def build_relativistic(**common):
    """Pairs of real and fake compared, zero-centred penalties on both, no BatchNorm in D."""
    discriminator = dcgan.build_discriminator(IMAGE_SHAPE, WIDTH, normalization=None)
    model = models.GAN(
        loss="relativistic",
        r1_weight=GAMMA,
        r2_weight=GAMMA,
        discriminator=discriminator,
        **common,
    )
    adam = {f"{p}_optimizer": optimizers.Adam(2e-4, 0.0, 0.99) for p in model.players()}
    model.compile(**adam)
    return model


# name -> (updates of the generator a minute on 2 cores, builder)
MODELS = {
    "dcgan": (1300, build_dcgan),
    "wgan_gp": (260, build_wgan_gp),
    "relativistic_r1_r2": (750, build_relativistic),
}
COLUMNS = {
    "model": "model",
    "seed": "seed",
    "updates": "updates",
    "modes": "modes",
    "kl": "KL",
    "seconds": "seconds",
    "health": "health",
}


def main():
    """Fills the table, row by row."""
    unknown = [name for name in ONLY.value if name not in MODELS]
    if unknown:
        raise runs.RunError(f"--only takes some of: {', '.join(MODELS)}. Received: {unknown}")
    folder = WORKDIR.value or f"runs/stacked_mnist{'-smoke' if SMOKE.value else ''}"
    workdir = files.writable_directory("workdir", folder)
    table = tables.Table(workdir / "rows.jsonl")
    real_labels = labels_of_data("train", workdir)
    if not table.find(model="data"):
        table.add({"model": "data", **score(labels_of_data("test", workdir), real_labels)})
    for name in ONLY.value or MODELS:
        wanted = 4 if SMOKE.value else MODELS[name][0] * MINUTES.value
        epochs, steps = tables.whole_epochs(wanted, EPOCH)
        updates = epochs * steps
        if not table.find(model=name, seed=SEED.value, updates=updates):
            print(f"kerasgan: {name}, seed {SEED.value}, {updates} updates", flush=True)
            place = workdir / f"{name}-{SEED.value}-{updates}"
            labels, row = train(name, epochs, steps, place)
            row |= score(labels, real_labels)
            table.add({"model": name, "seed": SEED.value, "updates": updates, **row})
        with files.replacing(workdir / "table.md") as temporary:
            temporary.write_text(table.markdown(COLUMNS) + "\n")
    print(f"\n{table.markdown(COLUMNS)}\n\nkerasgan: table and samples: {workdir}")


def train(name, epochs, steps, folder):
    """Trains one row, or goes on with it: (labels of 26,000 samples, what to note in the row)."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(SEED.value)
    dataset = data.stacked_mnist("train", BATCH, SEED.value, SOURCE.value)
    model = MODELS[name][1](
        image_shape=IMAGE_SHAPE,
        latent_dim=LATENT_DIM,
        generator=dcgan.build_generator(LATENT_DIM, IMAGE_SHAPE, WIDTH),
        seed=SEED.value,
    )
    clock = callbacks.Clock(folder)
    health = callbacks.Health(real=dataset, directory=folder / "health")
    model.fit(
        dataset,
        epochs=epochs,
        steps_per_epoch=steps,
        callbacks=[
            health,
            callbacks.NaNGuard(),
            clock,
            callbacks.Checkpoint(folder / "checkpoints", every_steps=100),
        ],
        verbose=2,
    )
    samples = model.generate(number("test"), seed=SEED.value)
    pictures.save_png(pictures.image_grid(samples[:100], 10), folder / "samples.png")
    note = {"seconds": clock.seconds, "health": symptoms.summary(health.findings)}
    return classify(samples), note


# Measuring --------------------------------------------------------------------------------


def number(split):
    """How many images of a split are read; as many samples as of the test split."""
    return CHUNK if SMOKE.value else IMAGES[split]


def labels_of_data(split, workdir):
    """What the classifier reads in a split's images; kept in the workdir."""
    file = workdir / f"labels_{split}.npy"
    if not file.exists():
        total = number(split)
        dataset = data.stacked_mnist(split, CHUNK, None, SOURCE.value, total)
        labels = np.concatenate([classify(images) for images, _ in dataset.as_numpy_iterator()])
        with files.replacing(file) as temporary:
            np.save(temporary, labels)
    return np.load(file)


def classify(images):
    """Modes, 0 to 999, by the digits that the classifier reads in the three channels."""
    classifier = metrics.classifier("mnist")
    digits = [
        np.argmax(classifier.probabilities(images[start : start + CHUNK, ..., channel, None]), -1)
        for start in range(0, len(images), CHUNK)
        for channel in range(3)
    ]
    hundreds, tens, ones = (np.concatenate(digits[channel::3]) for channel in range(3))
    return 100 * hundreds + 10 * tens + ones


def score(labels, real_labels):
    """Modes and KL."""
    coverage = mode_coverage.label_mode_coverage(labels, 1000, real_labels)
    return {"modes": coverage["modes"], "kl": coverage["kl"]}


if __name__ == "__main__":
    runs.launch(main)
