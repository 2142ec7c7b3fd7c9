"""Truncation in studies: thresholds that cut, of normal latents and of uniform ones."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import metrics
from kerasgan.latent import studies
from tests.latent.makers import of_pixels


@pytest.mark.parametrize(
    "distribution, wanted",
    [("normal", (2.0, 1.5, 1.0, 0.5)), ("uniform", (0.8, 0.6, 0.4, 0.2))],
)
def test_every_threshold_truncates(distribution, wanted):
    space = of_pixels(lambda z: tf.tile(z / 4.0, [1, 2]), distribution=distribution)
    assert studies.thresholds(space) == wanted
    network = keras.Sequential([keras.Input((1, 2, 1)), keras.layers.Flatten()])
    real = space.images(space.draw(300, seed=1))
    scores = studies.truncation_scores(space, metrics.from_model(network, name="flat"), real, n=300)
    thresholds = [f"threshold {each}" for each in wanted]
    assert list(scores) == ["none", *thresholds, "psi 0.8", "psi 0.6", "psi 0.4", "psi 0.2"]
    recalls = np.array([scores[name]["recall"] for name in ("none", *thresholds)])
    assert recalls[0] > 0.9 and np.all(np.diff(recalls) < -0.02)
