"""SNGAN on CIFAR-10, 32 px: Spectral Normalization for Generative Adversarial Networks,
Miyato et al. 2018, https://arxiv.org/abs/1802.05957

Command: python recipes/sngan_cifar10.py --networks=paper
    (the same command again resumes; --smoke takes seconds; --help shows all flags)
Time: of --dataset=mnist --epochs=12 (2,244 updates of the generator) 12 minutes of one shared core
    of an x86-64 server CPU; CIFAR-10 in full is not measured, the paper's residual networks need an
    accelerator.
Score: that run, seed 0 (preset sngan_mnist; 10,000 samples against the 10,000 test images, 128
    features of mnist_classifier, k = 3): Frechet distance 13.3, precision 0.60, recall 0.68. On
    CIFAR-10 not measured; the paper reports Inception Score 8.22 and FID 21.7 for its networks.
"""

from absl import flags

from kerasgan import data, optimizers, runs
from kerasgan.models import sngan

UPDATES = 50_000  # of the generator; --epochs overrides

runs.define_flags("sngan_cifar10", batch_size=64)
DATASET = flags.DEFINE_enum(
    "dataset", "cifar10", ["cifar10", "mnist", "fashion_mnist"], "The images"
)
CRITIC_STEPS = flags.DEFINE_integer("critic_steps", 5, "Updates of D per generator update", 1)
RATE = flags.DEFINE_float("learning_rate", 2e-4, "Of both Adams", 0.0)
LOSS = flags.DEFINE_string("loss", "hinge", "Name of a loss in kerasgan.losses")
NETWORKS = flags.DEFINE_enum(
    "networks", "cnn", ["cnn", "paper"], "A small CNN, or the paper's residual networks"
)


def main():
    """Trains, samples, exports."""
    run = runs.start("sngan_cifar10")
    dataset = data.load(
        DATASET.value, batch_size=run.batch_size, shuffle_seed=run.seed, source=run.source
    )
    shape = dataset.element_spec[0].shape[1:]
    networks = {}
    if NETWORKS.value == "paper":
        networks = {
            "generator": sngan.build_paper_generator(image_shape=shape),
            "discriminator": sngan.build_paper_discriminator(image_shape=shape),
        }
    model = sngan.SNGAN(
        image_shape=shape,
        loss=LOSS.value,
        critic_steps=CRITIC_STEPS.value,
        seed=run.seed,
        **networks,
    )
    model.compile(
        discriminator_optimizer=optimizers.Adam(RATE.value, beta_1=0.0, beta_2=0.9),
        generator_optimizer=optimizers.Adam(RATE.value, beta_1=0.0, beta_2=0.9),
        jit_compile=run.jit_compile,
    )
    run.train(model, dataset, updates=UPDATES)
    run.export(model)


if __name__ == "__main__":
    runs.launch(main)
