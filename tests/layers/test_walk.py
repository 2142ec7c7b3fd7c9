"""every_layer: reached at any depth, each once."""

import keras

from kerasgan.layers import every_layer


class Holder(keras.layers.Layer):
    """Layers as an attribute, in a list in a list, in a dict and in a wrapper."""

    def __init__(self):
        super().__init__(name="holder")
        self.attribute = keras.layers.Dense(1, name="attribute")
        self.again = self.attribute
        self.nested = [[keras.layers.Dense(1, name="nested")]]
        self.named = {"a": keras.layers.Dense(1, name="named")}
        self.wrapper = keras.layers.TimeDistributed(
            keras.layers.Dense(1, name="wrapped"), name="wrapper"
        )

    def call(self, inputs):
        return inputs


def test_every_layer_at_any_depth_once():
    inputs = keras.Input((2,), name="inputs")
    shared = keras.layers.Dense(2, name="shared")
    inner = keras.Model(inputs, Holder()(shared(shared(inputs))), name="inner")
    outer = keras.Sequential(
        [keras.Input((2,)), inner, keras.layers.ReLU(name="relu")], name="outer"
    )
    names = [layer.name for layer in every_layer(outer)]
    assert names[0] == "outer"
    within = ["attribute", "holder", "inner", "named", "nested", "outer", "relu", "shared"]
    within += ["wrapped", "wrapper"]
    assert sorted(name for name in names if not name.startswith("input")) == within


def test_a_layer_by_itself():
    layer = keras.layers.Dense(1)
    assert every_layer(layer) == [layer]
