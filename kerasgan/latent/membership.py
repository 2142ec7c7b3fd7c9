"""Membership inference: can it be told, of a picture, that the model was trained on it?

Hayes et al. 2019 (LOGAN), https://arxiv.org/abs/1705.07663: who has the discriminator sorts
pictures by its score, as an overfitted one knows its training set; the share of members among the
first n, n being how many there are, is the paper's accuracy. Chen et al. 2020 (GAN-Leaks),
https://arxiv.org/abs/1909.03935: who has samples alone sorts by the distance to the nearest.

An area under the curve of 1/2 is what guessing has; the more above it, the more leaks.
"""

import numpy as np

from kerasgan.latent import judges, neighbours


def curve(members, others):
    """Receiver operating characteristic of a score, higher for members.

    Args:
        members: (n,) scores of images that were trained on.
        others: (m,) scores of images that were not.

    Returns:
        dict: "false_positive" and "true_positive", arrays of rates from 0 to 1 as the threshold
        falls; "auc", the area, ties counted half; "accuracy", the share of members among the n
        highest scores (the paper's white-box attack; ties broken at random are counted by their
        mean).

    Raises:
        ValueError: no scores, or NaN.

    Example:
        >>> curve([3.0, 1.0], [2.0, 0.0])["auc"]
        0.75
    """
    members, others = (np.asarray(each, "float64").ravel() for each in (members, others))
    if not len(members) or not len(others) or not np.isfinite([*members, *others]).all():
        raise ValueError(
            "Expected finite scores of members and of others. "
            f"Received: {len(members)} and {len(others)} scores"
        )
    thresholds = np.unique(np.concatenate([members, others]))[::-1]
    rates = []
    for scores in (others, members):
        above = len(scores) - np.searchsorted(np.sort(scores), thresholds, side="left")
        rates.append(np.concatenate([[0.0], above / len(scores)]))
    false_positive, true_positive = rates
    # How many are above each threshold, members or not, and of them how many are members.
    picked = false_positive * len(others) + true_positive * len(members)
    accuracy = np.interp(len(members), picked, true_positive)
    heights = (true_positive[1:] + true_positive[:-1]) / 2
    return {
        "false_positive": false_positive,
        "true_positive": true_positive,
        "auc": float(np.sum(np.diff(false_positive) * heights)),
        "accuracy": float(accuracy),
    }


def by_discriminator(space, members, others, member_labels=None, other_labels=None):
    """LOGAN's white-box attack: the model's own discriminator's score.

    Args:
        space: `Space` of a model with a discriminator or critic.
        members: (n, H, W, C) images that were trained on.
        others: (m, H, W, C) held-out images.
        member_labels: (n,), of a conditional model.
        other_labels: (m,), of a conditional model.

    Returns:
        As `curve`.

    Raises:
        ValueError: a model without a discriminator; images that don't fit.
    """
    return curve(
        judges.realness_of(space, members, member_labels),
        judges.realness_of(space, others, other_labels),
    )


def by_distance(samples, members, others):
    """GAN-Leaks' black-box attack: minus the distance to the nearest sample.

    Args:
        samples: (k, width) rows of many samples; see `neighbours.rows_of`.
        members: (n, width) rows of images that were trained on.
        others: (m, width) rows of held-out images.

    Returns:
        As `curve`.

    Example:
        >>> by_distance([[0.0], [1.0]], [[0.1], [1.1]], [[0.4], [0.5]])["auc"]
        1.0
    """
    return curve(*(-neighbours.nearest(rows, samples)[1][:, 0] for rows in (members, others)))
