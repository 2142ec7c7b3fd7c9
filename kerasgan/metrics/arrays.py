"""Checks of feature arrays at the door, and squared distances between rows, in blocks."""

import numpy as np

# Rows of one block of distances: a block of 1,000 x 50,000 float32 distances takes 200 MB.
BLOCK_ROWS = 1000
# Origins are found from this many rows; any point near the data will do.
ORIGIN_ROWS = 1001


def feature_rows(at_least=2, **argument):
    """The argument's value as a float array of shape (samples, width); ValueError otherwise.

    float32 and float64 stay as they are, whole numbers become float64, and the short floats
    become float32.

    Args:
        at_least: the smallest number of rows that the statistic is defined for.
        argument: one array by the name that its caller gave it.
    """
    ((name, value),) = argument.items()
    rows = np.asarray(value)
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise ValueError(
            f"{name} must be an array of shape (samples, width): flatten or pool maps of "
            f"features first. Received: {name} of shape {rows.shape}"
        )
    if rows.dtype.kind in "iu":
        rows = rows.astype("float64")
    elif rows.dtype.name in ("float16", "bfloat16"):
        rows = rows.astype("float32")
    if rows.dtype not in (np.float32, np.float64):
        raise ValueError(f"{name} must hold numbers. Received: {name} of dtype {rows.dtype}")
    if len(rows) < at_least:
        raise ValueError(
            f"{name} must have shape (samples, width) with samples >= {at_least}. "
            f"Received: {name} of shape {rows.shape}"
        )
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        raise ValueError(
            f"{name} must be finite: look for a NaN in the pictures or in the extractor. "
            f"Received: {name} with {np.sum(~finite)} of {len(rows)} rows that hold a NaN or an "
            f"infinity, the first at row {np.argmin(finite)}"
        )
    return rows


def feature_pair(real_features, fake_features, at_least=2):
    """Both arrays by `feature_rows`; ValueError too if their widths differ."""
    real = feature_rows(at_least, real_features=real_features)
    fake = feature_rows(at_least, fake_features=fake_features)
    if real.shape[1] != fake.shape[1]:
        raise ValueError(
            "real_features and fake_features must have the same width: use one extractor for "
            f"both. Received: shapes {real.shape} and {fake.shape}"
        )
    return real, fake


def near_origin(real, fake):
    """Both arrays moved so that the origin lies amid the real rows, in one floating type.

    Distances stay the same. Moved so, `squared_distances` loses no digits to an offset that all
    the features share. The median is a point of the data's own grid, so the move is exact for
    features that are whole numbers.
    """
    dtype = np.result_type(real, fake)
    origin = np.median(real[:ORIGIN_ROWS], axis=0)
    return (real - origin).astype(dtype), (fake - origin).astype(dtype)


def squared_distances(rows, others):
    """Yields `(block, distances)`: a slice of `rows`, and its squared distances to all `others`.

    They are `|x|^2 - 2 x.y + |y|^2` in the precision of the arrays, never below 0, so a block
    costs one matrix product.

    Args:
        rows: array of shape (n, width).
        others: array of shape (m, width), of the same type.

    Yields:
        A slice of at most `BLOCK_ROWS` rows, and an array of shape (rows in the slice, m).

    Raises:
        ValueError: the numbers are so large that their squares overflow.
    """
    norms, other_norms = (np.einsum("ij,ij->i", x, x) for x in (rows, others))
    if not (np.isfinite(norms).all() and np.isfinite(other_norms).all()):
        raise ValueError(
            "the features are too large: their squares overflow. Scale them down. "
            f"Received: features up to {max(np.abs(rows).max(), np.abs(others).max())}"
        )
    for start in range(0, len(rows), BLOCK_ROWS):
        block = slice(start, min(start + BLOCK_ROWS, len(rows)))
        distances = rows[block] @ others.T
        distances *= -2.0
        distances += norms[block, None]
        distances += other_norms
        yield block, np.maximum(distances, 0.0, out=distances)
