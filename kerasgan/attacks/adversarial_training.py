"""Adversarial training: a classifier learns from the examples that fool it at that moment.

Goodfellow et al. 2015, https://arxiv.org/abs/1412.6572, section 6:

    alpha J(x, y) + (1 - alpha) J(x + epsilon sign(grad_x J(x, y)), y),    alpha = 0.5

and Madry et al. 2018, https://arxiv.org/abs/1706.06083: `attack="pgd", alpha=0`, the inner maximum
by projected gradient descent, no loss on the images as they are.

How it is done, where the papers leave it open:
- The examples are constants to the outer gradient (for FGSM it is the same: the derivative of the
  sign is 0).
- They are made in inference mode (BatchNorm's averages, no dropout). It is this network that will
  be attacked; and to make them changes no statistics and draws no masks, which ten PGD steps would
  do ten times. While BatchNorm's averages still lag behind, in the first hundred steps, they are a
  little weaker. The losses then are those of the training mode, on the images and on the examples
  one after the other: BatchNorm normalises each by its own statistics.
- `warmup_steps` lets epsilon rise: small networks trained on strong examples alone from the start
  can stay at chance (the recipe's did at epsilon 0.3).
- Random starts are drawn from (seed, saved step counter): a run that was saved and loaded goes on
  as if it had not stopped, if its data do. For dropout that does so use `kerasgan.layers.Dropout`.
"""

import keras
import numpy as np
import tensorflow as tf

from kerasgan import checks, specs
from kerasgan.attacks import norms
from kerasgan.attacks.batches import check_step_size
from kerasgan.attacks.classifier import Classifier
from kerasgan.attacks.fgsm import fgsm_images, rand_fgsm_images
from kerasgan.attacks.pgd import pgd_images

ATTACKS = ("fgsm", "rand_fgsm", "pgd")
_ROWS_CHECKED = 1000  # of arrays given to `fit`


