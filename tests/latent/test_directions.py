"""Directions of generators whose answers are known."""

import numpy as np
import pytest

from kerasgan import latent
from kerasgan.latent import directions
from kerasgan.models import CGAN, cgan
from tests.latent.makers import linear_gan, orthogonal

SINGULAR = np.array([4.0, 2.0, 1.0, 0.5])
RIGHT = orthogonal(4, 4, seed=0)  # columns: what the first layer lengthens by SINGULAR
KERNEL = (RIGHT * SINGULAR) @ orthogonal(16, 4, seed=1).T  # z @ KERNEL: (4, 16)


@pytest.fixture(scope="module")
def linear():
    return latent.Space(linear_gan(KERNEL, bias=0.3))


def cosines(found, wanted):
    """Of each found direction with the wanted one of its rank."""
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(len(found)))
    return np.abs(np.sum(found * wanted, axis=1))


def test_first_weights_are_the_kernel(linear):
    np.testing.assert_allclose(latent.first_weights(linear), KERNEL.T, atol=1e-5)


def test_sefa_finds_the_singular_vectors_in_their_order(linear):
    assert cosines(directions.sefa(linear, 3), RIGHT.T[:3]) == pytest.approx(np.ones(3), abs=1e-5)


def test_first_weights_of_a_conditional_generator_are_the_latents_rows():
    model = CGAN(3, (8, 8, 1), latent_dim=4, generator=cgan.build_generator(3, 4, (8, 8, 1), 2, 5))
    dense = next(layer for layer in model.ema_generator.layers if hasattr(layer, "kernel"))
    kernel = dense.kernel.numpy()  # of latents and the embedded label, side by side
    assert kernel.shape[0] == 4 + 5
    weights = latent.first_weights(latent.Space(model))
    np.testing.assert_allclose(weights, kernel[:4].T, atol=1e-6)
    assert directions.pca_of_activations(latent.Space(model), 2, samples=30).shape == (2, 4)


def test_first_weights_skip_a_layer_that_sees_the_label_alone():
    model = CGAN(
        3, (8, 8, 1), latent_dim=4, generator=cgan.build_paper_generator(3, 4, (8, 8, 1)),
        discriminator=cgan.build_discriminator(3, (8, 8, 1), 2),
    )  # fmt: skip
    weights = latent.first_weights(latent.Space(model))
    assert weights.shape == (200, 4)  # not the 1000 units of the label


def test_pca_of_linear_activations_goes_back_to_the_singular_vectors(linear):
    """Of y = A z the components are A's left singular vectors, z's regression the right ones."""
    found = directions.pca_of_activations(linear, 3, samples=4000)
    assert cosines(found, RIGHT.T[:3]) == pytest.approx(np.ones(3), abs=0.01)


def test_the_default_layer_is_what_the_second_weights_take():
    model = linear_gan(KERNEL, second=np.ones((16, 4)), image_shape=(2, 2, 1), bias=0.1)
    space = latent.Space(model)
    latents = space.draw(6, seed=0)
    wanted = np.maximum(latents @ KERNEL + 0.1, 0.0)
    np.testing.assert_allclose(latent.layer_output(space, latents), wanted, atol=1e-5)
    named = latent.layer_output(space, latents, "first")
    np.testing.assert_allclose(named, latents @ KERNEL + 0.1, atol=1e-5)
    # Far above zero the ReLU does nothing, and PCA behind it finds the same as before it.
    space = latent.Space(linear_gan(KERNEL, np.ones((16, 4)), (2, 2, 1), bias=50.0))
    found = directions.pca_of_activations(space, 2, samples=4000)
    assert cosines(found, RIGHT.T[:2]) == pytest.approx(np.ones(2), abs=0.01)


def test_pca_is_the_same_by_either_matrix(linear):
    """Fewer samples than units, and more: the coordinates agree but for their sign."""
    rows = np.random.default_rng(0).normal(size=(10, 16)) * np.linspace(3, 0.1, 16)
    rows -= rows.mean(axis=0)
    left, values, _ = np.linalg.svd(rows, full_matrices=False)
    for given in (rows, rows @ orthogonal(16, 8, 2)):
        left, values, _ = np.linalg.svd(given, full_matrices=False)
        found = directions._coordinates(given, 3)
        np.testing.assert_allclose(np.abs(found), np.abs(left * values)[:, :3], atol=1e-8)


def test_pca_of_latents():
    spread = np.array([0.2, 3.0, 1.0])
    rows = np.random.default_rng(0).normal(size=(3000, 3)) * spread + 5.0
    assert cosines(directions.pca(rows, 2), np.eye(3)[[1, 2]]) == pytest.approx([1, 1], abs=0.01)


def test_supervised_directions_find_a_planted_vector():
    latents = np.random.default_rng(0).normal(size=(3000, 5))
    planted = np.array([3.0, 0.0, -4.0, 0.0, 0.0]) / 5.0
    noise = np.random.default_rng(1).normal(size=3000)
    scores = 7.0 + 2.0 * latents @ planted + noise
    assert directions.from_scores(latents, scores) @ planted > 0.999
    sides = latents @ planted + 0.3 * noise > 0.5
    assert directions.from_labels(latents, sides) @ planted > 0.99
    assert directions.from_labels(latents, ~sides) @ planted < -0.99


def test_logistic_regression_by_an_independent_solver():
    from scipy import optimize

    latents = np.random.default_rng(0).normal([0.5, 0.0], 1.0, (200, 2))
    sides = (latents @ [1.0, 0.5] + np.random.default_rng(1).logistic(size=200)) > 0

    def loss(weights):
        logits = latents @ weights[:2] + weights[2]
        penalty = 0.5e-3 * 200 * np.sum(weights[:2] ** 2)
        return np.sum(np.logaddexp(0, logits) - sides * logits) + penalty

    wanted = optimize.minimize(loss, np.zeros(3), tol=1e-10).x[:2]
    found = directions.from_labels(latents, sides)
    np.testing.assert_allclose(found, wanted / np.linalg.norm(wanted), atol=1e-4)


def test_apart_from_is_at_right_angles():
    rest = directions.apart_from([1.0, 2.0, 3.0], [[0.0, 1.0, 1.0], [0.0, 1.0, 0.0]])
    np.testing.assert_allclose(rest, [1.0, 0.0, 0.0], atol=1e-12)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda s: directions.sefa(s, 5), "at most 4"),
        (lambda s: directions.sefa(s, 0), "n must be"),
        (lambda s: directions.pca_of_activations(s, 3, samples=3), "at most 2"),
        (lambda s: latent.layer_output(s, s.draw(2), "fist"), "first"),
        (lambda s: directions.pca([[1.0, np.nan], [0.0, 1.0]]), "finite"),
        (lambda s: directions.from_labels(np.eye(2), [1, 1]), "both kinds"),
        (lambda s: directions.from_labels(np.eye(2), [0, 2]), "0 or 1"),
        (lambda s: directions.from_labels(np.eye(2), [0, 1, 1]), "for each latent"),
        (lambda s: directions.from_scores(np.eye(2), [1.0, 1.0]), "not the same"),
        (lambda s: directions.from_scores(np.eye(2), [1.0, np.nan]), "finite score"),
        (lambda s: directions.apart_from([1.0, 0.0], [2.0, 0.0]), "nothing left"),
    ],
)
def test_bad_input_is_named(call, words, linear):
    with pytest.raises(ValueError, match=words) as error:
        call(linear)
    assert "Received" in str(error.value)
