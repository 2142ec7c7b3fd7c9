"""`Extractor`: a network that turns images in [-1, 1] into the features that are compared.

A score is only as comparable as its features, so an extractor can say exactly what it is:
`extractor.protocol()` has its name, the SHA-256 of its weights, its input and how it resizes.
"""

import hashlib

import keras
import numpy as np
import tensorflow as tf


@keras.saving.register_keras_serializable("kerasgan")
class Extractor:
    """A network images -> features, with all that must be known to compute them again.

    Images come as the zoo has them: float, [batch, height, width, channels], in [-1, 1]. They are
    resized to what the network takes: bilinear, antialiased where they shrink (XLA can compile
    it, other than `tf.image.resize` with antialias). Make one with `classifier`, `inception_v3` or
    `from_model`.

    Args:
        network: functional `keras.Model` of one input [height, width, channels] and a dict of
            outputs: "features" [batch, width], and "classes" [batch, num_classes] if it has them.
        name: part of the names of all scores made with it.
        classes: what the output "classes" is: "logits" or "probabilities"; None: there is none.
        value_range: (low, high), what the network expects for black and white.
        replicate_grey: repeat a grey image's channel where the network takes RGB.
        identifier: string from which `get` makes this extractor again; None: there is none.

    Attributes:
        width: number of features.
        num_classes: number of classes, or None.
        input_shape: (height, width, channels) that the network takes.

    Raises:
        ValueError: a network of another form; an argument out of range.

    Example:
        >>> network = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
        >>> from kerasgan import metrics
        >>> extractor = metrics.from_model(network, name="pixels")
        >>> extractor(np.zeros((2, 8, 8, 1))).shape
        TensorShape([2, 64])
    """

    def __init__(
        self,
        network,
        name,
        classes=None,
        value_range=(-1.0, 1.0),
        replicate_grey=False,
        identifier=None,
    ):
        self.network = network
        self.name = str(name)
        self.classes = classes
        self.value_range = tuple(float(value) for value in value_range)
        self.replicate_grey = bool(replicate_grey)
        self.identifier = identifier
        if classes not in (None, "logits", "probabilities"):
            raise ValueError(
                "Expected classes to be 'logits', 'probabilities' or None (the network has none). "
                f"Received: classes={classes!r}"
            )
        if len(self.value_range) != 2 or not self.value_range[0] < self.value_range[1]:
            raise ValueError(
                "Expected value_range to be (low, high), what the network takes for black and "
                f"white. Received: value_range={value_range}"
            )
        self.input_shape = tuple(network.inputs[0].shape[1:])
        if len(self.input_shape) != 3 or None in self.input_shape:
            raise ValueError(
                "Expected a network that takes images [height, width, channels] of a fixed size. "
                f"Received: a network that takes {self.input_shape}"
            )
        self.width = _width(network.output["features"], "features")
        self.num_classes = classes and _width(network.output["classes"], "classes")

    def __call__(self, images):
        """Features [batch, width], float32, of images in [-1, 1]; works within graphs and XLA."""
        return self._outputs(images)["features"]

    def probabilities(self, images):
        """Class probabilities [batch, num_classes] of images; ValueError if there are none."""
        return self.features_and_probabilities(images)[1]

    def features_and_probabilities(self, images):
        """Both, by one pass through the network; ValueError if it has no classes."""
        self.check_classes()
        outputs = self._outputs(images)
        classes = outputs["classes"]
        return outputs["features"], tf.nn.softmax(classes) if self.classes == "logits" else classes

    def _outputs(self, images):
        if self.awaited_sha256:
            raise ValueError(
                "The extractor was made from a config and has no weights yet: load the model that "
                f"holds it with keras.saving.load_model. Received: the extractor {self.name!r}"
            )
        outputs = self.network(self._prepared(images), training=False)
        return {name: tf.cast(output, tf.float32) for name, output in outputs.items()}

    def _prepared(self, images):
        images = tf.cast(images, tf.float32)
        self.check_shape(images.shape[1:])
        if images.shape[-1] < self.input_shape[-1]:
            images = tf.repeat(images, self.input_shape[-1], axis=-1)
        size = self.input_shape[:2]
        if tuple(images.shape[1:3]) != size:
            images = resize(images, size)
        low, high = self.value_range
        return images if (low, high) == (-1, 1) else (images + 1) * ((high - low) / 2) + low

    def check_classes(self):
        """ValueError unless the network has class probabilities."""
        if not self.classes:
            raise ValueError(
                "This metric needs class probabilities. Choose an extractor that has them: a "
                "classifier, InceptionV3, or from_model(..., classes='logits'). "
                f"Received: the extractor {self.name!r}, without classes"
            )

    def check_shape(self, shape):
        """ValueError unless images [height, width, channels] of this shape can be taken."""
        shape, channels = tuple(shape), self.input_shape[-1]
        if len(shape) != 3 or None in shape:
            raise ValueError(
                "Expected images [batch, height, width, channels] of a known size. "
                f"Received: images of shape (batch, {', '.join(map(str, shape))})"
            )
        if shape[-1] != channels and not (shape[-1] == 1 and self.replicate_grey):
            raise ValueError(
                f"The extractor {self.name!r} takes images of {channels} channel(s). Convert them, "
                "or choose an extractor for such images (InceptionV3 takes grey and RGB). "
                f"Received: images of shape {shape}"
            )

    def protocol(self, image_shape=None):
        """What must be known to compute the same features again.

        Args:
            image_shape: (height, width, channels) of the images; None: left open in the result.

        Returns:
            dict of JSON values: `extractor`, `weights_sha256`, `feature_width`, `input_shape`,
            `value_range`, `resizer`, `grey`.
        """
        size = "x".join(map(str, self.input_shape[:2]))
        same = image_shape is not None and tuple(image_shape[:2]) == self.input_shape[:2]
        return {
            "extractor": self.name,
            "weights_sha256": self.weights_sha256(),
            "feature_width": self.width,
            "input_shape": list(self.input_shape),
            "value_range": list(self.value_range),
            "resizer": "none" if same else f"bilinear, antialiased when shrinking, to {size}",
            "grey": "replicated to RGB" if self.replicate_grey else "as it is",
        }

    def weights_sha256(self):
        """Hexadecimal SHA-256 of the weights: of each the shape, the dtype and the bytes."""
        digest = hashlib.sha256()
        for weight in self.network.weights:
            array = np.ascontiguousarray(keras.ops.convert_to_numpy(weight))
            digest.update(f"{array.shape} {array.dtype}".encode())
            digest.update(array.tobytes())
        return digest.hexdigest()

    # Saving -------------------------------------------------------------------------------

    def get_config(self):
        """The constructor's arguments and the weights' hash; not the weights themselves, which
        the metric that holds the extractor saves.
        """
        return {
            "network": keras.saving.serialize_keras_object(self.network),
            "name": self.name,
            "classes": self.classes,
            "value_range": list(self.value_range),
            "replicate_grey": self.replicate_grey,
            "awaited_sha256": self.weights_sha256(),
        }

    @classmethod
    def from_config(cls, config):
        """An extractor without its weights: `load_weights` must bring them."""
        config = dict(config)
        awaited = config.pop("awaited_sha256")
        extractor = cls(keras.saving.deserialize_keras_object(config.pop("network")), **config)
        extractor.awaited_sha256 = awaited
        return extractor

    awaited_sha256 = None  # of the weights that an extractor made by from_config still lacks

    def load_weights(self, arrays):
        """Sets the weights that an extractor made by `from_config` awaits.

        Raises:
            ValueError: other weights than the saved extractor had.
        """
        self.network.set_weights(arrays)
        if self.weights_sha256() != self.awaited_sha256:
            raise ValueError(
                "The file's weights of an extractor are not those that it was saved with. "
                f"Received: the extractor {self.name!r} with weights {self.weights_sha256()} "
                f"instead of {self.awaited_sha256}"
            )
        self.awaited_sha256 = None


