"""Unsupervised Representation Learning with Deep Convolutional GANs, Radford et al. 2016,
https://arxiv.org/abs/1511.06434

What is reproduced: the architecture rules of section 3 and the training details of section 4
(N(0, 0.02) weights, LeakyReLU 0.2, Adam 2e-4 with beta_1 0.5). The paper's own 64-px, 1024-channel
networks are `build_paper_generator` and `build_paper_discriminator`.

Departures, and why:
- Half the paper's channels by default (64 next to the image, not 128), and for 28 px two doublings
  from 7x7: small images need no more.
- Latents are normal, not uniform, as everywhere in the zoo.
- Samples come from an exponential moving average of the generator.
"""

import keras

from kerasgan.models.gan import GAN
from kerasgan.networks import dcgan

build_generator = dcgan.build_generator
build_discriminator = dcgan.build_discriminator
build_paper_generator = dcgan.build_paper_generator
build_paper_discriminator = dcgan.build_paper_discriminator


@keras.saving.register_keras_serializable("kerasgan")
class DCGAN(GAN):
    """A GAN of strided convolutions. Arguments, logs and sampling are those of `GAN`.

    Example:
        >>> model = DCGAN(image_shape=(64, 64, 3), generator=build_generator(100, (64, 64, 3), 8))
        >>> model.generate(1, seed=0).shape
        (1, 64, 64, 3)
    """

    def build_generator(self):
        """The paper's generator at this image's size, with half its channels."""
        return build_generator(self.latent_dim, self.image_shape)

    def build_discriminator(self):
        """The discriminator that mirrors it."""
        return build_discriminator(self.image_shape)
