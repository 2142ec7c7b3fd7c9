"""Models for the tests of `Health`: tiny, and made to fall ill."""

import keras
import numpy as np
import tensorflow as tf

from kerasgan.callbacks import Health
from kerasgan.models import CGAN, GAN, gan

SHAPE = (4, 4, 1)


def tiny(loss="non_saturating", generator_rate=2e-4, rate=4e-4, shape=SHAPE, units=(16,)):
    """A GAN, the same at each call."""
    keras.utils.set_random_seed(1)
    model = GAN(
        image_shape=shape,
        latent_dim=3,
        seed=5,
        loss=loss,
        generator=gan.build_generator(3, shape, units),
        discriminator=gan.build_discriminator(shape, units=(32,), dropout=0.0),
    )
    model.compile(
        generator_optimizer=keras.optimizers.Adam(generator_rate),
        discriminator_optimizer=keras.optimizers.Adam(rate),
    )
    return model


def fit(model, data, health, steps, *more):
    """Trains in epochs of 10 steps, batches of 20."""
    dataset = tf.data.Dataset.from_tensor_slices(data).batch(20).repeat()
    options = tf.data.Options()
    options.autotune.enabled = False  # its thread can hold up the end of a short pass
    dataset = dataset.with_options(options)
    return model.fit(
        dataset, steps_per_epoch=10, epochs=steps // 10, verbose=0, callbacks=[health, *more]
    )


def kinds(health):
    """What was found, in order."""
    return [finding["kind"] for finding in health.findings]


def one_picture_a_class():
    """A generator of two pictures, whatever the latents."""
    latents, labels = keras.Input((3,)), keras.Input((), dtype="int32")
    pictures = keras.layers.Embedding(2, 16, embeddings_initializer="normal")(labels)
    nothing = keras.layers.Dense(16, kernel_initializer="zeros", trainable=False)(latents)
    images = keras.layers.Reshape(SHAPE)(keras.layers.Add()([pictures, nothing]))
    return keras.Model([latents, labels], keras.ops.tanh(20.0 * images))


def conditional(generator):
    """A CGAN of two classes whose discriminator is linear."""
    inputs = [keras.Input(SHAPE), keras.Input((), dtype="int32")]
    logits = keras.layers.Dense(1)(keras.layers.Flatten()(inputs[0]))
    return CGAN(2, SHAPE, 3, generator=generator, discriminator=keras.Model(inputs, logits))


def watch(real, *args, **kwargs):
    """A `Health` that looks for everything from the first step on."""
    return Health(real, *args, **{"warmup_steps": 0, **kwargs})


class Poison(keras.callbacks.Callback):
    """Puts a NaN into the generator once a step is done, as often as told."""

    def __init__(self, step, times=1):
        super().__init__()
        self.step, self.times = step, times

    def on_train_batch_end(self, batch, logs=None):
        if self.times and int(self.model.step_counter.numpy()) >= self.step:
            self.times -= 1
            bias = self.model.generator.trainable_variables[-1]
            bias.assign(np.full(bias.shape, np.nan))
