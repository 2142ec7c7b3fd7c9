"""Measured attributes of bright strokes on a dark ground, such as digits: pure functions of images.

Each takes images (n, H, W, 1) in [-1, 1] and returns one number for each. A pixel's ink is
`(value + 1) / 2`, so grey levels count by their share. `measure` takes them all.
"""

import math

import numpy as np

_INKED = 0.5  # ink from which a pixel belongs to the bounding box


def ink(images):
    """Mean ink of the pixels, in [0, 1]: how much of the picture is covered.

    Example:
        >>> ink(np.ones((1, 4, 4, 1))).tolist()
        [1.0]
    """
    return _ink(images).mean(axis=(1, 2))


def stroke_width(images):
    """Width of the strokes in pixels: twice the inked area over the length of its outline.

    A stroke of width w and length L has area w L and, its ends left aside, an outline of 2 L. The
    outline's length is Crofton's: pi / 2 times the total variation of the ink along a direction,
    averaged over four directions; within about 5 % of the true one for straight edges. The ends of
    a stroke count to the outline, so that a short one seems thinner, by the share w / (L + w).
    Grey levels cancel: a fainter stroke is not a thinner one. So a stroke that is blurred, or
    thinner than two pixels, seems up to two wide. An empty image has width 0.

    Returns:
        Array (n,), pixels.

    Example:
        >>> image = -np.ones((1, 28, 28, 1))
        >>> image[:, 2:26, 10:13] = 1.0  # 24 x 3 pixels
        >>> stroke_width(image).round(1).tolist()
        [2.9]
    """
    amount = np.pad(_ink(images), ((0, 0), (1, 1), (1, 1)))
    across = np.abs(np.diff(amount, axis=2)).sum(axis=(1, 2))
    down = np.abs(np.diff(amount, axis=1)).sum(axis=(1, 2))
    falling = np.abs(amount[:, 1:, 1:] - amount[:, :-1, :-1]).sum(axis=(1, 2))
    rising = np.abs(amount[:, 1:, :-1] - amount[:, :-1, 1:]).sum(axis=(1, 2))
    # Diagonals of a grid lie 1 / sqrt(2) apart.
    outline = math.pi / 8 * (across + down + (falling + rising) / math.sqrt(2.0))
    area = amount.sum(axis=(1, 2))
    return np.divide(2.0 * area, outline, out=np.zeros_like(area), where=outline > 0)


def slant(images):
    """Slant in degrees from upright, positive for a lean to the right (as of italics).

    A picture sheared by s moves each row by s times its height, so s is the covariance of column
    and row over the variance of the row, weighted by ink; the slant is the angle whose tangent s
    is. Digits made upright by this are "deskewed". An image of one row or none has slant 0.

    Returns:
        Array (n,), degrees in (-90, 90).

    Example:
        >>> image = -np.ones((1, 8, 8, 1))
        >>> for i in range(8): image[:, i, 7 - i] = 1.0  # a slash
        >>> slant(image).round(3).tolist()
        [45.0]
    """
    amount = _ink(images)
    total = np.maximum(amount.sum(axis=(1, 2)), 1e-12)
    rows, columns = (np.arange(size) for size in amount.shape[1:])
    by_row, by_column = amount.sum(axis=2), amount.sum(axis=1)
    row, column = by_row @ rows / total, by_column @ columns / total
    variance = by_row @ rows**2 / total - row**2
    covariance = np.einsum("nij,i,j->n", amount, rows, columns) / total - row * column
    shear = np.divide(-covariance, variance, out=np.zeros_like(row), where=variance > 1e-9)
    return np.degrees(np.arctan(shear))


def height(images):
    """Height in pixels of the box around all pixels of ink above 1/2; 0 if there are none.

    Example:
        >>> image = -np.ones((1, 8, 8, 1))
        >>> image[:, 1:6, 3] = 1.0
        >>> height(image).tolist(), width(image).tolist()
        ([5.0], [1.0])
    """
    return _extent(images, axis=2)


def width(images):
    """Width in pixels of the box around all pixels of ink above 1/2; 0 if there are none.

    Example:
        >>> width(np.ones((2, 8, 8, 1))).tolist()
        [8.0, 8.0]
    """
    return _extent(images, axis=1)


def measure(images):
    """All attributes: dict: name -> array (n,).

    Example:
        >>> list(measure(np.ones((1, 8, 8, 1))))
        ['stroke_width', 'slant', 'height', 'width', 'ink']
    """
    every = (stroke_width, slant, height, width, ink)
    return {attribute.__name__: attribute(images) for attribute in every}


def _ink(images):
    images = np.asarray(images, "float64")
    if images.ndim != 4 or images.shape[-1] != 1 or not np.isfinite(images).all():
        raise ValueError(
            "Attributes are measured of finite grey images (n, H, W, 1) in [-1, 1]. "
            f"Received: images of shape {images.shape}"
        )
    return np.clip((images[..., 0] + 1.0) / 2.0, 0.0, 1.0)


def _extent(images, axis):
    inked = (_ink(images) > _INKED).any(axis=axis)  # (n, rows or columns)
    first, last = inked.argmax(axis=1), inked.shape[1] - inked[:, ::-1].argmax(axis=1)
    return np.where(inked.any(axis=1), last - first, 0).astype("float64")
