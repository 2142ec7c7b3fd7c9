"""Export of a trained model to a SavedModel that TF Serving reads, without kerasgan or Keras."""

import os
import shutil
import time
import uuid

import keras
import numpy as np
import tensorflow as tf

from kerasgan import files
from kerasgan.models import latents
from kerasgan.serving import warmup

_UNFINISHED = ".tmp-export-"  # what TF Serving, which looks for numbers, doesn't take for a version
_ABANDONED_AFTER = 3600.0  # seconds after which an unfinished export is taken for a dead one
_PNG_CHANNELS = (1, 2, 3, 4)  # what tf.io.encode_png can write
_BYTES = "_bytes"  # suffix of the outputs that TF Serving's REST API encodes, as JSON needs it


def export(model, directory):
    """Writes `model` as the next free version folder of `directory`.

    The signatures are those of `model.signatures()`, all with a dynamic batch size; for the image
    models of the zoo:

    * `serving_default(latents[, labels])` -> `images`, float32 in [-1, 1];
    * `sample(seed, num or labels, truncation)` -> `images`: those of `model.generate` with the
      same seed and truncation (0 or below: none);
    * `sample_png`, of the same inputs as `sample` -> `png_bytes`, a string tensor of encoded PNGs.

    They run the EMA networks. Requests out of bounds, or of more than 10,000 rows, fail with
    INVALID_ARGUMENT. The exported functions are not compiled by XLA, so that they run on any
    server. Outputs that are strings get names that end in `_bytes`: TF Serving's REST API loses
    binary strings of other names.

    With the extra `serving` installed (`tensorflow-serving-api`), the version gets a small request
    for each signature that a server runs before it offers the version, so that nobody waits for
    the first answer; a warning says where it isn't installed.

    Args:
        model: a model with a `signatures()` method, e.g. `kerasgan.models.GAN`.
        directory: where the versions lie, a local path; made if it isn't there.

    Returns:
        The path of the version folder written: one above the highest version there.

    Raises:
        ValueError: a model that has no signatures or whose weights aren't finite; a directory that
            is a file, or not local, or can't be written to. Nothing has been written then.

    Example:
        >>> import tempfile
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> spec = tf.TensorSpec([None, 2], tf.float32, name="x")
        >>> model.signatures = lambda: {"serving_default": (lambda x: {"y": model(x)}, [spec])}
        >>> path = export(model, tempfile.mkdtemp())
        >>> os.path.basename(path), sorted(tf.saved_model.load(path).signatures)
        ('1', ['serving_default'])
    """
    if not callable(getattr(model, "signatures", None)):
        raise ValueError(
            "export() takes a model with a signatures() method, as the models of kerasgan have. "
            f"Received: model={type(model).__name__}"
        )
    directory = _local_folder(directory)
    networks = _served_networks(model)
    _check_finite(networks or [model])
    _remove_abandoned(directory)

    unfinished = os.path.join(directory, _UNFINISHED + uuid.uuid4().hex)
    try:
        archive = keras.export.ExportArchive()
        for network in networks:
            archive.track(network)
        signatures = _with_png(model)
        for name, (function, specs) in signatures.items():
            archive.add_endpoint(name, _checked(function, specs), input_signature=specs)
        archive.write_out(unfinished, verbose=False)
        inputs = {name: specs for name, (_, specs) in signatures.items()}
        warmup.write(unfinished, os.path.basename(directory), inputs)
        return _publish(unfinished, directory)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)  # there only if something failed


def classifier_signatures(model):
    """What `export` offers of a classifier, if it is set as its `signatures` method.

    Args:
        model: a `keras.Model`, images -> logits `[batch, classes]`.

    Returns:
        dict: `serving_default(images)` -> `logits` and `probabilities`; images that are not finite
            numbers get INVALID_ARGUMENT.

    Example:
        >>> import functools, tempfile
        >>> model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten()])
        >>> model.signatures = functools.partial(classifier_signatures, model)
        >>> served = tf.saved_model.load(export(model, tempfile.mkdtemp()))
        >>> answer = served.signatures["serving_default"](images=tf.zeros((2, 4, 4, 1)))
        >>> answer["logits"].shape, float(answer["probabilities"][1, 3])
        (TensorShape([2, 16]), 0.0625)
    """
    spec = tf.TensorSpec([None, *model.input_shape[1:]], tf.float32, name="images")

    def classify(images):
        images = tf.debugging.check_numerics(images, "images must be finite numbers.")
        rows = tf.shape(images)[0]
        empty = tf.cast(tf.equal(rows, 0), tf.int32)  # convolutions on CPUs want a row
        images = tf.pad(images, [[0, empty], *[[0, 0]] * (len(spec.shape) - 1)])
        logits = model(images, training=False)[:rows]
        return {"logits": logits, "probabilities": tf.nn.softmax(logits)}

    return {"serving_default": (classify, [spec])}


def _local_folder(directory):
    if not isinstance(directory, (str, os.PathLike)) or "://" in str(directory):
        raise ValueError(
            "directory must be a local path (copy the export to a bucket from there). "
            f"Received: directory={directory!r}"
        )
    return str(files.writable_directory("directory", directory))


