"""What a server does with exports, without kerasgan: test_serving.py runs it as a process.

Arguments: a JSON of kind -> path of an export, and the .npz file for what good requests return.
Prints RESULT and a JSON of how each bad request ended.
"""

import contextlib
import json
import sys

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2

NAN, INF = float("nan"), float("inf")
LATENTS = [[0.0] * 4]


def sample_arguments(conditional, rows, seed=7, truncation=0.0):
    what = {"labels": np.arange(rows, dtype="int32") % 3} if conditional else {"num": rows}
    return {"seed": seed, "truncation": truncation, **what}


def outcome(function, *args, **kwargs):
    try:
        return f"no error: {function(*args, **kwargs)}"
    except Exception as error:
        return type(error).__name__


def caller(signatures):
    """call(name, **arguments) of a loaded export."""

    def call(name, **arguments):
        specs = signatures[name].structured_input_signature[1]
        return signatures[name](
            **{key: tf.constant(value, specs[key].dtype) for key, value in arguments.items()}
        )

    return call


def good_requests(call, conditional):
    arrays = {}
    for rows in (1, 5):
        for truncation in (0.0, 0.5):
            arguments = sample_arguments(conditional, rows, truncation=truncation)
            arrays[f"{rows}/{truncation}"] = call("sample", **arguments)["images"]
            pngs = call("sample_png", **arguments)["png_bytes"].numpy()
            arrays[f"{rows}/{truncation}/png"] = np.stack([tf.io.decode_png(p) for p in pngs])
        latents = np.random.default_rng(rows).normal(size=(rows, 4))
        labels = {"labels": np.arange(rows) % 3} if conditional else {}
        arrays[f"{rows}"] = call("serving_default", latents=latents, **labels)["images"]
    arrays["600"] = call("sample", **sample_arguments(conditional, 600))["images"]
    for name, key in (("sample", "images"), ("sample_png", "png_bytes")):
        arrays[f"0/{key}"] = call(name, **sample_arguments(conditional, 0))[key].shape
    edges = sample_arguments(conditional, 2, seed=-5, truncation=-INF)
    arrays["edges"] = call("sample", **edges)["images"]
    labels = {"labels": [1]} if conditional else {}
    with contextlib.suppress(tf.errors.InvalidArgumentError):  # where a network overflows
        huge = call("serving_default", latents=[[3e38, -3e38, 3e38, -3e38]], **labels)["images"]
        assert np.isfinite(huge).all()
    return arrays


def bad_values(call, conditional):
    requests = [(name, {"truncation": NAN}) for name in ("sample", "sample_png")]
    labels = {"labels": [1]} if conditional else {}
    for value in (NAN, INF, -INF):
        latents = [[0.0, value, -value, value]]
        requests.append(("serving_default", {"latents": latents, **labels}))
    if conditional:
        for labels in ([0, 3], [-1], [0] * 10_001):
            requests += [("sample", {"labels": labels}), ("sample_png", {"labels": labels})]
        for labels in ([9], [-1], [1, 1], []):
            requests.append(("serving_default", {"latents": LATENTS, "labels": labels}))
    else:
        for num in (-1, 10_001):
            requests += [("sample", {"num": num}), ("sample_png", {"num": num})]
    outcomes = {}
    for name, changes in requests:
        others = {} if name == "serving_default" else sample_arguments(conditional, 2)
        outcomes[f"{name} {str(changes)[:80]}"] = outcome(call, name, **{**others, **changes})
    return outcomes


def bad_shapes(feed, conditional):
    outcomes = {}
    labels = {"labels": [1, 1]} if conditional else {}
    for shape in [(2, 3), (2, 5), (4,), (), (1, 4, 1), (0, 7), (2, 2, 4)]:
        outcomes[f"latents of shape {shape}"] = outcome(
            feed, "serving_default", latents=np.zeros(shape), **labels
        )
    arguments = sample_arguments(conditional, 2)
    for name in arguments:
        values = [[[1, 1], [1, 1]]]
        if name != "labels":  # vectors are good labels
            values += [[1], [1] * 4, []]
        for value in values:
            outcomes[f"{name}={value}"] = outcome(feed, "sample", **{**arguments, name: value})
    return outcomes


def feeder(session, path):
    """feed(name, **arguments), as TF Serving does it: no check by Python of shapes."""
    definitions = tf.compat.v1.saved_model.load(session, ["serve"], path).signature_def

    def feed(name, **arguments):
        inputs = [definitions[name].inputs[key] for key in arguments]
        (output,) = definitions[name].outputs.values()
        options = config_pb2.CallableOptions(feed=[i.name for i in inputs], fetch=[output.name])
        dtypes = [tf.dtypes.as_dtype(i.dtype).as_numpy_dtype for i in inputs]
        values = [np.asarray(v, dtype) for v, dtype in zip(arguments.values(), dtypes)]
        return session._make_callable_from_options(options)(*values)[0]

    return feed


def main():
    exports, results = json.loads(sys.argv[1]), sys.argv[2]
    arrays, outcomes = {}, {}
    for kind, path in exports.items():
        conditional = kind == "cgan"
        loaded = tf.saved_model.load(path)
        call = caller(loaded.signatures)
        got = good_requests(call, conditional)
        ended = bad_values(call, conditional)
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            feed = feeder(session, path)
            ended |= bad_shapes(feed, conditional)
            got["session"] = feed("sample", **sample_arguments(conditional, 2))
        arrays |= {f"{kind}/{key}": np.asarray(value) for key, value in got.items()}
        outcomes |= {f"{kind}: {what}": how for what, how in ended.items()}
    np.savez(results, **arrays)
    outcomes["modules"] = sorted({name.split(".")[0] for name in sys.modules} & {"kerasgan"})
    print("RESULT" + json.dumps(outcomes))


if __name__ == "__main__":
    main()
