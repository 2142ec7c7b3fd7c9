"""Is it memorising? The training images nearest to samples.

Beside each sample the nearest real images are shown, in pixels and in features. A distance says
little alone, so it is set against that of held-out real images, which nobody can have memorised: a
generator whose samples lie nearer to the training images than new real ones do is copying.
"""

import numpy as np

from kerasgan import checks
from kerasgan.metrics import arrays, features
from kerasgan.models import latents as latent_draws


def rows_of(images, extractor=None):
    """What distances are measured in: pixels, or an extractor's features.

    Args:
        images: (n, H, W, C), in [-1, 1].
        extractor: see `kerasgan.metrics.get`; None: the pixels.

    Returns:
        Array (n, width), float32.

    Example:
        >>> rows_of(np.zeros((3, 8, 8, 1))).shape
        (3, 64)
    """
    images = np.asarray(images, "float32")
    if extractor is None:
        return images.reshape(len(images), -1)
    return latent_draws.in_chunks(features.get(extractor), images)


def nearest(rows, others, k=1):
    """The k nearest of `others` for each row, in blocks of rows.

    Args:
        rows: (n, width), such as `rows_of(samples)`.
        others: (m, width), such as `rows_of(training_images)`; m >= k.
        k: how many.

    Returns:
        (indices, distances): arrays (n, k), int and float, the nearest first; distances are
        Euclidean.

    Raises:
        ValueError: two widths, NaN, k > m.

    Example:
        >>> indices, distances = nearest([[0.0], [5.0]], [[1.0], [7.0], [4.5]])
        >>> indices.tolist(), distances.tolist()
        ([[0], [2]], [[1.0], [0.5]])
    """
    others, rows = arrays.feature_pair(others, rows, at_least=1)
    if checks.positive(k=k) > len(others):
        raise ValueError(f"There are not so many neighbours. Received: k={k} of {len(others)}")
    others, rows = arrays.near_origin(others, rows)
    indices = np.empty((len(rows), k), "int64")
    found = np.empty((len(rows), k), rows.dtype)
    for block, distances in arrays.squared_distances(rows, others):
        picked = np.argpartition(distances, k - 1, axis=1)[:, :k]
        squares = np.take_along_axis(distances, picked, axis=1)
        order = np.argsort(squares, axis=1)
        indices[block] = np.take_along_axis(picked, order, axis=1)
        found[block] = np.sqrt(np.take_along_axis(squares, order, axis=1))
    return indices, found


def copying(samples, training, held_out):
    """How near samples lie to the training rows, against how near held-out real rows do.

    Args:
        samples: (n, width) rows of samples.
        training: (m, width) rows of the training images.
        held_out: (l, width) rows of real images that were not trained on.

    Returns:
        dict: "samples" and "held_out", the medians of the distances to the nearest training row;
        "share_nearer", the share of samples nearer than the median of the held-out; "exact", the
        share of samples nearer than the nearest held-out row. About 1/2 is what real images have;
        near 1 means copies; near 0, samples unlike any training image.

    Example:
        >>> found = copying([[0.0], [1.1]], [[0.0], [1.0]], [[0.5], [1.6]])
        >>> found["share_nearer"], found["exact"]
        (1.0, 1.0)
    """
    near, reference = (nearest(rows, training)[1][:, 0] for rows in (samples, held_out))
    return {
        "samples": float(np.median(near)),
        "held_out": float(np.median(reference)),
        "share_nearer": float(np.mean(near < np.median(reference))),
        "exact": float(np.mean(near < reference.min())),
    }
