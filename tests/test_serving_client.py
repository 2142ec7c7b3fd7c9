"""The client against exported models, over HTTP and (where its packages are) over gRPC."""

import concurrent.futures
import contextlib
import http.server
import io
import socket
import threading
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgan import serving
from kerasgan.serving import Client, ServingError
from tests import serving_checks, serving_double, serving_models
from tests.latent.test_space import tiny_cgan, tiny_gan
from tests.models.test_cyclegan import TestCycleGAN as CycleGANContract
from tests.models.test_stargan import TestStarGAN as StarGANContract

MODELS = {
    "gan": tiny_gan,
    "cgan": tiny_cgan,
    "cyclegan": CycleGANContract().make_model,
    "stargan": StarGANContract().make_model,
}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """(folder of models, the models)."""
    keras.utils.set_random_seed(1)
    folder = tmp_path_factory.mktemp("base")
    models = {name: build() for name, build in MODELS.items()}
    for name, model in models.items():
        serving.export(model, folder / name)
    for variable in models["gan"].ema_generator.variables:
        variable.assign(variable + 0.1)
    serving.export(models["gan"], folder / "gan")
    return folder, models


@pytest.fixture(scope="module")
def served(base):
    """The double's models."""
    serving.write_model_base(base[0], base_path=str(base[0]))
    return serving_models.Models(base[0] / "models.config")


@pytest.fixture(scope="module", params=["rest", "grpc"])
def address(request, served):
    if request.param == "grpc":
        pytest.importorskip("grpc")
        pytest.importorskip("tensorflow_serving", reason="the extra 'serving' is not installed")
    with getattr(serving_double, request.param)(served) as found:
        yield found


def picture(size=(9, 12)):
    pixels = np.random.default_rng(0).integers(0, 255, (*size, 3)).astype("uint8")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def decoded(file):
    return np.asarray(Image.open(io.BytesIO(file)))


def test_every_signature_is_answered_as_by_tensorflow(base, address):
    for name in MODELS:
        newest = "2" if name == "gan" else "1"
        serving_checks.compare(Client(address, name), base[0] / name / newest)


def test_samples_are_those_of_generate(base, address):
    gan, cgan = base[1]["gan"], base[1]["cgan"]
    got = Client(address, "gan").sample(5, seed=3, truncation=0.7)
    np.testing.assert_allclose(got, gan.generate(5, seed=3, truncation=0.7), atol=1e-5)
    assert got.dtype == "float32" and np.ptp(got) > 0.1
    got = Client(address, "cgan").sample(labels=[2, 0, 1], seed=3)
    np.testing.assert_allclose(got, cgan.generate([2, 0, 1], seed=3), atol=1e-5)


def test_samples_as_pictures(base, address):
    made = Client(address, "cgan").sample(labels=[2, 0], seed=3, png=True)
    assert all(isinstance(file, bytes) for file in made) and len(made) == 2
    wanted = (base[1]["cgan"].generate([2, 0], seed=3) + 1) * 127.5
    for file, image in zip(made, wanted):
        assert np.abs(decoded(file) - image[..., 0]).max() <= 1


def test_a_seed_is_drawn_where_none_is_given(address):
    client = Client(address, "gan")
    assert np.abs(client.sample(2) - client.sample(2)).max() > 1e-3


def test_none_and_many(address):
    client = Client(address, "gan")
    assert client.sample(0, seed=0).shape == (0, 8, 8, 1)
    assert client.sample(0, seed=0, png=True) == []
    assert Client(address, "cgan").sample(labels=[], seed=0).shape == (0, 8, 8, 1)
    assert Client(address, "cyclegan").translate([], "a_to_b") == []
    many = client.sample(10_000, seed=0)
    assert many.shape == (10_000, 8, 8, 1) and np.isfinite(many).all()


