"""Scores as `keras.metrics.Metric`s: for `compile(metrics=[...])` and `fit(validation_data=...)`.

Each batch of `validation_data` is compared with as many generated images. `update_state` runs in
the graph (XLA too); `result`, once at the end, is NumPy. The names say whose features were
compared, so `ModelCheckpoint` finds the best by, for instance,
`monitor="val_frechet_mnist_classifier", mode="min"`::

    model.compile(metrics=[kerasgan.metrics.FrechetDistance("mnist_classifier")])
    model.fit(train, validation_data=test, validation_freq=5, callbacks=[...])
"""

import warnings

import keras
import numpy as np
import tensorflow as tf

from kerasgan.metrics import features, frechet


class StreamingMetric(keras.metrics.Metric):
    """What the streaming scores share: an extractor, a name that states it, saving.

    A result is NaN where a feature was NaN or infinite, so that a diverged training can be seen
    in its logs rather than end in an error.

    Args:
        extractor: name of an extractor or an `Extractor`; see `kerasgan.metrics.get`.
        name: None: `<statistic>_<name of the extractor>`.
        dtype: as for every Keras metric; the statistics are computed in float64 in any case.
    """

    statistic = None  # of a subclass: what its name begins with

    def __init__(self, extractor, name=None, dtype=None):
        extractor = features.get(extractor)
        self._default_name = f"{self.statistic}_{extractor.name}"
        super().__init__(name=name or self._default_name, dtype=dtype)
        self.extractor = extractor

    def update_state(self, real, fake, sample_weight=None):
        """Takes a batch of real images and one of generated images, both in [-1, 1].

        Args:
            real: images [batch, height, width, channels].
            fake: images of the same size; their number may differ.
            sample_weight: must be None; these statistics know no weights.
        """
        if sample_weight is not None:
            raise ValueError(
                f"{type(self).__name__} knows no weights of samples. Received: a sample_weight"
            )
        if tuple(real.shape[1:]) != tuple(fake.shape[1:]):
            raise ValueError(
                "Expected real and fake images of one size. "
                f"Received: real images {tuple(real.shape[1:])}, fake {tuple(fake.shape[1:])}"
            )
        self._take(real, fake)

    def result(self):
        """The score of what was taken since the last reset; eager only, as NumPy computes it."""
        if not tf.executing_eagerly():
            raise ValueError(
                f"The result of {type(self).__name__} is computed by NumPy: call result() outside "
                "of tf.function, or use the metric with the models of kerasgan, which do so."
            )
        return self._compute()

    def protocol(self):
        """dict: the extractor's protocol, the numbers of images used, the statistic's settings."""
        n_real, n_fake = self._counts()
        return {**self.extractor.protocol(), "n_real": n_real, "n_fake": n_fake, **self._settings()}

    def _take(self, real, fake):
        raise NotImplementedError

    def _compute(self):
        raise NotImplementedError

    def _counts(self):
        raise NotImplementedError

    def _settings(self):
        return {}

    def _named(self, values):
        """`values` with the extractor, or the name that the user gave, in their names."""
        named = {}
        for key, value in values.items():
            if self.name == self._default_name:
                named[f"{key}_{self.extractor.name}"] = value
            else:
                named[self.name if key == self.statistic else f"{self.name}_{key}"] = value
        return named

    # Saving -------------------------------------------------------------------------------

    def get_config(self):
        """The constructor's arguments; the extractor as its identifier or its architecture."""
        extractor = self.extractor.identifier or keras.saving.serialize_keras_object(self.extractor)
        return {**super().get_config(), "extractor": extractor, **self._settings()}

    @classmethod
    def from_config(cls, config):
        """A metric from `get_config`'s dict. An extractor without an identifier gets its weights
        when the model that holds the metric loads its own.
        """
        extractor = config["extractor"]
        if isinstance(extractor, dict):
            extractor = keras.saving.deserialize_keras_object(extractor)
        return cls(**{**config, "extractor": extractor})

    def save_own_variables(self, store):
        """Saves the weights of an extractor that has no identifier, and no state: `evaluate`
        resets it.
        """
        if self.extractor.identifier is None:
            for i, weight in enumerate(self.extractor.network.get_weights()):
                store[str(i)] = weight

    def load_own_variables(self, store):
        """Loads those weights, if the extractor awaits any."""
        if self.extractor.awaited_sha256:
            self.extractor.load_weights([store[str(i)] for i in range(len(store.keys()))])


@keras.saving.register_keras_serializable("kerasgan")
class FrechetDistance(StreamingMetric):
    """The Frechet distance between the features of real and generated images, from running sums.

    Heusel et al. 2017, https://arxiv.org/abs/1706.08500: with means m and covariances C,
    `|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))`. The sums are float64: what cancels in a
    covariance is then far below what the features' own float32 has rounded away. Under several
    replicas the sums of all are added.

    Args:
        extractor: name of an extractor or an `Extractor`; see `kerasgan.metrics.get`.
        name: None: "frechet_<name of the extractor>".
        dtype: as for every Keras metric.

    Returns:
        By `result()`: float. Warns where there are too few images for the width of the features.

    Raises:
        ValueError: by `result()`: fewer than two images.

    Example:
        >>> metric = FrechetDistance("mnist_classifier")
        >>> images = np.random.default_rng(0).uniform(-1, 1, (200, 28, 28, 1))
        >>> metric.update_state(images, images)
        >>> metric.name, abs(round(metric.result(), 6))
        ('frechet_mnist_classifier', 0.0)
    """

    statistic = "frechet"

    def __init__(self, extractor, name=None, dtype=None):
        super().__init__(extractor, name, dtype)
        self._real, self._fake = self._new_sums("real"), self._new_sums("fake")

    def _new_sums(self, side):
        width = self.extractor.width
        shapes = {"count": (), "sum": (width,), "outer": (width, width)}
        return [
            self.add_variable(shape, "zeros", dtype="float64", name=f"{side}_{name}")
            for name, shape in shapes.items()
        ]

    def _take(self, real, fake):
        for images, (count, total, outer) in ((real, self._real), (fake, self._fake)):
            rows = tf.cast(self.extractor(images), tf.float64)
            count.assign_add(tf.cast(tf.shape(rows)[0], tf.float64))
            total.assign_add(tf.reduce_sum(rows, axis=0))
            outer.assign_add(tf.matmul(rows, rows, transpose_a=True))

    def _counts(self):
        return int(self._real[0].numpy()), int(self._fake[0].numpy())

    def _compute(self):
        n_real, n_fake = self._counts()
        if min(n_real, n_fake) < 2:
            raise ValueError(
                "The Frechet distance needs at least two images of each kind. "
                f"Received: {n_real} real, {n_fake} fake"
            )
        for text in frechet.warnings_for(n_real, n_fake, self.extractor.width):
            warnings.warn(text, stacklevel=3)
        moments = [*_moments(*self._real), *_moments(*self._fake)]
        if not all(np.isfinite(part).all() for part in moments):
            return float("nan")
        return float(frechet.frechet_distance_from_moments(*moments))


def _moments(count, total, outer):
    """Mean and unbiased covariance from running sums."""
    count, total, outer = (variable.numpy() for variable in (count, total, outer))
    mean = total / count
    return mean, (outer - count * np.outer(mean, mean)) / (count - 1)
