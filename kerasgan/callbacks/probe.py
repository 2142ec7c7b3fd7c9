"""What `Health` asks of a model: samples beside real ones, scores, weights, gradients."""

import inspect

import keras
import numpy as np
import tensorflow as tf

from kerasgan import specs
from kerasgan.callbacks.symptoms import effective_classes, mean_distance, share_above


def gradient_sizes(model):
    """By `<player>_gradient`, the root of the sum of running means of squared gradients.

    These are the `velocity` variables of Adam, AdamW, Nadam, RMSprop and the like, so that
    nothing needs to be added to a training step. Players whose optimizer keeps none are left out.
    """
    sizes = {}
    for player, optimizer in model.optimizers.items():
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        squares = [v for v in inner.variables if v.name.endswith("velocity")]
        if squares:
            total = sum(float(tf.reduce_sum(tf.cast(v.value, tf.float32))) for v in squares)
            sizes[f"{player}_gradient"] = total**0.5
    return sizes


def broken_weights(model):
    """Paths of the weights that hold a NaN or an infinity."""
    weights = (v for v in model.weights if keras.backend.is_float_dtype(v.dtype))
    return [v.path for v in weights if not np.isfinite(v.numpy()).all()]


class Probe:
    """The same real samples, and samples of the same latents, each time: what a model makes of
    its data now.

    Args:
        real: a batch of real data as `fit` takes it: an array, a tuple (samples, labels), or a
            dataset, whose first `samples` examples are taken.
        samples: how many of them to use, at least 2.
        seed: int, of the latents.
        classifier: function, samples (n, ...) -> probabilities (n, classes), or None.

    Raises:
        ValueError: fewer than two real samples.
    """

    def __init__(self, real, samples, seed, classifier):
        self.real = tuple(part[:samples] for part in _first_rows(real, samples))
        self.seed = seed
        self.classifier = classifier
        if len(self.real[0]) < 2:
            raise ValueError(
                "real must hold at least two samples. "
                f"Received: real of shape {np.shape(self.real[0])}"
            )

    def fit(self, model):
        """Checks that real samples fit `model`, measures them, and finds its discriminator.

        Raises:
            ValueError: real samples that don't fit the model's data; a model that can't be
                sampled; a classifier that returns no probabilities.
        """
        dataset = tf.data.Dataset.from_tensors(self.real if len(self.real) > 1 else self.real[0])
        specs.check_dataset(dataset, model.data_spec())
        names = [spec.name for spec in model.data_spec()]
        self.labels = self.real[names.index("labels")] if "labels" in names else None
        takes = inspect.signature(getattr(model, "generate", lambda: None)).parameters
        if not ("n" in takes or ("labels" in takes and self.labels is not None)):
            raise ValueError(
                "Health needs a model with generate(n) or generate(labels). "
                f"Received: model={type(model).__name__}"
            )
        self.by_label = "labels" in takes
        self.distance = mean_distance(self.real[0], self.labels)
        if not self.distance > 0.0:
            raise ValueError(
                "The real samples are all alike, so no diversity can be measured against them. "
                f"Received: real with a mean distance of {self.distance}"
            )
        self.classes = self._classes(self.real[0])
        self.judge = next((p for p in ("discriminator", "critic") if p in model.optimizers), None)
        network = getattr(model, self.judge or "", None)
        if not isinstance(network, keras.Model) or not self._judges(network, model):
            self.judge = None

    def _judges(self, network, model):
        """Whether a network gives scores; BEGAN's discriminator gives images."""
        fits = len(network.inputs) <= len(self.real) and len(network.outputs) == 1
        return fits and network.outputs[0].shape[1:] != tuple(model.data_spec()[0].shape)

    def measure(self, model):
        """What the probe finds now, by name: `distance_ratio` (the samples' mean distance over
        that of the real ones), `classes` and `real_classes` (with a classifier), `score_gap` and
        `real_above_fake` (with a discriminator).
        """
        if self.by_label:
            fake = model.generate(labels=self.labels, seed=self.seed)
        else:
            fake = model.generate(len(self.real[0]), seed=self.seed)
        found = {"distance_ratio": mean_distance(fake, self.labels) / self.distance}
        if self.classifier is not None:
            found.update(classes=self._classes(fake), real_classes=self.classes)
        if self.judge:
            network = getattr(model, self.judge)
            real_scores = _scores(network, self.real)
            fake_scores = _scores(network, (fake, *self.real[1:]))
            found["score_gap"] = float(real_scores.mean() - fake_scores.mean())
            found["real_above_fake"] = share_above(real_scores, fake_scores)
        return found

    def _classes(self, samples):
        if self.classifier is None:
            return None
        rows = np.asarray(self.classifier(samples))
        if rows.ndim != 2 or rows.min() < 0.0 or abs(rows.sum(1) - 1.0).max() > 1e-2:
            raise ValueError(
                "classifier must return probabilities (n, classes), rows that add up to 1; put a "
                f"softmax behind logits. Received: an array of shape {rows.shape}"
            )
        return effective_classes(rows)


def _first_rows(real, count):
    """The parts of `real` as arrays; of a dataset, of its first batches."""
    if not isinstance(real, tf.data.Dataset):
        parts = real if isinstance(real, (tuple, list)) else (real,)
        return tuple(np.asarray(part) for part in parts)
    batches, rows = [], 0
    for batch in real.as_numpy_iterator():
        batches.append(batch if isinstance(batch, tuple) else (batch,))
        rows += len(batches[-1][0])
        if rows >= count:
            break
    return tuple(np.concatenate(parts) for parts in zip(*batches)) or (np.zeros((0,)),)


def _scores(network, parts):
    """One score for each sample: the mean over a patch discriminator's logits."""
    inputs = [tf.convert_to_tensor(part) for part in parts[: len(network.inputs)]]
    scores = np.asarray(network(inputs if len(inputs) > 1 else inputs[0], training=False))
    return scores.reshape(len(scores), -1).mean(1)
