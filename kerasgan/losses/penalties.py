"""Penalties on the gradient of a critic or discriminator with respect to its inputs.

Each is `penalty(network, inputs...)` -> a float32 scalar without its weight, to be returned by a
loss method as one more term. `network` is any callable from inputs to logits of any rank, so labels
go in by a closure: `r1(lambda images: discriminator([images, labels], training=True), images)`.

The gradient is taken inside the penalty, and the penalty is differentiated again: every layer must
have second-order gradients. A bilinear resize has none, and says nothing.
"""

import tensorflow as tf


def gradient_penalty(network, real_inputs, fake_inputs, mix, target=1.0):
    """Gulrajani et al. 2017, equation 3: `E[(||grad D(x)|| - target)^2]`, x between real and fake.

    Args:
        network: callable, inputs (batch, ...) -> logits of any rank.
        real_inputs: float tensor (batch, ...).
        fake_inputs: float tensor of the same shape; its rows are paired with the real ones.
        mix: float tensor (batch,) in [0, 1], drawn from U[0, 1]: the share of the fake input.
        target: the gradient's norm that costs nothing; 0 pulls the gradient itself to zero.

    Returns:
        Float32 scalar. Its gradient is finite where the network's gradient is zero.

    Example:
        >>> x = tf.zeros((2, 2))
        >>> slope_5 = lambda x: 3.0 * x[:, :1] + 4.0 * x[:, 1:]
        >>> float(gradient_penalty(slope_5, x, x + 1.0, mix=[0.2, 0.7]))
        16.0
    """
    real_inputs, fake_inputs = tf.cast(real_inputs, tf.float32), tf.cast(fake_inputs, tf.float32)
    mix = _per_sample(mix, real_inputs)
    mixed = real_inputs + mix * (fake_inputs - real_inputs)
    norms = _safe_sqrt(squared_gradient_norms(network, mixed))
    return tf.reduce_mean(tf.square(norms - target))


def r1(network, real_inputs):
    """Mescheder et al. 2018, equation 9: `E[||grad D(x)||^2] / 2` on real inputs.

    The paper's gamma is the weight of this term.

    Args:
        network: callable, inputs (batch, ...) -> logits of any rank.
        real_inputs: float tensor (batch, ...).

    Returns:
        Float32 scalar.

    Example:
        >>> float(r1(lambda x: 3.0 * x[:, :1] + 4.0 * x[:, 1:], tf.zeros((4, 2))))
        12.5
    """
    return 0.5 * tf.reduce_mean(squared_gradient_norms(network, real_inputs))


def r2(network, fake_inputs):
    """Mescheder et al. 2018, equation 10: `E[||grad D(x)||^2] / 2` on fake inputs.

    Args:
        network: callable, inputs (batch, ...) -> logits of any rank.
        fake_inputs: float tensor (batch, ...).

    Returns:
        Float32 scalar.

    Example:
        >>> float(r2(lambda x: 2.0 * x, tf.zeros((4, 1))))
        2.0
    """
    return r1(network, fake_inputs)


def dragan(network, real_inputs, noise, mix, target=1.0):
    """Kodali et al. 2017, "On Convergence and Stability of GANs": `E[(||grad D(x)|| - target)^2]`
    around the real inputs, as in the authors' program.

    Each real input is moved by `mix` of a perturbation: half the standard deviation of the batch
    (over all its elements) times `noise`.

    Args:
        network: callable, inputs (batch, ...) -> logits of any rank.
        real_inputs: float tensor (batch, ...).
        noise: float tensor of the same shape, drawn from U[0, 1].
        mix: float tensor (batch,), drawn from U[0, 1].
        target: the gradient's norm that costs nothing.

    Returns:
        Float32 scalar.

    Example:
        >>> x = tf.constant([[0.0, 1.0], [2.0, 5.0]])
        >>> round(float(dragan(lambda x: 2.0 * x, x, noise=x, mix=[0.0, 1.0])), 4)
        3.3431
    """
    real_inputs = tf.cast(real_inputs, tf.float32)
    perturbed = real_inputs + 0.5 * tf.math.reduce_std(real_inputs) * tf.cast(noise, tf.float32)
    return gradient_penalty(network, real_inputs, perturbed, mix, target)


def squared_gradient_norms(network, inputs):
    """`||grad D(x)||^2` for each sample, of the sum of its logits: float32 tensor (batch,)."""
    inputs = tf.cast(inputs, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        logits = tf.cast(network(inputs), tf.float32)
    gradients = tf.cast(tape.gradient(logits, inputs), tf.float32)
    return tf.reduce_sum(tf.square(gradients), axis=range(1, len(gradients.shape)))


def _per_sample(mix, like):
    """(batch,) -> (batch, 1, ...), as many axes as `like` has."""
    mix = tf.cast(mix, tf.float32)
    if len(mix.shape) != 1:
        raise ValueError(
            "mix must have shape (batch,), one number for each sample. "
            f"Received: mix of shape {tuple(mix.shape)}"
        )
    return tf.reshape(mix, [-1] + [1] * (len(like.shape) - 1))


def _safe_sqrt(squares):
    """The square root, with gradient 0 at 0 (the plain one's is infinite, then NaN)."""
    positive = squares > 0.0
    return tf.where(positive, tf.sqrt(tf.where(positive, squares, 1.0)), 0.0)
