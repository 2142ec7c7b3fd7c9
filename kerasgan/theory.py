"""The theory of GANs in numbers: divergences, the best discriminator, the value of the game.

Goodfellow et al. 2014, "Generative Adversarial Nets", section 4, https://arxiv.org/abs/1406.2661
Mao et al. 2017, "Least Squares Generative Adversarial Networks", section 3.2,
https://arxiv.org/abs/1611.04076

A distribution is an array of non-negative numbers, in one of two forms:

* probabilities, which sum to 1 (`dx=None`);
* a density on an even grid with cells of size `dx` (of area `dx` in two dimensions), whose sum
  times `dx` is 1. Integrals are sums times `dx`. Take a grid that holds nearly all of the mass:
  what lies outside it is missing from the result.

All is computed in float64, with 0 log 0 = 0 and logarithms to base e: divergences are in nats.
Bounds hold up to rounding, and up to what of the mass is off the grid.
"""

import numpy as np

from kerasgan import checks

_SUM_TOLERANCE = 1e-6  # of probabilities, which may be a float32 softmax
_INTEGRAL_TOLERANCE = 1e-3  # of a density, whose tails may lie off the grid
_SURE = 2.0**-53  # D is held that far from 0 and 1: half the spacing of floats there


def kl(p, q, dx=None):
    """Kullback-Leibler divergence of p from q: `E_p[log p - log q]`.

    Args:
        p: Array of any shape, probabilities or a density.
        q: Array of the same shape.
        dx: None for probabilities; the size of a cell, > 0, for densities.

    Returns:
        Float in [0, inf]; infinite if q is 0 anywhere where p is not.

    Raises:
        ValueError: If p or q is negative, not finite or not normalised, or if the shapes differ.

    Example:
        >>> round(kl([0.5, 0.5], [0.25, 0.75]), 4)  # (log 2 + log 2/3) / 2
        0.1438
        >>> kl([0.5, 0.5], [1.0, 0.0])
        inf
    """
    p, q = _distributions(dx, p=p, q=q)
    return _expectation(p, _log_ratio(p, q), dx)


def js(p, q, dx=None):
    """Jensen-Shannon divergence: `(KL(p, m) + KL(q, m)) / 2`, where `m = (p + q) / 2`.

    Args:
        p: Array of any shape, probabilities or a density.
        q: Array of the same shape.
        dx: None for probabilities; the size of a cell, > 0, for densities.

    Returns:
        Float in [0, log 2]: log 2 where p and q have no support in common.

    Raises:
        ValueError: As `kl`.

    Example:
        >>> round(js([1.0, 0.0], [0.0, 1.0]), 4)  # log 2
        0.6931
    """
    p, q = _distributions(dx, p=p, q=q)
    middle = (p + q) / 2
    from_p = _expectation(p, _log_ratio(p, middle), dx)
    return (from_p + _expectation(q, _log_ratio(q, middle), dx)) / 2


def pearson(p, q, dx=None):
    """Pearson's chi-square divergence: the integral of `(p - q)^2 / q`.

    q is what was expected, as in Pearson's test. Mao et al. name that one first: their
    "chi-square between p_d + p_g and 2 p_g" is `2 * pearson(p_g, (p_d + p_g) / 2)`.

    Args:
        p: Array of any shape, probabilities or a density.
        q: Array of the same shape.
        dx: None for probabilities; the size of a cell, > 0, for densities.

    Returns:
        Float in [0, inf]; infinite if q is 0 anywhere where p is not.

    Raises:
        ValueError: As `kl`.

    Example:
        >>> pearson([0.75, 0.25], [0.5, 0.5])  # 1/16 / (1/2), twice
        0.25
    """
    p, q = _distributions(dx, p=p, q=q)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(p == q, 0.0, np.square(p - q) / q)
    return float(ratio.sum() * (dx or 1.0))


