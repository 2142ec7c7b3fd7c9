"""What one step of adversarial training computes: its examples, losses, modes and gradients."""

import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerasgan import attacks
from tests.attacks.networks import WEIGHTS, images_of, linear, small

CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy
IMAGES, LABELS = images_of(12), np.arange(12) % 3


def compiled(model, optimizer=None, **arguments):
    model.compile(optimizer or keras.optimizers.SGD(0.0), CROSS_ENTROPY(True), **arguments)
    return model


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("attack", ["fgsm", "pgd"])
def test_examples_are_those_of_the_attack(attack, norm):
    model, images = small(), images_of(6, value_range=(0.0, 1.0))
    given = {"norm": norm, "value_range": (0.0, 1.0)}
    if attack == "pgd":
        given |= {"steps": 3, "random_start": False}
    wrapped = attacks.AdversarialTraining(model, attack, 0.1, **given)
    found = wrapped.training_examples(tf.constant(images), tf.constant(LABELS[:6]))
    made = getattr(attacks, attack)(model, images, LABELS[:6], 0.1, **given)
    assert np.abs(made - images).max() > 0.01
    np.testing.assert_allclose(found, made, atol=1e-6)


def test_evaluate_attacks_the_classifier_itself_with_all_of_epsilon():
    own, fixed = small(), small()
    own.set_weights([5 * weights for weights in own.get_weights()])
    model = attacks.EnsembleAdversarialTraining(own, [fixed], epsilon=0.1, warmup_steps=100)
    found = compiled(model).evaluate(IMAGES, LABELS, verbose=0, return_dict=True)
    expected = attacks.score(own, attacks.fgsm(own, IMAGES, LABELS, 0.1), LABELS)["error"]
    elsewhere = attacks.score(own, attacks.fgsm(fixed, IMAGES, LABELS, 0.1), LABELS)["error"]
    assert expected != elsewhere
    assert 1 - found["adversarial_accuracy"] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("alpha", [0.5, 0.0])
def test_activity_regularisers_count_on_images_and_on_examples(alpha):
    """The loss of training is that of evaluation, and the sum of both parts by hand."""
    classifier = keras.Sequential(
        [keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(3, activity_regularizer="l2")]
    )
    model = compiled(attacks.AdversarialTraining(classifier, epsilon=0.1, alpha=alpha))
    examples = attacks.fgsm(classifier, IMAGES, LABELS, 0.1)

    def loss(images):
        logits = np.asarray(classifier(images), "float64")
        own = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(12), LABELS]
        return own.mean() + 0.01 * np.square(logits).sum() / 12

    expected = alpha * loss(IMAGES) + (1 - alpha) * loss(examples)
    found = model.evaluate(IMAGES, LABELS, verbose=0, return_dict=True)["loss"]
    assert found == pytest.approx(expected, rel=1e-5)
    trained = model.fit(IMAGES, LABELS, batch_size=12, verbose=0).history["loss"][0]
    assert trained == pytest.approx(expected, rel=1e-5)


def test_examples_go_through_batchnorm_in_training_mode():
    """The examples' loss is by their own statistics; the averages move by both batches'."""
    norm = layers.BatchNormalization(momentum=0.5, epsilon=1e-3)
    classifier = keras.Sequential([keras.Input((2, 3, 1)), layers.Flatten(), layers.Dense(2), norm])
    kernel = np.stack([np.zeros_like(WEIGHTS), WEIGHTS], axis=1)
    classifier.set_weights([kernel, *classifier.get_weights()[1:]])
    images = images_of(8, (2, 3, 1)) * 0.5
    model = compiled(attacks.AdversarialTraining(classifier, epsilon=0.1))
    history = model.fit(images, np.zeros(8, int), batch_size=8, verbose=0).history
    clean = images.reshape(8, -1).astype("float64") @ WEIGHTS
    worse = clean + 0.2 * np.abs(WEIGHTS).sum()
    normed = (worse - worse.mean()) / np.sqrt(worse.var() + 1e-3)
    expected = np.mean(np.log1p(np.exp(normed)))
    assert history["adversarial_loss"][0] == pytest.approx(expected, rel=1e-4)
    moved = 0.5 * (0.5 * clean.mean()) + 0.5 * worse.mean()
    assert norm.moving_mean.numpy()[1] == pytest.approx(moved, rel=1e-4)


