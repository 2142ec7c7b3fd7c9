"""Ways from one latent to another: straight (lerp), along the arc (slerp), walks and grids.

Shoemake 1985, "Animating Rotation with Quaternion Curves" (slerp), and White 2016, "Sampling
Generative Networks", https://arxiv.org/abs/1609.04468, section 2.1: normal latents of many
dimensions all have about the same length, sqrt(latent_dim). The middle of a straight line between
two of them is shorter by sqrt(2), and a generator has hardly seen such latents; the arc keeps the
length. For uniform latents, in a cube, the straight line stays within what was trained.
"""

import numpy as np

from kerasgan import checks

_PARALLEL = 1e-6  # sine of an angle below which the arc and the line are the same


def lerp(start, end, shares):
    """Straight interpolation: `(1 - share) * start + share * end`.

    Args:
        start: latent (latent_dim,), or latents (..., latent_dim).
        end: the same shape.
        shares: number, or (k,) of them; 0 is `start`, 1 is `end`, beyond goes on.

    Returns:
        Array (..., k, latent_dim), without the axis k for a single share.

    Raises:
        ValueError: two shapes, or NaN.

    Example:
        >>> lerp([0.0, 1.0], [1.0, 0.0], [0.0, 0.5]).tolist()
        [[0.0, 1.0], [0.5, 0.5]]
    """
    start, end, shares = _ends(start, end, shares)
    return (1.0 - shares) * start + shares * end


def slerp(start, end, shares):
    """Spherical interpolation: along the arc, at an even angle; lengths change evenly.

    Where both ends have the same direction it is the straight line. White's formula: with the angle
    w between the ends, `sin((1 - t) w) / sin(w) start + sin(t w) / sin(w) end`, applied here to
    the directions; the length goes evenly from one to the other.

    Args:
        start: latent (latent_dim,), or latents (..., latent_dim), not zero.
        end: the same shape.
        shares: number, or (k,) of them; 0 is `start`, 1 is `end`.

    Returns:
        Array (..., k, latent_dim), without the axis k for a single share.

    Raises:
        ValueError: two shapes, NaN, a latent of zeros, or exactly opposite ones (no one arc).

    Example:
        >>> slerp([1.0, 0.0], [0.0, 1.0], 0.5).round(4).tolist()
        [0.7071, 0.7071]
    """
    start, end, shares = _ends(start, end, shares)
    lengths = [np.linalg.norm(each, axis=-1, keepdims=True) for each in (start, end)]
    if min(lengths[0].min(), lengths[1].min()) == 0:
        raise ValueError("A latent of zeros has no direction; use lerp. Received: zeros")
    first, second = start / lengths[0], end / lengths[1]
    cosine = np.sum(first * second, axis=-1, keepdims=True)
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    sine = np.sin(angle)
    if np.any((sine < _PARALLEL) & (cosine < 0)):
        raise ValueError(
            "Opposite latents have no one arc between them; go by a third, or use lerp. "
            "Received: end = -start, but for its length"
        )
    near = sine < _PARALLEL
    safe = np.where(near, 1.0, sine)
    weights = [np.where(near, s, np.sin(s * angle) / safe) for s in (1.0 - shares, shares)]
    direction = weights[0] * first + weights[1] * second
    length = (1.0 - shares) * lengths[0] + shares * lengths[1]
    return length * direction


def between(space, start, end, shares):
    """The way that fits the space: `slerp` for normal latents, `lerp` for uniform ones, and for
    latents of one number, which have no arc.
    """
    arc = space.distribution == "normal" and space.latent_dim > 1
    return (slerp if arc else lerp)(start, end, shares)


def walk(space, stops, steps=8, closed=False):
    """Latents along a walk through several stops, each stop once.

    Args:
        space: `Space`; it decides between arc and line.
        stops: latents (m, latent_dim), m >= 2.
        steps: latents from one stop to the next, the first stop counted.
        closed: whether to go back to the first stop, for endless animations.

    Returns:
        Array (steps * (m - 1) + 1, latent_dim), or (steps * m, latent_dim) if closed.

    Raises:
        ValueError: fewer than two stops, steps < 1, latents of another size.

    Example:
        >>> from kerasgan import latent, models
        >>> space = latent.Space(models.GAN(image_shape=(8, 8, 1), latent_dim=4, seed=0))
        >>> walk(space, space.draw(3, seed=0), steps=5).shape
        (11, 4)
    """
    stops, steps = space.checked(stops), checks.positive(steps=steps)
    if len(stops) < 2:
        raise ValueError(f"A walk needs two stops or more. Received: {len(stops)}")
    ends = np.roll(stops, -1, axis=0)
    shares = np.arange(steps) / steps
    parts = [between(space, *pair, shares) for pair in zip(stops, ends)]
    if closed:
        return np.concatenate(parts).astype("float32")
    return np.concatenate([*parts[:-1], stops[-1:]]).astype("float32")


def grid(space, corners, rows=8, columns=8):
    """Latents of a picture whose four corners are given, and whose rest lies between them.

    Args:
        space: `Space`; it decides between arc and line.
        corners: latents (4, latent_dim): top left, top right, bottom left, bottom right.
        rows: of the grid, 2 or more.
        columns: of the grid, 2 or more.

    Returns:
        Array (rows * columns, latent_dim), row by row, as `kerasgan.pictures.image_grid` takes
        the images.

    Raises:
        ValueError: not four corners; fewer than 2 rows or columns.

    Example:
        >>> from kerasgan import latent, models
        >>> space = latent.Space(models.GAN(image_shape=(8, 8, 1), latent_dim=4, seed=0))
        >>> grid(space, space.draw(4, seed=0), rows=3, columns=5).shape
        (15, 4)
    """
    corners = space.checked(corners)
    if len(corners) != 4 or checks.positive(rows=rows) < 2 or checks.positive(columns=columns) < 2:
        raise ValueError(
            "A grid has 4 corners, and 2 rows and columns or more. "
            f"Received: {len(corners)} corners, rows={rows}, columns={columns}"
        )
    down, across = np.linspace(0, 1, rows), np.linspace(0, 1, columns)
    left = between(space, corners[0], corners[2], down)
    right = between(space, corners[1], corners[3], down)
    return between(space, left, right, across).reshape(-1, space.latent_dim).astype("float32")


def _ends(start, end, shares):
    start, end = np.asarray(start, "float64"), np.asarray(end, "float64")
    shares = np.asarray(shares, "float64")
    finite = all(np.isfinite(each).all() for each in (start, end, shares))
    if start.shape != end.shape or start.ndim < 1 or shares.ndim > 1 or not finite:
        raise ValueError(
            "Expected two latents of one shape and finite shares, a number or a list. "
            f"Received: start.shape={start.shape}, end.shape={end.shape}, shares={shares}"
        )
    if shares.ndim:
        start, end = start[..., np.newaxis, :], end[..., np.newaxis, :]
        shares = shares[:, np.newaxis]
    return start, end, shares
