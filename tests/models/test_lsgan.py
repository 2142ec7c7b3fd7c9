"""LSGAN: the family contract, and its three labels in the losses of a step."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.models import LSGAN
from kerasgan.networks import dcgan
from tests.models.harness import FamilyContract
from tests.models.test_gan import LOGS, SHAPE, constant_networks


class TestLSGAN(FamilyContract):
    log_names = LOGS

    def make_model(self, **kwargs):
        return LSGAN(
            -1.0,
            1.0,
            0.0,
            image_shape=SHAPE,
            latent_dim=4,
            generator=dcgan.build_generator(4, SHAPE, width=4),
            discriminator=dcgan.build_discriminator(SHAPE, width=4),
            **kwargs,
        )

    def make_arrays(self, n):
        return np.random.default_rng(0).uniform(-1, 1, (n, *SHAPE)).astype("float32")

    def sample(self, model, n, seed=0):
        return model.generate(n, seed=seed)


@pytest.mark.parametrize(
    "labels, real, fake, generator",
    [
        # D answers 0.5: (0.5 - b)^2 / 2, (0.5 - a)^2 / 2, (0.5 - c)^2 / 2
        ((-1.0, 1.0, 0.0), 0.125, 1.125, 0.125),
        ((0.0, 1.0, 1.0), 0.125, 0.125, 0.125),
        ((0.0, 1.0, 0.9), 0.125, 0.125, 0.08),
    ],
)
def test_losses_of_a_step_by_hand(labels, real, fake, generator):
    makes, judges = constant_networks(0.5)
    model = LSGAN(
        *labels, image_shape=SHAPE, latent_dim=4, generator=makes, discriminator=judges, seed=0
    )
    still = {f"{player}_optimizer": keras.optimizers.SGD(0.0) for player in model.players()}
    model.compile(**still)
    history = model.fit(tf.zeros((4, *SHAPE)) - 1.0, batch_size=4, verbose=0).history
    assert history["discriminator_real"][0] == pytest.approx(real, abs=1e-6)
    assert history["discriminator_fake"][0] == pytest.approx(fake, abs=1e-6)
    assert history["generator_adversarial"][0] == pytest.approx(generator, abs=1e-6)


def test_labels_come_back_from_a_file(tmp_path):
    TestLSGAN().make_model(seed=0).save(tmp_path / "m.keras")
    model = keras.saving.load_model(tmp_path / "m.keras")
    assert (model.a, model.b, model.c) == (-1.0, 1.0, 0.0)
    assert (model.loss.a, model.loss.b, model.loss.c) == (-1.0, 1.0, 0.0)


@pytest.mark.parametrize(
    "labels, words",
    [
        ((1.0, 1.0, 0.0), "differ"),
        ((0.0, 1.0, 0.0), "b's side of a"),
        ((0.0, 1.0, -0.5), "b's side of a"),
        ((1.0, 0.0, 2.0), "b's side of a"),
        ((float("nan"), 1.0, 1.0), "a must be a finite number"),
        ((0.0, 1.0, "one"), "c must be a finite number"),
    ],
)
def test_labels_outside_their_meaning_are_named(labels, words):
    with pytest.raises(ValueError, match=words) as error:
        LSGAN(*labels, image_shape=SHAPE)
    assert "Received" in str(error.value)


def test_the_loss_is_no_argument():
    with pytest.raises(TypeError, match=r"follows from a, b and c.*loss='hinge'"):
        LSGAN(loss="hinge", image_shape=SHAPE)
