"""`every_layer`: the layers of a network, however deep in it."""


def every_layer(network):
    """A network and all layers in it: nested models, wrapped layers, attributes, lists, dicts.

    `keras.Model.layers` names one level only, and a layer that holds others has no such list.
    This is the one place of the package that asks Keras for what it tracks.

    Args:
        network: a `keras.Model` or layer.

    Returns:
        List of `keras.layers.Layer`, each once, the network first.

    Example:
        >>> import keras
        >>> inner = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="deep")])
        >>> network = keras.Sequential([keras.Input((2,)), inner], name="whole")
        >>> [layer.name for layer in every_layer(network) if layer.name in ("whole", "deep")]
        ['whole', 'deep']
    """
    return list(network._flatten_layers())
