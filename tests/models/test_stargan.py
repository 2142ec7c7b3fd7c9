"""StarGAN: the family contract for both kinds of labels, losses by hand, targets, bad input."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.layers import LabelPlanes
from kerasgan.models import StarGAN, stargan
from tests.models.harness import FamilyContract

SHAPE = (8, 8, 3)
DOMAINS = 3
LOGS = {"critic_real", "critic_fake", "critic_gradient_penalty", "critic_classification"}
LOGS |= {"generator_adversarial", "generator_classification", "generator_reconstruction"}
LOGS |= {"critic_loss", "generator_loss"}


def tiny_generator():
    """Two convolutions: the contract is about the steps."""
    images, domains = keras.Input((None, None, 3)), keras.Input((DOMAINS,))
    x = keras.layers.Conv2D(4, 3, padding="same")(LabelPlanes()([images, domains]))
    x = keras.layers.LeakyReLU()(x)
    x = keras.layers.Conv2D(3, 3, padding="same", activation="tanh", dtype="float32")(x)
    return keras.Model([images, domains], x)


class TestStarGAN(FamilyContract):
    log_names = LOGS

    def make_model(self, **kwargs):
        return StarGAN(
            DOMAINS,
            image_shape=SHAPE,
            critic_steps=2,
            generator=tiny_generator(),
            critic=stargan.build_critic(DOMAINS, SHAPE, width=4, halvings=1),
            **kwargs,
        )

    def make_arrays(self, n):
        rng = np.random.default_rng(0)
        images = rng.uniform(-1, 1, (n, *SHAPE)).astype("float32")
        return images, rng.integers(0, DOMAINS, n).astype("int32")

    def sample(self, model, n, seed=0):
        images = np.random.default_rng(seed).uniform(-1, 1, (n, *SHAPE)).astype("float32")
        return model.translate(images, [1] * n)


def attribute_model(**kwargs):
    return StarGAN(
        DOMAINS,
        exclusive=False,
        image_shape=SHAPE,
        critic_steps=1,
        generator=tiny_generator(),
        critic=stargan.build_critic(DOMAINS, SHAPE, width=4, halvings=1),
        seed=0,
        **kwargs,
    )


def attribute_arrays(n):
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (n, *SHAPE)).astype("float32")
    return images, rng.integers(0, 2, (n, DOMAINS)).astype("float32")


def test_attributes_train_and_translate():
    model = attribute_model()
    dataset = tf.data.Dataset.from_tensor_slices(attribute_arrays(8)).batch(4)
    history = model.fit(dataset, verbose=0).history
    assert set(history) == LOGS
    assert np.isfinite([values[-1] for values in history.values()]).all()
    images, rows = attribute_arrays(2)
    assert model.translate(images, rows).shape == (2, *SHAPE)
    sheet = model.sheet((images, rows))
    assert list(sheet) == ["input", "0 turned", "1 turned", "2 turned"]
    turned = rows.copy()
    turned[:, 1] = 1 - turned[:, 1]
    np.testing.assert_array_equal(sheet["1 turned"], model.translate(images, turned))


def test_the_papers_networks_train_in_small():
    shape = (16, 16, 3)
    model = StarGAN(
        DOMAINS,
        image_shape=shape,
        critic_steps=1,
        generator=stargan.build_generator(DOMAINS, shape, width=4, blocks=1),
        critic=stargan.build_critic(DOMAINS, shape, width=4),
        seed=0,
    )
    before = [v.numpy() for v in model.trainable_variables]
    images = np.random.default_rng(0).uniform(-1, 1, (4, *shape)).astype("float32")
    model.fit(images, np.arange(4, dtype="int32") % DOMAINS, batch_size=2, verbose=0)
    kernels = [
        np.abs(a - v.numpy()).max()
        for a, v in zip(before, model.trainable_variables)
        if v.name == "kernel"
    ]
    assert min(kernels) > 0.0


def test_the_papers_critic_has_its_shapes():
    critic = stargan.build_critic(5, (128, 128, 3), width=1)
    assert [o.shape[1:] for o in critic.outputs] == [(2, 2, 1), (5,)]
    assert stargan.build_critic(5, (32, 32, 3), width=1).outputs[0].shape[1:] == (2, 2, 1)


def constant_critic(score, logits):
    """Everywhere the same score, and the same logits of domains."""
    images = keras.Input(SHAPE)
    scores = keras.layers.Conv2D(
        1, 1, kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(score)
    )(images)
    flat = keras.layers.Flatten()(images)
    dense = keras.layers.Dense(DOMAINS, kernel_initializer="zeros")
    critic = keras.Model(images, [scores, dense(flat)])
    dense.bias.assign(logits)
    return critic


def halving_generator():
    """Half the image, whatever the domain."""
    images, domains = keras.Input((None, None, 3)), keras.Input((DOMAINS,))
    zero = keras.layers.Dense(1, kernel_initializer="zeros", trainable=False)(domains)
    zero = keras.layers.Reshape((1, 1, 1))(zero)
    halved = keras.layers.Rescaling(0.5)(images)
    return keras.Model([images, domains], keras.layers.Add()([halved, zero]))


def hand_model(exclusive):
    return StarGAN(
        DOMAINS,
        exclusive=exclusive,
        image_shape=SHAPE,
        classification_weight=2.0,
        reconstruction_weight=10.0,
        gradient_penalty_weight=4.0,
        generator=halving_generator(),
        critic=constant_critic(1.5, [0.0, 1.0, -1.0]),
        seed=0,
    )


def test_losses_of_exclusive_domains_by_hand():
    model = hand_model(exclusive=True)
    images, domains = tf.fill((2, *SHAPE), 0.8), model.domains(tf.constant([1, 1]))
    model.unpack_batches([(images, domains)] * 5)
    log_p1 = 1.0 - np.log(1 + np.e + 1 / np.e)
    terms = {k: float(v) for k, v in model.critic_loss(images, domains).items()}
    assert terms == {
        "real": pytest.approx(-1.5),
        "fake": pytest.approx(1.5),
        "gradient_penalty": pytest.approx(4.0),  # (0 - 1)^2: a constant critic has no slope
        "classification": pytest.approx(-2 * log_p1, rel=1e-5),
    }
    terms = {k: float(v) for k, v in model.generator_loss(images, domains).items()}
    assert terms == {
        "adversarial": pytest.approx(-1.5),
        "classification": pytest.approx(-2 * log_p1, rel=1e-5),  # targets: 1 and 1 again
        "reconstruction": pytest.approx(10 * 0.6, rel=1e-5),  # a quarter of 0.8 comes back
    }


def test_classification_of_attributes_is_summed_over_them():
    model = hand_model(exclusive=False)
    rows = tf.constant([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    logits = tf.constant([[0.0, 1.0, -1.0]] * 2)
    softplus = lambda x: np.log(1 + np.exp(x))  # noqa: E731
    first = softplus(0.0) + softplus(-1.0) + softplus(-1.0)
    second = softplus(0.0) + softplus(1.0) + softplus(-1.0)
    found = float(model.classification_loss(rows, logits))
    assert found == pytest.approx(2 * (first + second) / 2, rel=1e-5)


def test_targets_are_the_batchs_domains_in_another_order():
    model = TestStarGAN().make_model(seed=0)
    model.unpack_batches([None, None])
    domains = tf.one_hot(tf.range(12) % DOMAINS, DOMAINS)
    first, second = model.targets(domains).numpy(), model.targets(domains).numpy()
    np.testing.assert_array_equal(first.sum(axis=0), [4, 4, 4])
    assert not np.array_equal(first, domains) and not np.array_equal(first, second)


def test_the_generator_sees_the_domain():
    model = TestStarGAN().make_model(seed=0)
    images = TestStarGAN().make_arrays(2)[0]
    others = model.translate(images, [0, 0]) - model.translate(images, [1, 1])
    assert np.abs(others).max() > 1e-3


@pytest.mark.parametrize(
    ("domains", "message"),
    [
        ([0], r"as many integers as there are images, 2"),
        ([0, 3], r"domains must lie in \[0, 3\)"),
        ([[1, 0, 0], [0, 1, 0]], "list of integers"),
    ],
)
def test_bad_targets_are_refused(domains, message):
    model = TestStarGAN().make_model(seed=0)
    with pytest.raises(ValueError, match=message):
        model.translate(TestStarGAN().make_arrays(2)[0], domains)


def test_bad_rows_of_attributes_are_refused():
    images = attribute_arrays(2)[0]
    for rows in ([[1.0, 0.5, 0.0]] * 2, [[1.0, 0.0]] * 2, [[1.0, 0.0, 1.0]]):
        with pytest.raises(ValueError, match="as many rows of 3 zeros and ones"):
            attribute_model().translate(images, rows)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_domains": 0}, "num_domains must be"),
        ({"num_domains": 1}, "num_domains must be 2 or more"),
        ({"critic_steps": 0}, "critic_steps must be"),
        ({"gradient_penalty_weight": 0.0}, "gradient_penalty_weight must be"),
        ({"reconstruction_weight": -1.0}, "reconstruction_weight must be"),
        ({"num_domains": 4}, r"generator must turn images \(8, 8, 3\) and \(4,\) into"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    networks = {"generator": tiny_generator(), "critic": constant_critic(0.0, [0.0] * 3)}
    with pytest.raises(ValueError, match=message):
        StarGAN(**{"num_domains": DOMAINS, "image_shape": SHAPE, **networks, **arguments})
