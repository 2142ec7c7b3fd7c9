"""One file per family; each reads like its paper's algorithm."""

from kerasgan.models.base import AdversarialModel
from kerasgan.models.began import BEGAN
from kerasgan.models.cgan import CGAN
from kerasgan.models.dcgan import DCGAN
from kerasgan.models.gan import GAN
from kerasgan.models.lsgan import LSGAN
from kerasgan.models.sngan import SNGAN
from kerasgan.models.unconditional import UnconditionalModel
from kerasgan.models.wgan import WGAN, WGANGP

__all__ = [
    "BEGAN",
    "CGAN",
    "DCGAN",
    "GAN",
    "LSGAN",
    "SNGAN",
    "WGAN",
    "WGANGP",
    "AdversarialModel",
    "UnconditionalModel",
]
