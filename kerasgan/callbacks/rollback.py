"""How `Health` goes back: the last healthy state, and lower learning rates."""

import numpy as np

from kerasgan import files
from kerasgan.callbacks.learning_rate import INITIAL, has_schedule, note_initial_rates

_COMPILED = "kerasgan_compiled_learning_rate"
_PREFIX, _SUFFIX = "healthy-", ".weights.h5"


class HealthyState:
    """The last healthy state of a model, `<directory>/healthy-00001234.weights.h5`.

    It appears whole or not at all, and the former one is deleted after that.

    Args:
        directory: `pathlib.Path` of a folder that is there.
    """

    def __init__(self, directory):
        self.directory = directory

    def path(self):
        """The newest state's path, or None."""
        return max(self.directory.glob(f"{_PREFIX}*{_SUFFIX}"), key=_step_of, default=None)

    def step(self):
        """The newest state's step, or None."""
        path = self.path()
        return path and _step_of(path)

    def save(self, model, step):
        """Makes the model's state now the last healthy one."""
        path = self.directory / f"{_PREFIX}{step:08d}{_SUFFIX}"
        with files.replacing(path) as temporary:
            model.save_weights(temporary)
        for other in self.directory.glob(f"{_PREFIX}*{_SUFFIX}"):
            if other != path:
                other.unlink()

    def forget_from(self, step):
        """Deletes states of `step` and later ones: those of another run, or of lost steps."""
        for path in self.directory.glob(f"{_PREFIX}*{_SUFFIX}"):
            if _step_of(path) >= step:
                path.unlink()

    def restore(self, model, factor):
        """Gives `model` the state, its optimizers `factor` times the rates that they have now.

        The step counter stays: it counts the batches that training has drawn.
        """
        rates, step = learning_rates(model), int(model.step_counter.numpy())
        model.load_weights(self.path())
        model.step_counter.assign(step)
        for player, inner in inner_optimizers(model):
            if not has_schedule(inner):
                inner.learning_rate = rates[player] * factor


def scheduled_players(model):
    """The players whose optimizers have a `LearningRateSchedule`, whose rate can't be set."""
    return [player for player, inner in inner_optimizers(model) if has_schedule(inner)]


def learning_rates(model):
    """Learning rates now, by player."""
    return {p: float(np.asarray(inner.learning_rate)) for p, inner in inner_optimizers(model)}


def inner_optimizers(model):
    """List of (player, optimizer); under float16, what is in the loss scaling."""
    return [(p, getattr(o, "inner_optimizer", o)) for p, o in model.optimizers.items()]


def lower_initial_rates(model, factor):
    """Makes `factor` times the compiled rates what `LearningRateScheduler` starts from; called
    again, it does not multiply twice.
    """
    note_initial_rates(model)
    for _, inner in inner_optimizers(model):
        if hasattr(inner, INITIAL):
            compiled = vars(inner).setdefault(_COMPILED, getattr(inner, INITIAL))
            setattr(inner, INITIAL, compiled * factor)


def _step_of(path):
    return int(path.name[len(_PREFIX) : -len(_SUFFIX)])
