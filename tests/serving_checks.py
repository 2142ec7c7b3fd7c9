"""What any server of exports must answer, TF Serving or its double: used by several tests."""

import contextlib
import itertools
import shutil
import threading
import time

import numpy as np
import pytest
import tensorflow as tf

from kerasgan import serving
from kerasgan.serving import Client, ServingError, warmup


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
    shape = f"latents must have the shape (n, {size}), not"
    requests = [
        ("serving_default", {"latents": [[np.nan] * size], **row}, "finite"),
        ("serving_default", {"latents": np.zeros((1, size, 1)), **row}, shape),
        ("serving_default", {"latents": np.zeros((1, size + 1)), **row}, shape),
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
        with pytest.raises(ServingError) as caught:
            client.predict(signature, **values)
        assert caught.value.code == "INVALID_ARGUMENT" and words in str(caught.value)
        assert client.decode(np.zeros((1, size)), row.get("labels")).shape == wanted


# Versions that come and go -------------------------------------------------------------------


def wait_for(condition, seconds=60):
    """Waits until `condition()` is true, and fails if it never is."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(ServingError):
            if condition():
                return
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} seconds")


class Asking:
    """Threads that ask a model for the same samples without pause, until the `with` ends.

    Args:
        address: of the server.
        name: of the model.
        answers: dict: version -> what it makes; may grow.
        labels: of versions, or None, two threads for each.

    Attributes:
        seen: for each thread (label, list of what it saw: a version, the code of an error, or
            "wrong", each written once until another comes).
    """

    def __init__(self, address, name, answers, labels):
        self.address, self.name, self.answers = address, name, answers
        self.seen = [(label, []) for label in labels for _ in range(2)]
        self.answered, self.stop = 0, threading.Event()

    def __enter__(self):
        self.threads = [threading.Thread(target=self.ask, args=pair) for pair in self.seen]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def ask(self, label, seen):
        client = Client(self.address, self.name, label)
        while not self.stop.is_set():
            try:
                made = client.sample(2, seed=0)
                found = [n for n, v in dict(self.answers).items() if np.abs(made - v).max() < 1e-5]
                answer = found[0] if len(found) == 1 else "wrong"
            except ServingError as error:
                answer = error.code
            self.answered += 1
            if seen[-1:] != [answer]:
                seen.append(answer)

    def until(self, wanted):
        """Waits until each thread's last answer is its label's in `wanted`."""
        threads = [(label, seen) for label, seen in self.seen if label in wanted]
        wait_for(lambda: all(seen[-1:] == [wanted[label]] for label, seen in threads))

    def histories(self):
        """dict: label -> what its threads saw, as a set of tuples."""
        return {
            label: {tuple(seen) for _, seen in group}
            for label, group in itertools.groupby(self.seen, lambda pair: pair[0])
        }


def export_next(model, folder, answers):
    """Changes the weights of a GAN and exports it; adds its samples to `answers` before that."""
    number = max(answers, default=0) + 1
    if answers:
        for variable in model.ema_generator.variables:
            variable.assign(variable + 0.1)
    answers[number] = model.generate(2, seed=0)
    assert serving.export(model, folder) == str(folder / str(number))


def promote_and_roll_back(address, base, name, model, answers):
    """Export, canary, promotion, rollback by label and then by folder, with requests going on:
    none is lost, none answered by a version that it shouldn't have. Version 1 is served already.
    """

    def write(**stable):
        return serving.write_model_base(base, stable, base_path=str(base))[name]

    def ask(version):
        return Client(address, name, version).sample(2, seed=0)

    with Asking(address, name, answers, [None, "stable"]) as asking:
        asking.until({None: 1, "stable": 1})
        export_next(model, base / name, answers)
        assert write() == {"stable": 1, "canary": 2}
        asking.until({None: 2, "stable": 1})
        wait_for(lambda: np.abs(ask("canary") - answers[2]).max() < 1e-5)
        assert Client(address, name).versions() == {1: "AVAILABLE", 2: "AVAILABLE"}
        assert np.abs(ask(1) - answers[1]).max() < 1e-5 < np.abs(ask(1) - answers[2]).max()

        assert write(**{name: 2}) == {"stable": 2}
        asking.until({None: 2, "stable": 2})
        assert write(**{name: 1}) == {"stable": 1, "canary": 2}
        asking.until({None: 2, "stable": 1})
        shutil.move(base / name / "2", base / "withdrawn-2")
        assert write() == {"stable": 1}
        asking.until({None: 1, "stable": 1})
    assert asking.histories() == {None: {(1, 2, 1)}, "stable": {(1, 2, 1)}}
    assert asking.answered > 20

    wait_for(lambda: Client(address, name).versions().get(2) != "AVAILABLE")
    for version, code in ((2, "NOT_FOUND"), ("canary", "INVALID_ARGUMENT")):
        wait_for(lambda version=version, code=code: refused(lambda: ask(version)) == code)


def refused(function):
    """Code of the error that a request ends in; None: it is answered."""
    try:
        function()
    except ServingError as error:
        return error.code
    return None
