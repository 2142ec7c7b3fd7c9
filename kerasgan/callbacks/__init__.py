"""Callbacks for `fit`: samples, checkpoints that resume exactly, logs, guards, learning rates,
a clock.

Put them in this order: `NaNGuard` or `Health` first, so that nothing is made of a broken model,
`Checkpoint` last, so that what the others write for an epoch is there before the run can go on
behind it.
"""

from kerasgan.callbacks.checkpoint import Checkpoint
from kerasgan.callbacks.clock import Clock
from kerasgan.callbacks.contact_sheet import ContactSheet
from kerasgan.callbacks.health import Health
from kerasgan.callbacks.learning_rate import LearningRateScheduler
from kerasgan.callbacks.logs import CSVLog, tensorboard
from kerasgan.callbacks.nan_guard import NaNGuard
from kerasgan.callbacks.sample_grid import SampleGrid

__all__ = [
    "CSVLog",
    "Checkpoint",
    "Clock",
    "ContactSheet",
    "Health",
    "LearningRateScheduler",
    "NaNGuard",
    "SampleGrid",
    "tensorboard",
]
