import keras
import pytest

from kerasgan.callbacks import Checkpoint, CSVLog, LearningRateScheduler


def _halve(epoch, rate):
    return rate * 0.5**epoch


def _rates(model):
    return {p: float(o.learning_rate.numpy()) for p, o in model.optimizers.items()}


def test_both_optimizers_follow_the_schedule_from_their_own_rate(tmp_path, make_model, dataset):
    model = make_model(learning_rate=0.01)
    callbacks = [LearningRateScheduler(_halve), CSVLog(tmp_path / "log.csv")]
    history = model.fit(dataset, epochs=3, verbose=0, callbacks=callbacks)
    assert "generator_learning_rate" in (tmp_path / "log.csv").read_text()
    logs = history.history
    assert logs["generator_learning_rate"] == pytest.approx([0.01, 0.005, 0.0025], rel=1e-6)
    assert logs["discriminator_learning_rate"] == pytest.approx([0.02, 0.01, 0.005], rel=1e-6)
    assert _rates(model) == pytest.approx({"generator": 0.0025, "discriminator": 0.005}, rel=1e-6)


def test_only_the_named_players(make_model, dataset):
    model = make_model(learning_rate=0.01)
    callback = LearningRateScheduler(_halve, players="generator")
    history = model.fit(dataset, epochs=2, verbose=0, callbacks=[callback])
    assert _rates(model) == pytest.approx({"generator": 0.005, "discriminator": 0.02}, rel=1e-6)
    assert "discriminator_learning_rate" not in history.history


@pytest.mark.parametrize("scheduler_first", [True, False])
def test_a_resumed_run_has_the_rates_of_an_uninterrupted_one(
    tmp_path, make_model, dataset, kill_at, assert_same, scheduler_first
):
    def fit(model, *more):
        pair = [LearningRateScheduler(_halve), Checkpoint(tmp_path, every_steps=2)]
        pair = pair if scheduler_first else pair[::-1]
        return model.fit(dataset, epochs=4, verbose=0, callbacks=[*pair, *more])

    whole = make_model(learning_rate=0.01)
    callbacks = [LearningRateScheduler(_halve)]
    expected = whole.fit(dataset, epochs=4, verbose=0, callbacks=callbacks).history
    kill_at(lambda kill: fit(make_model(learning_rate=0.01), kill), 13)  # in the third epoch
    again = make_model(learning_rate=0.01)
    history = fit(again).history
    for name in ("generator_learning_rate", "discriminator_learning_rate"):
        assert history[name][-2:] == expected[name][-2:]
    assert expected["generator_learning_rate"] == pytest.approx([0.01, 0.005, 0.0025, 0.00125])
    assert_same(whole, again)


def test_a_second_fit_does_not_decay_what_is_decayed(make_model, dataset):
    model = make_model(learning_rate=0.01)
    for _ in range(2):
        model.fit(dataset, epochs=2, verbose=0, callbacks=[LearningRateScheduler(_halve)])
    assert _rates(model)["generator"] == pytest.approx(0.005, rel=1e-6)
    model.compile(generator_optimizer=keras.optimizers.Adam(0.1))  # a new start
    model.fit(dataset, epochs=2, verbose=0, callbacks=[LearningRateScheduler(_halve)])
    assert _rates(model)["generator"] == pytest.approx(0.05, rel=1e-6)


def test_under_loss_scaling(make_model, dataset):
    model = make_model()
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01))
    model.compile(generator_optimizer=scaled)
    model.fit(dataset, epochs=2, verbose=0, callbacks=[LearningRateScheduler(_halve)])
    assert float(scaled.inner_optimizer.learning_rate.numpy()) == pytest.approx(0.005, rel=1e-6)


def test_an_optimizers_own_schedule_works_but_is_not_set(make_model, dataset):
    decay = keras.optimizers.schedules.ExponentialDecay(0.01, decay_steps=5, decay_rate=0.5)
    model = make_model()
    model.compile(generator_optimizer=keras.optimizers.Adam(decay))
    with pytest.raises(ValueError, match="Received: such optimizers of generator"):
        model.fit(dataset, verbose=0, callbacks=[LearningRateScheduler(_halve)])
    others = LearningRateScheduler(_halve, players=["discriminator"])
    model.fit(dataset, epochs=2, verbose=0, callbacks=[others])
    assert _rates(model) == pytest.approx({"generator": 0.0025, "discriminator": 1e-4}, rel=1e-5)


def test_bad_arguments(make_model, dataset):
    with pytest.raises(ValueError, match=r"\(epoch, initial_rate\) -> rate"):
        LearningRateScheduler(lambda epoch: 0.1)
    with pytest.raises(ValueError, match="among discriminator, generator"):
        model = make_model()
        model.fit(dataset, verbose=0, callbacks=[LearningRateScheduler(_halve, ["critic"])])
    with pytest.raises(ValueError, match=r"float >= 0\. Received: -1"):
        callback = LearningRateScheduler(lambda epoch, rate: -1)
        make_model().fit(dataset, verbose=0, callbacks=[callback])
