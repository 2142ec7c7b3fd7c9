"""Figures of projection and inpainting: how well images are found again, and against what.

Errors are mean squares in units of the range [-1, 1]; that of a flat grey picture of a digit is
about 0.9. Whether a picture keeps its class is the word of a classifier.
"""

import time

import numpy as np

from kerasgan.latent import neighbours
from kerasgan.latent.inpainting import inpaint
from kerasgan.latent.projection import Projector
from kerasgan.latent.studies import probabilities


def compare_projections(
    space, classifier, images, classes, pool, encoder, starts=8, steps=200, seed=0
):
    """Projects images in several ways, against the nearest of random samples.

    Args:
        space: `Space` whose gradients can be had.
        classifier: `kerasgan.metrics.Extractor` with classes; its features are in the loss.
        images: (n, H, W, C).
        classes: (n,) of the images; a conditional model is given them as labels.
        pool: (m, H, W, C) random samples.
        encoder: images -> latents, see `train_encoder`.
        starts: of the full projection.
        steps: of each start.
        seed: int.

    Returns:
        (figures, made): `made` is a dict of images (n, H, W, C): "nearest" samples, "encoder"'s
        guesses, "projection" from `starts` random starts, from "one_start", and from the
        "encoder_start". `figures` has for each the "error" and the share of "class_kept", and
        "seconds" and "below_nearest": the share of images whose projection is nearer than any
        sample.
    """
    labels = None if space.num_classes is None else classes
    picked, _ = neighbours.nearest(neighbours.rows_of(images), neighbours.rows_of(pool))
    made, seconds = {"nearest": pool[picked[:, 0]]}, {}
    made["encoder"] = space.images(encoder.predict(images, verbose=0), labels)
    for name, more in {
        "projection": {"starts": starts},
        "one_start": {"starts": 1},
        "encoder_start": {"starts": 1, "encoder": encoder},
    }.items():
        began = time.perf_counter()
        projector = Projector(space, extractor=classifier, steps=steps, **more)
        made[name] = projector(images, labels, seed=seed, progress=True).images
        seconds[name] = round(time.perf_counter() - began, 1)
    figures = _errors(made, images, classes, classifier)
    nearer = figures["errors"]["projection"] < figures["errors"]["nearest"]
    return _told(figures, random_samples=len(pool), seconds=seconds, nearer=nearer), made


def compare_inpainting(space, classifier, images, classes, hidden, training, **arguments):
    """Fills in hidden rows, against the training image whose known pixels are nearest.

    Args:
        space: `Space` whose gradients can be had.
        classifier: `kerasgan.metrics.Extractor` with classes.
        images: (n, H, W, C).
        classes: (n,) of the images; a conditional model is given them as labels.
        hidden: slice of the rows that are hidden.
        training: (m, H, W, C) training images.
        **arguments: `seed`, `progress` and those of `Projector`.

    Returns:
        (figures, made): `made` is a dict of images: "masked" (hidden pixels 0), "nearest" (the hole
        filled from the nearest training image) and "inpainting". `figures` has for the latter two
        the "error" in the hole and the share of "class_kept", and "below_nearest".
    """
    mask = np.ones(space.image_shape[:2], "float32")
    mask[hidden] = 0.0
    known = mask[..., np.newaxis]
    labels = None if space.num_classes is None else classes
    filled, _ = inpaint(space, images, mask, labels, **arguments)
    rows = (neighbours.rows_of(each * known) for each in (images, training))
    nearest = training[neighbours.nearest(*rows)[0][:, 0]]
    made = {"nearest": images * known + nearest * (1.0 - known), "inpainting": filled}
    figures = _errors(made, images, classes, classifier, hidden)
    nearer = figures["errors"]["inpainting"] < figures["errors"]["nearest"]
    made = {"masked": images * known, **made}
    return _told(figures, training_images=len(training), nearer=nearer), made


def _errors(made, images, classes, classifier, rows=slice(None)):
    kept = {
        name: float(np.mean(probabilities(classifier, each).argmax(axis=1) == classes))
        for name, each in {"itself": images, **made}.items()
    }
    squares = {name: np.square(each - images)[:, rows] for name, each in made.items()}
    errors = {name: each.mean(axis=(1, 2, 3)) for name, each in squares.items()}
    return {"n": len(images), "errors": errors, "class_kept": kept}


def _told(figures, nearer, **more):
    errors = figures.pop("errors")
    means = {name: float(each.mean()) for name, each in errors.items()}
    return {**figures, "error": means, "below_nearest": float(np.mean(nearer)), **more}
