"""GAN of perceptrons on MNIST: Generative Adversarial Nets, Goodfellow et al. 2014,
https://arxiv.org/abs/1406.2661

Command: python recipes/gan_mnist.py
    (the same command again resumes; --smoke takes seconds; --help shows all flags)
Time: measured: TODO-ME
Score: measured: TODO-ME
"""

from absl import flags

from kerasgan import data, models, runs

UPDATES = 9_400  # of each network; --epochs overrides

runs.define_flags("gan_mnist", batch_size=128, checkpoint_steps=500)
LOSS = flags.DEFINE_string("loss", "non_saturating", "Name of a loss in kerasgan.losses")


def main():
    """Trains, samples, exports."""
    run = runs.start("gan_mnist")
    dataset = data.load(
        "mnist", batch_size=run.batch_size, shuffle_seed=run.seed, source=run.source
    )
    model = models.GAN(image_shape=(28, 28, 1), loss=LOSS.value, seed=run.seed)
    model.compile(jit_compile=run.jit_compile)
    run.train(model, dataset, updates=UPDATES)
    run.export(model)


if __name__ == "__main__":
    runs.launch(main)
