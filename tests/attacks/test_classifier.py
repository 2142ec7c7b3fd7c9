"""What is taken for a classifier, logits told from probabilities, ensembles, and bad input."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerasgan import attacks
from tests.attacks.networks import Opaque, images_of, linear, small

IMAGES, LABELS = images_of(6), np.array([0, 1, 2, 0, 1, 2])


class SoftDense(layers.Dense):
    """A Dense layer that does more than its activation says."""

    def call(self, inputs):
        return tf.nn.softmax(super().call(inputs))


def again(layer):
    return type(layer).from_config(layer.get_config())


def with_softmax(model, how):
    """The same classifier, returning probabilities in one of the ways in which people do that."""
    if how in ("dense", "tf", "ops", "lambda", "subclass"):
        last = {
            "dense": lambda: layers.Dense(3, activation="softmax"),
            "tf": lambda: layers.Dense(3, activation=tf.nn.softmax),
            "ops": lambda: layers.Dense(3, activation=keras.ops.softmax),
            "lambda": lambda: layers.Dense(3, activation=lambda z: tf.nn.softmax(z)),
            "subclass": lambda: SoftDense(3),
        }[how]
        copy = keras.Sequential([keras.Input((4, 4, 1)), *map(again, model.layers[:-1]), last()])
        copy.set_weights(model.get_weights())
        return copy
    if how == "nested":
        return keras.Sequential([keras.Input((4, 4, 1)), with_softmax(model, "dense")])
    softmax = {
        "layer": layers.Softmax(),
        "activation": layers.Activation("softmax"),
        "reshaped": keras.Sequential([layers.Softmax(), layers.Reshape((3,))]),
        "subclassed": layers.Softmax(),
    }[how]
    copy = keras.Sequential([model, softmax])
    return Opaque(copy) if how == "subclassed" else copy


@pytest.fixture
def model():
    """Logits some 5 apart."""
    model = small()
    model.set_weights([5 * weights for weights in model.get_weights()])
    return model


LOG_P = ("reshaped", "subclassed", "lambda", "subclass")  # whose last layer doesn't show it


@pytest.mark.parametrize("how", ["dense", "tf", "ops", "layer", "activation", "nested", *LOG_P])
def test_softmax_and_logits_are_attacked_alike(model, how):
    other = with_softmax(model, how)
    np.testing.assert_allclose(other(IMAGES).numpy().sum(axis=1), 1.0, atol=1e-5)
    logits = attacks.Classifier(model).logits(IMAGES)
    found = attacks.Classifier(other).logits(IMAGES)
    if how in LOG_P:  # log p: the same but for a constant of each row
        logits, found = (z - z.max(axis=1, keepdims=True) for z in (logits, found))
    np.testing.assert_allclose(found, logits, atol=1e-4)
    given = {"steps": 5, "seed": 1}
    np.testing.assert_allclose(
        attacks.pgd(other, IMAGES, LABELS, 0.1, **given),
        attacks.pgd(model, IMAGES, LABELS, 0.1, **given),
        atol=1e-4,
    )


def test_rebuilt_logits_follow_the_weights(model):
    other = with_softmax(model, "dense")
    classifier = attacks.Classifier(other)
    before = classifier.logits(IMAGES)
    other.set_weights([2 * weights for weights in other.get_weights()])
    assert np.abs(classifier.logits(IMAGES) - before).max() > 0.1


def test_a_subclassed_model_of_logits_is_attacked_as_it_is(model):
    np.testing.assert_array_equal(
        attacks.fgsm(Opaque(model), IMAGES, LABELS, 0.1),
        attacks.fgsm(model, IMAGES, LABELS, 0.1),
    )


@pytest.mark.parametrize(
    "how, from_logits, message",
    [
        ("dense", True, "shows that it returns probabilities"),
        ("subclassed", True, "outputs are probabilities"),
        ("reshaped", True, "outputs are probabilities"),
        ("tf", True, "shows that it returns probabilities"),
        (None, False, "shows that it returns logits"),
        ("opaque", False, "outputs are no probabilities"),
    ],
)
def test_what_the_model_shows_is_not_contradicted(model, how, from_logits, message):
    if how == "opaque":
        model = Opaque(model)
    elif how:
        model = with_softmax(model, how)
    with pytest.raises(ValueError, match=message):
        attacks.fgsm(model, IMAGES, LABELS, 0.1, from_logits=from_logits)


def test_a_model_within_a_model_is_opened_by_the_output_that_is_used(model):
    inputs = keras.Input((4, 4, 1))
    logits = model(inputs)
    both = keras.Model(inputs, [logits * 3.0, layers.Softmax()(logits)])
    outer = keras.Input((4, 4, 1))
    chosen = keras.Model(outer, both(outer)[1])
    np.testing.assert_allclose(
        attacks.Classifier(chosen).logits(IMAGES), model(IMAGES).numpy(), atol=1e-5
    )


def test_a_cast_at_the_end_is_looked_through(model):
    cast = keras.Sequential([model, layers.Activation("linear", dtype="float32")])
    logits = attacks.Classifier(cast).logits(IMAGES)
    np.testing.assert_allclose(logits, model(IMAGES).numpy(), atol=1e-5)
    with pytest.raises(ValueError, match="shows that it returns logits"):
        attacks.Classifier(cast, from_logits=False)


def test_a_quantised_softmax_is_read_as_it_answers(model):
    probabilities = with_softmax(model, "dense")
    probabilities.quantize("int8")
    logits = attacks.Classifier(probabilities).logits(IMAGES)
    found = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, probabilities(IMAGES).numpy(), atol=1e-5)


def test_the_members_of_a_list_are_read_each_by_itself(model):
    """`from_logits` speaks for those that don't show it."""
    together = attacks.Classifier([Opaque(model), with_softmax(model, "dense")], from_logits=True)
    np.testing.assert_allclose(together.logits(IMAGES), model(IMAGES).numpy(), atol=1e-5)


