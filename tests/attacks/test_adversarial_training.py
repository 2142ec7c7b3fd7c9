"""Adversarial training: its loss by hand, turns, modes, warm-up, and that it resumes exactly."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerasgan import attacks
from kerasgan.layers import Dropout
from tests.attacks.networks import WEIGHTS, images_of, linear, small

IMAGES = images_of(12)
LABELS = np.arange(12) % 3
CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy


def compiled(model, rate=0.0, from_logits=True, **arguments):
    model.compile(
        keras.optimizers.SGD(rate), CROSS_ENTROPY(from_logits), metrics=["accuracy"], **arguments
    )
    return model


@pytest.mark.parametrize("alpha, activation", [(0.2, None), (0.5, "softmax"), (0.0, None)])
def test_the_loss_by_hand(alpha, activation):
    """It is alpha J(x) + (1 - alpha) J(x + epsilon sign): a linear model's J is log(1 + exp(m))."""
    images = images_of(4, (2, 3, 1)) * 0.5
    model = attacks.AdversarialTraining(linear(activation=activation), "fgsm", 0.1, alpha)
    compiled(model, from_logits=activation is None)
    history = model.fit(images, np.zeros(4, int), batch_size=4, verbose=0).history
    margin = images.reshape(4, -1).astype("float64") @ WEIGHTS
    worse = margin + 0.2 * np.abs(WEIGHTS).sum()
    clean, adversarial = (np.mean(np.log1p(np.exp(m))) for m in (margin, worse))
    expected = {
        "loss": alpha * clean + (1 - alpha) * adversarial,
        "adversarial_loss": adversarial,
        "accuracy": np.mean(margin < 0),
        "adversarial_accuracy": np.mean(worse < 0),
    }
    assert set(history) == set(expected)
    for name, value in expected.items():
        assert history[name][0] == pytest.approx(value, rel=1e-5), name
    evaluated = model.evaluate(images, np.zeros(4, int), verbose=0, return_dict=True)
    assert evaluated == pytest.approx(expected, rel=1e-5)


def test_an_update_follows_both_gradients():
    """SGD on two classes: dJ/dw is sigmoid(m) x at the image and at the example, half of each."""
    images = images_of(4, (2, 3, 1)) * 0.5
    model = compiled(attacks.AdversarialTraining(linear(), "fgsm", 0.1), rate=0.5)
    model.fit(images, np.zeros(4, int), batch_size=4, verbose=0)
    x = images.reshape(4, -1).astype("float64")
    examples = x + 0.2 * np.sign(WEIGHTS)
    slopes = [
        (p.reshape(4, 1) * each).mean(axis=0)
        for each in (x, examples)
        for p in [1 / (1 + np.exp(-each @ WEIGHTS))]
    ]
    kernel = model.classifier.get_weights()[0]
    np.testing.assert_allclose(kernel[:, 1], WEIGHTS - 0.25 * sum(slopes), atol=1e-6)
    assert int(model.step_counter.numpy()) == 1


def test_sample_weights_count():
    images = images_of(4, (2, 3, 1)) * 0.5
    weights = np.array([1.0, 0.0, 0.0, 0.0])
    model = compiled(attacks.AdversarialTraining(linear(), "fgsm", 0.1))
    given = {"batch_size": 4, "verbose": 0, "sample_weight": weights}
    loss = model.fit(images, np.zeros(4, int), **given).history["loss"][0]
    margin = images[0].ravel().astype("float64") @ WEIGHTS
    worse = margin + 0.2 * np.abs(WEIGHTS).sum()
    expected = np.mean([np.log1p(np.exp(margin)), np.log1p(np.exp(worse))]) / 4
    assert loss == pytest.approx(expected, rel=1e-5)


def regularised():
    """BatchNorm and dropout, whose masks resume."""
    return keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            layers.Flatten(),
            layers.Dense(8),
            layers.BatchNormalization(),
            layers.ReLU(),
            Dropout(0.3, seed=1),
            layers.Dense(3),
        ]
    )


def test_ten_steps_are_five_saved_loaded_and_five_more(tmp_path):
    batches = tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).batch(4).repeat()
    whole = attacks.EnsembleAdversarialTraining(
        regularised(),
        [small(activation="softmax")],
        *("pgd", 0.1, 0.3),
        steps=2,
        warmup_steps=8,
        seed=5,
    )
    whole.compile("adam", CROSS_ENTROPY(True), metrics=["accuracy"])
    broken = keras.models.clone_model(whole)
    broken.set_weights(whole.get_weights())
    broken.compile("adam", CROSS_ENTROPY(True), metrics=["accuracy"])
    whole.fit(batches.take(10), shuffle=False, verbose=0)
    broken.fit(batches.take(5), shuffle=False, verbose=0)
    broken.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras", safe_mode=True)
    loaded.fit(batches.skip(5).take(5), shuffle=False, verbose=0)
    assert int(loaded.step_counter.numpy()) == int(loaded.optimizer.iterations.numpy()) == 10
    for one, other in zip(
        [*whole.weights, *whole.optimizer.variables],
        [*loaded.weights, *loaded.optimizer.variables],
        strict=True,
    ):
        np.testing.assert_array_equal(one.numpy(), other.numpy(), err_msg=one.path)


