"""Loading a preset runs no code but kerasgan's and Keras', and opens no file but its own."""

import builtins
import copy
import json
import sys

import keras
import pytest
from keras.src.backend.common import global_state

from kerasgan import presets
from kerasgan.presets import folder, safety


def item(class_name, module="keras.layers", registered_name=None, **config):
    return {
        "class_name": class_name,
        "module": module,
        "registered_name": registered_name,
        "config": config,
    }


def arithmetic():
    """A model of operations from each of Keras' modules of them."""
    images = keras.Input(batch_shape=(2, 4, 4, 3))
    x = keras.ops.nn.relu(images + 2.0) * keras.ops.cast(images, "float32")
    x = x + keras.ops.image.rgb_to_grayscale(x) + keras.ops.erf(x)
    x = keras.ops.rearrange(x, "b h w c -> b (h w) c")
    return keras.Model(images, keras.ops.norm(x, axis=-1))


GOOD = [
    keras.layers.Dense(3, kernel_initializer=keras.initializers.RandomNormal(0.0, 0.02)),
    keras.layers.Bidirectional(keras.layers.LSTM(3)),
    keras.metrics.MeanMetricWrapper(keras.losses.mean_squared_error),
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, dtype="mixed_float16")]),
    arithmetic(),
    keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(1e-3, 10, 0.5)),
    keras.losses.BinaryCrossentropy(from_logits=True),
]
BAD = {
    "os": item("system", "os", "system"),
    "a function of os": {**item("function", "os", "system"), "config": "system"},
    "a function by its path": {**item("function", "builtins"), "config": "os.system"},
    "builtins": item("eval", "builtins"),
    "no module": item("Dense", None),
    "lambda layer": item("Lambda"),
    "lambda layer elsewhere": item("Lambda", "keras.src.layers.core.lambda_layer", "Lambda"),
    "lambda": item("__lambda__", None),
    "type spec": item("__typespec__", "os"),
    "saved model": item("TFSMLayer", filepath="/tmp/x"),
    "pickle": item("TorchModuleWrapper"),
    "file": item("StringLookup", vocabulary="/etc/passwd"),
    "download": {**item("function", "keras.utils", "function"), "config": "get_file"},
    "keras' utilities": item("get_file", "keras.utils"),
    "keras itself": item("load_model", "keras.models"),
    "a lookalike": item("Dense", "keras_evil.layers"),
    "others' class": item("Thing", "theirs", "theirs>Thing"),
    "others' class as Keras'": item("Dense", "keras.layers", "theirs>Thing"),
    "others' class as kerasgan's": item("GAN", "theirs", "kerasgan>GAN"),
    "others' class by its registered name": item("theirs>Theirs", registered_name="theirs>Theirs"),
    "others' class by its name alone": item("theirs>Theirs"),
    "a metric by its registered name": item(
        "kerasgan>FrechetDistance", registered_name="kerasgan>FrechetDistance"
    ),
    "a function that Keras can't find": {**item("function", "builtins"), "config": "sin"},
    "others' function": {**item("function", "builtins", "function"), "config": "theirs_too"},
    "kerasgan's metric as a function": {
        **item("function", "builtins"),
        "config": "FrechetDistance",
    },
    "keras' own tests": item("RearrangeTest", "keras.src.ops.einops_test"),
    "a model in keras' own tests": item("Functional", "keras.src.ops.einops_test", "Functional"),
    "a policy in keras' own tests": item("DTypePolicy", "keras.src.ops.einops_test"),
    "an operation of no module": item("Add", "keras.src.ops.", "Add"),
    "no arithmetic": item("Function", "keras.src.ops.function", "Function"),
    "lambda as kerasgan's": item("__lambda__", "kerasgan.models.gan", "kerasgan>GAN"),
    "type spec as kerasgan's": item("__typespec__", "kerasgan.models.gan", "kerasgan>GAN"),
    "a metric, which reads files": item(
        "FrechetDistance", "kerasgan.metrics.streaming", "kerasgan>FrechetDistance"
    ),
    "a name that is no text": item(["Dense"]),
    "a module that is no text": item("Dense", 3),
}


@pytest.mark.parametrize("thing", GOOD, ids=lambda thing: type(thing).__name__)
def test_configs_of_keras_pass(thing):
    safety.check_config(keras.saving.serialize_keras_object(thing))


@pytest.mark.parametrize("bad", BAD)
def test_bad_objects_are_found_at_any_depth(bad):
    for config in (BAD[bad], {"a": [{"b": (1, BAD[bad])}]}, item("Dense", activation=BAD[bad])):
        with pytest.raises(ValueError, match=r"kerasgan and Keras only.*Received: class_name="):
            safety.check_config(config)


def test_a_class_that_this_version_lacks():
    with pytest.raises(ValueError, match=r"upgrade kerasgan. Received: kerasgan>HyperGAN"):
        safety.check_config(item("HyperGAN", "kerasgan.models.hyper", "kerasgan>HyperGAN"))


