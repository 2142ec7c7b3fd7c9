"""Fashion-MNIST on a map: a VAE with two latents.
Auto-Encoding Variational Bayes, Kingma & Welling 2014, https://arxiv.org/abs/1312.6114

Two numbers for a garment are few, but they can be drawn. `map.png` is the paper's figure 4: evenly
spaced points of the unit square, taken through the inverse of the normal distribution function, so
that each picture stands for the same share of the prior, and decoded. `classes.png` has each test
image where the encoder puts it (in the same square, so that the two lie over each other), coloured
by the class, which the model never sees. `reconstructions.png` has pairs: a test image and what two
numbers can say of it.

Pixels are normal, of deviation 0.25 in a range that is 2 wide: the images are grey, and a Bernoulli
likelihood of grey pixels is none.

Command: python recipes/vae_fashion_mnist.py
    (the same command again resumes; --smoke takes seconds; --help shows all flags)
Makes: <workdir>/map.png, classes.png, reconstructions.png, scores.json, and what every recipe
    makes.
Time: 11 minutes on one of two busy cores of an x86-64 server CPU (69 ms an update).
Score: seed 0, one run, 9,360 updates: the 10,000 test images cost a divergence of 9.65 nats and a
    reconstruction of 271.7 (densities: ELBO -281.4 nats). Shoes, trousers, dresses and bags have
    regions of their own; shirts, coats and pullovers share one.
"""

import numpy as np
from absl import flags
from scipy import stats

from kerasgan import data, files, models, optimizers, pictures, plots, runs
from kerasgan.data import catalog
from kerasgan.losses.reconstruction import Gaussian
from kerasgan.models import vae

UPDATES = 9_360  # 20 passes over the training images; --epochs overrides
SIDE = 20  # pictures along the map's edge
SHOWN = 50  # test images in reconstructions.png

runs.define_flags("vae_fashion_mnist", batch_size=128, checkpoint_steps=500)
DATASET = flags.DEFINE_enum("dataset", "fashion_mnist", ["fashion_mnist", "mnist"], "The images")
DEVIATION = flags.DEFINE_float("deviation", 0.25, "Of a pixel, given its latents", 0.0)
WIDTH = flags.DEFINE_integer("width", 32, "Filters of the first map; the next has twice as many", 1)
RATE = flags.DEFINE_float("learning_rate", 1e-3, "Of Adam", 0.0)


def main():
    """Trains, draws, exports."""
    run = runs.start("vae_fashion_mnist")
    try:
        test = data.load(
            DATASET.value, "test", batch_size=250, shuffle_seed=None, source=run.source
        )
        dataset = data.load(
            DATASET.value, batch_size=run.batch_size, shuffle_seed=run.seed, source=run.source
        )
        width = 4 if run.smoke else WIDTH.value
        model = models.VAE(
            latent_dim=2,
            likelihood=Gaussian(DEVIATION.value),
            encoder=vae.build_encoder(2, width=width),
            generator=vae.build_decoder(2, width=width),
            seed=run.seed,
        )
    except (FileNotFoundError, ValueError) as error:
        raise runs.RunError(str(error)) from error
    model.compile(autoencoder_optimizer=optimizers.Adam(RATE.value), jit_compile=run.jit_compile)
    run.train(model, dataset, updates=UPDATES)

    test = test.take(2) if run.smoke else test
    batches = list(test.as_numpy_iterator())
    images, labels = (np.concatenate(parts) for parts in zip(*batches))
    scores = model.evaluate(test, return_dict=True, verbose=0)
    files.write_json(run.workdir / "scores.json", {**scores, "images": len(images)})
    parts = ", ".join(f"{name} {value:.2f}" for name, value in scores.items())
    print(f"kerasgan: {len(images)} test images, nats: {parts}")
    pictures.save_png(latent_map(model), run.workdir / "map.png")
    draw_classes(model.encode(images), labels, run.workdir / "classes.png")
    pairs = np.stack([images[:SHOWN], model.reconstruct(images[:SHOWN])], axis=1)
    grid = pictures.image_grid(pairs.reshape(-1, *images.shape[1:]), columns=10)
    pictures.save_png(grid, run.workdir / "reconstructions.png")
    run.export(model)


def latent_map(model):
    """The decoder's images over the unit square: uint8 array (height, width, 1)."""
    shares = (np.arange(SIDE) + 0.5) / SIDE
    first, second = np.meshgrid(shares, shares[::-1])  # the second latent grows upwards
    squares = np.stack([first.ravel(), second.ravel()], axis=1)
    images = model.decode(stats.norm.ppf(squares))
    return pictures.image_grid(images, columns=SIDE, padding=0, scale=1)


def draw_classes(latents, labels, path):
    """Scatters latents (n, 2), in the unit square of `latent_map`, by class."""
    squares = stats.norm.cdf(latents)
    names = catalog.DATASETS[DATASET.value].class_names
    figure, axes = plots.subplots(figsize=(8, 6.5), layout="constrained")
    for label, name in enumerate(names):
        points = squares[labels == label]
        axes.scatter(*points.T, s=3, color=f"C{label}", label=name, rasterized=True)
    axes.set(
        xlim=(0, 1), ylim=(0, 1), aspect="equal", title="Means of q(z|x) of the test images",
        xlabel="share of the prior below z1", ylabel="share of the prior below z2",
    )  # fmt: skip
    axes.legend(markerscale=4, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    plots.save(figure, path)


if __name__ == "__main__":
    runs.launch(main)
