"""DCGAN on CIFAR-10, 32 px: Unsupervised Representation Learning with Deep Convolutional GANs,
Radford et al. 2016, https://arxiv.org/abs/1511.06434

Command: python recipes/dcgan_cifar10.py
    (the same command again resumes; --smoke takes seconds; --help shows all flags)
Time: 440 ms an update on 2 cores of an x86-64 server CPU with AVX-512, so 2.4 hours in full.
Score: not measured; only --smoke has been run.
"""

from absl import flags

from kerasgan import data, models, runs

UPDATES = 20_000  # of each network; --epochs overrides

runs.define_flags("dcgan_cifar10", batch_size=128)
LOSS = flags.DEFINE_string("loss", "non_saturating", "Name of a loss in kerasgan.losses")


def main():
    """Trains, samples, exports."""
    run = runs.start("dcgan_cifar10")
    dataset = data.load(
        "cifar10", batch_size=run.batch_size, shuffle_seed=run.seed, source=run.source
    )
    model = models.DCGAN(image_shape=(32, 32, 3), loss=LOSS.value, seed=run.seed)
    model.compile(jit_compile=run.jit_compile)
    run.train(model, dataset, updates=UPDATES)
    run.export(model)


if __name__ == "__main__":
    runs.launch(main)
