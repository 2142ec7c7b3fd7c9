"""Adam in one operation for each weight."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("kerasgan")
class Adam(keras.optimizers.Adam):
    """`keras.optimizers.Adam`, whose update of a weight is one fused operation of TensorFlow.

    Kingma & Ba 2015, https://arxiv.org/abs/1412.6980, in the order of section 2's last paragraph,
    as Keras has it. Keras passes over a weight and its two moments a dozen times; of a perceptron's
    step on a CPU that is a tenth. Sparse gradients and `amsgrad` go Keras' way. Results agree but
    for rounding; the state is the same, so that one continues the other's.

    Args:
        *args: those of `keras.optimizers.Adam`: learning_rate, beta_1, beta_2, epsilon, ...
        **kwargs: as well.

    Example:
        >>> optimizer, weight = Adam(0.1), keras.Variable([1.0, 1.0])
        >>> optimizer.apply([tf.constant([5.0, -0.001])], [weight])
        >>> [round(w, 3) for w in weight.numpy().tolist()]  # a first step is the rate's, always
        [0.9, 1.1]
    """

    def update_step(self, gradient, variable, learning_rate):
        """Moves a weight and its moments by one gradient."""
        if self.amsgrad or isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        dtype = variable.dtype
        step = tf.cast(self.iterations + 1, dtype)
        index = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=_handle(variable),
            m=_handle(self._momentums[index]),
            v=_handle(self._velocities[index]),
            beta1_power=tf.pow(tf.cast(self.beta_1, dtype), step),
            beta2_power=tf.pow(tf.cast(self.beta_2, dtype), step),
            lr=tf.cast(learning_rate, dtype),
            beta1=tf.cast(self.beta_1, dtype),
            beta2=tf.cast(self.beta_2, dtype),
            epsilon=tf.cast(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )


def _handle(variable):
    """The resource of a Keras variable or of TensorFlow's, which Keras hands over."""
    return (variable.value if isinstance(variable, keras.Variable) else variable).handle
