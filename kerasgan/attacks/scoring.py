"""How a classifier does on images: what it answers, how often it is wrong, and how sure then."""

import numpy as np

from kerasgan.attacks import classifier as classifiers


def answers(model, images, **reading):
    """The classes that a model, or an ensemble, gives images, and its confidence in each.

    Args:
        model: `keras.Model`, images -> (batch, num_classes), a list of them, or a `Classifier`.
        images: float array (n, H, W, C) in the value range.
        **reading: `value_range` ((-1, 1)), `from_logits`, `jit_compile`: see `Classifier`.

    Returns:
        (classes (n,) int, confidences (n,) float: the largest probability).

    Raises:
        ValueError: images or a model that can't be taken.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.Input((1, 2, 1)), keras.layers.Flatten(),
        ...                           keras.layers.Dense(2, kernel_initializer="identity")])
        >>> classes, confidences = answers(model, np.array([[[[0.0], [1.0]]]]))
        >>> classes, confidences.round(3)  # e / (1 + e)
        (array([1]), array([0.731], dtype=float32))
    """
    logits = classifiers.of(model, **reading).logits(images)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return logits.argmax(axis=1), powers.max(axis=1) / powers.sum(axis=1)


def score(model, images, labels, **reading):
    """Share of the images that a model gets wrong, and its mean confidence on those.

    Args:
        model: see `answers`.
        images: see `answers`.
        labels: n ints, the true classes.
        **reading: see `answers`.

    Returns:
        dict: "error" in [0, 1]; "confidence", or None if nothing is wrong.

    Raises:
        ValueError: as `answers`; labels that aren't classes.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.Input((1, 2, 1)), keras.layers.Flatten(),
        ...                           keras.layers.Dense(2, kernel_initializer="identity")])
        >>> found = score(model, np.array([[[[0.0], [1.0]]], [[[1.0], [0.0]]]]), [0, 0])
        >>> found["error"], round(found["confidence"], 3)
        (0.5, 0.731)
    """
    classifier = classifiers.of(model, **reading)
    classes, confidences = answers(classifier, images)
    wrong = classes != classifier.check_labels(labels, classes)
    confidence = float(confidences[wrong].mean()) if wrong.any() else None
    return {"error": float(wrong.mean()), "confidence": confidence}
