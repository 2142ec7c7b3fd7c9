"""Explores what a generator has learnt, in its latents: pictures of every tool of kerasgan.latent,
and figures beside them.

Command: python recipes/explore_latent_space.py --model=runs/dcgan_mnist/final.keras
    python recipes/explore_latent_space.py --preset=cgan_mnist
    (again, it goes on with the parts that are missing; --parts=walks,directions makes some only;
    --smoke takes seconds, of an untrained GAN if none is named; --help: all flags)
--preset: the name of a folder in saved_models/, or any folder with one .keras file. --model: a
    .keras file, or an exported SavedModel (then the parts that need no gradients and no layers).
Parts, and the papers (the modules of kerasgan/latent/ say more):
    walks        lerp above slerp (White 2016): walks.png, walk.gif, grid.png; how sure a classifier
                 is on the way, against random samples
    arithmetic   "wide a - thin a + thin b" by means of three latents (Radford et al. 2016, section
                 6.3.2), and by single ones: arithmetic.png, a row each: three wide a, thin a, thin
                 b, results
    truncation   resampled (Brock et al. 2019), then towards the mean (Karras et al. 2019):
                 precision and recall of each; truncation.png, a row for each, the first untruncated
    directions   top ten by SeFa (Shen & Zhou 2021) and by PCA of activations (Harkonen et al.
                 2020), ten random ones, and supervised ones (Shen et al. 2020): strips of one
                 sample; which attributes follow them: Spearman's correlation of 9 steps and means
                 of 100 samples, and the effect, (last - first) / deviation among samples
    projection   test images to latents (Zhu et al. 2016) from random starts and from an encoder's
                 guess, against the nearest of 10,000 random samples: projection.png, rows: images,
                 nearest samples, encoder's guesses, projections
    inpainting   the middle third of the rows hidden (Yeh et al. 2017), against the training image
                 whose known pixels are nearest: inpainting.png, rows: images, masked, nearest,
                 inpainted
    neighbours   training images nearest to samples: neighbours.png, columns: sample, 4 by pixels, 4
                 by features; distances against those of held-out images
    membership   what the discriminator's score and distances tell of membership (Hayes et al. 2019;
                 Chen et al. 2020): membership.png
Makes: <workdir>/*.png, walk.gif, parts.jsonl (a part's last row counts), figures.json (all parts).
Protocol: features and classes by the shipped classifier of --dataset; training images are the first
    of its training split, held-out ones the first of its test split. Models of other images than
    28 x 28 greys get walks, truncation and directions as pictures, without figures.
Time: 16 minutes for all parts of the model below on two x86-64 CPU cores that other work shared;
    projection takes half of it.
Score: one DCGAN of recipes/compare_objectives.py (6,396 updates, seed 0), MNIST, seed 0.
    walks        confidence .881 on slerp paths, .886 on lerp paths, .885 of random samples
    arithmetic   45 % of results are b's (single latents: 26 %), strokes from 1.8 to 2.5 px wide
    truncation   precision .59, recall .78; threshold 1: .64, .63; psi .6: .65, .70
    directions   |Spearman| >= .9 for an attribute or class: all ten of SeFa, of PCA, and of the
                 random ones; with an effect of one deviation or more: 10, 10, and 1
    projection   100 test digits, mean squared error .0110 (8 starts), .0086 (encoder's start),
                 .159 (nearest samples); class kept 100, 100, 70 %; all below the nearest sample
    inpainting   error in the hole .318 (nearest training image: .363); class kept 86 % (84 %)
    neighbours   11.7 away in pixels (held-out digits: 9.9): nothing is copied
    membership   area .552 by the discriminator, .489 by distance; guessing has .5
"""

import hashlib
import pathlib
import tempfile
import time

import keras
import numpy as np
from absl import flags

from kerasgan import data, files, latent, metrics, models, pictures, plots, runs, tables
from kerasgan.latent import directions, membership, neighbours, reconstructions, studies

MODEL = flags.DEFINE_string("model", None, "A .keras file, or an exported SavedModel")
PRESET = flags.DEFINE_string("preset", None, "Name of a folder in saved_models/, or a folder")
DATASET = flags.DEFINE_enum("dataset", "mnist", ["mnist", "fashion_mnist"], "What it learnt from")
SOURCE = flags.DEFINE_string("source", "auto", "Where the data come from; see kerasgan.data.load")
PARTS_FLAG = flags.DEFINE_list("parts", ["all"], "all, or some of the parts named above")
WORKDIR = flags.DEFINE_string("workdir", None, "Folder of what is made (runs/explore_<model>)")
SEED = flags.DEFINE_integer("seed", 0, "Of all draws", 0)
SMOKE = flags.DEFINE_bool("smoke", False, "Go the whole way in seconds: few samples, few steps")

