"""What every recipe shares: flags, a folder from which the run resumes, training, the record.

A recipe stays flat: flags -> data -> model -> `run.train` -> `run.export`. All that it makes goes
to its workdir: `samples/`, `samples.png`, `log.csv`, `checkpoints/`, `final.keras` and `run.json`.
"""

import datetime
import json
import platform
import sys
import time

import keras
import numpy as np
from absl import app, flags, logging

from kerasgan import callbacks, files, pictures, serving
from kerasgan.data import describe
from kerasgan.models import training
from kerasgan.version import versions

# Flags that may change from one start of a run to the next. The workdir's spelling may, too.
# The source is among them as the data themselves are compared.
MAY_DIFFER = {"workdir", "epochs", "updates", "checkpoint_steps"}
MAY_DIFFER |= {"source", "export_dir", "tensorboard"}
_MAY_MOVE = {"origin"}  # of the data's description
_SMOKE_EPOCHS, _SMOKE_STEPS, _SMOKE_BATCH = 2, 3, 16
_RECORD_SECONDS = 20
_MOST_PICTURES = 100  # of a run with many short epochs

flags.disclaim_key_flags()  # flags defined here show in the --help of the recipe that asked


class RunError(ValueError):
    """A run that can't start or go on; the message says why, and what to do."""


def define_flags(recipe, epochs=None, batch_size=128, source="auto", checkpoint_steps=100):
    """Defines the flags that all recipes have; a recipe defines its own beside them.

    Args:
        recipe: the recipe's name, such as "cgan_mnist".
        epochs: default number of passes over the data; None: `run.train`'s `updates` decide.
        batch_size: default number of real images in a batch.
        checkpoint_steps: default number of steps between checkpoints.
        source: default source of `kerasgan.data.load`; None: no such flag.
    """
    workdir = f"runs/{recipe}"
    flags.DEFINE_string("workdir", None, f"Folder of the run ({workdir}; --smoke: {workdir}-smoke)")
    flags.DEFINE_bool("smoke", False, "Go the whole way in seconds: 2 epochs of 3 small batches")
    flags.DEFINE_integer("seed", 0, "Of initial weights, data order and random draws", 0)
    flags.DEFINE_integer("epochs", epochs, "Passes over the data, in all", 1)
    flags.DEFINE_integer("batch_size", batch_size, "Real images in a batch", 1)
    if source is not None:
        flags.DEFINE_string("source", source, "Where the data come from; see kerasgan.data.load")
    flags.DEFINE_string("export_dir", None, "Export the trained model there, for TF Serving")
    flags.DEFINE_integer("checkpoint_steps", checkpoint_steps, "Steps between checkpoints", 1)
    flags.DEFINE_enum("jit_compile", "auto", ["auto", "true", "false"], "Compile by XLA")
    flags.DEFINE_enum(
        "mixed_precision", "none", ["none", "float16", "bfloat16"], "Compute in 16 bits"
    )
    flags.DEFINE_bool("tensorboard", False, "Write logs for TensorBoard to <workdir>/tensorboard")


def launch(main):
    """Parses the flags and calls `main()`; a refusal becomes one line and exit code 1."""

    def call(arguments):
        if len(arguments) > 1:
            raise app.UsageError(f"Recipes take flags only. Received: {arguments[1:]}")
        logging.set_verbosity(logging.WARNING)
        try:
            main()
        except (ValueError, FileNotFoundError) as error:
            if not isinstance(error, RunError) and "Received:" not in str(error):
                raise  # a defect, not a refusal
            sys.exit(f"{sys.argv[0]}: {error}")

    app.run(call)


def start(recipe):
    """Opens the run that the command line asks for.

    Args:
        recipe: the name that `define_flags` was given.

    Returns:
        A `Run`; its attributes are the flags.

    Raises:
        RunError: a workdir of another run or one that can't be written to.
    """
    return Run(recipe, {flag.name: flag.value for flag in _recipe_flags()})


def _recipe_flags():
    return flags.FLAGS.get_key_flags_for_module(sys.argv[0])


