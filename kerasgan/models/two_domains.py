"""What CycleGAN, DualGAN and DiscoGAN have in common: two domains without pairs, a generator each
way, and how they are used once trained.

A family adds its discriminators (or critics), losses and `train_step`.
"""

import numpy as np
import tensorflow as tf

from kerasgan import checks, specs
from kerasgan.models import translations
from kerasgan.models.base import AdversarialModel


class TwoDomainModel(AdversarialModel):
    """A model with a generator from domain A to domain B and one back. Data: (images_a, images_b).

    A family sets its other networks in its constructor, implements `build_generator`, and calls
    `set_up()` last. Metrics compare real images of B with translations of A.

    Args:
        image_shape: (H, W, C) of the images of both domains, float32 in [-1, 1]. Translation
            takes any size, as the generators are fully convolutional.
        generator_a_to_b: `keras.Model`, images -> images; None builds the default.
        generator_b_to_a: the same, the other way.
        **kwargs: `ema_decay`, `seed`, `name`, `dtype`: see `AdversarialModel`.

    Raises:
        ValueError: an image_shape that isn't one; a generator that doesn't fit it.
    """

    averaged = ("generator_a_to_b", "generator_b_to_a")

    def __init__(
        self, image_shape=(256, 256, 3), generator_a_to_b=None, generator_b_to_a=None, **kwargs
    ):
        super().__init__(**kwargs)
        self.image_shape = checks.image_shape(image_shape)
        self.generator_a_to_b = generator_a_to_b or self.build_generator("generator_a_to_b")
        self.generator_b_to_a = generator_b_to_a or self.build_generator("generator_b_to_a")
        for name in self.averaged:
            checks.translator(name, getattr(self, name), self.image_shape)

    def build_generator(self, name):
        """This family's default generator."""
        raise NotImplementedError(f"{type(self).__name__} must implement build_generator().")

    def data_spec(self):
        """A batch of each domain."""
        return tuple(
            specs.ArraySpec(name, self.image_shape, "float32", -1.0, 1.0)
            for name in ("images_a", "images_b")
        )

    # Translating in training: current weights ---------------------------------------------

    def a_to_b(self, images_a):
        """G: images of A as images of B."""
        return self._run(self.generator_a_to_b, images_a, training=True)

    def b_to_a(self, images_b):
        """F: images of B as images of A."""
        return self._run(self.generator_b_to_a, images_b, training=True)

    def _run(self, generator, images, training=False):
        return translations.run(generator, images, self.draw_seed(), training)

    # Translating afterwards: EMA weights --------------------------------------------------

    def translate_a_to_b(self, images, seed=0):
        """Translates images of domain A with the EMA generator.

        Args:
            images: array (n, H, W, C), float32 in [-1, 1], H and W of any size.
            seed: int, of the noise, where the generators take any.

        Returns:
            Array (n, H, W, C), float32 in [-1, 1].

        Raises:
            ValueError: images of another shape, dtype or range.
        """
        channels = self.image_shape[-1]
        return translations.translate(self.ema_generator_a_to_b, images, seed, channels)

    def translate_b_to_a(self, images, seed=0):
        """As `translate_a_to_b`, of images of domain B."""
        channels = self.image_shape[-1]
        return translations.translate(self.ema_generator_b_to_a, images, seed, channels)

    def sheet(self, parts, seed=0):
        """Columns of a contact sheet of some data: dict, title -> images (n, H, W, C)."""
        images_a, images_b = (np.asarray(images) for images in parts)
        as_b = translations.shown(self.translate_a_to_b(images_a, seed))
        as_a = translations.shown(self.translate_b_to_a(images_b, seed))
        return {
            "A": images_a,
            "A to B": as_b,
            "and back": translations.shown(self.translate_b_to_a(as_b, seed)),
            "B": images_b,
            "B to A": as_a,
            "and back to B": translations.shown(self.translate_a_to_b(as_a, seed)),
        }

    def real_samples(self, data):
        """Images of B."""
        return data[1]

    def generate_batch(self, data):
        """Images of A as images of B, for metrics."""
        return self._run(self.ema_generator_a_to_b, data[0])

    def signatures(self):
        """What `kerasgan.serving.export` offers: name -> (function, TensorSpecs)."""
        channels = self.image_shape[-1]
        a_to_b = translations.translation_endpoint(self.ema_generator_a_to_b, channels)
        b_to_a = translations.translation_endpoint(self.ema_generator_b_to_a, channels)
        return {"serving_default": a_to_b, "translate_a_to_b": a_to_b, "translate_b_to_a": b_to_a}


def mean_absolute_error(images, others):
    """The L1 distance per value."""
    return tf.reduce_mean(tf.abs(tf.cast(images, tf.float32) - tf.cast(others, tf.float32)))
