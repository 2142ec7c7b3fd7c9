"""Ensemble adversarial training: a classifier learns from examples that fool other classifiers.

Tramer et al. 2018, "Ensemble Adversarial Training: Attacks and Defenses",
https://arxiv.org/abs/1705.07204, section 3.4. A network that is trained on its own FGSM examples
can learn to make them weak, by bending its loss near the data (gradient masking), instead of
becoming robust. Examples of fixed models can't be made weak; so the source of the examples changes
from batch to batch, between the fixed models and the model itself.

Where the paper leaves it open: the sources take turns in the order of `fixed_models`, the model
itself last.
"""

import functools

import keras
import tensorflow as tf

from kerasgan.attacks.adversarial_training import AdversarialTraining, trained_on


@keras.saving.register_keras_serializable("kerasgan")
class EnsembleAdversarialTraining(AdversarialTraining):
    """Trains a classifier on adversarial examples of fixed classifiers and of itself, in turn.

    The fixed models are copied. The copies are not trained, not counted among the trainable
    weights, and saved in this model's file with their weights, so that it goes on where it stopped
    without them. `evaluate` attacks the classifier itself.

    Args:
        classifier: see `AdversarialTraining`.
        fixed_models: list of trained classifiers of the same images and classes, functional or
            Sequential, logits or softmax (`from_logits` is the classifier's alone).
        *args: see `AdversarialTraining`.
        **kwargs: see `AdversarialTraining`.

    Raises:
        ValueError: as `AdversarialTraining`; no fixed models, or models of other images.

    Example:
        >>> def small():
        ...     return keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(),
        ...                              keras.layers.Dense(3)])
        >>> model = EnsembleAdversarialTraining(small(), [small(), small()], epsilon=0.1)
        >>> len(model.fixed_models), len(model.trainable_variables)
        (2, 2)
    """

    def __init__(self, classifier, fixed_models, *args, **kwargs):
        super().__init__(classifier, *args, **kwargs)
        fixed_models = list(fixed_models)
        if not fixed_models:
            raise ValueError(
                "Expected one fixed model at least; AdversarialTraining takes none. "
                f"Received: fixed_models={fixed_models}"
            )
        own = self._reader
        for model in fixed_models:
            other = trained_on(model, self.value_range, None)
            for attribute in ("image_shape", "num_classes"):
                if getattr(other, attribute) != getattr(own, attribute):
                    raise ValueError(
                        f"The fixed models must have the classifier's {attribute}, "
                        f"{getattr(own, attribute)}. Received: {model.name!r} with "
                        f"{getattr(other, attribute)}"
                    )
        self.fixed_models = [_fixed(model) for model in fixed_models]
        self._sources = [
            *(trained_on(model, self.value_range, None) for model in self.fixed_models),
            own,
        ]

    def training_examples(self, images, labels):
        """Adversarial examples of the source whose turn it is."""
        step = tf.convert_to_tensor(self.step_counter)
        share = self.share_of_epsilon(step)
        turn = tf.cast(step % len(self._sources), tf.int32)
        attacks = [
            functools.partial(self.attacked, source, images, labels, step, share)
            for source in self._sources
        ]
        return tf.switch_case(turn, attacks)

    def get_config(self):
        """The constructor's arguments, the models serialised."""
        fixed = [keras.saving.serialize_keras_object(model) for model in self.fixed_models]
        return {**super().get_config(), "fixed_models": fixed}

    @classmethod
    def from_config(cls, config):
        """A model from `get_config`'s dict."""
        config = dict(config)
        fixed = [keras.saving.deserialize_keras_object(m) for m in config.pop("fixed_models")]
        return super().from_config({**config, "fixed_models": fixed})


def _fixed(model):
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    copy.trainable = False
    return copy
