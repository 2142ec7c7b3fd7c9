"""kerasgan: a GAN model zoo for Keras 3 on TensorFlow."""

from kerasgan import (
    attacks,
    callbacks,
    data,
    fine_tuning,
    latent,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    presets,
    runs,
    schedules,
    serving,
    theory,
)
from kerasgan.version import __version__

__all__ = [
    "__version__",
    "attacks",
    "callbacks",
    "data",
    "fine_tuning",
    "latent",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "presets",
    "runs",
    "schedules",
    "serving",
    "theory",
]
