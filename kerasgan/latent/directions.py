"""Directions in the latents along which images change in one way.

- `pca_of_activations`: Harkonen et al. 2020 (GANSpace), https://arxiv.org/abs/2004.02546, section
  3.2, for generators whose latents are isotropic: principal components of a layer's activations,
  taken back to latents by regression.
- `pca`: of latents themselves, where their distribution has a shape: of an encoder's codes, or of
  the latents of a class.
- `sefa`: Shen & Zhou 2021 (SeFa), https://arxiv.org/abs/2007.06600: the eigenvectors of A^T A, A
  being the first layer's weights. No sample is needed.
- `from_labels`, `from_scores`: Shen et al. 2020 (InterFaceGAN), https://arxiv.org/abs/1907.10786:
  the normal of the plane that parts latents by what a classifier says of their images, and the
  same for a scorer with values.
- `apart_from`: InterFaceGAN's conditional manipulation, a direction less its part along others.

All are unit vectors of the latents' space, so a step along one is told in the latents' own unit.

Departures, and why: GANSpace takes 10^6 samples by incremental PCA, here some thousands exactly;
InterFaceGAN's plane is a linear support vector machine's, here a logistic regression's, which needs
no solver and finds the same normal where the classes lie on two sides of one plane; SeFa's is the
paper's text, where the authors' code first scales each output unit's row of A to length 1.
"""

import numpy as np

from kerasgan import checks
from kerasgan.latent.activations import first_weights, layer_output

_NEWTON_STEPS = 30
_RIDGE = 1e-3  # of the regressions, relative to the number of samples


def pca(latents, n=10):
    """Principal directions of latents, the widest first.

    Args:
        latents: (samples, latent_dim).
        n: how many, at most latent_dim and samples.

    Returns:
        Array (n, latent_dim) of unit rows, float64.

    Raises:
        ValueError: n out of its range, or NaN.

    Example:
        >>> pca([[0.0, 0.0], [0.0, 2.0], [0.1, 4.0]], n=1).round(1).tolist()
        [[0.0, 1.0]]
    """
    latents = _rows("latents", latents)
    _check_number(n, min(latents.shape))
    _, _, components = np.linalg.svd(latents - latents.mean(axis=0), full_matrices=False)
    return _signed(components[:n])


def pca_of_activations(space, n=10, layer=None, samples=2000, labels=None, seed=0):
    """GANSpace's directions: the largest changes of a layer's activations, told in latents.

    Activations y of random latents z; their principal components V and mean m; coordinates
    `x = V^T (y - m)`; then the `U` that minimises the sum of `|U x - z|^2`. Its columns are the
    directions. Of a conditional model both y and z are taken less their means of each label, as
    else the differences between the labels would be the largest components.

    Args:
        space: `Space` of a model (not of an export).
        n: how many.
        layer: name of a layer of the generator; None: the first features after their
            non-linearity.
        samples: how many latents are drawn, at least n more than there are labels among them
            (without labels: more than n).
        labels: of a conditional model: one integer, or one for each sample. None: all in turn.
        seed: int, of the draws.

    Returns:
        Array (n, latent_dim) of unit rows, float64.

    Raises:
        ValueError: n out of its range; an unknown layer; an export; bad labels.

    Example:
        >>> from kerasgan import latent, models
        >>> space = latent.Space(models.GAN(image_shape=(8, 8, 1), latent_dim=4, seed=0))
        >>> pca_of_activations(space, n=2, samples=100).shape
        (2, 4)
    """
    latents = space.draw(checks.positive(samples=samples), seed)
    groups = np.zeros(samples)
    if space.num_classes:
        labels = np.arange(samples) % space.num_classes if labels is None else labels
        groups = labels = space.checked_labels(labels, samples)
    _check_number(n, min(space.latent_dim, samples - len(np.unique(groups))))
    outputs = layer_output(space, latents, layer, labels).astype("float64")
    _check_number(n, outputs.shape[1])
    coordinates = _coordinates(_centred(outputs, groups), n)
    latents = _centred(latents.astype("float64"), groups)
    # Coordinates are uncorrelated, so each column of U is a regression by itself.
    regressed = (coordinates.T @ latents) / np.sum(coordinates**2, axis=0)[:, np.newaxis]
    return _signed(_unit(regressed))


def sefa(space, n=10):
    """SeFa's directions: those that the first layer's weights lengthen most.

    `argmax |A u|^2` over unit u, each at right angles to those before: the eigenvectors of A^T A,
    that of the largest eigenvalue first.

    Args:
        space: `Space` of a model (not of an export).
        n: how many, at most latent_dim.

    Returns:
        Array (n, latent_dim) of unit rows at right angles, float64.

    Raises:
        ValueError: n out of its range; an export.

    Example:
        >>> from kerasgan import latent, models
        >>> space = latent.Space(models.GAN(image_shape=(8, 8, 1), latent_dim=4, seed=0))
        >>> found = sefa(space, n=3)
        >>> np.allclose(found @ found.T, np.eye(3))
        True
    """
    weights = first_weights(space)
    _check_number(n, space.latent_dim)
    _, vectors = np.linalg.eigh(weights.T @ weights)  # of rising eigenvalues
    return _signed(vectors[:, ::-1].T[:n])


