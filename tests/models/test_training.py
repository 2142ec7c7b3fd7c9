"""`fit`: groups of batches, the place in the data after a break, arrays, distribution of epochs."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.models import training
from tests.models.harness import state
from tests.models.test_gan import SHAPE, tiny
from tests.models.test_gan import TestGAN as Contract


class Order:
    """A seekable order, as kerasgan.data's: epoch e of a pass yields e, e + 10, e + 20, ..."""

    def __init__(self, batches=4):
        self.pinned, self.count, self.passes = None, 0, []
        self.batches = batches

    def begin_pass(self):
        epoch = self.count if self.pinned is None else self.pinned
        self.count += self.pinned is None
        self.passes.append(epoch)
        return np.int64(epoch)

    def seek(self, epoch, pin=True):
        self.pinned, self.count = (epoch, self.count) if pin else (None, epoch)

    def release(self):
        self.pinned = None

    def dataset(self):
        def batch(epoch, position):
            epoch = tf.cond(
                epoch < 0, lambda: tf.numpy_function(self.begin_pass, [], tf.int64), lambda: epoch
            )
            value = tf.cast(epoch + 10 * position, tf.float32) / 100.0
            return tf.ensure_shape(epoch, []), tf.fill([2, *SHAPE], value)

        dataset = tf.data.Dataset.range(self.batches).scan(tf.constant(-1, tf.int64), batch)
        dataset.epoch_order = self
        return dataset.map(lambda x: tf.ensure_shape(x, [2, *SHAPE]))


class Recorder(keras.callbacks.Callback):
    """Makes the model record the data that each step sees."""

    def __init__(self, model, resume_at=None):
        super().__init__()
        self.seen, self.resume_at, self.begun, self.ended = [], resume_at, 0, 0
        original = model.unpack

        def unpack(data):
            batches = data if isinstance(data, tuple) else (data,)
            self.seen.append([round(float(b[0, 0, 0, 0]) * 100) for b in batches])
            return original(data)

        model.unpack = unpack
        model.compile(run_eagerly=True)

    def resume(self, model):
        return self.resume_at

    def on_train_begin(self, logs=None):
        self.begun += 1

    def on_train_end(self, logs=None):
        self.ended += 1


def test_each_epoch_has_its_own_order_and_fits_go_on_where_they_stopped():
    model, order = tiny(seed=0), Order()
    recorder = Recorder(model)
    model.fit(order.dataset(), epochs=2, callbacks=[recorder], verbose=0)
    model.fit(order.dataset(), epochs=1, callbacks=[recorder], verbose=0)
    assert [b for (b,) in recorder.seen] == [0, 10, 20, 30, 1, 11, 21, 31, 2, 12, 22, 32]


@pytest.mark.parametrize("epoch, batch", [(1, 0), (1, 1), (1, 3), (2, 2)])
def test_a_resumed_run_sees_the_rest_of_the_data_once(epoch, batch):
    model, order = tiny(seed=0), Order()
    model.step_counter.assign(4 * epoch + batch)
    recorder = Recorder(model, resume_at=(epoch, batch))
    history = model.fit(order.dataset(), epochs=3, callbacks=[recorder], verbose=0)
    whole = [e + 10 * b for e in range(3) for b in range(4)]
    assert [b for (b,) in recorder.seen] == whole[4 * epoch + batch :]
    assert (recorder.begun, recorder.ended) == (1, 1)
    assert history.epoch == list(range(epoch, 3))


def test_a_resumed_run_that_began_from_a_trained_model_keeps_its_passes():
    model, order = tiny(seed=0), Order()
    model.step_counter.assign(6)  # one and a half passes of another life
    first = Recorder(model)
    model.fit(order.dataset(), epochs=2, callbacks=[first], verbose=0)
    again = tiny(seed=0)
    again.step_counter.assign(6 + 5)  # killed after five steps: epoch 1, batch 1
    second = Recorder(again, resume_at=(1, 1))
    again.fit(Order().dataset(), epochs=2, callbacks=[second], verbose=0)
    assert second.seen == first.seen[5:]