def test_loss_scaling_changes_nothing():
    kernels = []
    for scaled in (False, True):
        model = linear()
        optimizer = keras.optimizers.SGD(0.5)
        if scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=1024.0)
        wrapped = compiled(attacks.AdversarialTraining(model, epsilon=0.1), optimizer)
        wrapped.fit(images_of(4, (2, 3, 1)), np.zeros(4, int), batch_size=4, verbose=0)
        kernels.append(model.get_weights()[0])
    np.testing.assert_allclose(kernels[1], kernels[0], atol=1e-6)
    assert np.abs(kernels[0][:, 1] - WEIGHTS).max() > 0.01


REPLICAS = """
import keras, numpy as np, tensorflow as tf
from kerasgan import attacks
from tests.attacks.networks import WEIGHTS, images_of, linear

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
images = np.tile(images_of(4, (2, 3, 1)) * 0.5, (2, 1, 1, 1))  # both halves alike
margin = images.reshape(8, -1).astype("float64") @ WEIGHTS
worse = margin + 0.2 * np.abs(WEIGHTS).sum()
clean, adversarial = (np.mean(np.log1p(np.exp(m))) for m in (margin, worse))
with strategy.scope():
    model = attacks.AdversarialTraining(linear(), epsilon=0.1)
    loss = keras.losses.SparseCategoricalCrossentropy(True)
    model.compile(keras.optimizers.SGD(0.0), loss, jit_compile=False)
    pgd = attacks.AdversarialTraining(linear(), "pgd", 0.1, steps=1, step_size=0.0)
history = model.fit(images, np.zeros(8, int), batch_size=8, verbose=0).history
found = [history[name][0] for name in ("adversarial_loss", "loss")]
np.testing.assert_allclose(found, [adversarial, (clean + adversarial) / 2], rtol=1e-5)
half, labels = tf.constant(images[:4]), tf.zeros(4, tf.int32)
run = tf.function(lambda: strategy.run(pgd.training_examples, (half, labels)))
one, other = strategy.experimental_local_results(run())
assert np.any(one.numpy() != other.numpy())
"""


def test_two_replicas_log_the_loss_of_the_whole_batch_and_draw_starts_of_their_own():
    process = subprocess.run([sys.executable, "-c", REPLICAS], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize("dtype", ["int16", "uint8", "int64"])
def test_labels_of_any_integers(dtype):
    model = compiled(attacks.AdversarialTraining(small(), epsilon=0.1))
    model.fit(IMAGES, LABELS.astype(dtype), verbose=0)


def test_held_out_data_are_checked_too():
    model = compiled(attacks.AdversarialTraining(small(), epsilon=0.1))
    wrong = 127.5 * (IMAGES + 1)
    with pytest.raises(ValueError, match=r"images / 127\.5 - 1"):
        model.evaluate(wrong, LABELS, verbose=0)
    for held_out in ((wrong, LABELS), tf.data.Dataset.from_tensors((wrong, LABELS))):
        with pytest.raises(ValueError, match=r"images / 127\.5 - 1"):
            model.fit(IMAGES, LABELS, validation_data=held_out, verbose=0)


def test_arrays_in_0_to_1_are_warned_of_as_datasets_are():
    model = compiled(attacks.AdversarialTraining(small(), epsilon=0.1))
    images = np.abs(IMAGES)
    for data in ((images, LABELS), (tf.data.Dataset.from_tensors((images, LABELS)),)):
        with pytest.warns(UserWarning, match=r"All images lie in \[0, 1\]"):
            model.fit(*data, verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(IMAGES, LABELS, verbose=0)
