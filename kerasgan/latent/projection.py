"""Projection: the latent whose image is nearest to a given one, found by going down the gradient.

Lipton & Tripathi 2017, https://arxiv.org/abs/1702.04782 (latents recovered by gradient descent),
and Zhu et al. 2016, https://arxiv.org/abs/1609.03552, section 3.1 (pixels and features together; an
encoder for the start). The loss has many valleys, so each image is tried from several starts, all
in one batch, and the best is kept.

Departures, and why: Adam in place of plain descent and of L-BFGS, as each row of a batch then has
step sizes of its own; the features are those of the zoo's small classifier, not of an ImageNet
network.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from kerasgan import checks
from kerasgan.latent.inverse import check_encoder
from kerasgan.latent.judges import realness
from kerasgan.metrics import features

_ROWS = 400  # latents that are moved at a time: images times starts
_BETAS = 0.9, 0.999  # Adam's


@dataclasses.dataclass(frozen=True)
class Projection:
    """What a projection found, one row for each image.

    Args:
        latents: (n, latent_dim).
        labels: (n,) int32 of a conditional model, or None.
        images: (n, H, W, C), what the generator makes of the latents.
        losses: (n,), what was minimised, at the end.
        errors: (n,), mean squared error of the pixels, in units of the range [-1, 1]; where there
            was a mask, of the known pixels.
    """

    latents: np.ndarray
    labels: np.ndarray | None
    images: np.ndarray
    losses: np.ndarray
    errors: np.ndarray


class Projector:
    """Finds latents for images; its compiled step serves any number of calls.

    Each row minimises
    `pixels + feature_weight * features + prior_weight * z^2 + judge_weight * judge`: the mean of
    `|G(z) - x|^norm` over the pixels; the squared distance of both images' features over that of
    the image's features from zero; the mean square of the latent (in its own deviations), which
    keeps normal latents likely; and `log(1 - D(G(z)))` of the model's own discriminator.
    Uniform latents are kept within [-1, 1].

    Args:
        space: `Space` of a model of images, whose gradients can be had (not of an export).
        extractor: features' extractor, see `kerasgan.metrics.get`; "auto": the shipped classifier
            of digits for grey images, none for others; None: pixels alone.
        feature_weight: >= 0.
        prior_weight: >= 0.
        judge_weight: >= 0; above 0 the model must have a discriminator or critic.
        norm: 1 or 2, of the pixels' differences.
        starts: latents tried for each image; where labels are to be found, at least one for each
            label.
        steps: of Adam, for each start.
        learning_rate: of Adam, in deviations of a latent.
        encoder: `keras.Model`, images -> latents, whose guess is the first start, and where
            labels are to be found the first of each label; see `train_encoder`. None: all starts
            are random.

    Raises:
        ValueError: an argument out of its range; the space of an export, or of points; an encoder
            that doesn't fit the space.

    Example:
        >>> from kerasgan import latent, models
        >>> space = latent.Space(models.GAN(image_shape=(8, 8, 1), latent_dim=4, seed=0))
        >>> project = Projector(space, extractor=None, starts=2, steps=3)
        >>> project(space.images(space.draw(2, seed=1))).latents.shape
        (2, 4)
    """

    def __init__(
        self,
        space,
        extractor="auto",
        feature_weight=0.1,
        prior_weight=0.003,
        judge_weight=0.0,
        norm=2,
        starts=8,
        steps=200,
        learning_rate=0.1,
        encoder=None,
    ):
        space.check_differentiable("Projection")
        space.check_images()
        if norm not in (1, 2):
            raise ValueError(f"norm must be 1 or 2. Received: norm={norm!r}")
        if extractor == "auto":
            extractor = "mnist_classifier" if space.image_shape[-1] == 1 else None
        self.space = space
        self.extractor = None if extractor is None else features.get(extractor)
        self.feature_weight = checks.not_negative(feature_weight=feature_weight)
        self.prior_weight = checks.not_negative(prior_weight=prior_weight)
        self.judge_weight = checks.not_negative(judge_weight=judge_weight)
        self.norm = norm
        self.starts = checks.positive(starts=starts)
        self.steps = checks.positive(steps=steps)
        self.learning_rate = checks.positive_number(learning_rate=learning_rate)
        self.encoder = None if encoder is None else check_encoder(space, encoder)
        self._step = tf.function(self._adam_step, reduce_retracing=True)
        self._judged = tf.function(self._losses, reduce_retracing=True)
        if self.extractor:
            self.extractor.check_shape(space.image_shape)

    def __call__(self, images, labels=None, weights=None, seed=0, progress=False):
        """Projects images.

        Args:
            images: (n, H, W, C), finite, in [-1, 1].
            labels: of a conditional model, one for all or one for each image. None: the starts
                take all labels in turn, and the best start's is kept.
            weights: (n, H, W, C) or a shape that broadcasts to it, >= 0: how much each pixel
                counts; what lies under 0 is never looked at. None: all the same. With weights
                there are no features.
            seed: int, of the random starts.
            progress: whether to show a bar.

        Returns:
            `Projection`.

        Raises:
            ValueError: images of another shape or range; weights that are negative, or 0 for a
                whole image; bad labels.
        """
        images = self.space.checked_images(images)
        masked = weights is not None
        weights = self._checked_weights(weights, images)
        found_labels = self.space.num_classes if labels is None else None
        labels = self._start_labels(labels, len(images))
        tries = self.starts if labels is None else labels.shape[1]
        starts = self._first_latents(images, tries, found_labels or 1, seed)
        parts = max(1, _ROWS // tries)
        pieces = [slice(i, i + parts) for i in range(0, len(images), parts)]
        bar = keras.utils.Progbar(len(pieces) * self.steps, verbose=int(progress))
        found = [
            self._best(
                images[piece], starts[piece], None if labels is None else labels[piece],
                weights[piece], masked, bar,
            )
            for piece in pieces
        ]  # fmt: skip
        latents, chosen, losses = (np.concatenate(part) for part in zip(*found))
        chosen = None if labels is None else chosen
        made = self.space.images(latents, chosen)
        squares = weights * np.square(made - images)
        errors = squares.sum(axis=(1, 2, 3)) / weights.sum(axis=(1, 2, 3))
        return Projection(latents, chosen, made, losses, errors)

    def _best(self, images, starts, labels, weights, masked, bar):
        """(latents, labels, losses) of the best start of each image of a piece."""
        tries = starts.shape[1]
        repeated = [np.repeat(each, tries, axis=0) for each in (images, weights)]
        if masked or not self.extractor:
            wanted = tf.zeros([len(repeated[0]), 0])  # no features
        else:
            wanted = tf.repeat(self.extractor(images), tries, axis=0)
        rows = None if labels is None else tf.constant(labels.reshape(-1))
        fixed = (tf.constant(repeated[0]), tf.constant(repeated[1]), wanted, rows)
        latents = tf.constant(starts.reshape(-1, self.space.latent_dim))
        first, second = tf.zeros_like(latents), tf.zeros_like(latents)
        for step in range(1, self.steps + 1):
            state = (latents, first, second, tf.constant(step, tf.float32))
            latents, first, second = self._step(*state, *fixed)
            bar.add(1)
        losses = self._judged(latents, *fixed).numpy().reshape(-1, tries)
        best = losses.argmin(axis=1)
        every = np.arange(len(best))
        latents = latents.numpy().reshape(len(best), tries, -1)[every, best]
        kept = best if labels is None else labels[every, best]
        return latents, kept, losses[every, best]

    def _losses(self, latents, images, weights, wanted, labels):
        """What each row minimises, (rows,)."""
        made = self.space.decode(latents, labels)
        differences = tf.abs(made - images) ** self.norm
        loss = tf.reduce_sum(weights * differences, axis=(1, 2, 3))
        loss /= tf.reduce_sum(weights, axis=(1, 2, 3))
        if wanted.shape[1] != 0 and self.feature_weight:
            distance = tf.reduce_sum(tf.square(self.extractor(made) - wanted), axis=1)
            size = tf.reduce_sum(tf.square(wanted), axis=1)
            loss += self.feature_weight * distance / tf.maximum(size, 1e-6)
        if self.prior_weight:
            squares = tf.reduce_mean(tf.square(latents / self.space.deviation), axis=1)
            loss += self.prior_weight * squares
        if self.judge_weight:
            loss -= self.judge_weight * tf.nn.softplus(realness(self.space, made, labels))
        return loss

    def _adam_step(self, latents, first, second, step, *fixed):
        with tf.GradientTape() as tape:
            tape.watch(latents)
            losses = self._losses(latents, *fixed)
        gradient = tape.gradient(losses, latents)  # rows don't meet: each has its own
        first = _BETAS[0] * first + (1.0 - _BETAS[0]) * gradient
        second = _BETAS[1] * second + (1.0 - _BETAS[1]) * tf.square(gradient)
        rate = self.learning_rate * self.space.deviation
        size = tf.sqrt(second / (1.0 - _BETAS[1] ** step)) + 1e-8
        latents -= rate * (first / (1.0 - _BETAS[0] ** step)) / size
        if self.space.distribution == "uniform":
            latents = tf.clip_by_value(latents, -1.0, 1.0)
        return latents, first, second

    def _first_latents(self, images, tries, guesses, seed):
        """Starts (n, tries, latent_dim): random ones, but the first `guesses` the encoder's."""
        drawn = self.space.draw(len(images) * tries, seed)
        starts = drawn.reshape(len(images), tries, -1)
        if self.encoder is not None:
            guessed = self.space.checked(self.encoder.predict(images, verbose=0))
            starts[:, :guesses] = guessed[:, np.newaxis]
        return starts

    def _start_labels(self, labels, n):
        """Labels (n, tries) of the starts, each label at least once if none are given; or None."""
        if self.space.num_classes is None:
            if labels is not None:
                raise ValueError(f"This model takes no labels. Received: labels={labels!r}")
            return None
        if labels is None:
            tries = max(self.starts, self.space.num_classes)
            turns = np.arange(tries) % self.space.num_classes
            return np.tile(turns, (n, 1)).astype("int32")
        return np.repeat(self.space.checked_labels(labels, n)[:, np.newaxis], self.starts, axis=1)

    def _checked_weights(self, weights, images):
        if weights is None:
            return np.ones_like(images)
        try:
            weights = np.broadcast_to(np.asarray(weights, "float32"), images.shape)
        except ValueError as error:
            raise ValueError(
                f"Expected weights (or a mask) that fit images {images.shape}. "
                f"Received: shape {np.shape(weights)}"
            ) from error
        usable = np.isfinite(weights).all() and weights.min() >= 0
        if not usable or not weights.sum(axis=(1, 2, 3)).all():
            raise ValueError(
                "Expected weights of 0 or more, and some above 0 for every image. Received: "
                f"weights in [{weights.min()}, {weights.max()}]"
            )
        return weights


def project(space, images, labels=None, seed=0, progress=False, **arguments):
    """Projects images once: `Projector(space, **arguments)(images, ...)`.

    Args:
        space: `Space`.
        images: (n, H, W, C), in [-1, 1].
        labels: of a conditional model.
        seed: int, of the random starts.
        progress: whether to show a bar.
        **arguments: those of `Projector`.

    Returns:
        `Projection`.
    """
    return Projector(space, **arguments)(images, labels, seed=seed, progress=progress)
