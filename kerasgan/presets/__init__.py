"""Presets: trained models with a card, as folders that can be loaded by name, path or URL.

A preset is a folder of three files: `config.json` (how the model is built), `model.weights.h5` (its
networks, their averages and its counters; no optimizers) and `metadata.json`, the card (where it
comes from, what it scores, and size and SHA-256 of the other two). Whatever else lies in the folder
(exported versions for TF Serving, pictures) is left alone. A folder without `metadata.json`, which
is written last, is no preset.
"""

from kerasgan.presets.places import names as list
from kerasgan.presets.zoo import HasPresets, amend, info, load, save

__all__ = ["HasPresets", "amend", "info", "list", "load", "save"]
