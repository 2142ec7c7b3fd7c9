"""A small change to one's own picture, and an ImageNet classifier sees something else.

Goodfellow et al. 2015, https://arxiv.org/abs/1412.6572, figure 1: a panda (57.7 %) becomes a gibbon
(99.3 %) by FGSM with epsilon 0.007, which is the smallest step of an 8-bit picture in the units
of their network's inputs: here, in units of a [0, 1] pixel range, 1/255 = 0.0039, the default.

Command: python recipes/adversarial_image.py --image=panda.jpg
    python recipes/adversarial_image.py --image=cat.png --attack=pgd --target=388
    (--smoke needs neither a picture nor weights, and shows nothing but that it runs)
Classifiers: those of keras.applications that take pixels in [-1, 1]; the weights are downloaded (14
    MB for MobileNetV2), or read from --weights=<file>. Or --model=<path>.keras, which takes square
    pictures in [-1, 1]. The picture is cut to a square in its middle and resized. Names of classes
    are downloaded too; without them classes are numbers.
Makes: <output>: original, perturbation (stretched to be seen), result, each with the classifier's
    first answers and their probabilities. It prints the same.
Score: three zebras (horse2zebra's first test pictures), EfficientNet-Lite0 (ImageNet weights, not
    shipped) by --model: "zebra" 92.8, 96.9, 62.8 %. After FGSM of 0.007 another class is first for
    two (23, 49 %), zebra falls to 38.5 % for the third; after --attack=pgd another class is first
    for all, with 100, 85 and 99.8 %.
Time: 20 s, most of it the start.
"""

import pathlib

import keras
import numpy as np
from absl import flags
from PIL import Image, ImageOps

from kerasgan import attacks, files, runs

MODELS = {
    "MobileNetV2": (keras.applications.MobileNetV2, 224),
    "ResNet50V2": (keras.applications.ResNet50V2, 224),
    "InceptionV3": (keras.applications.InceptionV3, 299),
    "Xception": (keras.applications.Xception, 299),
}
SHOWN = 3  # answers

IMAGE = flags.DEFINE_string("image", None, "The picture: a PNG or JPEG file")
MODEL = flags.DEFINE_string(
    "model", "MobileNetV2", f"Of keras.applications ({', '.join(MODELS)}), or a .keras file's path"
)
WEIGHTS = flags.DEFINE_string("weights", "imagenet", "imagenet: downloaded; or a file's path")
EPSILON = flags.DEFINE_float("epsilon", 1 / 255, "Largest change of a pixel in [0, 1]", 0.0, 1.0)
ATTACK = flags.DEFINE_enum("attack", "fgsm", ["fgsm", "pgd"], "One step, or --steps of them")
STEPS = flags.DEFINE_integer("steps", 20, "Of pgd", 1)
LABEL = flags.DEFINE_integer("label", None, "True class; none: the classifier's first answer", 0)
TARGET = flags.DEFINE_integer("target", None, "Class that the picture shall be taken for", 0)
OUTPUT = flags.DEFINE_string(
    "output", None, "PNG file to write (runs/adversarial_image.png; --smoke: ..._image-smoke.png)"
)
SEED = flags.DEFINE_integer("seed", 0, "Of pgd's random start", 0)
SMOKE = flags.DEFINE_bool(
    "smoke", False, "A drawn picture, and a small MobileNet of random weights"
)


def main():
    """Reads, attacks, draws."""
    picture = None if SMOKE.value and not IMAGE.value else read()  # before any download
    model, size = load_model()
    image = drawn(size) if picture is None else fitted(picture, size)
    targeted = TARGET.value is not None
    attack, options = attacks.fgsm, {}
    if ATTACK.value == "pgd":
        attack, options = attacks.pgd, {"steps": STEPS.value, "seed": SEED.value}
    try:
        classifier = attacks.Classifier(model)
        first = attacks.answers(classifier, image)[0]
        label = first if LABEL.value is None else [LABEL.value]
        labels = [TARGET.value] if targeted else label
        result = attack(classifier, image, labels, EPSILON.value, targeted=targeted, **options)
    except ValueError as error:
        raise runs.RunError(str(error)) from error
    before, after = named(classifier.logits(np.concatenate([image, result])))
    print(f"original: {before}\nresult:   {after}")
    name = pathlib.Path(MODEL.value).stem
    if SMOKE.value:
        name = "random weights, so the answers mean nothing"
    what = f"{ATTACK.value}, epsilon {EPSILON.value:.2g}"
    titles = [text.replace(", ", "\n") for text in (before, after)]
    default = f"runs/adversarial_image{'-smoke' if SMOKE.value else ''}.png"
    output = pathlib.Path(OUTPUT.value or default)
    files.writable_directory("output", output.parent)
    attacks.draw_examples(output, image, result, ([titles[0]], [titles[1]]), f"{name}\n{what}")
    print(f"kerasgan: {name}, {what}: {output}")


