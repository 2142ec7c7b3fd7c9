"""Scores a translating model on test pictures: against the truth and two simple rivals where there
are pairs, by the way back and the distance to the other domain where there are none.

Commands:
    python recipes/evaluate_translation.py --model=runs/pix2pix_facades/final.keras \\
        --data_dir=facades
    python recipes/evaluate_translation.py --model=runs/cyclegan_horse2zebra/final.keras \\
        --data_dir=horse2zebra --extractor=inception_v3:<path>
    ... --extractor=<path>.keras: any classifier of yours; recipes/efficientnet_lite0.py makes
    that of README and the cards
    (--smoke takes seconds; --help shows all flags)
Pix2Pix: --data_dir holds train/ and test/, with both halves of a pair side by side; --inputs says
    which is the model's input. CycleGAN, DualGAN, DiscoGAN: it holds trainA/, trainB/, testA/ and
    testB/, as folders of pictures or as a set of recipes/build_data.py with these domains; of other
    names, or of two sets: --domains=train/men,train/women,test/men,test/women.
Protocol, on all test pictures, at the model's size and with its channels:
    l1, psnr (pairs): mean |G(x) - y|, of values in [-1, 1]; mean over the pictures of
        10 log10(4 / mean squared error), in dB.
    frechet, kernel: distances of features between the pictures made and the real test pictures of
        the domain that they should be in. Those of a hundred pictures are biased, and compare only
        with others of as many pictures and the same extractor. For an extractor of RGB, grey
        pictures are made RGB, and transparent ones laid over white.
    cycle (domains): mean |F(G(x)) - x| over A; over B, of the way round.
Rows: "model"; pairs: "mean", the mean of the training targets for every input, and "nearest", the
    target of the training pair with the nearest input (L2), a real picture, but of something else;
    domains: "a_to_b", "b_to_a", and each "before", the pictures untranslated; "real", as many
    training pictures of the domain as were translated, chosen at random: what a perfect model
    could reach.
Makes, in --output: scores.jsonl, a line for each row; sheet.png, a few test pictures: pairs: input,
    translation, nearest, truth; domains: A, A to B, and back, B, B to A, and back.
"""

import pathlib

import keras
import numpy as np
from absl import flags

from kerasgan import data, files, metrics, models, pictures, runs, stored
from kerasgan.data import collection, pipeline
from kerasgan.data.reading import Reading
from kerasgan.models.two_domains import TwoDomainModel
from kerasgan.networks import patch, unet
from kerasgan.tables import Table

CHUNK = 20  # pictures translated at a time
SHEET_ROWS = 8

MODEL = flags.DEFINE_string("model", None, "A `.keras` file or a preset; --smoke: a Pix2Pix")
DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of the pictures: see above")
INPUTS = flags.DEFINE_enum("inputs", "right", ["left", "right"], "Half that is the input, of pairs")
DOMAINS = flags.DEFINE_list(
    "domains", ["trainA", "trainB", "testA", "testB"], "Four folders or domains below --data_dir"
)
EXTRACTOR = flags.DEFINE_string("extractor", "inception_v3", "See kerasgan.metrics.get")
SEED = flags.DEFINE_integer("seed", 0, "Of the model's noise and of the random choices", 0)
OUTPUT = flags.DEFINE_string(
    "output", None, "Folder of what it makes (runs/evaluate_translation; --smoke: ...-smoke)"
)
SMOKE = flags.DEFINE_bool("smoke", False, "Without a model: try the whole way out in seconds")


def main():
    """Finds the model, translates, scores, draws."""
    try:
        evaluate()
    except (ValueError, OSError) as error:
        raise runs.RunError(str(error)) from error


def evaluate():
    """As `main`; refusals are the library's own."""
    default = f"runs/evaluate_translation{'-smoke' if SMOKE.value else ''}"
    output = files.writable_directory("--output", OUTPUT.value or default)
    model, folder, extractor = find_subjects()
    parts = score_domains if isinstance(model, TwoDomainModel) else score_pairs
    table = Table(output / "scores.jsonl")
    rows, columns = parts(model, folder, extractor)
    for row in rows:
        table.add({"model": MODEL.value, "data": str(folder), "seed": SEED.value, **row})
        print("  ".join(f"{k} {v:.4g}" if isinstance(v, float) else str(v)
                        for k, v in row.items() if k not in ("protocol", "warnings")))  # fmt: skip
    for warning in rows[0]["warnings"]:
        print(f"warning: {warning}")
    rows = min(SHEET_ROWS, *map(len, columns))
    images = np.stack([as_rgb(images[:rows]) for images in columns], axis=1)
    images = images.reshape(-1, *images.shape[2:])
    pictures.save_png(pictures.image_grid(images, len(columns)), output / "sheet.png")
    print(f"kerasgan: scores.jsonl and sheet.png in {output}")


def find_subjects():
    """(model, folder of pictures, extractor)."""
    if SMOKE.value and not MODEL.value:
        shape = (32, 32, 3)
        generator = unet.build_unet(shape, width=2)
        discriminator = patch.build_patch_discriminator(shape, shape, 2)
        colours = keras.Sequential([keras.Input(shape), keras.layers.GlobalAveragePooling2D()])
        return (
            models.Pix2Pix(shape, generator=generator, discriminator=discriminator),
            data.made_up_pictures(["train", "test"], number=4, shape=(32, 64)),
            metrics.from_model(colours, name="mean_colour"),
        )
    if not MODEL.value or not DATA_DIR.value:
        raise ValueError(
            f"Give --model and --data_dir. Received: {MODEL.value=}, {DATA_DIR.value=}"
        )
    extractor = metrics.get(EXTRACTOR.value)
    model = stored.find(MODEL.value).load()
    if not isinstance(model, (TwoDomainModel, models.Pix2Pix)):
        raise ValueError(
            "--model must be a Pix2Pix, CycleGAN, DualGAN or DiscoGAN. "
            f"Received: --model={MODEL.value}, a {type(model).__name__}"
        )
    return model, pathlib.Path(DATA_DIR.value).expanduser(), extractor


