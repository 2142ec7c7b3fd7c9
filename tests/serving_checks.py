"""What any server of exports must answer, TF Serving or its double: used by several tests."""

import numpy as np
import pytest
import tensorflow as tf

from kerasgan import serving
from kerasgan.serving import warmup


def compare(client, version):
    """Every signature of a version's folder, over the network and by TensorFlow itself."""
    loaded = tf.saved_model.load(str(version))
    assert client.signatures().keys() == loaded.signatures.keys()
    for name, signature in loaded.signatures.items():
        specs = signature.structured_input_signature[1]
        inputs = {key: warmup.example(spec) for key, spec in specs.items()}
        wanted = signature(**inputs)
        got = client.predict(name, **{key: value.numpy() for key, value in inputs.items()})
        assert got.keys() == wanted.keys()
        for key, value in wanted.items():
            assert got[key].shape == value.shape, (name, key)
            if value.dtype == tf.string:
                sizes = [tf.io.decode_png(file).shape for file in got[key]]
                assert sizes == [tf.io.decode_png(file).shape for file in value.numpy()]
            else:
                assert got[key].dtype == value.dtype.as_numpy_dtype
                np.testing.assert_allclose(got[key], value, atol=1e-5)


def refuse(client):
    """Bad requests of every kind to a model with latents; a good one works in between."""
    inputs, outputs = client.signatures()["serving_default"]
    size = inputs["latents"][1][1]
    row = {"labels": [0]} if "labels" in inputs else {}
    wanted = (1, *outputs["images"][1][1:])
    requests = [
        ("serving_default", {"latents": [[np.nan] * size], **row}, "finite"),
        ("serving_default", {"latents": np.zeros((1, size, 1)), **row}, ""),
        ("serving_default", {"latents": np.zeros((1, size + 1)), **row}, ""),
        ("serving_default", {"latents": np.zeros((10_001, size)), **row}, "10000 rows"),
    ]
    good = {"seed": 0, "truncation": 0.0}
    if row:
        requests += [
            ("sample", {**good, "labels": [10**6]}, "labels must lie in"),
            ("sample", {**good, "labels": [-1]}, "labels must lie in"),
            ("sample", {**good, "labels": [0] * 10_001}, "10000"),
        ]
    else:
        requests += [
            ("sample", {**good, "num": -1}, "num must lie between"),
            ("sample", {**good, "num": 10_001}, "num must lie between"),
        ]
    for signature, values, words in requests:
        with pytest.raises(serving.ServingError) as caught:
            client.predict(signature, **values)
        assert caught.value.code == "INVALID_ARGUMENT" and words in str(caught.value)
        assert client.decode(np.zeros((1, size)), row.get("labels")).shape == wanted
