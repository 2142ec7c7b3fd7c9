"""Streaming scores that need all features at once: kernel distance, Inception Score, precision and
recall, density and coverage. They keep the features of the first `capacity` images of each kind.
"""

import keras
import numpy as np
import tensorflow as tf

from kerasgan import checks
from kerasgan.metrics import inception_score, kernel, precision_recall
from kerasgan.metrics.streaming import StreamingMetric

_CAPACITY = 5_000


class BufferedMetric(StreamingMetric):
    """A streaming score that must keep all features: of the first `capacity` images of a kind.

    Args:
        extractor: name of an extractor or an `Extractor`; see `kerasgan.metrics.get`.
        capacity: images of each kind that are kept; later ones are left aside.
        name: None: `<statistic>_<name of the extractor>`.
        dtype: as for every Keras metric.

    Raises:
        ValueError: capacity not positive; use under several replicas, which would each keep
            features of their own.
    """

    keys = ()  # of a subclass: what its values are called

    def __init__(self, extractor, capacity=_CAPACITY, name=None, dtype=None):
        super().__init__(extractor, name, dtype)
        self.capacity = checks.positive(capacity=capacity)
        self._refuse_replicas()
        self._real, self._fake = self._new_buffer("real"), self._new_buffer("fake")

    def _kept_width(self):
        return self.extractor.width

    def _new_buffer(self, side):
        # One row more than is kept: it takes what comes later.
        shape = (self.capacity + 1, self._kept_width())
        rows = self.add_variable(shape, "zeros", dtype="float32", name=f"{side}_rows")
        return rows, self.add_variable((), "zeros", dtype="int64", name=f"{side}_count")

    def _refuse_replicas(self):
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        if replicas > 1:
            raise ValueError(
                f"{type(self).__name__} keeps features, and can't do so under a strategy with "
                "several replicas. Use FrechetDistance there, or kerasgan.metrics.score after the "
                f"training. Received: {replicas} replicas"
            )

    def _take(self, real, fake):
        self._refuse_replicas()
        self._append(self._real, self.extractor(real))
        self._append(self._fake, self.extractor(fake))

    def _append(self, buffer, rows):
        kept, count = buffer
        number = tf.shape(rows, tf.int64)[0]
        places = tf.minimum(tf.convert_to_tensor(count) + tf.range(number), self.capacity)
        kept.value.scatter_nd_update(places[:, tf.newaxis], rows)
        count.assign_add(number)

    def _counts(self):
        return tuple(min(int(b[1].numpy()), self.capacity) for b in (self._real, self._fake))

    def _rows(self):
        """What was kept of both kinds, float32 [n, width]."""
        pairs = zip((self._real, self._fake), self._counts())
        return [buffer[0].numpy()[:count] for buffer, count in pairs]

    def _compute(self):
        real, fake = self._rows()
        if np.isfinite(real).all() and np.isfinite(fake).all():
            values = self._statistics(real, fake)
        else:
            values = (float("nan"),) * len(self.keys)
        return self._named({key: float(value) for key, value in zip(self.keys, values)})

    def _statistics(self, real, fake):
        raise NotImplementedError

    def _settings(self):
        return {"capacity": self.capacity}


