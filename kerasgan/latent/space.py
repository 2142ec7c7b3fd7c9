"""`Space`: the one handle that all latent tools take, whatever generator stands behind it.

A generator of the zoo turns latents (and labels, if it is conditional) into images. What a tool
must know of it is little: how many numbers a latent has, how they are drawn, and how images are
made of them by the averaged (EMA) weights.
"""

import inspect

import keras
import numpy as np
import tensorflow as tf

from kerasgan import checks
from kerasgan.models import latents as latent_draws

_NETWORKS = ("ema_generator", "ema_decoder")  # where a model keeps the network that makes images
_MOST_CLASSES = 2**20
_DEVIATION = {"normal": 1.0, "uniform": 3**-0.5}  # of one coordinate of a latent


class Space:
    """The latents of a model, and the images that it makes of them.

    Args:
        model: a model of the zoo whose generator takes latents: `GAN`, `DCGAN`, `LSGAN`, `WGAN`,
            `WGANGP`, `SNGAN`, `BEGAN`, `CGAN`, ...; new, trained, or loaded from a `.keras` file.
            Any object with `latent_dim`, `image_shape` and `images_from(latents[, labels])` will
            do; `latent_distribution` ("normal" if absent) and `num_classes` are respected.

    Attributes:
        model: as given.
        latent_dim: how many numbers a latent has.
        distribution: "normal" (N(0, 1)) or "uniform" (in [-1, 1]), as in training.
        deviation: standard deviation of one coordinate: 1, or 1 / sqrt(3).
        image_shape: (H, W, C) of the images.
        num_classes: how many labels there are; None: the model takes none.
        differentiable: whether gradients go through `decode` (not for a SavedModel).

    Raises:
        ValueError: a model that takes no latents, such as CycleGAN.

    Example:
        >>> from kerasgan.models import GAN
        >>> space = Space(GAN(image_shape=(8, 8, 1), latent_dim=4, seed=0))
        >>> space.images(space.draw(3, seed=0)).shape
        (3, 8, 8, 1)
    """

    differentiable = True

    def __init__(self, model):
        wanted = ("latent_dim", "image_shape", "images_from")
        missing = [name for name in wanted if not hasattr(model, name)]
        if missing:
            raise ValueError(
                "Expected a model whose generator takes latents, such as GAN, DCGAN, BEGAN or CGAN "
                f"(translators such as CycleGAN take images). Received: model="
                f"{type(model).__name__}, without {', '.join(missing)}"
            )
        self.model = model
        self.latent_dim = model.latent_dim
        self.image_shape = tuple(model.image_shape)
        self.distribution = getattr(model, "latent_distribution", "normal")
        self.deviation = _DEVIATION[self.distribution]
        conditional = "labels" in inspect.signature(model.images_from).parameters
        self.num_classes = model.num_classes if conditional else None

    def draw(self, n, seed=None, truncation=None):
        """Latents (n, latent_dim), float32 array, as in training; the same as `generate` draws.

        Args:
            n: how many, positive.
            seed: int; the same seed gives the same latents. None draws one.
            truncation: normal latents are drawn again where they exceed it (in standard
                deviations; Brock et al. 2019, section 3.1), uniform ones come from
                [-truncation, truncation]. None: not truncated.

        Raises:
            ValueError: n or truncation not positive; a seed that is no integer.
        """
        n = checks.positive(n=n)
        drawn = latent_draws.draw(n, self.latent_dim, seed, truncation, self.distribution)
        return drawn.numpy()

    def images(self, latents, labels=None):
        """Images (n, H, W, C), float32 array in [-1, 1], a chunk at a time.

        Args:
            latents: (n, latent_dim), finite.
            labels: for conditional models: one integer for all, or n of them.

        Raises:
            ValueError: latents of another size, NaN or infinite; labels missing, out of range,
                of another number, or given to a model that takes none.
        """
        latents = self.checked(latents)
        arrays = (latents,)
        if self.num_classes is None:
            if labels is not None:
                raise ValueError(f"This model takes no labels. Received: labels={labels!r}")
        else:
            arrays = (latents, self.checked_labels(labels, len(latents)))
        return latent_draws.in_chunks(self.decode, *arrays)

    def decode(self, latents, labels=None):
        """As `images`, of tensors and without checks, for use in graphs and under tapes."""
        if self.num_classes is None:
            return self.model.images_from(latents)
        return self.model.images_from(latents, labels)

    def checked(self, latents):
        """`latents` as a float32 array (n, latent_dim); ValueError if they can't be latents."""
        array = np.asarray(latents, "float32")
        checks.latents(array, self.latent_dim)
        if not len(array) or not np.isfinite(array).all():
            raise ValueError(
                "latents must be finite numbers, at least one row. Received: latents of shape "
                f"{array.shape}, {np.size(array) - np.isfinite(array).sum()} NaN or infinite"
            )
        return array

    def checked_labels(self, labels, n):
        """`labels` as an int32 array (n,); ValueError otherwise."""
        if labels is None:
            raise ValueError(
                "This model is conditional: give labels, one integer for all latents or one for "
                f"each, in [0, {self.num_classes}). Received: labels=None"
            )
        labels = np.full(n, labels) if np.ndim(labels) == 0 else np.asarray(labels)
        labels = checks.labels(labels, self.num_classes)
        if len(labels) != n:
            raise ValueError(
                f"labels must be one for each latent. Received: {len(labels)} labels, {n} latents"
            )
        return labels

    def checked_images(self, images):
        """`images` as a float32 array (n, H, W, C); ValueError unless this space could make such:
        the same shape, finite, in [-1, 1].
        """
        array = np.asarray(images)
        if array.shape[1:] != self.image_shape or not len(array):
            raise ValueError(
                f"Expected images of shape (n, {', '.join(map(str, self.image_shape))}), those of "
                "the model; resize them, and add the batch or channel axis if it is missing. "
                f"Received: images of shape {array.shape}"
            )
        if array.dtype.kind != "f" or not np.isfinite(array).all() or np.abs(array).max() > 1.001:
            raise ValueError(
                "Expected images as finite floats in [-1, 1] (of 8-bit values: images / 127.5 - "
                f"1). Received: images of {array.dtype} in [{array.min()}, {array.max()}]"
            )
        return array.astype("float32")

    def check_images(self):
        """ValueError unless the model makes images (H, W, C)."""
        if len(self.image_shape) != 3:
            raise ValueError(
                "Expected a model of images (H, W, C). Received: one of points, "
                f"image_shape={self.image_shape}"
            )

    @property
    def network(self):
        """The averaged generator or decoder itself, a `keras.Model`; ValueError if unknown."""
        for name in _NETWORKS:
            if isinstance(getattr(self.model, name, None), keras.Model):
                return getattr(self.model, name)
        raise ValueError(
            "This needs the generator's layers. Give the model itself (a .keras file), not its "
            f"export. Received: model={type(self.model).__name__}"
        )

    def check_differentiable(self, what):
        """ValueError, naming `what` needs it, unless gradients go through `decode`."""
        if not self.differentiable:
            raise ValueError(
                f"{what} needs gradients, which an exported SavedModel does not give. Load the "
                "model from its .keras file. Received: the space of a SavedModel"
            )


