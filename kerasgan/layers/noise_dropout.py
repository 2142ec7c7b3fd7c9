"""Dropout that is a generator's source of noise: always on, its masks a function of given seeds."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("kerasgan")
class NoiseDropout(keras.layers.Layer):
    """Dropout whose masks are functions of seeds that come in as an input, at test time too.

    Isola et al. 2017, section 2.1: "we provide noise only in the form of dropout, applied on
    several layers of our generator at both training and test time". As each example has a seed of
    its own, its mask does not depend on the batch that it is in, a served model can be asked for
    the same output again, and there is no state to save.

    Args:
        rate: float in [0, 1), the share of inputs that are dropped; the rest are scaled up.
        salt: integer; layers of one network have different salts, else their masks agree.

    Call arguments:
        inputs: list of a float tensor (batch, ...), and seeds, an integer tensor (batch, 2).

    Returns:
        A tensor of the first input's shape and dtype.

    Raises:
        ValueError: a rate outside [0, 1).

    Example:
        >>> layer = NoiseDropout(0.5, salt=1)
        >>> ones, seeds = tf.ones((2, 3, 3, 8)), tf.constant([[7, 0], [7, 1]], tf.int64)
        >>> first, second = layer([ones, seeds]), layer([ones, seeds])
        >>> bool(tf.reduce_all(first == second)), bool(tf.reduce_all(first[0] == first[1]))
        (True, False)
    """

    def __init__(self, rate, salt=0, **kwargs):
        super().__init__(**kwargs)
        if not 0.0 <= rate < 1.0:
            raise ValueError(f"rate must lie in [0, 1). Received: rate={rate}")
        self.rate = float(rate)
        self.salt = int(salt)

    def call(self, inputs):
        """Drops and scales."""
        x, seeds = inputs
        shape = tf.shape(x)[1:]

        def draw(seed):
            return tf.random.stateless_uniform(shape, tf.random.fold_in(seed, self.salt))

        draws = tf.map_fn(draw, tf.cast(seeds, tf.int64), fn_output_signature=tf.float32)
        return tf.where(draws >= self.rate, x / (1.0 - self.rate), tf.zeros_like(x))

    def compute_output_shape(self, input_shape):
        """The shape of the first input."""
        return input_shape[0]

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "rate": self.rate, "salt": self.salt}
