"""A model's constructor arguments as its config: each is an attribute of the same name."""

import inspect

import keras


def serialized(model):
    """dict: argument of the model's constructor -> its serialised value."""
    return {
        name: keras.saving.serialize_keras_object(getattr(model, name))
        for name in _names(type(model))
    }


def deserialized(cls, config):
    """The keyword arguments for `cls` from a saved config."""
    names = _names(cls)
    return {
        name: keras.saving.deserialize_keras_object(value) if name in names else value
        for name, value in config.items()
    }


def _names(cls):
    """Names of the constructor's arguments, those that it passes up as **kwargs included."""
    names = {}
    for base in cls.__mro__:
        if base is keras.Model:
            break
        parameters = list(inspect.signature(base.__init__).parameters.values())[1:]
        named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        names.update(dict.fromkeys(p.name for p in named))
        if len(named) == len(parameters):  # no **kwargs
            break
    return list(names)
