"""The explorer's page without a browser: what it makes of uploads, and how it answers over HTTP."""

import io
import json
import socket
import statistics
import struct
import time
import urllib.error
import urllib.request
import zlib

import numpy as np
import pytest
from absl.testing import flagsaver
from PIL import Image

from kerasgan import models, runs
from kerasgan.latent import explorer
from tests.recipes.loading import loaded
from tests.recipes.serving import free_port

MIB = 2**20


@pytest.fixture(scope="module")
def recipe():
    with loaded("explorer") as module:
        yield module


# Uploads ------------------------------------------------------------------------------------


def encoded(pixels, kind="png"):
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(pixels, "uint8")).save(buffer, kind)
    return buffer.getvalue()


def empty_png(width, height):
    """A PNG of that size whose pixels are missing: a few bytes, whatever it claims."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c))
              for c in (head, b"IEND")]  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_a_picture_is_cut_to_the_middle_and_scaled(recipe):
    pixels = np.zeros((4, 8), "uint8")
    pixels[:, 2:4], pixels[:, 4:6], pixels[:, 6:] = 255, 51, 255  # the middle: white, then 51
    image = recipe.read_picture(encoded(pixels), (4, 4, 1))
    assert image.shape == (1, 4, 4, 1) and image.dtype == "float32"
    np.testing.assert_allclose(image[0, 0, :, 0], [1.0, 1.0, -0.6, -0.6], atol=1e-6)
    negative = recipe.read_picture(encoded(pixels), (4, 4, 1), negative=True)
    np.testing.assert_allclose(negative, -image)


def test_a_jpeg_in_colour_fits_a_grey_model_and_a_large_one(recipe):
    red = encoded(np.tile(np.array([255, 0, 0], "uint8"), (40, 40, 1)), "jpeg")
    grey = recipe.read_picture(red, (8, 8, 1))
    np.testing.assert_allclose(grey, 2 * 0.299 - 1, atol=0.02)  # the luma of red
    colour = recipe.read_picture(red, (64, 64, 3))
    np.testing.assert_allclose(colour[0, 0, 0], [1, -1, -1], atol=0.03)


BAD = {
    "text": (b"Dear Sir or Madam,", "neither PNG nor JPEG"),
    "empty": (b"", "must hold something"),
    "heavy": (bytes(5 * MIB + 1), "5 MB at most"),
    "gif": (encoded(np.zeros((4, 4)), "gif"), "neither PNG nor JPEG"),
    "cut": (encoded(np.random.default_rng(0).integers(0, 256, (64, 64)))[:2000], "no picture that"),
    "without pixels": (empty_png(16, 16), "no picture that"),
    "wide": (empty_png(5000, 10), "4096 pixels a side. Received: 5000 x 10"),
    "bomb": (empty_png(100_000, 100_000), "no picture that"),  # Pillow itself refuses it
}


@pytest.mark.parametrize("data, words", BAD.values(), ids=BAD)
def test_bad_uploads_are_named(recipe, data, words):
    with pytest.raises(ValueError, match=words):
        recipe.read_picture(data, (28, 28, 1))


# Pictures on the page -----------------------------------------------------------------------


def test_pictures_are_enlarged_to_about_the_same_size(recipe):
    for count, side in ((1, 28), (4, 28), (16, 28), (4, 128)):
        shown = recipe.picture(np.zeros((count, side, side, 1), "float32"))
        assert shown.ndim == 2 and shown.dtype == "uint8" and 250 <= shown.shape[0] <= 360
    way = recipe.picture(np.zeros((9, 28, 28, 3), "float32"), columns=9)
    assert way.shape == (3 * 28 + 4, 9 * (3 * 28 + 2) + 2, 3)


def test_the_right_end_of_the_slider_is_no_truncation(recipe):
    assert recipe.truncated(3.0) is None and recipe.truncated(0.5) == 0.5


# Starting -----------------------------------------------------------------------------------


def test_without_models_it_says_what_to_do(recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(recipe.importlib.util, "find_spec", lambda name: name)
    with pytest.raises(runs.RunError, match=r"train one.*--models=runs,saved_models"):
        recipe.main()
    monkeypatch.setattr(recipe.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(runs.RunError, match=r"pip install \"kerasgan\[explorer\]\""):
        recipe.main()


def test_smoke(recipe, monkeypatch):
    pytest.importorskip("gradio", reason="needs Gradio (the extra `explorer`)")
    said = []
    monkeypatch.setattr(recipe, "print", said.append, raising=False)
    port = free_port()
    with flagsaver.flagsaver(smoke=True, port=port):
        recipe.main()
    assert said == [f"kerasgan: http://127.0.0.1:{port}/ answered 200"]
    with pytest.raises(urllib.error.URLError):  # it has ended
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5)


def test_a_port_that_is_taken_is_named(recipe):
    pytest.importorskip("gradio", reason="needs Gradio (the extra `explorer`)")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            flagsaver.flagsaver(smoke=True, port=port),
            pytest.raises(runs.RunError, match=f"--host=127.0.0.1 --port={port}"),
        ):
            recipe.main()


# Over HTTP ----------------------------------------------------------------------------------


class Client:
    """Talks to the page as a browser does."""

    def __init__(self, address):
        self.address = address

    def get(self, path):
        with urllib.request.urlopen(self.address + path, timeout=60) as answer:
            return answer.read()

    def post(self, path, body, kind="application/json"):
        request = urllib.request.Request(self.address + path, body, {"Content-Type": kind})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def call(self, name, *values, session="one"):
        """What a function of the page returns; HTTPError with its message if it refuses."""
        body = json.dumps({"data": values, "session_hash": session}).encode()
        return self.post(f"gradio_api/run/{name}", body)["data"]

    def upload(self, name, data):
        """The uploaded file, as the page hands it to a function."""
        head = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        body = head.encode() + data + b"\r\n--x--\r\n"
        (path,) = self.post("gradio_api/upload", body, "multipart/form-data; boundary=x")
        return {"path": path, "meta": {"_type": "gradio.FileData"}}

    def move(self, model, *places, count=1, seed=0, session="one"):
        """The picture (height, width) after a move of the sliders, and the seconds it took."""
        start = time.perf_counter()
        values = [model, None, count, seed, 3.0, 0, "SeFa", *places, *[0.0] * (6 - len(places))]
        (made,) = self.call("move", *values, session=session)
        picture = self.get(made["url"].removeprefix(self.address))
        seconds = time.perf_counter() - start
        return np.asarray(Image.open(io.BytesIO(picture)).convert("L")), seconds


@pytest.fixture(scope="module")
def uploads(tmp_path_factory):
    """Where Gradio keeps files."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("uploads")
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        yield folder


