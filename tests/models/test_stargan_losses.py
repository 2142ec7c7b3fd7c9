"""StarGAN: losses and a step by hand, what the penalty moves."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.models import StarGAN, stargan
from tests.models.test_reuse_fakes import assert_same, copies, dense, learn, trained
from tests.models.test_stargan import DOMAINS, SHAPE, tiny_generator


def mean_critic():
    """Of an image of mean m: score 1.5 m + 0.25, logits m, 1 - 2 m, 3 m - 1."""
    images = keras.Input(SHAPE)
    means = keras.layers.Flatten()(keras.layers.AveragePooling2D(8)(images))  # (batch, 3)
    scores, logits = keras.layers.Dense(1)(means), keras.layers.Dense(DOMAINS)(means)
    critic = keras.Model(images, [scores, logits])
    weights = [[0.5]] * 3, [0.25], np.array([[1.0, -2.0, 3.0]] * 3) / 3, [0.0, 1.0, -1.0]
    critic.set_weights([np.array(w) for w in weights])
    return critic


def shifting_generator():
    """Half the image, plus 0.1, -0.2 or 0.3, as the domain is."""
    images, domains = keras.Input((None, None, 3)), keras.Input((DOMAINS,))
    shift = keras.layers.Dense(1, use_bias=False)(domains)
    halved = keras.layers.Rescaling(0.5)(images)
    shifted = keras.layers.Add()([halved, keras.layers.Reshape((1, 1, 1))(shift)])
    generator = keras.Model([images, domains], shifted)
    generator.set_weights([np.array([[0.1], [-0.2], [0.3]])])
    return generator


def hand_model(exclusive):
    return StarGAN(
        DOMAINS,
        exclusive=exclusive,
        image_shape=SHAPE,
        classification_weight=2.0,
        reconstruction_weight=10.0,
        gradient_penalty_weight=4.0,
        generator=shifting_generator(),
        critic=mean_critic(),
        seed=0,
    )


def cross_entropy(means, domains):
    """Of `mean_critic`'s logits, in NumPy: the mean of -log of each image's domain."""
    logits = np.outer(means, [1.0, -2.0, 3.0]) + np.array([0.0, 1.0, -1.0])
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return -np.log(shares[np.arange(len(means)), domains]).mean()


def test_losses_of_exclusive_domains_by_hand():
    """Images of 0.8 in domain 0 and of -0.4 in domain 2, each asked for as the other's domain:
    fakes are 0.4 + 0.3 and -0.2 + 0.1, and back come 0.35 + 0.1 and -0.05 + 0.3.
    """
    model = hand_model(exclusive=True)
    model.targets = lambda domains: domains[::-1]
    images = tf.constant([0.8, -0.4])[:, None, None, None] * tf.ones((2, *SHAPE))
    domains = model.domains(tf.constant([0, 2]))
    model.unpack_batches([(images, domains)] * 5)
    terms = {k: float(v) for k, v in model.critic_loss(images, domains).items()}
    slope = 1.5 / np.sqrt(192)  # of the mean of 192 values, times 1.5
    assert terms == {
        "real": pytest.approx(-(1.5 * 0.2 + 0.25), rel=1e-5),
        "fake": pytest.approx(1.5 * 0.3 + 0.25, rel=1e-5),
        "gradient_penalty": pytest.approx(4 * (slope - 1) ** 2, rel=1e-5),
        "classification": pytest.approx(2 * cross_entropy([0.8, -0.4], [0, 2]), rel=1e-5),
    }
    terms = {k: float(v) for k, v in model.generator_loss(images, domains).items()}
    assert terms == {
        "adversarial": pytest.approx(-(1.5 * 0.3 + 0.25), rel=1e-5),
        "classification": pytest.approx(2 * cross_entropy([0.7, -0.1], [2, 0]), rel=1e-5),
        "reconstruction": pytest.approx(10 * (0.35 + 0.65) / 2, rel=1e-5),
    }


def two_headed_critic():
    """Scores and logits of domains over a common hidden layer."""
    images = keras.Input((4, 4, 1))
    x = keras.layers.Dense(6, "tanh")(keras.layers.Flatten()(images))
    return keras.Model(images, [keras.layers.Dense(1)(x), keras.layers.Dense(DOMAINS)(x)])


def test_a_step_of_two_critic_updates_by_hand():
    keras.utils.set_random_seed(0)
    generator = dense((4, 4, 1), (DOMAINS,), outputs=(4, 4, 1), seed=0)
    critic = two_headed_critic()
    g, c = copies(generator, critic)
    before = [*g.get_weights(), *c.get_weights()]
    model = StarGAN(
        DOMAINS, image_shape=(4, 4, 1), critic_steps=2, generator=generator, critic=critic,
        classification_weight=2.0, reconstruction_weight=3.0, gradient_penalty_weight=4.0, seed=5,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    batches = [
        (rng.uniform(-1, 1, (6, 4, 4, 1)).astype("float32"), rng.permutation([0, 0, 1, 1, 2, 2]))
        for _ in range(2)
    ]
    model._open_stream(tf.constant(0, tf.int64))
    orders, mixes = [], []
    for _ in batches:
        orders.append(np.argsort(model.draw_uniform([6])))
        mixes.append(np.reshape(model.draw_uniform([6]), (6, 1, 1, 1)))
    orders.append(np.argsort(model.draw_uniform([6])))

    def rows(labels):
        return tf.one_hot(labels, DOMAINS)

    def named(labels, logits):
        return -tf.reduce_mean(tf.reduce_sum(rows(labels) * tf.nn.log_softmax(logits), axis=1))

    def critic_loss(images, fakes, labels, mix):
        scores, logits = c(images)
        mixed = tf.constant((1 - mix) * images + mix * fakes)
        with tf.GradientTape() as tape:
            tape.watch(mixed)
            score = c(mixed)[0]
        norms = tf.sqrt(tf.reduce_sum(tape.gradient(score, mixed) ** 2, axis=[1, 2, 3]))
        distance = tf.reduce_mean(c(fakes)[0]) - tf.reduce_mean(scores)
        return distance + 4 * tf.reduce_mean((norms - 1) ** 2) + 2 * named(labels, logits)

    def generator_loss(images, labels, targets):
        fakes = g([tf.constant(images), rows(targets)])
        scores, logits = c(fakes)
        back = g([fakes, rows(labels)])
        rebuilt = tf.reduce_mean(abs(images - back))
        return 2 * named(targets, logits) + 3 * rebuilt - tf.reduce_mean(scores)

    for (images, labels), order, mix in zip(batches, orders, mixes):
        fakes = g([tf.constant(images), rows(labels[order])]).numpy()
        learn([c], lambda a=images, b=fakes, y=labels, m=mix: critic_loss(a, b, y, m))
    learn([g], lambda: generator_loss(images, labels, labels[orders[2]]))

    trained(model, tuple((tf.constant(a), tf.constant(y)) for a, y in batches))
    assert_same([model.generator, model.critic], [g, c])
    after = [*g.get_weights(), *c.get_weights()]
    unmoved = [a.shape for a, b in zip(before, after) if np.abs(a - b).max() < 1e-3]
    assert unmoved == [(1,)]  # the scores' bias: as much up for real images as down for fakes


def test_the_penalty_alone_moves_every_kernel_that_the_score_depends_on():
    shape = (16, 16, 3)
    model = StarGAN(
        DOMAINS,
        image_shape=shape,
        generator=tiny_generator(),
        critic=stargan.build_critic(DOMAINS, shape, width=4),
        seed=0,
    )
    model._open_stream(tf.constant(0, tf.int64))
    kernels = [v for v in model.critic.trainable_variables if v.name == "kernel"]
    images = tf.constant(np.random.default_rng(0).uniform(-1, 1, (4, *shape)), tf.float32)
    with tf.GradientTape() as tape:
        terms = model.critic_loss(images, tf.one_hot([0, 1, 2, 0], DOMAINS))
    gradients = tape.gradient(terms["gradient_penalty"], [v.value for v in kernels])
    moved = [g is not None and float(tf.reduce_max(abs(g))) > 0 for g in gradients]
    # three convolutions and the scores; the domains' head over the map of 2x2 is no part of it
    assert [k.shape for k, m in zip(kernels, moved) if not m] == [(2, 2, 16, DOMAINS)]
    assert len(kernels) == 5


def test_classification_of_attributes_is_summed_over_them():
    model = hand_model(exclusive=False)
    rows = tf.constant([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    logits = tf.constant([[0.0, 1.0, -1.0]] * 2)
    softplus = lambda x: np.log(1 + np.exp(x))  # noqa: E731
    first = softplus(0.0) + softplus(-1.0) + softplus(-1.0)
    second = softplus(0.0) + softplus(1.0) + softplus(-1.0)
    found = float(model.classification_loss(rows, logits))
    assert found == pytest.approx(2 * (first + second) / 2, rel=1e-5)
