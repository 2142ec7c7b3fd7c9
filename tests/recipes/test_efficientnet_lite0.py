"""recipes/efficientnet_lite0.py: the extractor of the translations' cards."""

import keras
import numpy as np
import pytest
from absl.testing import flagsaver

from kerasgan import metrics, runs
from tests.recipes.loading import loaded


@pytest.fixture(scope="module")
def recipe():
    with loaded("efficientnet_lite0") as module:
        yield module


@pytest.fixture(scope="module")
def network(recipe):
    keras.utils.set_random_seed(0)
    return recipe.build()


def as_pytorch(network):
    """The network's weights under PyTorch's names, with its order of axes."""
    found = {}
    for layer in network.layers:
        name = layer.name.replace("_blocks_", "_blocks.").replace("__", "._")
        weights = layer.get_weights()
        if isinstance(layer, keras.layers.BatchNormalization):
            parts = ("weight", "bias", "running_mean", "running_var")
            found |= {f"{name}.{part}": array for part, array in zip(parts, weights, strict=True)}
        elif weights:
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            order = (2, 3, 0, 1) if depthwise else (3, 2, 0, 1)
            found[f"{name}.weight"] = weights[0].transpose(order)
    return found


def test_it_has_the_published_size(network):
    """4,652,008 parameters with the layer of 1,000 classes, which has 1,281,000 of them."""
    assert sum(np.size(v) for v in network.trainable_weights) == 4_652_008 - 1_281_000
    assert [layer.output.shape[1:3] for layer in network.layers if "depthwise" in layer.name] == [
        (side, side) for side in [112] + [56] * 2 + [28] * 2 + [14] * 6 + [7] * 5
    ]


def test_pytorchs_weights_come_to_their_places(recipe, network):
    found = as_pytorch(network)
    found = {k: v + np.arange(v.size, dtype="float32").reshape(v.shape) for k, v in found.items()}
    other = recipe.build()
    recipe.fill(other, found)
    kernel = other.get_layer("_blocks_5__expand_conv").get_weights()[0]
    assert kernel[0, 0, 3, 7] == found["_blocks.5._expand_conv.weight"][7, 3, 0, 0]
    kernel = other.get_layer("_blocks_3__depthwise_conv").get_weights()[0]
    assert kernel.shape == (5, 5, 144, 1)
    assert kernel[4, 1, 9, 0] == found["_blocks.3._depthwise_conv.weight"][9, 0, 4, 1]
    mean = other.get_layer("_bn1").get_weights()[2]
    np.testing.assert_array_equal(mean, found["_bn1.running_mean"])
    del found["_blocks.15._bn2.bias"]
    with pytest.raises(runs.RunError, match=r"EfficientNet-Lite0.*_blocks.15._bn2 is missing"):
        recipe.fill(other, found)


def test_it_is_an_extractor(recipe, tmp_path):
    path = str(tmp_path / "lite.keras")
    with flagsaver.flagsaver(smoke=True, output=path):
        recipe.main()
    extractor = metrics.get(path)
    assert extractor.name == "efficientnet_lite0_imagenet"
    assert (extractor.width, extractor.input_shape) == (1280, (224, 224, 3))
    assert extractor(np.zeros((2, 40, 30, 3), "float32")).shape == (2, 1280)
    refused = pytest.raises(runs.RunError, match=r"must end in .keras")
    with flagsaver.flagsaver(output=str(tmp_path / "lite.h5")), refused:
        recipe.main()