# Pairs ------------------------------------------------------------------------------------


def score_pairs(model, folder, extractor):
    """(rows, columns of the sheet) of a Pix2Pix."""
    train_inputs, train_targets = read_pairs(folder, "train", model)
    inputs, targets = read_pairs(folder, "test", model)
    nearest = train_targets[nearest_index(inputs, train_inputs)]
    made = {
        "model": translated(model.translate, inputs),
        "mean": np.broadcast_to(train_targets.mean(0), targets.shape),
        "nearest": nearest,
    }
    rows = []
    for name, images in made.items():
        errors = {"l1": l1(images, targets), "psnr": psnr(images, targets)}
        rows.append({"row": name, **errors, **distances(targets, images, extractor, folder)})
    real = chosen(train_targets, len(targets))
    rows.append({"row": "real", **distances(targets, real, extractor, folder)})
    return rows, [inputs, made["model"], nearest, targets]


def read_pairs(folder, split, model):
    """(inputs, targets), arrays, in the order of their names."""
    sides = (model.input_channels, model.image_shape[-1])  # how many channels each has
    options = {"jitter": False, "flip": False, "shuffle_seed": None, "split": split}
    size, read = model.image_shape[:2], {}
    for channels in sorted(set(sides)):
        pairs = data.paired_images(folder, None, size, INPUTS.value, channels=channels, **options)
        read[channels] = list(pairs.as_numpy_iterator())
    return [np.stack([pair[n] for pair in read[channels]]) for n, channels in enumerate(sides)]


def nearest_index(images, others):
    """For each image the index of the nearest of the others, by L2."""
    others = others.reshape(len(others), -1)
    squares = np.sum(others**2, axis=1)
    return np.argmin(squares - 2 * images.reshape(len(images), -1) @ others.T, axis=1)


def l1(images, others):
    """Mean |difference| of values in [-1, 1]."""
    return float(np.mean(np.abs(images - others), dtype="float64"))


def psnr(images, others):
    """Mean over the pictures of the peak signal-to-noise ratio, dB; the range of values is 2."""
    errors = np.mean((images - others) ** 2, axis=(1, 2, 3), dtype="float64")
    return float(np.mean(10 * np.log10(4 / np.maximum(errors, 1e-9))))  # 96 dB at most


# Two domains ------------------------------------------------------------------------------


def score_domains(model, folder, extractor):
    """(rows, columns of the sheet) of a model of two domains."""
    if len(DOMAINS.value) != 4:
        raise ValueError(
            "--domains must name four: training pictures of A and of B, test pictures of A and of "
            f"B. Received: --domains={','.join(DOMAINS.value)}"
        )
    train_a, train_b, a, b = (read_domain(folder / name, model) for name in DOMAINS.value)
    rows, columns = [], []
    for way, images, others, train, there, back in (
        ("a_to_b", a, b, train_b, model.translate_a_to_b, model.translate_b_to_a),
        ("b_to_a", b, a, train_a, model.translate_b_to_a, model.translate_a_to_b),
    ):
        made = translated(there, images)
        returned = translated(back, made)
        cycle = {"cycle": l1(returned, images)}
        real = chosen(train, len(images))
        rows += [
            {"row": way, **cycle, **distances(others, made, extractor, folder)},
            {"row": f"{way} before", **distances(others, images, extractor, folder)},
            {"row": f"{way} real", **distances(others, real, extractor, folder)},
        ]
        columns += [images, made, returned]
    return rows, columns


def read_domain(place, model):
    """Images of a folder or of a set's domain, an array, in the order of their names."""
    domain = collection.open_domain("--data_dir", place)
    *size, channels = model.image_shape
    reading = Reading(None, size, channels, "center", False, False, None, "skip", False)
    found = reading.decode_all(domain.pictures, domain.origin)
    images = pipeline.rescale(found.read(np.arange(len(found.items)))).numpy()
    print(f"kerasgan: {len(images):,} images of {reading.shape} from {domain.origin}")
    return images


# Both -------------------------------------------------------------------------------------


def translated(translate, images):
    """Images, translated in chunks, so that progress shows."""
    bar = keras.utils.Progbar(len(images), verbose=2)
    made = []
    for start in range(0, len(images), CHUNK):
        made.append(translate(images[start : start + CHUNK], seed=SEED.value + start))
        bar.add(len(made[-1]))
    return np.clip(np.concatenate(made), -1, 1)


def chosen(images, number):
    """As many of the images, at random; all, if there are fewer."""
    order = np.random.default_rng(SEED.value).permutation(len(images))
    return images[order[:number]]


def as_rgb(images):
    """Images of 1, 3 or 4 channels as RGB: grey thrice, transparent ones over white."""
    if images.shape[-1] == 4:
        alpha = (images[..., 3:] + 1) / 2
        return images[..., :3] * alpha + (1 - alpha)
    return np.broadcast_to(images, (*images.shape[:3], 3))


def distances(real, made, extractor, folder):
    """Frechet and kernel distance, with their protocol and warnings."""
    if extractor.input_shape[-1] == 3:
        real, made = as_rgb(real), as_rgb(made)
    result = metrics.score(
        real, made, extractor, ["frechet", "kernel"], str(folder), SEED.value, progress=False
    )
    values = {name.removesuffix(f"_{extractor.name}"): v for name, v in result["values"].items()}
    return {**values, "protocol": result["protocol"], "warnings": result["warnings"]}


if __name__ == "__main__":
    runs.launch(main)
