"""`score`: two sets of images -> scores, with all that must be known to measure them again."""

import sys

import keras
import numpy as np
import tensorflow as tf

from kerasgan import checks, specs
from kerasgan.metrics import features, frechet, inception_score, kernel, precision_recall
from kerasgan.version import versions

METRICS = ("frechet", "kernel", "inception_score", "precision_recall", "density_coverage")
METRICS += ("label_agreement",)
_OF_CLASSES = ("inception_score", "label_agreement")
SUBSETS, SUBSET_SIZE = 100, 1_000  # of the kernel distance
SPLITS = 10  # of the Inception Score
K_PRECISION, K_DENSITY = 3, 5  # nearest neighbours
FEW_NEIGHBOURS = 1_000  # images; of fewer, the values of nearest neighbours come with a warning


def score(
    real_images,
    fake_images,
    extractor,
    metrics=("frechet", "kernel", "precision_recall", "density_coverage"),
    split=None,
    seed=0,
    batch_size=100,
    progress=True,
):
    """Scores generated images against real ones.

    Only features are held in memory: 8 KB an image for InceptionV3, 0.5 KB for the classifiers.

    Args:
        real_images: array [n, height, width, channels] of floats in [-1, 1], or a finite
            `tf.data.Dataset` of batches of such, or of (images, labels).
        fake_images: the same, of images of the same size; for "label_agreement" a dataset with
            labels, those that were asked of the generator.
        extractor: name of an extractor or an `Extractor`; see `kerasgan.metrics.get`.
        metrics: names among "frechet", "kernel", "inception_score", "precision_recall",
            "density_coverage", and "label_agreement": the share of generated images that the
            extractor's classifier, of the same classes, gives the label asked.
        split: what the real images are, for the protocol, such as "mnist[test]".
        seed: of the subsets of the kernel distance and the splits of the Inception Score.
        batch_size: images at a time, of arrays.
        progress: whether to show progress bars.

    Returns:
        dict of JSON values: "values" (name, with the extractor's -> float), "protocol" and
        "warnings" (a list of sentences: what makes these values doubtful).

    Raises:
        ValueError: images of two sizes, of another range, NaN, or too few for a statistic;
            features that are NaN or infinite; an unknown metric; no labels where they are needed.

    Example:
        >>> images = np.random.default_rng(0).uniform(-1, 1, (20, 28, 28, 1))
        >>> result = score(images, images, "mnist_classifier", ["precision_recall"], progress=False)
        >>> result["values"]["precision_mnist_classifier"], result["protocol"]["n_real"]
        (1.0, 20)
    """
    extractor = features.get(extractor)
    metrics = _checked_metrics(metrics, extractor)
    checks.positive(batch_size=batch_size)
    sides = {"real": real_images, "fake": fake_images}
    batches = {side: _as_batches(side, images, batch_size) for side, images in sides.items()}
    shapes = {side: shape for side, (_, shape) in batches.items()}
    if shapes["real"] != shapes["fake"]:
        raise ValueError(
            "Expected real and fake images of one size; resize one side, and say so beside the "
            f"score. Received: real images {shapes['real']}, fake images {shapes['fake']}"
        )
    extractor.check_shape(shapes["real"])
    if "label_agreement" in metrics and not isinstance(batches["fake"][0].element_spec, tuple):
        raise ValueError(
            "label_agreement needs the labels that were asked of the generator: fake_images as a "
            f"dataset of (images, labels). Received: {batches['fake'][0].element_spec}"
        )
    real, _, _ = _features("real", *batches["real"], extractor, False, progress)
    with_classes = any(metric in _OF_CLASSES for metric in metrics)
    fake, probabilities, labels = _features(
        "fake", *batches["fake"], extractor, with_classes, progress
    )
    protocol = {
        **extractor.protocol(shapes["real"]),
        "image_shape": list(shapes["real"]),
        "n_real": len(real),
        "n_fake": len(fake),
        "split": split,
    }
    values, notes = {}, []
    for metric in metrics:
        found, settings, warned = _compute(metric, real, fake, probabilities, labels, seed)
        values.update({f"{key}_{extractor.name}": float(value) for key, value in found.items()})
        protocol.update(settings)
        notes += warned
    protocol["versions"] = versions()
    return {"values": values, "protocol": protocol, "warnings": notes}


