"""Folders of small pictures, and the record sets made of them."""

import numpy as np
from PIL import Image

from kerasgan.data import records

DAMAGED = {"a/04.jpg", "b/00.jpg", "b/11.png"}  # of the fixture `thirty`


def noise(n, height=12, width=16, channels=3, dtype="uint8"):
    """Pixels that depend on n alone."""
    shape = (height, width, channels)
    return np.random.default_rng(n).integers(0, np.iinfo(dtype).max + 1, shape, dtype)


def save(path, pixels, **options):
    """Saves pixels as a picture; returns its bytes."""
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path.read_bytes()


def read_all(path):
    """Names and bytes of a domain in a record set."""
    domain = records.open_domain(path)
    return {name: domain.read(n) for n, name in enumerate(domain.names)}
