"""`Health` with `action="rollback"`: back to the last healthy state, and on from there."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.callbacks import Checkpoint, LearningRateScheduler, NaNGuard
from tests.callbacks.watched import Poison, fit, kinds, tiny, watch


def _rates(model):
    return {p: float(o.learning_rate.numpy()) for p, o in model.optimizers.items()}


def test_rollback_restores_the_last_healthy_state_and_lowers_the_rates(tmp_path, real, capsys):
    model = tiny()
    health = watch(real, tmp_path / "health", action="rollback", every_steps=10, samples=32)
    checkpoint = Checkpoint(tmp_path / "checkpoints", every_steps=5, keep=99)
    states = {}

    class Keep(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            states[int(self.model.step_counter.numpy())] = self.model.get_weights(), dict(logs)

    history = fit(model, real, health, 40, Keep(), NaNGuard(), checkpoint, Poison(16))
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
    model = tiny()
    health = watch(real, tmp_path, action="rollback", every_steps=10, max_rollbacks=2)
    fit(model, real, health, 60, Poison(13, times=99))
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
    model = tiny(generator_rate=0.0)
    health = watch(real, tmp_path, action="rollback", every_steps=10, max_rollbacks=1)

    class Collapse(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if int(self.model.step_counter.numpy()) > 24:
                for network in (self.model.generator, self.model.ema_generator):
                    network.set_weights([w * 0.0 for w in network.get_weights()])

    fit(model, real, health, 100, Collapse())
    assert [(f["step"], f["action"]) for f in health.findings] == [(50, "rollback"), (80, "stop")]
    assert health.healthy_state.step() == 20


def test_resumed_run_goes_on_with_findings_healthy_state_and_rates(tmp_path, real):
    def run(model, steps, *more):
        health = watch(real, tmp_path / "health", action="rollback", every_steps=10)
        scheduler = LearningRateScheduler(lambda epoch, rate: rate)
        checkpoint = Checkpoint(tmp_path / "checkpoints", every_steps=5)
        fit(model, real, health, steps, scheduler, checkpoint, *more)
        return health

    run(tiny(), 20, Poison(12))
    model = tiny()
    health = run(model, 30)
    assert health.rollbacks == 1 and kinds(health) == ["not_finite"]
    assert _rates(model)["generator"] == pytest.approx(1e-4, rel=1e-6)
    assert health.healthy_state.step() == 30

    anew = tiny()  # another run in the same folder owes nothing to the first
    health = watch(real, tmp_path / "health", action="rollback", every_steps=10)
    fit(anew, real, health, 10)
    assert health.findings == [] and health.rollbacks == 0
    assert health.healthy_state.step() == 10


def test_an_epoch_whose_last_step_is_undone_logs_no_losses(tmp_path, real):
    health = watch(real, tmp_path, action="rollback", every_steps=5)
    logged = []

    class Logs(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logged.append(set(logs))

    fit(tiny(), real, health, 30, Logs(), Poison(19))
    assert health.findings[0]["step"] == 20
    assert logged[1] == set() and "generator_loss" in logged[2] == logged[0]


def test_rollback_after_another_callback_stopped_only_says_so(tmp_path, real, capsys):
    model = tiny()
    health = watch(real, tmp_path, action="rollback")
    dataset = tf.data.Dataset.from_tensor_slices(real).batch(20)
    model.fit(dataset, epochs=2, verbose=0, callbacks=[NaNGuard(), health, Poison(3)])
    assert health.findings[0]["action"] == "stop"
    assert "put Health before NaNGuard" in capsys.readouterr().out


def test_schedules_can_not_be_lowered(tmp_path, real):
    model = tiny()
    schedule = keras.optimizers.schedules.ExponentialDecay(1e-3, 10, 0.5)
    model.compile(generator_optimizer=keras.optimizers.Adam(schedule))
    with pytest.raises(ValueError, match=r"Received: schedules of generator"):
        watch(real, tmp_path, action="rollback").set_model(model)
    health = watch(real, tmp_path, action="rollback", rate_factor=1.0, every_steps=5)
    fit(model, real, health, 20, Poison(8))
    assert health.rollbacks == 1