def from_labels(latents, positive):
    """The normal of the plane that best parts latents of two kinds, by logistic regression.

    Args:
        latents: (n, latent_dim).
        positive: (n,) booleans, or 0 and 1: whose side the direction points to.

    Returns:
        Array (latent_dim,), a unit vector, float64.

    Raises:
        ValueError: only one kind; another number of labels; values other than 0 and 1.

    Example:
        >>> latents = np.random.default_rng(0).normal(size=(500, 2))
        >>> bool(from_labels(latents, latents[:, 1] > 0) @ [0.0, 1.0] > 0.99)
        True
    """
    latents = _rows("latents", latents)
    targets = np.asarray(positive, "float64")
    if targets.shape != latents.shape[:1] or set(np.unique(targets)) != {0.0, 1.0}:
        raise ValueError(
            "Expected a 0 or 1 for each latent, and both kinds among them. Received: "
            f"{targets.shape} for {len(latents)} latents, values {np.unique(targets)[:5]}"
        )
    inputs = np.concatenate([latents, np.ones((len(latents), 1))], axis=1)
    ridge = _RIDGE * len(latents) * np.eye(inputs.shape[1])
    ridge[-1, -1] = 0.0
    weights = np.zeros(inputs.shape[1])
    for _ in range(_NEWTON_STEPS):
        probabilities = 1.0 / (1.0 + np.exp(-np.clip(inputs @ weights, -30, 30)))
        gradient = inputs.T @ (probabilities - targets) + ridge @ weights
        curvature = (inputs * (probabilities * (1 - probabilities))[:, None]).T @ inputs + ridge
        weights -= np.linalg.solve(curvature, gradient)
    return _unit(weights[:-1])


def from_scores(latents, scores):
    """The direction along which a score rises most, by least squares.

    Args:
        latents: (n, latent_dim), n > latent_dim for a sure answer.
        scores: (n,) numbers: of any scorer of the images, such as one of `latent.attributes`.

    Returns:
        Array (latent_dim,), a unit vector, float64.

    Raises:
        ValueError: another number of scores, NaN, or scores that are all the same.

    Example:
        >>> latents = np.random.default_rng(0).normal(size=(50, 2))
        >>> from_scores(latents, latents @ [3.0, 4.0]).round(2).tolist()
        [0.6, 0.8]
    """
    latents = _rows("latents", latents)
    scores = np.asarray(scores, "float64")
    usable = scores.shape == latents.shape[:1] and np.isfinite(scores).all()
    if not usable or np.ptp(scores) == 0:
        raise ValueError(
            "Expected a finite score for each latent, and not the same for all. Received: scores "
            f"of shape {scores.shape} for {len(latents)} latents"
        )
    centred = latents - latents.mean(axis=0)
    slopes, *_ = np.linalg.lstsq(centred, scores - scores.mean(), rcond=None)
    return _unit(slopes)


def apart_from(direction, others):
    """A direction without its part along others: it changes one thing and leaves those.

    Args:
        direction: (latent_dim,), not zero.
        others: (m, latent_dim), or one (latent_dim,); they may depend on each other.

    Returns:
        Array (latent_dim,), a unit vector at right angles to all others, float64.

    Raises:
        ValueError: a direction that lies wholly within the others, or is zero; NaN; two sizes.

    Example:
        >>> apart_from([1.0, 1.0], [0.0, 1.0]).tolist()
        [1.0, 0.0]
    """
    direction = np.asarray(direction, "float64")
    others = np.atleast_2d(np.asarray(others, "float64"))
    finite = np.isfinite(direction).all() and np.isfinite(others).all()
    fits = direction.ndim == 1 and others.ndim == 2 and others.shape[1:] == direction.shape
    if not fits or not finite or not direction.any():
        raise ValueError(
            "Expected a direction (latent_dim,), not zero, and others (m, latent_dim), all finite. "
            f"Received: shapes {direction.shape} and {others.shape}, direction={direction}"
        )
    direction = _unit(direction)
    _, sizes, rows = np.linalg.svd(others, full_matrices=False)
    basis = rows[sizes > 1e-10 * sizes.max(initial=1e-290)]  # of what the others span
    rest = direction - (direction @ basis.T) @ basis
    if np.linalg.norm(rest) < 1e-6:
        raise ValueError("The direction lies within the others. Received: nothing left of it")
    return _unit(rest)


def _coordinates(rows, n):
    """Coordinates (samples, n) of centred rows along their n principal components."""
    samples, width = rows.shape
    if width <= samples:
        values, vectors = np.linalg.eigh(rows.T @ rows)
        return rows @ vectors[:, ::-1][:, :n]
    values, vectors = np.linalg.eigh(rows @ rows.T)  # the smaller of the two matrices
    return (vectors * np.sqrt(np.maximum(values, 0.0)))[:, ::-1][:, :n]


def _centred(rows, groups):
    """Rows (samples, width) less the mean of the rows of their group (samples,)."""
    centred = np.empty_like(rows)
    for group in np.unique(groups):
        centred[groups == group] = rows[groups == group] - rows[groups == group].mean(axis=0)
    return centred


def _rows(name, values):
    rows = np.asarray(values, "float64")
    if rows.ndim != 2 or len(rows) < 2 or not np.isfinite(rows).all():
        raise ValueError(
            f"Expected {name} (n, latent_dim), finite, n >= 2. Received: shape {rows.shape}"
        )
    return rows


def _check_number(n, most):
    if checks.positive(n=n) > most:
        raise ValueError(f"There are at most {most} directions here. Received: n={n}")


def _unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _signed(vectors):
    """Rows whose largest entry is positive, as eigenvectors have no sign of their own."""
    largest = np.abs(vectors).argmax(axis=1)
    return vectors * np.sign(vectors[np.arange(len(vectors)), largest])[:, np.newaxis]