def test_a_config_that_is_no_model():
    config = keras.saving.serialize_keras_object(keras.layers.Dense(3))
    with pytest.raises(ValueError, match=r"config of a model. Received: 'Dense'"):
        safety.model_class(config)
    for config in ({}, {"registered_name": ["kerasgan>GAN"]}, {"registered_name": "theirs>Thing"}):
        safety.check_config(config)
        with pytest.raises(ValueError, match=r"config of a model. Received: "):
            safety.model_class(config)


def nested(levels, innermost):
    """A list in a list in a list, deeper than Python prints or walks by functions."""
    for _ in range(levels):
        innermost = [innermost]
    return innermost


@pytest.mark.parametrize("field", ["class_name", "module", "registered_name", "config", "more"])
def test_configs_of_any_depth_are_searched(field):
    with pytest.raises(ValueError, match=r"kerasgan and Keras only.*Received: "):
        safety.check_config(nested(20_000, BAD["os"]))
    bad = {**item("function", "builtins"), "config": "os.system", field: nested(20_000, "x")}
    with pytest.raises(ValueError, match=r"kerasgan and Keras only.*Received: class_name="):
        safety.check_config(bad)
    safety.check_config(nested(20_000, GOOD[0].get_config()))


@pytest.mark.parametrize("levels", [300, 2_000, 20_000, 200_000])
def test_a_preset_whose_config_is_nested_deep(levels, preset):
    """Of a model, too: what Python or Keras can't walk is a ValueError all the same."""
    path = preset / "config.json"
    text = path.read_text()
    deep = "[" * levels + "]" * levels
    for broken in (deep, f'{{"a": {deep}}}', text.replace('"seed": 5', f'"seed": {deep}')):
        path.write_text(broken)
        card = json.loads((preset / "metadata.json").read_text())
        card["files"].update(folder.described([path]))
        (preset / "metadata.json").write_text(json.dumps(card))
        with pytest.raises(ValueError, match=r"Received: "):
            presets.load(preset)


@pytest.mark.parametrize("place", ["seed", "more"])
def test_a_config_that_is_read_and_cannot_be_walked(place, preset, monkeypatch):
    """Newer Pythons read JSON of more levels than functions may call each other."""
    config = json.loads((preset / "config.json").read_text())
    config["config"][place] = nested(20_000, 5)
    monkeypatch.setattr(folder, "read_config", lambda path, metadata: config)
    with pytest.raises(ValueError, match=r"can't build the preset.*Received: "):
        presets.load(preset)


ran = []


@keras.saving.register_keras_serializable("theirs")
class Theirs(keras.layers.Layer):
    """A class that is registered, so that Keras alone would build it."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        ran.append("theirs")

    def call(self, inputs):
        return inputs


@keras.saving.register_keras_serializable("theirs")
def theirs_too(x):
    """A function that is registered, so that Keras alone would find it."""
    return x


def confess(x):
    """What the lambda does."""
    ran.append("lambda")
    return x


@pytest.fixture
def conftest_on_path(tmp_path, monkeypatch):
    """A module `conftest`, which keras' own tests import, that runs code."""
    (tmp_path / "conftest.py").write_text("import builtins\nbuiltins.kerasgan_ran = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "conftest", raising=False)
    monkeypatch.delitem(sys.modules, "keras.src.ops.einops_test", raising=False)


@pytest.mark.parametrize("class_name", ["RearrangeTest", "Functional", "DTypePolicy"])
def test_keras_own_tests_are_not_imported(class_name, preset, conftest_on_path):
    config = item(class_name, "keras.src.ops.einops_test", class_name)
    rewrite_config(preset, config)
    with pytest.raises(ValueError, match=r"kerasgan and Keras only"):
        presets.load(preset)
    assert not hasattr(builtins, "kerasgan_ran") and "conftest" not in sys.modules


def rewrite_config(preset, config):
    """Another config, with a card that fits."""
    (preset / "config.json").write_text(json.dumps(config))
    card = json.loads((preset / "metadata.json").read_text())
    card["class"] = safety.class_name(config)
    card["files"].update(folder.described([preset / "config.json"]))
    (preset / "metadata.json").write_text(json.dumps(card))


LAYERS = {
    "lambda": lambda: keras.layers.Lambda(
        lambda x: __import__("tests.presets.test_safety", fromlist=["confess"]).confess(x)
    ),
    "theirs": Theirs,
}


@pytest.fixture
def unsafe():
    """Safe mode switched off for the whole program."""
    attribute = "safe_mode_saving"
    before = global_state.get_global_attribute(attribute)
    keras.config.enable_unsafe_deserialization()
    yield
    global_state.set_global_attribute(attribute, before)


@pytest.mark.parametrize("bad", LAYERS)
def test_nothing_runs_before_the_refusal(bad, preset, unsafe):
    """Even where Keras would run it."""
    model = keras.Sequential([keras.Input((2,)), LAYERS[bad]()])
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(model)))
    ran.clear()
    keras.saving.deserialize_keras_object(copy.deepcopy(config))  # Keras empties configs
    assert ran.pop() == bad
    ran.clear()
    rewrite_config(preset, config)
    with pytest.raises(ValueError, match=r"kerasgan and Keras only"):
        presets.load(preset)
    assert ran == []