@keras.saving.register_keras_serializable("kerasgan")
class KernelDistance(BufferedMetric):
    """The kernel distance (KID) between the features of real and generated images.

    Binkowski et al. 2018, https://arxiv.org/abs/1801.01401; see
    `kerasgan.metrics.kernel.kernel_distance`.

    Args:
        extractor: name of an extractor or an `Extractor`; see `kerasgan.metrics.get`.
        subsets: number of pairs of subsets, over which the mean and the spread are taken.
        subset_size: images in a subset; all of them where there are fewer.
        seed: of the choice of the subsets.
        **kwargs: `capacity`, `name` and `dtype`, see `BufferedMetric`.

    Returns:
        By `result()`: dict `kernel_<extractor>` and `kernel_std_<extractor>`.

    Example:
        >>> metric = KernelDistance("mnist_classifier", subsets=10, subset_size=50, name="kid")
        >>> images = np.random.default_rng(0).uniform(-1, 1, (100, 28, 28, 1))
        >>> metric.update_state(images, images)
        >>> sorted(metric.result())
        ['kid', 'kid_kernel_std']
    """

    statistic = "kernel"
    keys = ("kernel", "kernel_std")

    def __init__(self, extractor, subsets=100, subset_size=1000, seed=0, **kwargs):
        super().__init__(extractor, **kwargs)
        self.subsets = checks.positive(subsets=subsets)
        self.subset_size = checks.positive(subset_size=subset_size)
        self.seed = seed

    def _statistics(self, real, fake):
        size = min(self.subset_size, len(real), len(fake))
        return kernel.kernel_distance(real, fake, self.subsets, size, self.seed)

    def _settings(self):
        names = ("subsets", "subset_size", "seed")
        return {**super()._settings(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable("kerasgan")
class InceptionScore(BufferedMetric):
    """The Inception Score of the generated images, by any extractor that has classes.

    Salimans et al. 2016, https://arxiv.org/abs/1606.03498; see
    `kerasgan.metrics.inception_score.inception_score`. The real images are left aside.

    Args:
        extractor: name of an extractor or an `Extractor` with classes.
        splits: parts of which each is scored; the mean and the spread are over them.
        **kwargs: `capacity`, `name` and `dtype`, see `BufferedMetric`.

    Returns:
        By `result()`: dict `inception_score_<extractor>` and `inception_score_std_<extractor>`.

    Raises:
        ValueError: an extractor without classes.

    Example:
        >>> metric = InceptionScore("mnist_classifier", splits=2)
        >>> images = np.random.default_rng(0).uniform(-1, 1, (100, 28, 28, 1))
        >>> metric.update_state(images, images)
        >>> 1.0 <= metric.result()["inception_score_mnist_classifier"] <= 10.0
        True
    """

    statistic = "inception_score"
    keys = ("inception_score", "inception_score_std")

    def __init__(self, extractor, splits=10, **kwargs):
        super().__init__(extractor, **kwargs)
        self.splits = checks.positive(splits=splits)

    def _kept_width(self):
        self.extractor.check_classes()
        return self.extractor.num_classes

    def _take(self, real, fake):
        self._refuse_replicas()
        self._append(self._fake, self.extractor.probabilities(fake))

    def _statistics(self, real, fake):
        return inception_score.inception_score(fake, self.splits)

    def _settings(self):
        return {**super()._settings(), "splits": self.splits}


class _NeighbourMetric(BufferedMetric):
    """A score of nearest neighbours, by a function of features that returns a dict of `keys`."""

    function = None  # of a subclass: (real features, fake features, k) -> dict: key -> float

    def __init__(self, extractor, k, **kwargs):
        super().__init__(extractor, **kwargs)
        self.k = checks.positive(k=k)

    def _statistics(self, real, fake):
        values = self.function(real, fake, self.k)
        return [values[key] for key in self.keys]

    def _settings(self):
        return {**super()._settings(), "k": self.k}


@keras.saving.register_keras_serializable("kerasgan")
class PrecisionRecall(_NeighbourMetric):
    """Improved precision and recall of the generated images.

    Kynkaanniemi et al. 2019, https://arxiv.org/abs/1904.06991; see
    `kerasgan.metrics.precision_recall.precision_recall`.

    Args:
        extractor: name of an extractor or an `Extractor`; see `kerasgan.metrics.get`.
        k: the k-th nearest neighbour gives the radius of a sphere.
        **kwargs: `capacity`, `name` and `dtype`, see `BufferedMetric`.

    Returns:
        By `result()`: dict `precision_<extractor>` and `recall_<extractor>`, in [0, 1].

    Example:
        >>> metric = PrecisionRecall("mnist_classifier")
        >>> images = np.random.default_rng(0).uniform(-1, 1, (20, 28, 28, 1))
        >>> metric.update_state(images, images)
        >>> metric.result()
        {'precision_mnist_classifier': 1.0, 'recall_mnist_classifier': 1.0}
    """

    statistic = "precision_recall"
    keys = ("precision", "recall")
    function = staticmethod(precision_recall.precision_recall)

    def __init__(self, extractor, k=3, **kwargs):
        super().__init__(extractor, k, **kwargs)


@keras.saving.register_keras_serializable("kerasgan")
class DensityCoverage(_NeighbourMetric):
    """Density and coverage of the generated images.

    Naeem et al. 2020, https://arxiv.org/abs/2002.09797; see
    `kerasgan.metrics.precision_recall.density_coverage`.

    Args:
        extractor: name of an extractor or an `Extractor`; see `kerasgan.metrics.get`.
        k: the k-th nearest neighbour gives the radius of a sphere.
        **kwargs: `capacity`, `name` and `dtype`, see `BufferedMetric`.

    Returns:
        By `result()`: dict `density_<extractor>` and `coverage_<extractor>`.

    Example:
        >>> metric = DensityCoverage("mnist_classifier")
        >>> images = np.random.default_rng(0).uniform(-1, 1, (20, 28, 28, 1))
        >>> metric.update_state(images, images)
        >>> metric.result()["coverage_mnist_classifier"]
        1.0
    """

    statistic = "density_coverage"
    keys = ("density", "coverage")
    function = staticmethod(precision_recall.density_coverage)

    def __init__(self, extractor, k=5, **kwargs):
        super().__init__(extractor, k, **kwargs)
