"""`NaNGuard`: stops a training that has diverged, and says which loss went first."""

import keras
import numpy as np

from kerasgan import checks


def not_finite(logs):
    """Names of the logs that hold a NaN or an infinity, in the order of the logs."""
    return [n for n, v in (logs or {}).items() if not np.all(np.isfinite(np.asarray(v, "float64")))]


class NaNGuard(keras.callbacks.Callback):
    """Stops training when a logged value is NaN or infinite, and prints which and at which step.

    Put it first in the list of callbacks. `Checkpoint` and `SampleGrid` save nothing of such a
    model in any case, so the last good checkpoint stays.

    Args:
        every: look at the logs after this many batches (and at the end of each epoch).

    Attributes:
        message: what was found, or None.

    Raises:
        ValueError: `every` is not a positive integer.

    Example:
        >>> guard = NaNGuard()
        >>> guard.message is None
        True
    """

    def __init__(self, every=1):
        super().__init__()
        self.every = checks.positive(every=every)
        self.message = None

    def on_train_begin(self, logs=None):
        """Forgets what an earlier training did."""
        self.message = None

    def on_train_batch_end(self, batch, logs=None):
        """Looks at the logs of every `every`-th batch."""
        if (batch + 1) % self.every == 0:
            self._look(logs)

    def on_epoch_end(self, epoch, logs=None):
        """Looks at the logs of the epoch, those of validation included."""
        self._look(logs)

    def on_train_end(self, logs=None):
        """Looks at the weights: the last update's NaN is in no log."""
        broken = [w.path for w in self.model.weights if not np.all(np.isfinite(np.asarray(w)))]
        if broken and not self.message:
            self.message = (
                f"Training ended with weights that are NaN or infinite: {broken[0]} and "
                f"{len(broken) - 1} more. A lower learning rate or another loss may help."
            )
            print(f"\nkerasgan: {self.message}")

    def _look(self, logs):
        broken = not_finite(logs)
        if not broken or self.message:
            return
        values = ", ".join(f"{name} = {np.asarray(logs[name]).ravel()[0]}" for name in broken)
        self.message = (
            f"Training stopped at step {int(self.model.step_counter.numpy())}: {values}. A lower "
            "learning rate or another loss may help; from the last checkpoint the same settings "
            "would come here again."
        )
        print(f"\nkerasgan: {self.message}")
        self.model.stop_training = True
