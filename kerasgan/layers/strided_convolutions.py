"""Convolutions of stride 2 whose images have few channels, with a faster way back to the images."""

import keras
import tensorflow as tf

_FEW = 6  # channels up to which it pays; with 16 it doesn't


@keras.saving.register_keras_serializable("kerasgan")
class Conv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D`, whose gradient to images of few channels is faster on a CPU.

    A discriminator's first convolution has one to six channels, for which the CPU's kernel of the
    gradient to the input takes longer than all the rest of the layer. It is the transposed
    convolution of `Conv2DTranspose`, computed here as that layer does. Values and gradients are
    Keras' but for rounding. It applies to stride 2, "same" padding, even sizes known when the
    layer is built, and where there is no GPU; elsewhere this is Keras' own layer.

    Args:
        *args: those of `keras.layers.Conv2D`: filters, kernel_size, strides, padding, ...
        **kwargs: as well.

    Example:
        >>> layer = Conv2D(32, 5, 2, "same")
        >>> layer(tf.zeros((8, 28, 28, 1))).shape
        TensorShape([8, 14, 14, 32])
    """

    def convolution_op(self, inputs, kernel):
        """The convolution without its bias."""
        if not (self.trainable and _pays(self, inputs.shape, inputs.shape[-1])):
            return super().convolution_op(inputs, kernel)
        return _convolve(inputs, tf.convert_to_tensor(kernel))


@keras.saving.register_keras_serializable("kerasgan")
class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose`, faster on a CPU where it makes images of few channels.

    Its stride of 2 is taken apart: each of the 2 x 2 pixels that an input pixel becomes is a
    channel of a convolution of stride 1 with half the kernel's size, and the channels are then laid
    out in space (the sub-pixel convolution of Shi et al. 2016, https://arxiv.org/abs/1609.05158,
    section 3.2). Weights, values and gradients are Keras' but for rounding. It applies as in
    `Conv2D`; elsewhere this is Keras' own layer.

    Args:
        *args: those of `keras.layers.Conv2DTranspose`: filters, kernel_size, strides, padding, ...
        **kwargs: as well.

    Example:
        >>> layer = Conv2DTranspose(1, 5, 2, "same")
        >>> layer(tf.zeros((8, 14, 14, 32))).shape
        TensorShape([8, 28, 28, 1])
    """

    def call(self, inputs):
        """The transposed convolution, the bias and the activation."""
        shape = inputs.shape
        doubled = [shape[0], *(size and 2 * size for size in shape[1:3]), self.filters]
        if self.output_padding is not None or not _pays(self, doubled, self.filters):
            return super().call(inputs)
        # A frozen layer, as of an average that is served, has no gradient of its own: a SavedModel
        # warns of such.
        transpose = _transpose if self.trainable else _in_space
        outputs = transpose(inputs, tf.convert_to_tensor(self.kernel))
        if self.use_bias:
            outputs += tf.convert_to_tensor(self.bias)
        return outputs if self.activation is None else self.activation(outputs)


def _pays(layer, image_shape, channels):
    """Whether the layer, between maps and images of a shape, is one of those above."""
    height, width = image_shape[1:3]
    return (
        channels <= _FEW
        and tuple(layer.strides) == (2, 2)
        and layer.padding == "same"
        and layer.data_format == "channels_last"
        and tuple(layer.dilation_rate) == (1, 1)
        and getattr(layer, "groups", 1) == 1
        and min(layer.kernel_size) >= 2
        and bool(height and width)
        and height % 2 == width % 2 == 0
        and not tf.config.list_physical_devices("GPU")
    )


@tf.custom_gradient
def _convolve(images, kernel):
    """Images (n, 2h, 2w, c), kernel (k, l, c, d) -> maps (n, h, w, d)."""

    def gradients(of_maps):
        return _transpose(of_maps, kernel), _of_kernel(images, kernel, of_maps)

    return tf.nn.conv2d(images, kernel, 2, "SAME"), gradients


@tf.custom_gradient
def _transpose(maps, kernel):
    """Maps (n, h, w, d), kernel (k, l, c, d) -> images (n, 2h, 2w, c)."""

    def gradients(of_images):
        return _convolve(of_images, kernel), _of_kernel(of_images, kernel, maps)

    return _in_space(maps, kernel), gradients


def _in_space(maps, kernel):
    """As `_transpose`, without its gradients."""
    small = _in_blocks(kernel)
    n, height, width, _ = tf.unstack(tf.shape(maps))
    blocks = [n, height, width, small.shape[2]]
    outputs = tf.nn.depth_to_space(tf.nn.conv2d_transpose(maps, small, blocks, 1, "SAME"), 2)
    outputs.set_shape([maps.shape[0], *(s and 2 * s for s in maps.shape[1:3]), kernel.shape[2]])
    return outputs


def _of_kernel(images, kernel, of_maps):
    """The gradient to the kernel of a convolution from images to maps."""
    return tf.raw_ops.Conv2DBackpropFilter(
        input=images,
        filter_sizes=kernel.shape,
        out_backprop=of_maps,
        strides=[1, 2, 2, 1],
        padding="SAME",
    )


def _in_blocks(kernel):
    """The kernel (k, l, c, d) of stride 2 as one of stride 1 between blocks of 2 x 2 pixels,
    (k', l', 4c, d): zeros are put before and behind, so that it begins and ends with a block.
    """
    *size, channels, filters = kernel.shape
    before = [(side - 2) // 2 % 2 for side in size]
    paddings = [[b, (b + side) % 2] for b, side in zip(before, size)] + [[0, 0], [0, 0]]
    rows, columns = ((side + sum(padding)) // 2 for side, padding in zip(size, paddings))
    padded = tf.reshape(tf.pad(kernel, paddings), [rows, 2, columns, 2, channels, filters])
    return tf.reshape(
        tf.transpose(padded, [0, 2, 1, 3, 4, 5]), [rows, columns, 4 * channels, filters]
    )
