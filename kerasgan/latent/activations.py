"""What the early layers of a generator make of latents: outputs of a layer, and the first weights.

The layers are found in the network's graph, so any functional generator will do, with labels or
without.
"""

import keras
import numpy as np

from kerasgan.models import latents as latent_draws


def layer_output(space, latents, layer=None, labels=None):
    """What a layer of the generator makes of latents, flattened.

    Args:
        space: `Space` of a model (not of an export).
        latents: (n, latent_dim).
        layer: name of a layer; None: what the second layer with weights takes, that is the first
            features after their normalisation and non-linearity.
        labels: of a conditional model, one for all or one for each.

    Returns:
        Array (n, width), float32.

    Raises:
        ValueError: an unknown layer; an export; bad latents or labels.

    Example:
        >>> from kerasgan import latent, models
        >>> space = latent.Space(models.GAN(image_shape=(8, 8, 1), latent_dim=4, seed=0))
        >>> layer_output(space, space.draw(3, seed=0)).shape  # 256 units after the LeakyReLU
        (3, 256)
    """
    network = space.network
    if layer is None:
        tensor = _second_input(space)
    elif layer in [each.name for each in network.layers]:
        tensor = network.get_layer(layer).output
    else:
        raise ValueError(
            f"Expected a layer of {', '.join(each.name for each in network.layers)}. "
            f"Received: layer={layer!r}"
        )
    return _run(space, tensor, latents, labels)


def first_weights(space, labels=None):
    """The matrix A of the generator's first step, `y = A z + b`: (units, latent_dim).

    It is read off the network: a layer's output, before the non-linearity that it may have built
    in, at each unit vector, less that at zero. So it does not matter how a label joins the latents.

    Args:
        space: `Space` of a model (not of an export).
        labels: of a conditional model, one integer (A does not depend on it).

    Returns:
        Array (units, latent_dim), float64.

    Raises:
        ValueError: an export; a network without such a first layer, or where something that is
            not linear comes before it, such as a network within the network.

    Example:
        >>> from kerasgan import latent, models
        >>> space = latent.Space(models.GAN(image_shape=(8, 8, 1), latent_dim=4, seed=0))
        >>> first_weights(space).shape
        (256, 4)
    """
    labels = 0 if space.num_classes and labels is None else labels
    layer = _weighted(space)[0]
    drawn = space.draw(1, seed=0)
    probes = np.concatenate([np.zeros_like(drawn), np.eye(space.latent_dim), drawn])
    outputs = _run(space, _linear_output(layer), probes, labels).astype("float64")
    weights = (outputs[1:-1] - outputs[0]).T
    rest = outputs[-1] - outputs[0] - weights @ drawn[0]
    share = 1e-3 if layer.compute_dtype == "float32" else 0.05
    if np.abs(rest).max() > share * np.abs(weights).max() + 1e-5 * np.abs(outputs[0]).max():
        raise ValueError(
            "Expected a generator whose first layer with weights (a kernel), at its top level, "
            f"makes a linear map of latents. Received: {space.network.name}, where what reaches "
            f"{layer.name} is not linear in them; name a layer where one can be named"
        )
    return weights


def _linear_output(layer):
    """A layer's output before the non-linearity that it has built in, if any."""
    if getattr(layer, "activation", None) in (None, keras.activations.linear):
        return layer.output
    twin = type(layer).from_config({**layer.get_config(), "activation": None})
    output = twin(layer.input)
    twin.set_weights(layer.get_weights())
    return output


def _weighted(space):
    """Layers with a kernel that latents reach, in their order."""
    reached = {id(tensor) for tensor in space.network.inputs if tensor.shape[1:] != ()}
    found = []
    for layer in space.network.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        inputs = keras.tree.flatten(layer.input)
        if any(id(tensor) in reached for tensor in inputs):
            reached |= {id(tensor) for tensor in keras.tree.flatten(layer.output)}
            if hasattr(layer, "kernel"):
                found.append(layer)
    if not found:
        raise ValueError(
            "Expected a generator with a layer of weights (a kernel) at its top level; name a "
            f"layer where one can be named. Received: {space.network.name}"
        )
    return found


def _second_input(space):
    layers = _weighted(space)
    return layers[1].input if len(layers) > 1 else layers[0].output


def _run(space, tensor, latents, labels):
    network = keras.Model(space.network.inputs, tensor)
    arrays = [space.checked(latents)]
    if space.num_classes is not None:
        arrays.append(space.checked_labels(labels, len(arrays[0])))
    outputs = latent_draws.in_chunks(
        lambda *inputs: network(inputs if len(inputs) > 1 else inputs[0], training=False), *arrays
    )
    return outputs.reshape(len(outputs), -1).astype("float32")
