"""DiscoGAN: the family contract, two generator updates for one of D, curriculum, features."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.models import DiscoGAN, discogan
from kerasgan.networks.patch import build_patch_discriminator
from tests.models.harness import FamilyContract
from tests.models.test_cyclegan import WAYS, tiny_generator

SHAPE = (16, 16, 3)
LOGS = {f"discriminator_{part}_{domain}" for part in ("real", "fake") for domain in "ab"}
LOGS |= {f"generator_adversarial_{way}" for way in WAYS}
LOGS |= {f"generator_{term}_{d}" for term in ("reconstruction", "features") for d in "ab"}
LOGS |= {"discriminator_loss", "generator_loss"}


def tiny_discriminator():
    """One map and a logit."""
    images = keras.Input(SHAPE)
    x = keras.layers.LeakyReLU()(keras.layers.Conv2D(4, 4, 4)(images))
    logits = keras.layers.Dense(1, dtype="float32")(keras.layers.Flatten()(x))
    return keras.Model(images, [logits, x])


def tiny_networks():
    networks = {f"generator_{way}": tiny_generator() for way in WAYS}
    return networks | {f"discriminator_{d}": tiny_discriminator() for d in "ab"}


class TestDiscoGAN(FamilyContract):
    log_names = LOGS

    def make_model(self, **kwargs):
        return DiscoGAN(image_shape=SHAPE, **tiny_networks(), **kwargs)

    def make_arrays(self, n):
        return tuple(np.random.default_rng(0).uniform(-1, 1, (2, n, *SHAPE)).astype("float32"))

    def sample(self, model, n, seed=0):
        images = np.random.default_rng(seed).uniform(-1, 1, (n, *SHAPE)).astype("float32")
        return model.translate_b_to_a(images)

    def test_update_counts(self):
        model = self.make_model(seed=0)
        model.fit(self.dataset(steps=7), verbose=0)  # two steps of three batches; one is left over
        assert int(model.step_counter.numpy()) == 2
        assert int(model.discriminator_optimizer.iterations.numpy()) == 2
        assert int(model.generator_optimizer.iterations.numpy()) == 4


def test_the_papers_networks_train_in_small():
    networks = {f"generator_{way}": discogan.build_generator(SHAPE, 4) for way in WAYS}
    networks |= {f"discriminator_{d}": discogan.build_discriminator(SHAPE, 4) for d in "ab"}
    model = DiscoGAN(image_shape=SHAPE, **networks, seed=0)
    before = [v.numpy() for v in model.trainable_variables]
    model.fit(TestDiscoGAN().dataset(batch=2, steps=3), verbose=0)
    kernels = [
        np.abs(a - v.numpy()).max()
        for a, v in zip(before, model.trainable_variables)
        if v.name == "kernel"
    ]
    assert min(kernels) > 0.0


def affine_generator(slope, offset):
    """Every value x becomes slope x + offset."""
    images = keras.Input((None, None, 3))
    return keras.Model(images, keras.layers.Rescaling(slope, offset)(images))


def mean_discriminator(slope):
    """Logit: slope times the mean of the image; map: the image times 2."""
    images = keras.Input(SHAPE)
    pooled = keras.layers.GlobalAveragePooling2D()(images)
    logits = keras.layers.Dense(
        1, use_bias=False, kernel_initializer=keras.initializers.Constant(slope / 3)
    )(pooled)
    return keras.Model(images, [logits, keras.layers.Rescaling(2.0)(images)])


def hand_model():
    """G(a) = a / 2 + 0.45 and F(b) = b / 4 - 0.175; D_a(x) = -mean(x), D_b(x) = 2 mean(x).

    Of a = 0.1 and b = -0.3: G(a) = 0.5 and F(b) = -0.25, back come F(0.5) = -0.05 and
    G(-0.25) = 0.325.
    """
    return DiscoGAN(
        image_shape=SHAPE,
        generator_a_to_b=affine_generator(0.5, 0.45),
        generator_b_to_a=affine_generator(0.25, -0.175),
        discriminator_a=mean_discriminator(-1.0),
        discriminator_b=mean_discriminator(2.0),
        curriculum_updates=4,  # of the generators: two steps
        feature_share=0.9,
        seed=0,
    )


def check_terms(terms, wanted):
    assert set(terms) == set(wanted)
    for name, value in wanted.items():
        np.testing.assert_allclose(terms[name], value, rtol=1e-5, err_msg=name)


def softplus(x):
    return np.log(1 + np.exp(x))


@pytest.mark.parametrize(("steps", "share"), [(0, 0.01), (1, 0.01), (2, 0.5)])
def test_generator_loss_by_hand_before_and_after_the_curriculum(steps, share):
    model = hand_model()
    model.step_counter.assign(steps)
    images_a, images_b = tf.fill((2, *SHAPE), 0.1), tf.fill((2, *SHAPE), -0.3)
    model.unpack_batches([(images_a, images_b)] * 3)
    rest = 1 - share
    wanted = {
        "reconstruction_a": share * 0.15**2,
        "reconstruction_b": share * 0.625**2,
        "adversarial_a_to_b": rest * 0.1 * softplus(-1.0),  # logit 2 x 0.5
        "adversarial_b_to_a": rest * 0.1 * softplus(-0.25),
        "features_b": rest * 0.9 * (2 * 0.8) ** 2,  # maps 2 x 0.5 and 2 x -0.3
        "features_a": rest * 0.9 * (2 * 0.35) ** 2,
    }
    check_terms(model.generator_loss(images_a, images_b), wanted)


def test_discriminator_loss_by_hand():
    model = hand_model()
    images_a, images_b = tf.fill((2, *SHAPE), 0.1), tf.fill((2, *SHAPE), -0.3)
    model.unpack_batches([(images_a, images_b)] * 3)
    wanted = {
        "real_a": softplus(0.1),  # logits -0.1, 0.25, -0.6 and 1
        "fake_a": softplus(0.25),
        "real_b": softplus(0.6),
        "fake_b": softplus(1.0),
    }
    check_terms(model.discriminator_loss(images_a, images_b), wanted)


def test_feature_matching_compares_means_over_the_batch():
    real = tf.constant([[0.0, 2.0], [4.0, 0.0]])  # mean 2, 1
    fake = tf.constant([[2.0, 1.0], [2.0, 1.0]])  # the same mean
    assert float(discogan.feature_matching([real], [fake])) == 0.0
    assert float(discogan.feature_matching([real, real], [fake, fake + 1.0])) == 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"reconstruction_share": 1.5}, r"reconstruction_share must lie in \[0, 1\]"),
        ({"feature_share": -0.1}, r"feature_share must lie in \[0, 1\]"),
        ({"curriculum_updates": -1}, "curriculum_updates must be"),
        ({"loss": "relativistic"}, "judge fakes by themselves"),
        (
            {"discriminator_b": build_patch_discriminator(SHAPE, None, 4, 1)},
            r"discriminator_b must return any shape and one or more of any shape .*"
            r"Received: a network that returns \(6, 6, 1\)$",
        ),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        DiscoGAN(**{"image_shape": SHAPE, **tiny_networks(), **arguments})


def test_sizes_that_cannot_be_halved_four_times_are_refused():
    with pytest.raises(ValueError, match=r"multiples of 16.*Received: image_shape=\(28, 28, 3\)"):
        DiscoGAN(image_shape=(28, 28, 3))