def test_a_fixed_size_and_any_size_go_together():
    pooled = keras.Sequential(
        [keras.Input((None, None, 1)), layers.GlobalAveragePooling2D(), layers.Dense(3)]
    )
    for models in ([pooled, small()], [small(), pooled]):
        assert attacks.Classifier(models).image_shape == (4, 4, 1)


def test_images_in_0_to_1_are_warned_of(model):
    with pytest.warns(UserWarning, match=r"lie in \[0, 1\].*say value_range=\(0.0, 1.0\)"):
        attacks.fgsm(model, np.abs(IMAGES), LABELS, 0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        attacks.fgsm(model, np.abs(IMAGES), LABELS, 0.1, value_range=(0.0, 1.0))
        attacks.fgsm(model, IMAGES, LABELS, 0.1)


def test_an_ensemble_is_the_mean_of_the_logits():
    models = [small() for _ in range(3)]
    shared = keras.Input((4, 4, 1))
    mean = keras.Model(shared, layers.Average()([model(shared) for model in models]))
    expected = attacks.Classifier(mean)
    together = attacks.Classifier(models)
    np.testing.assert_allclose(together.logits(IMAGES), expected.logits(IMAGES), atol=1e-6)
    given = {"steps": 4, "random_start": False}
    np.testing.assert_allclose(
        attacks.pgd(models, IMAGES, LABELS, 0.1, **given),
        attacks.pgd(expected, IMAGES, LABELS, 0.1, **given),
        atol=1e-6,
    )
    alone = attacks.pgd(models[0], IMAGES, LABELS, 0.1, **given)
    assert np.any(np.abs(alone - attacks.pgd(models, IMAGES, LABELS, 0.1, **given)) > 0.01)


def test_models_that_do_not_fit_each_other_are_refused():
    with pytest.raises(ValueError, match="same num_classes"):
        attacks.Classifier([small(3), small(4)])
    with pytest.raises(ValueError, match="same image_shape"):
        attacks.Classifier([small(), small(shape=(5, 4, 1))])
    with pytest.raises(ValueError, match=r"Expected a keras\.Model"):
        attacks.Classifier([])
    with pytest.raises(ValueError, match=r"Expected a keras\.Model"):
        attacks.fgsm("resnet", IMAGES, LABELS, 0.1)


def test_what_is_no_classifier_and_what_are_no_arrays():
    class Nothing(keras.Model):
        """A model without `call`, as a GAN is."""

    with pytest.raises(ValueError, match="Expected a model that classifies images"):
        attacks.fgsm(Nothing(), IMAGES, LABELS, 0.1)
    dataset = tf.data.Dataset.from_tensors((IMAGES, LABELS))
    with pytest.raises(ValueError, match="an array; attack a dataset batch by batch"):
        attacks.fgsm(small(), dataset, LABELS, 0.1)


def sigmoid(units, hidden=False):
    model = keras.Sequential(
        [keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(units, "sigmoid")]
    )
    return Opaque(model) if hidden else model


def two_outputs():
    images = keras.Input((4, 4, 1))
    x = layers.Flatten()(images)
    return keras.Model(images, [layers.Dense(3)(x), layers.Dense(2)(x)])


def spatial():
    return keras.Sequential([keras.Input((4, 4, 1)), layers.Conv2D(3, 3)])


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: sigmoid(1), "One output .a sigmoid."),
        (lambda: sigmoid(1, hidden=True), "One output .a sigmoid."),
        (lambda: sigmoid(3), "of sigmoids"),
        (lambda: sigmoid(3, hidden=True), "sigmoids?"),
        (two_outputs, "one input and one output"),
        (lambda: Opaque(two_outputs()), "one output"),
        (spatial, "one input and one output"),
        (lambda: Opaque(spatial()), "one output"),
    ],
)
def test_what_is_no_classifier_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        attacks.fgsm(make(), IMAGES, LABELS, 0.1)


