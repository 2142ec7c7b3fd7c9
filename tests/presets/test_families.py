"""Every family, and any other model of Keras' own classes, comes back from a preset as it was."""

import importlib
import pathlib

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import models, presets, serving
from tests.models.harness import FamilyContract

MODULES = sorted(pathlib.Path(__file__).parent.parent.glob("models/test_*.py"))
ABSTRACT = {"AdversarialModel", "TwoDomainModel", "UnconditionalModel"}


def contracts():
    """Name of a family -> its contract, which knows how to make a tiny model and its data."""
    found = {}
    for path in MODULES:
        module = importlib.import_module(f"tests.models.{path.stem}")
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, FamilyContract):
                found[value.__name__.removeprefix("Test")] = value()
    found.pop("FamilyContract")
    return found


FAMILIES = contracts()


def disturbed(model):
    """`model` with other weights everywhere, so that no two networks agree by chance."""
    rng = np.random.default_rng(3)
    for weight in model.weights:
        if weight.dtype == "float32":
            weight.assign(weight + rng.uniform(0.01, 0.05, weight.shape))
    model.step_counter.assign(77)
    return model


def test_all_families_are_there():
    assert set(models.__all__) - ABSTRACT <= set(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_comes_back_bit_for_bit(family, tmp_path):
    contract = FAMILIES[family]
    model = disturbed(contract.make_model(seed=3, ema_decay=0.5))
    model.save_to_preset(tmp_path / "preset", "Untrained.")
    copy = models.AdversarialModel.from_preset(tmp_path / "preset")
    assert type(copy) is type(model)
    assert (copy.seed, copy.ema_decay, int(copy.step_counter.numpy())) == (3, 0.5, 77)
    for name in copy.averaged:
        assert hasattr(copy, f"ema_{name}")
    assert [w.name for w in copy.weights] == [w.name for w in model.weights]
    pools = {id(weight) for pool in copy.training_state for weight in pool.weights}
    for a, b in zip(model.weights, copy.weights, strict=True):
        if id(b) in pools:
            assert not b.numpy().any()  # empty again
        else:
            np.testing.assert_array_equal(a.numpy(), b.numpy())
    np.testing.assert_array_equal(contract.sample(model, 3), contract.sample(copy, 3))

    copy.save(tmp_path / "copy.keras")
    again = keras.saving.load_model(tmp_path / "copy.keras")
    np.testing.assert_array_equal(contract.sample(model, 3), contract.sample(again, 3))

    fresh = type(model).from_preset(tmp_path / "preset", load_weights=False)
    assert [w.shape for w in fresh.weights] == [w.shape for w in model.weights]
    assert int(fresh.step_counter.numpy()) == 0
    kernels = [v.numpy() for v in fresh.trainable_variables if v.name == "kernel"]
    stored = [v.numpy() for v in model.trainable_variables if v.name == "kernel"]
    assert all(not np.array_equal(a, b) for a, b in zip(kernels, stored, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("family", ["BEGAN", "CycleGAN", "GAN", "VAE"])  # with k, pools, dropout
def test_fine_tuning_goes_on_from_the_weights_with_fresh_optimizers(family, tmp_path):
    """As the trained model itself does, once it is compiled anew and its pools are emptied."""
    contract = FAMILIES[family]
    model = contract.make_model(seed=0)
    model.fit(contract.dataset(), verbose=0)
    model.save_to_preset(tmp_path, "Trained for one epoch.")
    with h5py.File(tmp_path / "model.weights.h5") as file:
        left_out = ("optimizer", "metric", "pool")
        assert not [group for group in file if any(word in group for word in left_out)]
    assert presets.info(tmp_path)["steps"] == int(model.step_counter.numpy()) > 0
    copy = type(model).from_preset(tmp_path)
    assert all(int(o.iterations.numpy()) == 0 for o in copy.optimizers.values())
    model.compile()
    for weight in (weight for pool in model.training_state for weight in pool.weights):
        weight.assign(tf.zeros_like(weight))
    for each in (model, copy):
        history = each.fit(contract.dataset(), verbose=0).history
        assert np.isfinite([values[-1] for values in history.values()]).all()
    for a, b in zip(model.weights, copy.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.slow
@pytest.mark.parametrize("family", ["CGAN", "VAE"])
def test_a_model_from_a_preset_is_exported(family, tmp_path):
    contract = FAMILIES[family]
    disturbed(contract.make_model(seed=3)).save_to_preset(tmp_path / "preset", "Untrained.")
    copy = models.AdversarialModel.from_preset(tmp_path / "preset")
    path = serving.export(copy, tmp_path / "preset")  # beside the preset's files
    assert pathlib.Path(path) == tmp_path / "preset" / "1"
    sample = tf.saved_model.load(path).signatures["sample"]
    what = {"labels": tf.range(3) % 3} if family == "CGAN" else {"num": tf.constant(3)}
    images = sample(seed=tf.constant(9), truncation=tf.constant(0.0), **what)["images"]
    np.testing.assert_allclose(images, contract.sample(copy, 3, seed=9), atol=1e-5)
    again = presets.load(tmp_path / "preset")
    np.testing.assert_array_equal(contract.sample(again, 3), contract.sample(copy, 3))


# Keras' own models ---------------------------------------------------------------------------


def classifier():
    """As the shipped ones: features under a name, logits."""
    images = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3, activation="relu")(images)
    x = keras.layers.BatchNormalization()(keras.layers.MaxPooling2D()(x))
    features = keras.layers.Dense(5, name="features")(keras.layers.Flatten()(x))
    return keras.Model(images, keras.layers.Dense(10, name="logits")(features))


def test_a_classifier_becomes_a_preset(tmp_path):
    model = classifier()
    presets.save(model, tmp_path / "classifier", "Digits.", steps=2_000)
    copy = presets.load(tmp_path / "classifier")
    images = np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 1)).astype("float32")
    np.testing.assert_array_equal(copy(images), model(images))
    assert [layer.name for layer in copy.layers] == [layer.name for layer in model.layers]
    card = presets.info(tmp_path / "classifier")
    # By hand: 9 * 4 + 4, 4 * 4, 36 * 5 + 5, 5 * 10 + 10
    assert (card["class"], card["parameters"], card["steps"]) == ("Functional", 301, 2_000)
    with pytest.raises(ValueError, match=r"Expected a preset of GAN.*a preset of Functional"):
        models.GAN.from_preset(tmp_path / "classifier")


def test_a_compiled_model_leaves_optimizer_and_metrics_behind(tmp_path):
    images = keras.Input((3,))
    hidden = keras.layers.Dense(2, activation=keras.activations.gelu)(images) * 2.0
    model = keras.Model(images, keras.ops.sin(hidden))
    model.compile("adam", "mse", metrics=["mae"])
    rows = np.ones((4, 3), "float32")
    model.fit(rows, rows[:, :2], verbose=0)
    presets.save(model, tmp_path, "Compiled.")
    copy = presets.load(tmp_path)
    assert not copy.compiled
    np.testing.assert_array_equal(copy(rows), model(rows))
    with h5py.File(tmp_path / "model.weights.h5") as file:
        assert "optimizer" not in file and "layers" in file


def test_parameters_count_what_is_trained_once(tmp_path):
    """By hand: G 2 * 9 + 9 = 27, D 9 + 1 = 10; the averages of G and the counters don't count."""
    model = models.GAN(
        (3, 3, 1),
        latent_dim=2,
        generator=models.gan.build_generator(2, (3, 3, 1), units=()),
        discriminator=models.gan.build_discriminator((3, 3, 1), units=()),
    )
    model.generator.trainable = False  # frozen for fine-tuning, and still there
    model.save_to_preset(tmp_path, "Small.")
    assert presets.info(tmp_path)["parameters"] == 37
