"""Requests that TF Serving runs before it offers a version: the first run of a signature is slow.

They need the messages of `tensorflow-serving-api` (the extra `serving`); without it a version has
none, a warning says so, and the version works all the same.
"""

import os
import warnings

import numpy as np
import tensorflow as tf

FILE = "tf_serving_warmup_requests"  # in assets.extra, as TF Serving wants it
_PICTURE = 32  # pixels


def write(version, model_name, signatures):
    """Writes `assets.extra/tf_serving_warmup_requests` into an exported version.

    A server refuses a version whose requests fail, so each is tried on the version first; a
    signature that doesn't take what is made up for it gets none.

    Args:
        version: the version's folder, with its SavedModel.
        model_name: as the server will call it.
        signatures: dict: name -> TensorSpecs of its inputs.

    Returns:
        Names of the signatures that got a request; none without the extra `serving`.
    """
    try:
        from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
    except ImportError:
        warnings.warn(
            "The exported version has no warm-up requests, so its first answers will be slow; with "
            "pip install 'kerasgan[serving]' it would have.",
            stacklevel=3,
        )
        return []
    warmed, served = [], tf.saved_model.load(version)
    folder = os.path.join(version, "assets.extra")
    os.makedirs(folder, exist_ok=True)
    with tf.io.TFRecordWriter(os.path.join(folder, FILE)) as file:
        for name, specs in signatures.items():
            inputs = {spec.name: example(spec) for spec in specs}
            try:
                served.signatures[name](**inputs)
            except tf.errors.OpError:
                continue
            request = predict_pb2.PredictRequest()
            request.model_spec.name = model_name
            request.model_spec.signature_name = name
            for key, value in inputs.items():
                request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
            log = prediction_log_pb2.PredictLog(request=request)
            record = prediction_log_pb2.PredictionLog(predict_log=log)
            file.write(record.SerializeToString())
            warmed.append(name)
    return warmed


def example(spec):
    """A small input that fits a TensorSpec: one row of zeros, the number 1, a grey picture.

    Example:
        >>> example(tf.TensorSpec([None, 3], tf.float32)).numpy()
        array([[0., 0., 0.]], dtype=float32)
        >>> int(example(tf.TensorSpec([], tf.int32)))
        1
    """
    shape = [size or 1 for size in spec.shape]
    if spec.dtype == tf.string:
        picture = tf.io.encode_png(tf.fill((_PICTURE, _PICTURE, 3), tf.constant(128, tf.uint8)))
        return tf.fill(shape, picture)
    value = 0 if shape else 1  # a count of zero would warm nothing
    return tf.constant(np.full(shape, value), spec.dtype)
