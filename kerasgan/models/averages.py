"""Exponential moving averages of networks (EMA): the weights that samples are made with."""

import keras
import tensorflow as tf


def frozen_copy(networks):
    """A copy of a network (or list of networks) with the same weights, not trainable."""
    if isinstance(networks, list):
        return [frozen_copy(network) for network in networks]
    copy = keras.models.clone_model(networks)
    copy.set_weights(networks.get_weights())
    copy.trainable = False
    return copy


def decay_at(step_counter, ema_decay):
    """The decay after a number of steps: warm-up by min(ema_decay, (1 + t) / (10 + t))."""
    t = tf.cast(tf.convert_to_tensor(step_counter), tf.float32)
    return tf.minimum(ema_decay, (1.0 + t) / (10.0 + t))


def update(networks, copies, decay):
    """Moves the copies towards the networks. What isn't trained (BatchNorm's statistics,
    counters) is copied; statistics of several replicas are averaged.
    """
    if not isinstance(networks, list):
        networks, copies = [networks], [copies]
    replica = tf.distribute.get_replica_context()
    for network, copy in zip(networks, copies, strict=True):
        for source, average in zip(network.variables, copy.variables, strict=True):
            if source.trainable:
                average.assign_add((1.0 - decay) * (source.value - average.value))
            elif source.dtype == "float32" and replica.num_replicas_in_sync > 1:
                average.assign(replica.all_reduce("MEAN", tf.identity(source.value)))
            else:
                average.assign(source.value)