class Run:
    """A training with its folder: started, resumed, or found finished.

    The same settings again resume it; `epochs` may be raised. Sets Keras' random seed and dtype
    policy, so make it before the model. `smoke` runs resume as all others do.

    Args:
        recipe: its name.
        settings: dict of the flags' values; those of `define_flags` must be among them.

    Attributes:
        settings: as given; each is an attribute of the run as well.
        batch_size: the flag's; at most 16 with `smoke`.
        jit_compile: for `model.compile`: "auto", True or False.
        workdir: `pathlib.Path` of the folder.
        record: what `run.json` holds.

    Raises:
        RunError: a folder that can't be written to, that is another run's, or that holds other
            files; the message names every setting that differs.

    Example:
        >>> import tempfile
        >>> settings = dict(workdir=tempfile.mkdtemp(), smoke=True, seed=0, epochs=None,
        ...     batch_size=128, source="auto", export_dir=None, checkpoint_steps=100,
        ...     jit_compile="auto", mixed_precision="none", tensorboard=False)
        >>> run = Run("gan_mnist", settings)
        kerasgan: gan_mnist in ...
        >>> run.batch_size, run.record["recipe"], run.record["finished"]
        (16, 'gan_mnist', False)
    """

    def __init__(self, recipe, settings):
        self.recipe = recipe
        self.settings = dict(settings)
        vars(self).update(self.settings)
        if self.smoke:
            self.batch_size = min(self.batch_size, _SMOKE_BATCH)
        self.jit_compile = {"auto": "auto", "true": True, "false": False}[self.jit_compile]
        default = f"runs/{recipe}-smoke" if self.smoke else f"runs/{recipe}"
        try:
            self.workdir = files.writable_directory("workdir", self.workdir or default)
            if self.export_dir:
                files.writable_directory("export_dir", self.export_dir)
        except ValueError as error:
            raise RunError(str(error)) from error
        files.remove_leftovers(self.workdir)
        self.record = self._read_record() or self._new_record()
        self._refuse_other_settings()
        policy = {"none": "float32"}.get(self.mixed_precision, f"mixed_{self.mixed_precision}")
        keras.config.set_dtype_policy(policy)
        keras.utils.set_random_seed(self.seed)
        print(f"kerasgan: {recipe} in {self.workdir}")

    # The record ---------------------------------------------------------------------------

    def _read_record(self):
        path = self.workdir / "run.json"
        if not path.exists():
            if had := [p.name for p in path.parent.iterdir() if not p.is_dir() or any(p.iterdir())]:
                raise RunError(
                    "The workdir holds files but no run.json, so it is not a run's. Choose "
                    f"another --workdir. Received: {self.workdir}, with {', '.join(had[:5])}"
                )
            return None
        try:
            record = json.loads(path.read_text())
            record["recipe"], record["flags"], record["resumptions"]
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(
                "The workdir's run.json can't be read. Delete the folder to start anew, or choose "
                f"another --workdir. Received: {path}: {error!r}"
            ) from error
        return record

    def _new_record(self):
        return {
            "recipe": self.recipe,
            "command": sys.argv,
            "flags": self.settings,
            "seeds": {"model": self.seed, "weights": self.seed, "data": self.seed},
            "versions": _versions(),
            "data": None,
            "started": _now(),
            "wall_seconds": 0.0,
            "steps": 0,
            "epochs": 0,
            "resumptions": [],
            "finished": False,
            "failed": None,
        }

    def _refuse_other_settings(self):
        if self.record["recipe"] != self.recipe:
            raise RunError(
                f"The workdir is a run of the recipe {self.record['recipe']}. Choose another "
                f"--workdir. Received: {self.workdir} for {self.recipe}"
            )
        before, now = self.record["flags"], self.settings
        differing = [
            f"--{name} (was {before[name]!r}, now {now[name]!r})"
            for name in before.keys() & now.keys() - MAY_DIFFER
            if before[name] != now[name]
        ]
        if differing:
            raise RunError(
                f"The workdir is a run with other flags: {'; '.join(sorted(differing))}. Use the "
                f"same flags to resume it, or another --workdir. Received: {self.workdir}"
            )
        self.record["flags"] = self.settings

    def _refuse_other_data(self, dataset):
        now = json.loads(json.dumps(describe(dataset)))
        before = now if self.record["data"] is None else self.record["data"]
        keys = [key for key in before if key not in _MAY_MOVE and before[key] != now.get(key)]
        if keys:
            differing = "; ".join(f"{k} (was {before.get(k)!r}, now {now.get(k)!r})" for k in keys)
            raise RunError(
                f"The run began on other data: {differing}. Make the former available again "
                f"(--source names it), or use another --workdir. Received: {self.workdir}"
            )
        self.record["data"] = now
        self._save_record()  # not before: flags that fail above don't take the folder

    def _save_record(self):
        files.write_json(self.workdir / "run.json", self.record)

    # Training -----------------------------------------------------------------------------

    def train(self, model, dataset, updates=None, grid=None):
        """Trains `model`, or goes on where the run stands, and leaves `final.keras`.

        Args:
            model: an `AdversarialModel`, built and compiled in the same way at each start.
            dataset: what `kerasgan.data` makes, of `batch_size`.
            updates: steps from which the number of epochs follows where the flag is not given.
            grid: callback that draws the pictures of each epoch; None: a `SampleGrid`.

        Raises:
            RunError: other data than before; NaN or infinite losses; neither updates nor epochs.
            ValueError: fewer batches than one step takes.
        """
        training.check_batches(dataset, model.batches_per_step)
        self._refuse_other_data(dataset)
        if self.smoke:
            dataset = dataset.take(_SMOKE_STEPS * model.batches_per_step)
        epochs = self._epochs(int(dataset.cardinality()) // model.batches_per_step, updates)
        final = self.workdir / "final.keras"
        if self.record["finished"] and epochs <= self.record["epochs"] and final.exists():
            model.load_weights(final)
            done = f"{self.record['epochs']} epochs ({self.record['steps']} steps)"
            print(f"kerasgan: this run is finished, with {done}; more --epochs would go on.")
            return
        watched, guard = _Watched(self), callbacks.NaNGuard()
        grid = grid or callbacks.SampleGrid(self.workdir / "samples")
        grid.every = max(1, epochs // _MOST_PICTURES)
        log = callbacks.CSVLog(self.workdir / "log.csv")
        boards = [callbacks.tensorboard(self.workdir / "tensorboard")] if self.tensorboard else []
        model.fit(
            dataset,
            epochs=epochs,
            callbacks=[guard, grid, log, *boards, watched.checkpoint, watched],
            verbose=1 if sys.stdout.isatty() else 2,
        )
        self.record["failed"] = guard.message
        if guard.message:
            self._save_record()
            raise RunError(guard.message)
        with files.replacing(final) as temporary:
            model.save(temporary)
        pictures.save_png(grid.picture(model), self.workdir / "samples.png")
        self.record["finished"] = True
        self._save_record()
        print(
            f"kerasgan: finished after {self.record['steps']} steps, "
            f"{self.record['wall_seconds']:.0f} s in all; samples: {self.workdir / 'samples.png'}"
        )

    def _epochs(self, steps, updates):
        if self.epochs:
            return self.epochs
        if self.smoke:
            return _SMOKE_EPOCHS
        if not updates or steps < 1:
            raise RunError(f"Give --epochs. Received: epochs=None, updates={updates}, {steps=}")
        return max(1, round(updates / steps))

    def export(self, model):
        """Exports to `export_dir`, if the flag is given; smoke runs do so in any case, once, to
        `<workdir>/export`.
        """
        directory = self.export_dir
        if not directory and self.smoke and not (self.workdir / "export").exists():
            directory = self.workdir / "export"
        if directory:
            print(f"kerasgan: exported to {serving.export(model, directory)}")


class _Watched(keras.callbacks.Callback):
    """Keeps the run's record while it trains."""

    def __init__(self, run):
        super().__init__()
        self.run = run
        self.checkpoint = callbacks.Checkpoint(
            run.workdir / "checkpoints", 1 if run.smoke else run.checkpoint_steps
        )
        self._began = time.perf_counter()
        self._seconds_before = run.record["wall_seconds"]
        self._saved_at = 0.0

    def on_train_begin(self, logs=None):
        """Notes a resumption."""
        record, resumed = self.run.record, self.checkpoint.resumed
        record.update(finished=False, failed=None)
        if resumed:
            record["resumptions"].append({**resumed, "time": _now(), "versions": _versions()})
        self._write(resumed["epoch"] if resumed else 0)

    def on_train_batch_end(self, batch, logs=None):
        """Writes the record now and then."""
        if time.perf_counter() - self._saved_at > _RECORD_SECONDS:
            self._write(self.run.record["epochs"])

    def on_epoch_end(self, epoch, logs=None):
        """Writes the record."""
        self._write(epoch + (not self.model.stop_training))

    def _write(self, epochs):
        self._saved_at = time.perf_counter()
        seconds = self._seconds_before + self._saved_at - self._began
        steps = int(self.model.step_counter.numpy())
        self.run.record.update(epochs=epochs, steps=steps, wall_seconds=round(seconds, 1))
        self.run._save_record()


def _now():
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _versions():
    return {**versions(), "numpy": np.__version__, "python": platform.python_version()}