def test_steps_per_epoch_runs_through_the_data_without_a_seam():
    model, order = tiny(seed=0), Order()
    recorder = Recorder(model)
    model.fit(order.dataset(), epochs=2, steps_per_epoch=3, callbacks=[recorder], verbose=0)
    model.fit(order.dataset(), epochs=1, steps_per_epoch=3, callbacks=[recorder], verbose=0)
    assert [b for (b,) in recorder.seen] == [0, 10, 20, 30, 1, 11, 21, 31, 2]


def test_a_resumed_run_with_steps_per_epoch_sees_the_rest():
    model = tiny(seed=0)
    model.step_counter.assign(4)
    recorder = Recorder(model, resume_at=(1, 1))
    model.fit(Order().dataset(), epochs=3, steps_per_epoch=3, callbacks=[recorder], verbose=0)
    assert [b for (b,) in recorder.seen] == [1, 11, 21, 31, 2]


def test_an_order_survives_map_and_zip():
    one, two = Order(), Order()
    zipped = tf.data.Dataset.zip(one.dataset().map(lambda x: x), two.dataset()).prefetch(1)
    assert training._find_orders(zipped) == [one, two]


def test_batches_are_grouped_in_order_and_left_over_ones_dropped(capsys):
    dataset = tf.data.Dataset.range(14).batch(2)  # 7 batches
    grouped = training.group_batches(dataset, 3)
    assert [[b.tolist() for b in group] for group in grouped.as_numpy_iterator()] == [
        [[0, 1], [2, 3], [4, 5]],
        [[6, 7], [8, 9], [10, 11]],
    ]
    assert int(grouped.cardinality()) == 2
    assert "last 1 of 7 batches" in capsys.readouterr().out


def test_grouping_keeps_structure_and_a_partial_batch():
    pairs = tf.data.Dataset.from_tensor_slices((np.arange(7), np.arange(7) * 10)).batch(2)
    groups = list(training.group_batches(pairs, 2).as_numpy_iterator())
    assert [[x.tolist() for x, _ in group] for group in groups] == [[[0, 1], [2, 3]], [[4, 5], [6]]]
    assert [[y.tolist() for _, y in group] for group in groups][1] == [[40, 50], [60]]


def test_too_few_batches_for_a_step_is_an_error():
    with pytest.raises(ValueError, match=r"takes 5 batches.*Received: a dataset of 2"):
        training.group_batches(tf.data.Dataset.range(4).batch(2), 5)


def test_endless_data_needs_steps_per_epoch():
    endless = tf.data.Dataset.from_tensors(np.full((2, *SHAPE), -1, "float32")).repeat()
    with pytest.raises(ValueError, match="steps_per_epoch"):
        tiny(seed=0).fit(endless, verbose=0)
    history = tiny(seed=0).fit(endless, steps_per_epoch=2, verbose=0)
    assert history.epoch == [0]


@pytest.mark.parametrize("x, y", [(None, None), ("digits", None), ([[1.0]], None)])
def test_what_is_no_data_is_named(x, y):
    with pytest.raises(ValueError, match="Received"):
        tiny(seed=0).fit(x, y)


def test_arrays_of_different_lengths_are_named():
    with pytest.raises(ValueError, match="as many rows"):
        tiny(seed=0).fit(np.zeros((4, *SHAPE), "float32"), np.zeros(3, "int32"))


def test_unknown_and_shared_optimizers_are_named():
    model = tiny(seed=0)
    with pytest.raises(TypeError, match="discriminator_optimizer, generator_optimizer"):
        model.compile(optimizer="adam")
    shared = keras.optimizers.Adam()
    with pytest.raises(ValueError, match="object of its own"):
        model.compile(discriminator_optimizer=shared, generator_optimizer=shared)
    with pytest.raises(ValueError, match="adamm"):
        model.compile(discriminator_optimizer="adamm")


