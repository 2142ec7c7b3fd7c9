"""Warm-up requests: one for each signature, in the form that TF Serving reads, none that fails."""

import os
import pathlib

import keras
import pytest
import tensorflow as tf

from kerasgan import serving
from kerasgan.serving import warmup
from tests.latent.test_space import tiny_cgan
from tests.models.test_began import TestBEGAN as BEGANContract
from tests.models.test_sngan import TestSNGAN as SNGANContract
from tests.models.test_stargan import TestStarGAN as StarGANContract


def records(version):
    """The requests of a version, parsed."""
    from tensorflow_serving.apis import prediction_log_pb2

    path = pathlib.Path(version) / "assets.extra" / "tf_serving_warmup_requests"
    raw = tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    return [prediction_log_pb2.PredictionLog.FromString(item).predict_log.request for item in raw]


class Picky(keras.Model):
    """Takes even numbers only, so that what is made up for it is refused."""

    averaged = ()

    def signatures(self):
        spec = tf.TensorSpec([], tf.int32, name="number")

        def refusing(number):
            with tf.control_dependencies([tf.debugging.assert_equal(number % 2, 0, "odd")]):
                return {"half": tf.cast(number, tf.float32) / 2}

        return {
            "serving_default": (refusing, [spec]),
            "other": (lambda number: {"same": tf.cast(number, tf.float32)}, [spec]),
        }


# BEGAN and SNGAN end in a Conv2D, which outside of a graph gives no rows a wrong shape.
MODELS = {
    "cgan": tiny_cgan,
    "began": BEGANContract().make_model,
    "sngan": SNGANContract().make_model,
    "stargan": StarGANContract().make_model,
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_each_signature_has_a_request_that_works(tmp_path, make):
    pytest.importorskip("tensorflow_serving", reason="the extra 'serving' is not installed")
    version = serving.export(make(), tmp_path / "model")
    signatures = tf.saved_model.load(version).signatures
    requests = records(version)
    assert sorted(r.model_spec.signature_name for r in requests) == sorted(signatures)
    for request in requests:
        assert request.model_spec.name == "model"
        inputs = {key: tf.constant(tf.make_ndarray(v)) for key, v in request.inputs.items()}
        outputs = signatures[request.model_spec.signature_name](**inputs)
        assert all(value.shape[0] == 1 for value in outputs.values())  # one sample, not none
    size = os.path.getsize(os.path.join(version, "assets.extra", warmup.FILE))
    assert 100 < size < 10_000


def test_a_request_that_would_fail_is_left_out(tmp_path):
    pytest.importorskip("tensorflow_serving", reason="the extra 'serving' is not installed")
    (request,) = records(serving.export(Picky(), tmp_path))
    assert request.model_spec.signature_name == "other"


def test_without_the_extra_a_version_has_none(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorflow_serving.apis", None)
    with pytest.warns(UserWarning, match=r"no warm-up requests.*kerasgan\[serving\]"):
        version = serving.export(Picky(), tmp_path)
    assert not (pathlib.Path(version) / "assets.extra").exists()
    signatures = tf.saved_model.load(version).signatures
    assert float(signatures["serving_default"](number=tf.constant(8))["half"]) == 4.0
