"""The fast gradient sign method, and the same from a random start.

FGSM: Goodfellow et al. 2015, "Explaining and Harnessing Adversarial Examples",
https://arxiv.org/abs/1412.6572, section 4:

    x_adv = x + epsilon sign(grad_x J(x, y))

the largest step that a Linf ball allows up the loss J = -log p(y | x), if J is taken for linear.

RAND+FGSM: Tramer et al. 2018, "Ensemble Adversarial Training: Attacks and Defenses",
https://arxiv.org/abs/1705.07204, the section on a randomised single-step attack:

    x' = x + alpha sign(N(0, I)),    x_adv = x' + (epsilon - alpha) sign(grad_x' J(x', y))

A random step first leaves the sharp bends of the loss at the data that training against FGSM makes
(gradient masking).

Departures: the result is clipped to the range of the data (the papers differ in this);
`norm="l2"` steps along the gradient instead of its sign; the gradient is that of log((1 - p) / p),
p = p(y | x). This is a function of J that grows with it, so each image's gradient has the same
direction, but it does not become 0 in float32 where the model is sure of the label.
"""

import tensorflow as tf

from kerasgan.attacks import norms
from kerasgan.attacks.batches import Batches


def fgsm(
    model,
    images,
    labels,
    epsilon,
    *,
    norm="linf",
    targeted=False,
    batch_size=100,
    **reading,
):
    """Adversarial examples by one step along the sign of the gradient.

    Args:
        model: `keras.Model`, images -> (batch, num_classes), a list of them (attacked as an
            ensemble, by the mean of their logits), or a `Classifier`.
        images: float array (n, H, W, C) in the value range.
        labels: n ints, the classes of the images; if targeted, those that they shall be taken for.
        epsilon: size of the step, for pixels in [0, 1] whatever range the data have: 0.3, 8/255.
        norm: "linf" or "l2".
        targeted: go towards the labels, down the loss, rather than away from them.
        batch_size: images at a time; makes no difference to the result.
        **reading: `value_range` ((-1, 1)), `from_logits`, `jit_compile`: see `Classifier`.

    Returns:
        float32 array of the images' shape, within the value range.

    Raises:
        ValueError: an argument out of its range, one-hot or float labels, a model that isn't a
            classifier.

    Example:
        >>> import keras, numpy as np
        >>> model = keras.Sequential([keras.Input((1, 2, 1)), keras.layers.Flatten(),
        ...                           keras.layers.Dense(2, kernel_initializer="identity")])
        >>> fgsm(model, np.zeros((1, 1, 2, 1)), [0], epsilon=0.25).ravel()  # less 0, more 1
        array([-0.5,  0.5], dtype=float32)
    """
    batches = Batches(model, images, labels, epsilon, norm, batch_size, **reading)
    numbers = {"epsilon": batches.epsilon}
    return batches.perturbed(fgsm_images, numbers, seed=0, norm=norm, targeted=bool(targeted))


def rand_fgsm(
    model,
    images,
    labels,
    epsilon,
    *,
    alpha=None,
    targeted=False,
    seed=0,
    batch_size=100,
    **reading,
):
    """Adversarial examples by a step of random signs, then one along the sign of the gradient.

    Args:
        model: see `fgsm`.
        images: see `fgsm`.
        labels: see `fgsm`.
        epsilon: size of both steps together (Linf), see `fgsm`.
        alpha: size of the random step, 0 to epsilon; None: the paper's epsilon / 2.
        targeted: see `fgsm`.
        seed: int, of the random step.
        batch_size: images at a time; the draws depend on it.
        **reading: see `fgsm`.

    Returns:
        float32 array of the images' shape, within the value range.

    Raises:
        ValueError: as `fgsm`; alpha above epsilon.

    Example:
        >>> import keras, numpy as np
        >>> model = keras.Sequential([keras.Input((1, 2, 1)), keras.layers.Flatten(),
        ...                           keras.layers.Dense(2, kernel_initializer="identity")])
        >>> moved = rand_fgsm(model, np.zeros((1, 1, 2, 1)), [0], epsilon=0.25, alpha=0.05)
        >>> bool(moved[0, 0, 0, 0] < 0 < moved[0, 0, 1, 0])
        True
    """
    batches = Batches(model, images, labels, epsilon, "linf", batch_size, **reading)
    alpha = batches.epsilon / 2 if alpha is None else norms.check_epsilon(alpha, name="alpha")
    if alpha > batches.epsilon:
        raise ValueError(
            "alpha is the random part of epsilon and can't be greater. "
            f"Received: alpha={alpha}, epsilon={epsilon}"
        )
    numbers = {"epsilon": batches.epsilon, "alpha": alpha}
    return batches.perturbed(rand_fgsm_images, numbers, seed, targeted=bool(targeted))


def fgsm_images(logits, images, labels, seed, value_range, epsilon, norm="linf", targeted=False):
    """`fgsm` of tensors, within graphs; `logits` is a function of images."""
    direction = norms.steepest(gradient(logits, images, labels, targeted), norm)
    step = norms.data_units(epsilon, value_range) * direction
    return tf.clip_by_value(images + step, *value_range)


def rand_fgsm_images(logits, images, labels, seed, value_range, epsilon, alpha, targeted=False):
    """`rand_fgsm` of tensors, within graphs."""
    noise = norms.data_units(alpha, value_range)
    start = images + norms.random_of_norm(tf.shape(images), noise, "linf", seed)
    start = tf.clip_by_value(start, *value_range)
    return fgsm_images(logits, start, labels, seed, value_range, epsilon - alpha, targeted=targeted)


def gradient(logits, images, labels, targeted=False):
    """Gradient of each image's `log_odds_against` its label; of the opposite, if targeted."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(images)
        rising = log_odds_against(logits(images), labels)
    slope = tape.gradient(rising, images)
    if slope is None:
        raise ValueError(
            "Expected a classifier that can be differentiated by its images. A layer that rounds, "
            "casts to integers or stops gradients is in the way: attack the model without it. "
            "Received: a model whose answers have no gradient by its images"
        )
    return -slope if targeted else slope


def log_odds_against(logits, labels):
    """log((1 - p) / p) of each label's probability p: above 0 where the label is unlikely.

    Example:
        >>> logits = tf.math.log([[0.8, 0.1, 0.1]])
        >>> print(tf.exp(log_odds_against(logits, [0])).numpy().round(5))  # 0.2 to 0.8
        [0.25]
    """
    logits = tf.convert_to_tensor(logits)
    chosen = tf.one_hot(labels, logits.shape[-1], True, False, dtype=tf.bool)
    others = tf.reduce_logsumexp(tf.where(chosen, logits.dtype.min, logits), axis=-1)
    return others - tf.reduce_sum(tf.where(chosen, logits, 0.0), axis=-1)
