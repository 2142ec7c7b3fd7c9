"""A place of its own for each test, and a tiny preset in it."""

import shutil

import keras
import numpy as np
import pytest

from kerasgan.models import GAN, gan

SHAPE = (3, 3, 1)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """KERASGAN_HOME and the working directory, both empty."""
    home, working = tmp_path / "home", tmp_path / "working"
    working.mkdir()
    monkeypatch.setenv("KERASGAN_HOME", str(home))
    monkeypatch.chdir(working)
    return home


@pytest.fixture(scope="session")
def tiny():
    """A GAN of 37 parameters whose averages and counter differ from the start."""
    keras.utils.set_random_seed(1)
    model = GAN(
        SHAPE,
        latent_dim=2,
        seed=5,
        generator=gan.build_generator(2, SHAPE, units=()),
        discriminator=gan.build_discriminator(SHAPE, units=()),
    )
    rng = np.random.default_rng(0)
    for weight in model.ema_generator.weights:
        weight.assign(rng.normal(size=weight.shape))
    model.step_counter.assign(123)
    return model


@pytest.fixture(scope="session")
def _original(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("original") / "gan_tiny"
    tiny.save_to_preset(folder, "For tests.", licence="Apache-2.0", seed=5)
    return folder


@pytest.fixture
def preset(_original, tmp_path):
    """Folder of a preset that a test may damage."""
    return shutil.copytree(_original, tmp_path / "gan_tiny")