@pytest.mark.parametrize(
    "labels, message",
    [
        (np.eye(3, dtype="int32")[LABELS], "no one-hot rows"),
        (LABELS.astype("float32"), "list of integers"),
        ([0, 1, 2, 0, 1, 3], r"lie in \[0, 3\)"),
        ([0, 1, 2, 0, 1, -1], r"lie in \[0, 3\)"),
        ([0, 1], "2 labels for 6 images"),
    ],
)
def test_bad_labels(labels, message):
    with pytest.raises(ValueError, match=message):
        attacks.fgsm(small(), IMAGES, labels, 0.1)


@pytest.mark.parametrize(
    "images, message",
    [
        (IMAGES * 2, r"Expected images in \[-1.0, 1.0\]"),
        ((IMAGES * 127 + 128).astype("uint8"), "dtype float"),
        (IMAGES * 127.5 + 127.5, "8-bit"),
        (IMAGES[..., 0], "channel axis"),
        (IMAGES[0], "not batched"),
        (IMAGES[:, :3], "shape"),
        (np.where(IMAGES > 0.9, np.nan, IMAGES), "NaN"),
        (IMAGES[:0], "empty"),
    ],
)
def test_bad_images(images, message):
    with pytest.raises(ValueError, match=message):
        attacks.fgsm(small(), images, LABELS[: len(images)], 0.1)


def test_bad_ways_of_reading():
    for reading, message in [
        ({"value_range": (1, 1)}, "value_range must be"),
        ({"value_range": 255}, "value_range must be"),
        ({"from_logits": "no"}, "from_logits must be"),
        ({"jit_compile": "yes"}, "jit_compile must be"),
    ]:
        with pytest.raises(ValueError, match=message):
            attacks.Classifier(small(), **reading)
    with pytest.raises(ValueError, match="has settled"):
        attacks.fgsm(attacks.Classifier(small()), IMAGES, LABELS, 0.1, value_range=(-1, 1))


def test_batch_norm_and_dropout_are_in_inference_mode():
    model = keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(3),
        ]
    )
    before = [weights.copy() for weights in model.get_weights()]
    one, again = (attacks.pgd(model, IMAGES, LABELS, 0.1, steps=3) for _ in range(2))
    np.testing.assert_array_equal(one, again)
    for weights, known in zip(model.get_weights(), before):
        np.testing.assert_array_equal(weights, known)


def test_half_precision_models_are_attacked():
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    model = small(activation="softmax")
    keras.mixed_precision.set_dtype_policy("float32")
    moved = attacks.fgsm(model, IMAGES, LABELS, 0.1)
    assert moved.dtype == np.float32 and np.abs(moved - IMAGES).max() == pytest.approx(0.2)


def test_scores_by_hand():
    """Logits [0, w x]: (0, 1) -> 1 by e / (1 + e), (1, 0) -> 0 by 1 / 2."""
    model = linear(np.array([0.0, 1.0], "float32"), shape=(1, 2, 1))
    images = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, -1.0]]).reshape(3, 1, 2, 1)
    classes, confidences = attacks.answers(model, images)
    sure = np.e / (1 + np.e)
    np.testing.assert_array_equal(classes, [1, 0, 0])
    np.testing.assert_allclose(confidences, [sure, 0.5, sure], rtol=1e-6)
    found = attacks.score(model, images, [0, 1, 0])
    assert found["error"] == pytest.approx(2 / 3)
    assert found["confidence"] == pytest.approx((sure + 0.5) / 2)
    assert attacks.score(model, images, [1, 0, 0]) == {"error": 0.0, "confidence": None}


def test_tensors_are_taken_too():
    moved = attacks.fgsm(small(), tf.constant(IMAGES), tf.constant(LABELS), 0.1)
    assert moved.shape == IMAGES.shape
