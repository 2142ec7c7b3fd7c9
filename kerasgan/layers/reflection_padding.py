"""Padding by reflection, which leaves no dark frame around a translated picture."""

import keras
import tensorflow as tf

from kerasgan import checks


@keras.saving.register_keras_serializable("kerasgan")
class ReflectionPadding2D(keras.layers.Layer):
    """Pads images with their own mirror image, the edge's pixels not doubled.

    Johnson et al. 2016, https://arxiv.org/abs/1603.08155; used by CycleGAN's generators.

    Args:
        padding: pixels on each side.

    Call arguments:
        inputs: tensor (batch, H, W, C), H and W above `padding`.

    Returns:
        Tensor (batch, H + 2 padding, W + 2 padding, C).

    Raises:
        ValueError: a padding that is no positive integer.

    Example:
        >>> row = tf.reshape([1.0, 2.0, 3.0], (1, 1, 3, 1)) * tf.ones((1, 3, 1, 1))
        >>> padded = ReflectionPadding2D(1)(row)
        >>> padded[0, 0, :, 0].numpy().tolist()
        [2.0, 1.0, 2.0, 3.0, 2.0]
    """

    def __init__(self, padding, **kwargs):
        super().__init__(**kwargs)
        self.padding = checks.positive(padding=padding)

    def call(self, inputs):
        """Pads both sides of both axes."""
        sides = [self.padding, self.padding]
        return tf.pad(inputs, [[0, 0], sides, sides, [0, 0]], mode="REFLECT")

    def compute_output_shape(self, input_shape):
        """Two paddings more in height and width, where those are known."""
        batch, height, width, channels = input_shape
        height, width = (n if n is None else n + 2 * self.padding for n in (height, width))
        return (batch, height, width, channels)

    def get_config(self):
        """The constructor's argument."""
        return {**super().get_config(), "padding": self.padding}
