import csv
import sys

import keras
import numpy as np
import pytest

from kerasgan import callbacks


def _rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_one_row_an_epoch(tmp_path, make_model, dataset):
    path = tmp_path / "logs" / "log.csv"
    log = callbacks.CSVLog(path)
    history = make_model().fit(dataset, epochs=3, verbose=0, callbacks=[log])
    rows = _rows(path)
    assert list(rows[0]) == [
        "epoch",
        "step",
        "seconds",
        "discriminator_fake",
        "discriminator_loss",
        "discriminator_real",
        "generator_adversarial",
        "generator_loss",
    ]
    assert [(r["epoch"], r["step"]) for r in rows] == [("1", "5"), ("2", "10"), ("3", "15")]
    losses = [float(r["generator_loss"]) for r in rows]
    assert losses == pytest.approx(history.history["generator_loss"], rel=1e-7)
    assert all(float(r["seconds"]) > 0 for r in rows)


def test_a_resumed_run_doubles_no_row(tmp_path, make_model, dataset, kill_at):
    def fit(model, *more):
        made = [
            callbacks.CSVLog(tmp_path / "log.csv"),
            callbacks.Checkpoint(tmp_path / "c"),
            *more,
        ]
        model.fit(dataset, epochs=4, verbose=0, callbacks=made)

    class KillAtEpochEnd(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 2:  # after the row, after the checkpoint
                for path in (tmp_path / "c").glob("step-00000015*"):
                    path.unlink()  # as if the kill came between the two
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(make_model(), KillAtEpochEnd())
    assert [r["epoch"] for r in _rows(tmp_path / "log.csv")] == ["1", "2", "3"]
    fit(make_model())
    assert [r["epoch"] for r in _rows(tmp_path / "log.csv")] == ["1", "2", "3", "4"]
    assert [r["step"] for r in _rows(tmp_path / "log.csv")] == ["5", "10", "15", "20"]


def test_new_columns_and_a_new_start(tmp_path, make_model, dataset):
    class Extra(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                logs["a_score"] = 0.5

    path = tmp_path / "log.csv"
    log = callbacks.CSVLog(path)
    make_model().fit(dataset, epochs=2, verbose=0, callbacks=[Extra(), log])
    assert [r["a_score"] for r in _rows(path)] == ["", "0.5"]
    make_model().fit(dataset, epochs=1, verbose=0, callbacks=[callbacks.CSVLog(path)])
    assert len(_rows(path)) == 1


def test_another_file_is_not_overwritten(tmp_path):
    (tmp_path / "log.csv").write_text("name,price\n")
    with pytest.raises(ValueError, match="no log of CSVLog"):
        callbacks.CSVLog(tmp_path / "log.csv")


def test_tensorboard(tmp_path, make_model, dataset):
    pytest.importorskip("tensorboard")
    made = callbacks.tensorboard(tmp_path)
    make_model().fit(dataset, epochs=1, verbose=0, callbacks=[made])
    assert list(tmp_path.rglob("events.out*"))


def test_missing_tensorboard_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    for name in [n for n in sys.modules if n.split(".")[0] == "tensorboard"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ImportError, match=r"kerasgan\[tensorboard\]"):
        callbacks.tensorboard(tmp_path)


def _poison(step):
    class Poison(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if int(self.model.step_counter.numpy()) == step:
                bias = self.model.generator.trainable_variables[-1]
                bias.assign(np.full(bias.shape, np.nan))

    return Poison()


def test_guard_looks_at_the_weights_in_the_end(make_model, dataset, capsys):
    """The last update's NaN is in no log."""
    guard, last = callbacks.NaNGuard(), int(dataset.cardinality())
    make_model().fit(dataset, epochs=1, verbose=0, callbacks=[guard, _poison(step=last)])
    assert guard.message.startswith("Training ended with weights that are NaN or infinite: ")
    assert guard.message in capsys.readouterr().out
    make_model().fit(dataset, epochs=1, verbose=0, callbacks=[guard])
    assert guard.message is None


def test_guard_names_loss_and_step_and_the_last_good_state_stays(
    tmp_path, make_model, dataset, capsys
):
    guard = callbacks.NaNGuard()
    made = [
        guard,
        callbacks.SampleGrid(tmp_path / "samples", rows=1, columns=2),
        callbacks.CSVLog(tmp_path / "log.csv"),
        callbacks.Checkpoint(tmp_path / "c", every_steps=1, keep=99),
        _poison(step=7),
    ]
    model = make_model()
    model.fit(dataset, epochs=4, verbose=0, callbacks=made)
    assert int(model.step_counter.numpy()) == 8
    assert guard.message.startswith("Training stopped at step 8: ")
    assert "discriminator_fake = nan" in guard.message
    assert "discriminator_real" not in guard.message.split(".")[0].replace("nan", "")  # finite yet
    assert guard.message in capsys.readouterr().out
    assert callbacks.Checkpoint(tmp_path / "c").checkpoints()[-1].name == "step-00000007.weights.h5"
    assert [p.name for p in sorted((tmp_path / "samples").glob("epoch*"))] == ["epoch-0001.png"]


def test_guard_lets_finite_losses_pass_and_looks_only_when_asked(make_model, dataset):
    guard = callbacks.NaNGuard(every=5)
    model = make_model()
    model.fit(dataset, epochs=2, verbose=0, callbacks=[guard])
    assert guard.message is None and int(model.step_counter.numpy()) == 10
    model = make_model()
    model.fit(dataset, epochs=2, verbose=0, callbacks=[guard, _poison(step=1)])
    assert int(model.step_counter.numpy()) == 5


@pytest.mark.parametrize(
    ("value", "broken"),
    [(1.0, []), (np.nan, ["a"]), (-np.inf, ["a"]), (np.array([np.nan]), ["a"]), (1e38, [])],
)
def test_not_finite(value, broken):
    from kerasgan.callbacks.nan_guard import not_finite

    assert not_finite({"a": value, "b": 0.0}) == broken
    assert not_finite(None) == []
