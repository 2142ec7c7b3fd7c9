"""Layers that Keras lacks, or has in a form that a GAN cannot use."""

from kerasgan.layers.batch_normalization import BatchNormalization
from kerasgan.layers.dropout import Dropout
from kerasgan.layers.image_pool import ImagePool
from kerasgan.layers.label_planes import LabelPlanes
from kerasgan.layers.maxout import Maxout
from kerasgan.layers.noise_dropout import NoiseDropout
from kerasgan.layers.reflection_padding import ReflectionPadding2D
from kerasgan.layers.spectral_norm import (
    SpectralConv2D,
    SpectralConv2DTranspose,
    SpectralDense,
    SpectralEmbedding,
    SpectralLayer,
    advance_spectral_norms,
)
from kerasgan.layers.strided_convolutions import Conv2D, Conv2DTranspose
from kerasgan.layers.walk import every_layer

__all__ = [
    "BatchNormalization",
    "Conv2D",
    "Conv2DTranspose",
    "Dropout",
    "ImagePool",
    "LabelPlanes",
    "Maxout",
    "NoiseDropout",
    "ReflectionPadding2D",
    "SpectralConv2D",
    "SpectralConv2DTranspose",
    "SpectralDense",
    "SpectralEmbedding",
    "SpectralLayer",
    "advance_spectral_norms",
    "every_layer",
]
