"""How requests get to TF Serving and answers back: over REST with the standard library alone, over
gRPC with the extra `serving`.

Both take and return dicts of arrays; strings are arrays of bytes, dtype object.
"""

import base64
import contextlib
import http.client
import json
import urllib.parse

import numpy as np

_CODES = {  # HTTP statuses that TF Serving gives for a TensorFlow error
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_LARGEST_MESSAGE = 2**31 - 1  # bytes: what protocol buffers can hold


class ServingError(RuntimeError):
    """A request that a server refused or couldn't answer.

    Args:
        code: name of the error, e.g. "INVALID_ARGUMENT", "NOT_FOUND", "UNAVAILABLE" or
            "DEADLINE_EXCEEDED".
        message: what the server said, or why it couldn't be asked.

    Attributes:
        code: as given.

    Example:
        >>> str(ServingError("INVALID_ARGUMENT", "labels must lie in [0, 10)."))
        'INVALID_ARGUMENT: labels must lie in [0, 10).'
    """

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code


def connect(address, model, version, timeout):
    """The transport for an address: see `Client`.

    Raises:
        ValueError: an address of another form.
        ImportError: gRPC without the extra `serving`.
    """
    text = address if "://" in str(address) else f"http://{address}"
    kind = None
    with contextlib.suppress(TypeError, ValueError):
        parts = urllib.parse.urlsplit(text)
        port = parts.port
        if parts.hostname and not parts.query and not parts.username:
            kind = {"http": Rest, "https": Rest, "grpc": Grpc}.get(parts.scheme)
    if kind is None or not isinstance(address, str):
        raise ValueError(
            "address must be host:port, http://host:port, https://host:port or grpc://host:port. "
            f"Received: address={address!r}"
        )
    return kind(parts, port, model, version, timeout)


class Rest:
    """TF Serving's REST API, a connection for each request, so that threads don't share any.

    Args:
        parts: the address, as `urllib.parse.urlsplit` gives it; a path is put before the API's.
        port: None: 8501 for http, 443 for https.
        model: its name.
        version: a number, a label, or None for the newest.
        timeout: seconds.
    """

    def __init__(self, parts, port, model, version, timeout):
        self.host, self.timeout = parts.hostname, timeout
        is_https = parts.scheme == "https"
        self.connection = http.client.HTTPSConnection if is_https else http.client.HTTPConnection
        self.port = port or (443 if is_https else 8501)
        self.model = f"{parts.path.rstrip('/')}/v1/models/{urllib.parse.quote(model, safe='')}"
        self.path = self.model
        if isinstance(version, str):
            self.path += f"/labels/{urllib.parse.quote(version, safe='')}"
        elif version is not None:
            self.path += f"/versions/{version}"

    def metadata(self):
        """Name of a signature -> (inputs, outputs), dicts of a name -> (dtype, shape)."""
        answer = self._ask("metadata", "GET", f"{self.path}/metadata")
        return _signatures(answer["signature_def"]["signature_def"])

    def versions(self):
        """Number of a version -> its state, such as "AVAILABLE"."""
        return _states(self._ask("model_version_status", "GET", self.model))

    def predict(self, signature, inputs, outputs):
        """Arrays of the outputs; `outputs` is what `metadata` says of them."""
        for name, (dtype, _) in outputs.items():
            if dtype.kind == "O" and not name.endswith("_bytes"):
                raise ServingError(
                    "UNIMPLEMENTED",
                    f"REST loses the bytes of outputs whose names don't end in _bytes ({name}): "
                    "export the model anew, or use grpc://.",
                )
        values = {name: _to_json(array) for name, array in inputs.items()}
        body = json.dumps({"signature_name": signature, "inputs": values})
        answer = self._ask("outputs", "POST", f"{self.path}:predict", body)
        if len(outputs) == 1:  # then the API leaves the name out
            answer = {name: answer for name in outputs}
        return {name: _from_json(answer[name], *spec) for name, spec in outputs.items()}

    def _ask(self, key, method, path, body=None):
        """What the answer holds under `key`."""
        with contextlib.closing(
            self.connection(self.host, self.port, timeout=self.timeout)
        ) as connection:
            try:
                connection.request(method, path, body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                content = response.read()
            except TimeoutError as error:
                message = f"no answer from {self.host}:{self.port} within {self.timeout} seconds."
                raise ServingError("DEADLINE_EXCEEDED", message) from error
            except (OSError, http.client.HTTPException) as error:
                message = f"{self.host}:{self.port} can't be reached: {error!r}."
                raise ServingError("UNAVAILABLE", message) from error
        try:
            answer = dict(json.loads(content))
        except (ValueError, TypeError):
            answer = {}
        if response.status == 200 and key in answer:
            return answer[key]
        code = _CODES.get(response.status, "INTERNAL" if response.status >= 500 else "UNKNOWN")
        foreign = f"no answer of TF Serving, but HTTP {response.status}: {content[:200]!r}"
        raise ServingError(code, answer.get("error", foreign))


class Grpc:
    """TF Serving's gRPC API; the arguments are those of `Rest`, the default port is 8500."""

    def __init__(self, parts, port, model, version, timeout):
        try:
            import grpc
            from tensorflow_serving.apis import (
                model_service_pb2_grpc,
                prediction_service_pb2_grpc,
            )
        except ImportError as error:
            raise ImportError(
                "gRPC needs the extra: pip install 'kerasgan[serving]'. Or use the REST API: "
                "http://host:8501."
            ) from error
        self.model, self.version, self.timeout = model, version, timeout
        limits = ("grpc.max_receive_message_length", "grpc.max_send_message_length")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname  # IPv6
        self.channel = grpc.insecure_channel(
            f"{host}:{port or 8500}",
            options=[(limit, _LARGEST_MESSAGE) for limit in limits],
        )
        self.predictions = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        self.models = model_service_pb2_grpc.ModelServiceStub(self.channel)

    def metadata(self):
        """As `Rest.metadata`."""
        from google.protobuf import json_format
        from tensorflow_serving.apis import get_model_metadata_pb2

        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        answer = self._ask(self.predictions.GetModelMetadata, request)
        found = get_model_metadata_pb2.SignatureDefMap()
        answer.metadata["signature_def"].Unpack(found)
        as_dict = json_format.MessageToDict(found, preserving_proto_field_name=True)
        return _signatures(as_dict["signature_def"])

    def versions(self):
        """As `Rest.versions`."""
        from google.protobuf import json_format
        from tensorflow_serving.apis import get_model_status_pb2

        request = get_model_status_pb2.GetModelStatusRequest()
        answer = self._ask(self.models.GetModelStatus, request, any_version=True)
        as_dict = json_format.MessageToDict(answer, preserving_proto_field_name=True)
        return _states(as_dict["model_version_status"])

    def predict(self, signature, inputs, outputs):
        """As `Rest.predict`."""
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest()
        request.model_spec.signature_name = signature
        for name, array in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
        answer = self._ask(self.predictions.Predict, request)
        return {name: tf.make_ndarray(answer.outputs[name]) for name in outputs}

    def _ask(self, method, request, any_version=False):
        import grpc

        request.model_spec.name = self.model
        if isinstance(self.version, str) and not any_version:
            request.model_spec.version_label = self.version
        elif self.version is not None and not any_version:
            request.model_spec.version.value = self.version
        try:
            return method(request, timeout=self.timeout)
        except grpc.RpcError as error:
            raise ServingError(error.code().name, error.details()) from error


def _signatures(definitions):
    """Signatures, from TF Serving's JSON of them."""
    found = {}
    for name, definition in definitions.items():
        if not name.startswith("__"):  # __saved_model_init_op
            found[name] = tuple(
                {key: _tensor(info) for key, info in definition.get(side, {}).items()}
                for side in ("inputs", "outputs")
            )
    return found


def _tensor(info):
    """(dtype, shape), None for sizes that a request chooses."""
    kind = info["dtype"].removeprefix("DT_").lower()
    dtype = {"string": "object", "float": "float32", "double": "float64"}.get(kind, kind)
    sizes = [int(size["size"]) for size in info["tensor_shape"].get("dim", [])]
    return np.dtype(dtype), tuple(None if size < 0 else size for size in sizes)


def _states(versions):
    return {int(v["version"]): v["state"] for v in versions}


def _to_json(array):
    if array.dtype != object:
        return array.tolist()
    return [{"b64": base64.b64encode(item).decode()} for item in array]


def _from_json(value, dtype, shape):
    if dtype.kind == "O":
        made = np.empty(len(value), object)
        made[:] = [base64.b64decode(item["b64"]) for item in value]
        return made
    made = np.asarray(value, dtype)
    # Of no rows, JSON tells the number only.
    return made if made.size else made.reshape([size or 0 for size in shape])
