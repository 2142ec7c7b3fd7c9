"""The version of kerasgan, in one place, and those of what it stands on."""

import keras
import tensorflow as tf

__version__ = "0.1.0"


def versions():
    """The versions that cards, records, scores and benchmarks name.

    Returns:
        dict: "kerasgan", "keras" and "tensorflow" -> version.

    Example:
        >>> sorted(versions())
        ['keras', 'kerasgan', 'tensorflow']
    """
    return {
        "kerasgan": __version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
    }
