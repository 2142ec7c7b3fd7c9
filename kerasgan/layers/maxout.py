"""Maxout Networks, Goodfellow et al. 2013, https://arxiv.org/abs/1302.4389, equation 1."""

import keras

from kerasgan import checks


@keras.saving.register_keras_serializable("kerasgan")
class Maxout(keras.layers.Layer):
    """The largest of several affine maps of the input, for each unit.

    Args:
        units: width of the output.
        pieces: affine maps per unit.
        **kwargs: `name`, `dtype`.

    Returns:
        A layer: (batch, features) -> (batch, units).

    Raises:
        ValueError: units or pieces not a positive integer.

    Example:
        >>> Maxout(3, pieces=2)(keras.ops.ones((4, 5))).shape
        TensorShape([4, 3])
    """

    def __init__(self, units, pieces, **kwargs):
        super().__init__(**kwargs)
        self.units = checks.positive(units=units)
        self.pieces = checks.positive(pieces=pieces)
        self.dense = keras.layers.Dense(units * pieces, dtype=self.dtype_policy)

    def build(self, input_shape):
        """Makes the affine maps."""
        self.dense.build(input_shape)
        super().build(input_shape)

    def call(self, inputs):
        """The maximum over the pieces."""
        maps = self.dense(inputs)  # (batch, units * pieces)
        return keras.ops.max(keras.ops.reshape(maps, (-1, self.units, self.pieces)), axis=-1)

    def compute_output_shape(self, input_shape):
        """(batch, units)."""
        return (*input_shape[:-1], self.units)

    def get_config(self):
        """The arguments."""
        return {**super().get_config(), "units": self.units, "pieces": self.pieces}
