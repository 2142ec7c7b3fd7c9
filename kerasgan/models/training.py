"""How `AdversarialModel.fit` feeds Keras' loop: the check at the door, groups of batches, and the
place in the data at which a resumed run goes on.
"""

import keras
import tensorflow as tf

from kerasgan import specs

_BATCHES_CHECKED = 4


def fit(
    model,
    keras_fit,
    x,
    y=None,
    batch_size=None,
    epochs=1,
    callbacks=None,
    verbose="auto",
    initial_epoch=0,
    steps_per_epoch=None,
    **kwargs,
):
    """Trains `model` by `keras_fit`; see `AdversarialModel.fit`."""
    dataset = as_dataset(x, y, batch_size, model.seed)
    specs.check_dataset(dataset, model.data_spec(), batches=_BATCHES_CHECKED)
    dataset = group_batches(dataset, model.batches_per_step)
    if steps_per_epoch is None and int(dataset.cardinality()) == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            "An endless dataset needs to be told what an epoch is. Received: steps_per_epoch=None"
        )
    if steps_per_epoch is not None:
        dataset = dataset.repeat()
    callbacks = list(callbacks or [])
    epoch, batch = _resume(model, callbacks) or (initial_epoch, 0)
    place = DataPlace(model, dataset, steps_per_epoch, epoch, batch)
    run = _OneRun(
        [place, *callbacks],
        add_history=True,
        add_progbar=verbose != 0,
        verbose=verbose,
        epochs=epochs,
        steps=place.steps,
        model=model,
    )
    history = None
    for first, last, dataset, steps in place.phases(epochs):
        run.is_first, run.is_last = first == epoch, last >= epochs
        run.set_params({**run.params, "steps": steps})
        history = keras_fit(
            dataset,
            initial_epoch=first,
            epochs=last,
            callbacks=run,
            verbose=verbose,
            shuffle=False,  # the order is the dataset's
            steps_per_epoch=steps if steps_per_epoch else None,
            **kwargs,
        )
        if model.stop_training:
            break
    return history


def as_dataset(x, y=None, batch_size=None, seed=0):
    """`x` as it is if it is a dataset; arrays become shuffled full batches (a pass is drawn
    again each epoch, but such a run does not resume exactly: see `kerasgan.data.load`).
    """
    if isinstance(x, (tf.data.Dataset, tf.distribute.DistributedDataset)):
        return x
    arrays = tuple(a for a in (x, y) if a is not None)
    if not arrays or not all(hasattr(a, "shape") and len(a.shape) > 0 for a in arrays):
        raise ValueError(
            "fit() takes a tf.data.Dataset of batches (kerasgan.data.load makes one) or arrays. "
            f"Received: x={type(x).__name__}"
        )
    if len({len(a) for a in arrays}) > 1:
        raise ValueError(
            f"x and y must have as many rows. Received: x.shape={x.shape}, y.shape={y.shape}"
        )
    size = batch_size or 32
    dataset = tf.data.Dataset.from_tensor_slices(arrays if len(arrays) > 1 else arrays[0])
    dataset = dataset.shuffle(min(len(x), 10_000), seed=seed)
    return dataset.batch(size, drop_remainder=len(x) >= size)


