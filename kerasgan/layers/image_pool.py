"""A pool of earlier generated images, saved with the model."""

import keras
import tensorflow as tf

from kerasgan import checks


@keras.saving.register_keras_serializable("kerasgan")
class ImagePool(keras.layers.Layer):
    """Hands a discriminator a mix of new fakes and earlier ones, so that it doesn't forget them.

    Shrivastava et al. 2017, section 2.3 (https://arxiv.org/abs/1612.07828), in the form of CycleGAN
    (section 4): until the pool is full each image is stored and returned; from then on, with
    probability 1/2 an image changes places with a random one of the pool, else it is returned.
    The images of a batch go to different places. Of the replicas of one process the pool keeps the
    first one's images; of several workers each has a pool of its own.

    Args:
        size: images that the pool holds; 0: none, images are returned as they are.

    Call arguments:
        images: float tensor (batch, H, W, C).
        seed: integer tensor (2,), for `tf.random.stateless_*`; another in each call.

    Returns:
        Float32 tensor (batch, H, W, C).

    Raises:
        ValueError: a negative size; a batch larger than the pool.
        tf.errors.InvalidArgumentError: the latter where the batch's size is known only in the step.

    Example:
        >>> pool = ImagePool(2)
        >>> images = tf.reshape(tf.range(4.0), (4, 1, 1, 1))
        >>> mixed = [float(pool(images[i : i + 1], seed=[0, i])[0, 0, 0, 0]) for i in range(4)]
        >>> mixed[:2]
        [0.0, 1.0]
    """

    def __init__(self, size=50, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32", "autocast": False})
        self.size = 0 if size == 0 else checks.positive(size=size)

    def build(self, input_shape):
        """Makes the pool, empty."""

        def state(name, shape, dtype):
            return self.add_weight(
                name=name, shape=shape, dtype=dtype, initializer="zeros", trainable=False,
                aggregation="only_first_replica",
            )  # fmt: skip

        self.images = state("images", (self.size + 1, *input_shape[1:]), "float32")  # last: zeros
        self.filled = state("filled", (), "int64")

    def call(self, images, seed):
        """Stores some images, returns as many."""
        images = tf.cast(images, tf.float32)
        if self.size == 0:
            return images
        number = tf.shape(images)[0]
        expected = "A batch must not be larger than the pool; raise pool_size (0: no pool)."
        if images.shape[0] is None:
            received = f"Received: a batch of more than {self.size}, the pool's size"
            fits = tf.debugging.assert_less_equal(number, self.size, f"{expected} {received}")
            with tf.control_dependencies([fits]):
                number = tf.identity(number)
        elif images.shape[0] > self.size:
            received = f"Received: a batch of {images.shape[0]} for a pool of {self.size}"
            raise ValueError(f"{expected} {received}")
        draws = tf.random.stateless_uniform([self.size + number], seed)
        new_places = tf.cast(self.filled.value, tf.int32) + tf.range(number)
        is_new = new_places < self.size
        swaps = (self.filled.value >= self.size) & (draws[self.size :] < 0.5)
        old_places = tf.argsort(draws[: self.size])[:number]  # all different
        returned = tf.where(_per_image(swaps), tf.gather(self.images.value, old_places), images)
        stores = is_new | swaps
        places = tf.where(is_new, new_places, old_places)
        places = tf.where(stores, places, self.size)[:, tf.newaxis]  # what isn't stored: last row
        rows = tf.where(_per_image(stores), images, tf.zeros_like(images))
        self.images.assign(tf.tensor_scatter_nd_update(self.images.value, places, rows))
        filled = tf.minimum(self.filled.value + tf.cast(number, tf.int64), self.size)
        self.filled.assign(filled)
        return returned

    def compute_output_shape(self, input_shape):
        """The shape of the images."""
        return input_shape

    def get_config(self):
        """The constructor's argument."""
        return {**super().get_config(), "size": self.size}


def _per_image(flags):
    return flags[:, tf.newaxis, tf.newaxis, tf.newaxis]
