import json
import shutil

import keras
import numpy as np
import pytest

from kerasgan.callbacks import Checkpoint


class Batches(keras.callbacks.Callback):
    """Counts the batches that were trained on."""

    batches = 0

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1


def _names(folder):
    return sorted(p.name for p in folder.iterdir())


def _train(model, dataset, folder, *more, epochs=3, every_steps=2):
    checkpoint = Checkpoint(folder, every_steps=every_steps)
    model.fit(dataset, epochs=epochs, verbose=0, callbacks=[checkpoint, *more])
    return checkpoint


@pytest.fixture(scope="module")
def whole(make_model, dataset):
    """A model trained for three epochs of five batches without a stop."""
    model = make_model()
    model.fit(dataset, epochs=3, verbose=0)
    return model


@pytest.mark.parametrize(
    ("killed_at", "resumed"),
    [
        (7, {"epoch": 1, "batch": 1, "step": 6}),  # in the second epoch of 5 batches
        (5, {"epoch": 0, "batch": 4, "step": 4}),  # before the end of the epoch was seen
        (11, {"epoch": 2, "batch": 0, "step": 10}),
    ],
)
def test_resumed_run_equals_uninterrupted(
    tmp_path, make_model, dataset, kill_at, assert_same, whole, killed_at, resumed
):
    kill_at(lambda kill: _train(make_model(), dataset, tmp_path, kill), killed_at)
    again, count = make_model(), Batches()
    checkpoint = _train(again, dataset, tmp_path, count)

    assert checkpoint.resumed == resumed
    assert count.batches == 15 - resumed["step"]
    assert_same(whole, again)


def test_killed_twice_in_one_epoch(tmp_path, make_model, dataset, kill_at, assert_same, whole):
    for step in (2, 4):
        fit = lambda kill: _train(make_model(), dataset, tmp_path, kill, every_steps=1)  # noqa: E731
        kill_at(fit, step)
    again = make_model()
    checkpoint = _train(again, dataset, tmp_path, every_steps=1)

    assert checkpoint.resumed == {"epoch": 0, "batch": 4, "step": 4}
    assert_same(whole, again)


def test_steps_per_execution(tmp_path, make_model, dataset, kill_at, assert_same):
    def model():
        made = make_model()
        made.compile(steps_per_execution=2)
        return made

    data = dataset.concatenate(dataset.take(3))  # 8 batches
    whole = model()
    whole.fit(data, epochs=2, verbose=0)

    kill_at(lambda kill: _train(model(), data, tmp_path, kill, every_steps=3, epochs=2), 14)
    again = model()
    checkpoint = _train(again, data, tmp_path, every_steps=3, epochs=2)

    assert checkpoint.resumed == {"epoch": 1, "batch": 4, "step": 12}
    assert_same(whole, again)


def test_files_kept_and_what_the_json_says(tmp_path, make_model, dataset):
    (tmp_path / ".tmp-99-step-00000001.weights.h5").write_bytes(b"left by a killed process")
    _train(make_model(), dataset, tmp_path, epochs=2)
    assert _names(tmp_path) == [
        "step-00000008.json",
        "step-00000008.weights.h5",
        "step-00000010.json",
        "step-00000010.weights.h5",
    ]
    place = json.loads((tmp_path / "step-00000008.json").read_text())
    assert (place["epoch"], place["batch"], place["step"]) == (1, 3, 8)
    assert place["bytes"] == (tmp_path / "step-00000008.weights.h5").stat().st_size
    place = json.loads((tmp_path / "step-00000010.json").read_text())
    assert (place["epoch"], place["batch"], place["step"]) == (2, 0, 10)


def test_training_stopped_within_an_epoch_goes_on_there(
    tmp_path, make_model, dataset, assert_same, whole
):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 2

    _train(make_model(), dataset, tmp_path, Stop(), every_steps=None)
    again = make_model()
    checkpoint = _train(again, dataset, tmp_path, every_steps=None)
    assert checkpoint.resumed == {"epoch": 0, "batch": 3, "step": 3}
    assert_same(whole, again)


@pytest.fixture(scope="module")
def two_checkpoints(tmp_path_factory, make_model, dataset):
    """A folder with those of steps 4 and 5."""
    folder = tmp_path_factory.mktemp("two")
    _train(make_model(), dataset, folder, epochs=1)
    return folder


def _truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def _flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "suffix", "says"),
    [
        (_truncate, ".weights.h5", "bytes instead of"),
        (_flip_a_byte, ".weights.h5", "SHA-256"),
        (_truncate, ".json", "unreadable"),
        (lambda path: path.unlink(), ".json", "missing"),
        (lambda path: path.write_text("[]"), ".json", "expected the keys"),
    ],
)
def test_a_damaged_checkpoint_is_named_and_passed_over(
    tmp_path, make_model, two_checkpoints, damage, suffix, says
):
    shutil.copytree(two_checkpoints, tmp_path, dirs_exist_ok=True)
    damage(tmp_path / f"step-00000005{suffix}")
    model = make_model()
    with pytest.warns(UserWarning, match=f"step-00000005.*{says}"):
        position = Checkpoint(tmp_path).resume(model)
    assert position == (0, 4)
    assert int(model.step_counter.numpy()) == 4


def test_all_damaged_is_an_error_and_none_is_a_start(tmp_path, make_model, two_checkpoints):
    shutil.copytree(two_checkpoints, tmp_path, dirs_exist_ok=True)
    for path in tmp_path.glob("*.h5"):
        _truncate(path)
    with (
        pytest.warns(UserWarning),
        pytest.raises(ValueError, match="delete the folder to start anew"),
    ):
        Checkpoint(tmp_path).resume(make_model())
    assert Checkpoint(tmp_path / "empty").resume(make_model()) is None


def test_another_architecture_or_optimizer_is_refused(make_model, two_checkpoints):
    checkpoint = Checkpoint(two_checkpoints)
    with pytest.raises(ValueError, match="another architecture"):
        checkpoint.resume(make_model(units=9))
    other = make_model(units=8)
    other.compile(generator_optimizer="sgd")
    with pytest.raises(ValueError, match="another architecture or optimizer"):
        checkpoint.resume(other)


def test_nothing_is_saved_of_a_broken_model(tmp_path, make_model, dataset):
    model = make_model()
    checkpoint = _train(model, dataset, tmp_path, epochs=1)
    kernel = model.generator.trainable_variables[0]
    kernel.assign(np.full(kernel.shape, np.nan))
    before = _names(tmp_path)
    checkpoint._save(9, 0, {"generator_loss": 1.0})  # the loss has not shown it yet
    kernel.assign(np.zeros(kernel.shape))
    checkpoint._save(9, 0, {"generator_loss": np.inf})
    assert _names(tmp_path) == before
    model.step_counter.assign(99)
    checkpoint._save(9, 0, {"generator_loss": 1.0})
    assert "step-00000099.weights.h5" in _names(tmp_path)


def test_bad_arguments(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="directory must be a folder"):
        Checkpoint(tmp_path / "file")
    with pytest.raises(ValueError, match="Received: keep=0"):
        Checkpoint(tmp_path, keep=0)
    with pytest.raises(ValueError, match="Received: every_steps=-1"):
        Checkpoint(tmp_path, every_steps=-1)
