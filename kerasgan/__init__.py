"""kerasgan: a GAN model zoo for Keras 3 on TensorFlow."""

from kerasgan import layers, losses, models
from kerasgan.version import __version__

__all__ = ["__version__", "layers", "losses", "models"]
