"""PGD: closed forms, restarts, seeds, and that it is compiled once, by XLA too."""

import keras
import numpy as np
import pytest

from kerasgan import attacks
from kerasgan.attacks.fgsm import log_odds_against
from tests.attacks.networks import WEIGHTS, images_of, linear, small

IMAGES = images_of(4, (2, 3, 1)) * 0.5


@pytest.mark.parametrize("random_start", [False, True])
def test_on_a_linear_model_it_ends_at_the_corner_of_the_ball(random_start):
    given = {"steps": 25, "step_size": 0.01, "random_start": random_start}
    moved = attacks.pgd(linear(), IMAGES, [0] * 4, 0.1, **given)
    np.testing.assert_allclose(moved, IMAGES + 0.2 * np.sign(WEIGHTS).reshape(2, 3, 1), atol=1e-6)


def test_steps_add_up_and_the_default_step_reaches_the_border():
    step = np.sign(WEIGHTS).reshape(2, 3, 1)
    three = attacks.pgd(linear(), IMAGES, [0] * 4, 0.1, steps=3, step_size=0.02, random_start=False)
    np.testing.assert_allclose(three, IMAGES + 0.12 * step, atol=1e-6)
    one = attacks.pgd(linear(), IMAGES, [0] * 4, 0.1, steps=1, random_start=False)
    np.testing.assert_allclose(one, IMAGES + 0.2 * step, atol=1e-6)  # 2.5 epsilon, projected


def test_on_a_linear_model_l2_ends_along_the_weights():
    moved = attacks.pgd(linear(), IMAGES, [0] * 4, 0.1, norm="l2", steps=200, step_size=0.05)
    step = 0.2 * (WEIGHTS / np.linalg.norm(WEIGHTS)).reshape(2, 3, 1)
    np.testing.assert_allclose(moved, IMAGES + step, atol=1e-4)


def test_targeted_goes_the_other_way():
    moved = attacks.pgd(linear(), IMAGES, [1] * 4, 0.1, steps=20, targeted=True)
    np.testing.assert_allclose(moved, IMAGES + 0.2 * np.sign(WEIGHTS).reshape(2, 3, 1), atol=1e-6)


def outcomes(model, images, labels, targeted):
    logits = model(images).numpy()
    against = log_odds_against(logits, labels).numpy()
    taken = logits.argmax(axis=1) == labels
    return (taken, -against) if targeted else (~taken, against)


@pytest.mark.parametrize("targeted", [False, True])
def test_restarts_are_never_worse_than_one_run_and_sometimes_better(targeted):
    model = keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(12, keras.ops.sin, kernel_initializer="he_normal"),
            keras.layers.Dense(3, kernel_initializer="random_normal"),
        ]
    )
    images, labels = images_of(40), np.arange(40) % 3
    given = {"steps": 2, "step_size": 0.02, "targeted": targeted}
    one = attacks.pgd(model, images, labels, 0.15, **given)
    best = attacks.pgd(model, images, labels, 0.15, restarts=2, **given)
    fooled, loss = outcomes(model, one, labels, targeted)
    best_fooled, best_loss = outcomes(model, best, labels, targeted)
    assert np.all(best_fooled >= fooled) and np.sum(best_fooled) > np.sum(fooled)
    same = best_fooled == fooled
    assert np.all(best_loss[same] >= loss[same] - 1e-5)
    assert np.sum(best_loss > loss + 1e-3) > 5  # other starts end elsewhere


def test_seeds_reproduce():
    model = small()
    images, labels = images_of(5), [0, 1, 2, 0, 1]
    runs = [
        attacks.pgd(model, images, labels, 0.1, steps=1, step_size=0.01, seed=s) for s in (1, 1, 2)
    ]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert np.any(runs[0] != runs[2])


@keras.saving.register_keras_serializable("tests")
class CountsTraces(keras.layers.Layer):
    """Counts how often Python runs it."""

    traces = 0

    def call(self, inputs):
        type(self).traces += 1
        return inputs


def test_repeated_calls_are_not_traced_again():
    layers = [CountsTraces(), keras.layers.Flatten(), keras.layers.Dense(3)]
    model = keras.Sequential([keras.Input((4, 4, 1)), *layers])
    calls = [
        lambda n, e, seed: attacks.fgsm(model, images_of(n), np.arange(n) % 3, e),
        lambda n, e, seed: attacks.pgd(
            model, images_of(n), np.arange(n) % 3, e, steps=1 + seed, step_size=e / 3, seed=seed,
            restarts=2,
        ),
    ]  # fmt: skip
    for call in calls:
        call(3, 0.1, 0)
        before = CountsTraces.traces
        assert before > 0
        call(3, 0.1, 0), call(5, 0.2, 1), call(1, 0.3, 2)
        assert CountsTraces.traces == before


def test_new_weights_are_seen_without_a_new_trace():
    model = linear()
    attacks.fgsm(model, IMAGES, [0] * 4, 0.1)
    model.set_weights([-w for w in model.get_weights()])
    moved = attacks.fgsm(model, IMAGES, [0] * 4, 0.1)
    np.testing.assert_allclose(moved, IMAGES - 0.2 * np.sign(WEIGHTS).reshape(2, 3, 1), atol=1e-6)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_xla_agrees(norm):
    model, images, labels = small(), images_of(5), [0, 1, 2, 0, 1]
    given = {"norm": norm, "random_start": False, "steps": 5, "batch_size": 4}
    plain = attacks.pgd(model, images, labels, 0.1, jit_compile=False, **given)
    compiled = attacks.pgd(model, images, labels, 0.1, jit_compile=True, **given)
    np.testing.assert_allclose(compiled, plain, atol=1e-5)
    still = {"jit_compile": True, "steps": 1, "step_size": 0.0, "norm": norm}
    one, other = (attacks.pgd(model, images, labels, 0.1, seed=s, **still) for s in (0, 1))
    assert np.any(one != images) and np.any(one != other)
    assert np.abs(one - images).max() <= 0.2 + 1e-6


def test_xla_is_really_asked():
    """An operation that XLA refuses."""

    class Prints(keras.layers.Layer):
        def call(self, inputs):
            import tensorflow as tf

            tf.print("", end="")
            return inputs

    model = keras.Sequential([keras.Input((2, 3, 1)), Prints(), keras.layers.Flatten()])
    model.add(keras.layers.Dense(2))
    assert attacks.fgsm(model, IMAGES, [0] * 4, 0.1).shape == IMAGES.shape
    with pytest.raises(Exception, match=r"unsupported operations|not supported|XLA"):
        attacks.fgsm(model, IMAGES, [0] * 4, 0.1, jit_compile=True)


def test_bad_arguments():
    for bad, message in [
        ({"steps": 0}, "steps must be a positive integer"),
        ({"restarts": 0}, "restarts must be a positive integer"),
        ({"restarts": 2, "random_start": False}, "all restarts are the same"),
        ({"step_size": 2}, "step_size is in units of"),
        ({"norm": 2}, "norm must be one of"),
    ]:
        with pytest.raises(ValueError, match=message):
            attacks.pgd(linear(), IMAGES, [0] * 4, 0.1, **bad)
