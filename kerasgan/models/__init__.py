"""One file per family; each reads like its paper's algorithm."""

from kerasgan.models.base import AdversarialModel
from kerasgan.models.cgan import CGAN
from kerasgan.models.dcgan import DCGAN
from kerasgan.models.gan import GAN

__all__ = ["CGAN", "DCGAN", "GAN", "AdversarialModel"]
