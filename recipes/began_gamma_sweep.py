"""BEGAN's gamma: quality against diversity. Boundary Equilibrium Generative Adversarial Networks,
Berthelot, Schumm, Metz 2017, section 3.3 and figure 3, https://arxiv.org/abs/1703.10717

A BEGAN is trained for each gamma; its samples, its k at every update and its M_global are kept.

Command: python recipes/began_gamma_sweep.py
    (the same command again resumes; --smoke takes seconds; --help shows all flags)
Protocol: --samples images of each model against as many training images: precision (quality) and
    recall (diversity), k = 3, on the shipped classifier's features; mean distance between two
    samples, in those features and in pixels; entropy (nats; at most log 10 = 2.303) of the classes
    that the classifier sees. The row "data" has the same numbers of other training images.
    M_global: its mean over the first and over the last tenth of the updates. k_inside: the share
    of the last half of the updates after which 0 < k < 1.
Makes, in the workdir: table.jsonl and table.md; <dataset>_gamma_<gamma>.png, samples;
    curves.png, k and M_global; a folder for each training, with log.csv, k.npy and final.keras.
Time: 6 minutes for each gamma (5,000 updates) on one core of an x86-64 server CPU with AVX-512.
Score: Fashion-MNIST, seed 0, one run each; gamma: precision, recall, distance of two samples in
    features (pixels), M_global from -> to, k_inside: 0.5: 0.99, 0.000, 0.6 (0.3), 0.26 -> 0.11,
    100 %; 0.7: 0.84, 0.007, 6.4 (16.8), 0.27 -> 0.11, 100 %; 1.0: 0.83, 0.054, 7.1 (17.5),
    0.30 -> 0.12, 100 %; data: 0.86, 0.857, 11.3 (22.6). Diversity falls with gamma, as the paper
    says; at 0.5 the generator has collapsed to one dark blot, whose precision means nothing. 5,000
    updates are few: the paper's figures have hundreds of thousands.
"""

import csv
import math

import keras
import numpy as np
from absl import flags

from kerasgan import callbacks, data, files, metrics, optimizers, pictures, plots, runs, tables
from kerasgan.metrics.precision_recall import precision_recall
from kerasgan.models import began, latents

BATCH_SIZE, RATE, LAMBDA_K = 16, 5e-4, 0.02  # as in recipes/began_fashion_mnist.py
TENTHS = 10  # of a training; each has two rows in log.csv, and a checkpoint after each row
COLUMNS = ["gamma", "precision", "recall", "feature_distance", "pixel_distance", "class_entropy",
           "m_global_first", "m_global_last", "k_inside"]  # fmt: skip

WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the sweep (runs/began_gamma_sweep)")
SMOKE = flags.DEFINE_bool("smoke", False, "Go the whole way in seconds: 20 updates, 50 samples")
SEED = flags.DEFINE_integer("seed", 0, "Of initial weights, data order and random draws", 0)
DATASET = flags.DEFINE_enum("dataset", "fashion_mnist", ["fashion_mnist", "mnist"], "The images")
SOURCE = flags.DEFINE_string("source", "auto", "Where the data come from; see kerasgan.data.load")
GAMMAS = flags.DEFINE_list("gammas", ["0.5", "0.7", "1.0"], "Each in (0, 1], by commas")
UPDATES = flags.DEFINE_integer("updates", 5_000, "Of each model; a multiple of 20", 20)
WIDTH = flags.DEFINE_integer("width", 16, "Filters n of the networks", 1)
SAMPLES = flags.DEFINE_integer("samples", 5_000, "Samples for the measures", 50)


def main():
    """Trains and measures what isn't in the table yet; draws what is."""
    name = WORKDIR.value or f"runs/began_gamma_sweep{'-smoke' if SMOKE.value else ''}"
    try:
        workdir = files.writable_directory("workdir", name)
        table = tables.Table(workdir / "table.jsonl")
    except ValueError as error:
        raise runs.RunError(str(error)) from error
    gammas = checked_gammas()
    updates, samples = (20, 50) if SMOKE.value else (UPDATES.value, SAMPLES.value)
    setting = {"dataset": DATASET.value, "source": SOURCE.value, "samples": samples}
    extractor = metrics.classifier(DATASET.value)
    reference, others = real_images(samples)
    reference_features = latents.in_chunks(extractor, reference)
    if not table.find(gamma="data", **setting):
        row = measure(others, reference_features, extractor)
        table.add({"gamma": "data", **setting, **row})

    setting |= {"updates": updates, "width": WIDTH.value, "seed": SEED.value}
    folders = {}
    for gamma in gammas:
        run = f"{DATASET.value}_gamma{gamma}_width{WIDTH.value}_{updates}_seed{SEED.value}"
        folders[gamma] = files.writable_directory("workdir", workdir / run)
        if table.find(gamma=gamma, **setting):
            continue
        print(f"kerasgan: gamma = {gamma}")
        model = train(gamma, updates, folders[gamma])
        images = model.generate(samples, seed=SEED.value)
        row = measure(images, reference_features, extractor) | balance(folders[gamma])
        grid = pictures.image_grid(images[:50], columns=10)
        pictures.save_png(grid, workdir / f"{DATASET.value}_gamma_{gamma}.png")
        table.add({"gamma": gamma, **setting, **row})
    draw_curves(folders, workdir / "curves.png")
    (workdir / "table.md").write_text(table.markdown(COLUMNS) + "\n")
    print(table.markdown(COLUMNS))
    print(f"kerasgan: table, samples and curves are in {workdir}")


