"""Translations whose truth is known: do pix2pix, CycleGAN, StarGAN, DiscoGAN and DualGAN find it?

MNIST at 32 px in two domains. A: white ink on black. B: one fixed transformation T of digits,
which no map of single pixels can be: thickened (3 x 3 maximum), sheared, in dark blue on yellow.
CycleGAN, DiscoGAN and DualGAN train on the first half of MNIST's training digits as A and on the
second half, transformed, as B: no digit is in both. pix2pix trains on pairs (x, T(x)). StarGAN has
four domains, which are pairs of colours, and a quarter of the training digits in each; in two of
them the ink is light, in two dark; of the row "StarGAN-light" it is light in all. Networks are the
families' own with fewer filters, and for these small pictures pix2pix' patches are 34 px wide,
CycleGAN has no identity loss (no colour is to be kept), StarGAN three times the paper's rate, and
DiscoGAN a curriculum of a quarter of the training.

Protocol, on the 10,000 test pictures x:
    kept: share of the translations G(x) that a classifier takes for the class of x. It is the zoo's
        classifier of MNIST after three more epochs on labelled T(x) of all training digits; it has
        seen no translation, and reads the share of ink in each pixel, by the colours of B.
        "classifier" is its accuracy on T(x) of the test digits. The way back, and StarGAN's
        translations (by the colours of the target), are read by the zoo's classifier as it is.
    nearest: share whose true partner T(x) is the nearest (L2 of the pixels) of 100 candidates, the
        true partners of x and of 99 other test digits.
    error: mean |G(x) - T(x)|, of values in [-1, 1].
    hit (StarGAN): share of the translations that the colours of the target domain reproduce better
        than those of the other three do; the target is never the domain of x.
    kept_turned (StarGAN): kept, of those from light ink to dark or back.
    permuted (two domains): kept, if the classes may be renamed in the best way. A model without
        pairs can't know which class of B a class of A should become: any one-to-one map can be
        undone. "permutation" and the confusion matrix say what it learnt.
Updates (of the generators; of DiscoGAN steps of two each) are fixed per minute, by CPU seconds a
step: a row does not depend on the machine's load.

Commands: python recipes/known_translation.py
    (the same command again goes on where it stopped, within a row too; --smoke takes 2 minutes)
    python recipes/known_translation.py --models=CycleGAN,StarGAN --minutes=5 --seed=1
Makes: <workdir>/rows.jsonl and table.md; in a folder for each row the checkpoints, confusion.png
    and sheet.png, whose columns are: A, A to B, and back, B (the truth), B to A, and back; pix2pix:
    input, translation, truth; StarGAN: input, as each domain.
Time: as --minutes says; on one core DualGAN, of 20 minutes, took 38.
Score: seed 0, classifier 99.4 %; kept and nearest: Pix2Pix, --minutes=5: 99.2 %, 100 %; CycleGAN,
    --minutes=10: 99.4, 99.3 % (back 98.1, 99.1). --minutes=20: DualGAN 99.3, 50.7 % (it shears
    little; back 97.7, 51.4; in 10 minutes 99.2, 51.5); DiscoGAN 19.9, 3.3 %: it renames classes
    (permuted 50.7; back 21.3, 3.2); StarGAN-light hit 100 %, 98.9, 96.6 %; StarGAN hit 100 %, 97.0
    (turned 95.9; seed 1: 86.8, 80.5), 79.2 % (seed 1: 39.9; reconstruction x 5: kept 68).
"""

import functools
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from absl import flags

from kerasgan import callbacks, files, models, optimizers, pictures, plots, presets, runs
from kerasgan.data import painted_digits
from kerasgan.data.painted_digits import LIGHT_INKS, PALETTES, A, B, paint, paired, read, unpaired
from kerasgan.metrics import correspondence
from kerasgan.models import cyclegan, discogan, stargan, translations
from kerasgan.networks import patch, unet
from kerasgan.schedules import ConstantThenLinear
from kerasgan.tables import Table, whole_epochs

SHAPE = painted_digits.IMAGE_SHAPE
CANDIDATES = 100
CHUNK = 100  # pictures translated at a time
EPOCH = 250  # updates between two lines of the log, about
CLASSIFIER_EPOCHS = 3

WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the table (runs/known_translation)")
SMOKE = flags.DEFINE_bool("smoke", False, "Go the whole way in seconds, without learning much")
MODELS = flags.DEFINE_list("models", [], "Names of the rows to fill; none: all")
MINUTES = flags.DEFINE_float("minutes", 20.0, "Of training a row, at its steps a minute", 0.01)
SEED = flags.DEFINE_integer("seed", 0, "Of initial weights, data order and random draws", 0)
SOURCE = flags.DEFINE_string("source", "auto", "Where MNIST comes from; see kerasgan.data.load")


class Row(NamedTuple):
    """How a model is trained and measured."""

    per_minute: int  # steps on 2 cores
    batch: int
    build: callable  # updates -> model
    batches: callable  # (digits, batch size, seed) -> dataset to train on
    shown: callable  # the same -> dataset of which a contact sheet is made
    measure: callable  # (model, digits, classifier of B, folder) -> dict


# The models: defaults but for what stands here --------------------------------------------


def falling(rate, updates):
    """Adam whose rate is constant for half the updates, then falls to zero."""
    schedule = ConstantThenLinear(rate, updates // 2, updates - updates // 2)
    return optimizers.Adam(schedule, beta_1=0.5)


def both(build, *names, **arguments):
    """Networks of one kind under two names."""
    return {name: build(image_shape=SHAPE, name=name, **arguments) for name in names}


def both_ways(build, **arguments):
    """The generators of a model of two domains."""
    return both(build, "generator_a_to_b", "generator_b_to_a", **arguments)


def build_pix2pix(updates):
    """pix2pix; a patch discriminator of 34 px."""
    judge = patch.build_patch_discriminator(SHAPE, SHAPE, width=32, halvings=2)
    return models.Pix2Pix(
        SHAPE, generator=unet.build_unet(SHAPE, width=32), discriminator=judge, seed=SEED.value
    )


def build_cyclegan(updates):
    """CycleGAN without identity loss, as no colour is to be kept; the paper's rates."""
    model = models.CycleGAN(
        identity_weight=0.0,
        image_shape=SHAPE,
        **both_ways(cyclegan.build_generator, width=16),
        **both(patch.build_patch_discriminator, "discriminator_a", "discriminator_b", width=32),
        seed=SEED.value,
    )
    model.compile(**{f"{p}_optimizer": falling(2e-4, updates) for p in model.players()})
    return model


def build_stargan(updates):
    """StarGAN; three times the paper's rate, for a few thousand updates (tried on seed 100)."""
    domains = 4  # palettes
    model = models.StarGAN(
        domains,
        image_shape=SHAPE,
        generator=stargan.build_generator(domains, SHAPE, width=16),
        critic=stargan.build_critic(domains, SHAPE, width=32),
        seed=SEED.value,
    )
    of_critic = falling(3e-4, model.critic_steps * updates)
    model.compile(critic_optimizer=of_critic, generator_optimizer=falling(3e-4, updates))
    return model


def build_discogan(updates):
    """DiscoGAN at half its width; the curriculum ends after a quarter of the updates."""
    judge = discogan.build_discriminator
    return models.DiscoGAN(
        curriculum_updates=discogan.GENERATOR_UPDATES * updates // 4,
        image_shape=SHAPE,
        **both_ways(discogan.build_generator, width=32),
        **both(judge, "discriminator_a", "discriminator_b", width=32),
        seed=SEED.value,
    )


def build_dualgan(updates):
    """DualGAN at half its width."""
    return models.DualGAN(
        image_shape=SHAPE,
        **both_ways(unet.build_unet, width=32),
        **both(patch.build_patch_discriminator, "critic_a", "critic_b", width=32),
        seed=SEED.value,
    )


# Measuring --------------------------------------------------------------------------------


def translated(generator, images, *conditions):
    """Pictures through a generator; each has noise of its own, if the generator takes any."""

    @tf.function
    def run(number, *parts):
        if conditions:
            return generator(list(parts), training=False)
        return translations.run(generator, *parts, (SEED.value, number))

    return np.concatenate(
        [
            run(tf.constant(i), *(tf.constant(a[i : i + CHUNK]) for a in (images, *conditions)))
            for i in range(0, len(images), CHUNK)
        ]
    )


def faithful(made, truth, classes, labels):
    """The numbers that all models share."""
    return {
        "kept": float(np.mean(classes == labels)),
        "nearest": correspondence.nearest_partner(made, truth, CANDIDATES),
        "error": float(np.mean(np.abs(made - truth))),
    }


def for_classifier(inks):
    """Shares of ink (n, 32, 32) as the 28-px greys that classifiers take."""
    return 2.0 * inks[:, 2:-2, 2:-2, None] - 1.0


def digits_in(inks, classifier):
    """Classes of shares of ink (n, 32, 32)."""
    logits = classifier.predict(for_classifier(inks), batch_size=CHUNK, verbose=0)
    return logits.argmax(axis=1)


def measure_pairs(model, digits, classifier, folder):
    """pix2pix: one way."""
    images_a, truth = paint(digits.inks, A), paint(digits.deformed, B)
    made = translated(model.ema_generator, images_a)
    return faithful(made, truth, digits_in(read(made, B[0])[0], classifier), digits.labels)


def measure_both_ways(model, digits, classifier, folder):
    """Both ways, and which class becomes which."""
    images_a, images_b = paint(digits.inks, A), paint(digits.deformed, B)
    as_b = translated(model.ema_generator_a_to_b, images_a)
    as_a = translated(model.ema_generator_b_to_a, images_b)
    classes = digits_in(read(as_b, B[0])[0], classifier)
    classes_back = digits_in(read(as_a, A[0])[0], presets.load("mnist_classifier"))
    back = faithful(as_a, images_a, classes_back, digits.labels)
    return {
        **faithful(as_b, images_b, classes, digits.labels),
        **{f"{name}_back": value for name, value in back.items()},
        **confusion(digits.labels, classes, folder),
    }


def confusion(labels, classes, folder):
    """The confusion matrix (also as a picture), and the class kept up to a permutation."""
    matrix = correspondence.confusion_matrix(labels, classes)
    permutation, share = correspondence.best_permutation(matrix)
    figure, axes = plots.subplots(figsize=(5, 5))
    plots.draw_confusion(axes, matrix)
    axes.set(xlabel="class of G(x)", ylabel="class of x")
    plots.save(figure, folder / "confusion.png")
    return {"permuted": share, "permutation": permutation, "confusion": matrix.tolist()}


def recolouring(palettes):
    """The row of a StarGAN between palettes."""
    batches = functools.partial(painted_digits.coloured, palettes=palettes)
    measure = functools.partial(measure_colours, palettes)
    return Row(380, 8, build_stargan, batches, batches, measure)


def measure_colours(palettes, model, digits, classifier, folder):
    """StarGAN: into each domain from the other three."""
    number, domains = np.arange(len(digits.inks)), len(palettes)
    targets = number // CANDIDATES % domains  # one for all candidates
    sources = (targets + 1 + number % (domains - 1)) % domains
    truth = paint(digits.inks, palettes[targets])
    images = paint(digits.inks, palettes[sources])
    made = translated(model.ema_generator, images, np.eye(domains, dtype="float32")[targets])
    inks, remains = (np.stack(parts) for parts in zip(*(read(made, p) for p in palettes)))
    classes = digits_in(inks[targets, number], presets.load("mnist_classifier"))
    found = {"hit": float(np.mean(remains.argmin(axis=0) == targets))}
    has_light_ink = np.subtract(*palettes.mean(axis=2).T) > 0
    turned = has_light_ink[sources] != has_light_ink[targets]
    if turned.any():
        found["kept_turned"] = float(np.mean((classes == digits.labels)[turned]))
    return {**faithful(made, truth, classes, digits.labels), **found}


def classifier_of_b(train, workdir):
    """The zoo's classifier, taught digits as they are in B; kept in the workdir."""
    file = workdir / "classifier_of_b.keras"
    if file.exists():
        return keras.saving.load_model(file)
    keras.utils.set_random_seed(0)
    classifier = presets.load("mnist_classifier")
    inks, labels = tf.constant(train.deformed), tf.constant(train.labels)
    batches = painted_digits.ordered(
        lambda i: (for_classifier(tf.gather(inks, i)), tf.gather(labels, i)), len(inks), 100, seed=0
    )
    rate = keras.optimizers.schedules.CosineDecay(1e-3, CLASSIFIER_EPOCHS * len(batches))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    classifier.compile(optimizers.Adam(rate), loss)
    classifier.fit(batches, epochs=CLASSIFIER_EPOCHS, verbose=2)
    with files.replacing(file) as temporary:
        classifier.save(temporary)
    return classifier


# The table --------------------------------------------------------------------------------

ROWS = {
    "Pix2Pix": Row(900, 16, build_pix2pix, paired, paired, measure_pairs),
    "CycleGAN": Row(420, 8, build_cyclegan, unpaired, paired, measure_both_ways),
    "StarGAN": recolouring(PALETTES),
    "StarGAN-light": recolouring(LIGHT_INKS),
    "DiscoGAN": Row(360, 16, build_discogan, unpaired, paired, measure_both_ways),
    "DualGAN": Row(240, 16, build_dualgan, unpaired, paired, measure_both_ways),
}
MEASURED = "kept nearest error hit kept_turned kept_back nearest_back permuted"
COLUMNS = ["model", "seed", "updates", "batch", *MEASURED.split(), "classifier", "seconds"]


def main():
    """Fills the table, row by row."""
    unknown = [name for name in MODELS.value if name not in ROWS]
    if unknown:
        raise runs.RunError(f"--models takes some of: {', '.join(ROWS)}. Received: {unknown}")
    folder = WORKDIR.value or f"runs/known_translation{'-smoke' if SMOKE.value else ''}"
    workdir = files.writable_directory("workdir", folder)
    table = Table(workdir / "rows.jsonl")
    train, test = digits_of("train"), digits_of("test")
    classifier = classifier_of_b(train, workdir)
    accuracy = float(np.mean(digits_in(test.deformed, classifier) == test.labels))
    print(f"kerasgan: the classifier of B names {accuracy:.2%} of the test digits", flush=True)
    for name, row in ((name, ROWS[name]) for name in MODELS.value or ROWS):
        wanted = 4 if SMOKE.value else row.per_minute * MINUTES.value
        epochs, steps = whole_epochs(wanted, EPOCH)
        known = {"model": name, "seed": SEED.value, "updates": epochs * steps, "batch": row.batch}
        if not table.find(**known):
            print("kerasgan: {model}, seed {seed}, {updates} updates".format(**known), flush=True)
            place = workdir / "{model}-{seed}-{updates}".format(**known)
            model, seconds = fitted(row, train, test, epochs, steps, place)
            measured = row.measure(model, test, classifier, place)
            table.add({**known, **measured, "classifier": accuracy, "seconds": seconds})
        with files.replacing(workdir / "table.md") as temporary:
            temporary.write_text(table.markdown(COLUMNS) + "\n")
    print(f"\n{table.markdown(COLUMNS)}\n\nkerasgan: table and contact sheets: {workdir}")


def digits_of(split):
    """The digits of a split; of a smoke run, few."""
    number = {"train": 1000, "test": 200}[split] if SMOKE.value else None
    return painted_digits.load(split, SOURCE.value, number)


def fitted(row, train, test, epochs, steps, folder):
    """Trains a row's model, or goes on with it: (model, seconds)."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(SEED.value)
    model = row.build(epochs * steps)
    guard, clock = callbacks.NaNGuard(), callbacks.Clock(folder)
    sheet = callbacks.ContactSheet(folder / "sheets", row.shown(test, 8, None), rows=8)
    model.fit(
        row.batches(train, row.batch, SEED.value),
        epochs=epochs,
        steps_per_epoch=steps,
        callbacks=[guard, sheet, clock, callbacks.Checkpoint(folder / "checkpoints", 100)],
        verbose=2,
    )
    if guard.message:
        raise runs.RunError(guard.message)
    pictures.save_png(sheet.picture(model), folder / "sheet.png")
    return model, clock.seconds


if __name__ == "__main__":
    runs.launch(main)
