"""Reading logits from a classifier, whatever it returns.

Attacks follow the gradient of the loss J(x, y) = -log p(y | x). Taken through a softmax in float32
it vanishes wherever the model is sure, and the attack looks weak although the model is not strong.
So the logits are needed. A model that ends in a softmax is opened, if its last layer can be seen;
if it can't be, log p takes the place of the logits, from which it differs by a constant only, as
long as no probability has become 0. To take probabilities for logits is refused.
"""

import keras
import numpy as np
import tensorflow as tf


def check_width(width):
    """ValueError unless outputs of this width can be classes."""
    if width is None or width < 2:
        raise ValueError(
            "Expected a classifier with an output for each of two classes or more. One output (a "
            "sigmoid) answers yes or no: give the model two outputs [0, z], of which the second is "
            f"its logit. Received: a model with {width} outputs"
        )


def opened(model):
    """How logits are had from a model, by its last layer.

    Args:
        model: functional or Sequential `keras.Model`, its only output of shape (batch, classes).

    Returns:
        ("logits" or "probabilities", function images -> logits), by what the model returns; or
        ("opaque", None) where the last layer doesn't show it.

    Raises:
        ValueError: a last layer of sigmoids.

    Example:
        >>> inputs = keras.Input((4,))
        >>> kind, logits = opened(keras.Model(inputs, keras.layers.Softmax()(inputs)))
        >>> kind, logits(tf.constant([[1.0, 2.0, 3.0, 4.0]])).numpy().tolist()
        ('probabilities', [[1.0, 2.0, 3.0, 4.0]])
    """
    operation, node_index, tensor_index = model.outputs[0]._keras_history
    inputs = operation._inbound_nodes[node_index].input_tensors
    if isinstance(operation, keras.Model) and getattr(operation, "outputs", None):
        if len(inputs) != 1 or len(operation.inputs) != 1:
            return "opaque", None
        kind, inner = opened(keras.Model(operation.inputs, operation.outputs[tensor_index]))
        if kind == "opaque":
            return kind, None
        before = _as_function(keras.Model(model.inputs, inputs[0]))
        return kind, lambda images: inner(before(images))
    activation = getattr(operation, "activation", None)
    if activation in (keras.activations.sigmoid, keras.ops.sigmoid, tf.nn.sigmoid):
        raise ValueError(
            "Expected a classifier that chooses one of its classes, by logits or a softmax. "
            f"Received: a model whose last layer, {operation.name}, is of sigmoids (several "
            "labels may hold at once)"
        )
    # A subclass may do anything in its call; a quantised kernel has a scale beside it.
    is_dense = type(operation) is keras.layers.Dense and not operation.quantization_mode
    is_softmax = activation in (keras.activations.softmax, keras.ops.softmax, tf.nn.softmax)
    if is_dense and is_softmax:
        before = _as_function(keras.Model(model.inputs, inputs[0]))
        return "probabilities", lambda images: _without_activation(operation, before(images))
    applies = isinstance(operation, keras.layers.Activation)
    softmax_layer = isinstance(operation, keras.layers.Softmax) and operation.axis in (-1, 1)
    if (applies and is_softmax) or softmax_layer:
        return "probabilities", _as_function(keras.Model(model.inputs, inputs[0]))
    is_linear = activation in (None, keras.activations.linear)
    if applies and is_linear:  # mixed precision's cast to float32 at the end
        kind, inner = opened(keras.Model(model.inputs, inputs[0]))
        return ("logits", _as_function(model)) if kind == "logits" else (kind, inner)
    return ("logits", _as_function(model)) if is_dense and is_linear else ("opaque", None)


def _as_function(model):
    return lambda images: model(images, training=False)


def _without_activation(dense, features):
    """What a `Dense` layer computes before its activation."""
    features = tf.cast(features, dense.compute_dtype)
    logits = tf.matmul(features, tf.cast(dense.kernel, features.dtype))
    return logits if dense.bias is None else logits + tf.cast(dense.bias, features.dtype)


class Unsettled:
    """A model whose last layer doesn't show what it returns."""

    def __init__(self, model):
        self.model = model

    def __call__(self, images):
        """Refuses: `settled` comes first."""
        raise ValueError(
            "The last layer of the model doesn't show whether it returns logits or probabilities. "
            f"Show it some images first: Classifier.settle(images). Received: {self.model.name!r}"
        )

    def settled(self, images, from_logits):
        """`Logits` or `LogProbabilities`, by the model's answers to images.

        Raises:
            ValueError: answers that are neither; other than `from_logits` says (if not None).
        """
        try:
            rows = self.model(tf.constant(images), training=False)
        except NotImplementedError as error:  # a model without `call`, such as a GAN
            raise ValueError(
                f"Expected a model that classifies images. Received: {self.model!r}"
            ) from error
        if isinstance(rows, (list, tuple, dict)) or len(rows.shape) != 2:
            raise ValueError(
                "Expected a classifier with one output (batch, num_classes). Received: outputs "
                f"{tf.nest.map_structure(lambda t: tuple(t.shape), rows)}"
            )
        rows = keras.ops.convert_to_numpy(keras.ops.cast(rows, "float32"))
        check_width(rows.shape[1])
        within = bool(np.all((rows >= 0) & (rows <= 1 + 1e-2)))
        sums = rows.sum(axis=1)
        probabilities = within and bool(np.all(np.abs(sums - 1) < 1e-2))
        if from_logits is None and within and not probabilities:
            raise ValueError(
                "Can't tell logits from probabilities: all outputs lie in [0, 1], but the rows "
                "don't sum to one (sigmoids?). If they are logits, say from_logits=True. "
                f"Received: rows that sum to {sums.min():.3g} to {sums.max():.3g}"
            )
        if from_logits is not None and from_logits == probabilities:
            found = "probabilities" if probabilities else "no probabilities"
            raise ValueError(
                f"The model's outputs are {found}: on these images its rows lie in "
                f"[{rows.min():.3g}, {rows.max():.3g}] and sum to {sums.min():.3g} to "
                f"{sums.max():.3g}. Received: from_logits={from_logits}"
            )
        kind = LogProbabilities if probabilities else Logits
        return kind(self.model, rows.shape[1])


class Logits:
    """A model that returns logits."""

    def __init__(self, model, num_classes):
        self.model, self.num_classes = model, num_classes

    def __call__(self, images):
        """(batch, num_classes)."""
        return self.model(images, training=False)


class LogProbabilities(Logits):
    """A model that returns probabilities p, as log p: logits but for a constant of each image."""

    def __call__(self, images):
        """(batch, num_classes), float32."""
        probabilities = tf.cast(super().__call__(images), tf.float32)
        return tf.math.log(tf.maximum(probabilities, np.finfo("float32").tiny))

    def without_gradient(self, images, labels, targeted=None):
        """How many images' label, or all other classes, have a probability of exactly 0.

        With `targeted` only the one of both that keeps an attack from succeeding.
        """
        probabilities = np.asarray(tf.exp(self(tf.constant(images))))
        chosen = np.arange(self.num_classes) == labels[:, np.newaxis]
        alive = probabilities > 2 * np.finfo("float32").tiny
        label_lost = ~np.any(alive & chosen, axis=1) & (targeted is not False)
        others_lost = ~np.any(alive & ~chosen, axis=1) & (targeted is not True)
        return int(np.sum(label_lost | others_lost))
