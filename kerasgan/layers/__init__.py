"""Layers that Keras lacks, or has in a form that a GAN cannot use."""

from kerasgan.layers.dropout import Dropout
from kerasgan.layers.maxout import Maxout
from kerasgan.layers.spectral_norm import (
    SpectralConv2D,
    SpectralConv2DTranspose,
    SpectralDense,
    SpectralEmbedding,
    SpectralLayer,
    advance_spectral_norms,
)

__all__ = [
    "Dropout",
    "Maxout",
    "SpectralConv2D",
    "SpectralConv2DTranspose",
    "SpectralDense",
    "SpectralEmbedding",
    "SpectralLayer",
    "advance_spectral_norms",
]
