"""LSGAN on Fashion-MNIST: Least Squares Generative Adversarial Networks, Mao et al. 2017,
https://arxiv.org/abs/1611.04076

Command: python recipes/lsgan_fashion_mnist.py
    (the same command again resumes; --smoke takes seconds; --help shows all flags)
Time: of --dataset=mnist --epochs=5 (4,685 updates) 23 minutes of one shared core of an x86-64
    server CPU.
Score: that run, seed 0 (preset lsgan_mnist; 10,000 samples against the 10,000 test images, 128
    features of mnist_classifier, k = 3): Frechet distance 12.1, precision 0.59, recall 0.78.
    On Fashion-MNIST not measured.
"""

from absl import flags

from kerasgan import data, models, runs

UPDATES = 9_400  # of the generator; --epochs overrides

runs.define_flags("lsgan_fashion_mnist", batch_size=64)
DATASET = flags.DEFINE_enum("dataset", "fashion_mnist", ["fashion_mnist", "mnist"], "The images")
CODING = flags.DEFINE_enum(
    "coding", "0-1", ["0-1", "pearson"], "Labels a, b, c: 0, 1, 1, or -1, 1, 0 (Pearson)"
)
LABELS = {"0-1": (0.0, 1.0, 1.0), "pearson": (-1.0, 1.0, 0.0)}


def main():
    """Trains, samples, exports."""
    run = runs.start("lsgan_fashion_mnist")
    dataset = data.load(
        DATASET.value, batch_size=run.batch_size, shuffle_seed=run.seed, source=run.source
    )
    model = models.LSGAN(*LABELS[CODING.value], image_shape=(28, 28, 1), seed=run.seed)
    model.compile(jit_compile=run.jit_compile)
    run.train(model, dataset, updates=UPDATES)
    run.export(model)


if __name__ == "__main__":
    runs.launch(main)
