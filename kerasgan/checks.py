"""Checks of arguments at the door, shared by the families."""

import numpy as np


def image_shape(shape, multiple=1):
    """`shape` as a tuple (H, W, C) of positive ints, H and W multiples of `multiple`; ValueError
    otherwise.
    """
    try:
        checked = tuple(int(n) for n in shape)
    except TypeError:
        checked = ()
    if len(checked) != 3 or min(checked) < 1:
        raise ValueError(
            f"image_shape must be (height, width, channels). Received: image_shape={shape}"
        )
    if checked[0] % multiple or checked[1] % multiple:
        raise ValueError(
            f"image_shape must have a height and a width that are multiples of {multiple}, as the "
            "network halves them; resize the images (image_size=). "
            f"Received: image_shape={shape}"
        )
    return checked


def sample_shape(shape):
    """`shape` as (H, W, C), or as (D,) for points; ValueError otherwise."""
    try:
        checked = tuple(int(n) for n in shape)
    except TypeError:
        checked = ()
    if len(checked) not in (1, 3) or min(checked) < 1:
        raise ValueError(
            "image_shape must be (height, width, channels), or (dimensions,) for points. "
            f"Received: image_shape={shape}"
        )
    return checked


def positive(**argument):
    """The argument's value as a positive int; ValueError otherwise."""
    ((name, value),) = argument.items()
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name} must be a positive integer. Received: {name}={value!r}")
    return int(value)


def positive_number(**argument):
    """The argument's value as a finite float above zero; ValueError otherwise."""
    ((name, value),) = argument.items()
    is_number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not is_number or not 0.0 < value < float("inf"):
        raise ValueError(f"{name} must be a positive number. Received: {name}={value!r}")
    return float(value)


def not_negative(**argument):
    """The argument's value as a finite float, zero or more; ValueError otherwise."""
    ((name, value),) = argument.items()
    is_number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not is_number or not 0.0 <= value < float("inf"):
        raise ValueError(f"{name} must be a number, 0 or more. Received: {name}={value!r}")
    return float(value)


def flag(**argument):
    """The argument's value, True or False; ValueError otherwise."""
    ((name, value),) = argument.items()
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be True or False. Received: {name}={value!r}")
    return bool(value)


def seed(value):
    """`value` as an int; ValueError unless it is an integer in [0, 2**31)."""
    is_whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not is_whole or not 0 <= value < 2**31:
        raise ValueError(f"seed must be an integer in [0, 2**31). Received: seed={value!r}")
    return int(value)


def labels(values, num_classes, name="labels"):
    """`values` as an int32 array of labels in [0, num_classes); ValueError otherwise."""
    array = np.asarray(values)
    if array.ndim != 1 or len(array) == 0 or array.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be a list of integers, one for each sample (no one-hot rows). "
            f"Received: {name} of shape {array.shape}, dtype {array.dtype}"
        )
    if array.min() < 0 or array.max() >= num_classes:
        raise ValueError(
            f"{name} must lie in [0, {num_classes}). "
            f"Received: {name} from {array.min()} to {array.max()}"
        )
    return array.astype("int32")


def latents(values, latent_dim):
    """`values`, if they are rows of latents of the right size; ValueError otherwise."""
    shape = tuple(getattr(values, "shape", np.shape(values)))
    if len(shape) != 2 or shape[1] != latent_dim:
        raise ValueError(
            f"latents must have shape (batch, {latent_dim}). Received: latents of shape {shape}"
        )
    return values


def network(name, network, inputs, output=None, further=()):
    """ValueError unless `network` maps the given shapes (without batch axis) to the outputs'.

    Args:
        name: the argument's name, for the message.
        network: a built `keras.Model`.
        inputs: list of the shapes of its inputs.
        output: shape of its output, or of the first of several; None: any.
        further: list of the shapes of its other outputs; None: one or more of any shape.
    """
    received = [tuple(tensor.shape[1:]) for tensor in network.inputs]
    if received != [tuple(shape) for shape in inputs]:
        raise ValueError(
            f"{name} must take inputs of shape {inputs} (without the batch axis). "
            f"Received: a network with inputs {received}"
        )
    first, *others = made = [tuple(tensor.shape[1:]) for tensor in network.outputs]
    wanted = ["any shape" if output is None else f"shape {tuple(output)}"]
    if further is None:
        wanted.append("one or more of any shape")
        fits = len(others) > 0
    else:
        wanted += [*(f"shape {tuple(shape)}" for shape in further), "nothing else"]
        fits = others == [tuple(shape) for shape in further]
    if not fits or (output is not None and first != tuple(output)):
        raise ValueError(
            f"{name} must return {' and '.join(wanted)} (without the batch axis). "
            f"Received: a network that returns {' and '.join(map(str, made))}"
        )


def translator(name, network, image_shape, channels=None, condition=None):
    """ValueError unless `network` maps images (and a second input, if it has one) to images of the
    same height and width.

    Args:
        name: the argument's name, for the message.
        network: a built `keras.Model` for images of any size, or of this one.
        image_shape: (H, W, C) of its input.
        channels: of its output; None: as the input.
        condition: shape of the second input, which it must have then; None: it may have seeds of
            noise, (2,).
    """
    number = len(network.inputs)
    inputs = [(None, *image_shape), (None, *(condition or (2,)))][:number]
    fits = number in ((2,) if condition else (1, 2)) and all(
        len(tensor.shape) == len(shape)
        and all(n is None or m is None or n == m for n, m in zip(tensor.shape, shape))
        for tensor, shape in zip(network.inputs, inputs)
    )
    wanted = (None, *image_shape[:2], channels or image_shape[-1])
    made = network.compute_output_shape(inputs if number > 1 else inputs[0]) if fits else None
    if made != wanted:
        second = f"and {condition}" if condition else "(and seeds (2,), if it takes noise)"
        raise ValueError(
            f"{name} must turn images {image_shape} {second} into images {wanted[1:]}. "
            f"Received: a network from {[tuple(t.shape[1:]) for t in network.inputs]} to "
            f"{tuple(network.outputs[0].shape[1:]) if made is None else made[1:]}"
        )
