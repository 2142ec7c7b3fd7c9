"""What a generator has learnt, explored in its latents.

Every tool takes a `Space`, made of a model or loaded by `load`; images are arrays (n, H, W, C) in
[-1, 1], latents arrays (n, latent_dim). `paths` goes from latent to latent, `arithmetic` adds,
subtracts and truncates, `directions` finds what to move along and `effects` measures what that
does, in terms of `attributes`; `projection`, `inpainting` and `inverse` go from an image to its
latent; `neighbours` and `membership` ask what of the training set is remembered; `studies`
and `reconstructions` put figures to whole questions.
"""

from kerasgan.latent import (
    attributes,
    directions,
    explorer,
    membership,
    neighbours,
    reconstructions,
    studies,
)
from kerasgan.latent.activations import first_weights, layer_output
from kerasgan.latent.arithmetic import analogy, around, concept, towards_mean
from kerasgan.latent.effects import monotonicity, positions, responses, sweep
from kerasgan.latent.inpainting import context_weights, inpaint
from kerasgan.latent.inverse import build_encoder, train_encoder
from kerasgan.latent.judges import realness, realness_of
from kerasgan.latent.loading import load
from kerasgan.latent.paths import between, grid, lerp, slerp, walk
from kerasgan.latent.projection import Projection, Projector, project
from kerasgan.latent.space import SavedSpace, Space

__all__ = [
    "Projection",
    "Projector",
    "SavedSpace",
    "Space",
    "analogy",
    "around",
    "attributes",
    "between",
    "build_encoder",
    "concept",
    "context_weights",
    "directions",
    "explorer",
    "first_weights",
    "grid",
    "inpaint",
    "layer_output",
    "lerp",
    "load",
    "membership",
    "monotonicity",
    "neighbours",
    "positions",
    "project",
    "realness",
    "realness_of",
    "reconstructions",
    "responses",
    "slerp",
    "studies",
    "sweep",
    "towards_mean",
    "train_encoder",
    "walk",
]
