"""`LearningRateScheduler` for models with several optimizers."""

import inspect

import keras
import numpy as np

INITIAL = "kerasgan_initial_learning_rate"


def note_initial_rates(model):
    """Keeps each optimizer's learning rate, as it is now, on the optimizer; once for each.

    `Checkpoint` calls this before it restores, as a restored optimizer has the rate of the step
    at which it was saved.
    """
    for optimizer in model.optimizers.values():
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        if not hasattr(inner, INITIAL) and not has_schedule(inner):
            setattr(inner, INITIAL, float(inner.learning_rate.numpy()))


class LearningRateScheduler(keras.callbacks.Callback):
    """Sets the learning rates of a model's optimizers at the start of each epoch.

    The rate is a function of the epoch and of the rate that the model was compiled with, so that
    a run resumed by `Checkpoint` has the rates of an uninterrupted one. Logs
    `<player>_learning_rate`; put it before the callbacks that write logs.

    Args:
        schedule: function (epoch from 0, initial rate) -> rate, a float >= 0.
        players: names of the players whose optimizers to set; None: all.

    Raises:
        ValueError: unknown players; a schedule that is no such function or returns no rate; an
            optimizer that has a `LearningRateSchedule` of its own.

    Example:
        >>> halve = LearningRateScheduler(lambda epoch, rate: rate * 0.5 ** (epoch // 10))
        >>> halve.schedule(20, 0.0004)
        0.0001
    """

    def __init__(self, schedule, players=None):
        super().__init__()
        try:
            inspect.signature(schedule).bind(0, 0.0)
        except (TypeError, ValueError) as error:
            raise ValueError(
                "schedule must be a function (epoch, initial_rate) -> rate. "
                f"Received: schedule={schedule!r}"
            ) from error
        self.schedule = schedule
        self.players = [players] if isinstance(players, str) else players

    def set_model(self, model):
        """Checks players and optimizers before training."""
        super().set_model(model)
        known = model.optimizers
        unknown = [player for player in self.players or [] if player not in known]
        if unknown:
            raise ValueError(
                f"players must be among {', '.join(known)}. Received: players={self.players}"
            )
        fixed = [player for player, inner in self._optimizers() if has_schedule(inner)]
        if fixed:
            raise ValueError(
                "An optimizer that has a LearningRateSchedule of its own can't be set as well. "
                "Give it a float learning_rate, or leave its player out of players=. "
                f"Received: such optimizers of {', '.join(fixed)}"
            )
        note_initial_rates(model)

    def on_epoch_begin(self, epoch, logs=None):
        """Sets the epoch's rates."""
        for _, optimizer in self._optimizers():
            rate = self.schedule(epoch, getattr(optimizer, INITIAL))
            number = isinstance(rate, (int, float, np.number)) and not isinstance(rate, bool)
            if not number or not 0 <= rate < np.inf:
                raise ValueError(
                    "schedule must return a float >= 0. "
                    f"Received: {rate!r} for epoch {epoch} from schedule={self.schedule!r}"
                )
            optimizer.learning_rate = float(rate)

    def on_epoch_end(self, epoch, logs=None):
        """Adds the rates to the logs."""
        for player, optimizer in self._optimizers():
            if logs is not None:
                logs[f"{player}_learning_rate"] = float(optimizer.learning_rate.numpy())

    def _optimizers(self):
        """(player, optimizer) of those to set; under float16, what is in the loss scaling."""
        optimizers = self.model.optimizers
        for player in self.players or optimizers:
            optimizer = optimizers[player]
            yield player, getattr(optimizer, "inner_optimizer", optimizer)


def has_schedule(optimizer):
    """Whether the optimizer's rate is a `LearningRateSchedule`, which can't be set."""
    return isinstance(
        optimizer._learning_rate, keras.optimizers.schedules.LearningRateSchedule
    ) or not hasattr(optimizer._learning_rate, "assign")