def total_variation(p, q, dx=None):
    """Total variation distance: half the integral of `|p - q|`.

    Args:
        p: Array of any shape, probabilities or a density.
        q: Array of the same shape.
        dx: None for probabilities; the size of a cell, > 0, for densities.

    Returns:
        Float in [0, 1]: the largest difference in the probability of any event.

    Raises:
        ValueError: As `kl`.

    Example:
        >>> total_variation([0.75, 0.25], [0.5, 0.5])
        0.25
    """
    p, q = _distributions(dx, p=p, q=q)
    return float(np.abs(p - q).sum() * (dx or 1.0) / 2)


def optimal_discriminator(p_data, p_g):
    """The discriminator that is best against a fixed generator.

    Goodfellow et al. 2014, proposition 1: `D*(x) = p_data(x) / (p_data(x) + p_g(x))`.

    Args:
        p_data: Array of any shape, probabilities or a density of the data.
        p_g: Array of the same shape, of the generator.

    Returns:
        Float64 array of that shape, in [0, 1]; 0.5 where neither has mass (any value will do).

    Raises:
        ValueError: If an array is negative or not finite, or if the shapes differ.

    Example:
        >>> optimal_discriminator([0.5, 0.5, 0.0], [0.0, 0.5, 0.5]).tolist()
        [1.0, 0.5, 0.0]
    """
    return optimal_least_squares_discriminator(p_data, p_g, a=0.0, b=1.0)


def value_function(discriminator, p_data, p_g, dx=None):
    """The value of the game: `V(D, G) = E_data[log D(x)] + E_g[log(1 - D(x))]`.

    Goodfellow et al. 2014, equation 1. At the best discriminator it is `2 JS(p_data, p_g) -
    2 log 2` (theorem 1), so at the best generator -log 4. `losses.minimax_discriminator_loss`
    estimates -V from samples.

    Args:
        discriminator: Array, D(x) in [0, 1] at the points of the distributions. Not logits.
        p_data: Array of the same shape, probabilities or a density of the data.
        p_g: Array of the same shape, of the generator.
        dx: None for probabilities; the size of a cell, > 0, for densities.

    Returns:
        Float <= 0. Where D is sure, 0 or 1, and wrong, a unit of mass counts -36.7, not -inf:
        the best D rounds to 1 where p_g is only small.

    Raises:
        ValueError: As `kl`, or if D is outside [0, 1].

    Example:
        >>> round(value_function([0.5, 0.5], [0.3, 0.7], [0.9, 0.1]), 4)  # -log 4
        -1.3863
    """
    p_data, p_g = _distributions(dx, p_data=p_data, p_g=p_g)
    d = np.asarray(discriminator, "float64")
    if d.shape != p_data.shape or not np.all((d >= 0.0) & (d <= 1.0)):
        raise ValueError(
            f"discriminator must have shape {p_data.shape} and lie in [0, 1] (the sigmoid of the "
            f"logits). Received: discriminator of shape {d.shape}{_range(d)}"
        )
    d = np.clip(d, _SURE, 1.0 - _SURE)
    return _expectation(p_data, np.log(d), dx) + _expectation(p_g, np.log1p(-d), dx)


def optimal_least_squares_discriminator(p_data, p_g, a=0.0, b=1.0):
    """The best least-squares discriminator against a fixed generator.

    Mao et al. 2017, equation 5: `D*(x) = (b p_data(x) + a p_g(x)) / (p_data(x) + p_g(x))`.

    Args:
        p_data: Array of any shape, probabilities or a density of the data.
        p_g: Array of the same shape, of the generator.
        a: Float, the label of fake samples.
        b: Float, the label of real samples.

    Returns:
        Float64 array of that shape, between a and b; half-way where neither has mass.

    Raises:
        ValueError: If an array is negative or not finite, or if the shapes differ.

    Example:
        >>> optimal_least_squares_discriminator([1.0, 0.0], [0.5, 0.5], a=-1.0, b=1.0).round(4)
        array([ 0.3333, -1.    ])
    """
    p_data, p_g = _densities(p_data=p_data, p_g=p_g)
    total = p_data + p_g
    share = np.divide(p_data, total, out=np.full_like(total, 0.5), where=total > 0)
    return b * share + a * (1.0 - share)


