"""How likely are the test digits? A convolutional VAE on binary MNIST, measured in nats.
Auto-Encoding Variational Bayes, Kingma & Welling 2014, https://arxiv.org/abs/1312.6114

Protocol: MNIST binarised dynamically. Each pixel is on with the probability of its grey value, and
is drawn anew at each step of training, by the model (`binarisation="dynamic"`); the 10,000 test
images are drawn once, always alike. ELBO: mean over the test images of log p(x|z) - KL, one z for
each, beta = 1, weights averaged over training. The importance-weighted bound (Burda et al. 2016),
with --samples latents for each of the first --images test images, comes closer to log p(x). No
score was looked at while training, and nothing was chosen by it.

Command: python recipes/vae_mnist.py
    (the same command again resumes; --smoke takes seconds; --help shows all flags)
Makes: <workdir>/scores.json, reconstructions.png (pairs: a test image, its reconstruction), and
    what every recipe makes.
Time: 21 minutes on one of two busy cores of an x86-64 server CPU (85 to 95 ms an update).
Score: seed 0, one run: ELBO -93.0 nats (reconstruction 69.3, divergence 23.7) on all 10,000 test
    images; importance-weighted bound -88.1 (100 latents, the first 1,000 images).
"""

import numpy as np
from absl import flags

from kerasgan import data, files, models, optimizers, pictures, runs
from kerasgan.models import vae

UPDATES = 14_040  # 30 passes over MNIST; --epochs overrides
SHOWN = 50  # test images in reconstructions.png

runs.define_flags("vae_mnist", batch_size=128, checkpoint_steps=500)
LATENTS = flags.DEFINE_integer("latent_dim", 32, "Size of a latent", 1)
WIDTH = flags.DEFINE_integer("width", 32, "Filters of the first map; the next has twice as many", 1)
RATE = flags.DEFINE_float("learning_rate", 1e-3, "Of Adam", 0.0)
BETA = flags.DEFINE_float("beta", 1.0, "Weight of the divergence in training", 0.0)
SAMPLES = flags.DEFINE_integer("samples", 100, "Latents for each image of the tighter bound", 1)
IMAGES = flags.DEFINE_integer("images", 1000, "Test images of the tighter bound", 1)


def main():
    """Trains, measures, exports."""
    run = runs.start("vae_mnist")
    try:
        test = data.load("mnist", "test", batch_size=250, shuffle_seed=None, source=run.source)
        dataset = data.load(
            "mnist", batch_size=run.batch_size, shuffle_seed=run.seed, source=run.source
        )
        width = 4 if run.smoke else WIDTH.value
        model = models.VAE(
            latent_dim=LATENTS.value,
            beta=BETA.value,
            binarisation="dynamic",
            encoder=vae.build_encoder(LATENTS.value, width=width),
            generator=vae.build_decoder(LATENTS.value, width=width),
            seed=run.seed,
        )
    except (FileNotFoundError, ValueError) as error:
        raise runs.RunError(str(error)) from error
    model.compile(autoencoder_optimizer=optimizers.Adam(RATE.value), jit_compile=run.jit_compile)
    run.train(model, dataset, updates=UPDATES)
    measure(model, test.take(2) if run.smoke else test, run)
    run.export(model)


def measure(model, test, run):
    """Prints the bounds of the test images, and keeps them with their protocol."""
    images = np.concatenate([images for images, _ in test.as_numpy_iterator()])
    scores = model.evaluate(test, return_dict=True, verbose=0)
    number, samples = min(IMAGES.value, len(images)), 3 if run.smoke else SAMPLES.value
    bounds = model.importance_weighted_bound(images[:number], samples)
    scores |= {"images": len(images), "binarisation": "dynamic", "updates": run.record["steps"]}
    scores |= {"importance_weighted": float(bounds.mean()), "samples": samples}
    scores |= {"importance_weighted_images": number}
    files.write_json(run.workdir / "scores.json", scores)
    print(
        f"kerasgan: test ELBO {scores['elbo']:.2f} nats ({len(images)} images): reconstruction "
        f"{scores['reconstruction']:.2f}, KL {scores['kl']:.2f}; importance-weighted bound "
        f"{scores['importance_weighted']:.2f} ({samples} samples, {number} images)"
    )
    pairs = np.stack([images[:SHOWN], model.reconstruct(images[:SHOWN])], axis=1)
    grid = pictures.image_grid(pairs.reshape(-1, *images.shape[1:]), columns=10)
    pictures.save_png(grid, run.workdir / "reconstructions.png")


if __name__ == "__main__":
    runs.launch(main)
