"""A Keras classifier as its attacker sees it: images in, logits out.

`kerasgan.attacks.reading` tells how logits are had from models that return probabilities.
"""

import functools

import keras
import numpy as np
import tensorflow as tf

from kerasgan import checks, specs
from kerasgan.attacks import norms
from kerasgan.attacks.reading import LogProbabilities, Unsettled, check_width, opened

_KEPT = 8  # models, or lists of models, whose compiled attacks are kept


class Classifier:
    """One classifier or several (an ensemble: the mean of their logits), ready to be attacked.

    The functions of `kerasgan.attacks` take a model and make one of these, or find the one that
    they made before; make your own to hold on to it. It follows the models' weights, but not a
    change of their layers. Models are run in inference mode (BatchNorm's averages, no dropout).

    Args:
        models: a `keras.Model`, images -> (batch, num_classes), or a list of them.
        value_range: (low, high), the values of black and white in the data.
        from_logits: what the models return, for those whose last layer doesn't show it: True,
            logits; False, probabilities; None, decided by the first images: rows without negative
            values that sum to one are probabilities. The other models of a list decide themselves.
        jit_compile: True, False or "auto": whether XLA compiles attacks. "auto" does so on GPUs
            alone: on CPUs convolutions in PGD's loop become many times slower.

    Attributes:
        image_shape: (H, W, C) that the models take, None where a model takes any size.
        num_classes: number of classes; None until the first images where no model shows it.

    Raises:
        ValueError: several inputs or outputs, one output (a sigmoid), sigmoids, models that don't
            fit each other; `from_logits` other than what the model shows.

    Example:
        >>> model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(),
        ...                           keras.layers.Dense(3, activation="softmax")])
        >>> images = np.zeros((2, 4, 4, 1), "float32")
        >>> Classifier(model).logits(images)  # zeros: a new model's biases
        array([[0., 0., 0.],
               [0., 0., 0.]], dtype=float32)
    """

    def __init__(self, models, value_range=(-1.0, 1.0), from_logits=None, jit_compile="auto"):
        self.models = tuple(models) if isinstance(models, (list, tuple)) else (models,)
        if not self.models or not all(isinstance(model, keras.Model) for model in self.models):
            raise ValueError(
                "Expected a keras.Model that classifies images, or a list of such models. "
                f"Received: model={models!r}"
            )
        if from_logits not in (None, True, False):
            raise ValueError(
                "from_logits must be True (the models return logits), False (probabilities) or "
                f"None. Received: from_logits={from_logits!r}"
            )
        if jit_compile not in (True, False, "auto"):
            raise ValueError(
                f"jit_compile must be True, False or 'auto'. Received: jit_compile={jit_compile!r}"
            )
        self.value_range = norms.check_value_range(value_range)
        self.from_logits = from_logits
        on_gpu = bool(tf.config.list_physical_devices("GPU"))
        self.jit_compile = on_gpu if jit_compile == "auto" else jit_compile
        self.image_shape = self.num_classes = None
        self._readers = [self._reader(model) for model in self.models]
        self._functions = {}

    def __call__(self, images):
        """Mean logits (batch, num_classes) of a tensor of images, float32 or finer; within graphs.

        A model that doesn't show what it returns must have been through `settle` before.
        """
        logits = [reader(images) for reader in self._readers]
        logits = [tf.cast(z, tf.float32) if z.dtype.size < 4 else z for z in logits]
        return tf.add_n(logits) / len(logits)

    def logits(self, images, batch_size=500):
        """Mean logits (n, num_classes) of an array of images, batch by batch."""
        images = self.check_images(images)
        spec = tf.TensorSpec((None, *images.shape[1:]), tf.float32)
        run = self.compiled(lambda images: self(images), "logits", spec)
        parts = range(0, len(images), batch_size)
        return np.concatenate([run(tf.constant(images[i : i + batch_size])) for i in parts])

    def compiled(self, function, key, *signature):
        """`function` as a graph, traced once for each key and signature."""
        key = (key, str(signature))
        if key not in self._functions:
            graph = tf.function(function, signature, jit_compile=self.jit_compile or None)
            self._functions[key] = graph.get_concrete_function()
        return self._functions[key]

    # At the door --------------------------------------------------------------------------

    def check_images(self, images):
        """`images` as float32 within the range; ValueError unless these models can take them."""
        if isinstance(images, tf.data.Dataset):
            raise ValueError(
                "images must be an array; attack a dataset batch by batch. "
                f"Received: images={images!r}"
            )
        images = np.asarray(images)
        low, high = self.value_range
        shape = self.image_shape or images.shape[1:] or (None, None, None)
        spec = specs.ArraySpec("images", shape, "float", low, high)
        found = specs.check_array("images", images, spec)
        specs.warn_of_range(spec, *found, "If black is 0, say value_range=(0.0, 1.0). ", 6)
        images = np.clip(images.astype("float32"), low, high)
        self.settle(images[:32])
        return images

    def check_labels(self, labels, images):
        """`labels` as int32; ValueError unless they are one class for each image."""
        labels = checks.labels(labels, self.num_classes)
        if len(labels) != len(images):
            raise ValueError(
                "Each image needs one label. "
                f"Received: {len(labels)} labels for {len(images)} images"
            )
        return labels

    def check_gradients(self, images, labels, targeted=None):
        """ValueError if probabilities of 0 would hide the gradient of some of these images.

        With `targeted`, images are results of an attack: what has succeeded needs no gradient.
        """
        for reader in self._readers:
            if isinstance(reader, LogProbabilities):
                lost = reader.without_gradient(images, labels, targeted)
                if lost:
                    raise ValueError(
                        "Where a model's softmax has rounded probabilities to 0, their gradient is "
                        "lost, and an attack would look weak. Pass the model without its softmax. "
                        f"Received: {lost} of {len(images)} images of which the label's "
                        "probability, or that of all other classes, is exactly 0"
                    )

    def settle(self, images):
        """Decides what models that don't show it return, by what they answer to `images`.

        Raises:
            ValueError: `from_logits` is contradicted by the answers, or they are neither.
        """
        for i, reader in enumerate(self._readers):
            if isinstance(reader, Unsettled):
                self._readers[i] = reader.settled(images, self.from_logits)
                self._same("num_classes", self._readers[i].num_classes)

    # Reading ------------------------------------------------------------------------------

    def _reader(self, model):
        """A function images -> logits."""
        if not getattr(model, "outputs", None):  # subclassed, or a Sequential not built yet
            return Unsettled(model)
        received = [tuple(tensor.shape[1:]) for tensor in model.outputs]
        if len(model.inputs) != 1 or len(received) != 1 or len(received[0]) != 1:
            raise ValueError(
                "Expected a classifier of one input and one output (batch, num_classes); of a "
                "model with several, make one: keras.Model(model.inputs, model.outputs[0]). "
                f"Received: {len(model.inputs)} inputs and outputs of shape {received} (without "
                "the batch axis)"
            )
        check_width(received[0][0])
        self._same("image_shape", tuple(model.inputs[0].shape[1:]))
        self._same("num_classes", received[0][0])
        kind, logits = opened(model)
        if kind == "opaque":
            return Unsettled(model)
        if len(self.models) == 1 and self.from_logits not in (None, kind == "logits"):
            raise ValueError(
                f"The model's last layer shows that it returns {kind}; leave from_logits out. "
                f"Received: from_logits={self.from_logits}"
            )
        return logits

    def _same(self, attribute, value):
        known = getattr(self, attribute)
        if attribute == "image_shape" and known is not None and len(known) == len(value):
            # None, any size, gives way to a size.
            value, known = (
                tuple(a if b is None else b for a, b in zip(*pair))
                for pair in ((known, value), (value, known))
            )
        if known is not None and known != value:
            raise ValueError(
                f"Models that are attacked together must have the same {attribute}. "
                f"Received: {known} and {value}"
            )
        setattr(self, attribute, value)


@functools.lru_cache(_KEPT)
def _kept(models, **reading):
    return Classifier(models, **reading)


def of(model, **reading):
    """The `Classifier` of a model or a list of models: the same at each call with the same ones.

    The last eight are kept; who attacks more in turn makes a `Classifier` of each and holds it.

    Args:
        model: a `keras.Model`, a list of them, or a `Classifier`, which is returned.
        **reading: `value_range`, `from_logits`, `jit_compile`: see `Classifier`.
    """
    parts = model if isinstance(model, (list, tuple)) else (model,)
    if not parts or not all(isinstance(part, (keras.Model, Classifier)) for part in parts):
        raise ValueError(
            "Expected a keras.Model that classifies images, or a list of such models. "
            f"Received: model={model!r}"
        )
    if isinstance(model, Classifier):
        if reading:
            raise ValueError(
                "A Classifier has settled how its models are read; give these arguments to it. "
                f"Received: {', '.join(reading)}"
            )
        return model
    if "value_range" in reading:
        reading["value_range"] = norms.check_value_range(reading["value_range"])
    return _kept(tuple(model) if isinstance(model, (list, tuple)) else model, **reading)
