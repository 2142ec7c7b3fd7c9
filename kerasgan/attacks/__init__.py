"""Fooling classifiers, and training them not to be fooled: for any Keras classifier of images."""

from kerasgan.attacks.adversarial_training import AdversarialTraining
from kerasgan.attacks.classifier import Classifier
from kerasgan.attacks.drawings import draw_bars, draw_examples, draw_heat_maps
from kerasgan.attacks.ensemble_training import EnsembleAdversarialTraining
from kerasgan.attacks.fgsm import fgsm, rand_fgsm
from kerasgan.attacks.noise import random_noise
from kerasgan.attacks.pgd import pgd
from kerasgan.attacks.scoring import answers, score

__all__ = [
    "AdversarialTraining",
    "Classifier",
    "EnsembleAdversarialTraining",
    "answers",
    "draw_bars",
    "draw_examples",
    "draw_heat_maps",
    "fgsm",
    "pgd",
    "rand_fgsm",
    "random_noise",
    "score",
]