class SavedSpace(Space):
    """The space of an exported SavedModel: everything that needs no gradients and no layers.

    An export tells neither how its latents are drawn nor how many classes it has. Both are found
    out: latents drawn with a seed must give the images of `sample` with that seed, and labels that
    are none are refused.

    Args:
        path: folder of the SavedModel (with `saved_model.pb`), as `kerasgan.serving` writes it.
        num_classes: of a conditional model, int, to be sure of it; None: found out.

    Raises:
        ValueError: a SavedModel without the signatures `serving_default` (of latents) and
            `sample`; one of another number of classes than `num_classes`, or that takes any label.
    """

    differentiable = False

    def __init__(self, path, num_classes=None):
        self.model = tf.saved_model.load(str(path))
        signatures = getattr(self.model, "signatures", {})
        if not {"serving_default", "sample"} <= set(signatures):
            raise ValueError(
                "Expected a SavedModel with the signatures serving_default and sample, as "
                f"kerasgan.serving.export writes it. Received: {path} with {sorted(signatures)}"
            )
        self._images, sample = signatures["serving_default"], signatures["sample"]
        inputs = self._images.structured_input_signature[1]
        if "latents" not in inputs:
            raise ValueError(
                "Expected a SavedModel of a generator that takes latents. "
                f"Received: {path}, which takes {sorted(inputs)}"
            )
        self.latent_dim = inputs["latents"].shape[1]
        self.num_classes = count_classes(self._images_of_label) if "labels" in inputs else None
        if num_classes not in (None, self.num_classes):
            raise ValueError(
                f"This SavedModel has {self.num_classes or 'no'} classes. "
                f"Received: num_classes={num_classes!r}"
            )
        self.distribution = self._find_distribution(sample)
        self.deviation = _DEVIATION[self.distribution]

    def decode(self, latents, labels=None):
        """As `images`, of tensors and without checks."""
        inputs = {"latents": latents} if labels is None else {"latents": latents, "labels": labels}
        return self._images(**inputs)["images"]

    def _images_of_label(self, label):
        return self.decode(tf.zeros([1, self.latent_dim]), tf.constant([label], tf.int32))

    def _find_distribution(self, sample):
        labels = None if self.num_classes is None else tf.zeros([2], tf.int32)
        what = {"num": tf.constant(2)} if labels is None else {"labels": labels}
        wanted = sample(seed=tf.constant(1), truncation=tf.constant(0.0), **what)["images"]
        self.image_shape = tuple(wanted.shape[1:])
        for distribution in _DEVIATION:
            latents = latent_draws.draw(2, self.latent_dim, 1, distribution=distribution)
            if np.allclose(self.decode(latents, labels), wanted, atol=1e-4):
                return distribution
        raise ValueError(
            "Expected a SavedModel whose `sample` draws normal or uniform latents as kerasgan does."
            " Received: one whose samples neither gives"
        )


def count_classes(make):
    """How many labels an exported model takes: the least that it refuses.

    Args:
        make: function of a label, int; raises `tf.errors.InvalidArgumentError` if it is refused.

    Returns:
        Int, found by doubling and bisecting.

    Raises:
        ValueError: more than 2^20 labels are taken.

    Example:
        >>> count_classes(lambda label: tf.debugging.assert_less(label, 10))
        10
    """

    def takes(label):
        try:
            make(label)
        except tf.errors.InvalidArgumentError:
            return False
        return True

    high = 1
    while takes(high):
        high *= 2
        if high > _MOST_CLASSES:
            raise ValueError(
                "Expected a SavedModel that refuses labels that are none. Received: one that "
                f"takes {high // 2}"
            )
    low = high // 2  # is taken, high is not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if takes(middle) else (low, middle)
    return high