def group_batches(dataset, size):
    """Tuples of `size` successive batches, so that each critic update sees fresh data and each
    batch still splits over replicas. Batches left over at the end of an epoch are dropped.

    Raises:
        ValueError: the dataset has fewer than `size` batches.
    """
    if size == 1:
        return dataset
    check_batches(dataset, size)
    batches = int(dataset.cardinality())
    if batches > 0 and batches % size:
        print(f"kerasgan: the last {batches % size} of {batches} batches of an epoch are dropped.")

    def as_tuple(*window):  # a window is a structure of datasets of `size` batches
        window = tf.data.Dataset.zip(window) if len(window) > 1 else window[0]
        return tf.data.Dataset.zip(tuple(window.skip(i).take(1) for i in range(size)))

    grouped = dataset.window(size, drop_remainder=True).flat_map(as_tuple)
    if batches > 0:
        grouped = grouped.apply(tf.data.experimental.assert_cardinality(batches // size))
    return grouped


def check_batches(dataset, size):
    """ValueError if the dataset is known to have fewer than the `size` batches of one step."""
    batches = int(dataset.cardinality())
    if 0 <= batches < size:
        takes = "a batch" if size == 1 else f"{size} batches"
        raise ValueError(
            f"One training step takes {takes}, so the dataset needs as many at least: use "
            f"a smaller batch size. Received: a dataset of {batches} batches"
        )


def _resume(model, callbacks):
    """(epoch, batch) at which a callback with a `resume(model)` method picks a run up."""
    for callback in callbacks:
        position = callback.resume(model) if hasattr(callback, "resume") else None
        if position is not None:
            return position
    return None


class DataPlace(keras.callbacks.Callback):
    """Keeps a run's place in its data, from the step counter, so that a run which stops and goes
    on sees what an uninterrupted one would have seen.

    Datasets of `kerasgan.data` carry an `epoch_order` (`seek(epoch, pin)`, `release()`), found
    through any later transformation. Other datasets resume exactly if each pass has one order.
    """

    def __init__(self, model, dataset, steps_per_epoch, epoch, batch):
        super().__init__()
        self.dataset = dataset
        self.orders = _find_orders(dataset)
        self.epoch, self.batch = epoch, batch
        self.endless = steps_per_epoch is not None
        cardinality = int(dataset.cardinality()) if hasattr(dataset, "cardinality") else -2
        self.steps = steps_per_epoch or (cardinality if cardinality > 0 else None)
        self.data_epoch = 0  # the data's pass number in epoch 0 of this run
        self.done = int(model.step_counter.numpy())  # steps in the weights so far
        if self.steps:
            start = self.done - epoch * self.steps - batch
            self.data_epoch = -(-start // self.steps)

    def phases(self, epochs):
        """Yields (first epoch, last epoch, dataset, steps): the rest of a broken-off epoch, if
        any, then the whole ones.
        """
        if self.batch and self.epoch < epochs:
            steps = self.steps and self.steps - self.batch
            yield self.epoch, self.epoch + 1, self._from(self.epoch, self.batch), steps
            if self.epoch + 1 < epochs:
                yield self.epoch + 1, epochs, self._from(self.epoch + 1, 0), self.steps
        else:
            yield self.epoch, epochs, self._from(self.epoch, 0), self.steps

    def _from(self, epoch, batch):
        if not self.endless:
            return self.dataset.skip(batch) if batch else self.dataset
        steps = (epoch - self.epoch) * self.steps + batch - self.batch
        if self.orders:
            for order in self.orders:
                order.seek(0, pin=False)
            return self.dataset.skip(self.done + steps)
        return self.dataset.skip(epoch * self.steps + batch) if self.batch else self.dataset

    def on_epoch_begin(self, epoch, logs=None):
        """Points the data at its pass for this epoch."""
        for order in [] if self.endless else self.orders:
            order.seek(self.data_epoch + epoch, pin=True)

    def on_train_end(self, logs=None):
        """Lets plain loops over the dataset draw a new order on each pass again."""
        for order in self.orders:
            order.release()


def _find_orders(dataset):
    """The `epoch_order`s in a dataset: several if it was zipped from several sources."""
    order = getattr(dataset, "epoch_order", None)
    if order is not None:
        return [order]
    parents = getattr(dataset, "_inputs", list)()
    return [order for parent in parents for order in _find_orders(parent)]


class _OneRun(keras.callbacks.CallbackList):
    """Callbacks see one training run, though Keras' loop is entered once per phase."""

    is_first = is_last = True

    def on_train_begin(self, logs=None):
        if self.is_first:
            super().on_train_begin(logs)

    def on_train_end(self, logs=None):
        if self.is_last or (self.callbacks and self.callbacks[0].model.stop_training):
            super().on_train_end(logs)
