"""What a direction does to images: sweeps along it, and how steadily an attribute follows."""

import numpy as np

from kerasgan import checks

_REACH = 3.0  # standard deviations to each side of a sample


def sweep(space, latents, direction, steps=9, reach=_REACH):
    """Latents moved along a direction: each in even steps from -reach to reach.

    Args:
        space: `Space`.
        latents: (n, latent_dim).
        direction: (latent_dim,), of any length but zero; only where it points to counts.
        steps: positions, 1 or more; an odd number has the latent itself in the middle.
        reach: farthest position, in standard deviations of a coordinate.

    Returns:
        Array (n, steps, latent_dim), float32; uniform latents are held within [-1, 1].

    Raises:
        ValueError: steps < 1; a direction of another size, zero or NaN.

    Example:
        >>> from kerasgan import latent, models
        >>> space = latent.Space(models.GAN(image_shape=(8, 8, 1), latent_dim=2, seed=0))
        >>> sweep(space, [[0.0, 5.0]], [2.0, 0.0], steps=3, reach=1.0).tolist()
        [[[-1.0, 5.0], [0.0, 5.0], [1.0, 5.0]]]
    """
    latents = space.checked(latents)
    direction = np.asarray(direction, "float64")
    length = np.linalg.norm(direction)
    if direction.shape != (space.latent_dim,) or not 0 < length < np.inf:
        raise ValueError(
            f"Expected a direction ({space.latent_dim},), finite and not zero. "
            f"Received: shape {direction.shape}, length {length}"
        )
    moves = positions(space, steps, reach)[:, np.newaxis] * (direction / length)
    moved = (latents[:, np.newaxis] + moves).astype("float32")
    return np.clip(moved, -1.0, 1.0) if space.distribution == "uniform" else moved


def positions(space, steps=9, reach=_REACH):
    """Where `sweep`'s steps lie on the direction, in the latents' unit, before uniform latents are
    held within [-1, 1]: array (steps,).
    """
    reach = checks.positive_number(reach=reach) * space.deviation
    return np.linspace(-reach, reach, steps) if checks.positive(steps=steps) > 1 else np.zeros(1)


def responses(space, direction, measure, steps=9, samples=100, reach=_REACH, labels=None, seed=0):
    """How attributes of the images follow a direction: their means at each step, and Spearman's.

    Args:
        space: `Space`.
        direction: (latent_dim,).
        measure: function, images (n, H, W, C) -> dict: name -> (n,) numbers, such as
            `attributes.measure`.
        steps: positions along the direction.
        samples: how many random latents are moved; the means are over them.
        reach: farthest position, in standard deviations of a coordinate.
        labels: of a conditional model: one integer, or one for each sample. None: all in turn.
        seed: int, of the latents: the same for every direction that is to be compared.

    Returns:
        dict: name -> {"spearman": rank correlation of step and mean, in [-1, 1], "means": list};
        where the means are all the same, the correlation is 0.

    Example:
        >>> from kerasgan import latent, models
        >>> space = latent.Space(models.GAN(image_shape=(8, 8, 1), latent_dim=4, seed=0))
        >>> found = responses(space, [1, 0, 0, 0], latent.attributes.measure, samples=5)
        >>> len(found["ink"]["means"])
        9
    """
    latents = space.draw(checks.positive(samples=samples), seed)
    moved = sweep(space, latents, direction, steps, reach)
    if space.num_classes and labels is None:
        labels = np.arange(samples) % space.num_classes
    if np.ndim(labels):
        labels = np.repeat(labels, moved.shape[1])
    measured = measure(space.images(moved.reshape(-1, space.latent_dim), labels))
    means = {
        name: np.reshape(values, moved.shape[:2]).mean(axis=0).tolist()
        for name, values in measured.items()
    }
    return {name: {"spearman": _spearman(row), "means": row} for name, row in means.items()}


def monotonicity(space, direction, attribute, steps=9, samples=100, **arguments):
    """Spearman's correlation of step and mean of one attribute: `responses` of it alone.

    Args:
        space: `Space`.
        direction: (latent_dim,).
        attribute: function, images (n, H, W, C) -> (n,) numbers.
        steps: positions along the direction.
        samples: how many random latents are moved.
        **arguments: `reach`, `labels`, `seed`: as in `responses`.

    Returns:
        float in [-1, 1]: 1 or -1 where every step raises, or lowers, the mean.

    Example:
        >>> from kerasgan import latent, models
        >>> space = latent.Space(models.GAN(image_shape=(8, 8, 1), latent_dim=4, seed=0))
        >>> -1.0 <= monotonicity(space, [1, 0, 0, 0], latent.attributes.ink, samples=5) <= 1.0
        True
    """
    found = responses(
        space, direction, lambda images: {"it": attribute(images)}, steps, samples, **arguments
    )
    return found["it"]["spearman"]


def _spearman(means):
    from scipy import stats

    if len(means) < 2 or np.ptp(means) == 0:
        return 0.0
    return float(stats.spearmanr(np.arange(len(means)), means).statistic)
