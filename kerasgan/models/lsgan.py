"""Least Squares Generative Adversarial Networks, Mao et al. 2017,
https://arxiv.org/abs/1611.04076

What is reproduced: equation 2 with the labels a (fakes), b (real) and c (what the generator wants)
as parameters, and so both codings of section 3.2: a = 0, b = c = 1 (equation 9, the default), and
a = -1, b = 1, c = 0 (equation 8), under which b - c = 1 and b - a = 2, so that the generator
minimises the Pearson chi-square divergence between p_d + p_g and 2 p_g.

Departures, and why:
- DCGAN's networks and Adam(2e-4, beta_1=0.5) instead of the paper's for 112 px: they fit small
  images, and make the objective the only difference from `DCGAN`.
- Latents are normal, and samples come from an exponential moving average, as everywhere in the zoo.
"""

import keras

from kerasgan.losses import LeastSquares
from kerasgan.models.dcgan import DCGAN


@keras.saving.register_keras_serializable("kerasgan")
class LSGAN(DCGAN):
    """A DCGAN whose discriminator regresses labels: half the squared distance, not cross-entropy.

    Logs and sampling are those of `GAN`.

    Args:
        a: the discriminator's label for fakes.
        b: its label for real images.
        c: the label that the generator wants for its fakes; on b's side of a.
        **kwargs: `image_shape`, `latent_dim`, `generator`, `discriminator`, `ema_decay`, `seed`:
            see `GAN`.

    Raises:
        ValueError: labels that aren't finite, a = b, or c not on b's side of a.

    Example:
        >>> LSGAN(a=-1, b=1, c=0, image_shape=(8, 8, 1)).loss
        LeastSquares(a=-1.0, b=1.0, c=0.0)
    """

    def __init__(self, a=0.0, b=1.0, c=1.0, **kwargs):
        if "loss" in kwargs:
            raise TypeError(
                "LSGAN's loss follows from a, b and c; DCGAN takes any other. "
                f"Received: loss={kwargs['loss']!r}"
            )
        super().__init__(loss=LeastSquares(a, b, c), **kwargs)
        self.a, self.b, self.c = self.loss.a, self.loss.b, self.loss.c

    def get_config(self):
        """The constructor's arguments; the loss follows from the labels."""
        config = super().get_config()
        del config["loss"]
        return config
