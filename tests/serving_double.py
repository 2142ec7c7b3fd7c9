"""A server that answers as TF Serving does, over HTTP and over gRPC, by running exports.

Only the transport stands in for TF Serving's; the models (serving_models.py) are real, in sessions
that are fed as it feeds them. What it says of JSON follows TF Serving's REST API: dtypes come from
the signature, a single output has no name, strings are encoded in base64 if the output's name ends
in `_bytes` and are text otherwise; errors are {"error": sentence} with the HTTP status of the code.
"""

import base64
import contextlib
import http.server
import json
import re
import threading
from concurrent import futures

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2

from tests.serving_models import Refusal

STATUS = {"INVALID_ARGUMENT": 400, "NOT_FOUND": 404, "UNAVAILABLE": 503, "INTERNAL": 500}
PATH = re.compile(r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?(/metadata|:predict)?")


# REST -----------------------------------------------------------------------------------------


def _tensor(value, info):
    dtype = tf.dtypes.as_dtype(info.dtype).as_numpy_dtype
    if np.dtype(dtype).kind == "O":
        items = [base64.b64decode(item["b64"]) for item in value]
        array = np.empty(len(items), object)
        array[:] = items
        return array
    try:
        array = np.asarray(value)
        if array.size and array.dtype.kind not in ("iu" if np.dtype(dtype).kind == "i" else "iuf"):
            raise ValueError
    except ValueError as error:
        raise Refusal("INVALID_ARGUMENT", f"JSON Value: {value} is not of expected type") from error
    return array.astype(dtype)


def _plain(name, array):
    if array.dtype != object:
        return array.tolist()
    if name.endswith("_bytes"):
        return [{"b64": base64.b64encode(item).decode()} for item in array]
    return [item.decode(errors="replace") for item in array]


def _described(signatures):
    def side(infos):
        return {
            key: {
                "dtype": types_pb2.DataType.Name(info.dtype),
                "tensor_shape": {
                    "dim": [{"size": str(d.size), "name": ""} for d in info.tensor_shape.dim],
                    "unknown_rank": False,
                },
                "name": info.name,
            }
            for key, info in infos.items()
        }

    return {
        name: {"inputs": side(s.inputs), "outputs": side(s.outputs), "method_name": s.method_name}
        for name, s in signatures.items()
    }


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self._answer(self._get)

    def do_POST(self):
        self._answer(self._predict)

    def log_message(self, *arguments):
        """Says nothing."""

    def _answer(self, function):
        try:
            match = PATH.fullmatch(self.path)
            if match is None:
                raise Refusal("INVALID_ARGUMENT", f"Malformed request: {self.path}")
            name, version, label, what = match.groups()
            status, content = 200, function(name, version and int(version), label, what)
        except Refusal as error:
            status, content = STATUS[error.code], {"error": str(error)}
        body = json.dumps(content).encode()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the client has left
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def _get(self, name, version, label, what):
        models = self.server.models
        if what == "/metadata":
            number, _, signatures = models.find(name, version, label)
            described = {"signature_def": {"signature_def": _described(signatures)}}
            return {
                "model_spec": {"name": name, "signature_name": "", "version": str(number)},
                "metadata": described,
            }
        return {
            "model_version_status": [
                {"version": str(number), "state": state, "status": {"error_code": "OK"}}
                for number, state in models.status(name).items()
            ]
        }

    def _predict(self, name, version, label, what):
        content = self.rfile.read(int(self.headers["Content-Length"]))
        models = self.server.models
        _, session, signatures = models.find(name, version, label)
        try:
            body = json.loads(content)
        except ValueError as error:
            raise Refusal("INVALID_ARGUMENT", "JSON Parse error") from error
        signature = models.signature(signatures, body.get("signature_name"))
        inputs = {
            key: _tensor(value, signature.inputs[key])
            for key, value in body["inputs"].items()
            if key in signature.inputs
        }
        made = {k: _plain(k, v) for k, v in models.run(session, signature, inputs).items()}
        return {"outputs": made if len(made) > 1 else next(iter(made.values()))}


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


@contextlib.contextmanager
def rest(models):
    """Yields the address of a server on 127.0.0.1."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.models = models
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# gRPC -----------------------------------------------------------------------------------------


@contextlib.contextmanager
def grpc(models):
    """Yields the address of a server on 127.0.0.1; needs grpcio and tensorflow-serving-api."""
    import grpc as library
    from tensorflow_serving.apis import (
        get_model_metadata_pb2,
        get_model_status_pb2,
        model_service_pb2_grpc,
        predict_pb2,
        prediction_service_pb2_grpc,
    )

    def found(request, context):
        spec = request.model_spec
        version = spec.version.value if spec.HasField("version") else None
        return models.find(spec.name, version, spec.version_label)

    def guarded(function):
        def call(self, request, context):
            try:
                return function(request, context)
            except Refusal as error:
                context.abort(getattr(library.StatusCode, error.code), str(error))

        return call

    @guarded
    def predict(request, context):
        _, session, signatures = found(request, context)
        signature = models.signature(signatures, request.model_spec.signature_name)
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        answer = predict_pb2.PredictResponse()
        for key, value in models.run(session, signature, inputs).items():
            answer.outputs[key].CopyFrom(tf.make_tensor_proto(value))
        return answer

    @guarded
    def metadata(request, context):
        _, _, signatures = found(request, context)
        definitions = get_model_metadata_pb2.SignatureDefMap(signature_def=signatures)
        answer = get_model_metadata_pb2.GetModelMetadataResponse()
        answer.metadata["signature_def"].Pack(definitions)
        return answer

    @guarded
    def status(request, context):
        answer = get_model_status_pb2.GetModelStatusResponse()
        for number, state in models.status(request.model_spec.name).items():
            answer.model_version_status.add(version=number, state=state)
        return answer

    predictions = type("P", (), {"Predict": predict, "GetModelMetadata": metadata})()
    for name in ("Classify", "Regress", "MultiInference"):
        setattr(predictions, name, None)
    services = type("M", (), {"GetModelStatus": status, "HandleReloadConfigRequest": None})()
    limit = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = library.server(futures.ThreadPoolExecutor(16), options=limit)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(predictions, server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(services, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"grpc://127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
