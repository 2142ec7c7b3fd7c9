"""Asks a running TF Serving for samples of a model: a grid of pictures, and how long requests take.

Commands:
    docker compose -f saved_models/compose.yaml up -d serving
    python recipes/serve_client.py --model=cgan_mnist --labels=0,1,2,3,4,5,6,7,8,9
    python recipes/serve_client.py --model=dcgan_mnist --address=grpc://localhost:8500 \\
        --version=1 --num=64 --requests=200 --threads=16
--address: host:port or http://host:port (REST), https://, or grpc://host:port (needs
    `pip install 'kerasgan[serving]'`).
--labels: of conditional models: classes, repeated in turn until there are --num samples.
Makes: --output, a PNG grid of the first answer; prints the 50th and 99th percentile of the times of
    --requests requests, each of --num samples as encoded pictures, sent by --threads threads. The
    first request, which asks for the model's signatures too, isn't among them.
"""

import concurrent.futures
import io
import pathlib
import time

import numpy as np
from absl import flags
from PIL import Image

from kerasgan import files, pictures, runs, serving

MODEL = flags.DEFINE_string("model", None, "The model's name on the server", required=True)
ADDRESS = flags.DEFINE_string("address", "localhost:8501", "Of the server: see above")
VERSION = flags.DEFINE_string("version", None, "A number or a label; without it, the newest")
NUM = flags.DEFINE_integer("num", 64, "Samples in a request", 1, 10_000)
LABELS = flags.DEFINE_list("labels", None, "Of conditional models: see above")
SEED = flags.DEFINE_integer("seed", 0, "Of the first request; each one after has the next", 0)
TRUNCATION = flags.DEFINE_float("truncation", None, "Threshold of latents; none without it")
REQUESTS = flags.DEFINE_integer("requests", 50, "How many are timed", 1)
THREADS = flags.DEFINE_integer("threads", 1, "That send them", 1)
TIMEOUT = flags.DEFINE_float("timeout", 60.0, "Seconds that a request may take")
OUTPUT = flags.DEFINE_string("output", "runs/serve_client.png", "The picture")
COLUMNS = 8  # of the picture


def main():
    """Asks, draws, measures."""
    try:
        picture = pathlib.Path(OUTPUT.value).expanduser().absolute()
        files.writable_directory("output", picture.parent)
        version = VERSION.value
        version = int(version) if version and version.isdecimal() else version
        client = serving.Client(ADDRESS.value, MODEL.value, version, TIMEOUT.value)
        draw(ask(client, SEED.value), picture)
        print(f"{ADDRESS.value}, {MODEL.value}: {NUM.value} samples in {picture}")
        times, seconds = measure(client)
    except (ValueError, ImportError, serving.ServingError) as error:
        raise runs.RunError(str(error)) from error
    p50, p99 = np.percentile(times, [50, 99]) * 1000
    print(
        f"{len(times)} requests of {NUM.value} samples by {THREADS.value} threads: "
        f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, {len(times) * NUM.value / seconds:.0f} samples/s"
    )


def ask(client, seed):
    """The samples of one request, as PNG files."""
    what = {"num": NUM.value}
    if LABELS.value:
        try:
            classes = [int(label) for label in LABELS.value]
        except ValueError as error:
            raise ValueError(f"labels must be integers. Received: {LABELS.value}") from error
        what = {"labels": np.resize(classes, NUM.value)}
    return client.sample(**what, seed=seed, truncation=TRUNCATION.value, png=True)


def draw(made, picture):
    """Writes the grid of PNG files, of one size, in the order in which they came."""
    pixels = np.stack([np.atleast_3d(np.asarray(Image.open(io.BytesIO(png)))) for png in made])
    grid = pictures.image_grid(pixels / 127.5 - 1.0, COLUMNS)
    pictures.save_png(grid, picture)


def measure(client):
    """(seconds of each request, seconds of all together)."""

    def timed(seed):
        began = time.perf_counter()
        ask(client, seed)
        return time.perf_counter() - began

    began = time.perf_counter()
    seeds = range(SEED.value + 1, SEED.value + 1 + REQUESTS.value)
    with concurrent.futures.ThreadPoolExecutor(THREADS.value) as pool:
        times = list(pool.map(timed, seeds))
    return times, time.perf_counter() - began


if __name__ == "__main__":
    runs.launch(main)
