"""Inpainting: what was under the mask, from what is around it.

Yeh et al. 2017, "Semantic Image Inpainting with Deep Generative Models",
https://arxiv.org/abs/1607.07539: the latent is sought whose image agrees with the known pixels
(context loss: weighted absolute differences; a known pixel counts by the share of missing ones in
the 7 x 7 window around it) and looks real to the discriminator (prior loss: lambda
log(1 - D(G(z))), lambda = 0.003); the missing pixels are taken from it.

Departures, and why: the pixels are put together as they are, without Poisson blending, which mends
differences of brightness that drawings don't have; known pixels far from the hole keep a tenth of
the weight, as small pictures are all near it and a digit's far side tells its class; the best of
several starts is kept. The loss is a mean over pixels, so the paper's lambda, 0.003 beside a sum,
is not the same number here. What is known of a small picture leaves the latent much freedom, which
a weight on its square takes: 0.03, chosen by the error in the hole on 40 training digits and one
DCGAN (0.003: 0.33, 0.03: 0.29, 0.1: 0.27, where fewer digits stay what they were).
"""

import numpy as np

from kerasgan.latent.projection import Projector

WINDOW = 7  # the paper's, pixels
_FAR = 0.1  # weight of known pixels without a missing one in their window
_JUDGE_WEIGHT = 0.003
_PRIOR_WEIGHT = 0.03


def context_weights(mask, window=WINDOW):
    """How much each known pixel counts: by the missing ones around it.

    Args:
        mask: (n, H, W, 1) or (H, W), 1 (or True) where a pixel is known, 0 where it is missing.
        window: side of the window, odd.

    Returns:
        Array of the mask's shape, float32: 0 where missing, else 0.1 to 1.

    Raises:
        ValueError: values other than 0 and 1; an even window.

    Example:
        >>> mask = np.ones((5, 5)); mask[2, 2] = 0
        >>> weights = context_weights(mask, window=3)
        >>> float(weights[2, 2]), round(float(weights[1, 1]), 3), round(float(weights[0, 0]), 3)
        (0.0, 0.125, 0.1)
    """
    mask = np.asarray(mask, "float32")
    if not np.isin(mask, (0.0, 1.0)).all() or mask.ndim not in (2, 4):
        raise ValueError(
            "Expected a mask (n, H, W, 1) or (H, W) of 1 where a pixel is known and 0 where it is "
            f"missing. Received: shape {mask.shape}, values {np.unique(mask)[:5]}"
        )
    if window < 3 or window % 2 == 0:
        raise ValueError(f"window must be odd, 3 or more. Received: window={window}")
    axes = (0, 1) if mask.ndim == 2 else (1, 2)
    half = window // 2
    padding = [(half, half) if axis in axes else (0, 0) for axis in range(mask.ndim)]
    known = np.pad(mask, padding, constant_values=1.0)  # beyond the picture nothing is missing
    windows = np.lib.stride_tricks.sliding_window_view(known, (window, window), axis=axes)
    missing = 1.0 - windows.mean(axis=(-2, -1))
    share = missing * window**2 / (window**2 - 1)  # of the neighbours, itself not counted
    return (mask * np.maximum(share, _FAR)).astype("float32")


def inpaint(space, images, mask, labels=None, seed=0, progress=False, **arguments):
    """Fills in what the mask hides.

    Args:
        space: `Space` whose gradients can be had.
        images: (n, H, W, C), finite, in [-1, 1]; pixels under the mask are never looked at.
        mask: (n, H, W, 1) or (H, W): 1 where known, 0 where missing.
        labels: of a conditional model; None: found.
        seed: int, of the random starts.
        progress: whether to show a bar.
        **arguments: those of `Projector`; unlike there, by default norm=1, no features,
            prior_weight=0.03, and judge_weight=0.003 if there is a discriminator or critic.

    Returns:
        (images, `Projection`): the given pixels with the missing ones filled in, (n, H, W, C), and
        the latents behind them.

    Raises:
        ValueError: a mask of another shape, of other values, or that hides a whole image.

    Example:
        >>> from kerasgan import latent, models
        >>> space = latent.Space(models.GAN(image_shape=(8, 8, 1), latent_dim=4, seed=0))
        >>> mask = np.ones((8, 8)); mask[:, :3] = 0
        >>> images = space.images(space.draw(2, seed=1))
        >>> filled, _ = inpaint(space, images, mask, starts=2, steps=3)
        >>> bool(np.array_equal(filled[:, :, 3:], images[:, :, 3:]))
        True
    """
    images = space.checked_images(images)
    mask = np.asarray(mask, "float32")
    if mask.shape not in (images.shape[1:3], (len(images), *images.shape[1:3], 1)):
        raise ValueError(
            f"Expected a mask {images.shape[1:3]} or {(len(images), *images.shape[1:3], 1)}. "
            f"Received: mask of shape {mask.shape}"
        )
    known = mask.reshape(-1, *images.shape[1:3]).any(axis=(1, 2))
    if not known.all():
        raise ValueError(
            "Each image must have known pixels, 1 in the mask; of an unknown one there is nothing "
            f"to go by. Received: a mask that is 0 everywhere for {np.sum(~known)} of {len(known)}"
        )
    weights = context_weights(mask)
    if mask.ndim == 2:
        mask, weights = mask[..., np.newaxis], weights[..., np.newaxis]
    has_judge = hasattr(space.model, "discriminator") or hasattr(space.model, "critic")
    defaults = {"norm": 1, "extractor": None, "prior_weight": _PRIOR_WEIGHT}
    defaults["judge_weight"] = _JUDGE_WEIGHT if has_judge else 0.0
    projector = Projector(space, **{**defaults, **arguments})
    known = mask * images
    found = projector(known, labels, weights, seed=seed, progress=progress)
    return known + (1.0 - mask) * found.images, found
