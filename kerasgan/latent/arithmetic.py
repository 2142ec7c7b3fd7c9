"""Vector arithmetic and truncation.

Radford et al. 2016 (DCGAN), https://arxiv.org/abs/1511.06434, section 6.3.2: the latent of a single
sample is unstable in arithmetic, the mean of three samples that show the same concept is not;
"smiling woman - neutral woman + neutral man" makes smiling men. Of normal latents a mean of three
has variance 1/3 in each coordinate, and the sum of three such means, whatever its signs, has 1
again: the result lies where the generator was trained.

Truncation trades diversity for quality. Brock et al. 2019 (BigGAN, https://arxiv.org/abs/1809.11096,
section 3.1) draw latents again that exceed a threshold: `Space.draw(..., truncation=)`. Karras et
al. 2019 (StyleGAN, https://arxiv.org/abs/1812.04948, appendix B) pull latents towards their mean by
a factor psi: `towards_mean`. StyleGAN does so in its mapped space w; here it is z itself, whose
mean is 0, or the mean of the latents of a class or of an encoded set.
"""

import numpy as np

from kerasgan import checks


def concept(latents):
    """The mean of latents whose samples show one concept; the paper takes three.

    Args:
        latents: (n, latent_dim), n >= 1.

    Returns:
        Array (latent_dim,).

    Raises:
        ValueError: no latents, or NaN.

    Example:
        >>> concept([[0.0, 3.0], [3.0, 0.0], [3.0, 3.0]]).tolist()
        [2.0, 2.0]
    """
    latents = np.asarray(latents, "float64")
    if latents.ndim != 2 or not len(latents) or not np.isfinite(latents).all():
        raise ValueError(
            "Expected finite latents (n, latent_dim), n >= 1. "
            f"Received: latents of shape {latents.shape}"
        )
    return latents.mean(axis=0)


def analogy(positive, negative, other):
    """`mean(positive) - mean(negative) + mean(other)`: what makes `positive` differ from
    `negative`, given to `other`.

    Args:
        positive: latents (n, latent_dim), such as of three smiling women.
        negative: latents, such as of three neutral women.
        other: latents, such as of three neutral men.

    Returns:
        Array (latent_dim,).

    Raises:
        ValueError: no latents of a kind, latents of different sizes, or NaN.

    Example:
        >>> analogy([[1.0, 1.0]], [[0.0, 1.0]], [[0.0, 5.0]]).tolist()
        [1.0, 5.0]
    """
    means = [concept(each) for each in (positive, negative, other)]
    if len({mean.shape for mean in means}) > 1:
        raise ValueError(
            "Expected three sets of latents of one size. "
            f"Received: latents of {', '.join(str(mean.size) for mean in means)} numbers"
        )
    return means[0] - means[1] + means[2]


def around(latent, n, reach=0.25, seed=0):
    """A latent and `n - 1` near ones: uniform noise in [-reach, reach], as the paper shows its
    results.

    Args:
        latent: (latent_dim,).
        n: how many rows, the latent itself first.
        reach: greatest change of a coordinate, >= 0; the paper's is 0.25.
        seed: int.

    Returns:
        Array (n, latent_dim), float32.

    Raises:
        ValueError: n not positive; a negative reach; NaN; more than one latent.

    Example:
        >>> around([0.0, 2.0], 3, seed=0).shape
        (3, 2)
    """
    latent, n = np.asarray(latent, "float64"), checks.positive(n=n)
    reach = checks.not_negative(reach=reach)
    if latent.ndim != 1 or not np.isfinite(latent).all():
        raise ValueError(
            f"Expected one finite latent (latent_dim,). Received: {latent} of shape {latent.shape}"
        )
    noise = np.random.default_rng(seed).uniform(-reach, reach, (n, *latent.shape))
    noise[:1] = 0.0
    return (latent + noise).astype("float32")


def towards_mean(latents, psi, mean=0.0):
    """Truncation towards the mean: `mean + psi * (latents - mean)`.

    Args:
        latents: (n, latent_dim).
        psi: factor; 1 leaves all as it is, 0 makes all the mean, below 0 turns to the opposite.
        mean: (latent_dim,), or 0, that of the latents of training.

    Returns:
        Array (n, latent_dim), float32.

    Raises:
        ValueError: psi, latents or mean that are NaN or infinite; a mean of another size.

    Example:
        >>> towards_mean([[2.0, -4.0]], psi=0.5).tolist()
        [[1.0, -2.0]]
    """
    if not np.isfinite(psi):
        raise ValueError(f"psi must be a finite number, 1 for no change. Received: psi={psi}")
    latents, mean = np.asarray(latents, "float64"), np.asarray(mean, "float64")
    finite = np.isfinite(latents).all() and np.isfinite(mean).all()
    if latents.ndim != 2 or mean.shape not in ((), latents.shape[1:]) or not finite:
        raise ValueError(
            "Expected latents (n, latent_dim) and a mean (latent_dim,) or one number, all finite. "
            f"Received: latents of shape {latents.shape}, mean of shape {mean.shape}"
        )
    return (mean + psi * (latents - mean)).astype("float32")
