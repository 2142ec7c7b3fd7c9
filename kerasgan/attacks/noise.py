"""Random noise of a given norm: what an attack must be compared with.

A perturbation that fools a classifier shows something only if noise of the same size does not.
Goodfellow et al. 2015, https://arxiv.org/abs/1412.6572, section 6, take random signs times epsilon,
which have the Linf norm (and almost the L2 norm) of their attack, and uniform noise in
[-epsilon, epsilon].
"""

import tensorflow as tf

from kerasgan.attacks import norms
from kerasgan.attacks.batches import Batches

DISTRIBUTIONS = ("border", "inside")


def random_noise(
    model,
    images,
    labels,
    epsilon,
    *,
    norm="linf",
    distribution="border",
    seed=0,
    batch_size=100,
    **reading,
):
    """Images plus random noise, clipped to the value range.

    The model and the labels play no part but for the checks: all attacks take the same arguments,
    so that they can stand in one table.

    Args:
        model: `keras.Model`, images -> (batch, num_classes), a list of them, or a `Classifier`.
        images: float array (n, H, W, C) in the value range.
        labels: n ints, the classes of the images.
        epsilon: size of the noise, for pixels in [0, 1] whatever range the data have; 0 to 1 for
            Linf.
        norm: "linf" or "l2".
        distribution: "border": noise of the norm epsilon, by random signs (Linf) or uniform on the
            sphere (L2); "inside": of that norm at most, uniform in the cube or ball.
        seed: int, of the noise.
        batch_size: images at a time; the draws depend on it.
        **reading: `value_range` ((-1, 1)), `from_logits`, `jit_compile`: see `Classifier`.

    Returns:
        float32 array of the images' shape.

    Raises:
        ValueError: an argument out of its range.

    Example:
        >>> import keras, numpy as np
        >>> model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(),
        ...                           keras.layers.Dense(3)])
        >>> noisy = random_noise(model, np.zeros((1, 2, 2, 1)), [0], epsilon=0.25)
        >>> np.abs(noisy).ravel()  # 0.25 of [0, 1] is 0.5 of [-1, 1]
        array([0.5, 0.5, 0.5, 0.5], dtype=float32)
    """
    if distribution not in DISTRIBUTIONS:
        raise ValueError(
            f"distribution must be one of {', '.join(DISTRIBUTIONS)}. "
            f"Received: distribution={distribution!r}"
        )
    given = (model, images, labels, epsilon, norm, batch_size)
    batches = Batches(*given, gradients=False, **reading)
    numbers = {"epsilon": batches.epsilon}
    return batches.perturbed(noisy_images, numbers, seed, norm=norm, distribution=distribution)


def noisy_images(
    logits, images, labels, seed, value_range, epsilon, norm="linf", distribution="border"
):
    """`random_noise` of tensors, within graphs."""
    draw = norms.random_of_norm if distribution == "border" else norms.random_within
    noise = draw(tf.shape(images), norms.data_units(epsilon, value_range), norm, seed)
    return tf.clip_by_value(images + noise, *value_range)
