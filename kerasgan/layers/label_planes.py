"""Labels as planes beside an image, so that a convolution sees them everywhere."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("kerasgan")
class LabelPlanes(keras.layers.Layer):
    """Appends a plane of constant value to images for each number of a label.

    Mirza & Osindero 2014's condition in the form that StarGAN gives it (Choi et al. 2018, 3.1).

    Call arguments:
        inputs: list of images (batch, H, W, C), and labels (batch, n), floats.

    Returns:
        Tensor (batch, H, W, C + n) of the images' dtype.

    Example:
        >>> both = LabelPlanes()([tf.zeros((2, 4, 4, 3)), tf.constant([[0.0, 1.0], [1.0, 0.0]])])
        >>> both.shape, both[1, 2, 2].numpy().tolist()
        (TensorShape([2, 4, 4, 5]), [0.0, 0.0, 0.0, 1.0, 0.0])
    """

    def call(self, inputs):
        """Spreads and appends."""
        images, labels = inputs
        batch, height, width = tf.unstack(tf.shape(images)[:3])
        planes = tf.cast(labels, images.dtype)[:, tf.newaxis, tf.newaxis]
        planes = tf.broadcast_to(planes, [batch, height, width, labels.shape[-1]])
        return tf.concat([images, planes], axis=-1)

    def compute_output_shape(self, input_shape):
        """The images' shape, with more channels."""
        images, labels = input_shape
        return (*images[:-1], images[-1] + labels[-1])
