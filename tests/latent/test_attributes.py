"""Attributes of drawn shapes, and how they follow directions."""

import numpy as np
import pytest

from kerasgan import latent
from kerasgan.latent import attributes
from tests.latent.makers import of_function


def drawn(inside, size=28, finer=8):
    """An image whose ink is the share of each pixel that lies inside(x, y), about the middle."""
    fine = (np.arange(size * finer) + 0.5) / finer - size / 2
    x, y = np.meshgrid(fine, fine)  # x to the right, y downwards
    share = inside(x, y).reshape(size, finer, size, finer).mean(axis=(1, 3))
    return (2.0 * share - 1.0)[np.newaxis, ..., np.newaxis]


def bar(wide, long=20.0, degrees=0.0):
    """A bar, upright at 0 degrees, leaning to the right above 0."""
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    return drawn(
        lambda x, y: (
            (np.abs(cosine * x + sine * y) <= wide / 2)
            & (np.abs(-sine * x + cosine * y) <= long / 2)
        )
    )


@pytest.mark.parametrize("degrees", [0, 20, 45, 90])
@pytest.mark.parametrize("wide", [3.0, 4.5, 6.0])
def test_stroke_width_of_a_bar(wide, degrees):
    true = 2 * wide * 20 / (2 * (wide + 20))  # twice its area over its outline
    width = attributes.stroke_width(bar(wide, degrees=degrees))
    assert width == pytest.approx([true], rel=0.09)


def test_stroke_width_of_a_ring_is_its_width_and_faintness_does_not_count():
    ring = drawn(lambda x, y: np.abs(np.hypot(x, y) - 8.0) <= 1.5)
    faint = 0.5 * (ring + 1.0) - 1.0
    assert attributes.stroke_width(ring) == pytest.approx([3.0], rel=0.04)
    assert attributes.stroke_width(faint) == pytest.approx(attributes.stroke_width(ring))
    assert attributes.stroke_width(-np.ones((1, 28, 28, 1))).tolist() == [0.0]


@pytest.mark.parametrize("shear", [-0.5, 0.0, 0.25, 1.0])
def test_slant_of_a_sheared_bar(shear):
    image = drawn(lambda x, y: (np.abs(x + shear * y) <= 1.5) & (np.abs(y) <= 8))
    assert attributes.slant(image) == pytest.approx([np.degrees(np.arctan(shear))], abs=0.5)


def test_slant_of_a_leaning_bar_and_of_nothing():
    # The regression of column on row: a bar of finite width turned by 20 degrees.
    wide, long, angle = 3.0, 20.0, np.radians(20)
    difference = (long**2 - wide**2) * np.sin(angle) * np.cos(angle)
    variance = long**2 * np.cos(angle) ** 2 + wide**2 * np.sin(angle) ** 2
    wanted = np.degrees(np.arctan(difference / variance))
    assert attributes.slant(bar(wide, long, 20)) == pytest.approx([wanted], abs=0.3)
    assert attributes.slant(-np.ones((1, 28, 28, 1))).tolist() == [0.0]


def test_size_and_ink_by_hand():
    image = -np.ones((2, 28, 28, 1))
    image[0, 4:10, 3:25] = 1.0
    image[0, 0, 0] = -0.1  # ink 0.45: not enough for the box
    image[1, 5, 5] = 0.2
    assert attributes.height(image).tolist() == [6.0, 1.0]
    assert attributes.width(image).tolist() == [22.0, 1.0]
    assert attributes.ink(image) == pytest.approx([(132 + 0.45) / 784, 0.6 / 784])
    assert attributes.height(-np.ones((1, 28, 28, 1))).tolist() == [0.0]


@pytest.mark.parametrize("images", [np.zeros((28, 28)), np.zeros((1, 8, 8, 3))])
def test_other_images_are_refused(images):
    with pytest.raises(ValueError, match="Received"):
        attributes.measure(images)


# Along directions --------------------------------------------------------------------------


