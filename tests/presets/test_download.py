"""Presets from a web server of this machine: whole, verified, and kept."""

import contextlib
import functools
import http.server
import os
import shutil
import threading

import numpy as np
import pytest

from kerasgan import files, models, presets


class Server(http.server.ThreadingHTTPServer):
    """Serves a folder; counts requests, and can cut an answer short."""

    requests = ()
    cut = None  # (file, bytes after which the connection ends)
    announced = True  # whether the length is


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        self.server.requests = [*self.server.requests, self.path.rpartition("/")[2]]
        path = self.translate_path(self.path)
        if not os.path.isfile(path):
            return self.send_error(404)
        with open(path, "rb") as file:
            content = file.read()
        self.send_response(200)
        if self.server.announced:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        name, length = self.server.cut or ("", 0)
        with contextlib.suppress(ConnectionError):
            self.wfile.write(content[:length] if self.path.endswith(name) and name else content)
        self.close_connection = True


@pytest.fixture
def server(preset):
    handler = functools.partial(Handler, directory=preset.parent)
    server = Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    server.url = f"http://127.0.0.1:{server.server_port}/gan_tiny"
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def sha256(preset):
    return presets.info(preset)["sha256"]


def downloads(home):
    return sorted(path.name for path in (home / "downloads").iterdir())


def test_the_second_use_needs_no_connection(server, sha256, tiny, home):
    model = models.GAN.from_preset(server.url, sha256=sha256)
    np.testing.assert_array_equal(model.generate(3, 1), tiny.generate(3, 1))
    assert server.requests == ["metadata.json", "config.json", "model.weights.h5"]
    server.requests = []
    server.cut = ("", 0)
    again = presets.load(server.url + "/", sha256=sha256.upper())
    np.testing.assert_array_equal(again.generate(3, 1), tiny.generate(3, 1))
    card = presets.info(server.url, sha256=sha256)
    assert card["name"] == "gan_tiny" and card["sha256"] == sha256
    assert server.requests == [] and downloads(home) == [sha256]
    assert "gan_tiny" not in presets.list()  # what came from the web takes no name of the zoo


def test_what_is_there_needs_no_home_that_can_be_written_to(server, sha256, tiny, monkeypatch):
    presets.load(server.url, sha256=sha256)

    def refuse(argument, directory):
        raise ValueError(f"{argument} must be a folder that can be written to. Received: ...")

    monkeypatch.setattr(files, "writable_directory", refuse)
    server.requests = []
    model = presets.load(server.url, sha256=sha256)
    np.testing.assert_array_equal(model.generate(3, 1), tiny.generate(3, 1))
    assert server.requests == []
    with pytest.raises(ValueError, match=r"KERASGAN_HOME must be a folder that can be written to"):
        presets.load(server.url, sha256="0" * 64)


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("file", ["metadata.json", "config.json", "model.weights.h5"])
def test_an_interrupted_download_is_not_taken_for_whole(file, announced, server, sha256, home):
    server.announced = announced
    server.cut = (file, 100)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"Received: .*http://[\w.:/]*gan_tiny/[\w.]+"):
            presets.load(server.url, sha256=sha256)
        assert downloads(home) == []
    server.cut = None
    assert presets.load(server.url, sha256=sha256).latent_dim == 2


def test_other_files_than_the_checksum_names(server, sha256, preset, home):
    with pytest.raises(ValueError, match=r"not the one that the checksum names"):
        presets.load(server.url, sha256="0" * 64)
    weights = preset / "model.weights.h5"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + b"x")
    with pytest.raises(
        ValueError, match=r"damaged.*Received: http://.*/model.weights.h5 with sha256"
    ):
        presets.load(server.url, sha256=sha256)
    weights.write_bytes(content + b"x")
    with pytest.raises(ValueError, match=r"Expected a file of [\d,]+ bytes at most"):
        presets.load(server.url, sha256=sha256)
    weights.unlink()
    with pytest.raises(ValueError, match=r"can't be downloaded.*model.weights.h5: .*404"):
        presets.load(server.url, sha256=sha256)
    assert downloads(home) == []


def test_a_damaged_copy_is_fetched_again(server, sha256, home):
    presets.load(server.url, sha256=sha256)
    kept = home / "downloads" / sha256 / "gan_tiny" / "model.weights.h5"
    kept.write_bytes(b"half")
    presets.load(server.url, sha256=sha256)
    assert kept.stat().st_size > 1000 and len(server.requests) == 6
    assert downloads(home) == [sha256]


