"""`Checkpoint`: a run that is killed goes on exactly where its last checkpoint stands."""

import hashlib
import json
import warnings

import keras
import numpy as np

from kerasgan import checks, files
from kerasgan.callbacks.learning_rate import note_initial_rates
from kerasgan.callbacks.nan_guard import not_finite

_KEYS = {"epoch", "batch", "step", "architecture", "sha256", "bytes"}


class Checkpoint(keras.callbacks.Callback):
    """Saves all that training needs, and resumes from it at the very batch.

    Each checkpoint is `step-00001234.weights.h5` (all networks, EMA, optimizers, counters) with
    `step-00001234.json` (where to go on, and the weights' SHA-256). Files appear whole or not at
    all, the weights first. `fit` looks into the directory before it starts, and goes on from the
    newest checkpoint that is whole. With data in a reproducible order, as `kerasgan.data` gives
    it, the run then ends with the weights of one that was never stopped, bit for bit.

    A checkpoint is saved every `every_steps` steps and at the end of each epoch, but never of a
    model whose losses or weights are not finite. Put it last in the list of callbacks. In training
    by several workers, each needs a directory of its own.

    Args:
        directory: where the checkpoints are; made if it isn't there.
        every_steps: training steps between checkpoints within an epoch; None: none there.
        keep: how many of the newest to keep; two at least let a damaged one be passed over.

    Attributes:
        resumed: dict (`epoch`, `batch`, `step`, from 0) of the place where the last `fit` was
            resumed, or None.
        saved_step: the step of the newest checkpoint written or restored, or None.

    Raises:
        ValueError: a directory that can't be written to, every_steps or keep not positive. By
            `fit`: only damaged checkpoints, or those of another architecture or optimizer.

    Example:
        >>> import tempfile
        >>> checkpoint = Checkpoint(tempfile.mkdtemp(), every_steps=100)
        >>> checkpoint.checkpoints()
        []
    """

    def __init__(self, directory, every_steps=None, keep=2):
        super().__init__()
        self.every_steps = every_steps and checks.positive(every_steps=every_steps)
        self.keep = checks.positive(keep=keep)
        self.directory = files.writable_directory("directory", directory)
        files.remove_leftovers(self.directory)
        self.resumed = None
        self.saved_step = None
        self._epoch, self._epoch_step, self._offset = 0, 0, 0

    def checkpoints(self):
        """Paths of the checkpoints' weights, the oldest first."""
        return sorted(self.directory.glob("step-*.weights.h5"))

    # Resuming -----------------------------------------------------------------------------

    def resume(self, model):
        """Restores `model` from the newest checkpoint that is whole; `fit` calls it.

        Returns:
            (epoch, batch), from 0, at which to go on, or None if there is no checkpoint.
        """
        note_initial_rates(model)
        self.resumed = self.saved_step = None
        damages = []
        for weights in reversed(self.checkpoints()):
            try:
                place = _read_place(weights)
            except ValueError as error:
                damages.append(str(error))
                warnings.warn(f"Passing over a damaged checkpoint: {error}", stacklevel=4)
                continue
            self._restore(model, weights, place)
            return place["epoch"], place["batch"]
        if damages:
            raise ValueError(
                "Every checkpoint is damaged; delete the folder to start anew. "
                f"Received: directory={str(self.directory)!r}: {'; '.join(damages)}"
            )
        return None

    def _restore(self, model, weights, place):
        if place["architecture"] != _architecture(model):
            raise ValueError(
                "The checkpoint is that of another architecture or optimizer. Build and compile "
                "the model as it was, or choose another directory. "
                f"Received: {weights}, model={type(model).__name__}"
            )
        model.load_weights(weights)
        self.resumed = {name: place[name] for name in ("epoch", "batch", "step")}
        self.saved_step = place["step"]
        print(
            f"kerasgan: resuming at step {place['step']} (epoch {place['epoch'] + 1}, after "
            f"{place['batch']} of its batches) from {weights.name}"
        )

    # Saving -------------------------------------------------------------------------------

    def on_train_begin(self, logs=None):
        """Prepares to count: the first epoch may be the rest of one."""
        self._offset = self.resumed["batch"] if self.resumed else 0
        self._step_at_last_save = self._step()

    def on_epoch_begin(self, epoch, logs=None):
        """Notes the step at which the epoch starts."""
        self._epoch, self._epoch_step = epoch, self._step()

    def on_train_batch_end(self, batch, logs=None):
        """Saves when another `every_steps` steps are done."""
        step = self._step()
        due = self.every_steps and step // self.every_steps > (
            self._step_at_last_save // self.every_steps
        )
        if due:
            self._save(self._epoch, self._batches_done(), logs)

    def on_epoch_end(self, epoch, logs=None):
        """Saves the end of an epoch, or the place within it at which training was stopped."""
        steps = self.params.get("steps")
        broken_off = self.model.stop_training and steps and self._step() - self._epoch_step < steps
        if broken_off:
            self._save(epoch, self._batches_done(), logs)
        else:
            self._save(epoch + 1, 0, logs)
            self._offset = 0

    def _step(self):
        return int(self.model.step_counter.numpy())

    def _batches_done(self):
        """Counted in steps of the model: Keras counts a resumed epoch's batches from 0, and only
        every few of them with steps_per_execution.
        """
        return self._offset + self._step() - self._epoch_step

    def _save(self, epoch, batch, logs):
        step = self._step()
        if not_finite(logs) or not _all_finite(self.model):
            return
        path = self.directory / f"step-{step:08d}.weights.h5"
        with files.replacing(path) as temporary:
            self.model.save_weights(temporary)
            sha256, size = files.sha256(temporary), temporary.stat().st_size
        place = {"epoch": epoch, "batch": batch, "step": step}
        found = {"architecture": _architecture(self.model), "sha256": sha256, "bytes": size}
        files.write_json(_place_file(path), {**place, **found})
        self.saved_step = self._step_at_last_save = step
        for old in self.checkpoints()[: -self.keep]:
            _place_file(old).unlink(missing_ok=True)
            old.unlink()


def _place_file(weights):
    return weights.with_name(weights.name.removesuffix(".weights.h5") + ".json")


def _read_place(weights):
    """The content of a checkpoint's JSON file; ValueError if it or the weights are damaged."""
    path = _place_file(weights)
    try:
        place = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: missing or unreadable ({error})") from error
    if not isinstance(place, dict) or not place.keys() >= _KEYS:
        raise ValueError(f"{path}: expected the keys {', '.join(sorted(_KEYS))}")
    size = weights.stat().st_size
    if size != place["bytes"]:
        raise ValueError(f"{weights}: {size} bytes instead of {place['bytes']}")
    if files.sha256(weights) != place["sha256"]:
        raise ValueError(f"{weights}: its SHA-256 is not that in {path.name}")
    return place


def _architecture(model):
    """A fingerprint of what is saved: the shapes of all weights and of the optimizers' state."""
    optimizers = [optimizer.variables for optimizer in model.optimizers.values()]
    shapes = [[tuple(v.shape) for v in group] for group in (model.weights, *optimizers)]
    return hashlib.sha256(repr(shapes).encode()).hexdigest()


def _all_finite(model):
    return all(np.isfinite(w).all() for w in model.get_weights() if w.dtype.kind == "f")