def least_squares_generator_cost(p_data, p_g, a=0.0, b=1.0, c=1.0, dx=None):
    """What the generator pays against the best least-squares discriminator.

    Mao et al. 2017, equation 6: `C(G) = E_data[(D* - c)^2] / 2 + E_g[(D* - c)^2] / 2`. The first
    part is constant for G while D is fixed; the generator's loss of `kerasgan.losses` is the
    second alone.

    With b - c = 1 and b - a = 2, `2 C(G)` is Pearson's chi-square between p_data + p_g and 2 p_g
    (equation 8). For any labels it is `(b - a)^2 / 4` times that, plus a constant: the 0-1 coding
    (a=0, b=c=1) has a quarter of it plus 1/2, so the same best generator at another scale.

    Args:
        p_data: Array of any shape, probabilities or a density of the data.
        p_g: Array of the same shape, of the generator.
        a: Float, the label of fake samples.
        b: Float, the label of real samples.
        c: Float, the label that G wants for its samples.
        dx: None for probabilities; the size of a cell, > 0, for densities.

    Returns:
        Float >= 0.

    Raises:
        ValueError: As `kl`.

    Example:
        >>> least_squares_generator_cost([1.0, 0.0], [0.0, 1.0], a=-1.0, b=1.0, c=0.0)
        1.0
        >>> least_squares_generator_cost([0.5, 0.5], [0.5, 0.5], a=-1.0, b=1.0, c=0.0)
        0.0
    """
    p_data, p_g = _distributions(dx, p_data=p_data, p_g=p_g)
    error = np.square(optimal_least_squares_discriminator(p_data, p_g, a, b) - c)
    return (_expectation(p_data, error, dx) + _expectation(p_g, error, dx)) / 2


def _expectation(p, values, dx):
    """The integral of `p * values`, whatever the values where p is 0."""
    terms = np.multiply(p, values, out=np.zeros_like(p), where=p > 0)
    return float(terms.sum() * (dx or 1.0))


def _log_ratio(p, q):
    with np.errstate(divide="ignore", invalid="ignore"):  # 0 / 0 has no weight
        return np.log(p) - np.log(q)


def _distributions(dx, **arrays):
    """The arrays as float64; ValueError unless each is normalised."""
    if dx is not None:
        dx = checks.positive_number(dx=dx)
    checked = _densities(**arrays)
    tolerance = _SUM_TOLERANCE if dx is None else _INTEGRAL_TOLERANCE
    for name, p in zip(arrays, checked, strict=True):
        mass = p.sum() * (dx or 1.0)
        if abs(mass - 1.0) > tolerance:
            expected = "sum to 1 (a density needs dx=)" if dx is None else "integrate to 1"
            raise ValueError(
                f"{name} must {expected}, within {tolerance:g}. Divide it by its sum, or take a "
                f"wider or finer grid. Received: {name} of mass {mass:.6g}, dx={dx}"
            )
    return checked


def _densities(**arrays):
    """The arrays as float64; ValueError unless they have one shape and are finite and >= 0."""
    checked = [np.asarray(p, "float64") for p in arrays.values()]
    shapes = {name: p.shape for name, p in zip(arrays, checked, strict=True)}
    if len(set(shapes.values())) > 1:
        received = ", ".join(f"{name}.shape={shape}" for name, shape in shapes.items())
        raise ValueError(f"Both must have the same shape. Received: {received}")
    for name, p in zip(arrays, checked, strict=True):
        if p.size == 0 or not np.all(np.isfinite(p) & (p >= 0)):
            raise ValueError(
                f"{name} must hold finite numbers that are not negative. "
                f"Received: {name} of shape {p.shape}{_range(p)}"
            )
    return checked


def _range(array):
    return f", from {array.min()} to {array.max()}" if array.size else ""