def test_the_config_makes_the_same_model_again():
    given = {
        "attack": "pgd",
        "epsilon": 0.1,
        "alpha": 0.25,
        "norm": "l2",
        "steps": 3,
        "step_size": 0.05,
        "random_start": False,
        "warmup_steps": 7,
        "value_range": (0.0, 1.0),
        "from_logits": True,
        "seed": 4,
    }
    model = attacks.AdversarialTraining(small(), **given)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model))
    assert {name: getattr(again, name) for name in given} == given
    assert again.classifier.count_params() == model.classifier.count_params()


def test_random_starts_differ_from_step_to_step_and_by_seed():
    def examples(seed, step):
        model = attacks.AdversarialTraining(
            small_one, "pgd", 0.1, steps=1, step_size=0.0, seed=seed
        )
        model.step_counter.assign(step)
        return model.training_examples(tf.constant(IMAGES), tf.constant(LABELS)).numpy()

    small_one = small()
    start = examples(0, 0)
    np.testing.assert_array_equal(start, examples(0, 0))
    assert 0 < np.abs(start - IMAGES).max() <= 0.2 + 1e-6
    for other in (examples(0, 1), examples(1, 0)):
        assert np.mean(start != other) > 0.5


def test_the_warm_up_lets_epsilon_rise():
    model = attacks.AdversarialTraining(small(), "fgsm", 0.2, warmup_steps=4)
    sizes = []
    for step in (0, 1, 3, 9):
        model.step_counter.assign(step)
        moved = model.training_examples(tf.constant(IMAGES), tf.constant(LABELS)).numpy()
        sizes.append(np.abs(moved - IMAGES).max())
    np.testing.assert_allclose(sizes, [0.1, 0.2, 0.4, 0.4], atol=1e-6)


def test_making_examples_leaves_statistics_and_masks_alone():
    model = attacks.AdversarialTraining(regularised(), "pgd", 0.1, steps=4)
    before = model.get_weights()
    images, labels = tf.constant(IMAGES), tf.constant(LABELS)
    one, again = (model.training_examples(images, labels).numpy() for _ in range(2))
    np.testing.assert_array_equal(one, again)
    for known, weights in zip(before, model.get_weights()):
        np.testing.assert_array_equal(known, weights)


def by_hand(source, images, labels, epsilon):
    return attacks.fgsm(source, images, labels, epsilon)


def test_an_ensemble_takes_turns():
    fixed, own = [small(), small(activation="softmax")], small()
    model = attacks.EnsembleAdversarialTraining(own, fixed, "fgsm", 0.1)
    turns = []
    for step in range(4):
        model.step_counter.assign(step)
        turns.append(model.training_examples(tf.constant(IMAGES), tf.constant(LABELS)).numpy())
    for found, source in zip(turns, [*fixed, own, fixed[0]]):
        np.testing.assert_allclose(found, by_hand(source, IMAGES, LABELS, 0.1), atol=1e-6)
    assert all(np.any(turns[i] != turns[i + 1]) for i in range(3))


def test_fixed_models_stay_fixed_and_are_no_weights_to_train():
    fixed = small()
    known = fixed.get_weights()
    model = attacks.EnsembleAdversarialTraining(small(), [fixed], "fgsm", 0.1)
    compiled(model, rate=0.5).fit(IMAGES, LABELS, batch_size=4, verbose=0)
    assert len(model.trainable_variables) == 4 and fixed.trainable
    fixed.set_weights([0 * weights for weights in known])  # the given one is no longer used
    for weights, copied in zip(known, model.fixed_models[0].get_weights()):
        np.testing.assert_array_equal(weights, copied)


def test_xla_trains_an_ensemble_as_well():
    model = attacks.EnsembleAdversarialTraining(small(), [small()], "rand_fgsm", 0.1)
    model = compiled(model, rate=0.5, jit_compile=True)
    history = model.fit(IMAGES, LABELS, batch_size=6, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_eager_xla_and_graph_agree():
    losses = []
    start = small().get_weights()
    for how in ({"run_eagerly": True}, {"jit_compile": False}, {"jit_compile": True}):
        classifier = small()
        classifier.set_weights(start)
        model = attacks.AdversarialTraining(
            classifier, "pgd", 0.1, steps=2, random_start=False, norm="l2"
        )
        history = compiled(model, rate=0.5, **how).fit(
            IMAGES, LABELS, batch_size=6, verbose=0, shuffle=False
        )
        losses.append(history.history["loss"][0])
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-4)