def flat_images(latents):
    """Grey images whose level is the first number of the latent, a tenth of it."""
    import tensorflow as tf

    return tf.tile(latents[:, :1, None, None] / 10.0, [1, 8, 8, 1])


FLAT = of_function(flat_images, 3, (8, 8, 1))


def test_a_direction_that_moves_an_attribute_is_monotone():
    assert latent.monotonicity(FLAT, [1, 0, 0], attributes.ink) == 1.0
    assert latent.monotonicity(FLAT, [-2, 0, 0], attributes.ink) == -1.0
    assert latent.monotonicity(FLAT, [0, 1, 0], attributes.ink) == 0.0


def test_means_along_a_direction_by_hand():
    found = latent.responses(FLAT, [3, 0, 0], attributes.measure, 3, samples=40, reach=2.0, seed=1)
    middle = (1 + FLAT.draw(40, 1)[:, 0].mean() / 10) / 2
    assert found["ink"]["means"] == pytest.approx([middle - 0.1, middle, middle + 0.1], abs=1e-5)


def test_spearman_is_of_ranks():
    from kerasgan.latent.effects import _spearman

    assert _spearman([1.0, 2.0, 100.0, 101.0]) == 1.0
    # d = 1, 1, 0, 0: 1 - 6 * 2 / (4 * 15)
    assert _spearman([2.0, 1.0, 3.0, 4.0]) == pytest.approx(0.8)


def test_the_table_tells_the_effect_in_deviations():
    measure = attributes.measure
    table = latent.studies.direction_table(
        FLAT, {"a": [1, 0, 0], "b": [0, 1, 0]}, lambda images: {"ink": measure(images)["ink"]},
        samples=20, seed=0,
    )  # fmt: skip
    a, b = table
    # From -3 to 3 is 6 deviations of the latent, and so of the ink.
    assert a["effect"] == pytest.approx(6.0, rel=0.1) and a["spearman"] == 1.0
    assert (b["effect"], b["spearman"]) == (0.0, 0.0)
    counts = latent.studies.steady(table, "")
    assert counts == {"directions": 2, "monotone": 1, "marked": 1}


def test_uniform_latents_are_moved_in_their_own_deviations():
    space = of_function(flat_images, 3, (8, 8, 1), "uniform")
    assert latent.positions(space, 3, 3.0) == pytest.approx([-(3**0.5), 0.0, 3**0.5])
    assert latent.positions(space, 1).tolist() == [0.0]


def test_uniform_latents_stay_in_their_cube():
    """Steps of 1 deviation, 0.577, from 0.5 and along (1, -1) / sqrt(2)."""
    uniform, normal = (of_function(flat_images, 2, (8, 8, 1), d) for d in ("uniform", "normal"))
    start, step = [[0.5, -0.9]], 3**-0.5 / 2**0.5
    wanted = [[0.5 - 2 * step, -0.9 + 2 * step], [0.5, -0.9], [1.0, -1.0]]  # 0.5 + 2 steps: 1.32
    found = latent.sweep(uniform, start, [1, -1], steps=3, reach=2.0)
    np.testing.assert_allclose(found, [wanted], atol=1e-6)
    assert latent.sweep(normal, start, [1, 0], 3, 2.0)[0, :, 0] == pytest.approx([-1.5, 0.5, 2.5])


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: latent.sweep(FLAT, np.eye(3), [1, 0, 0], steps=0), "steps"),
        (lambda: latent.sweep(FLAT, np.eye(3), [1, 0, 0], reach=0.0), "reach"),
        (lambda: latent.sweep(FLAT, np.eye(3), [1, 0]), r"\(3,\)"),
        (lambda: latent.sweep(FLAT, np.eye(3), [0, 0, 0]), "not zero"),
        (lambda: latent.sweep(FLAT, np.eye(3), [np.nan, 0, 0]), "finite"),
        (lambda: latent.monotonicity(FLAT, [1, 0, 0], attributes.ink, samples=0), "samples"),
    ],
)
def test_bad_sweeps_are_named(call, words):
    with pytest.raises(ValueError, match=words) as error:
        call()
    assert "Received" in str(error.value)