def test_decode(base, address):
    latents = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    wanted = base[1]["gan"].images_from(tf.constant(latents))
    np.testing.assert_allclose(Client(address, "gan").decode(latents), wanted, atol=1e-5)
    wanted = base[1]["cgan"].images_from(tf.constant(latents), tf.constant([2, 1, 0]))
    got = Client(address, "cgan").decode(latents.tolist(), [2, 1, 0])
    np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_translate(base, address):
    (made,) = Client(address, "cyclegan").translate([picture()], "b_to_a")
    image = decoded(picture())[None].astype("float32") / 127.5 - 1
    wanted = (base[1]["cyclegan"].translate_b_to_a(image)[0] + 1) * 127.5
    assert np.abs(decoded(made) - wanted).max() <= 1
    made = Client(address, "stargan").translate([picture(), picture()], domains=[0, 2])
    assert not np.array_equal(decoded(made[0]), decoded(made[1]))
    for direction, words in ((None, "has the signatures"), ("north", "has the signatures")):
        with pytest.raises(ValueError, match=words):
            Client(address, "cyclegan").translate([picture()], direction)


def test_versions_and_labels(address):
    def ask(version):
        return Client(address, "gan", version).sample(2, seed=0)

    first, second = ask(1), ask(2)
    assert np.abs(first - second).max() > 0.01
    np.testing.assert_array_equal(ask("stable"), first)
    np.testing.assert_array_equal(ask("canary"), second)
    np.testing.assert_array_equal(ask(None), second)
    assert Client(address, "gan").versions() == {1: "AVAILABLE", 2: "AVAILABLE"}
    with pytest.raises(ServingError, match="Servable not found") as caught:
        ask(3)
    assert caught.value.code == "NOT_FOUND"
    with pytest.raises(ServingError, match="Unrecognized servable version label") as caught:
        ask("nightly")
    assert caught.value.code == "INVALID_ARGUMENT"
    with pytest.raises(ServingError, match="Could not find any versions of model nobody"):
        Client(address, "nobody").versions()


def test_bad_requests_get_the_servers_sentence(address):
    serving_checks.refuse(Client(address, "gan"))
    serving_checks.refuse(Client(address, "cgan"))
    with pytest.raises(ServingError, match=r"INVALID_ARGUMENT: .*JPEG or a PNG"):
        Client(address, "cyclegan").translate([b"no picture"], "a_to_b")


@pytest.mark.parametrize("truncation", [0, 0.0, -1, float("nan"), "wide"])
def test_a_truncation_that_generate_would_not_take(base, address, truncation):
    with pytest.raises(ValueError, match=r"truncation must be a positive number.*Received: "):
        Client(address, "gan").sample(2, seed=3, truncation=truncation)
    if isinstance(truncation, float):
        with pytest.raises(ValueError, match="Received: truncation="):
            base[1]["gan"].generate(2, seed=3, truncation=truncation)


def test_bad_requests_that_go_nowhere(address):
    gan, cgan = Client(address, "gan"), Client(address, "cgan")
    for call in (
        lambda: gan.sample(labels=[1]),
        lambda: cgan.sample(3),
        lambda: cgan.decode(np.zeros((1, 4))),
        lambda: gan.predict("sample", num=1),
        lambda: gan.predict("paint", num=1),
        lambda: gan.sample("three"),
        lambda: gan.sample(2.5),
        lambda: gan.decode([["a"] * 4]),
        lambda: gan.decode([[1], [1, 2]]),
        lambda: gan.sample(2, seed=2**40),
        lambda: Client(address, "cyclegan").translate("horse.png", "a_to_b"),
        lambda: Client(address, "cyclegan").translate(picture(), "a_to_b"),
    ):
        with pytest.raises(ValueError, match="Received: "):
            call()


def test_many_threads_share_a_client(base, address):
    client = Client(address, "cgan")
    wanted = {k: base[1]["cgan"].generate([k], seed=k) for k in range(3)}
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda i: client.sample(labels=[i % 3], seed=i % 3), range(200)))
    for i, image in enumerate(made):
        np.testing.assert_allclose(image, wanted[i % 3], atol=1e-5)


def test_requests_to_a_server_that_is_busy_are_sent_again(address, served, monkeypatch):
    monkeypatch.setattr("kerasgan.serving.client._FIRST_PAUSE", 0.01)
    client = Client(address, "gan")
    client.signatures()
    before = served.asked
    served.refusals[:] = ["UNAVAILABLE", "UNAVAILABLE"]
    assert client.sample(1).shape == (1, 8, 8, 1)
    assert served.asked == before + 3
    served.refusals[:] = ["UNAVAILABLE"] * 9
    with pytest.raises(ServingError, match="UNAVAILABLE: Not now"):
        client.sample(1)
    assert len(served.refusals) == 9 - 4
    served.refusals[:] = ["INTERNAL"] * 2
    with pytest.raises(ServingError, match="INTERNAL"):
        client.sample(1)
    assert len(served.refusals) == 1  # asked once
    served.refusals.clear()


