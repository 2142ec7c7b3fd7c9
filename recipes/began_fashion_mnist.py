"""BEGAN on Fashion-MNIST: Boundary Equilibrium Generative Adversarial Networks, Berthelot,
Schumm, Metz 2017, https://arxiv.org/abs/1703.10717

Command: python recipes/began_fashion_mnist.py
    (the same command again resumes; --smoke takes seconds; --help shows all flags)
Time: of --dataset=mnist --epochs=3 (11,250 updates) 20 minutes of one shared core of an x86-64
    server CPU.
Score: that run, seed 0 (preset began_mnist; 10,000 samples against the 10,000 test images, 128
    features of mnist_classifier, k = 3): Frechet distance 44.2, precision 0.78, recall 0.26: clean
    strokes, too many of them ones, sevens and nines. Fashion-MNIST: recipes/began_gamma_sweep.py.

The paper's settings are for hundreds of thousands of updates on faces. In a run of some thousands,
the residuals vanish over a like share of it, the learning rate is higher, and lambda_k is larger,
as with the paper's 0.001 k takes longer to act than the whole run. And gamma is 1: on a black
ground an emptier picture is easier to reconstruct, so at the paper's 0.3 to 0.7 the generator
keeps the balance with faint, dark pictures (recipes/began_gamma_sweep.py shows it).
"""

from absl import flags

from kerasgan import data, optimizers, runs
from kerasgan.models import began

UPDATES = 18_750  # of each network; --epochs overrides
RESIDUAL_STEPS = UPDATES // 10

runs.define_flags("began_fashion_mnist", batch_size=16, checkpoint_steps=500)
DATASET = flags.DEFINE_enum("dataset", "fashion_mnist", ["fashion_mnist", "mnist"], "The images")
GAMMA = flags.DEFINE_float("gamma", 1.0, "Diversity ratio, in (0, 1]", 0.0, 1.0)
LAMBDA_K = flags.DEFINE_float("lambda_k", 0.02, "Step size of k; the paper's: 0.001", 0.0)
RATE = flags.DEFINE_float("learning_rate", 5e-4, "Of both Adams; the paper's: 1e-4", 0.0)
WIDTH = flags.DEFINE_integer("width", 16, "Filters n of the networks; the paper's: 64, 128", 1)


def main():
    """Trains, samples, exports."""
    run = runs.start("began_fashion_mnist")
    dataset = data.load(
        DATASET.value, batch_size=run.batch_size, shuffle_seed=run.seed, source=run.source
    )
    model = began.BEGAN(
        gamma=GAMMA.value,
        lambda_k=LAMBDA_K.value,
        residual_steps=RESIDUAL_STEPS,
        generator=began.build_generator(width=WIDTH.value),
        discriminator=began.build_discriminator(width=WIDTH.value),
        seed=run.seed,
    )
    model.compile(
        discriminator_optimizer=optimizers.Adam(RATE.value, beta_1=0.5),
        generator_optimizer=optimizers.Adam(RATE.value, beta_1=0.5),
        jit_compile=run.jit_compile,
    )
    run.train(model, dataset, updates=UPDATES)
    run.export(model)


if __name__ == "__main__":
    runs.launch(main)
