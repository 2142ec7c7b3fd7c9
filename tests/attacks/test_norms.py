"""Sizes: the unit of epsilon, projections by hand, and bounds that no attack may leave."""

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from kerasgan import attacks
from kerasgan.attacks import norms
from tests.attacks.networks import images_of, linear, small

RANGES = [(-1.0, 1.0), (0.0, 1.0), (0.0, 255.0)]
ATTACKS = {
    "border": (attacks.random_noise, {"distribution": "border"}, norms.NORMS),
    "inside": (attacks.random_noise, {"distribution": "inside"}, norms.NORMS),
    "fgsm": (attacks.fgsm, {}, norms.NORMS),
    "rand_fgsm": (attacks.rand_fgsm, {}, ["linf"]),
    "pgd": (attacks.pgd, {"steps": 3, "step_size": 0.5}, norms.NORMS),
    "restarted": (attacks.pgd, {"steps": 2, "restarts": 2}, ["linf"]),
}


@pytest.fixture(scope="module")
def classifiers():
    return {r: attacks.Classifier(small(), value_range=r, jit_compile=False) for r in RANGES}


@hypothesis.settings(max_examples=40, deadline=None, derandomize=True, database=None)
@hypothesis.given(
    st.sampled_from([(a, n) for a, (_, _, names) in ATTACKS.items() for n in names]),
    st.sampled_from(RANGES),
    st.floats(0, 1),
    st.integers(0, 2**31 - 1),
)
def test_no_perturbation_exceeds_epsilon_and_no_pixel_leaves_the_range(
    classifiers, case, value_range, epsilon, seed
):
    (name, norm), (low, high) = case, value_range
    attack, options, names = ATTACKS[name]
    options = {**options, **({"norm": norm} if len(names) > 1 else {})}
    images = images_of(3, value_range=value_range, seed=seed)
    if name not in ("fgsm",):
        options["seed"] = seed
    results = attack(classifiers[value_range], images, [0, 1, 2], epsilon, batch_size=2, **options)
    assert results.dtype == np.float32 and results.shape == images.shape
    assert low <= results.min() and results.max() <= high
    moved = (results.astype("float64") - images).reshape(3, -1) / (high - low)
    sizes = np.abs(moved).max(axis=1) if norm == "linf" else np.linalg.norm(moved, axis=1)
    assert sizes.max() <= epsilon + 1e-6
    if name == "border" and norm == "linf":  # and it is reached, wherever the range allows it
        free = (images - epsilon * (high - low) > low) & (images + epsilon * (high - low) < high)
        assert np.abs(moved)[free.reshape(3, -1)] == pytest.approx(epsilon, abs=1e-6)


def test_projection_on_the_l2_ball_by_hand():
    vectors = tf.reshape([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]], (3, 1, 2, 1))
    found = norms.project(vectors, 2.0, "l2").numpy().reshape(3, 2)
    np.testing.assert_allclose(found, [[1.2, 1.6], [0.3, 0.4], [0.0, 0.0]], atol=1e-6)
    found = norms.project(vectors, 3.5, "linf").numpy().reshape(3, 2)
    np.testing.assert_allclose(found, [[3.0, 3.5], [0.3, 0.4], [0.0, 0.0]], atol=1e-6)


def test_steepest_directions_by_hand_even_of_gradients_whose_squares_vanish():
    gradients = tf.reshape([[3e-30, -4e-30], [0.0, 0.0]], (2, 1, 2, 1))
    found = norms.steepest(gradients, "l2").numpy().reshape(2, 2)
    np.testing.assert_allclose(found, [[0.6, -0.8], [0.0, 0.0]], atol=1e-6)
    found = norms.steepest(gradients, "linf").numpy().reshape(2, 2)
    np.testing.assert_array_equal(found, [[1.0, -1.0], [0.0, 0.0]])


@pytest.mark.parametrize("norm", norms.NORMS)
def test_random_starts_fill_the_ball(norm):
    """In 2-D: the share within half the radius is a quarter, for the square and for the disc."""
    draws = norms.random_within(tf.constant([4000, 1, 2, 1]), 2.0, norm, [5, 7]).numpy()
    draws = draws.reshape(-1, 2)
    sizes = np.abs(draws).max(1) if norm == "linf" else np.linalg.norm(draws, axis=1)
    assert sizes.max() == pytest.approx(2.0, abs=2e-2) and sizes.max() <= 2.0 + 1e-6
    assert np.mean(sizes < 1.0) == pytest.approx(0.25, abs=0.03)
    np.testing.assert_allclose(draws.mean(axis=0), 0.0, atol=0.08)


def test_noise_on_the_sphere_has_the_norm():
    images = np.full((3, 2, 3, 1), 0.5, "float32")
    moved = attacks.random_noise(
        linear(), images, [0, 0, 0], 0.2, norm="l2", value_range=(0.0, 1.0)
    )
    sizes = np.linalg.norm((moved - images).reshape(3, -1), axis=1)
    np.testing.assert_allclose(sizes, 0.2, atol=1e-6)


def test_an_epsilon_means_the_same_in_all_ranges():
    model = linear()
    grey = np.full((1, 2, 3, 1), 0.5, "float32")
    moved = {
        (low, high): attacks.fgsm(
            model, low + (high - low) * grey, [0], 0.25, value_range=(low, high)
        )
        for low, high in RANGES
    }
    for (low, high), images in moved.items():
        np.testing.assert_allclose((images - low) / (high - low), (moved[0.0, 1.0]), atol=1e-6)


@pytest.mark.parametrize("epsilon", [8, 1.5, -0.1, np.nan, "0.3", True])
def test_an_epsilon_in_another_unit_is_refused(epsilon):
    with pytest.raises(ValueError, match="epsilon"):
        attacks.fgsm(linear(), np.zeros((1, 2, 3, 1), "float32"), [0], epsilon)


def test_the_message_names_the_unit():
    with pytest.raises(ValueError, match=r"units of a \[0, 1\] pixel range.*8/255, not 8"):
        attacks.pgd(linear(), np.zeros((1, 2, 3, 1), "float32"), [0], 8)


def test_an_l2_epsilon_may_be_as_large_as_the_cube_of_images():
    zeros = np.zeros((1, 2, 3, 1), "float32")
    assert attacks.fgsm(linear(), zeros, [0], 2.4, norm="l2").shape == zeros.shape
    with pytest.raises(ValueError, match=r"2\.449 at most"):  # the root of 6
        attacks.fgsm(linear(), zeros, [0], 2.5, norm="l2")