@keras.saving.register_keras_serializable("kerasgan")
class AdversarialTraining(keras.Model):
    """Trains a classifier on images and on adversarial examples of them.

    `compile`, `fit`, `evaluate`, `predict` and `save` are those of Keras. The loss takes integer
    labels: `SparseCategoricalCrossentropy(from_logits=True)` for a classifier that returns logits,
    "sparse_categorical_crossentropy" for one with a softmax. The compiled metrics, such as
    "accuracy", are of the images as they are; `adversarial_loss` and `adversarial_accuracy` of the
    examples; `evaluate` attacks by the same attack. The classifier itself, trained, is
    `model.classifier`: save or export it as any other.

    Args:
        classifier: functional or Sequential `keras.Model`, images -> (batch, num_classes), logits
            or softmax. It is trained in place.
        attack: "fgsm", "rand_fgsm" (half of epsilon at random) or "pgd".
        epsilon: size of the attack, for pixels in [0, 1] whatever range the data have.
        alpha: weight of the loss on the images as they are, in [0, 1); the examples have the rest.
        norm: "linf", or "l2" ("fgsm" and "pgd").
        steps: of "pgd", a positive int.
        step_size: of "pgd", in the unit of epsilon; None: 2.5 * epsilon / steps.
        random_start: of "pgd": whether it begins at a random point of the ball.
        warmup_steps: int, training steps over which epsilon (and the step size with it) rises
            from 0 in a straight line; 0: none.
        value_range: (low, high), the values of black and white in the data.
        from_logits: see `Classifier`; needed only where the last layer doesn't show it.
        seed: int, of the random starts.
        **kwargs: `name` and `dtype`, as for every `keras.Model`.

    Attributes:
        step_counter: int64 weight, training steps so far.

    Raises:
        ValueError: an argument out of its range, a model that isn't such a classifier.

    Example:
        >>> classifier = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(),
        ...                                keras.layers.Dense(3)])
        >>> model = AdversarialTraining(classifier, epsilon=0.1)
        >>> model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        ...               metrics=["accuracy"])
        >>> history = model.fit(np.zeros((8, 4, 4, 1)), np.arange(8) % 3, verbose=0).history
        >>> sorted(history)
        ['accuracy', 'adversarial_accuracy', 'adversarial_loss', 'loss']
    """

    def __init__(
        self,
        classifier,
        attack="fgsm",
        epsilon=0.3,
        alpha=0.5,
        norm="linf",
        steps=10,
        step_size=None,
        random_start=True,
        warmup_steps=0,
        value_range=(-1.0, 1.0),
        from_logits=None,
        seed=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._reader = trained_on(classifier, value_range, from_logits)
        if attack not in ATTACKS:
            raise ValueError(
                f"attack must be one of {', '.join(ATTACKS)}. Received: attack={attack!r}"
            )
        if attack == "rand_fgsm" and norm != "linf":
            raise ValueError(f"rand_fgsm is an attack of norm 'linf'. Received: norm={norm!r}")
        if not checks.not_negative(alpha=alpha) < 1.0:
            raise ValueError(
                "alpha must lie in [0, 1): at 1 no adversarial example would be seen. "
                f"Received: alpha={alpha}"
            )
        shape = self._reader.image_shape
        self.classifier = classifier
        self.attack = attack
        self.norm = norms.check_norm(norm)
        self.epsilon = norms.check_epsilon(epsilon, norm, shape)
        self.alpha = float(alpha)
        self.steps = checks.positive(steps=steps)
        self.step_size = step_size
        self.random_start = bool(random_start)
        self.warmup_steps = warmup_steps and checks.positive(warmup_steps=warmup_steps)
        self.value_range = self._reader.value_range
        self.from_logits = from_logits
        self.seed = checks.seed(seed)
        check_step_size(step_size, self.epsilon, self.steps, norm, shape)
        self.step_counter = self.add_weight(
            name="step_counter", shape=(), dtype="int64", initializer="zeros", trainable=False,
            aggregation="only_first_replica",
        )  # fmt: skip
        self.adversarial_loss = keras.metrics.Mean("adversarial_loss")
        self.adversarial_accuracy = keras.metrics.SparseCategoricalAccuracy("adversarial_accuracy")
        self.built = True

    def call(self, images, training=False):
        """What the classifier returns."""
        return self.classifier(images, training=training)

    # The step -----------------------------------------------------------------------------

    def train_step(self, data):
        """One update of the classifier on a batch and on adversarial examples of it."""
        images, labels, weights = unpacked(data)
        examples = self.training_examples(images, labels)
        with tf.GradientTape() as tape:
            answers = self(images, training=self.alpha > 0)
            # Before the examples go through the layers, whose own losses (activity regularisers)
            # are those of the last call.
            clean_loss = self.compute_loss(images, labels, answers, weights, training=True)
            loss = adversarial_loss = self._examples_loss(examples, labels, weights, True)
            if self.alpha > 0:
                loss = self.alpha * clean_loss + (1.0 - self.alpha) * adversarial_loss
            scaled = self.optimizer.scale_loss(loss)
        variables = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(scaled, variables), variables))
        self.step_counter.assign_add(1)
        return self._logs(loss, images, labels, answers, weights)

    def test_step(self, data):
        """The losses and metrics on a batch and on examples that fool the classifier now."""
        images, labels, weights = unpacked(data)
        step = tf.constant(-1, tf.int64)  # no training step's draws
        examples = self.attacked(self._reader, images, labels, step, share=1.0)
        adversarial_loss = self._examples_loss(examples, labels, weights, False)
        answers = self(images, training=False)
        clean_loss = self.compute_loss(images, labels, answers, weights, training=False)
        loss = self.alpha * clean_loss + (1.0 - self.alpha) * adversarial_loss
        return self._logs(loss, images, labels, answers, weights)

    def training_examples(self, images, labels):
        """Adversarial examples for one training step."""
        step = tf.convert_to_tensor(self.step_counter)
        return self.attacked(self._reader, images, labels, step, self.share_of_epsilon(step))

    def share_of_epsilon(self, step):
        """How far the warm-up has come: (0, 1]."""
        if not self.warmup_steps:
            return tf.constant(1.0)
        return tf.minimum(tf.cast(step + 1, tf.float32) / self.warmup_steps, 1.0)

    def attacked(self, reader, images, labels, step, share):
        """Adversarial examples by this model's attack on a `Classifier`, as constants; of a share
        of epsilon.
        """
        context = tf.distribute.get_replica_context()
        replica = tf.cast(context.replica_id_in_sync_group if context else 0, tf.int64)
        seeds = tf.stack([step * 4096 + replica, tf.constant(self.seed, tf.int64)])
        given = (reader, images, labels, seeds, self.value_range, share * self.epsilon)
        if self.attack == "fgsm":
            examples = fgsm_images(*given, norm=self.norm)
        elif self.attack == "rand_fgsm":
            examples = rand_fgsm_images(*given, alpha=share * self.epsilon / 2)
        else:
            size = check_step_size(self.step_size, self.epsilon, self.steps, self.norm)
            examples = pgd_images(*given, self.steps, share * size, self.norm, self.random_start)
        return tf.stop_gradient(examples)

    def _examples_loss(self, examples, labels, weights, training):
        answers = self(examples, training=training)
        loss = self.compute_loss(examples, labels, answers, weights, training=training)
        size = tf.shape(labels)[0]
        self.adversarial_loss.update_state(_of_all_replicas(loss), sample_weight=size)
        self.adversarial_accuracy.update_state(labels, answers)  # unweighted, as `metrics` are
        return loss

    def _logs(self, loss, images, labels, answers, weights):
        size = tf.shape(labels)[0]
        (tracker,) = (metric for metric in self.metrics if metric.name == "loss")
        tracker.update_state(_of_all_replicas(loss), sample_weight=size)
        return self.compute_metrics(images, labels, answers, weights)

    # The door, saving ---------------------------------------------------------------------

    def data_spec(self):
        """Tuple of `kerasgan.specs.ArraySpec`: images in the value range, integer labels."""
        low, high = self.value_range
        images = specs.ArraySpec("images", self._reader.image_shape, "float", low, high)
        labels = specs.ArraySpec("labels", (), "int", num_classes=self._reader.num_classes)
        return images, labels

    def fit(self, x=None, y=None, *args, **kwargs):
        """Trains as `keras.Model.fit` does, after a look at the first of the data.

        Args:
            x: a `tf.data.Dataset` of batches (images, labels), or an array of images.
            y: with an array: the labels, integers.
            *args: as in `keras.Model.fit`.
            **kwargs: as in `keras.Model.fit`.

        Raises:
            ValueError: images out of the value range or of another shape, one-hot labels, a
                cross-entropy of logits for a classifier that returns probabilities or the like.
        """
        self._check(x, y)
        held_out = kwargs.get("validation_data")
        if held_out is not None:
            pair = isinstance(held_out, (tuple, list))
            self._check(*(held_out[:2] if pair else (held_out, None)))
        return super().fit(x, y, *args, **kwargs)

    def evaluate(self, x=None, y=None, *args, **kwargs):
        """Evaluates as `keras.Model.evaluate` does, after a look at the first of the data.

        Args:
            x: see `fit`.
            y: see `fit`.
            *args: as in `keras.Model.evaluate`.
            **kwargs: as in `keras.Model.evaluate`.

        Raises:
            ValueError: as `fit`.
        """
        self._check(x, y)
        return super().evaluate(x, y, *args, **kwargs)

    def _check(self, x, y):
        self._check_loss()
        if isinstance(x, tf.data.Dataset):
            specs.check_dataset(x, self.data_spec(), batches=1)
        elif y is not None:
            for array, spec in zip((x, y), self.data_spec()):
                array = np.asarray(array[:_ROWS_CHECKED])
                specs.warn_of_range(spec, *specs.check_array(spec.name, array, spec))

    def _check_loss(self):
        """ValueError for a cross-entropy that misreads the answers: it would train, badly."""
        loss = getattr(self, "loss", None)  # none before `compile`
        reads_logits = getattr(loss, "from_logits", None)
        if isinstance(loss, str) and loss == "sparse_categorical_crossentropy":
            reads_logits = False
        returns_logits = not _returns_probabilities(self.classifier)
        if reads_logits not in (None, returns_logits):
            raise ValueError(
                f"loss must be SparseCategoricalCrossentropy(from_logits={returns_logits}), as the "
                f"classifier returns {'logits' if returns_logits else 'probabilities'}. "
                f"Received: loss={loss!r}, for which from_logits={reads_logits}"
            )

    def get_config(self):
        """The constructor's arguments, the classifier serialised."""
        names = ("attack", "epsilon", "alpha", "norm", "steps", "step_size", "random_start")
        names += ("warmup_steps", "value_range", "from_logits", "seed")
        return {
            **super().get_config(),
            "classifier": keras.saving.serialize_keras_object(self.classifier),
            **{name: getattr(self, name) for name in names},
        }

    @classmethod
    def from_config(cls, config):
        """A model from `get_config`'s dict."""
        config = dict(config)
        return cls(keras.saving.deserialize_keras_object(config.pop("classifier")), **config)


