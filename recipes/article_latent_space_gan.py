"""A perceptron GAN on MNIST, the program of an article on GANs' latent space, mended.

The article (in Chinese: "Latent space exploration in GANs: how to improve the quality of what is
generated", section 4.1) prints a program that no Python can run. Its networks, latents, batches,
optimizer and objective (its section 3.4.3) are those of `kerasgan.models.GAN`, a `keras.Model`
with a `train_step` of its own, which runs here with the article's numbers.

Command: python recipes/article_latent_space_gan.py
    (the same command again resumes; --updates=187500 are the article's 100 epochs of 1875 batches)
Time: 140 to 300 updates/s on 2 CPU cores (shared, free): 5 to 11 minutes for the default, half of
    the article's updates. Most digits are readable after 37,500 updates.
Score: 93,750 updates on the 60,000 images, 5,000 samples, features and labels of a small
    convolutional classifier of MNIST: precision 0.81, recall 0.60 (k = 3, against 5,000 images),
    73 % labelled with confidence above 0.9, all ten digits; after 37,500: 0.84, 0.34, 64 %.

Kept: G 100-128-128-784 and D 784-128-128-1, ReLU; normal latents of 100; batches of 32;
Adam(2e-4, beta_1=0.5); the minimax objective. None of these values prevents learning.

In the original                          | What is wrong                     | Here
-----------------------------------------|-----------------------------------|----------------------
the code on one line, `(, ) =`           | SyntaxError                       | laid out anew
`loaddata`, `applygradients`,            | the underscores are lost:         | the real names
  `trainablevariables`, `reducemean`     | AttributeError                    |
`generator(z, noise_dim)`, the same of D | `noise_dim` is never used         | `latent_dim` is used
`generator = generator(...)`             | the builder's name is rebound     | `build_generator`
                                         | to the model                      |
`generator(noise, 100)`                  | a model's second argument is      | `training=True`
                                         | `training`: TypeError             |
`Reshape((28, 28))` in G                 | no channel: D takes (28, 28, 1)   | `Reshape(28, 28, 1)`
D: `Dense(128)` of (28, 28, 1)           | never flattens (`Flatten` is      | `Flatten` first: one
                                         | imported, not used): 784 verdicts | logit an image
                                         | on one pixel each                 |
G and data in [0, 1] (sigmoid, `/ 255`)  | not the zoo's range               | tanh, data in [-1, 1]
data divided as float64 in one piece     | 376 MB                            | rescaled by batch
sigmoid at D's end                       | the logarithm of a rounded 0 or 1 | logits into the loss
`realimages = realimages[a:b]`           | the loop eats its own data: after | `data.load` gives
                                         | a batch 32 rows are left, then 0  | batches
the same order in every epoch            | batches repeat                    | shuffled each epoch
`reshape([.., 784])`, back to 28 x 28    | to no purpose; a tensor has no    | not needed
                                         | `.reshape`                        |
`realimages = tf.print(realimages)`,     | `tf.print` returns None: six      | logs: one line an
  also combined, label, dlossreal, ...   | names are lost, the next use      | epoch, `log.csv`
                                         | fails                             |
`tf.concat([real, fake], axis=1)`        | stacks heights, not samples;      | D sees the real and
                                         | ranks differ; never used          | the fake batch apart
`label = tf.ones`, `label = tf.zeros`    | never used; ones for real and     | real 1, fake 0; G
                                         | fake in D's turn, zeros in G's    | against D
`discriminator(x, 100).loss`             | a tensor has no loss; no cross-   | `loss="minimax"`
                                         | entropy is computed anywhere      |
no GradientTape; `zip(dloss, variables)` | the optimizer is fed a loss in    | `tape.gradient` in
                                         | place of gradients: TypeError     | `update`
`doptimizer = optimizer.apply...`, then  | the result is a counter, not an   | one `apply` for each
  `doptimizer.apply...`                  | optimizer; each update twice      | player and step
one Adam for two players                 | it knows the first one's          | one Adam for each
                                         | variables: ValueError             |
`discriminator.trainable = False`        | no effect on a gradient taken by  | each player has its
                                         | hand; state that is easily left   | list of variables
`g_loss.numpy()`                         | the name is `gloss`: NameError    | `generator_loss`
a `print` each batch                     | 187,500 lines                     | one an epoch
a Python loop, eager                     | several times slower              | a compiled step
no sample, nothing saved, no seed        | the latent space is never looked  | sample grids, check-
                                         | at; no run can be repeated        | points, `--seed`

Beyond the article: samples are drawn from an exponential moving average of the generator.
"""

import keras
from absl import flags
from keras import layers

from kerasgan import data, models, optimizers, runs

LATENT_DIM = 100
IMAGE_SHAPE = (28, 28, 1)

runs.define_flags("article_latent_space_gan", batch_size=32, checkpoint_steps=2000)
UPDATES = flags.DEFINE_integer("updates", 93_750, "Of each network; --epochs overrides", 1)


def build_generator():
    """Latents (batch, 100) -> 128 -> 128 -> images (batch, 28, 28, 1) in [-1, 1]."""
    latents = keras.Input((LATENT_DIM,), name="latents")
    x = layers.Dense(128, activation="relu")(latents)
    x = layers.Dense(128, activation="relu")(x)
    x = layers.Dense(784, activation="tanh", dtype="float32")(x)
    images = layers.Reshape(IMAGE_SHAPE, dtype="float32", name="images")(x)
    return keras.Model(latents, images, name="generator")


def build_discriminator():
    """Images (batch, 28, 28, 1) -> 784 -> 128 -> 128 -> logits (batch, 1)."""
    images = keras.Input(IMAGE_SHAPE, name="images")
    x = layers.Flatten()(images)
    x = layers.Dense(128, activation="relu")(x)
    x = layers.Dense(128, activation="relu")(x)
    logits = layers.Dense(1, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="discriminator")


def main():
    """Trains, samples, exports."""
    run = runs.start("article_latent_space_gan")
    dataset = data.load(
        "mnist", batch_size=run.batch_size, shuffle_seed=run.seed, source=run.source
    )
    model = models.GAN(
        image_shape=IMAGE_SHAPE,
        latent_dim=LATENT_DIM,
        loss="minimax",
        generator=build_generator(),
        discriminator=build_discriminator(),
        seed=run.seed,
    )
    model.compile(
        discriminator_optimizer=optimizers.Adam(2e-4, beta_1=0.5),
        generator_optimizer=optimizers.Adam(2e-4, beta_1=0.5),
        jit_compile=run.jit_compile,
    )
    run.train(model, dataset, updates=UPDATES.value)
    run.export(model)


if __name__ == "__main__":
    runs.launch(main)
