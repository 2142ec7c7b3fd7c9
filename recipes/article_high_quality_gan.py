"""A perceptron GAN on MNIST, the TensorFlow 1 program of an article on GANs, mended.

The article (in Chinese: "Deep learning and GANs: generating images of high quality", section 4.1)
prints a program that can't learn, as D never sees an image of MNIST, and that draws its pictures
from an untrained network. Its networks, latents, batches and G's objective are those of
`kerasgan.models.GAN`, a `keras.Model` with a `train_step` of its own, which runs here with the
article's numbers.

Command: python recipes/article_high_quality_gan.py
    (the same command again resumes; --updates=1280000 are the article's 10,000 times 128)
Time: 70 to 100 updates/s on 2 CPU cores (shared, free): 2 to 3.5 minutes for the default.
Score: 14,040 updates on the 60,000 images, 5,000 samples, features and labels of a small
    convolutional classifier of MNIST: precision 0.80, recall 0.68 (k = 3, against 5,000 images),
    four in five labelled with confidence above 0.9, all ten digits.

Kept: G 100-128-256-784 and D 784-256-128-1, LeakyReLU 0.2 (TensorFlow's default); normal latents
of 100; batches of 128; Adam with TensorFlow's rate, beta_2 and epsilon; G's objective
(non-saturating).

Replaced, as it prevents learning: Adam's default beta_1 = 0.9 -> 0.5 (`--beta_1=0.9` brings it
back). With 0.9, after 7,000 and 15,000 updates (two seeds) all samples are the same few grey
blots; with 0.5, digits. The rate of 1e-3 stands: 2e-4 gives digits as well, no better ones.

In the original                          | What is wrong                     | Here
-----------------------------------------|-----------------------------------|----------------------
indentation lost in print                | IndentationError                  | laid out anew
`placeholder`, `Session`,                | TensorFlow 1's graph API: gone    | Keras 3: networks and
  `variable_scope`, `layers.dense`, ...  | from TensorFlow 2                 | a compiled step
`discriminator(..., reuse=True)`         | reused before it is created:      | each network is built
                                         | ValueError                        | once, then called
`gan(G, D, z)`, where `generator(z)`     | G and D are tensors there, under  | networks are handed
                                         | the functions' names: TypeError   | over
scope "gan" around both                  | even with functions: a second G   | the network trained
                                         | and D, "gan/generator", while the | is the one sampled
                                         | first G, never trained, is drawn  |
D: `dense(x, 256)` of (28, 28, 1)        | never flattens: 784 verdicts on   | `Flatten` first: one
                                         | one pixel each                    | logit an image
one loss, one train_op                   | D is never trained                | D's loss and update
no data set                              | D never sees a real image; its    | `data.load("mnist")`
                                         | placeholder is never fed          |
`minimize(gan_loss)`                     | over all variables, D's too: D    | each player has its
                                         | learns to call fakes real         | list of variables
one Adam for everything                  | no second player                  | one Adam for each
`valid = round(logits)`                  | never used; no probabilities      | left out
G's output has no activation             | unbounded, while pixels are not   | tanh, data in [-1, 1]
`for batch in range(batch_size)`         | batches counted by their size:    | an epoch is a pass
                                         | 128 an epoch, whatever the data   | over the data
`epochs = 10000`                         | 1.28 million updates, fixed       | `--updates`
latents from NumPy, fed each step        | float64, through the host         | drawn in the step
loss printed every 1000 epochs           | of one batch, ten lines in all,   | means over an epoch,
                                         | after 128,000 updates each        | `log.csv`
a second Session, initialised anew       | the trained weights are gone: the | samples come from the
                                         | pictures are an untrained net's   | trained model
`plt`                                    | never imported: NameError         | PNG grids
ten times `plt.show()`                   | ten windows, each waits to be     | `samples.png`, a grid
                                         | closed                            | an epoch
nothing saved, no seed                   | no run can be used or repeated    | checkpoints, `--seed`

Beyond the article: samples are drawn from an exponential moving average of the generator.
"""

import keras
from absl import flags
from keras import layers

from kerasgan import data, models, optimizers, runs

LATENT_DIM = 100
IMAGE_SHAPE = (28, 28, 1)

runs.define_flags("article_high_quality_gan", batch_size=128, checkpoint_steps=1000)
UPDATES = flags.DEFINE_integer("updates", 14_000, "Of each network; --epochs overrides", 1)
BETA_1 = flags.DEFINE_float("beta_1", 0.5, "Of both Adams; the article's is 0.9", 0.0, 0.999)


def build_generator():
    """Latents (batch, 100) -> 128 -> 256 -> images (batch, 28, 28, 1) in [-1, 1]."""
    latents = keras.Input((LATENT_DIM,), name="latents")
    x = layers.LeakyReLU(0.2)(layers.Dense(128)(latents))
    x = layers.LeakyReLU(0.2)(layers.Dense(256)(x))
    x = layers.Dense(784, activation="tanh", dtype="float32")(x)
    images = layers.Reshape(IMAGE_SHAPE, dtype="float32", name="images")(x)
    return keras.Model(latents, images, name="generator")


def build_discriminator():
    """Images (batch, 28, 28, 1) -> 784 -> 256 -> 128 -> logits (batch, 1)."""
    images = keras.Input(IMAGE_SHAPE, name="images")
    x = layers.Flatten()(images)
    x = layers.LeakyReLU(0.2)(layers.Dense(256)(x))
    x = layers.LeakyReLU(0.2)(layers.Dense(128)(x))
    logits = layers.Dense(1, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="discriminator")


def adam():
    """TensorFlow's defaults, but for beta_1: see the header."""
    return optimizers.Adam(1e-3, beta_1=BETA_1.value, beta_2=0.999, epsilon=1e-8)


def main():
    """Trains, samples, exports."""
    run = runs.start("article_high_quality_gan")
    dataset = data.load(
        "mnist", batch_size=run.batch_size, shuffle_seed=run.seed, source=run.source
    )
    model = models.GAN(
        image_shape=IMAGE_SHAPE,
        latent_dim=LATENT_DIM,
        loss="non_saturating",
        generator=build_generator(),
        discriminator=build_discriminator(),
        seed=run.seed,
    )
    model.compile(
        discriminator_optimizer=adam(),
        generator_optimizer=adam(),
        jit_compile=run.jit_compile,
    )
    run.train(model, dataset, updates=UPDATES.value)
    run.export(model)


if __name__ == "__main__":
    runs.launch(main)