FULL = dict(samples_drawn=10_000, scored=5_000, paths=100, trios=20, moved=100, projected=100)
FULL |= dict(starts=8, steps=200, updates=2_000, members=1_000)
SMALL = dict(samples_drawn=200, scored=100, paths=3, trios=2, moved=3, projected=2)
SMALL |= dict(starts=2, steps=2, updates=2, members=50)
TOP = 10  # directions, and columns of most pictures
HIDDEN = slice(9, 18)  # rows: the middle third of 28


class Explorer:
    """What all parts share: the space, the sizes of the study, the data, the folder."""

    def __init__(self, space, workdir):
        self.space, self.workdir, self.seed, self.made = space, workdir, SEED.value, []
        vars(self).update(SMALL if SMOKE.value else FULL)
        grey = space.image_shape == (28, 28, 1)
        self.classifier = metrics.classifier(DATASET.value) if grey else None

    def samples(self, n, seed=0, **truncation):
        """(latents, images) of n samples."""
        latents = self.space.draw(n, self.seed + seed, **truncation)
        return latents, self.space.images(latents, studies.labels_in_turn(self.space, n))

    def real(self, split, n):
        """The first n (images, labels) of a split; the labels that the space takes, or None."""
        dataset = data.load(DATASET.value, split, shuffle_seed=None, source=SOURCE.value)
        images, labels = zip(*dataset.take(n).as_numpy_iterator())
        return np.stack(images), np.array(labels)

    def asked(self, labels):
        """Labels as the space takes them: None if it takes none."""
        return None if self.space.num_classes is None else labels

    def file(self, name):
        """Path of a file that a part makes; its row lists the name."""
        self.made.append(name)
        return self.workdir / name

    def save(self, name, images, columns=TOP):
        """Writes a grid of images."""
        grid = pictures.image_grid(np.clip(images, -1.0, 1.0), columns)
        pictures.save_png(grid, self.file(f"{name}.png"))


def walks(it):
    """Walks and a grid; confidence on the way."""
    space, stops = it.space, it.space.draw(5, it.seed)
    one = it.asked(0)
    starts, ends = it.space.draw(10, it.seed + 1).reshape(2, 5, -1)
    ways = [way(starts, ends, np.linspace(0, 1, TOP + 1)) for way in (latent.lerp, latent.slerp)]
    rows = np.stack(ways, axis=1).reshape(-1, space.latent_dim)
    it.save("walks", space.images(rows, one), TOP + 1)
    it.save("grid", space.images(latent.grid(space, stops[:4]), one), 8)
    frames = space.images(latent.walk(space, stops, 12, closed=True), one)
    with tempfile.TemporaryDirectory() as folder:
        names = [pathlib.Path(folder) / f"{i:03d}.png" for i in range(len(frames))]
        for name, frame in zip(names, np.clip(frames, -1.0, 1.0)):
            pictures.save_png(pictures.image_grid(frame[np.newaxis], 1, scale=4), name)
        pictures.save_gif(names, it.file("walk.gif"))
    return studies.path_confidence(space, it.classifier, it.paths, it.seed) if it.classifier else {}


def arithmetic(it):
    """Wide a - thin a + thin b."""
    figures, images = studies.stroke_arithmetic(
        it.space, it.classifier, it.trios, it.scored, it.seed
    )
    if images is not None:
        it.save("arithmetic", images[: 12 * TOP], 12)
    return figures


def truncation(it):
    """Resampled, and towards the mean."""
    latents, images = it.samples(TOP, 2)
    labels = studies.labels_in_turn(it.space, TOP)
    thresholds = studies.thresholds(it.space)
    rows = [images, *(it.samples(TOP, 2, truncation=t)[1] for t in thresholds)]
    for psi in studies.PSIS:
        rows.append(it.space.images(latent.towards_mean(latents, psi), labels))
    it.save("truncation", np.concatenate(rows))
    if not it.classifier:
        return {}
    real, _ = it.real("test", it.scored)
    return studies.truncation_scores(it.space, it.classifier, real, it.scored, it.seed)