def checked_gammas():
    """The flag's numbers."""
    try:
        gammas = [float(gamma) for gamma in GAMMAS.value]
    except ValueError:
        gammas = []
    if not gammas or not all(0.0 < gamma <= 1.0 for gamma in gammas):
        raise runs.RunError(
            f"Expected --gammas to be numbers in (0, 1], by commas. Received: {GAMMAS.value}"
        )
    if UPDATES.value % (2 * TENTHS):
        raise runs.RunError(f"Expected --updates to be a multiple of 20. Received: {UPDATES.value}")
    return gammas


def load(batch_size, shuffle_seed):
    """The training images."""
    try:
        return data.load(
            DATASET.value, batch_size=batch_size, shuffle_seed=shuffle_seed, source=SOURCE.value
        )
    except (ValueError, FileNotFoundError) as error:
        raise runs.RunError(str(error)) from error


def real_images(samples):
    """Two sets of training images that share none: the reference, and those of the row "data"."""
    dataset = load(samples, shuffle_seed=0)
    if int(dataset.cardinality()) < 2:
        raise runs.RunError(
            f"The data must hold two sets of --samples images; ask for fewer. Received: {samples}"
        )
    return [images for images, _ in dataset.take(2).as_numpy_iterator()]


# Training ---------------------------------------------------------------------------------


class KTrace(keras.callbacks.Callback):
    """Keeps k after each update in a file; placed before `Checkpoint`, it resumes with it."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.values = []

    def on_train_begin(self, logs=None):
        """Goes on behind the checkpoint's last update."""
        kept = np.load(self.path) if self.path.exists() else np.zeros(0)
        self.values = list(kept[: int(self.model.step_counter.numpy())])

    def on_train_batch_end(self, batch, logs=None):
        """Notes k."""
        self.values.append(float(self.model.k.numpy()))

    def on_epoch_end(self, epoch, logs=None):
        """Writes the file."""
        with files.replacing(self.path) as temporary:
            np.save(temporary, self.values)


def train(gamma, updates, folder):
    """A BEGAN trained in `folder`, or what is left of that."""
    keras.utils.set_random_seed(SEED.value)
    model = began.BEGAN(
        gamma=gamma,
        lambda_k=LAMBDA_K,
        residual_steps=updates // TENTHS,
        generator=began.build_generator(width=WIDTH.value),
        discriminator=began.build_discriminator(width=WIDTH.value),
        seed=SEED.value,
    )
    model.compile(
        discriminator_optimizer=optimizers.Adam(RATE, beta_1=0.5),
        generator_optimizer=optimizers.Adam(RATE, beta_1=0.5),
    )
    guard = callbacks.NaNGuard()
    log, trace = callbacks.CSVLog(folder / "log.csv"), KTrace(folder / "k.npy")
    model.fit(
        load(BATCH_SIZE, shuffle_seed=SEED.value).repeat(),
        steps_per_epoch=updates // (2 * TENTHS),
        epochs=2 * TENTHS,
        callbacks=[guard, log, trace, callbacks.Checkpoint(folder / "checkpoints")],
        verbose=2,
    )
    if guard.message:
        raise runs.RunError(guard.message)
    with files.replacing(folder / "final.keras") as temporary:
        model.save(temporary)
    return model


# Measuring --------------------------------------------------------------------------------


def measure(images, reference_features, extractor):
    """Quality and diversity of images."""
    both = latents.in_chunks(
        lambda batch: np.concatenate(extractor.features_and_probabilities(batch), axis=1), images
    )
    features, probabilities = np.split(both, [extractor.width], axis=1)
    shares = np.bincount(probabilities.argmax(axis=1), minlength=10) / len(images)
    return {
        **precision_recall(reference_features, features, k=3),
        "feature_distance": mean_distance(features),
        "pixel_distance": mean_distance(images.reshape(len(images), -1)),
        "class_entropy": sum(-share * math.log(share) for share in shares.tolist() if share),
    }


def mean_distance(rows):
    """Mean Euclidean distance between two different rows, of the first 2,000."""
    rows = rows[:2_000].astype("float64")
    norms = np.square(rows).sum(axis=1)
    squared = norms[:, None] + norms - 2.0 * rows @ rows.T
    return float(np.sqrt(np.maximum(squared, 0.0)).sum() / (len(rows) * (len(rows) - 1)))


def balance(folder):
    """How M_global fell, and where k was in the last half."""
    m_global = read_m_global(folder)
    k = np.load(folder / "k.npy")
    last_half = k[len(k) // 2 :]
    return {
        "m_global_first": float(np.mean(m_global[:2])),
        "m_global_last": float(np.mean(m_global[-2:])),
        "k_inside": float(np.mean((last_half > 0.0) & (last_half < 1.0))),
        "k_last": float(k[-1]),
    }


def read_m_global(folder):
    """M_global, the mean of each twentieth of the training."""
    with (folder / "log.csv").open(newline="") as file:
        return [float(row["m_global"]) for row in csv.DictReader(file)]


def draw_curves(folders, path):
    """Draws k after each update, and M_global, of each gamma."""
    figure, (left, right) = plots.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for gamma, folder in folders.items():
        k, m_global = np.load(folder / "k.npy"), read_m_global(folder)
        middles = (np.arange(len(m_global)) + 0.5) * len(k) / len(m_global)
        left.plot(np.arange(1, len(k) + 1), k, label=f"$\\gamma$ = {gamma}")
        right.plot(middles, m_global, label=f"$\\gamma$ = {gamma}")
    left.set(xlabel="update", title="$k$")
    right.set(xlabel="update", title="$M_{global}$")
    right.legend()
    plots.save(figure, path)


if __name__ == "__main__":
    runs.launch(main)
