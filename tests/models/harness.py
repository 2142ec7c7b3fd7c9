"""What every family's test asserts (one harness; design: tiny sizes, seconds on a CPU).

A family's test module subclasses `FamilyContract`, says how to make a tiny model and tiny data,
and what is logged; the rest is inherited.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.models.training import group_batches

STEPS = 5


class FamilyContract:
    """Tests that each family must pass. Subclasses set `log_names` and the two methods."""

    log_names = ()

    def make_model(self, **kwargs):
        raise NotImplementedError

    def make_arrays(self, n):
        raise NotImplementedError

    def sample(self, model, n, seed=0):
        raise NotImplementedError

    def dataset(self, batch=4, steps=STEPS):
        arrays = self.make_arrays(batch * steps)
        return tf.data.Dataset.from_tensor_slices(arrays).batch(batch)

    # 1
    def test_generate_has_the_right_shape_and_range(self):
        model = self.make_model(seed=0)
        images = self.sample(model, 3)
        assert images.shape == (3, *model.image_shape)
        assert images.dtype == np.float32
        assert np.abs(images).max() <= 1.0
        assert images.std() > 0.0
        np.testing.assert_array_equal(images, self.sample(model, 3))
        assert not np.array_equal(images, self.sample(model, 3, seed=1))

    # 2
    def test_an_update_changes_its_player_and_no_other(self):
        for player in self.make_model(seed=0).players():
            model = self.make_model(seed=0)
            model.compile(run_eagerly=True)
            original = model.update
            model.update = lambda name, loss, *args, only=player, update=original, **tape: (
                update(name, loss, *args, **tape) if name == only else loss(*args)
            )
            before = {p: _values(model.player_variables(p)) for p in model.players()}
            model.train_step(_first(group_batches(self.dataset(), model.batches_per_step)))
            for other in model.players():
                same = [
                    np.array_equal(a, b)
                    for a, b in zip(before[other], _values(model.player_variables(other)))
                ]
                # A bias before a BatchNorm has a zero gradient, so "all change" would be too much.
                assert all(same) if other != player else not all(same)
            kernels = [
                (a, v.numpy())
                for a, v in zip(before[player], model.player_variables(player))
                if v.name == "kernel"
            ]
            assert kernels and all(not np.array_equal(a, b) for a, b in kernels)

    # 3
    def test_logs_are_finite_and_named_as_documented(self):
        history = self.make_model(seed=0).fit(self.dataset(), verbose=0).history
        assert set(history) == set(self.log_names)
        assert np.isfinite([values[-1] for values in history.values()]).all()

    # 4
    def test_update_counts(self):
        model = self.make_model(seed=0)
        model.fit(self.dataset(), epochs=2, verbose=0)
        steps = 2 * (STEPS // model.batches_per_step)
        assert int(model.step_counter.numpy()) == steps
        for player, optimizer in model.optimizers.items():
            wanted = steps * (1 if player == "generator" else model.batches_per_step)
            assert int(optimizer.iterations.numpy()) == wanted

    # 5
    def test_eager_and_graph_steps_agree(self):
        weights = []
        for eager in (True, False):
            keras.utils.set_random_seed(7)
            model = self.make_model(seed=0)
            model.compile(run_eagerly=eager, jit_compile=False)
            model.fit(self.dataset(), verbose=0)
            weights.append(model.get_weights())
        for a, b in zip(*weights, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-5)

    def test_the_step_compiles_under_xla(self):
        model = self.make_model(seed=0)
        model.compile(jit_compile=True)
        before = _values(model.trainable_variables)
        history = model.fit(self.dataset(), verbose=0).history
        assert np.isfinite([values[-1] for values in history.values()]).all()
        assert any(
            not np.array_equal(a, b) for a, b in zip(before, _values(model.trainable_variables))
        )

    # 6
    @pytest.mark.parametrize("jit_compile", [False, True])
    def test_ten_steps_equal_five_saved_loaded_and_five_more(self, tmp_path, jit_compile):
        whole = self.make_model(seed=0)
        whole.compile(jit_compile=jit_compile)
        whole.save(tmp_path / "start.keras")
        whole.fit(self.dataset(), epochs=1, verbose=0)
        whole.fit(self.dataset(), epochs=1, verbose=0)

        part = keras.saving.load_model(tmp_path / "start.keras")
        assert part.jit_compile is jit_compile
        part.fit(self.dataset(), epochs=1, verbose=0)
        part.save(tmp_path / "half.keras")
        part = keras.saving.load_model(tmp_path / "half.keras")
        part.fit(self.dataset(), epochs=1, verbose=0)

        assert len(state(whole)) == len(state(part))
        for a, b in zip(state(whole), state(part)):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(self.sample(whole, 3), self.sample(part, 3))

    # 8
    def test_a_partial_last_batch_trains(self):
        arrays = self.make_arrays(4 * STEPS + 3)
        dataset = tf.data.Dataset.from_tensor_slices(arrays).batch(4)
        model = self.make_model(seed=0)
        history = model.fit(dataset, verbose=0).history
        assert np.isfinite([values[-1] for values in history.values()]).all()

    # 10
    @pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
    def test_mixed_precision_trains(self, policy):
        keras.mixed_precision.set_dtype_policy(policy)
        model = self.make_model(seed=0)
        before = {p: _values(model.player_variables(p)) for p in model.players()}
        history = model.fit(self.dataset(), epochs=2, verbose=0).history
        assert np.isfinite([values[-1] for values in history.values()]).all()
        for player in model.players():
            moved = [
                np.abs(a - b).max()
                for a, b in zip(before[player], _values(model.player_variables(player)))
            ]
            # Adam moves by about its rate a step; without loss scaling it would be 32768 less.
            assert 1e-4 < max(moved) < 1e-1
        assert self.sample(model, 2).dtype == np.float32

    def test_config_round_trip(self):
        model = self.make_model(seed=3, ema_decay=0.5)
        copy = type(model).from_config(model.get_config())
        assert copy.seed == 3 and copy.ema_decay == 0.5
        assert [v.shape for v in copy.weights] == [v.shape for v in model.weights]

    def test_steps_per_execution_gives_the_same_weights(self):
        weights = []
        for steps in (1, STEPS):
            keras.utils.set_random_seed(7)
            model = self.make_model(seed=0)
            model.compile(steps_per_execution=steps, jit_compile=False)
            model.fit(self.dataset(), verbose=0)
            weights.append(model.get_weights())
        for a, b in zip(*weights, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-5)


def state(model):
    """Everything that a resumed run needs: weights, EMA, counters and all optimizers' variables."""
    optimizers = [v for o in model.optimizers.values() for v in o.variables]
    return _values([*model.weights, *optimizers])


def _values(variables):
    return [keras.ops.convert_to_numpy(v.value) for v in variables]


def _first(dataset):
    return next(iter(dataset))
