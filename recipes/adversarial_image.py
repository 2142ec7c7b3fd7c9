"""A small change to one's own picture, and an ImageNet classifier sees something else.

Goodfellow et al. 2015, https://arxiv.org/abs/1412.6572, figure 1: a panda (57.7 %) becomes a gibbon
(99.3 %) by FGSM with epsilon 0.007, the smallest step of an 8-bit picture as their network takes
it.

Command: python recipes/adversarial_image.py --image=panda.jpg
    python recipes/adversarial_image.py --image=cat.png --attack=pgd --target=388
    (--smoke needs neither a picture nor weights, and shows nothing but that it runs)
Classifiers: those of keras.applications that take pixels in [-1, 1]; the weights are downloaded (14
    MB for MobileNetV2), or read from --weights=<file>. The picture is cut to a square in its middle
    and resized. Names of classes are downloaded too; without them classes are numbers.
Makes: <output>: original, perturbation (stretched to be seen), result, each with the classifier's
    first answers and their probabilities. It prints the same.
Score: not measured yet.
"""

import pathlib

import keras
import numpy as np
from absl import flags

from kerasgan import attacks, runs

MODELS = {
    "MobileNetV2": (keras.applications.MobileNetV2, 224),
    "ResNet50V2": (keras.applications.ResNet50V2, 224),
    "InceptionV3": (keras.applications.InceptionV3, 299),
    "Xception": (keras.applications.Xception, 299),
}
SHOWN = 3  # answers

IMAGE = flags.DEFINE_string("image", None, "The picture: a PNG or JPEG file")
MODEL = flags.DEFINE_enum("model", "MobileNetV2", list(MODELS), "Name in keras.applications")
WEIGHTS = flags.DEFINE_string("weights", "imagenet", "imagenet: downloaded; or a file's path")
EPSILON = flags.DEFINE_float("epsilon", 0.007, "Largest change of a pixel in [0, 1]", 0.0, 1.0)
ATTACK = flags.DEFINE_enum("attack", "fgsm", ["fgsm", "pgd"], "One step, or --steps of them")
STEPS = flags.DEFINE_integer("steps", 20, "Of pgd", 1)
LABEL = flags.DEFINE_integer("label", None, "True class; none: the classifier's first answer", 0)
TARGET = flags.DEFINE_integer("target", None, "Class that the picture shall be taken for", 0)
OUTPUT = flags.DEFINE_string("output", "adversarial_image.png", "The PNG file to write")
SEED = flags.DEFINE_integer("seed", 0, "Of pgd's random start", 0)
SMOKE = flags.DEFINE_bool(
    "smoke", False, "A drawn picture, and a small MobileNet of random weights"
)


def main():
    """Reads, attacks, draws."""
    model, size = load_model()
    image = drawn(size) if SMOKE.value and not IMAGE.value else read(size)
    classifier = attacks.Classifier(model)
    first = attacks.answers(classifier, image)[0]
    label = first if LABEL.value is None else [LABEL.value]
    targeted = TARGET.value is not None
    attack, options = attacks.fgsm, {}
    if ATTACK.value == "pgd":
        attack, options = attacks.pgd, {"steps": STEPS.value, "seed": SEED.value}
    try:
        labels = [TARGET.value] if targeted else label
        result = attack(classifier, image, labels, EPSILON.value, targeted=targeted, **options)
    except ValueError as error:
        raise runs.RunError(str(error)) from error
    before, after = (named(model.predict(x, verbose=0)) for x in (image, result))
    print(f"original: {before}\nresult:   {after}")
    name = "random weights, so the answers mean nothing" if SMOKE.value else MODEL.value
    what = f"{name}, {ATTACK.value}, epsilon {EPSILON.value:g}"
    titles = [text.replace(", ", "\n") for text in (before, after)]
    try:
        attacks.draw_examples(
            pathlib.Path(OUTPUT.value), image, result, ([titles[0]], [titles[1]]), what
        )
    except OSError as error:
        raise runs.RunError(f"--output can't be written. Received: {OUTPUT.value}") from error
    print(f"kerasgan: {what}: {OUTPUT.value}")


def load_model():
    """(classifier of ImageNet's 1000 classes, its pictures' width)."""
    build, size = MODELS[MODEL.value]
    if SMOKE.value:
        keras.utils.set_random_seed(SEED.value)
        return keras.applications.MobileNet((64, 64, 3), 0.25, weights=None), 64
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


def read(size):
    """The picture as [1, size, size, 3] in [-1, 1]: turned as EXIF says, the middle square."""
    from PIL import Image, ImageOps

    if not IMAGE.value:
        raise runs.RunError("Which picture? Give --image=<a PNG or JPEG file>.")
    try:
        with Image.open(IMAGE.value) as picture:
            picture = ImageOps.exif_transpose(picture).convert("RGB")
    except (OSError, Image.DecompressionBombError) as error:
        raise runs.RunError(
            f"--image must be a picture that can be read (PNG, JPEG). Received: {IMAGE.value} "
            f"({error})"
        ) from error
    picture = ImageOps.fit(picture, (size, size), Image.Resampling.BICUBIC)
    return np.asarray(picture, "float32")[np.newaxis] / 127.5 - 1.0


def drawn(size):
    """Waves of colour, in the place of a picture."""
    y, x = np.mgrid[0:size, 0:size] / size
    waves = [np.sin(9 * x), np.sin(9 * y), np.sin(9 * (x + y))]
    return np.stack(waves, axis=-1)[np.newaxis].astype("float32")


def named(probabilities):
    """The first answers to a picture: 'panda: 57.7 %, ...'."""
    best = probabilities[0].argsort()[::-1][:SHOWN]
    names = [f"class {i}" for i in best]
    if not SMOKE.value:
        try:
            decoded = keras.applications.imagenet_utils.decode_predictions(probabilities, SHOWN)
            names = [name.replace("_", " ") for _, name, _ in decoded[0]]
        except Exception:  # no connection: numbers will do
            print("kerasgan: the names of the classes can't be downloaded; here are their numbers.")
    return ", ".join(f"{n}: {100 * p:.1f} %" for n, p in zip(names, probabilities[0][best]))


if __name__ == "__main__":
    runs.launch(main)
