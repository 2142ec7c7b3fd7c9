"""Scores of generated images: network -> features -> statistic, each told with its protocol.

The statistics are pure functions of arrays of features, in modules of their own: `frechet`,
`kernel`, `inception_score`, `precision_recall`, `mode_coverage`. `score` computes them for two sets
of images; the `keras.metrics.Metric`s do so while a model is trained.
"""

from kerasgan.metrics import frechet, inception_score, kernel, mode_coverage, precision_recall
from kerasgan.metrics.buffered import (
    DensityCoverage,
    InceptionScore,
    KernelDistance,
    PrecisionRecall,
)
from kerasgan.metrics.extractor import Extractor
from kerasgan.metrics.features import classifier, from_model, get, inception_v3
from kerasgan.metrics.scoring import METRICS, score
from kerasgan.metrics.streaming import FrechetDistance

__all__ = [
    "METRICS",
    "DensityCoverage",
    "Extractor",
    "FrechetDistance",
    "InceptionScore",
    "KernelDistance",
    "PrecisionRecall",
    "classifier",
    "frechet",
    "from_model",
    "get",
    "inception_score",
    "inception_v3",
    "kernel",
    "mode_coverage",
    "precision_recall",
    "score",
]
