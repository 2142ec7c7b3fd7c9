"""What all families have whose generator turns latents alone into samples: latents, sampling, data.

A family adds its networks, losses and `train_step`.
"""

import tensorflow as tf

from kerasgan import checks, specs
from kerasgan.models import latents as latent_draws
from kerasgan.models.base import AdversarialModel


class UnconditionalModel(AdversarialModel):
    """A model with one generator, latents -> samples, and data without labels.

    A family sets its other networks in its constructor, implements `build_generator`, and calls
    `set_up()` last.

    Args:
        image_shape: (H, W, C) of the images, float32 in [-1, 1]; or (D,) for points in D
            dimensions, of any range.
        latent_dim: size of a latent, drawn from N(0, 1) (`latent_distribution` "uniform": from
            [-1, 1]).
        generator: `keras.Model`, latents (batch, latent_dim) -> samples; None builds the default.
        **kwargs: `ema_decay`, `seed`, `name`, `dtype`: see `AdversarialModel`.

    Raises:
        ValueError: an image_shape or latent_dim that isn't one; a generator that doesn't fit them.
    """

    latent_distribution = "normal"

    def __init__(self, image_shape=(28, 28, 1), latent_dim=100, generator=None, **kwargs):
        super().__init__(**kwargs)
        self.image_shape = checks.sample_shape(image_shape)
        self.latent_dim = checks.positive(latent_dim=latent_dim)
        self.generator = generator or self.build_generator()
        checks.network("generator", self.generator, [(self.latent_dim,)], self.image_shape)

    def build_generator(self):
        """This family's default generator."""
        raise NotImplementedError(f"{type(self).__name__} must implement build_generator().")

    def data_spec(self):
        """Images (or points) only; labels in the data are left aside."""
        if len(self.image_shape) == 1:
            return (specs.ArraySpec("points", self.image_shape, "float32"),)
        return (specs.ArraySpec("images", self.image_shape, "float32", -1.0, 1.0),)

    def draw_latents(self, like):
        """Latents for a training step, as many as `like` has rows."""
        shape = [tf.shape(like)[0], self.latent_dim]
        if self.latent_distribution == "uniform":
            return self.draw_uniform(shape, -1.0, 1.0)
        return self.draw_normal(shape)

    def generate(self, n=16, seed=None, truncation=None):
        """Samples images with the EMA generator.

        Args:
            n: how many.
            seed: int; the same seed gives the same images. None draws one.
            truncation: normal latents are drawn again where they exceed it (in standard
                deviations; Brock et al. 2019, section 3.1), uniform ones come from
                [-truncation, truncation]. None: not truncated.

        Returns:
            Array (n, H, W, C), float32 in [-1, 1]; of points, (n, D).

        Raises:
            ValueError: n or truncation not positive.
        """
        n = checks.positive(n=n)
        latents = latent_draws.draw(n, self.latent_dim, seed, truncation, self.latent_distribution)
        return latent_draws.in_chunks(self.images_from, latents)

    def images_from(self, latents):
        """Images (batch, H, W, C) of given latents (batch, latent_dim), by the EMA generator."""
        latents = checks.latents(latents, self.latent_dim)
        return self.ema_generator(latents, training=False)

    def generate_batch(self, real_images):
        """As many samples as there are real images, for metrics."""
        return self.images_from(self.draw_latents(real_images))

    def signatures(self):
        """What `kerasgan.serving.export` offers: name -> (function, TensorSpecs)."""
        latents_spec = tf.TensorSpec([None, self.latent_dim], tf.float32, name="latents")

        def serving_default(latents):
            latents = latent_draws.assert_finite(latents)
            return {"images": latent_draws.in_chunks_tensor(self.images_from, latents)}

        def sample(seed, num, truncation):
            num = latent_draws.assert_count(num)
            latents = latent_draws.draw_tensor(
                num, self.latent_dim, seed, truncation, self.latent_distribution
            )
            return {"images": latent_draws.in_chunks_tensor(self.images_from, latents)}

        num_spec = tf.TensorSpec([], tf.int32, name="num")
        return {
            "serving_default": (serving_default, [latents_spec]),
            "sample": (sample, latent_draws.sample_specs(num_spec)),
        }
