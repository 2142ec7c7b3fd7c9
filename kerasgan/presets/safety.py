"""A config may only ask for objects of kerasgan and of Keras, and for none that brings code along
or opens files of its choice.
"""

import keras

from kerasgan.presets import folder

# Modules of Keras whose classes are built from numbers, texts and each other.
_KERAS_MODULES = {
    "keras.constraints",
    "keras.dtype_policies",
    "keras.initializers",
    "keras.layers",
    "keras.losses",
    "keras.metrics",
    "keras.optimizers",
    "keras.optimizers.schedules",
    "keras.regularizers",
}
# Arithmetic on the tensors of a functional model. Each module is named, as Keras imports what a
# config names, and beside them lie Keras' own tests, which import modules of other people's.
_KERAS_OPERATIONS = {
    f"keras.src.ops.{name}" for name in ("core", "einops", "image", "linalg", "math", "nn", "numpy")
}
_KERAS_MODELS = {  # that Keras files elsewhere: in one module each
    "DTypePolicy": "keras",
    "Functional": "keras.src.models.functional",
    "Sequential": "keras",
}
# Where Keras looks for what a config gives by its name alone; then it takes other people's.
_KERAS_FUNCTIONS = (
    keras.activations,
    keras.constraints,
    keras.initializers,
    keras.losses,
    keras.metrics,
    keras.optimizers,
    keras.regularizers,
)
# Layers that carry code or pickles, or read the file that their config names.
_REFUSED = {
    "FlaxLayer",
    "IndexLookup",
    "IntegerLookup",
    "JaxLayer",
    "Lambda",
    "StringLookup",
    "TFSMLayer",
    "TextVectorization",
    "TorchModuleWrapper",
}
_METRICS = "kerasgan.metrics."  # their extractors are read from files, or downloaded
_VALUES = {"__bytes__", "__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__", "__tensor__"}


def check_config(config):
    """ValueError unless all objects in a serialised config are of kerasgan or Keras, and harmless.

    Nothing is imported or built for it. Keras' own safe mode refuses lambdas; this refuses what is
    not on its lists, whether safe mode is on or not.

    Args:
        config: what `keras.saving.serialize_keras_object` makes: nested dicts and lists.

    Example:
        >>> check_config(keras.saving.serialize_keras_object(keras.layers.Dense(3)))
        >>> check_config({"module": "os", "class_name": "system", "config": {}})
        Traceback (most recent call last):
        ValueError: A preset's config may name classes of kerasgan and Keras only, ...
    """
    left = [config]  # a loop, as a file may be nested deeper than Python calls functions
    while left:
        part = left.pop()
        if isinstance(part, dict):
            if "class_name" in part:
                _check_object(part)
            left += part.values()
        elif isinstance(part, (list, tuple)):
            left += part


def model_class(config):
    """The class of the model that a checked config describes.

    Returns:
        The registered class of kerasgan; `keras.Model` for Keras' own models.

    Raises:
        ValueError: a config of something else.
    """
    if config.get("class_name") in ("Functional", "Sequential"):
        return keras.Model
    name = config.get("registered_name")
    found = keras.saving.get_registered_object(name) if isinstance(name, str) else None
    if not isinstance(found, type) or not issubclass(found, keras.Model):
        raise ValueError(f"Expected the config of a model. Received: {_told(class_name(config))}")
    return found


def class_name(config):
    """What a card calls the class of a config: "kerasgan>DCGAN", "Functional"."""
    return config.get("registered_name") or config.get("class_name")


def check_class(config, named, path):
    """ValueError unless a config is of the class that its card names.

    Args:
        config: of the model.
        named: the class on the card.
        path: of the preset, for the message.
    """
    if class_name(config) != named:
        raise ValueError(
            "The preset is damaged, its card and its config name two classes: copy or download it "
            f"again. Received: {path} with {_told(named)} on the card and "
            f"{_told(class_name(config))} in {folder.CONFIG}"
        )


def _check_object(config):
    name, module = config["class_name"], config.get("module")
    registered = config.get("registered_name")
    texts = [text for text in (name, module, registered) if text is not None]
    if name is None or not all(isinstance(text, str) for text in texts):
        raise _refusal(config)
    # Keras looks at its own names, such as __lambda__, before it looks at registered ones.
    if registered == f"kerasgan>{name}" and str(module).startswith("kerasgan."):
        found = keras.saving.get_registered_object(registered)
        if found is None:
            raise ValueError(
                "The preset needs a class that this kerasgan doesn't have: upgrade kerasgan. "
                f"Received: {registered}"
            )
        if found.__module__.startswith(_METRICS):
            raise _refusal(config)
    elif registered not in (None, name) or ">" in name or name in _REFUSED:
        raise _refusal(config)  # Keras builds "package>name" from whatever module
    elif not _is_of_keras(config):
        raise _refusal(config)


def _is_of_keras(config):
    name, module = config["class_name"], config.get("module")
    if module is None:
        return name in _VALUES
    if name == "function":  # an activation, initializer, loss or metric, by its name
        named = config.get("config")
        is_name = module == "builtins" and isinstance(named, str) and named.isidentifier()
        return is_name and any(hasattr(place, named) for place in _KERAS_FUNCTIONS)
    if name in _KERAS_MODELS:
        return module == _KERAS_MODELS[name]
    return module in _KERAS_MODULES or module in _KERAS_OPERATIONS


def _refusal(config):
    received = ", ".join(
        f"{key}={_told(config.get(key))}" for key in ("class_name", "module", "registered_name")
    )
    return ValueError(
        "A preset's config may name classes of kerasgan and Keras only, and none that carries code "
        f"or reads files. Received: {received}"
    )


def _told(value):
    """A value for a message: what is no text may be large, or nested too deep to be printed."""
    return repr(value) if value is None or isinstance(value, str) else f"a {type(value).__name__}"
