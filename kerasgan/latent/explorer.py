"""Stored models to explore by hand: what a page with sliders needs, each part made once.

`stored_models` finds the models, a `Shelf` opens them, and an `Explorer` is one that is open: its
directions, the places that sliders mean, the way between two seeds, the latents of a picture.
"""

import functools
import json
import pathlib
import threading
import zipfile

import numpy as np
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from kerasgan.latent import attributes, directions, paths
from kerasgan.latent.loading import load
from kerasgan.latent.projection import Projector

METHODS = ("SeFa", "GANSpace", "attributes")
_MOST = 6  # directions of a method
_SAMPLES = 500  # from which the directions of attributes are found, and those of GANSpace
_STEPS = 150  # of a projection
_OPEN = 4  # models that a shelf keeps open


class Explorer:
    """One model, open: directions and projector are made at first use, then kept.

    Args:
        space: `Space` or `SavedSpace`, of images.
        name: what the model is called, any str.

    Attributes:
        space, name: as given.
        methods: list of the ways to find directions that this model allows, of `METHODS`: SeFa and
            GANSpace need the network's layers, which an export hasn't; attributes grey pictures.

    Raises:
        ValueError: a model of points.

    Example:
        >>> from kerasgan import latent, models
        >>> space = latent.Space(models.GAN(image_shape=(8, 8, 1), latent_dim=4, seed=0))
        >>> explorer = Explorer(space)
        >>> list(explorer.directions("SeFa"))
        ['SeFa 1', 'SeFa 2', 'SeFa 3', 'SeFa 4']
        >>> latents = explorer.moved(space.draw(3, seed=0), "SeFa", [1.5, -2.0])
        >>> explorer.images(latents).shape
        (3, 8, 8, 1)
    """

    def __init__(self, space, name=""):
        space.check_images()
        self.space, self.name = space, name
        grey = space.image_shape[-1] == 1
        allowed = (space.differentiable, space.differentiable, grey)
        self.methods = [method for method, can in zip(METHODS, allowed) if can]
        self._directions = {}
        self._finding, self._projecting = threading.RLock(), threading.Lock()

    def about(self):
        """The model in a line.

        Example:
            >>> from kerasgan import latent, models
            >>> Explorer(latent.Space(models.CGAN(3, (8, 8, 1), latent_dim=4))).about()
            '8 x 8 pixels, 1 channel; 4 normal latents; 3 classes'
        """
        height, width, channels = self.space.image_shape
        parts = [
            f"{width} x {height} pixels, {channels} channel{'s' if channels > 1 else ''}",
            f"{self.space.latent_dim} {self.space.distribution} latents",
        ]
        if self.space.num_classes:
            parts.append(f"{self.space.num_classes} classes")
        return "; ".join(parts)

    def directions(self, method):
        """The directions of a method, the strongest first, six at most.

        Args:
            method: one of `methods`: "SeFa", "GANSpace", or "attributes" (those along which a
                measured attribute changes most; one that doesn't change has none).

        Returns:
            dict: name -> array (latent_dim,), as long as a latent's standard deviation.

        Raises:
            ValueError: a method that this model doesn't allow.
        """
        if method not in self.methods:
            raise ValueError(f"method must be one of {self.methods}. Received: method={method!r}")
        with self._finding:
            if method not in self._directions:
                found = self._find(method)
                self._directions[method] = {n: v * self.space.deviation for n, v in found.items()}
            return self._directions[method]

    def _find(self, method):
        number = min(_MOST, self.space.latent_dim)
        if method == "SeFa":
            rows = directions.sefa(self.space, number)
        elif method == "GANSpace":
            rows = directions.pca_of_activations(self.space, number, samples=_SAMPLES)
        else:
            latents = self.space.draw(_SAMPLES, seed=0)
            measured = attributes.measure(self.images(latents, np.arange(_SAMPLES)))
            return {
                name.replace("_", " "): directions.from_scores(latents, scores)
                for name, scores in measured.items()
                if np.ptp(scores) > 0
            }
        return {f"{method} {i}": row for i, row in enumerate(rows, 1)}

    def images(self, latents, labels=0):
        """Images (n, H, W, C) of latents; labels, modulo the classes, count if the model has any.

        Args:
            latents: (n, latent_dim).
            labels: int or n ints.
        """
        if self.space.num_classes is None:
            return self.space.images(latents)
        labels = np.broadcast_to(np.asarray(labels) % self.space.num_classes, len(latents))
        return self.space.images(latents, labels)

    def moved(self, latents, method, places):
        """Latents moved along a method's directions.

        Args:
            latents: (n, latent_dim).
            method: one of `methods`.
            places: how far along each direction, in standard deviations; there may be more places
                than directions, or fewer.

        Returns:
            Array (n, latent_dim), float32; uniform latents stay in [-1, 1].

        Raises:
            ValueError: a method that this model doesn't allow; latents of another size.
        """
        latents = self.space.checked(latents)
        vectors = self.directions(method).values()
        moved = latents + sum(p * v for p, v in zip(places, vectors))
        if self.space.distribution == "uniform":
            moved = np.clip(moved, -1.0, 1.0)
        return moved.astype("float32")

    def between(self, seeds, shares, truncation=None):
        """Latents (n, latent_dim) at n shares of the way from one seed's to the other's.

        Args:
            seeds: two ints.
            shares: (n,), in [0, 1].
            truncation: of both ends; see `Space.draw`.
        """
        first, last = (self.space.draw(1, seed, truncation)[0] for seed in seeds)
        return paths.between(self.space, first, last, shares).astype("float32")

    def project(self, images, labels=None):
        """`Projection` of images (n, H, W, C); ValueError for an export: it has no gradients.

        Args:
            images: in [-1, 1].
            labels: of a conditional model; None: the best of some.
        """
        with self._projecting:
            return self._projector(images, labels)

    @functools.cached_property
    def _projector(self):
        extractor = "auto" if self.space.image_shape == (28, 28, 1) else None
        return Projector(self.space, extractor, steps=_STEPS)  # its step is compiled once