def strips(it):
    """Ten directions of each kind, pictures of them, and what follows them."""
    space, most = it.space, min(TOP, it.space.latent_dim)
    kinds = {
        "sefa": directions.sefa(space, most),
        "pca": directions.pca_of_activations(space, most, seed=it.seed),
        "random": np.random.default_rng(it.seed).normal(size=(most, space.latent_dim)),
    }
    kinds = {k: {f"{k} {i}": row for i, row in enumerate(rows)} for k, rows in kinds.items()}
    if it.classifier:
        found = studies.supervised_directions(*it.samples(it.scored, 3), it.classifier)
        kinds["supervised"] = {f"supervised {name}": row for name, row in found.items()}
    for kind, named in kinds.items():
        moved = [latent.sweep(space, space.draw(1, it.seed), row)[0] for row in named.values()]
        it.save(f"directions_{kind}", space.images(np.concatenate(moved), it.asked(0)), 9)
    if not it.classifier:
        return {}
    every = {name: row for named in kinds.values() for name, row in named.items()}
    measure = studies.measure_with(it.classifier)
    table = studies.direction_table(space, every, measure, it.moved, seed=it.seed + 4)
    return {**{kind: studies.steady(table, kind) for kind in kinds}, "table": table}


def projection(it):
    """Test images to latents, against the nearest of random samples."""
    images, classes = it.real("test", it.projected)
    keras.utils.set_random_seed(it.seed)
    encoder, losses = latent.train_encoder(
        it.space, updates=it.updates, seed=it.seed, progress=True
    )
    with files.replacing(it.file("encoder.keras")) as temporary:
        encoder.save(temporary)
    figures, made = reconstructions.compare_projections(
        it.space, it.classifier, images, classes, it.samples(it.samples_drawn, 5)[1], encoder,
        it.starts, it.steps, it.seed,
    )  # fmt: skip
    shown = [images, made["nearest"], made["encoder"], made["projection"]]
    it.save("projection", np.concatenate([each[: 2 * TOP] for each in shown]), 2 * TOP)
    return {**figures, "encoder_latents_error": float(losses[-50:, 0].mean())}


def inpainting(it):
    """The middle third hidden, against the training image nearest by what is known."""
    images, classes = it.real("test", it.projected)
    training, _ = it.real("train", it.samples_drawn)
    figures, made = reconstructions.compare_inpainting(
        it.space, it.classifier, images, classes, HIDDEN, training, seed=it.seed, progress=True,
        starts=it.starts, steps=it.steps,
    )  # fmt: skip
    shown = [images, *made.values()]
    it.save("inpainting", np.concatenate([each[: 2 * TOP] for each in shown]), 2 * TOP)
    return figures


def nearest_training_images(it):
    """The nearest training images of samples."""
    training, _ = it.real("train", it.samples_drawn)
    held_out, _ = it.real("test", it.members)
    _, images = it.samples(it.members, 6)
    figures, columns = {"training_images": len(training)}, [images[:TOP, np.newaxis]]
    for name, extractor in (("pixels", None), ("features", it.classifier)):
        rows = [neighbours.rows_of(each, extractor) for each in (images, training, held_out)]
        figures[name] = neighbours.copying(*rows)
        columns.append(training[neighbours.nearest(rows[0][:TOP], rows[1], 4)[0]])
    table = np.concatenate(columns, axis=1)  # (TOP, 9, H, W, C)
    it.save("neighbours", table.reshape(-1, *it.space.image_shape), 9)
    return figures


def members(it):
    """Can training images be told from held-out ones?"""
    sides = {split: it.real(split, it.members) for split in ("train", "test")}
    (trained, trained_labels), (others, other_labels) = sides.values()
    pool = neighbours.rows_of(it.samples(it.samples_drawn, 7)[1])
    curves = {"distance": membership.by_distance(pool, *map(neighbours.rows_of, (trained, others)))}
    if hasattr(it.space.model, "discriminator") or hasattr(it.space.model, "critic"):
        asked = it.asked(trained_labels), it.asked(other_labels)
        curves["discriminator"] = membership.by_discriminator(it.space, trained, others, *asked)
    draw_curves(curves, it.file("membership.png"))
    kept = {name: {"auc": c["auc"], "accuracy": c["accuracy"]} for name, c in curves.items()}
    return {"n": it.members, **kept}