# Servers that aren't there ------------------------------------------------------------------


@pytest.fixture
def deaf():
    """A port where connections are taken, and nothing is ever said."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_a_server_that_says_nothing(deaf, scheme):
    if scheme == "grpc":
        pytest.importorskip("tensorflow_serving")
    began = time.monotonic()
    with pytest.raises(ServingError) as caught:
        Client(f"{scheme}://127.0.0.1:{deaf}", "gan", timeout=0.5).sample(1)
    assert caught.value.code == "DEADLINE_EXCEEDED"
    assert 0.4 < time.monotonic() - began < 5


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_nobody_there(scheme, monkeypatch):
    if scheme == "grpc":
        pytest.importorskip("tensorflow_serving")
    monkeypatch.setattr("kerasgan.serving.client._FIRST_PAUSE", 0.01)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(ServingError, match=str(port)) as caught:
        Client(f"{scheme}://127.0.0.1:{port}", "gan", timeout=2).sample(1)
    assert caught.value.code == "UNAVAILABLE"


@contextlib.contextmanager
def web_server(status, content):
    """The address of a server that is no TF Serving."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments):
            """Says nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "status, content, code",
    [
        (200, b"<html>Welcome</html>", "UNKNOWN"),
        (200, b'{"hello": 1}', "UNKNOWN"),
        (200, b"[1, 2]", "UNKNOWN"),
        (404, b"<html>Not here</html>", "NOT_FOUND"),
        (502, b"", "INTERNAL"),
    ],
)
def test_another_server(status, content, code):
    with (
        web_server(status, content) as address,
        pytest.raises(ServingError, match=f"no answer of TF Serving, but HTTP {status}") as caught,
    ):
        Client(address, "gan").sample(1)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "address",
    ["", "ftp://host:1", "http://", "host:port", "host:99999999", None, 8501, "http://u:p@host:1"],
)
def test_bad_addresses(address):
    with pytest.raises(ValueError, match="Received: address="):
        Client(address, "gan")


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"model": ""}, "model="),
        ({"model": "a/b"}, "model="),
        ({"model": None}, "model="),
        ({"version": ""}, "version="),
        ({"version": -1}, "version="),
        ({"version": 1.5}, "version="),
        ({"version": True}, "version="),
        ({"timeout": 0}, "timeout="),
        ({"timeout": None}, "timeout="),
    ],
)
def test_bad_arguments(arguments, words):
    with pytest.raises(ValueError, match=f"Received: {words}"):
        Client(**{"address": "localhost:8501", "model": "gan", **arguments})


def test_rest_loses_bytes_of_other_names(monkeypatch):
    """So it was with exports whose pictures were called `png`."""
    client = Client("127.0.0.1:1", "gan")
    outputs = {"png": (np.dtype("O"), (None,))}
    monkeypatch.setattr(client, "_signatures", {"sample_png": ({}, outputs)})
    with pytest.raises(ServingError, match=r"UNIMPLEMENTED: .*export the model anew, or use grpc"):
        client.predict("sample_png")


def test_grpc_to_an_address_of_ipv6(monkeypatch):
    grpc = pytest.importorskip("grpc")
    pytest.importorskip("tensorflow_serving", reason="the extra 'serving' is not installed")
    asked, channel = [], grpc.insecure_channel

    def insecure_channel(target, **options):
        asked.append(target)
        return channel(target, **options)

    monkeypatch.setattr(grpc, "insecure_channel", insecure_channel)
    Client("grpc://[::1]:8500", "gan")
    Client("grpc://localhost", "gan")
    assert asked == ["[::1]:8500", "localhost:8500"]


def test_grpc_without_its_packages(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorflow_serving", None)
    monkeypatch.setitem(__import__("sys").modules, "tensorflow_serving.apis", None)
    with pytest.raises(ImportError, match=r"pip install 'kerasgan\[serving\]'"):
        Client("grpc://localhost:8500", "gan")
