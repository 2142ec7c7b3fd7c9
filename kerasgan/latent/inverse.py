"""An encoder that inverts a generator: images -> latents, learnt from pairs that cost nothing.

Zhu et al. 2016, https://arxiv.org/abs/1609.03552, section 3.1, train a network to predict the
latent of a picture; its guess is good at once and starts the projection. Here it learns from the
generator's own images, whose latents are known: the squared error of the latents, in their own
deviations, and that of the images made of them again.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from kerasgan import checks


def build_encoder(space, width=32):
    """Convolutions of stride 2 down to about 4 px, one dense layer, the latent.

    Args:
        space: `Space`; the latents' size and range, and the images' shape.
        width: channels of the first map; each map after it has twice as many.

    Returns:
        A `keras.Model`: images (batch, H, W, C) -> latents (batch, latent_dim), for uniform latents
        within [-1, 1].

    Example:
        >>> from kerasgan import latent, models
        >>> space = latent.Space(models.GAN(image_shape=(8, 8, 1), latent_dim=4, seed=0))
        >>> build_encoder(space, width=4).output_shape
        (None, 4)
    """
    images = x = keras.Input(space.image_shape, name="images")
    while x.shape[1] > 4:
        x = layers.Conv2D(width, 4, 2, "same")(x)
        x = layers.LeakyReLU(0.2)(layers.BatchNormalization()(x))
        width *= 2
    x = layers.Dense(8 * space.latent_dim, activation="relu")(layers.Flatten()(x))
    end = "tanh" if space.distribution == "uniform" else None
    latents = layers.Dense(space.latent_dim, activation=end, dtype="float32", name="latents")(x)
    return keras.Model(images, latents, name="encoder")


def check_encoder(space, encoder):
    """`encoder`, if it turns the space's images into one tensor of its latents; ValueError
    otherwise.
    """
    outputs = len(getattr(encoder, "outputs", None) or [])
    if outputs != 1:
        raise ValueError(
            "Expected an encoder with one output, latents; of a VAE's take the means: "
            f"keras.Model(e.inputs, e.outputs[0]). Received: {outputs} outputs"
        )
    checks.network("encoder", encoder, [space.image_shape], (space.latent_dim,))
    return encoder


def train_encoder(
    space, encoder=None, updates=2000, batch_size=64, learning_rate=1e-3, image_weight=1.0, seed=0,
    progress=False,
):  # fmt: skip
    """Trains an encoder on images that the generator makes as it goes.

    Args:
        space: `Space`; of an export only with image_weight=0.
        encoder: `keras.Model`, images -> latents, trained in place; None: `build_encoder`'s. Of a
            VAE's encoder: `keras.Model(encoder.inputs, encoder.outputs[0])`, the means.
        updates: of the encoder's weights, each with a fresh batch.
        batch_size: images in a batch.
        learning_rate: of Adam, falling to 0 along a cosine.
        image_weight: weight of the images' mean squared error beside the latents'.
        seed: int, of the batches (initial weights are keras.utils.set_random_seed's).
        progress: whether to show a bar.

    Returns:
        (encoder, losses): `losses` is an array (updates, 2) of the latents' error, in variances
        (1 is what always guessing 0 has), and the images', NaN where image_weight is 0.

    Raises:
        ValueError: an argument out of its range; an encoder that doesn't fit the space.
    """
    checks.positive(updates=updates)
    checks.positive(batch_size=batch_size)
    checks.not_negative(image_weight=image_weight)
    if image_weight:
        space.check_differentiable("An encoder with image_weight > 0")
    encoder = check_encoder(space, encoder or build_encoder(space))
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, updates)
    optimizer = keras.optimizers.Adam(schedule)
    optimizer.build(encoder.trainable_variables)

    @tf.function
    def step(latents, labels):
        images = space.decode(latents, labels)
        with tf.GradientTape() as tape:
            guessed = encoder(images, training=True)
            loss = latent_error = tf.reduce_mean(tf.square((guessed - latents) / space.deviation))
            image_error = tf.constant(np.nan)
            if image_weight:
                again = space.decode(guessed, labels)
                image_error = tf.reduce_mean(tf.square(again - images))
                loss += image_weight * image_error
        variables = encoder.trainable_variables
        optimizer.apply(tape.gradient(loss, [v.value for v in variables]), variables)
        return latent_error, image_error

    bar = keras.utils.Progbar(updates, verbose=int(progress))
    losses = []
    seeds = np.random.default_rng(seed).integers(2**31, size=updates)
    for each in seeds.tolist():
        labels = None
        if space.num_classes:
            drawn = np.random.default_rng(each).integers(space.num_classes, size=batch_size)
            labels = tf.constant(drawn, tf.int32)
        losses.append(step(tf.constant(space.draw(batch_size, each)), labels))
        bar.add(1)
    return encoder, np.array([[float(a), float(b)] for a, b in losses])