def draw_curves(curves, path):
    """Writes the picture of the attacks' curves."""
    figure, axes = plots.subplots(figsize=(4.5, 4.5))
    axes.plot([0, 1], [0, 1], "k:", label="guessing: 0.5")
    for name, curve in curves.items():
        label = f"{name}: {curve['auc']:.3f}"
        axes.plot(curve["false_positive"], curve["true_positive"], label=label)
    axes.set(xlabel="held-out images taken for members", ylabel="members found")
    axes.legend(title="area under the curve")
    figure.tight_layout()
    plots.save(figure, path)


PARTS = {
    "walks": walks,
    "arithmetic": arithmetic,
    "truncation": truncation,
    "directions": strips,
    "projection": projection,
    "inpainting": inpainting,
    "neighbours": nearest_training_images,
    "membership": members,
}
OF_ANY_IMAGE = ("walks", "truncation", "directions")  # what models of other images get
WITHOUT_LAYERS = ("walks", "arithmetic", "truncation", "neighbours")  # what a SavedModel gets


def main():
    """Makes the parts that are asked for and not there yet."""
    try:
        explore()
    except (ValueError, FileNotFoundError) as error:
        raise runs.RunError(str(error)) from error


def explore():
    """As `main`; refusals are the library's own."""
    unknown = set(PARTS_FLAG.value) - {"all", *PARTS}
    if unknown:
        raise ValueError(f"--parts takes all or some of {', '.join(PARTS)}. Received: {unknown}")
    space, name = find_space()
    space.check_images()
    folder = f"runs/explore_{name}{'-smoke' if SMOKE.value else ''}"
    workdir = files.writable_directory("workdir", WORKDIR.value or folder)
    it = Explorer(space, workdir)
    able = [part for part in PARTS if it.classifier or part in OF_ANY_IMAGE]
    able = [part for part in able if space.differentiable or part in WITHOUT_LAYERS]
    asked = able if "all" in PARTS_FLAG.value else PARTS_FLAG.value
    if set(asked) - set(able):
        raise ValueError(
            f"Of this model there can be {', '.join(able)}: the others need its layers (a .keras "
            f"file) or 28 x 28 grey images. Received: --parts={','.join(asked)}"
        )
    table = tables.Table(workdir / "parts.jsonl")
    key = {"weights": fingerprint(space), "dataset": DATASET.value, "seed": it.seed}
    key["smoke"] = SMOKE.value
    for part in asked:
        if made(table, part, key, workdir):
            continue
        print(f"kerasgan: {part} of {name}", flush=True)
        table.add({"part": part, "begun": True})  # what is made next overwrites former files:
        (workdir / "figures.json").unlink(missing_ok=True)  # a stop leaves nothing that is wrong
        it.made, began = [], time.perf_counter()
        row = {"part": part, **key, "figures": PARTS[part](it), "files": it.made}
        table.add({**row, "seconds": round(time.perf_counter() - began, 1)})
    found = {part: made(table, part, key, workdir) for part in PARTS}
    figures = {part: row["figures"] for part, row in found.items() if row}
    files.write_json(workdir / "figures.json", {"model": name, **key, **figures})
    print(f"kerasgan: pictures and figures.json: {workdir}")


def made(table, part, key, workdir):
    """The part's last row, if it is of this key and its files are there; else None."""
    row = table.find(part=part) or {}
    whole = row.items() >= key.items() and "files" in row
    return row if whole and all((workdir / name).exists() for name in row["files"]) else None


def find_space():
    """(space, name) of the model that the flags name."""
    if MODEL.value and PRESET.value:
        raise ValueError("Give --model or --preset, not both.")
    named = MODEL.value or PRESET.value
    if named:
        path = pathlib.Path(named.removesuffix(".keras"))
        while path.name in ("final", "best", "export") or path.name.isdecimal():
            path = path.parent  # such names don't tell one model from another
        return latent.load(named), path.name or "model"
    if not SMOKE.value:
        raise ValueError("Give --model=<file>.keras or --preset=<name>. Received: neither")
    keras.utils.set_random_seed(SEED.value)
    return latent.Space(models.GAN(seed=SEED.value)), "untrained"


def fingerprint(space):
    """A short name of the weights: the images of three latents, hashed."""
    images = space.images(space.draw(3, 0), studies.labels_in_turn(space, 3))
    return hashlib.sha256(images.tobytes()).hexdigest()[:16]


if __name__ == "__main__":
    runs.launch(main)
