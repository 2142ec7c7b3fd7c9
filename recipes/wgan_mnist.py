"""WGAN on MNIST: Wasserstein GAN, Arjovsky et al. 2017, https://arxiv.org/abs/1701.07875

Command: python recipes/wgan_mnist.py
    (the same command again resumes; --smoke takes seconds; --help shows all flags)
Time: 121 ms an update of the generator (five of the critic) on 2 cores of an x86-64 server CPU
    with AVX-512, so 19 minutes in full.
Score: not measured in full; recipes/compare_objectives.py has it after four minutes.
"""

from absl import flags

from kerasgan import data, runs
from kerasgan.models import wgan

UPDATES = 9_400  # of the generator; --epochs overrides

runs.define_flags("wgan_mnist", batch_size=64)
CRITIC_STEPS = flags.DEFINE_integer("critic_steps", 5, "Critic updates per generator update", 1)
CLIP = flags.DEFINE_float("clip", 0.01, "The critic's weights stay in [-clip, clip]")
WIDTH = flags.DEFINE_integer("width", 32, "Channels next to the image, in both networks", 1)


def main():
    """Trains, samples, exports."""
    run = runs.start("wgan_mnist")
    dataset = data.load(
        "mnist", batch_size=run.batch_size, shuffle_seed=run.seed, source=run.source
    )
    model = wgan.WGAN(
        clip=CLIP.value,
        critic_steps=CRITIC_STEPS.value,
        generator=wgan.build_generator(width=WIDTH.value),
        critic=wgan.build_critic(width=WIDTH.value, normalization="batch"),
        seed=run.seed,
    )
    model.compile(jit_compile=run.jit_compile)
    run.train(model, dataset, updates=UPDATES)
    run.export(model)


if __name__ == "__main__":
    runs.launch(main)
