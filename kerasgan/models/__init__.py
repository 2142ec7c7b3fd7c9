"""One file per family; each reads like its paper's algorithm."""

from kerasgan.models.base import AdversarialModel
from kerasgan.models.cgan import CGAN
from kerasgan.models.dcgan import DCGAN
from kerasgan.models.gan import GAN
from kerasgan.models.lsgan import LSGAN
from kerasgan.models.unconditional import UnconditionalModel
from kerasgan.models.wgan import WGAN, WGANGP

__all__ = [
    "CGAN",
    "DCGAN",
    "GAN",
    "LSGAN",
    "WGAN",
    "WGANGP",
    "AdversarialModel",
    "UnconditionalModel",
]
