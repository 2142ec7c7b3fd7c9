"""Spectral Normalization for Generative Adversarial Networks, Miyato et al. 2018,
https://arxiv.org/abs/1802.05957, algorithm 1.

A layer here computes with W / sigma(W), where sigma(W) is the largest singular value of its kernel
W, estimated by power iteration with a vector u that is kept from one update to the next.

The rule: **a call changes nothing; an update of W advances u**. With W as a matrix (inputs,
outputs), W' its transpose, and u a unit vector of the outputs,

    every call:           sigma = |W u|,      kernel = W / sigma
    after an update of W: v = W u / |W u|,    u <- W' v / |W' v|

so that all passes of one update (real, fake, the generator's) see the same kernel, in training as
in inference, and a saved model resumes. As u is constant in a call, the gradient of sigma is v u',
the paper's. Models of kerasgan advance u themselves; elsewhere call `advance_spectral_norms` after
each step of the optimizer. (`keras.layers.SpectralNormalization` rewrites W at each training call:
real and fake passes see different kernels, and no gradient flows through sigma.)

Departure: u starts from 20 iterations on the initial kernel, not at random. A random u takes sigma
for half of what it is, in every layer, and the first logits for a thousand times too large.
"""

import keras
from keras import ops

from kerasgan import checks
from kerasgan.layers.walk import every_layer

_FIRST_ITERATIONS = 20
_LEAST_SIGMA = 1e-6  # a kernel of zeros stays one


def advance_spectral_norms(network):
    """One power iteration for each spectrally normalised layer of a network, however deep in it.

    To be called once after each step of the optimizer that owns the network. Layers that are not
    trainable keep their u, as they keep their kernel.

    Args:
        network: a `keras.Model` or layer.

    Example:
        >>> network = keras.Sequential([keras.Input((4,)), SpectralDense(3)])
        >>> advance_spectral_norms(network)
    """
    for layer in every_layer(network):
        if isinstance(layer, SpectralLayer) and layer.trainable:
            layer.advance()


class SpectralLayer(keras.layers.Layer):
    """A layer whose kernel is divided by its largest singular value.

    A subclass calls `add_kernel` in `build` and computes with `normalized_kernel()`. Kernel, u and
    sigma are of the variables' dtype (float32 under mixed precision).
    """

    def __init__(self, use_bias=True, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def add_kernel(self, shape, outputs):
        """Makes the kernel, the bias if there is one, and u."""
        self.kernel = self.add_weight(
            name="kernel", shape=shape, initializer=self.kernel_initializer, autocast=False
        )
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(outputs,), initializer="zeros")
        self.u = self.add_weight(
            name="u",
            shape=(outputs,),
            initializer=self._first_u,
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",  # all replicas compute the same
        )

    def matrix(self):
        """The kernel as the matrix (inputs, outputs) whose singular values count."""
        return ops.reshape(self.kernel, (-1, self.kernel.shape[-1]))

    def sigma(self):
        """The estimate of the kernel's largest singular value, a scalar."""
        return _norm(_product(self.matrix(), self.u))

    def normalized_kernel(self):
        """W / sigma(W) in the compute dtype."""
        return ops.cast(self.kernel / self.sigma(), self.compute_dtype)

    def advance(self):
        """One power iteration."""
        self.u.assign(_iterate(self.matrix(), ops.convert_to_tensor(self.u)))

    def get_config(self):
        """The arguments."""
        initializer = keras.initializers.serialize(self.kernel_initializer)
        return {
            **super().get_config(),
            "use_bias": self.use_bias,
            "kernel_initializer": initializer,
        }

    def _first_u(self, shape, dtype=None):
        matrix = self.matrix()
        u = keras.initializers.RandomNormal(stddev=1.0)(shape, dtype=dtype)
        u = u / _norm(u)
        for _ in range(_FIRST_ITERATIONS):
            u = _iterate(matrix, u)
        return u

    def _plus_bias(self, outputs):
        if not self.use_bias:
            return outputs
        return outputs + ops.reshape(self.bias, (1,) * (len(outputs.shape) - 1) + (-1,))


