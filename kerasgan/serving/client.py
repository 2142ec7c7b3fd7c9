"""A client of TF Serving, over REST or gRPC, for models that `kerasgan.serving.export` wrote."""

import threading
import time

import numpy as np

from kerasgan import checks
from kerasgan.serving import transports

_RETRIES = 3
_FIRST_PAUSE = 0.2  # seconds; each one after it is twice as long


class Client:
    """Asks a TF Serving for what an exported model makes.

    The model's signatures are asked for once, at the first request. Requests change nothing on the
    server, so those that didn't reach it, or that it was too busy for (UNAVAILABLE), are sent
    again, up to three times; those that took longer than the timeout aren't. A model that isn't
    loaded yet is NOT_FOUND. Several threads may share a client.

    Args:
        address: `host:port` or `http://host:port` (REST; TF Serving's port is 8501), `https://`, or
            `grpc://host:port` (8500; not encrypted; needs the extra `serving`).
        model: its name on the server.
        version: a number, e.g. 3; a label, e.g. "stable"; None: the newest that is served.
        timeout: seconds after which a request is given up (REST: seconds without a byte).

    Raises:
        ValueError: an address, model, version or timeout that isn't one.
        ImportError: gRPC without the extra `serving`.

    Example:
        >>> client = Client("localhost:8501", "cgan_mnist", version="stable", timeout=5)
        >>> client.address, client.model, client.version
        ('localhost:8501', 'cgan_mnist', 'stable')
    """

    def __init__(self, address, model, version=None, timeout=60.0):
        if not isinstance(model, str) or not model or "/" in model or ":" in model:
            raise ValueError(
                f"model must be a model's name on the server. Received: model={model!r}"
            )
        is_number = isinstance(version, (int, np.integer)) and not isinstance(version, bool)
        is_label = isinstance(version, str) and version
        if version is not None and not is_label and not (is_number and version >= 0):
            raise ValueError(
                "version must be a version's number, a label such as 'stable', or None. "
                f"Received: version={version!r}"
            )
        self.address, self.model, self.version = address, model, version
        self.timeout = checks.positive_number(timeout=timeout)
        self._transport = transports.connect(address, model, version, self.timeout)
        self._signatures, self._lock = None, threading.Lock()

    # What the zoo's models answer -----------------------------------------------------------

    def sample(self, num=None, labels=None, seed=None, truncation=None, png=False):
        """Samples, as `model.generate` makes them.

        Args:
            num: how many, 0 to 10,000; of conditional models: None.
            labels: of conditional models: a list of integers, one for each sample.
            seed: int; the same seed gives the same samples. None draws one.
            truncation: threshold of latents, above 0, see `generate`. None: not truncated.
            png: encoded pictures instead of arrays: about a tenth as much to send.

        Returns:
            Array (n, H, W, C), float32 in [-1, 1]; with `png` a list of n PNG files as bytes.

        Raises:
            ValueError: num where labels are wanted, or the other way round; a truncation that
                isn't positive; no such signature.
            ServingError: see `predict`.
        """
        if seed is None:
            seed = int(np.random.default_rng().integers(2**31))
        if truncation is not None:
            truncation = checks.positive_number(truncation=truncation)
        inputs = {"num": num, "labels": labels, "seed": seed, "truncation": truncation or 0.0}
        inputs = {name: value for name, value in inputs.items() if value is not None}
        made = self._single("sample_png" if png else "sample", inputs)
        return list(made) if png else made

    def decode(self, latents, labels=None):
        """Images of given latents.

        Args:
            latents: array (n, latent_dim).
            labels: of conditional models: a list of n integers.

        Returns:
            Array (n, H, W, C), float32 in [-1, 1].

        Raises:
            ValueError: labels where none are wanted, or the other way round.
            ServingError: see `predict`.
        """
        inputs = {"latents": latents} | ({} if labels is None else {"labels": labels})
        return self._single("serving_default", inputs)

    def translate(self, pictures, direction=None, seed=0, domains=None):
        """Translations of pictures.

        Args:
            pictures: list of JPEG or PNG files as bytes, 256 at most.
            direction: of models of two domains: "a_to_b" or "b_to_a".
            seed: int, of the noise; left aside by models that take none.
            domains: of StarGAN: target domains, one for each picture.

        Returns:
            List of PNG files as bytes.

        Raises:
            ValueError: pictures that aren't bytes; a direction or domains that the model doesn't
                have, or that it needs.
            ServingError: see `predict`.
        """
        signature = "translate" if direction is None else f"translate_{direction}"
        inputs = {"images": pictures} | ({} if domains is None else {"domains": domains})
        if "seed" in self._signature(signature)[0]:
            inputs["seed"] = seed
        return list(self._single(signature, inputs))

    # Any signature --------------------------------------------------------------------------

    def predict(self, signature, **inputs):
        """Runs a signature of the model.

        Args:
            signature: its name, one of `signatures()`.
            **inputs: values of its inputs: numbers, lists, arrays; strings as lists of bytes.

        Returns:
            dict: name of an output -> array.

        Raises:
            ValueError: no such signature; inputs missing, unknown, or that aren't numbers or bytes.
            ServingError: the server refused the request (its sentence is the message), couldn't be
                reached, or was too slow.
        """
        wanted, outputs = self._signature(signature)
        if inputs.keys() != wanted.keys():
            raise ValueError(
                f"{self.model}'s signature {signature} takes {sorted(wanted)}. "
                f"Received: {sorted(inputs)}"
            )
        arrays = {name: _array(name, value, wanted[name][0]) for name, value in inputs.items()}
        return self._retried(self._transport.predict, signature, arrays, outputs)

    def signatures(self):
        """dict: name of a signature -> (inputs, outputs), each a dict of a name -> (dtype, shape);
        a size that requests choose is None.
        """
        with self._lock:
            if self._signatures is None:
                self._signatures = self._retried(self._transport.metadata)
            return self._signatures

    def versions(self):
        """dict: number of a version on the server -> its state, e.g. "AVAILABLE"."""
        return self._retried(self._transport.versions)

    def _signature(self, name):
        signatures = self.signatures()
        if name not in signatures:
            raise ValueError(
                f"{self.model} has the signatures {sorted(signatures)}. Received: {name!r}"
            )
        return signatures[name]

    def _single(self, signature, inputs):
        (output,) = self.predict(signature, **inputs).values()
        return output

    def _retried(self, function, *arguments):
        for attempt in range(_RETRIES):
            try:
                return function(*arguments)
            except transports.ServingError as error:
                if error.code != "UNAVAILABLE":
                    raise
            time.sleep(_FIRST_PAUSE * 2**attempt)
        return function(*arguments)


def _array(name, value, dtype):
    """An input as an array of its dtype; its shape and range are the server's to check."""
    if dtype.kind == "O":
        items = list(value) if isinstance(value, (list, tuple, np.ndarray)) else [None]
        if not all(isinstance(item, bytes) for item in items):
            raise ValueError(f"{name} must be a list of files as bytes. Received: {type(value)}")
        array = np.empty(len(items), object)
        array[:] = items
        return array
    try:
        given = np.asarray(value)
        if not given.size:
            return given.astype(dtype)
        if given.dtype.kind not in ("iu" if dtype.kind in "iu" else "iuf"):
            raise TypeError
        cast = given.astype(dtype)
        if dtype.kind in "iu" and not (cast == given).all():
            raise TypeError
        return cast
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must be numbers of dtype {dtype}. Received: {name}={str(value)[:80]}"
        ) from error