def resize(images, size):
    """Bilinear resize, antialiased where it shrinks, as `tf.image.resize(antialias=True)` does it,
    by two matrix products, which XLA and all devices can run.

    Args:
        images: float tensor [batch, height, width, channels] of a static size.
        size: (height, width) wanted.

    Returns:
        Tensor [batch, *size, channels].

    Example:
        >>> resize(tf.constant([[[[0.0]], [[1.0]], [[4.0]], [[7.0]]]]), (2, 1)).numpy().ravel()
        array([1.      , 4.857143], dtype=float32)
    """
    rows = _bilinear_matrix(images.shape[1], size[0])
    columns = _bilinear_matrix(images.shape[2], size[1])
    return tf.einsum("xw,bywc->byxc", columns, tf.einsum("yh,bhwc->bywc", rows, images))


def _bilinear_matrix(before, after):
    """float32 [after, before]: the weights of the old pixels in each of the new."""
    scale = before / after
    centers = (np.arange(after)[:, np.newaxis] + 0.5) * scale
    distances = np.abs(np.arange(before) + 0.5 - centers) / max(scale, 1.0)
    weights = np.maximum(0.0, 1.0 - distances)
    return (weights / weights.sum(axis=1, keepdims=True)).astype("float32")


def _width(output, name):
    if len(output.shape) != 2 or output.shape[1] is None:
        raise ValueError(
            f"Expected {name} of shape (batch, width); put a GlobalAveragePooling2D or Flatten "
            f"behind that layer. Received: {name} of shape {tuple(output.shape)}"
        )
    return int(output.shape[1])