def test_a_copy_that_another_process_publishes_stays(server, sha256, home, preset, monkeypatch):
    """It mends a damaged copy while this process, which saw the damage, gets to it."""
    whole = home / "downloads" / sha256 / "gan_tiny"
    presets.load(server.url, sha256=sha256)
    (whole / "model.weights.h5").write_bytes(b"half")
    original = files.writable_directory

    def meanwhile(argument, directory):
        shutil.rmtree(whole)
        shutil.copytree(preset, whole)
        (whole / "theirs").write_text("")
        return original(argument, directory)

    monkeypatch.setattr(files, "writable_directory", meanwhile)
    assert presets.load(server.url, sha256=sha256).latent_dim == 2
    assert (whole / "theirs").exists() and downloads(home) == [sha256]


def test_a_damaged_copy_stays_until_there_is_a_better_one(server, sha256, home):
    presets.load(server.url, sha256=sha256)
    kept = home / "downloads" / sha256 / "gan_tiny" / "model.weights.h5"
    kept.write_bytes(b"half")
    server.cut = ("config.json", 100)
    with pytest.raises(ValueError, match=r"in part only"):
        presets.load(server.url, sha256=sha256)
    assert kept.read_bytes() == b"half" and downloads(home) == [sha256]


def test_two_processes_that_mend_a_damaged_copy(server, sha256, home, preset, monkeypatch):
    """The other one is faster, just after this one has put the damaged copy aside."""
    whole = home / "downloads" / sha256 / "gan_tiny"
    presets.load(server.url, sha256=sha256)
    (whole / "model.weights.h5").write_bytes(b"half")
    original = os.rename

    def meanwhile(source, target):
        original(source, target)
        if source == whole:
            shutil.copytree(preset, whole)
            (whole / "theirs").write_text("")

    monkeypatch.setattr(os, "rename", meanwhile)
    assert presets.load(server.url, sha256=sha256).latent_dim == 2
    assert (whole / "theirs").exists() and downloads(home) == [sha256]


def test_a_name_that_cannot_be_taken(server, sha256, home, monkeypatch):
    def refuse(source, target):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(PermissionError):
        presets.load(server.url, sha256=sha256)
    assert downloads(home) == [sha256] and not os.listdir(home / "downloads" / sha256)


def test_no_server(server, sha256, preset):
    server.shutdown()
    server.server_close()
    with pytest.raises(ValueError, match=r"can't be downloaded: check.*Received: http"):
        presets.load(server.url, sha256=sha256)


@pytest.mark.parametrize(
    "url",
    [
        "file:///tmp/gan_tiny",
        "ftp://127.0.0.1/gan_tiny",
        "https:///gan_tiny",
        "https://example.com",
        "https://example.com/..",
        "https://example.com/a b",
        "https://example.com/gan_tiny?download=1",
        "://",
    ],
)
def test_urls_that_are_none(url):
    with pytest.raises(ValueError, match=r"starts with https:// or http:// and ends in the name"):
        presets.load(url, sha256="0" * 64)


def test_a_url_needs_a_checksum(home):
    with pytest.raises(ValueError, match=r"needs its checksum.*sha256=None"):
        presets.load("https://example.com/gan_tiny")
    with pytest.raises(ValueError, match=r"64 hexadecimal digits"):
        presets.load("https://example.com/gan_tiny", sha256="../../x")
    assert not home.exists()


def test_leftovers_of_killed_downloads_go_in_time(server, sha256, home):
    old, young = home / "downloads" / ".tmp-download-1", home / "downloads" / ".tmp-download-2"
    for path in (old, young):
        path.mkdir(parents=True)
    os.utime(old, (1, 1))
    presets.load(server.url, sha256=sha256)
    assert downloads(home) == [".tmp-download-2", sha256]


def test_two_downloads_at_once(server, sha256, home, preset):
    """The other process's folder takes the name while this one downloads."""
    whole = home / "downloads" / sha256 / "gan_tiny"
    original = Handler.do_GET

    def meanwhile(self):
        if not whole.exists():
            shutil.copytree(preset, whole)
        original(self)

    Handler.do_GET = meanwhile
    try:
        presets.load(server.url, sha256=sha256)
    finally:
        Handler.do_GET = original
    assert downloads(home) == [sha256] and os.listdir(whole.parent) == ["gan_tiny"]
