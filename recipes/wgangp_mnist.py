"""WGAN-GP on MNIST: Improved Training of Wasserstein GANs, Gulrajani et al. 2017,
https://arxiv.org/abs/1704.00028

Command: python recipes/wgangp_mnist.py
    (the same command again resumes; --smoke takes seconds; --help shows all flags)
Time: not measured yet.
Score: not measured yet.
"""

from absl import flags

from kerasgan import data, models, runs

UPDATES = 4_700  # of the generator; --epochs overrides

runs.define_flags("wgangp_mnist", batch_size=64)
CRITIC_STEPS = flags.DEFINE_integer("critic_steps", 5, "Critic updates per generator update", 1)
WEIGHT = flags.DEFINE_float("gradient_penalty_weight", 10.0, "The paper's lambda")


def main():
    """Trains, samples, exports."""
    run = runs.start("wgangp_mnist")
    dataset = data.load(
        "mnist", batch_size=run.batch_size, shuffle_seed=run.seed, source=run.source
    )
    model = models.WGANGP(
        gradient_penalty_weight=WEIGHT.value,
        critic_steps=CRITIC_STEPS.value,
        image_shape=(28, 28, 1),
        seed=run.seed,
    )
    model.compile(jit_compile=run.jit_compile)
    run.train(model, dataset, updates=UPDATES)
    run.export(model)


if __name__ == "__main__":
    runs.launch(main)
