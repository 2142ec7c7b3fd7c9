"""Dropout whose masks resume: what it needs to draw the next one is saved with the model."""

import numbers
import random

import keras
import tensorflow as tf

from kerasgan import checks


@keras.saving.register_keras_serializable("kerasgan")
class Dropout(keras.layers.Layer):
    """Sets a random share of its inputs to zero while training, and scales the rest up.

    Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting",
    with inverted scaling: `y = x * m / (1 - rate)`, where each `m` is 1 with probability
    `1 - rate`, else 0.

    The mask of a call is a function of (seed, number of training calls so far, replica). The
    number is a weight, so a model that was saved and loaded goes on with the masks that it would
    have drawn anyway; `keras.layers.Dropout` starts its sequence again. Layers with the same seed
    draw the same masks: leave `seed` out, or give each layer another.

    Args:
        rate: Float in [0, 1), the share of inputs that are dropped.
        seed: Integer in [0, 2^31), or None for a random one, which `get_config` then reports.
            `keras.utils.set_random_seed` decides which.

    Call arguments:
        inputs: Float tensor of any shape.
        training: Boolean. If False, the inputs are returned as they are.

    Returns:
        A tensor of the shape and dtype of the inputs.

    Raises:
        ValueError: If `rate` or `seed` is out of range.

    Example:
        >>> import numpy as np
        >>> from kerasgan import layers
        >>> outputs = layers.Dropout(0.5, seed=1)(np.ones((100, 100)), training=True)
        >>> sorted({float(value) for value in np.unique(outputs)})
        [0.0, 2.0]
    """

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        if not (_is_number(rate, numbers.Real) and 0 <= rate < 1):
            raise ValueError(f"rate must be a number in [0, 1). Received: rate={rate!r}")
        if seed is None:
            seed = random.randrange(2**31)
        self.rate = float(rate)
        self.seed = checks.seed(seed)
        self.supports_masking = True

    def build(self, input_shape):
        """Makes the counter of training calls."""
        self.counter = self.add_weight(
            name="counter",
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
        )

    def call(self, inputs, training=False):
        """Drops and scales while training."""
        if not training or self.rate == 0.0:
            return inputs
        draws = tf.random.stateless_uniform(tf.shape(inputs), self._next_seed())
        kept = draws >= self.rate
        return tf.where(kept, inputs / (1.0 - self.rate), tf.zeros_like(inputs))

    def compute_output_shape(self, input_shape):
        """The shape of the inputs."""
        return input_shape

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}

    def _next_seed(self):
        """Two int64, the seed of this call on this replica; counts the call."""
        call = tf.identity(self.counter.value)
        self.counter.assign_add(1)
        replica = tf.cast(_replica_id(), tf.int64)
        stream = tf.stack([tf.constant(self.seed, tf.int64), replica])
        return tf.random.fold_in(stream, call)


def _replica_id():
    context = tf.distribute.get_replica_context()  # None outside of a replica
    return 0 if context is None else context.replica_id_in_sync_group


def _is_number(value, kind):
    return isinstance(value, kind) and not isinstance(value, bool)
