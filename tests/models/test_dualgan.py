"""DualGAN: the family contract, clipping, fresh batches, losses by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.layers import NoiseDropout
from kerasgan.models import DualGAN
from kerasgan.networks.patch import build_patch_discriminator
from kerasgan.networks.unet import build_unet
from tests.models.harness import FamilyContract
from tests.models.test_cyclegan import SHAPE, WAYS
from tests.models.test_discogan import affine_generator, check_terms

LOGS = {f"critic_{part}_{domain}" for part in ("real", "fake") for domain in "ab"}
LOGS |= {f"generator_adversarial_{way}" for way in WAYS}
LOGS |= {"generator_reconstruction_a", "generator_reconstruction_b"}
LOGS |= {"critic_loss", "generator_loss"}


def tiny_generator():
    """A generator with noise; the U-Net has tests of its own."""
    images, seeds = keras.Input((None, None, 3)), keras.Input((2,), dtype="int64")
    x = keras.layers.Conv2D(4, 3, padding="same")(images)
    x = keras.layers.LeakyReLU()(NoiseDropout(0.5)([x, seeds]))
    x = keras.layers.Conv2D(3, 3, padding="same", activation="tanh", dtype="float32")(x)
    return keras.Model([images, seeds], x)


def tiny_networks():
    networks = {f"generator_{way}": tiny_generator() for way in WAYS}
    return networks | {
        f"critic_{d}": build_patch_discriminator(SHAPE, None, 4, 1, None, name=f"critic_{d}")
        for d in "ab"
    }


class TestDualGAN(FamilyContract):
    log_names = LOGS

    def make_model(self, **kwargs):
        return DualGAN(
            image_shape=SHAPE, clip=0.02, reconstruction_weight=20.0, **tiny_networks(), **kwargs
        )

    def make_arrays(self, n):
        return tuple(np.random.default_rng(0).uniform(-1, 1, (2, n, *SHAPE)).astype("float32"))

    def sample(self, model, n, seed=0):
        return model.translate_a_to_b(self.make_arrays(n)[0], seed=seed)


def test_the_papers_networks_train_in_small():
    networks = {f"generator_{way}": build_unet(SHAPE, width=4) for way in WAYS}
    networks |= {f"critic_{d}": build_patch_discriminator(SHAPE, None, 4, 1) for d in "ab"}
    model = DualGAN(image_shape=SHAPE, **networks, seed=0)
    before = [v.numpy() for v in model.trainable_variables]
    model.fit(TestDualGAN().dataset(batch=2, steps=2), verbose=0)
    kernels = [
        np.abs(a - v.numpy()).max()
        for a, v in zip(before, model.trainable_variables)
        if v.name == "kernel"
    ]
    assert min(kernels) > 0.0


def sum_critic(slope, offset):
    """A score for each pixel: slope times the sum of its 3 values, plus the offset."""
    images = keras.Input(SHAPE)
    critic = keras.Model(images, keras.layers.Dense(1)(images))
    critic.set_weights([np.full((3, 1), slope), np.array([offset])])
    return critic


def test_losses_by_hand():
    # G(a) = a / 2 + 0.45 and F(b) = b / 4 - 0.175; f_a(x) = 6 x + 2 and f_b(x) = 3 x - 3. Of
    # a = 0.1 and b = -0.3 they make 0.5 and -0.25; back come F(0.5) = -0.05, G(-0.25) = 0.325.
    model = DualGAN(
        image_shape=SHAPE,
        generator_a_to_b=affine_generator(0.5, 0.45),
        generator_b_to_a=affine_generator(0.25, -0.175),
        critic_a=sum_critic(2.0, 2.0),
        critic_b=sum_critic(1.0, -3.0),
        reconstruction_weight=100.0,
        seed=0,
    )
    images_a, images_b = tf.fill((2, *SHAPE), 0.1), tf.fill((2, *SHAPE), -0.3)
    model.unpack_batches([(images_a, images_b)] * 2)
    wanted = {
        "adversarial_a_to_b": -(3 * 0.5 - 3),
        "adversarial_b_to_a": -(6 * -0.25 + 2),
        "reconstruction_a": 100 * 0.15,
        "reconstruction_b": 100 * 0.625,
    }
    check_terms(model.generator_loss(images_a, images_b), wanted)
    wanted = {
        "real_a": -(6 * 0.1 + 2),
        "fake_a": 6 * -0.25 + 2,
        "real_b": -(3 * -0.3 - 3),
        "fake_b": 3 * 0.5 - 3,
    }
    check_terms(model.critic_loss(images_a, images_b), wanted)


@pytest.mark.parametrize(("slope", "shown"), [(4.0, 1.0), (-np.inf, -1.0), (np.nan, 0.0)])
def test_the_sheet_shows_generators_without_tanh_and_diverged_ones(slope, shown):
    networks = {f"generator_{way}": affine_generator(slope, 0.0) for way in WAYS}
    model = DualGAN(image_shape=SHAPE, **{**tiny_networks(), **networks}, seed=0)
    images = np.full((2, *SHAPE), 0.5, "float32")
    sheet = model.sheet((images, images))
    for title in ("A", "B"):
        np.testing.assert_array_equal(sheet[title], images)
    for title in ("A to B", "B to A"):
        np.testing.assert_array_equal(sheet[title], images * 2 * shown, err_msg=title)
    back = {4.0: 1.0, -np.inf: 1.0}.get(slope, 0.0)  # of 1, -1 and 0
    np.testing.assert_array_equal(sheet["and back"], images * 2 * back)
    np.testing.assert_array_equal(sheet["and back to B"], images * 2 * back)


def two_outputs():
    """A critic that returns its map as well."""
    critic = build_patch_discriminator(SHAPE, None, 4, 1)
    return keras.Model(critic.inputs, [critic.output, critic.layers[-2].output])


def test_only_the_critics_are_clipped():
    model = TestDualGAN().make_model(seed=0)
    model.fit(TestDualGAN().dataset(), verbose=0)
    for critic in (model.critic_a, model.critic_b):
        assert max(np.abs(v.numpy()).max() for v in critic.trainable_variables) == (
            pytest.approx(0.02)
        )
    assert max(np.abs(v.numpy()).max() for v in model.player_variables("generator")) > 0.04


def test_each_critic_update_sees_a_fresh_batch():
    model = TestDualGAN().make_model(seed=0)
    model.compile(run_eagerly=True)
    seen, original = [], model.critic_loss
    model.critic_loss = lambda a, b: seen.append(float(b[0, 0, 0, 0])) or original(a, b)
    levels = np.linspace(-1, 1, 4, dtype="float32")
    images = np.repeat(levels, 2)[:, None, None, None] * np.ones((1, *SHAPE), "float32")
    model.fit(tf.data.Dataset.from_tensor_slices((images, -images)).batch(2), verbose=0)
    np.testing.assert_allclose(seen, -levels)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"reconstruction_weight": -1.0}, "reconstruction_weight must be"),
        ({"clip": 0.0}, "clip must be"),
        ({"critic_steps": 0}, "critic_steps must be"),
        ({"critic_b": two_outputs()}, "critic_b must return any shape and nothing else"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        DualGAN(**{"image_shape": SHAPE, **tiny_networks(), **arguments})
