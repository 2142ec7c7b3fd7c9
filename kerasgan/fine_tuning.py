"""Starting from trained weights: on other pictures, with other classes, with frozen layers.

- `with_classes`: a conditional model for another number of classes; only what depends on that
  number is made anew.
- `freeze_first_layers`: FreezeD (Mo, Cho, Shin 2020, https://arxiv.org/abs/2002.10964, section 3):
  the lower layers of the discriminator, which see edges and textures, are good already; trained
  further on few pictures they only overfit.

A model from a preset or a `.keras` file trains on at once; `model.compile` with optimizers of a
lower rate starts with fresh moments, leaving it out keeps those of the `.keras` file.
"""

import copy

import keras

from kerasgan import checks

_COUNTS_CLASSES = {"Embedding": "input_dim", "CategoryEncoding": "num_tokens"}  # layer -> argument


def with_classes(model, num_classes):
    """A conditional model with another number of classes, which keeps all other weights.

    The layers that take the label (`Embedding`, `CategoryEncoding`) are made for the new number;
    weights whose shape doesn't depend on it are copied, the others start as their initializers
    say. Optimizers are the family's own, fresh, and the step counter starts at 0.

    Args:
        model: a model whose class and networks know their `num_classes`, e.g. a `CGAN`; it is not
            changed.
        num_classes: positive int.

    Returns:
        (model of the same class, list of the paths of the weights that were made anew).

    Raises:
        ValueError: a model without classes; a network in which no layer takes their number.

    Example:
        >>> from kerasgan import models
        >>> digits = models.CGAN(num_classes=10, image_shape=(8, 8, 1), latent_dim=4, seed=0)
        >>> letters, fresh = with_classes(digits, 26)
        >>> letters.num_classes, len(fresh)  # the embeddings of both networks
        (26, 2)
    """
    checks.positive(num_classes=num_classes)
    before = getattr(model, "num_classes", None)
    if before is None:
        raise ValueError(
            f"Expected a conditional model, with num_classes. Received: {type(model).__name__}"
        )
    config = model.get_config()
    names = [name for name, value in vars(model).items() if isinstance(value, keras.Model)]
    names = [name for name in names if name in config]  # not the averaged copies
    networks = {n: _with_classes(getattr(model, n), n, before, num_classes) for n in names}
    serialised = {n: keras.saving.serialize_keras_object(networks[n]) for n in names}
    made = type(model).from_config({**config, **serialised, "num_classes": num_classes})
    fresh = []
    for name in names:
        fresh += _copy_weights(getattr(model, name), getattr(made, name))
    for name in model.averaged:
        _copy_weights(getattr(model, f"ema_{name}"), getattr(made, f"ema_{name}"))
    return made, fresh


def _with_classes(network, name, before, num_classes):
    """A network of the same layers, of which those that count classes count others."""
    config = copy.deepcopy(network.get_config())
    changed = 0
    for layer in config["layers"]:
        argument = _COUNTS_CLASSES.get(layer["class_name"])
        if argument and layer["config"][argument] == before:
            layer["config"][argument] = num_classes
            changed += 1
    if not changed:
        raise ValueError(
            f"Expected a layer Embedding or CategoryEncoding for {before} classes in the {name}. "
            f"Received: {[layer['class_name'] for layer in config['layers']]}"
        )
    for layer in config["layers"]:
        layer.pop("build_config", None)  # shapes of the former number
    return type(network).from_config(config)


def _copy_weights(source, target):
    """Copies the weights of equal shape; returns the paths of the others."""
    fresh = []
    for before, after in zip(source.weights, target.weights, strict=True):
        if before.shape == after.shape:
            after.assign(before)
        else:
            fresh.append(after.path)
    return fresh


def freeze_first_layers(model, network, layers):
    """Freezes the first layers of a network: they aren't trained any more.

    The model is compiled anew, so compile it with optimizers of your own after this, not before.

    Args:
        model: a model of the zoo; its network is changed in place.
        network: the network's name, e.g. "discriminator" or "critic".
        layers: int, how many of its layers that have weights to train, from the input on; a
            BatchNorm counts as one, and keeps its moving statistics as they are. Layers that see
            labels alone don't count, and go on learning.

    Returns:
        Names of the layers frozen.

    Raises:
        ValueError: an unknown network; so many layers that nothing were left to train.

    Example:
        >>> from kerasgan import models
        >>> model = models.DCGAN(image_shape=(8, 8, 1), latent_dim=4, seed=0)
        >>> before = len(model.player_variables("discriminator"))
        >>> len(freeze_first_layers(model, "discriminator", 1))
        1
        >>> before - len(model.player_variables("discriminator"))  # a kernel and a bias
        2
    """
    checks.positive(layers=layers)
    every = [net for networks in model.players().values() for net in networks]
    found = getattr(model, network, None) if isinstance(network, str) else None
    if not any(found is net for net in every):
        known = [name for name, value in vars(model).items() if any(value is net for net in every)]
        raise ValueError(
            f"network must be one of {', '.join(known)}. Received: network={network!r}"
        )
    trained = [layer for layer in _after_images(found) if layer.trainable_variables]
    if layers >= len(trained):
        raise ValueError(
            f"layers must leave something to train: the {network} has {len(trained)} layers with "
            f"weights that aren't frozen. Received: layers={layers}"
        )
    for layer in trained[:layers]:
        layer.trainable = False
    model.compile()
    return [layer.name for layer in trained[:layers]]


def _after_images(network):
    """The layers, in their order, that inputs other than labels (integers) reach."""
    starts = [tensor for tensor in network.inputs if keras.backend.is_float_dtype(tensor.dtype)]
    reached, found = {id(tensor._keras_history.operation) for tensor in starts}, []
    for layer in network.layers:  # of a Sequential, these are without its input
        before = keras.tree.flatten(layer.input)
        if any(id(tensor._keras_history.operation) in reached for tensor in before):
            reached.add(id(layer))
            found.append(layer)
    return found
