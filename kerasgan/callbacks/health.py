"""`Health`: says in words what goes wrong in a training while it does, and can undo it."""

import json
import math

import keras
import numpy as np

from kerasgan import checks, files
from kerasgan.callbacks import rollback, symptoms
from kerasgan.callbacks.nan_guard import not_finite
from kerasgan.callbacks.probe import Probe, broken_weights, gradient_sizes

_ACTIONS = ("warn", "stop", "rollback")
_FINDINGS = "findings.jsonl"


class Health(keras.callbacks.Callback):
    """Watches a training, and warns, stops or goes back when it falls ill.

    Every `every_steps` steps it looks at the losses since its last look, at the weights, at the
    optimizers, and at samples of the same latents beside the same real ones. It changes nothing
    of the training, nor of its random draws, until it acts. What it finds is one of:

    - `not_finite`: a log that is NaN or infinite (looked at after every step), or a weight.
    - `exploding`: a player's loss, or its gradient's size, is more than `explosion` times its
      usual size. The usual size is the lowest that the median of five successive looks has been,
      1 at least. A gradient's size is the root of the sum of the running means of its squares,
      which Adam, RMSprop and their kin keep; with other optimizers, only losses and weights tell.
    - `discriminator_saturated`: for `patience` looks in turn, each of the discriminator's terms
      (`discriminator_real` and `_fake`, or `_relativistic`) is at most `saturation` in size
      although its mean scores of real samples and fakes lie 0.5 or more apart and it scores real
      above fake in 99 % of pairs. It then learns nothing more, and a minimax generator neither.
      A Wasserstein critic can't look like that, as its terms add up to the gap; BEGAN's
      discriminator gives pictures, not scores, and is left out.
    - `generator_collapsed`: for `patience` looks in turn, the mean distance between two samples
      (of one class, where the model takes labels) is less than `least_distance` of that of the
      real samples; or, with a `classifier`, the samples' effective number of classes (the
      exponential of the entropy of the classes' shares) less than `least_classes` of the real
      ones'. A generator that has lost some modes only is not found by distance: give a classifier.

    Each is said when it begins, not again while it lasts. `action="warn"` goes on; `"stop"` stops
    training; `"rollback"` goes back to the last healthy state, the newest look without a symptom
    (or the start), and multiplies all learning rates by `rate_factor`. The weights, the averages
    and the optimizers go back, the step counter does not: it counts the batches that training has
    drawn, so that checkpoints, data and random draws go on from there, and the steps in between
    are lost. After `max_rollbacks` it stops instead.

    Put it first in the list of callbacks. It does what `NaNGuard` does; if both are there, `Health`
    must come first. In training by several workers it can't be used.

    Args:
        real: real data as `fit` takes them: an array, a tuple (samples, labels), or a dataset,
            whose first `samples` examples are taken.
        directory: where `findings.jsonl`, and for "rollback" the last healthy state, are kept.
            None: nowhere. A resumed run finds them again.
        action: "warn", "stop" or "rollback".
        every_steps: training steps between two looks.
        samples: how many samples to look at.
        seed: int, of their latents.
        classifier: function, samples (n, ...) -> probabilities (n, classes); None: none.
        patience: looks in turn before saturation or collapse is said.
        warmup_steps: steps before which neither is looked for, as the samples of a new generator
            are all alike; counted anew after a return to a state that had not done them.
        saturation: > 0, in units of the loss; a healthy LSGAN or SNGAN comes near 0.005.
        least_distance: in (0, 1), a share of the real samples' mean distance.
        least_classes: in (0, 1), a share of the real samples' effective number of classes.
        explosion: > 1, a factor.
        rate_factor: in (0, 1].
        max_rollbacks: how often to go back.

    Attributes:
        findings: list of dicts: `step`, `kind`, `message`, `values` (what was measured), `action`.
        measured: dict of the newest look's measurements.
        rollbacks: how often this run went back.

    Raises:
        ValueError: an unknown action, "rollback" without a directory, an argument out of its
            range; when training starts: real data that don't fit the model, a model without
            `generate`, or, for "rollback", an optimizer with a schedule.

    Example:
        >>> real = np.random.default_rng(0).normal(size=(64, 28, 28, 1)).clip(-1, 1)
        >>> health = Health(real.astype("float32"), action="stop")
        >>> health.findings
        []
    """

    def __init__(
        self,
        real,
        directory=None,
        action="warn",
        every_steps=100,
        samples=256,
        seed=0,
        classifier=None,
        patience=3,
        warmup_steps=500,
        saturation=0.001,
        least_distance=0.05,
        least_classes=0.2,
        explosion=1000.0,
        rate_factor=0.5,
        max_rollbacks=3,
    ):
        super().__init__()
        if action not in _ACTIONS:
            raise ValueError(
                f"action must be one of {', '.join(_ACTIONS)}. Received: action={action!r}"
            )
        if action == "rollback" and directory is None:
            raise ValueError(
                "Going back needs a folder for the last healthy state: give directory=. "
                "Received: action='rollback', directory=None"
            )
        self.action = action
        self.every_steps = checks.positive(every_steps=every_steps)
        self.patience = checks.positive(patience=patience)
        self.warmup_steps = warmup_steps and checks.positive(warmup_steps=warmup_steps)
        self.max_rollbacks = checks.positive(max_rollbacks=max_rollbacks)
        self.saturation = _within(0.0, math.inf, saturation=saturation)
        self.least_distance = _within(0.0, 1.0, least_distance=least_distance)
        self.least_classes = _within(0.0, 1.0, least_classes=least_classes)
        self.explosion = _within(1.0, math.inf, explosion=explosion)
        self.rate_factor = 1.0 if rate_factor == 1 else _within(0.0, 1.0, rate_factor=rate_factor)
        self.probe = Probe(real, checks.positive(samples=samples), seed, classifier)
        self.directory = directory and files.writable_directory("directory", directory)
        self.healthy_state = self.directory and rollback.HealthyState(self.directory)
        self.findings, self.measured, self.rollbacks = [], {}, 0

    def set_model(self, model):
        """Checks the model, its optimizers and the real data against each other."""
        super().set_model(model)
        self.probe.fit(model)
        fixed = rollback.scheduled_players(model)
        if self.action == "rollback" and self.rate_factor < 1.0 and fixed:
            raise ValueError(
                "The rate of a LearningRateSchedule can't be lowered. Give float learning rates, "
                "or rate_factor=1.0 to go back without lowering them. "
                f"Received: schedules of {', '.join(fixed)}"
            )

    # When it looks ------------------------------------------------------------------------

    def on_train_begin(self, logs=None):
        """Takes up what an earlier part of the same run found; forgets what lies ahead of it."""
        step = self._step()
        if self.directory:
            files.remove_leftovers(self.directory)
            self.findings = self._read_findings()
        self.findings = [record for record in self.findings if record["step"] <= step]
        returns = {record["step"] for record in self.findings if record["action"] == "rollback"}
        self.rollbacks, self._last_return = len(returns), max(returns, default=0)
        self._write_findings()
        self._levels, self._looked_at, self._warm_at = {}, None, self.warmup_steps
        self._start_anew(step)
        if self.action == "rollback":
            self.healthy_state.forget_from(step)
            if self.healthy_state.path() is None and not broken_weights(self.model):
                self.healthy_state.save(self.model, step)
            rollback.lower_initial_rates(self.model, self.rate_factor**self.rollbacks)

    def on_epoch_begin(self, epoch, logs=None):
        """Notes that the logs' means start anew."""
        self._mean_from, self._sums = self._step(), (0, {})

    def on_train_batch_end(self, batch, logs=None):
        """Looks at the logs after every step, and at all else when it is time."""
        step = self._step()
        broken = not_finite(logs)
        if broken:
            values = {name: _number(logs[name]) for name in broken}
            listed = ", ".join(f"{name} = {value}" for name, value in values.items())
            self._conclude(step, [("not_finite", f"Not finite: {listed}.", values)], logs)
        elif self._looked_at is None:  # losses before training are a measure for later ones
            sizes = self._sizes(self._means(step, logs))
            symptoms.explosion(sizes, self._levels, self.explosion)
            self._looked_at = step
        elif step // self.every_steps > self._looked_at // self.every_steps:
            self._looked_at = step
            found = self._look(step, self._means(step, logs))
            if self.action == "rollback" and not found and not any(self._counts.values()):
                self.healthy_state.save(self.model, step)
            self._conclude(step, found, logs)

    def on_epoch_end(self, epoch, logs=None):
        """Takes losses out of the logs of an epoch whose last step was undone."""
        if self._mean_from == self._step() and logs is not None:
            for name in [metric.name for metric in self.model.metrics]:
                logs.pop(name, None)

    # What it looks at ---------------------------------------------------------------------

    def _look(self, step, means):
        """List of (kind, message, values) of what is wrong now."""
        broken = broken_weights(self.model)
        if broken:
            message = f"Weights are not finite any more: {', '.join(broken[:3])}."
            return [("not_finite", message, {"weights": broken})]
        probed = self.probe.measure(self.model)
        self.measured = {"step": step, **means, **self._sizes(means), **probed}
        terms = [f"{self.probe.judge}_{term}" for term in ("real", "fake", "relativistic")]
        found = {
            "exploding": symptoms.explosion(self._sizes(means), self._levels, self.explosion),
            "discriminator_saturated": symptoms.saturation(
                {name: means[name] for name in terms if name in means},
                probed.get("score_gap"),
                probed.get("real_above_fake"),
                self.saturation,
            ),
            "generator_collapsed": symptoms.collapse(
                probed["distance_ratio"],
                self.least_distance,
                probed.get("classes"),
                probed.get("real_classes"),
                self.least_classes,
            ),
        }
        ill = []
        for kind, symptom in found.items():
            at_once = kind == "exploding"
            counts = symptom and (at_once or step >= self._warm_at)
            self._counts[kind] = self._counts.get(kind, 0) + 1 if counts else 0
            if self._counts[kind] >= (1 if at_once else self.patience):
                ill.append((kind, *symptom))
        return ill

    def _sizes(self, means):
        """Sizes by name: of each player's loss and of its gradient."""
        losses = [f"{player}_loss" for player in self.model.optimizers]
        return {n: abs(means[n]) for n in losses if n in means} | gradient_sizes(self.model)

    def _means(self, step, logs):
        """The logs' means over the steps since the last look, from those since the epoch began."""
        steps = step - self._mean_from
        sums = {name: _number(value) * steps for name, value in (logs or {}).items()}
        steps_before, before = self._sums
        self._sums = steps, sums
        return {n: (s - before.get(n, 0.0)) / (steps - steps_before) for n, s in sums.items()}

    # What it does -------------------------------------------------------------------------

    def _conclude(self, step, found, logs):
        news = [finding for finding in found if finding[0] not in self._ongoing]
        self._ongoing = {kind for kind, _, _ in found}
        if not news:
            return
        for kind, message, _ in news:
            print(f"\nkerasgan: step {step}: {message} {symptoms.ADVICE[kind]}")
        action = self._act(step, logs)
        for kind, message, values in news:
            finding = {"kind": kind, "message": message, "values": _plain(values)}
            self.findings.append({"step": step, **finding, "action": action})
        self._write_findings()

    def _act(self, step, logs):
        """Does what `action` says, and returns what was done."""
        if self.action == "warn":
            return "warn"
        obstacle = self._obstacle() if self.action == "rollback" else ""
        if self.action == "stop" or obstacle:
            print(f"kerasgan: training stops{obstacle and f': {obstacle}'}.")
            self.model.stop_training = True
            return "stop"
        self._roll_back(step)
        if logs is not None:
            logs.clear()  # those of steps that are undone; callbacks behind this one see none
        return "rollback"

    def _obstacle(self):
        """Why it can't go back, or ""."""
        if self.model.stop_training:
            return "another callback has stopped it (put Health before NaNGuard)"
        if self.healthy_state.path() is None:
            return "there is no healthy state to go back to"
        if self.rollbacks >= self.max_rollbacks:
            return (
                f"it went back {self.rollbacks} times already, as max_rollbacks allows; "
                f"the last healthy state is {self.healthy_state.path()}"
            )
        return ""

    def _roll_back(self, step):
        healthy_step = self.healthy_state.step()
        self.healthy_state.restore(self.model, self.rate_factor)
        self.model.reset_metrics()
        self.rollbacks += 1
        rollback.lower_initial_rates(self.model, self.rate_factor**self.rollbacks)
        lost = step - max(healthy_step, self._last_return)
        self._last_return = step
        self._warm_at = max(self._warm_at, step + self.warmup_steps - healthy_step)
        self._start_anew(step)
        rates = rollback.learning_rates(self.model).items()
        print(
            f"kerasgan: back to the state of step {healthy_step}, {lost} steps are lost; learning "
            f"rates now: {', '.join(f'{player} {rate:.3g}' for player, rate in rates)} (return "
            f"{self.rollbacks} of {self.max_rollbacks})."
        )

    def _start_anew(self, step):
        self._ongoing, self._counts = set(), {}
        self._mean_from, self._sums = step, (0, {})

    def _step(self):
        return int(self.model.step_counter.numpy())

    def _read_findings(self):
        path = self.directory / _FINDINGS
        if not path.exists():
            return []
        try:
            findings = [json.loads(line) for line in path.read_text().splitlines()]
            return [record for record in findings if {"step", "kind", "action"} <= record.keys()]
        except (ValueError, AttributeError) as error:
            raise ValueError(
                "The directory's findings can't be read; delete the file or choose another "
                f"directory. Received: {path}: {error}"
            ) from error

    def _write_findings(self):
        if self.directory:
            lines = "".join(json.dumps(record) + "\n" for record in self.findings)
            with files.replacing(self.directory / _FINDINGS) as temporary:
                temporary.write_text(lines)


def _number(value):
    return float(np.asarray(value).ravel()[0])  # training by several workers logs shape [1]


def _plain(values):
    """`values` as JSON takes them: NaN and infinities as words."""
    numbers = {n: v for n, v in values.items() if isinstance(v, float)}
    return values | {n: v if math.isfinite(v) else str(v) for n, v in numbers.items()}


def _within(low, high, **argument):
    """The argument's value as a float in (low, high); ValueError otherwise."""
    ((name, value),) = argument.items()
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not number or not low < value < high:
        raise ValueError(
            f"{name} must be a number in ({low:g}, {high:g}). Received: {name}={value!r}"
        )
    return float(value)
