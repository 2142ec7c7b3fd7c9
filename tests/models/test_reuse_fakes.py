"""The option `reuse_fakes`: which fakes the second update of a step learns from, by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import models

SHAPE, RATE = (4, 4, 1), 0.5
IMAGES = np.random.default_rng(0).uniform(-1, 1, (2, 6, *SHAPE)).astype("float32")
LABELS = np.array([0, 1, 2, 0, 1, 2], "int32")


def dense(*shapes, outputs, seed):
    """Inputs side by side -> a dense layer, squashed to [-1, 1]."""
    inputs = [keras.Input(shape) for shape in shapes]
    flat = [keras.layers.Reshape((-1,))(x) for x in inputs]
    flat = keras.layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
    weights = keras.initializers.GlorotUniform(seed)
    x = keras.layers.Dense(int(np.prod(outputs)), "tanh", kernel_initializer=weights)(flat)
    return keras.Model(inputs[0] if len(inputs) == 1 else inputs, keras.layers.Reshape(outputs)(x))


def copies(*networks):
    """Networks of their own with the same weights."""
    cloned = [keras.models.clone_model(network) for network in networks]
    for copy, network in zip(cloned, networks):
        copy.set_weights(network.get_weights())
    return cloned


def learn(networks, loss):
    """A step of gradient descent."""
    with tf.GradientTape() as tape:
        value = loss()
    weights = [weight for network in networks for weight in network.trainable_weights]
    for weight, gradient in zip(weights, tape.gradient(value, [w.value for w in weights])):
        weight.assign_sub(RATE * gradient)


def assert_same(networks, others):
    for network, other in zip(networks, others, strict=True):
        for weight, wanted in zip(network.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_allclose(weight, wanted, rtol=1e-5, atol=1e-6)


def trained(model, data):
    """The model after one step of gradient descent for each player."""
    players = {f"{p}_optimizer": keras.optimizers.SGD(RATE) for p in model.players()}
    model.compile(**players, run_eagerly=True)
    model.train_step(data)
    return model


@pytest.mark.parametrize("reuse_fakes", [False, True])
@pytest.mark.parametrize("family", ["GAN", "SNGAN", "CGAN"])
def test_the_generator_learns_from(family, reuse_fakes):
    labelled = family == "CGAN"
    condition = [()] if labelled else []
    generator = dense((3,), *condition, outputs=SHAPE, seed=0)
    discriminator = dense(SHAPE, *condition, outputs=(1,), seed=1)
    g, d = copies(generator, discriminator)
    options = {"num_classes": 3} if labelled else {}
    options |= {"critic_steps": 2} if family == "SNGAN" else {}
    model = getattr(models, family)(
        image_shape=SHAPE, latent_dim=3, generator=generator, discriminator=discriminator,
        reuse_fakes=reuse_fakes, seed=5, **options,
    )  # fmt: skip
    batches = IMAGES if family == "SNGAN" else IMAGES[:1]
    model._open_stream(tf.constant(0, tf.int64))
    latents = [model.draw_normal((6, 3)) for _ in range(len(batches) + 1)]

    def given(x):
        return [x, tf.constant(LABELS, tf.float32)] if labelled else x

    for images, z in zip(tf.unstack(tf.constant(batches)), latents):
        fakes = g(given(z))
        learn(
            [d],
            lambda images=images, fakes=fakes: sum(
                model.loss.discriminator(d(given(images)), d(given(fakes))).values()
            ),
        )
    z = latents[-2] if reuse_fakes else latents[-1]
    learn([g], lambda: model.loss.generator(d(given(g(given(z))))))

    images = [tf.constant(batch) for batch in batches]
    data = (images[0], tf.constant(LABELS)) if labelled else images[0]
    trained(model, tuple(images) if family == "SNGAN" else data)
    assert_same([model.generator, model.discriminator], [g, d])
    assert model.get_config()["reuse_fakes"] is reuse_fakes


@pytest.mark.parametrize("reuse_fakes", [False, True])
def test_cyclegans_discriminators_learn_from(reuse_fakes):
    names = ("generator_a_to_b", "generator_b_to_a", "discriminator_a", "discriminator_b")
    networks = {
        name: dense(SHAPE, outputs=SHAPE if "generator" in name else (1,), seed=i)
        for i, name in enumerate(names)
    }
    there, back, judge_a, judge_b = copies(*networks.values())
    model = models.CycleGAN(
        image_shape=SHAPE, pool_size=0, reuse_fakes=reuse_fakes, seed=5, **networks
    )
    a, b = tf.constant(IMAGES[0]), tf.constant(IMAGES[1])
    before = there(a), back(b)

    def distance(x, y):
        return tf.reduce_mean(abs(x - y))

    learn(
        [there, back],
        lambda: (
            tf.reduce_mean((judge_b(there(a)) - 1) ** 2)
            + tf.reduce_mean((judge_a(back(b)) - 1) ** 2)
            + 10 * (distance(a, back(there(a))) + distance(b, there(back(b))))
            + 5 * (distance(a, back(a)) + distance(b, there(b)))
        ),
    )
    fake_b, fake_a = before if reuse_fakes else (there(a), back(b))
    learn(
        [judge_a, judge_b],
        lambda: sum(
            tf.reduce_mean((judge(real) - 1) ** 2) / 2 + tf.reduce_mean(judge(fake) ** 2) / 2
            for judge, real, fake in ((judge_a, a, fake_a), (judge_b, b, fake_b))
        ),
    )
    trained(model, (a, b))
    assert_same([getattr(model, name) for name in names], [there, back, judge_a, judge_b])


@pytest.mark.parametrize("family", ["GAN", "CGAN", "CycleGAN"])
@pytest.mark.parametrize("value", ["no", None, 1])
def test_reuse_fakes_is_a_bool(family, value):
    options = {"num_classes": 3} if family == "CGAN" else {}
    message = rf"reuse_fakes must be True or False\. Received: reuse_fakes={value!r}"
    with pytest.raises(ValueError, match=message):
        getattr(models, family)(image_shape=(32, 32, 1), reuse_fakes=value, **options)
