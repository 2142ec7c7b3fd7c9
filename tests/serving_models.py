"""The models of a TF Serving's double: loaded, labelled and unloaded as TF Serving does.

It follows tensorflow/serving's g3doc/serving_config.md and its sources, where they say more:

- `models.config` is read again and again. Of one that moves a label in use to a version that isn't
  loaded, nothing is taken; the next time, it may be. New labels may come before their versions, as
  with `--allow_version_labels_for_unavailable_models` (`ServerCore::UpdateModelVersionLabelMap`).
- The folders of versions are looked at, too, and more often: by the model's policy (the latest n,
  specific ones, all) versions are loaded and, once their folders are gone or the policy leaves them
  out, unloaded. New ones are loaded first (`AvailabilityPreservingPolicy`). What was unloaded goes
  on being listed, with the state END.
"""

import contextlib
import pathlib
import re
import threading
from typing import NamedTuple

import tensorflow as tf
from tensorflow.core.protobuf import config_pb2


class Refusal(Exception):
    """A TensorFlow error: its code's name and a sentence."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Entry(NamedTuple):
    """What `models.config` says of a model."""

    base_path: str
    policy: str
    numbers: list
    labels: dict

    def wanted(self):
        """Numbers of the versions to be served."""
        there = [int(p.name) for p in pathlib.Path(self.base_path).glob("*/") if p.name.isdecimal()]
        if self.policy == "latest":
            return set(sorted(there)[-max([1, *self.numbers]) :])
        return set(there) & set(self.numbers) if self.policy == "specific" else set(there)


def entries(text):
    """dict: name of a model -> its `Entry`, of the text of a `models.config`."""
    found = {}
    for part in re.split(r"\bconfig \{", text)[1:]:
        (name,) = re.findall(r'name: "([^"]+)"', part)
        (base_path,) = re.findall(r'base_path: "([^"]+)"', part)
        policies = re.findall(r"(latest|specific|all) \{([^}]*)\}", part)
        policy, inside = policies[0] if policies else ("latest", "")
        numbers = [int(number) for number in re.findall(r"versions: (\d+)", inside)]
        labels = re.findall(r'key: "([^"]+)" value: (\d+)', part)
        labels = {label: int(version) for label, version in labels}
        found[name] = Entry(base_path, policy, numbers, labels)
    return found


class Models:
    """What a server with this `models.config` holds.

    Attributes:
        versions: dict: (model, number) -> (session, signatures) of what is loaded.
        labels: dict: model -> dict of labels, as they are in use.
        refused: why the file, as it is, was refused; None: it wasn't.
        refusals: codes to give to requests, before any other answer.
        asked: number of requests for a version.
    """

    def __init__(self, config):
        self.config = pathlib.Path(config)
        self.entries, self.labels, self.refused = {}, {}, None
        self.versions, self.states = {}, {}  # replaced, never changed: threads read them
        self.refusals, self.asked = [], 0
        self.callables, self.lock = {}, threading.Lock()
        self.read()
        self.look()

    # As time goes by ------------------------------------------------------------------------

    @contextlib.contextmanager
    def watched(self, seconds=0.05, looks=4):
        """Looks at the folders every so many seconds, and reads the file every so many looks."""
        stop, failures = threading.Event(), []

        def watch():
            count = 0
            while not stop.wait(seconds):
                count += 1
                try:
                    if count % looks == 0:
                        self.read()
                    self.look()
                except Exception as error:
                    failures.append(error)

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield self
        finally:
            stop.set()
            thread.join()
        assert not failures, failures

    def read(self):
        """Takes what `models.config` says, or nothing of it."""
        found = entries(self.config.read_text())
        for name, entry in found.items():
            for label, version in entry.labels.items():
                before = self.labels.get(name, {}).get(label, version)
                if before != version and (name, version) not in self.versions:
                    self.refused = (
                        f"Request to assign label to version {version} of model {name}, which is "
                        "not currently available for inference"
                    )
                    return
        self.refused = None
        self.entries, self.labels = found, {name: entry.labels for name, entry in found.items()}

    def look(self):
        """Loads and unloads what the entries and the folders say."""
        wanted = {(name, n) for name, entry in self.entries.items() for n in entry.wanted()}
        for key in sorted(wanted - self.versions.keys(), reverse=True):
            try:
                loaded = _load(f"{self.entries[key[0]].base_path}/{key[1]}")
            except (OSError, tf.errors.OpError):  # TF Serving would try some times more, too
                self.states = {**self.states, key: "LOADING"}
            else:
                self.versions = {**self.versions, key: loaded}
                self.states = {**self.states, key: "AVAILABLE"}
        for key in self.versions.keys() - wanted:
            session = self.versions[key][0]
            self.versions = {k: v for k, v in self.versions.items() if k != key}
            self.states = {**self.states, key: "END"}
            with self.lock:  # answers on their way keep what they need
                self.callables = {k: v for k, v in self.callables.items() if k[0] is not session}

    # Requests -------------------------------------------------------------------------------

    def status(self, name):
        """dict: number of a version -> its state; NOT_FOUND if there are none."""
        found = {number: state for (model, number), state in self.states.items() if model == name}
        if not found:
            raise Refusal("NOT_FOUND", f"Could not find any versions of model {name}")
        return found

    def find(self, name, version, label):
        """(version, session, signatures) of what was asked for."""
        self.asked += 1
        if self.refusals:
            raise Refusal(self.refusals.pop(), "Not now.")
        if label:
            if label not in self.labels.get(name, {}):
                raise Refusal("INVALID_ARGUMENT", f"Unrecognized servable version label: {label}")
            version = self.labels[name][label]
        versions = self.versions
        if version is None:
            version = max((number for model, number in versions if model == name), default=None)
        if (name, version) not in versions:
            asked = f"Latest({name})" if version is None else f"Specific({name}, {version})"
            raise Refusal("NOT_FOUND", f"Servable not found for request: {asked}")
        return version, *versions[name, version]

    def signature(self, signatures, name):
        """A signature's definition."""
        name = name or "serving_default"
        if name not in signatures:
            raise Refusal("INVALID_ARGUMENT", f'Serving signature name: "{name}" not found')
        return signatures[name]

    def run(self, session, signature, inputs):
        """Outputs by their names."""
        if inputs.keys() != signature.inputs.keys():
            raise Refusal("INVALID_ARGUMENT", f"inputs must be {sorted(signature.inputs)}")
        fetches = [info.name for info in signature.outputs.values()]
        key = (session, *fetches)
        with self.lock:
            if key not in self.callables:  # slow to make
                feeds = [info.name for info in signature.inputs.values()]
                options = config_pb2.CallableOptions(feed=feeds, fetch=fetches)
                self.callables[key] = session._make_callable_from_options(options)
            function = self.callables[key]
        try:
            outputs = function(*(inputs[name] for name in signature.inputs))
        except tf.errors.InvalidArgumentError as error:
            raise Refusal("INVALID_ARGUMENT", str(error)) from error
        return dict(zip(signature.outputs, outputs))


def _load(path):
    graph = tf.Graph()
    session = tf.compat.v1.Session(graph=graph)
    with graph.as_default():
        meta = tf.compat.v1.saved_model.load(session, ["serve"], path)
    return session, dict(meta.signature_def)
