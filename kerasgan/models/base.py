"""The base of every model in the zoo: players, optimizers, one update, EMA, random draws, saving.

A family overrides `train_step`, and there its algorithm reads as in its paper::

    def train_step(self, data):
        real_images = self.unpack(data)
        self.update("discriminator", self.discriminator_loss, real_images)
        self.update("generator", self.generator_loss, tf.shape(real_images)[0])
        return self.finish_step()

The base knows what is the same everywhere and nothing of what a family feeds its networks.
"""

import random
import threading

import keras
import tensorflow as tf

from kerasgan import checks, presets
from kerasgan.layers import advance_spectral_norms
from kerasgan.models import arguments, averages, training

_COMPILE_ARGUMENTS = ("metrics", "jit_compile", "run_eagerly", "steps_per_execution")


class AdversarialModel(presets.HasPresets, keras.Model):
    """A model whose players (generator, discriminator, ...) are trained in turn.

    A family sets its networks as attributes, then calls `set_up()` as the last line of
    `__init__`. It implements `players`, `default_optimizers`, `data_spec` and `train_step`;
    `generate_batch` as well, if metrics are to be computed on `validation_data`.

    Every constructor argument of a family must be an attribute of the same name: `get_config`
    collects them from there.

    Args:
        ema_decay: decay of the exponential moving average of the networks named in `averaged`,
            in [0, 1); 0 copies the weights after every step.
        seed: int, the seed of all random draws of training (not of the initial weights, which
            `keras.utils.set_random_seed` rules). None draws one, kept in the config.
        **kwargs: `name` and `dtype`, as for every `keras.Model`.

    Raises:
        ValueError: `ema_decay` outside [0, 1), or a negative or non-integer seed.
    """

    averaged = ("generator",)  # attributes (a network or a list of networks) with an EMA copy
    batches_per_step = 1  # batches of real data that one train_step takes (critic steps)

    def __init__(self, *, ema_decay=0.999, seed=None, **kwargs):
        super().__init__(**kwargs)
        if not 0.0 <= ema_decay < 1.0:
            raise ValueError(f"ema_decay must lie in [0, 1). Received: ema_decay={ema_decay}")
        if seed is None:
            seed = random.SystemRandom().randrange(2**31)
        self.ema_decay = ema_decay
        self.seed = checks.seed(seed)
        self.step_counter = self._counter("step_counter")
        self.test_counter = self._counter("test_counter")
        self._trackers = {}
        self._eval_metrics = []
        self._stream = threading.local()  # one stream of draws per replica (a thread each)

    # What a family says about itself ------------------------------------------------------

    def players(self):
        """dict: player name -> list of the networks that its optimizer updates."""
        raise NotImplementedError(f"{type(self).__name__} must implement players().")

    def default_optimizers(self):
        """dict: player name -> the paper's optimizer, used where `compile` is given none."""
        raise NotImplementedError(f"{type(self).__name__} must implement default_optimizers().")

    def data_spec(self):
        """Tuple of `kerasgan.specs.ArraySpec`: what one batch of a dataset holds."""
        raise NotImplementedError(f"{type(self).__name__} must implement data_spec().")

    def generate_batch(self, data):
        """Fake samples to set against one batch of real data (EMA weights, `self.draw_*`)."""
        raise NotImplementedError(f"{type(self).__name__} must implement generate_batch().")

    def real_samples(self, data):
        """What `generate_batch`'s fakes are set against: the first part of a batch."""
        return data[0] if isinstance(data, tuple) else data

    def set_up(self):
        """Completes construction: EMA copies and the paper's optimizers. Safe to call again
        when the networks have changed (growing); the step counter goes on.
        """
        for name in self.averaged:
            setattr(self, f"ema_{name}", averages.frozen_copy(getattr(self, name)))
        self.built = True
        self.train_function = None
        self.compile()

    # Compiling ----------------------------------------------------------------------------

    def compile(self, **arguments):
        """Sets one optimizer per player, and how the step runs.

        Args:
            <player>_optimizer: a `keras.optimizers.Optimizer` or its name. Left out: the paper's.
            metrics: `keras.metrics.Metric`s, updated as (real, fake) on `validation_data`.
            jit_compile: True, False or "auto" (XLA where Keras thinks that it pays).
            run_eagerly: True to step through `train_step` with a debugger.
            steps_per_execution: steps run by one call of the compiled function.

        Raises:
            TypeError: an unknown argument.
            ValueError: one optimizer object given to two players; XLA or several steps per
                execution under a strategy with several replicas, which Keras can't run.
        """
        known = [f"{player}_optimizer" for player in self.players()] + list(_COMPILE_ARGUMENTS)
        for name in arguments:
            if name not in known:
                raise TypeError(
                    f"{type(self).__name__}.compile() takes {', '.join(known)}. Received: {name}="
                )
        replicas = self.distribute_strategy.num_replicas_in_sync
        steps_per_execution = arguments.get("steps_per_execution", 1)
        if replicas > 1 and (arguments.get("jit_compile") is True or steps_per_execution > 1):
            raise ValueError(
                "Keras runs neither jit_compile=True nor steps_per_execution > 1 under a strategy "
                f"with several replicas. Received: {replicas} replicas, {arguments}"
            )
        self._eval_metrics = [keras.metrics.get(m) for m in arguments.get("metrics") or []]
        super().compile(
            optimizer=None,
            jit_compile=arguments.get("jit_compile", "auto"),
            run_eagerly=arguments.get("run_eagerly", False),
            steps_per_execution=steps_per_execution,
        )
        self._set_optimizers(
            {p: arguments.get(f"{p}_optimizer") for p in self.players()}, self.default_optimizers()
        )
        self._compile_arguments = {n: v for n, v in arguments.items() if n in _COMPILE_ARGUMENTS}

    def _set_optimizers(self, given, default):
        chosen = {p: keras.optimizers.get(o or default[p]) for p, o in given.items()}
        if len({id(optimizer) for optimizer in chosen.values()}) < len(chosen):
            raise ValueError(
                "Each player needs an optimizer object of its own (it keeps moments per variable). "
                f"Received: the same object for several of {list(chosen)}"
            )
        for player, optimizer in chosen.items():
            scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
            if self.dtype_policy.name == "mixed_float16" and not scaled:
                optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
            # Built here: an optimizer that is built later would lose its saved state on load.
            optimizer.build(self.player_variables(player))
            setattr(self, f"{player}_optimizer", optimizer)

    @property
    def optimizers(self):
        """dict: player name -> its optimizer (a view of the `<player>_optimizer` attributes)."""
        return {player: getattr(self, f"{player}_optimizer") for player in self.players()}

    def player_variables(self, player):
        """The trainable variables of a player's networks, each once."""
        networks = self.players()[player]
        return list({id(v): v for n in networks for v in n.trainable_variables}.values())

    # One step -----------------------------------------------------------------------------

    def unpack(self, data):
        """Opens a training step: returns the parts of `data` that `data_spec` names (a single
        part bare, not in a tuple), and starts the step's stream of random draws.
        """
        self._open_stream(tf.convert_to_tensor(self.step_counter))
        return self._parts(data)

    def unpack_batches(self, data):
        """As `unpack`, where a step takes `batches_per_step` batches: returns a list of them."""
        self._open_stream(tf.convert_to_tensor(self.step_counter))
        return [self._parts(b) for b in (data if self.batches_per_step > 1 else [data])]

    def update(self, player, loss_function, *args, tape=None):
        """One optimizer step of `player` on the sum of the terms that `loss_function` returns.

        Each term is tracked as `<player>_<term>`, their sum as `<player>_loss`.

        Args:
            player: a name in `players()`.
            loss_function: called with `*args` under a tape; returns dict: term -> scalar.
            *args: passed on.
            tape: the `tf.GradientTape` under which `args` were made; None: a new one.

        Returns:
            The dict of terms (scalars), for feedback such as BEGAN's k.
        """
        optimizer = getattr(self, f"{player}_optimizer")
        variables = self.player_variables(player)
        with tape or tf.GradientTape() as tape:
            terms = loss_function(*args)
            loss = tf.add_n([tf.cast(term, tf.float32) for term in terms.values()])
            # Replicas' gradients are added up, so each replica's loss counts for its share.
            share = loss / self.distribute_strategy.num_replicas_in_sync
            scaled_loss = optimizer.scale_loss(share)
        optimizer.apply(tape.gradient(scaled_loss, [v.value for v in variables]), variables)
        for network in self.players()[player]:
            advance_spectral_norms(network)
        for term, value in terms.items():
            self.track(f"{player}_{term}", value)
        self.track(f"{player}_loss", loss)
        return terms

    def track(self, name, value):
        """Logs the mean of `value` over the epoch as `name`."""
        if name not in self._trackers:
            # Made once for all replicas, outside the graph that is being traced, and not as
            # variables of the tf.function, which would trace the step a second time for them.
            def unlifted(make, **arguments):
                return make(**{**arguments, "experimental_enable_variable_lifting": False})

            def add(strategy):
                with tf.init_scope(), strategy.scope(), tf.variable_creator_scope(unlifted):
                    self._trackers[name] = keras.metrics.Mean(name=name)

            tf.distribute.get_replica_context().merge_call(add)
        self._trackers[name].update_state(value)

    def finish_step(self):
        """Closes a training step: EMA, step count. Returns the logs (dict: name -> scalar)."""
        self.step_counter.assign_add(1)
        decay = averages.decay_at(self.step_counter, self.ema_decay)
        for name in self.averaged:
            averages.update(getattr(self, name), getattr(self, f"ema_{name}"), decay)
        return self._per_worker(self.get_metrics_result())

    def test_step(self, data):
        """Updates the compiled metrics as (real, fake); `evaluate` computes their results."""
        self._open_stream(-1 - tf.convert_to_tensor(self.test_counter))  # never a training step's
        self.test_counter.assign_add(1)
        parts = self._parts(data)
        real, fake = self.real_samples(parts), self.generate_batch(parts)
        for metric in self._eval_metrics:
            metric.update_state(real, fake)
        return self._per_worker({"batches": tf.convert_to_tensor(self.test_counter)})

    def _parts(self, data):
        wanted = len(self.data_spec())
        parts = tuple(data) if isinstance(data, (tuple, list)) else (data,)
        return parts[:wanted] if wanted > 1 else parts[0]

    def _per_worker(self, logs):
        if isinstance(self.distribute_strategy, tf.distribute.MultiWorkerMirroredStrategy):
            # Keras reduces logs over workers along axis 0 there, so a scalar would fail.
            logs = {name: tf.reshape(value, [1]) for name, value in logs.items()}
        return logs

    @property
    def metrics(self):
        """Exactly what is logged: the trackers of training and the compiled metrics."""
        return [*self._trackers.values(), *self._eval_metrics]

    def reset_metrics(self):
        """Starts the means, and the draws of `evaluate`, anew."""
        super().reset_metrics()
        self.test_counter.assign(0)

    def get_metrics_result(self):
        """The means of training. (The compiled metrics cost too much for each epoch's end.)"""
        return {name: tracker.result() for name, tracker in self._trackers.items()}

    def evaluate(self, *args, return_dict=False, **kwargs):
        """Computes the compiled metrics on a dataset of real batches, against as many samples.

        Each metric's `result()` is called once, eagerly, at the end; one that returns a dict
        adds each of its entries to the logs (`fit` logs them as `val_*`).

        Args:
            *args: as in `keras.Model.evaluate`, first of all the dataset.
            return_dict: whether to return a dict rather than a list of the values.
            **kwargs: as in `keras.Model.evaluate`.
        """
        super().evaluate(*args, return_dict=True, **kwargs)
        logs = {}
        for metric in self._eval_metrics:
            result = metric.result()
            logs.update(result if isinstance(result, dict) else {metric.name: result})
        logs = {name: float(value) for name, value in logs.items()}
        return logs if return_dict else list(logs.values())

    # Random draws -------------------------------------------------------------------------

    def _counter(self, name):
        return self.add_weight(
            name=name, shape=(), dtype="int64", initializer="zeros", trainable=False,
            aggregation="only_first_replica",
        )  # fmt: skip

    def _open_stream(self, step):
        self._stream.step, self._stream.draw = step, 0

    def draw_seed(self):
        """A seed pair for `tf.random.stateless_*`: a pure function of (seed, step, replica,
        number of the draw within the step), so that no two draws are alike and all resume.
        """
        context = tf.distribute.get_replica_context()
        replica = context.replica_id_in_sync_group if context else 0
        self._stream.draw += 1
        first = self._stream.step * 4096 + tf.cast(replica, tf.int64)
        return tf.stack([first, tf.constant(self.seed * 4096 + self._stream.draw, tf.int64)])

    def draw_normal(self, shape):
        """Standard normal draws of the given shape, float32, fresh at every call."""
        return tf.random.stateless_normal(shape, self.draw_seed())

    def draw_uniform(self, shape, low=0.0, high=1.0):
        """Uniform draws in [low, high), float32, fresh at every call."""
        return tf.random.stateless_uniform(shape, self.draw_seed(), low, high)

    # Training, saving ---------------------------------------------------------------------

    def fit(self, x=None, y=None, batch_size=None, epochs=1, callbacks=None, **kwargs):
        """Trains on a `tf.data.Dataset` of batches (or arrays), as `keras.Model.fit` does.

        Beyond Keras: the data is checked against `data_spec()` before the first step; batches
        are grouped where a step takes several; a dataset from `kerasgan.data` goes on where
        the step counter stands, and a `kerasgan.callbacks.Checkpoint` resumes within an epoch.

        Raises:
            ValueError: data that does not fit `data_spec()`, too few batches for one step.
        """
        fit = super().fit
        return training.fit(self, fit, x, y, batch_size, epochs, callbacks, **kwargs)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Nothing to build: `set_up` has. Keras' own fails on several workers (keras#20585)."""

    def get_config(self):
        """The constructor's arguments, networks and objects serialised."""
        return {**super().get_config(), **arguments.serialized(self)}

    @classmethod
    def from_config(cls, config):
        """A model from `get_config`'s dict."""
        return cls(**arguments.deserialized(cls, config))

    def get_compile_config(self):
        """The arguments of `compile`, serialised."""
        optimizers = {f"{player}_optimizer": o for player, o in self.optimizers.items()}
        return keras.saving.serialize_keras_object({**self._compile_arguments, **optimizers})

    def compile_from_config(self, config):
        """Compiles as the saved model was; called by `keras.saving.load_model`."""
        self.compile(**keras.saving.deserialize_keras_object(config))
