"""On a GPU, compiled by XLA, every family trains. Elsewhere these tests are skipped, and say so."""

import importlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import models
from tests.models.harness import FamilyContract

FAMILIES = [
    "autoencoder",
    "began",
    "cgan",
    "cyclegan",
    "dcgan",
    "discogan",
    "dualgan",
    "gan",
    "lsgan",
    "pix2pix",
    "sngan",
    "stargan",
    "vae",
    "wgan",
]
BASES = {"AdversarialModel", "TwoDomainModel", "UnconditionalModel"}


def contracts(family):
    """The classes of a family's tests: each knows how to make a tiny model and its data."""
    module = importlib.import_module(f"tests.models.test_{family}")
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, FamilyContract)
        and value.__module__ == module.__name__
    ]


def test_every_family_has_its_turn():
    made = {
        type(contract().make_model(seed=0)).__name__
        for family in FAMILIES
        for contract in contracts(family)
    }
    assert made == set(models.__all__) - BASES


@pytest.mark.gpu
@pytest.mark.skipif(not tf.config.list_physical_devices("GPU"), reason="there is no GPU here")
@pytest.mark.parametrize("family", FAMILIES)
def test_the_step_trains_on_a_gpu_by_xla(family):
    for contract in contracts(family):
        model = contract().make_model(seed=0)
        model.compile(jit_compile=True)
        weights = [v for player in model.players() for v in model.player_variables(player)]
        weights = [v for v in weights if v.name == "kernel"]
        assert weights and all("GPU" in v.value.device for v in weights)
        before = [keras.ops.convert_to_numpy(v) for v in weights]
        history = model.fit(contract().dataset(), verbose=0).history
        assert np.isfinite([values[-1] for values in history.values()]).all()
        for old, weight in zip(before, weights, strict=True):
            assert not np.array_equal(old, keras.ops.convert_to_numpy(weight)), weight.path
