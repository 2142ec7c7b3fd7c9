"""Projected gradient descent: many small steps, each followed by a projection.

Kurakin et al. 2017, "Adversarial Examples in the Physical World", https://arxiv.org/abs/1607.02533
(iterative FGSM: `random_start=False`), and Madry et al. 2018, "Towards Deep Learning Models
Resistant to Adversarial Attacks", https://arxiv.org/abs/1706.06083, section 2.1:

    x[t+1] = Projection onto the ball around x ( x[t] + step_size sign(grad J(x[t], y)) )

from a random point of the ball, several times; of the results the worst for the model is kept.
Madry et al. attack MNIST with epsilon 0.3, 40 steps of 0.01; their network (two convolutions 5 x 5
of 32 and 64 filters, 1024 units), trained on such examples, is right about 93.2 % of the test
images then, and about 95.6 % under FGSM.

For L2 the step is along the gradient over its length, and the random start uniform in the ball. The
gradient is that of `fgsm`. After each step pixels are clipped to the value range, which can't leave
the ball, as the image itself lies in both.
"""

import numpy as np
import tensorflow as tf

from kerasgan import checks
from kerasgan.attacks import norms
from kerasgan.attacks.batches import Batches, check_step_size
from kerasgan.attacks.fgsm import gradient, log_odds_against


def pgd(
    model,
    images,
    labels,
    epsilon,
    *,
    norm="linf",
    steps=40,
    step_size=None,
    random_start=True,
    restarts=1,
    targeted=False,
    seed=0,
    batch_size=100,
    **reading,
):
    """Adversarial examples by projected gradient descent.

    Args:
        model: `keras.Model`, images -> (batch, num_classes), a list of them (attacked as an
            ensemble, by the mean of their logits), or a `Classifier`.
        images: float array (n, H, W, C) in the value range.
        labels: n ints, the classes of the images; if targeted, those that they shall be taken for.
        epsilon: radius of the ball, for pixels in [0, 1] whatever range the data have; 0 to 1 for
            Linf, 0.3 on MNIST, 8/255 on photographs.
        norm: "linf" or "l2".
        steps: positive int.
        step_size: in the unit of epsilon; None: 2.5 * epsilon / steps.
        random_start: False starts at the image itself (iterative FGSM).
        restarts: number of runs, each from a random start of its own; for each image that run is
            kept which fools the model, and of these, or if none does, the one with the highest
            loss (targeted: the lowest).
        targeted: go towards the labels rather than away from them.
        seed: int, of the random starts.
        batch_size: images at a time; the draws depend on it.
        **reading: `value_range` ((-1, 1)), `from_logits`, `jit_compile`: see `Classifier`.

    Returns:
        float32 array of the images' shape, within the value range.

    Raises:
        ValueError: an argument out of its range, one-hot or float labels, a model that isn't a
            classifier, several restarts of a run without random start.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.Input((1, 2, 1)), keras.layers.Flatten(),
        ...                           keras.layers.Dense(2, kernel_initializer="identity")])
        >>> pgd(model, np.zeros((1, 1, 2, 1)), [0], epsilon=0.25, steps=4).ravel()
        array([-0.5,  0.5], dtype=float32)
    """
    steps, restarts = checks.positive(steps=steps), checks.positive(restarts=restarts)
    if restarts > 1 and not random_start:
        raise ValueError(
            "Without a random start all restarts are the same run. "
            f"Received: restarts={restarts}, random_start={random_start}"
        )
    batches = Batches(model, images, labels, epsilon, norm, batch_size, **reading)
    numbers = {
        "epsilon": batches.epsilon,
        "steps": steps,
        "step_size": check_step_size(
            step_size, batches.epsilon, steps, norm, batches.images.shape[1:]
        ),
    }
    options = {"norm": norm, "random_start": bool(random_start), "targeted": bool(targeted)}

    def run(number):
        return batches.perturbed(pgd_images, numbers, seed, number, **options)

    worst = run(0)
    if restarts > 1:
        fooled, loss = _success(batches, worst, targeted)
        for number in range(1, restarts):
            other = run(number)
            other_fooled, other_loss = _success(batches, other, targeted)
            worse = (other_fooled & ~fooled) | ((other_fooled == fooled) & (other_loss > loss))
            worst[worse] = other[worse]
            fooled, loss = fooled | other_fooled, np.where(worse, other_loss, loss)
    return worst


def pgd_images(
    logits,
    images,
    labels,
    seed,
    value_range,
    epsilon,
    steps,
    step_size,
    norm="linf",
    random_start=True,
    targeted=False,
):
    """`pgd` of tensors, within graphs: one run; `logits` is a function of images."""
    epsilon = norms.data_units(epsilon, value_range)
    step_size = norms.data_units(step_size, value_range)
    start = images
    if random_start:
        start = images + norms.random_within(tf.shape(images), epsilon, norm, seed)
        start = tf.clip_by_value(start, *value_range)

    def step(i, x):
        direction = norms.steepest(gradient(logits, x, labels, targeted), norm)
        moved = images + norms.project(x + step_size * direction - images, epsilon, norm)
        return i + 1, tf.clip_by_value(moved, *value_range)

    _, x = tf.while_loop(lambda i, _: i < steps, step, (0, start), parallel_iterations=1)
    return x


def _success(batches, images, targeted):
    """Whether each image fools the classifier, and a number that grows with its success."""
    logits, labels = batches.classifier.logits(images), batches.labels
    against = log_odds_against(logits, labels).numpy()
    taken = logits.argmax(axis=1) == labels
    return (taken, -against) if targeted else (~taken, against)