def test_schedules_and_optimizers_come_back_from_a_file(tmp_path):
    model = tiny(seed=0)
    schedule = keras.optimizers.schedules.ExponentialDecay(1e-3, 10, 0.5)
    model.compile(generator_optimizer=keras.optimizers.RMSprop(schedule), steps_per_execution=2)
    model.fit(np.full((8, *SHAPE), -1, "float32"), batch_size=2, verbose=0)
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    optimizer = loaded.optimizers["generator"]
    assert isinstance(optimizer, keras.optimizers.RMSprop)
    assert float(optimizer.learning_rate) == pytest.approx(1e-3 * 0.5**0.4)
    assert loaded.steps_per_execution == 2
    assert loaded.optimizers["discriminator"].beta_1 == 0.5
    for a, b in zip(state(loaded), state(model), strict=True):
        np.testing.assert_array_equal(a, b)


class MeanGap(keras.metrics.Mean):
    """Mean of real minus mean of fake."""

    def update_state(self, real, fake):
        return super().update_state(tf.reduce_mean(real) - tf.reduce_mean(fake))


def test_validation_compares_real_with_fake_from_the_averaged_generator():
    model = tiny(seed=0)
    model.compile(metrics=[MeanGap(name="gap")])
    model.ema_generator.set_weights([w * 0 for w in model.ema_generator.get_weights()])
    data = tf.data.Dataset.from_tensors(np.full((4, *SHAPE), 0.25, "float32")).repeat(2)
    assert model.evaluate(data, return_dict=True, verbose=0)["gap"] == pytest.approx(0.25)
    history = model.fit(data, validation_data=data, verbose=0).history
    assert "val_gap" in history


def test_draws_of_a_step_differ_and_those_of_steps_too():
    model = tiny(seed=5)
    draws = []
    for step in range(2):
        model.step_counter.assign(step)
        model.unpack(np.zeros((1, *SHAPE), "float32"))
        draws += [tuple(model.draw_normal([3]).numpy()) for _ in range(3)]
    assert len(set(draws)) == 6
    model.step_counter.assign(1)
    model.unpack(np.zeros((1, *SHAPE), "float32"))
    assert tuple(model.draw_normal([3]).numpy()) == draws[3]
    uniform = model.draw_uniform([10_000], -2.0, 4.0).numpy()
    assert uniform.min() >= -2.0 and uniform.max() < 4.0
    assert abs(uniform.mean() - 1.0) < 4 * 6 / np.sqrt(12 * 10_000)


@keras.saving.register_keras_serializable("kerasgan_tests")
class RefusedByXLA(type(tiny(seed=0))):
    """A GAN with an op in its step that XLA can't compile (antialiased resizing)."""

    def discriminator_loss(self, real_images, fake_images):
        small = tf.image.resize(real_images, [4, 4], antialias=True)
        terms = super().discriminator_loss(real_images, fake_images)
        return {**terms, "real": terms["real"] + 0.0 * tf.reduce_mean(small)}


def test_jit_compile_really_compiles():
    data = np.full((8, *SHAPE), -1, "float32")
    model = RefusedByXLA(SHAPE, 4, seed=0)
    model.compile(jit_compile=False)
    model.fit(data, batch_size=4, verbose=0)
    model.compile(jit_compile=True)
    with pytest.raises(tf.errors.InvalidArgumentError, match="unsupported operations"):
        model.fit(data, batch_size=4, verbose=0)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_step_is_traced_once(jit_compile):
    """The trackers that the first step makes must not have tf.function trace it again."""
    model = Contract().make_model(seed=0)
    model.compile(jit_compile=jit_compile)
    traces, step = [], model.train_step
    model.train_step = lambda data: traces.append(data) or step(data)
    model.fit(Contract().dataset(), epochs=2, verbose=0)
    assert len(traces) == 1
    assert int(model.step_counter.numpy()) == 10
