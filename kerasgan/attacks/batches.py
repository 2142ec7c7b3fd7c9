"""What all attacks share: the checks at the door, and a compiled function run batch by batch."""

import numpy as np
import tensorflow as tf

from kerasgan import checks
from kerasgan.attacks import classifier as classifiers
from kerasgan.attacks import norms


class Batches:
    """Images and labels that have been checked against a classifier, attacked batch by batch.

    Args:
        model: a `keras.Model`, a list of them, or a `Classifier`.
        images: float array (n, H, W, C) in the value range.
        labels: n ints, the true classes, or the wanted ones of a targeted attack.
        epsilon: see `norms.check_epsilon`.
        norm: "linf" or "l2".
        batch_size: images attacked at a time. The last batch is filled up with repeated images,
            so that it has the shape of the others, for which XLA has compiled.
        gradients: whether the attack follows gradients, so that lost ones are an error.
        **reading: see `Classifier`.

    Raises:
        ValueError: anything that is not as it should be.
    """

    def __init__(
        self, model, images, labels, epsilon, norm, batch_size, *, gradients=True, **reading
    ):
        norms.check_norm(norm)
        self.batch_size = checks.positive(batch_size=batch_size)
        self.classifier = classifiers.of(model, **reading)
        self.images = self.classifier.check_images(images)
        self.labels = self.classifier.check_labels(labels, self.images)
        shape = self.images.shape[1:]
        self.epsilon = norms.check_epsilon(epsilon, norm, shape)
        self.gradients = gradients
        self._check_gradients(self.images, None)

    def perturbed(self, perturb, numbers, seed, run=0, **options):
        """The perturbed images (n, H, W, C), float32.

        Args:
            perturb: function (logits, images, labels, seed, value_range, **numbers, **options) ->
                images, of tensors; compiled once for each choice of options.
            numbers: dict of what may change without a new compilation: floats and ints.
            seed: int >= 0, of the random draws.
            run: int, which of several runs with the same seed this is.
            **options: what is compiled in.

        Raises:
            ValueError: gradients that are lost or not finite.
        """
        seed = checks.seed(seed)
        shape = self.images.shape[1:]
        numbers = {
            name: tf.constant(value, tf.int32 if isinstance(value, int) else tf.float32)
            for name, value in numbers.items()
        }
        classifier = self.classifier

        def function(images, labels, seed, numbers):
            return perturb(
                classifier, images, labels, seed, classifier.value_range, **numbers, **options
            )

        compiled = classifier.compiled(
            function,
            (perturb, tuple(options.items())),
            tf.TensorSpec((None, *shape), tf.float32),
            tf.TensorSpec((None,), tf.int32),
            tf.TensorSpec((2,), tf.int64),
            {name: tf.TensorSpec((), value.dtype) for name, value in numbers.items()},
        )
        n, made = len(self.images), []
        size = min(self.batch_size, n)
        for start in range(0, n, size):
            rows = np.arange(start, start + size) % n
            seeds = tf.constant([seed, start * 4096 + run], tf.int64)
            chosen = tf.constant(self.images[rows]), tf.constant(self.labels[rows])
            made.append(compiled(*chosen, seeds, numbers))
        made = np.concatenate(made)[:n]
        lost = np.flatnonzero(~np.isfinite(made).all(axis=(1, 2, 3)))
        if lost.size:
            raise ValueError(
                "The model's gradient is NaN or infinite (probabilities in float16, a division by "
                "0?). Attack the model without its softmax, or in float32. "
                f"Received: {lost.size} of {n} images without a finite gradient, the first at "
                f"{lost[0]}"
            )
        self._check_gradients(made, options.get("targeted", False))
        return made

    def _check_gradients(self, images, targeted):
        for start in range(0, len(images) if self.gradients else 0, self.batch_size):
            rows = slice(start, start + self.batch_size)
            self.classifier.check_gradients(images[rows], self.labels[rows], targeted)


def check_step_size(step_size, epsilon, steps, norm, image_shape=None):
    """`step_size` as a float; None is 2.5 * epsilon / steps, which reaches the ball's border from
    any point in it (Madry et al. 2018, appendix B).
    """
    if step_size is None:
        return 2.5 * epsilon / steps
    return norms.check_epsilon(step_size, norm, image_shape, "step_size")
