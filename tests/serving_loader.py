"""Compiles serving_loader.cc against TensorFlow's wheel, and runs requests through it."""

import atexit
import functools
import json
import pathlib
import shutil
import subprocess
import tempfile
from typing import NamedTuple

import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import saved_model_pb2

SOURCE = pathlib.Path(__file__).with_name("serving_loader.cc")
OK, INVALID_ARGUMENT = 0, 3  # codes of absl::Status


class Request(NamedTuple):
    """A signature of an export, and its inputs: a dict of a name -> array or tensor."""

    path: str
    signature: str
    inputs: dict


class Response(NamedTuple):
    """A code, the message of an error, outputs: a dict of a name -> array."""

    code: int
    message: str
    outputs: dict


def signatures(path):
    """Names of an export's signatures."""
    content = (pathlib.Path(path) / "saved_model.pb").read_bytes()
    (graph,) = saved_model_pb2.SavedModel.FromString(content).meta_graphs
    return {name for name in graph.signature_def if not name.startswith("__")}


@functools.cache
def compiled():
    """Path of the program, compiled once in a process; skips where it can't be."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("there is no g++ to compile the C++ loader with")
    libraries = pathlib.Path(tf.sysconfig.get_lib())
    names = ["libtensorflow_framework.so.2", "libtensorflow_cc.so.2"]
    missing = [name for name in names if not (libraries / name).exists()]
    if missing:
        pytest.skip(f"this TensorFlow ships no {', '.join(missing)}")
    folder = pathlib.Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    program = folder / "serving_loader"
    command = [compiler, "-w", "-O0", *tf.sysconfig.get_compile_flags(), "-std=c++17", str(SOURCE)]
    # --no-as-needed: the kernels register themselves, nothing calls them by name.
    command += [f"-L{libraries}", f"-Wl,--no-as-needed,-rpath,{libraries}", "-pthread"]
    command += [*(f"-l:{name}" for name in names), "-o", str(program)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return program


def run(requests, threads=1, total=0, repetitions=0):
    """(responses of `requests`, the program's figures; see serving_loader.cc)."""
    with tempfile.TemporaryDirectory() as folder:
        return _run(pathlib.Path(folder), requests, threads, total, repetitions)


def _run(folder, requests, *arguments):
    asked, answered = folder / "requests", folder / "responses"
    with open(asked, "wb") as file:
        for path, signature, inputs in requests:
            file.write(f"{path} {signature} {len(inputs)}\n".encode())
            for name, value in inputs.items():
                content = tf.make_tensor_proto(value).SerializeToString()
                file.write(f"{name} {len(content)}\n".encode() + content)
    command = [compiled(), asked, answered, *arguments]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    with open(answered, "rb") as file:
        responses = [_response(file) for _ in requests]
        assert not file.read()
    return responses, json.loads(done.stdout.split("RESULT")[1])


def _response(file):
    code, number = (int(word) for word in file.readline().split())
    if code != OK:
        return Response(code, file.read(number).decode(), {})
    outputs = {}
    for _ in range(number):
        name, size = file.readline().split()
        proto = tensor_pb2.TensorProto.FromString(file.read(int(size)))
        outputs[name.decode()] = tf.make_ndarray(proto)
    return Response(code, "", outputs)
