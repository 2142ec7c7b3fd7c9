"""How smoothly samples change along a walk between two latents: BEGAN against DCGAN, say.

BEGAN, Berthelot et al. 2017, section 4.3 (https://arxiv.org/abs/1703.10717), shows interpolations;
here they are measured too, in the spirit of the perceptual path length of Karras et al. 2019
(https://arxiv.org/abs/1812.04948).

Command: python recipes/interpolation_smoothness.py
             --models=runs/began_fashion_mnist/final.keras,runs/dcgan_fashion_mnist/final.keras
    (--smoke takes seconds, with untrained models if none are given; --help shows all flags)
Protocol: pairs of latents drawn as in training; between them 32 even steps, straight for uniform
    latents, along the arc (spherical) for normal ones, by the EMA generator. A step's length d_i is
    the distance between the features of its two images; D is that between the walk's two ends.
    path_length: mean of d_i^2 / eps^2, eps = 1/32: the perceptual path length, which a generator of
        little variety keeps short, whatever its walks are like; hence the next two.
    detour: mean over walks of sum(d_i) / D; 1 = straight in the features' space.
    jump: mean over walks of max(d_i) / mean(d_i); 1 = even, 32 = one leap.
    Features: the penultimate ones of the shipped classifier, or the pixels themselves.
Makes: <workdir>/interpolation.json, and <workdir>/interpolation.png: for each model, in the order
    given, walks between the first pairs, one a row.
Time: 20 s for each model on one shared core of an x86-64 server CPU.
Score: the models of recipes/compare_objectives.py (MNIST, four minutes on two cores, seed
    0), --features=mnist_classifier, 500 walks: BEGAN path_length 247, detour 2.17, jump 2.48, ends
    5.4 apart; DCGAN 838, 2.53, 2.97, 9.2; GAN 817, 2.38, 2.73, 9.7. BEGAN's walks are straighter
    and more even; their shortness is, for the most part, its lack of variety (recall 0.18).
"""

import json

import keras
import numpy as np
from absl import flags

from kerasgan import files, latent, metrics, pictures, runs
from kerasgan.models import UnconditionalModel, began, dcgan
from kerasgan.models import latents as latent_draws

STEPS = 32
ROWS, COLUMNS = 5, 9  # of each model's pictures; columns are steps 0, 4, 8, ..., 32

WORKDIR = flags.DEFINE_string("workdir", None, "Folder of what is made (runs/interpolation)")
SMOKE = flags.DEFINE_bool("smoke", False, "Go the whole way in seconds: few pairs")
SEED = flags.DEFINE_integer("seed", 0, "Of the latents", 0)
MODELS = flags.DEFINE_list("models", [], "Paths of .keras files of unconditional models, by commas")
PAIRS = flags.DEFINE_integer("pairs", 500, "Walks for each model", 1)
FEATURES = flags.DEFINE_enum(
    "features",
    "fashion_mnist_classifier",
    ["fashion_mnist_classifier", "mnist_classifier", "pixels"],
    "What distances are measured in",
)


def main():
    """Walks through each model's latents; writes the numbers and the picture."""
    name = WORKDIR.value or f"runs/interpolation{'-smoke' if SMOKE.value else ''}"
    try:
        workdir = files.writable_directory("workdir", name)
    except ValueError as error:
        raise runs.RunError(str(error)) from error
    pairs = ROWS if SMOKE.value else PAIRS.value
    extractor = None if FEATURES.value == "pixels" else metrics.get(FEATURES.value)
    results, grids = [], []
    for path, model in load_models():
        walks = walk(model, pairs)
        results.append({"model": path, "family": type(model).__name__, **measure(walks, extractor)})
        print(json.dumps(results[-1]))
        grids.append(walks[:ROWS, :: STEPS // (COLUMNS - 1)])
    protocol = {"pairs": pairs, "steps": STEPS, "seed": SEED.value, "features": FEATURES.value}
    if extractor:
        protocol |= extractor.protocol()
    files.write_json(workdir / "interpolation.json", {"protocol": protocol, "models": results})
    images = np.concatenate([grid.reshape(-1, *grid.shape[2:]) for grid in grids])
    picture = workdir / "interpolation.png"
    pictures.save_png(pictures.image_grid(images, COLUMNS), picture)
    print(f"kerasgan: {workdir / 'interpolation.json'}, {picture}")


def load_models():
    """Pairs (path, model), of one image shape."""
    if SMOKE.value and not MODELS.value:
        keras.utils.set_random_seed(SEED.value)
        return [("untrained", began.BEGAN(seed=0)), ("untrained", dcgan.DCGAN(seed=0))]
    if not MODELS.value:
        raise runs.RunError("Give --models=<path>.keras,<path>.keras. Received: --models=")
    loaded = []
    for path in MODELS.value:
        try:
            loaded.append((path, keras.saving.load_model(path)))
        except (ValueError, OSError) as error:
            raise runs.RunError(f"A model can't be loaded. Received: {path}: {error}") from error
        if not isinstance(loaded[-1][1], UnconditionalModel):
            raise runs.RunError(
                "Walks need a model of the zoo whose generator takes latents alone. "
                f"Received: {path}: {type(loaded[-1][1]).__name__}"
            )
    shapes = {path: model.image_shape for path, model in loaded}
    if len(set(shapes.values())) > 1:
        raise runs.RunError(f"The models' images must be of one size. Received: {shapes}")
    return loaded


def walk(model, pairs):
    """Images (pairs, STEPS + 1, H, W, C) along the walks."""
    distribution = model.latent_distribution
    ends = latent_draws.draw(2 * pairs, model.latent_dim, SEED.value, distribution=distribution)
    start, end = np.split(np.asarray(ends), 2)
    along = latent.slerp if distribution == "normal" else latent.lerp
    latents = along(start, end, np.linspace(0.0, 1.0, STEPS + 1))  # (pairs, STEPS + 1, latent_dim)
    latents = latents.reshape(-1, model.latent_dim).astype("float32")
    images = latent_draws.in_chunks(model.images_from, latents)
    return images.reshape(pairs, STEPS + 1, *model.image_shape)


def measure(walks, extractor):
    """path_length, detour and jump of walks (pairs, STEPS + 1, H, W, C)."""
    features = walks.reshape(-1, *walks.shape[2:])
    if extractor:
        features = latent_draws.in_chunks(extractor, features)
    features = features.reshape(*walks.shape[:2], -1).astype("float64")
    lengths = np.linalg.norm(np.diff(features, axis=1), axis=-1)  # (pairs, STEPS)
    distances = np.linalg.norm(features[:, -1] - features[:, 0], axis=-1)
    if not distances.all():
        raise runs.RunError(
            "Both ends of some walks are the same image, so the model has collapsed and its walks "
            f"have no shape. Received: {np.sum(distances == 0)} such pairs of {len(distances)}"
        )
    return {
        "path_length": float(np.mean(np.square(lengths)) * STEPS**2),
        "detour": float(np.mean(lengths.sum(axis=1) / distances)),
        "jump": float(np.mean(lengths.max(axis=1) / lengths.mean(axis=1))),
        "distance_of_ends": float(distances.mean()),
    }


if __name__ == "__main__":
    runs.launch(main)