def test_training_makes_a_model_harder_to_fool():
    """Two classes told apart by one strong pixel and, better, by many weak ones (as in Tsipras
    et al. 2019): plain training leans on the weak ones, which a small epsilon overturns.
    """
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 400)
    signs = (2.0 * labels - 1).reshape(-1, 1)
    strong = 0.8 * signs * np.where(rng.random((400, 1)) < 0.95, 1, -1)
    weak = 0.1 * signs + rng.normal(0, 0.15, (400, 15))
    images = np.concatenate([strong, weak], axis=1).clip(-1, 1).astype("float32")
    images = images.reshape(400, 4, 4, 1)
    errors = {}
    for alpha in ("plain", 0.0):
        classifier = keras.Sequential([keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(2)])
        model = classifier
        if alpha == 0.0:
            model = attacks.AdversarialTraining(classifier, "pgd", 0.15, alpha=0.0, steps=3)
        model.compile(keras.optimizers.Adam(0.02), CROSS_ENTROPY(True))
        model.fit(images, labels, batch_size=50, epochs=8, verbose=0)
        examples = attacks.pgd(classifier, images, labels, 0.15, steps=5)
        errors[alpha] = attacks.score(classifier, examples, labels)["error"]
    assert errors["plain"] > 0.3 and errors[0.0] < 0.15, errors


def test_the_classifier_is_a_model_of_its_own(tmp_path):
    model = compiled(attacks.AdversarialTraining(small(), "fgsm", 0.1))
    np.testing.assert_array_equal(
        model.predict(IMAGES, verbose=0), model.classifier.predict(IMAGES, verbose=0)
    )
    model.classifier.save(tmp_path / "c.keras")
    loaded = keras.saving.load_model(tmp_path / "c.keras")
    np.testing.assert_array_equal(loaded(IMAGES), model.classifier(IMAGES))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"attack": "cw"}, "attack must be one of"),
        ({"attack": "rand_fgsm", "norm": "l2"}, "rand_fgsm is an attack of norm"),
        ({"norm": "l1"}, "norm must be one of"),
        ({"epsilon": 76.5}, "units of a"),
        ({"alpha": 1.0}, r"alpha must lie in \[0, 1\)"),
        ({"alpha": -0.5}, "alpha"),
        ({"steps": 0}, "steps must be"),
        ({"step_size": 3.0}, "step_size is in units"),
        ({"warmup_steps": -1}, "warmup_steps must be"),
        ({"value_range": (1, 0)}, "value_range must be"),
        ({"seed": 1.5}, "seed must be"),
        ({"from_logits": False}, "returns logits"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        attacks.AdversarialTraining(small(), **arguments)


@pytest.mark.parametrize("activation", [None, "softmax"])
def test_a_loss_that_misreads_the_classifier(activation):
    images = keras.Input((2, 2, 1))
    answers = layers.Dense(3, activation=activation)(layers.Flatten()(images))
    model = attacks.AdversarialTraining(keras.Model(images, answers))

    def go(loss):
        model.compile("sgd", loss)
        model.evaluate(IMAGES[:4, :2, :2], LABELS[:4], verbose=0)
        return model.fit(IMAGES[:4, :2, :2], LABELS[:4], verbose=0)

    wrong = activation is not None
    with pytest.raises(ValueError, match=rf"from_logits={not wrong}\), as .* from_logits={wrong}"):
        go(CROSS_ENTROPY(wrong))
    assert go(CROSS_ENTROPY(not wrong))
    assert go(lambda labels, answers: answers[:, 0])  # the user's own
    by_name = "sparse_categorical_crossentropy"  # which takes probabilities
    if activation is None:
        with pytest.raises(ValueError, match="the classifier returns logits"):
            go(by_name)
    else:
        assert go(by_name)


def test_bad_models():
    unbuilt = keras.Sequential([layers.Flatten(), layers.Dense(3)])
    with pytest.raises(ValueError, match="functional or Sequential classifier"):
        attacks.AdversarialTraining(unbuilt)
    with pytest.raises(ValueError, match="one fixed model at least"):
        attacks.EnsembleAdversarialTraining(small(), [])
    with pytest.raises(ValueError, match="must have the classifier's num_classes, 3"):
        attacks.EnsembleAdversarialTraining(small(), [small(4)])


@pytest.mark.parametrize(
    "images, labels, message",
    [
        (IMAGES * 127.5 + 127.5, LABELS, "8-bit"),
        (IMAGES, np.eye(3, dtype="int32")[LABELS], "one-hot"),
        (IMAGES, LABELS + 1, "num_classes=3"),
        (IMAGES[:, :3], LABELS, "shape"),
    ],
)
def test_bad_data(images, labels, message):
    model = compiled(attacks.AdversarialTraining(small()))
    with pytest.raises(ValueError, match=message):
        model.fit(images, labels, verbose=0)
    dataset = tf.data.Dataset.from_tensor_slices((images, labels)).batch(4)
    with pytest.raises(ValueError, match=message):
        model.fit(dataset, verbose=0)


def test_one_hot_labels_to_evaluate_are_refused():
    model = compiled(attacks.AdversarialTraining(small()))
    with pytest.raises(ValueError, match="look one-hot"):
        model.evaluate(IMAGES, np.eye(3)[LABELS], verbose=0)
