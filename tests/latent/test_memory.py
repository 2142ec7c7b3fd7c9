"""Neighbours by brute force, the curve against Mann and Whitney, attacks that must succeed."""

import keras
import numpy as np
import pytest
from scipy import spatial, stats

from kerasgan import latent, metrics
from kerasgan.latent import membership, neighbours
from kerasgan.metrics import arrays
from tests.latent.makers import SHAPE, linear_gan, orthogonal


def test_neighbours_are_those_of_brute_force(monkeypatch):
    monkeypatch.setattr(arrays, "BLOCK_ROWS", 7)  # several blocks
    generator = np.random.default_rng(0)
    rows, others = generator.normal(size=(20, 5)) + 100.0, generator.normal(size=(33, 5)) + 100.0
    indices, distances = neighbours.nearest(rows, others, k=4)
    every = spatial.distance.cdist(rows, others)
    np.testing.assert_array_equal(indices, np.argsort(every, axis=1)[:, :4])
    np.testing.assert_allclose(distances, np.sort(every, axis=1)[:, :4], rtol=1e-6)


def test_rows_are_pixels_or_features():
    images = np.random.default_rng(0).uniform(-1, 1, (300, *SHAPE)).astype("float32")
    np.testing.assert_array_equal(neighbours.rows_of(images), images.reshape(300, 16))
    network = keras.Sequential([keras.Input(SHAPE), keras.layers.GlobalAveragePooling2D()])
    rows = neighbours.rows_of(images, metrics.from_model(network, name="mean"))
    np.testing.assert_allclose(rows[:, 0], images.mean(axis=(1, 2, 3)), atol=1e-6)


def test_copies_are_told_from_new_draws():
    generator = np.random.default_rng(0)
    training, held_out, fresh = generator.normal(size=(3, 400, 8))
    copies = training[:100] + 0.01 * generator.normal(size=(100, 8))
    copied = neighbours.copying(copies, training, held_out)
    honest = neighbours.copying(fresh, training, held_out)
    assert copied["share_nearer"] == copied["exact"] == 1.0
    assert honest["share_nearer"] == pytest.approx(0.5, abs=0.08) and honest["exact"] < 0.02
    assert honest["samples"] == pytest.approx(honest["held_out"], rel=0.05)


@pytest.mark.parametrize("decimals", [8, 0])  # without ties, and with many
def test_the_area_is_mann_and_whitneys(decimals):
    generator = np.random.default_rng(0)
    members = generator.normal(0.5, 1, 60).round(decimals)
    others = generator.normal(0.0, 1, 45).round(decimals)
    wanted = stats.mannwhitneyu(members, others).statistic / (60 * 45)
    found = membership.curve(members, others)
    assert found["auc"] == pytest.approx(wanted, abs=1e-12)
    for rates in (found["false_positive"], found["true_positive"]):
        assert rates[0] == 0.0 and rates[-1] == 1.0 and np.all(np.diff(rates) >= 0)


def test_the_area_needs_no_numpy_2(monkeypatch):
    monkeypatch.delattr(np, "trapezoid", raising=False)
    assert membership.curve([3.0, 1.0, 1.0], [2.0, 1.0])["auc"] == pytest.approx(3 / 6)


def test_accuracy_is_that_of_the_highest_scores():
    assert membership.curve([5.0, 4.0, 1.0], [3.0, 2.0, 0.0])["accuracy"] == pytest.approx(2 / 3)
    assert membership.curve([5.0, 4.0], [3.0, 2.0, 0.0])["accuracy"] == 1.0
    assert membership.curve([1.0, 1.0], [1.0, 1.0])["accuracy"] == 0.5
    assert membership.curve([1.0, 1.0], [1.0, 1.0])["auc"] == 0.5


def test_a_discriminator_that_knows_gives_itself_away():
    model = linear_gan(0.4 * orthogonal(16, 3, 0).T)
    weights = np.zeros((16, 1))
    weights[0] = 1.0
    model.discriminator.layers[-1].set_weights([weights, np.zeros(1)])
    members = np.full((10, *SHAPE), 0.5, "float32")
    others = np.full((8, *SHAPE), -0.5, "float32")
    found = membership.by_discriminator(latent.Space(model), members, others)
    assert (found["auc"], found["accuracy"]) == (1.0, 1.0)


def test_samples_beside_members_give_them_away():
    generator = np.random.default_rng(0)
    members, others, fresh = generator.normal(size=(3, 200, 6))
    leaked = membership.by_distance(members + 0.05, members, others)
    honest = membership.by_distance(fresh, members, others)
    assert leaked["auc"] > 0.99 and honest["auc"] == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: neighbours.nearest(np.eye(2), np.eye(3)), "width"),
        (lambda: neighbours.nearest(np.eye(2), np.eye(2), k=3), "k=3"),
        (lambda: neighbours.nearest([[np.nan]], [[1.0]]), "finite"),
        (lambda: membership.curve([], [1.0]), "scores"),
        (lambda: membership.curve([np.nan], [1.0]), "finite"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words) as error:
        call()
    assert "Received" in str(error.value)
