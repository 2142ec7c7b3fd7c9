"""StarGAN: the family contract for both kinds of labels, targets, single images, bad input."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.layers import LabelPlanes
from kerasgan.models import StarGAN, stargan
from tests.models.harness import FamilyContract
from tests.models.test_reuse_fakes import dense

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


def test_each_critic_update_sees_a_fresh_batch():
    model = TestStarGAN().make_model(seed=0)
    model.compile(run_eagerly=True)
    seen, original = [], model.critic_loss
    model.critic_loss = lambda a, d: seen.append(float(a[0, 0, 0, 0])) or original(a, d)
    levels = np.linspace(-1, 1, 4, dtype="float32")
    images = np.repeat(levels, 2)[:, None, None, None] * np.ones((1, *SHAPE), "float32")
    model.fit(tf.data.Dataset.from_tensor_slices((images, [0, 1] * 4)).batch(2), verbose=0)
    np.testing.assert_allclose(seen, levels)


def test_targets_are_the_batchs_domains_in_another_order():
    model = TestStarGAN().make_model(seed=0)
    model.unpack_batches([None, None])
    domains = tf.one_hot(tf.range(12) % DOMAINS, DOMAINS)
    first, second = model.targets(domains).numpy(), model.targets(domains).numpy()
    np.testing.assert_array_equal(first.sum(axis=0), [4, 4, 4])
    assert not np.array_equal(first, domains) and not np.array_equal(first, second)


def test_a_single_image_gets_any_domain_or_an_attribute_turned_round():
    model = TestStarGAN().make_model(seed=0)
    model.unpack_batches([None, None])
    drawn = np.concatenate([model.targets(tf.constant([[0.0, 1.0, 0.0]])) for _ in range(300)])
    np.testing.assert_array_equal(np.sort(drawn, axis=1), [[0, 0, 1]] * 300)
    assert (np.abs(drawn.mean(axis=0) - 1 / 3) < 0.1).all()  # 3.7 standard deviations
    model = attribute_model()
    model.unpack_batches((None, None))
    row = tf.constant([[1.0, 1.0, 0.0]])
    turned = np.concatenate([np.abs(model.targets(row) - row) for _ in range(300)])
    np.testing.assert_array_equal(np.sort(turned, axis=1), [[0, 0, 1]] * 300)
    assert (np.abs(turned.mean(axis=0) - 1 / 3) < 0.1).all()


@pytest.mark.parametrize("jit_compile", [False, True])
def test_batches_of_one_train(jit_compile):
    model = TestStarGAN().make_model(seed=0)
    model.compile(jit_compile=jit_compile)
    history = model.fit(TestStarGAN().dataset(batch=1, steps=4), verbose=0).history
    assert np.isfinite([values[-1] for values in history.values()]).all()


def test_a_sheet_of_a_model_that_has_just_diverged_is_grey():
    model = TestStarGAN().make_model(seed=0)
    model.ema_generator.set_weights([w * np.nan for w in model.ema_generator.get_weights()])
    images, labels = TestStarGAN().make_arrays(2)
    sheet = model.sheet((images, labels))
    np.testing.assert_array_equal(sheet["input"], images)
    assert not sheet["as 2"].any()


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
        ({"image_shape": (30, 32, 3), "generator": None}, r"multiples of 4.*\(30, 32, 3\)"),
        ({"num_domains": 4}, r"generator must turn images \(8, 8, 3\) and \(4,\) into"),
        (
            {"critic": stargan.build_critic(4, SHAPE, width=4)},
            r"critic must return any shape and shape \(3,\) and nothing else .*"
            r"Received: a network that returns \(2, 2, 1\) and \(4,\)",
        ),
        (
            {"critic": dense(SHAPE, outputs=(1,), seed=0)},
            r"shape \(3,\).*Received: a network that returns \(1,\)$",
        ),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    networks = {
        "generator": tiny_generator(),
        "critic": stargan.build_critic(DOMAINS, SHAPE, width=4),
    }
    with pytest.raises(ValueError, match=message):
        StarGAN(**{"num_domains": DOMAINS, "image_shape": SHAPE, **networks, **arguments})
