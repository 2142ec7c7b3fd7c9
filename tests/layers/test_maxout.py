"""Maxout against equation 1 by hand."""

import keras
import numpy as np
import pytest

from kerasgan.layers import Maxout


def test_the_largest_of_the_affine_maps_by_hand(tmp_path):
    layer = Maxout(2, pieces=2)
    inputs = keras.Input((2,))
    model = keras.Model(inputs, layer(inputs))
    # Unit 0: max(x0, x1); unit 1: max(x0 + x1, 10 - x0).
    kernel = [[1.0, 0.0, 1.0, -1.0], [0.0, 1.0, 1.0, 0.0]]
    layer.dense.set_weights([np.array(kernel), np.array([0.0, 0.0, 0.0, 10.0])])
    rows = np.array([[1.0, 3.0], [9.0, -2.0]], "float32")
    expected = [[3.0, 9.0], [9.0, 7.0]]
    np.testing.assert_allclose(model(rows), expected, rtol=1e-6)
    model.save(tmp_path / "m.keras")
    np.testing.assert_allclose(keras.saving.load_model(tmp_path / "m.keras")(rows), expected)


@pytest.mark.parametrize("units, pieces", [(0, 2), (2, 0), (1.5, 2)])
def test_bad_sizes_are_named(units, pieces):
    with pytest.raises(ValueError, match=r"positive integer\. Received"):
        Maxout(units, pieces)
