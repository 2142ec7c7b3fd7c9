"""What `Health` measures and how it judges, by hand."""

import math

import keras
import numpy as np
import pytest

from kerasgan.callbacks import probe as probing
from kerasgan.callbacks.symptoms import (
    Level,
    collapse,
    effective_classes,
    explosion,
    mean_distance,
    saturation,
    share_above,
)
from tests.callbacks.watched import fit, tiny, watch


def test_mean_distance():
    square = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]) + 1000.0
    assert mean_distance(square) == pytest.approx((4 + 2 * math.sqrt(2)) / 6, rel=1e-12)
    assert mean_distance(square, [0, 0, 1, 1]) == pytest.approx(1.0, rel=1e-12)
    assert mean_distance(square.reshape(4, 2, 1, 1)) == mean_distance(square)
    assert mean_distance(np.ones((5, 3))) == 0.0
    assert mean_distance(square, [0, 1, 2, 3]) == mean_distance(square)  # no two of a class


def test_effective_classes():
    assert effective_classes(np.eye(4)) == pytest.approx(4.0, rel=1e-9)
    assert effective_classes([[1.0, 0.0]] * 3) == pytest.approx(1.0, rel=1e-9)
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert effective_classes([[1.0, 0.0], [0.5, 0.5]]) == pytest.approx(math.exp(entropy), rel=1e-9)


def test_share_above():
    assert share_above([5.0], [1.0, 5.0, 9.0, 9.0]) == 1.5 / 4
    assert share_above([2.0, 3.0], [1.0]) == 1.0


def test_level_is_the_lowest_running_median_and_not_below_one():
    level = Level()
    ratios = [level.ratio(size) for size in (10.0, 4.0, 400.0, 4.0, 4.0, 4.0, 40.0)]
    # Medians of the last five so far: 10, 7, 10, 7, 4, 4, 4.
    assert ratios == pytest.approx([0.0, 0.4, 400 / 7, 4 / 7, 4 / 7, 1.0, 10.0])
    small = Level()
    assert [small.ratio(size) for size in (0.001, 50.0)] == [0.0, 50.0]


def test_explosion_is_said_above_the_factor_only():
    levels = {}
    assert explosion({"a": 2.0, "b": 3.0}, levels, 10.0) is None
    assert explosion({"a": 20.0, "b": 3.0}, levels, 10.0) is None
    message, values = explosion({"a": 21.0, "b": 3.0}, levels, 10.0)
    assert values == {"a": 21.0} and "a is 21 in size (usually 2)" in message


@pytest.mark.parametrize(
    ("terms", "gap", "share", "ill"),
    [
        ({"real": 0.01, "fake": -0.01}, 0.5, 0.99, True),
        ({"real": 0.011, "fake": 0.0}, 9.0, 1.0, False),  # still something to learn
        ({"real": 0.001, "fake": 0.001}, 0.02, 1.0, False),  # a critic, clipped
        ({"real": 0.001, "fake": 0.001}, 9.0, 0.98, False),
        ({}, None, None, False),  # no scores, as BEGAN's
    ],
)
def test_saturation(terms, gap, share, ill):
    found = saturation(terms, gap, share, most=0.01)
    assert bool(found) == ill
    if ill:
        assert found[1] == {**terms, "score_gap": gap, "real_above_fake": share}


def test_collapse_names_each_reason():
    assert collapse(0.05, 0.05) is None
    assert collapse(0.049, 0.05)[1] == {"distance_ratio": 0.049}
    assert collapse(0.5, 0.05, 2.0, 10.0, 0.2) is None
    message, values = collapse(0.5, 0.05, 1.9, 10.0, 0.2)
    assert values == {"classes": 1.9, "real_classes": 10.0}
    assert "samples fall into 1.9 classes effectively, real ones into 10.0" in message


def test_gradient_sizes_are_the_optimizers_second_moments(real):
    model = tiny()
    model.compile(
        generator_optimizer=keras.optimizers.RMSprop(0.0, rho=0.75),
        discriminator_optimizer=keras.optimizers.SGD(0.0),
    )
    fit(model, real, watch(real), 10)
    sizes = probing.gradient_sizes(model)
    squares = [np.sum(v.numpy()) for v in model.generator_optimizer._velocities]
    assert sizes == pytest.approx({"generator_gradient": math.sqrt(sum(squares))}, rel=1e-5)
    assert sizes["generator_gradient"] > 1e-3
