"""One file per family; each reads like its paper's algorithm."""

from kerasgan.models.autoencoder import AutoEncoder
from kerasgan.models.base import AdversarialModel
from kerasgan.models.began import BEGAN
from kerasgan.models.cgan import CGAN
from kerasgan.models.cyclegan import CycleGAN
from kerasgan.models.dcgan import DCGAN
from kerasgan.models.discogan import DiscoGAN
from kerasgan.models.dualgan import DualGAN
from kerasgan.models.gan import GAN
from kerasgan.models.lsgan import LSGAN
from kerasgan.models.pix2pix import Pix2Pix
from kerasgan.models.sngan import SNGAN
from kerasgan.models.stargan import StarGAN
from kerasgan.models.two_domains import TwoDomainModel
from kerasgan.models.unconditional import UnconditionalModel
from kerasgan.models.vae import VAE
from kerasgan.models.wgan import WGAN, WGANGP

__all__ = [
    "BEGAN",
    "CGAN",
    "DCGAN",
    "GAN",
    "LSGAN",
    "SNGAN",
    "VAE",
    "WGAN",
    "WGANGP",
    "AdversarialModel",
    "AutoEncoder",
    "CycleGAN",
    "DiscoGAN",
    "DualGAN",
    "Pix2Pix",
    "StarGAN",
    "TwoDomainModel",
    "UnconditionalModel",
]
