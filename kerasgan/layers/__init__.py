"""Layers that Keras lacks, or has in a form that a GAN cannot use."""

from kerasgan.layers.dropout import Dropout
from kerasgan.layers.maxout import Maxout

__all__ = ["Dropout", "Maxout"]
