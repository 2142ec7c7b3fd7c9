"""Sizes of perturbations: the unit of epsilon, directions, projections and random draws.

**The unit.** An epsilon is always given for pixels in [0, 1], as in the papers, whatever range the
data have: 0.3 on MNIST, 8/255 on photographs. For data in [-1, 1] a pixel may then change by 0.6.
`data_units` is the one place where that is converted. For L2 it is the norm of all values of an
image together, in the same unit.
"""

import math

import numpy as np
import tensorflow as tf

from kerasgan import checks

NORMS = ("linf", "l2")


def check_norm(norm):
    """`norm`, if it is "linf" or "l2"; ValueError otherwise."""
    if norm not in NORMS:
        raise ValueError(f"norm must be one of {', '.join(NORMS)}. Received: norm={norm!r}")
    return norm


def check_value_range(value_range):
    """`value_range` as two floats; ValueError unless the first is the smaller."""
    try:
        low, high = (float(value) for value in value_range)
    except (TypeError, ValueError):
        low, high = 0.0, 0.0
    if not (low < high and math.isfinite(high - low)):
        raise ValueError(
            "value_range must be (low, high), the values of black and white in the data. "
            f"Received: value_range={value_range!r}"
        )
    return low, high


def check_epsilon(epsilon, norm="linf", image_shape=None, name="epsilon"):
    """`epsilon` as a float; ValueError unless it is a size that pixels in [0, 1] can change by.

    Args:
        epsilon: the size, 0 or more; at most 1 for Linf, and for L2 the diagonal of the cube of
            all images.
        norm: "linf" or "l2".
        image_shape: (H, W, C), for L2's bound; None: no bound.
        name: the argument's name, for the message.

    Example:
        >>> check_epsilon(8 / 255)
        0.03137254901960784
    """
    epsilon = checks.not_negative(**{name: epsilon})
    largest = 1.0
    if norm == "l2":
        largest = math.sqrt(np.prod(image_shape)) if image_shape else math.inf
    if epsilon > largest:
        raise ValueError(
            f"{name} is in units of a [0, 1] pixel range, whatever range the data have: 8/255, not "
            f"8. For norm={norm!r} and these images it is {largest:.4g} at most. "
            f"Received: {name}={epsilon}"
        )
    return epsilon


def data_units(epsilon, value_range):
    """A size in units of a [0, 1] pixel range as a size in the data's own units.

    Example:
        >>> data_units(0.25, (-1.0, 1.0)), data_units(0.25, (0.0, 1.0))
        (0.5, 0.25)
    """
    low, high = value_range
    return epsilon * (high - low)


def steepest(gradient, norm):
    """The direction of norm 1 along which a function with this gradient grows fastest: its sign
    (Linf), or the gradient over its length (L2). An image without gradient stays where it is.

    Example:
        >>> steepest(tf.constant([[[[3.0]], [[-4.0]]]]), "l2").numpy().ravel()
        array([ 0.6, -0.8], dtype=float32)
    """
    if norm == "linf":
        return tf.sign(gradient)
    largest = tf.reduce_max(tf.abs(gradient), axis=_image_axes(gradient), keepdims=True)
    gradient = tf.math.divide_no_nan(gradient, largest)  # so that squares don't underflow
    return tf.math.divide_no_nan(gradient, _length(gradient))


def project(perturbation, epsilon, norm):
    """The nearest perturbation of norm `epsilon` at most.

    Example:
        >>> project(tf.constant([[[[3.0]], [[-4.0]]]]), 1.0, "l2").numpy().ravel()
        array([ 0.6, -0.8], dtype=float32)
    """
    if norm == "linf":
        return tf.clip_by_value(perturbation, -epsilon, epsilon)
    factor = tf.math.divide_no_nan(tf.cast(epsilon, perturbation.dtype), _length(perturbation))
    return perturbation * tf.minimum(factor, 1.0)  # 0 * 0 where there is no perturbation


def random_of_norm(shape, epsilon, norm, seed):
    """Random perturbations of norm `epsilon`: random signs (Linf), uniform on the sphere (L2)."""
    return epsilon * steepest(tf.random.stateless_normal(shape, seed), norm)


def random_within(shape, epsilon, norm, seed):
    """Random perturbations of norm `epsilon` at most, uniform in the cube (Linf) or ball (L2)."""
    if norm == "linf":
        return tf.random.stateless_uniform(shape, seed, -epsilon, epsilon)
    dimensions = tf.cast(tf.reduce_prod(shape[1:]), tf.float32)
    each = tf.concat([shape[:1], tf.ones_like(shape[1:])], axis=0)
    radius = tf.random.stateless_uniform(each, tf.random.fold_in(seed, 1)) ** (1.0 / dimensions)
    return radius * random_of_norm(shape, epsilon, norm, tf.random.fold_in(seed, 0))


def _image_axes(tensor):
    return list(range(1, len(tensor.shape)))


def _length(tensor):
    return tf.sqrt(tf.reduce_sum(tf.square(tensor), axis=_image_axes(tensor), keepdims=True))