def _served_networks(model):
    """The EMA networks of a model: what its signatures run; without any, they run itself."""
    networks = []
    for name in getattr(model, "averaged", ()):
        copies = getattr(model, f"ema_{name}")
        networks += copies if isinstance(copies, (list, tuple)) else [copies]
    return networks


def _check_finite(networks):
    for network in networks:
        for variable in getattr(network, "variables", ()):
            if not np.isfinite(keras.ops.convert_to_numpy(variable)).all():
                raise ValueError(
                    "A model is exported only if all weights that it serves are finite: go back "
                    "to a checkpoint from before its training diverged. "
                    f"Received: {network.name}'s weight {variable.path} with NaN or infinity"
                )


def _with_png(model):
    """The model's signatures and, where `sample` returns images, `sample_png`."""
    signatures = dict(model.signatures())
    image_shape = getattr(model, "image_shape", None)
    if "sample" in signatures and image_shape and image_shape[-1] in _PNG_CHANNELS:
        sample, specs = signatures["sample"]
        signatures["sample_png"] = (
            lambda *inputs: {"png": _encode_pngs(sample(*inputs)["images"])},
            specs,
        )
    return signatures


def _encode_pngs(images):
    """Images (batch, H, W, C) in [-1, 1] -> strings (batch,), each a PNG of 8 bits."""
    images = tf.debugging.check_numerics(images, "The images are not finite numbers.")
    levels = tf.clip_by_value(tf.round((images + 1.0) * 127.5), 0.0, 255.0)
    pixels = tf.cast(levels, tf.uint8)
    return tf.map_fn(tf.io.encode_png, pixels, fn_output_signature=tf.string)


def _checked(function, specs):
    """`function` with checked inputs and outputs.

    INVALID_ARGUMENT comes where an input has another shape or too many rows, and where an output
    would hold NaN or infinity (latents that are finite, yet so large that a network overflows).
    """

    def checked(*inputs):
        inputs = [_shaped(tensor, spec) for tensor, spec in zip(inputs, specs)]
        outputs = {}
        for name, output in function(*inputs).items():
            if output.dtype.is_floating:
                output = tf.debugging.check_numerics(output, f"{name} would not be finite numbers.")
            elif output.dtype == tf.string and not name.endswith(_BYTES):
                name += _BYTES
            outputs[name] = output
        return outputs

    return checked


def _shaped(tensor, spec):
    """`tensor`, once its shape is that of `spec`, and its rows are not too many.

    A server hands over whatever shape a request has, while the graph believes the spec; so the
    shape is asked of a tensor about which the graph knows nothing.
    """
    unknown = tf.raw_ops.PlaceholderWithDefault(input=tensor, shape=tf.TensorShape(None))
    asked = unknown
    if spec.shape.is_fully_defined():  # the graph's optimizer would know all of a single number
        asked = tf.io.parse_tensor(tf.io.serialize_tensor(tensor), spec.dtype)
    wanted = np.array([-1 if size is None else size for size in spec.shape], "int32")
    form = f"({', '.join('n' if size is None else str(size) for size in spec.shape)})"
    told = [f"{spec.name} must have the shape {form}, not", tf.shape(asked)]
    rank = tf.size(tf.shape(asked))  # tf.rank's result the graph's optimizer takes from the spec
    checks = [tf.debugging.Assert(tf.equal(rank, len(wanted)), told)]
    with tf.control_dependencies(checks):
        sizes = tf.shape(asked)
        fits = tf.reduce_all(tf.equal(sizes, wanted) | tf.less(wanted, 0))
    checks.append(tf.debugging.Assert(fits, told))
    if spec.shape.rank and spec.shape[0] is None:
        most = latents.LARGEST_REQUEST
        message = f"{spec.name} may have {most} rows at most."
        with tf.control_dependencies(checks):
            checks.append(tf.debugging.assert_less_equal(sizes[0], most, message))
    with tf.control_dependencies(checks):
        return tf.ensure_shape(unknown, spec.shape)


def _publish(unfinished, directory):
    """Renames a finished export to the next free version; returns its path."""
    while True:
        taken = [int(name) for name in os.listdir(directory) if name.isdecimal()]
        version = os.path.join(directory, str(max(taken, default=0) + 1))
        try:
            os.rename(unfinished, version)
            return version
        except OSError:
            # Another export may just have taken this number: a folder with files in it can't be
            # renamed over. Anything else is an error.
            if not os.path.exists(version):
                raise


def _remove_abandoned(directory):
    """Removes what exports that were killed have left; younger ones may still be at work."""
    for name in os.listdir(directory):
        path = os.path.join(directory, name)
        if name.startswith(_UNFINISHED):
            try:
                abandoned = time.time() - os.path.getmtime(path) > _ABANDONED_AFTER
            except FileNotFoundError:  # finished in this very moment
                continue
            if abandoned:
                shutil.rmtree(path, ignore_errors=True)
