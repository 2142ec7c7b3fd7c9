"""Clock: seconds by a false clock, over interruptions, of one run."""

import types

import pytest

from kerasgan import callbacks
from kerasgan.callbacks import clock as module


@pytest.fixture
def tick(monkeypatch):
    """A clock that shows 1000 seconds at first; `tick.now` moves it."""
    false = types.SimpleNamespace(now=1000.0, perf_counter=lambda: false.now)
    monkeypatch.setattr(module, "time", false)
    return false


def run(clock, step=0):
    """The clock at the start of a run whose model has done so many steps."""
    counter = types.SimpleNamespace(numpy=lambda: step)
    clock.set_model(types.SimpleNamespace(step_counter=counter))
    clock.on_train_begin()
    return clock


def test_seconds_add_up_over_interruptions(tmp_path, tick):
    clock = run(callbacks.Clock(tmp_path))
    for now in (1002.5, 1007.25):
        tick.now = now
        clock.on_epoch_end(0)
    assert clock.seconds == 7.2 and (tmp_path / "seconds.json").read_text() == "7.2\n"
    tick.now = 1100.0  # killed within an epoch, and started again later
    clock = run(callbacks.Clock(tmp_path), step=10)
    tick.now = 1101.0
    clock.on_epoch_end(2)
    assert clock.seconds == pytest.approx(8.2, abs=1e-9)
    run(clock, step=15)  # the same clock, a second fit
    tick.now = 1103.0
    clock.on_epoch_end(3)
    assert clock.seconds == pytest.approx(10.2, abs=1e-9)


def test_a_new_run_starts_at_zero(tmp_path, tick):
    (tmp_path / "seconds.json").write_text("99.0")
    clock = callbacks.Clock(tmp_path)
    assert clock.seconds == 99.0
    run(clock)
    tick.now += 3.0
    clock.on_epoch_end(0)
    assert clock.seconds == 3.0


def test_a_resumed_training_goes_on(tmp_path, make_model, dataset):
    def fit(epochs):
        clock = callbacks.Clock(tmp_path)
        made = [clock, callbacks.Checkpoint(tmp_path / "c")]
        make_model().fit(dataset, epochs=epochs, verbose=0, callbacks=made)
        return clock

    fit(1)
    (tmp_path / "seconds.json").write_text("1000.0")
    assert 1000.0 <= fit(2).seconds < 1100.0
    assert fit(2).seconds == callbacks.Clock(tmp_path).seconds >= 1000.0  # nothing left to do


@pytest.mark.parametrize("content", ["{broken", '"a"', "-1.0", "NaN", "[1.0]", "true"])
def test_another_file_is_named(tmp_path, content):
    (tmp_path / "seconds.json").write_text(content)
    with pytest.raises(ValueError, match=r"delete the file.*Received: .*seconds.json"):
        callbacks.Clock(tmp_path)


def test_a_directory_that_can_not_be_written_to(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="directory must be a folder"):
        callbacks.Clock(tmp_path / "file")