class Shelf:
    """Models by name, opened when asked for; the last few stay open.

    Args:
        stored: dict: name -> path, as `stored_models` returns it.
    """

    def __init__(self, stored):
        self.stored = stored
        self._open = {}  # name -> explorer; the one used last is the last
        self._guard = threading.Lock()  # of _open, held for moments
        self._opening = {name: threading.Lock() for name in stored}  # held while a model loads

    def open(self, name):
        """The `Explorer` of the model of that name.

        Raises:
            ValueError: no such name; a file that is no model, one without latents, or of points.
        """
        if name not in self.stored:
            raise ValueError(f"name must be one of {list(self.stored)}. Received: name={name!r}")
        with self._opening[name]:  # else two that ask at once would load it twice
            with self._guard:
                opened = self._open.get(name)
            opened = opened or Explorer(load(self.stored[name]), name)
            with self._guard:
                self._open.pop(name, None)
                self._open[name] = opened
                if len(self._open) > _OPEN:
                    del self._open[next(iter(self._open))]
        return opened


def stored_models(folders):
    """The models with latents in folders and their sub-folders.

    Args:
        folders: paths; those that don't exist hold none.

    Returns:
        dict: name -> path of the `.keras` files, presets and SavedModels, sorted; of the numbered
        versions of a SavedModel, the newest is meant, but for a preset, which has layers and
        gradients, the preset itself. Classifiers and translators are left out.

    Example:
        >>> stored_models(["no/such/folder"])
        {}
    """
    found = {}
    for folder in map(pathlib.Path, folders):
        files = [path for path in folder.rglob("*.keras") if not path.name.startswith(".")]
        models = {path for path in files if _keras_has_latents(path)}
        presets = [card.parent for card in folder.rglob("metadata.json")]
        models |= {path for path in presets if _preset_has_latents(path)}
        for saved in filter(_export_has_latents, folder.rglob("saved_model.pb")):
            version = saved.parent
            models.add(version.parent if version.name.isdecimal() else version)
        found.update({path.as_posix(): path for path in sorted(models)})
    return found


def _keras_has_latents(path):
    """Whether a `.keras` file says so, without loading it; a damaged one is no model."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "latent_dim" in json.loads(archive.read("config.json"))["config"]
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return False


def _preset_has_latents(path):
    """The same of a preset's folder."""
    try:
        return "latent_dim" in json.loads((path / "config.json").read_text())["config"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _export_has_latents(path):
    """Whether the signatures in a `saved_model.pb` say so, without loading it."""
    try:
        (graph, *_) = saved_model_pb2.SavedModel.FromString(path.read_bytes()).meta_graphs
    except (OSError, ValueError, DecodeError):
        return False
    return "latents" in graph.signature_def["serving_default"].inputs
