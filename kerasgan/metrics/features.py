"""The extractors at hand: the zoo's own classifiers, InceptionV3, any Keras model."""

import pathlib

import keras

from kerasgan.metrics.extractor import Extractor

WEIGHTS = pathlib.Path(__file__).parent / "weights"
_DATASETS = ("mnist", "fashion_mnist")
_NAMES = (
    "'mnist_classifier', 'fashion_mnist_classifier', 'inception_v3', 'inception_v3:<path>', or the "
    "path of a .keras file"
)


def get(identifier):
    """An extractor from its name.

    Args:
        identifier: 'mnist_classifier', 'fashion_mnist_classifier', 'inception_v3',
            'inception_v3:<path of its weights>'; the path of a `.keras` file, whose model takes
            images in [-1, 1] and gives features [batch, width], or has a layer "features" that
            does, and may end with a layer "logits" or "probabilities", which gives classes; or an
            `Extractor`, which is returned as it is.

    Returns:
        `Extractor`.

    Raises:
        ValueError: an unknown name; weights that can't be had.

    Example:
        >>> get("mnist_classifier").width
        128
    """
    if isinstance(identifier, Extractor):
        return identifier
    if isinstance(identifier, str):
        name, _, path = identifier.partition(":")
        if name == "inception_v3":
            return inception_v3(path or "imagenet")
        if not path and name in [f"{dataset}_classifier" for dataset in _DATASETS]:
            return classifier(name.removesuffix("_classifier"))
        if identifier.endswith(".keras"):
            return _from_file(identifier)
    raise ValueError(
        f"Expected an extractor: {_NAMES}, or what kerasgan.metrics.from_model makes. "
        f"Received: extractor={identifier!r}"
    )


def _from_file(path):
    """An extractor from a `.keras` file."""
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(
            "Expected an extractor to be a .keras file that loads in safe mode. "
            f"Received: extractor={path!r} ({error})"
        ) from error
    layers = [layer.name for layer in getattr(model, "layers", [])]
    if "features" not in layers:
        return from_model(model, identifier=path)
    classes = layers[-1] if layers[-1] in ("logits", "probabilities") else None
    return from_model(model, "features", classes=classes, identifier=path)


def classifier(dataset):
    """The shipped classifier of 28 x 28 greys: its 128 penultimate features and 10 classes.

    Trained by `recipes/mnist_classifier.py`; its test accuracies are there.

    Args:
        dataset: "mnist" or "fashion_mnist".

    Returns:
        `Extractor` named "<dataset>_classifier".

    Raises:
        ValueError: another dataset.

    Example:
        >>> extractor = classifier("mnist")
        >>> extractor.probabilities(keras.ops.zeros((2, 28, 28, 1))).shape
        TensorShape([2, 10])
    """
    if dataset not in _DATASETS:
        raise ValueError(
            f"Expected a dataset that has a shipped classifier: {', '.join(_DATASETS)}. "
            f"Received: dataset={dataset!r}"
        )
    name = f"{dataset}_classifier"
    model = keras.saving.load_model(WEIGHTS / f"{name}.keras", compile=False, safe_mode=True)
    return from_model(model, "features", classes="logits", name=name, identifier=name)


def inception_v3(weights="imagenet"):
    """InceptionV3 of `keras.applications`: 2048 pooled features and 1000 classes of ImageNet.

    Szegedy et al. 2015, https://arxiv.org/abs/1512.00567. Its scores are **not** comparable with
    published FID or Inception Scores: those use the Inception network of TensorFlow's 2015 release,
    which has other weights and another output layer. Hence the name "keras_inception_v3".

    Args:
        weights: "imagenet" downloads them (96 MB, kept under `~/.keras`); or the path of a `.h5`
            or `.weights.h5` file with the weights of the network, its classes included.

    Returns:
        `Extractor` for images of any size, grey ones (their channel is replicated) or RGB.

    Raises:
        ValueError: no such file, one that doesn't fit, or a download that failed.
    """
    if weights != "imagenet" and not pathlib.Path(weights).is_file():
        raise ValueError(
            "Expected weights to be 'imagenet' or the path of a .h5 file. "
            f"Received: weights={str(weights)!r}, and there is no such file"
        )
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        model = keras.applications.InceptionV3(weights=str(weights))
    except Exception as error:  # what Keras raises for downloads is a plain Exception
        if weights == "imagenet":
            hint = (
                "The weights of InceptionV3 can't be downloaded. Fetch the file "
                "inception_v3_weights_tf_dim_ordering_tf_kernels.h5 of keras.applications where "
                "there is a connection, and pass its path: inception_v3(weights=<path>), or "
                "'inception_v3:<path>' where an extractor's name is asked for."
            )
        else:
            hint = "The file must hold the weights of InceptionV3, its classes included."
        raise ValueError(f"{hint} Received: weights={str(weights)!r} ({error})") from error
    finally:
        keras.config.set_dtype_policy(policy)
    return from_model(
        model,
        "avg_pool",
        classes="probabilities",
        name="keras_inception_v3",
        replicate_grey=True,
        identifier="inception_v3" if weights == "imagenet" else f"inception_v3:{weights}",
    )


def from_model(model, layer=None, name=None, classes=None, **kwargs):
    """An extractor from any functional or Sequential Keras model that takes images.

    The model is shared, not copied: don't train it between scores.

    Args:
        model: `keras.Model` with one input [height, width, channels].
        layer: name of the layer whose output [batch, width] are the features; None: the model's
            output.
        name: part of the names of all scores; None: the model's name.
        classes: "logits" or "probabilities" if the model's output is that of a classifier; None
            if it is something else.
        **kwargs: `value_range` and `replicate_grey`, see `Extractor`.

    Returns:
        `Extractor`.

    Raises:
        ValueError: a subclassed model, an unknown layer, features that aren't [batch, width].

    Example:
        >>> model = keras.Sequential([
        ...     keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D(name="colour"),
        ...     keras.layers.Dense(5)])
        >>> extractor = from_model(model, "colour", name="colour", classes="logits")
        >>> extractor.width, extractor.num_classes
        (3, 5)
    """
    inputs = getattr(model, "inputs", None) if isinstance(model, keras.Model) else None
    if not inputs or len(inputs) != 1:
        raise ValueError(
            "Expected a functional or Sequential Keras model with one input. "
            f"Received: model={model!r}"
        )
    if layer is not None and layer not in [each.name for each in model.layers]:
        raise ValueError(
            f"Expected layer to be one of {', '.join(each.name for each in model.layers)}. "
            f"Received: layer={layer!r}"
        )
    outputs = {"features": model.get_layer(layer).output if layer else model.outputs[0]}
    if classes:
        outputs["classes"] = model.outputs[0]
    network = keras.Model(inputs[0], outputs)
    return Extractor(network, name or model.name, classes, **kwargs)