def _compute(metric, real, fake, probabilities, labels, seed):
    """(values, settings for the protocol, warnings) of one metric."""
    if metric == "label_agreement":
        labels = checks.labels(labels, probabilities.shape[1])
        return {"label_agreement": np.mean(probabilities.argmax(axis=1) == labels)}, {}, []
    if metric == "frechet":
        notes = frechet.warnings_for(len(real), len(fake), real.shape[1])
        return {"frechet": frechet.frechet_distance(real, fake)}, {}, notes
    if metric == "kernel":
        size = min(SUBSET_SIZE, len(real), len(fake))
        mean, spread = kernel.kernel_distance(real, fake, SUBSETS, size, seed)
        settings = {"subsets": SUBSETS, "subset_size": size, "seed": seed}
        notes = []
        if size < SUBSET_SIZE:
            notes = [
                f"Kernel distance: subsets of {size:,} images, as there are no more, instead of "
                f"{SUBSET_SIZE:,}; they overlap, so the spread over them is too small."
            ]
        return {"kernel": mean, "kernel_std": spread}, settings, notes
    if metric == "inception_score":
        # Shuffled, as samples that come sorted by class would make splits of one class.
        shuffled = np.random.default_rng(seed).permutation(probabilities)
        mean, spread = inception_score.inception_score(shuffled, SPLITS)
        notes = inception_score.warnings_for(*probabilities.shape, SPLITS)
        values = {"inception_score": mean, "inception_score_std": spread}
        return values, {"splits": SPLITS, "seed": seed}, notes
    notes = []
    if min(len(real), len(fake)) < FEW_NEIGHBOURS:
        notes = [
            f"{metric}: fewer than {FEW_NEIGHBOURS:,} images of a kind; the values depend on the "
            "number, so compare them only with values of the same number."
        ]
    if metric == "precision_recall":
        values = precision_recall.precision_recall(real, fake, K_PRECISION)
        return values, {"k_precision_recall": K_PRECISION}, notes
    values = precision_recall.density_coverage(real, fake, K_DENSITY)
    return values, {"k_density_coverage": K_DENSITY}, notes


def _checked_metrics(metrics, extractor):
    metrics = [metrics] if isinstance(metrics, str) else list(metrics)
    unknown = [metric for metric in metrics if metric not in METRICS]
    if unknown or not metrics:
        raise ValueError(
            f"Expected metrics to be some of {', '.join(METRICS)}. Received: metrics={metrics}"
        )
    if any(metric in _OF_CLASSES for metric in metrics):
        extractor.check_classes()
    return metrics


def _as_batches(side, images, batch_size):
    """(dataset of batches of images, shape of an image)."""
    if not isinstance(images, tf.data.Dataset):
        images = np.asarray(images)
        if images.ndim != 4 or not len(images):
            raise ValueError(
                f"Expected {side}_images [n, height, width, channels]. "
                f"Received: an array of shape {images.shape}"
            )
        starts = range(0, len(images), batch_size)
        spec = tf.TensorSpec((None, *images.shape[1:]), images.dtype)
        dataset = tf.data.Dataset.from_generator(
            lambda: (images[start : start + batch_size] for start in starts),
            output_signature=spec,
        )
        return dataset.apply(tf.data.experimental.assert_cardinality(len(starts))), spec.shape[1:]
    if images.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError(f"Expected a dataset that ends. Received: {side}_images without an end")
    whole = images.element_spec
    first = whole[0] if isinstance(whole, tuple) else whole
    if not isinstance(first, tf.TensorSpec) or first.shape.rank != 4 or None in first.shape[1:]:
        raise ValueError(
            f"Expected {side}_images to be a dataset of batches [batch, height, width, channels] "
            f"of a known size, with or without labels. Received: {whole}"
        )
    return images, first.shape[1:]


def _features(side, dataset, shape, extractor, with_classes, progress):
    """Features [n, width] of a dataset's images, class probabilities or None, labels or None."""
    spec = specs.ArraySpec(f"{side} images", shape, "float", -1.0, 1.0)

    @tf.function(reduce_retracing=True)
    def extract(images):
        if with_classes:
            return extractor.features_and_probabilities(images)
        return (extractor(images),)

    total = int(dataset.cardinality())
    shown = (1 if sys.stdout.isatty() else 2) if progress else 0  # 2: the end alone, for log files
    bar = keras.utils.Progbar(total if total > 0 else None, verbose=shown)
    if progress:
        print(f"{extractor.name}: features of the {side} images")
    parts, labels = [], []
    for element in dataset:
        images = element
        if isinstance(element, tuple):
            images = element[0]
            labels.append(element[1].numpy())
        specs.check_array(spec.name, images.numpy(), spec)
        parts.append([part.numpy() for part in extract(images)])
        bar.add(1)
    if not parts:
        raise ValueError(f"Expected images. Received: {side}_images without any")
    rows = [np.concatenate(part) for part in zip(*parts)]
    if not all(np.isfinite(part).all() for part in rows):
        raise ValueError(
            "Expected finite features; the extractor's weights may be damaged. Received: features "
            f"of the {side} images by {extractor.name!r} that are NaN or infinite"
        )
    labels = np.concatenate(labels) if labels else None
    return rows[0], rows[1] if with_classes else None, labels