def trained_on(model, value_range, from_logits):
    """The `Classifier` of a functional or Sequential model whose images have a known size."""
    reader = Classifier(model, value_range, from_logits)
    shape = reader.image_shape
    if shape is None or None in shape:
        raise ValueError(
            "Expected a functional or Sequential classifier of images of a fixed size; give a "
            f"Sequential one a keras.Input. Received: {model!r} for images {shape}"
        )
    low, high = reader.value_range
    images = np.random.default_rng(0).uniform(low, high, (8, *shape)).astype("float32")
    reader.settle(images)
    return reader


def _returns_probabilities(classifier):
    rows = np.asarray(classifier(np.zeros((1, *classifier.input_shape[1:]), "float32")), "float32")
    return bool(rows.min() >= 0 and abs(rows.sum() - 1) < 1e-2)


def unpacked(data):
    """(images, labels, sample weights or None) of a batch; ValueError for other labels."""
    images, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
    if labels is None or len(labels.shape) != 1:
        raise ValueError(
            "Expected batches (images, labels), the labels one integer for each image (for one-hot "
            "rows: tf.argmax(labels, -1, output_type=tf.int32)). Received: labels "
            f"{labels if labels is None else f'of shape {tuple(labels.shape)}'}"
        )
    return tf.cast(images, tf.float32), tf.cast(labels, tf.int32), weights


def _of_all_replicas(loss):
    """A loss as it is logged: Keras divides each replica's share by the number of replicas."""
    return loss * tf.distribute.get_strategy().num_replicas_in_sync
