"""WGAN on MNIST: Wasserstein GAN, Arjovsky et al. 2017, https://arxiv.org/abs/1701.07875

Command: python recipes/wgan_mnist.py
    (the same command again resumes; --smoke takes seconds; --help shows all flags)
Time: not measured yet.
Score: not measured yet.

The paper's rate of 5e-5 is slow: expect readable digits after some thousand updates.
"""

from absl import flags

from kerasgan import data, models, runs

UPDATES = 9_400  # of the generator; --epochs overrides

runs.define_flags("wgan_mnist", batch_size=64)
CRITIC_STEPS = flags.DEFINE_integer("critic_steps", 5, "Critic updates per generator update", 1)
CLIP = flags.DEFINE_float("clip", 0.01, "The critic's weights stay in [-clip, clip]")


def main():
    """Trains, samples, exports."""
    run = runs.start("wgan_mnist")
    dataset = data.load(
        "mnist", batch_size=run.batch_size, shuffle_seed=run.seed, source=run.source
    )
    model = models.WGAN(
        clip=CLIP.value, critic_steps=CRITIC_STEPS.value, image_shape=(28, 28, 1), seed=run.seed
    )
    model.compile(jit_compile=run.jit_compile)
    run.train(model, dataset, updates=UPDATES)
    run.export(model)


if __name__ == "__main__":
    runs.launch(main)