@pytest.fixture(scope="module")
def served(recipe, tmp_path_factory, uploads):
    """(client, name of a model of 28 x 28 pixels, the model, the page); `small` and `damaged`
    name others.
    """
    pytest.importorskip("gradio", reason="needs Gradio (the extra `explorer`)")
    folder = tmp_path_factory.mktemp("models")
    model = models.DCGAN((28, 28, 1), latent_dim=8, seed=0)
    model.save(folder / "dcgan.keras")
    models.GAN((8, 8, 1), latent_dim=4, seed=0).save(folder / "small.keras")
    data = bytearray((folder / "small.keras").read_bytes())
    data[len(data) // 2] ^= 0xFF
    (folder / "damaged.keras").write_bytes(data)
    page = recipe.build_page(explorer.Shelf(explorer.stored_models([folder])))
    address = recipe.serve(page, "127.0.0.1", free_port())
    yield Client(address), (folder / "dcgan.keras").as_posix(), model, page
    page.close()


def other(name, model):
    """The name of another model in the same folder."""
    return name.replace("dcgan", model)


def refusal(call, *arguments):
    """The HTTP status and the message with which the page refuses."""
    with pytest.raises(urllib.error.HTTPError) as error:
        call(*arguments)
    return error.value.code, error.value.read().decode()


def test_the_page_shows_what_the_model_generates(served, recipe):
    client, name, model, _ = served
    shown, _ = client.move(name, count=4, seed=5)
    np.testing.assert_array_equal(shown, recipe.picture(model.generate(4, seed=5)))


def test_a_slider_moves_the_picture_along_its_direction(served, recipe):
    client, name, *_ = served
    shown, _ = client.move(name, 0.0, -2.0)
    opened = explorer.Explorer(explorer.load(name))
    latents = opened.moved(opened.space.draw(1, 0), "SeFa", [0.0, -2.0])
    np.testing.assert_allclose(
        shown.astype("int"), recipe.picture(opened.images(latents)).astype("int"), atol=1
    )
    assert (shown != client.move(name)[0]).any()


def test_a_move_is_answered_within_150_ms(served):
    client, name, *_ = served
    client.move(name, 0.1, count=16)
    seconds = [client.move(name, place, count=16)[1] for place in np.linspace(-3, 3, 15)]
    assert statistics.quantiles(seconds, n=4)[0] < 0.15  # a busy machine spoils some


@pytest.mark.parametrize(
    "change, words",
    [
        ({0: "/etc/passwd"}, "not in the list of choices"),
        ({2: 1_000_000}, "not in the list of choices"),
        ({3: -5}, "less than minimum"),
        ({7: 1e9}, "maximum"),
    ],
)
def test_values_that_the_page_does_not_offer_are_refused(served, change, words):
    client, name, *_ = served
    values = [name, None, 1, 0, 3.0, 0, "SeFa", *[0.0] * 6]
    for place, value in change.items():
        values[place] = value
    assert words in refusal(client.call, "move", *values)[1]
    client.move(name)  # the page lives on


def test_uploads_over_http(served):
    client, name, *_ = served
    code, message = refusal(client.upload, "large.png", bytes(5 * MIB + MIB // 2))
    assert code == 413 and "size" in message
    text = client.upload("text.png", b"no picture")
    assert "neither PNG nor JPEG" in refusal(client.call, "project", name, text, False, 0)[1]
    elsewhere = {**text, "path": "/etc/hostname"}
    refusal(client.call, "project", name, elsewhere, False, 0)
    wrong = client.upload("text.txt", b"no picture")
    assert "file" in refusal(client.call, "project", name, wrong, False, 0)[1].lower()
    assert "Choose a picture" in refusal(client.call, "project", name, None, False, 0)[1]
    client.move(name)


def test_an_address_in_place_of_an_upload_is_refused(served):
    client, name, *_ = served
    for path in ("http://127.0.0.1:9/x.png", "https://127.0.0.1:9/x.png"):
        named = {"path": path, "meta": {"_type": "gradio.FileData"}}
        said = refusal(client.call, "project", name, named, False, 0)[1]
        assert "Upload the picture itself" in said
    client.move(name)


def test_a_projection_leaves_no_empty_files(served, uploads):
    client, name, *_ = served
    text = client.upload("text.png", b"no picture")
    refusal(client.call, "project", name, text, False, 0)
    files = [path for path in uploads.rglob("*") if path.is_file()]
    assert files and all(path.stat().st_size for path in files)


def test_latents_found_for_one_model_move_no_other(served, recipe):
    client, name, model, _ = served
    small = other(name, "small")
    made = client.upload("dark.png", encoded(np.full((8, 8), 40)))
    client.call("project", small, made, False, 0, session="two")
    found, drawn = client.move(small, session="two")[0], client.move(small)[0]
    assert (found != drawn).any()  # its own model starts from them
    shown, _ = client.move(name, count=4, seed=5, session="two")
    np.testing.assert_array_equal(shown, recipe.picture(model.generate(4, seed=5)))


def test_a_damaged_model_is_named(served):
    client, name, *_ = served
    damaged = other(name, "damaged")
    assert f"can't be loaded. Received: {damaged}" in refusal(client.call, "pick", damaged)[1]
    client.move(name)


def test_the_page_is_private(served):
    """Loopback only, no share link, no telemetry, nothing fetched from elsewhere."""
    client, _, _, page = served
    assert client.address.startswith("http://127.0.0.1:") and page.server_name == "127.0.0.1"
    assert page.share_url is None and not page.share and not page.analytics_enabled
    assert json.loads(client.get("config"))["analytics_enabled"] is False