@keras.saving.register_keras_serializable("kerasgan")
class SpectralDense(SpectralLayer):
    """`keras.layers.Dense` with a spectrally normalised kernel.

    Args:
        units: width of the output.
        use_bias: whether to add a bias, which is not normalised.
        kernel_initializer: of the kernel before normalisation.
        **kwargs: `name`, `dtype`.

    Returns:
        A layer: (..., features) -> (..., units).

    Raises:
        ValueError: units not a positive integer.

    Example:
        >>> layer = SpectralDense(1, use_bias=False, kernel_initializer="ones")
        >>> float(layer(keras.ops.ones((1, 4)))[0, 0])  # ones / sqrt(4)
        2.0
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = checks.positive(units=units)

    def build(self, input_shape):
        """Makes kernel, bias and u."""
        self.add_kernel((input_shape[-1], self.units), self.units)

    def call(self, inputs):
        """The affine map."""
        return self._plus_bias(ops.matmul(inputs, self.normalized_kernel()))

    def compute_output_shape(self, input_shape):
        """(..., units)."""
        return (*input_shape[:-1], self.units)

    def get_config(self):
        """The arguments."""
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("kerasgan")
class SpectralConv2D(SpectralLayer):
    """`keras.layers.Conv2D` with a spectrally normalised kernel.

    As in the paper, the kernel (h, w, inputs, filters) counts as the matrix (h * w * inputs,
    filters); its sigma is not that of the convolution, which depends on the size of the map.

    Args:
        filters: channels of the output.
        kernel_size: int or pair of ints.
        strides: int or pair of ints.
        padding: "same" or "valid".
        use_bias: whether to add a bias, which is not normalised.
        kernel_initializer: of the kernel before normalisation.
        **kwargs: `name`, `dtype`.

    Returns:
        A layer: (batch, H, W, inputs) -> (batch, H', W', filters).

    Raises:
        ValueError: sizes that are not positive integers; another padding.

    Example:
        >>> SpectralConv2D(3, 4, strides=2)(keras.ops.ones((1, 8, 8, 2))).shape
        TensorShape([1, 4, 4, 3])
    """

    _plain = keras.layers.Conv2D

    def __init__(self, filters, kernel_size, strides=1, padding="same", **kwargs):
        super().__init__(**kwargs)
        self.filters = checks.positive(filters=filters)
        self.kernel_size = _pair(kernel_size=kernel_size)
        self.strides = _pair(strides=strides)
        if padding not in ("same", "valid"):
            raise ValueError(f'padding must be "same" or "valid". Received: padding={padding!r}')
        self.padding = padding

    def build(self, input_shape):
        """Makes kernel, bias and u."""
        self.add_kernel((*self.kernel_size, input_shape[-1], self.filters), self.filters)

    def call(self, inputs):
        """The convolution."""
        kernel = self.normalized_kernel()
        return self._plus_bias(
            ops.conv(inputs, kernel, self.strides, self.padding, data_format="channels_last")
        )

    def compute_output_shape(self, input_shape):
        """(batch, H', W', filters)."""
        plain = self._plain(
            self.filters, self.kernel_size, self.strides, self.padding, data_format="channels_last"
        )
        return plain.compute_output_shape(input_shape)

    def get_config(self):
        """The arguments."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
        }


@keras.saving.register_keras_serializable("kerasgan")
class SpectralConv2DTranspose(SpectralConv2D):
    """`keras.layers.Conv2DTranspose` with a spectrally normalised kernel.

    The kernel (h, w, filters, inputs) counts as the matrix (h * w * inputs, filters). Arguments are
    those of `SpectralConv2D`.

    Returns:
        A layer: (batch, H, W, inputs) -> (batch, H', W', filters).

    Example:
        >>> SpectralConv2DTranspose(3, 4, strides=2)(keras.ops.ones((1, 4, 4, 2))).shape
        TensorShape([1, 8, 8, 3])
    """

    _plain = keras.layers.Conv2DTranspose

    def build(self, input_shape):
        """Makes kernel, bias and u."""
        self.add_kernel((*self.kernel_size, self.filters, input_shape[-1]), self.filters)

    def matrix(self):
        """The kernel as the matrix (h * w * inputs, filters)."""
        return ops.reshape(ops.transpose(self.kernel, (0, 1, 3, 2)), (-1, self.filters))

    def call(self, inputs):
        """The transposed convolution."""
        kernel = self.normalized_kernel()
        return self._plus_bias(
            ops.conv_transpose(
                inputs, kernel, self.strides, self.padding, data_format="channels_last"
            )
        )


@keras.saving.register_keras_serializable("kerasgan")
class SpectralEmbedding(SpectralLayer):
    """`keras.layers.Embedding` with a spectrally normalised table (input_dim, output_dim).

    Args:
        input_dim: how many integers are embedded: 0 to input_dim - 1.
        output_dim: size of each one's vector.
        kernel_initializer: of the table before normalisation.
        **kwargs: `name`, `dtype`.

    Returns:
        A layer: integers (...) -> (..., output_dim).

    Raises:
        ValueError: input_dim or output_dim not a positive integer.

    Example:
        >>> SpectralEmbedding(10, 4)(keras.ops.array([[1, 2, 3]])).shape
        TensorShape([1, 3, 4])
    """

    def __init__(self, input_dim, output_dim, kernel_initializer="uniform", **kwargs):
        super().__init__(use_bias=False, kernel_initializer=kernel_initializer, **kwargs)
        self.input_dim = checks.positive(input_dim=input_dim)
        self.output_dim = checks.positive(output_dim=output_dim)
        self.autocast = False  # the inputs are integers

    def build(self, input_shape):
        """Makes the table and u."""
        self.add_kernel((self.input_dim, self.output_dim), self.output_dim)

    def call(self, inputs):
        """The rows of the table."""
        return ops.take(self.normalized_kernel(), ops.cast(inputs, "int32"), axis=0)

    def compute_output_shape(self, input_shape):
        """(..., output_dim)."""
        return (*input_shape, self.output_dim)

    def get_config(self):
        """The arguments."""
        config = super().get_config()
        del config["use_bias"]
        return {**config, "input_dim": self.input_dim, "output_dim": self.output_dim}


def _product(matrix, vector):
    return ops.squeeze(ops.matmul(matrix, ops.expand_dims(vector, 1)), 1)


def _norm(vector):
    return ops.sqrt(ops.maximum(ops.sum(ops.square(vector)), _LEAST_SIGMA**2))


def _iterate(matrix, u):
    v = _product(matrix, u)
    new = _product(ops.transpose(matrix), v / _norm(v))
    norm = _norm(new)
    return ops.where(norm > _LEAST_SIGMA, new / norm, u)


def _pair(**argument):
    ((name, value),) = argument.items()
    values = tuple(value) if isinstance(value, (list, tuple)) else (value, value)
    if len(values) != 2:
        raise ValueError(f"{name} must be an integer or a pair. Received: {name}={value!r}")
    return tuple(checks.positive(**{name: size}) for size in values)