def load_model():
    """(classifier, its pictures' width)."""
    if SMOKE.value:
        keras.utils.set_random_seed(SEED.value)
        return keras.applications.MobileNet((64, 64, 3), 0.25, weights=None), 64
    if MODEL.value not in MODELS:
        return load_file(pathlib.Path(MODEL.value))
    build, size = MODELS[MODEL.value]
    weights = WEIGHTS.value
    if weights != "imagenet" and not pathlib.Path(weights).is_file():
        raise runs.RunError(
            "--weights takes 'imagenet' or the path of a .h5 file of the classifier's weights. "
            f"Received: --weights={weights}, and there is no such file"
        )
    try:
        return build(weights=weights), size
    except Exception as error:  # what Keras raises for downloads is a plain Exception
        raise runs.RunError(
            f"The weights of {MODEL.value} can't be had. Where there is a connection, "
            f"keras.applications.{MODEL.value}().save_weights('it.weights.h5') makes a file that "
            f"--weights=it.weights.h5 takes here. Received: --weights={weights} ({error})"
        ) from error


def load_file(path):
    """The same of a .keras file."""
    if path.suffix != ".keras" or not path.is_file():
        raise runs.RunError(
            f"--model takes one of {', '.join(MODELS)}, or the path of a .keras file. "
            f"Received: --model={path}"
        )
    try:
        model = keras.saving.load_model(path, compile=False)
    except Exception as error:  # of many kinds, from a damaged or unsafe file
        raise runs.RunError(f"--model={path} can't be loaded: {error}") from error
    shape = getattr(model, "input_shape", None)
    if not (
        isinstance(shape, tuple) and len(shape) == 4 and shape[1] and shape[2:] == (shape[1], 3)
    ):
        raise runs.RunError(
            f"--model must take square RGB pictures of a fixed size. Received: {path}, which takes "
            f"{shape}"
        )
    return model, shape[1]


def read():
    """The picture, RGB, turned as EXIF says."""
    if not IMAGE.value:
        raise runs.RunError("Which picture? Give --image=<a PNG or JPEG file>.")
    try:
        with Image.open(IMAGE.value) as picture:
            return ImageOps.exif_transpose(picture).convert("RGB")
    except (OSError, Image.DecompressionBombError) as error:
        raise runs.RunError(
            f"--image must be a picture that can be read (PNG, JPEG). Received: {IMAGE.value} "
            f"({error})"
        ) from error


def fitted(picture, size):
    """The middle square of a picture as [1, size, size, 3] in [-1, 1]."""
    picture = ImageOps.fit(picture, (size, size), Image.Resampling.BICUBIC)
    return np.asarray(picture, "float32")[np.newaxis] / 127.5 - 1.0


def drawn(size):
    """Waves of colour, in the place of a picture."""
    y, x = np.mgrid[0:size, 0:size] / size
    waves = [np.sin(9 * x), np.sin(9 * y), np.sin(9 * (x + y))]
    return np.stack(waves, axis=-1)[np.newaxis].astype("float32")


def named(logits):
    """The first answers to each picture: 'panda: 57.7 %, ...'."""
    probabilities = keras.ops.convert_to_numpy(keras.ops.softmax(logits))
    best = probabilities.argsort(axis=1)[:, ::-1][:, :SHOWN]
    names = [[f"class {i}" for i in row] for row in best]
    if probabilities.shape[1] == 1000 and not SMOKE.value:
        try:
            decoded = keras.applications.imagenet_utils.decode_predictions(probabilities, SHOWN)
            names = [[name.replace("_", " ") for _, name, _ in row] for row in decoded]
        except Exception:  # no connection: numbers will do
            print("kerasgan: the names of the classes can't be downloaded; here are their numbers.")
    return [
        ", ".join(f"{n}: {100 * p:.1f} %" for n, p in zip(row, found[numbers]))
        for row, found, numbers in zip(names, probabilities, best)
    ]


if __name__ == "__main__":
    runs.launch(main)
