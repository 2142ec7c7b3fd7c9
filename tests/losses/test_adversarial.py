"""Hand-worked numbers for every adversarial loss, on logits of several ranks and dtypes."""

import math

import numpy as np
import pytest
import tensorflow as tf

from kerasgan import losses

LOG3 = math.log(3.0)
# sigmoid: D = 3/4, 1/2, 1/4, 9/10 for the real ones, D = 1/4, 1/2, 3/4, 1/10 for the fakes.
REAL = [LOG3, 0.0, -LOG3, math.log(9.0)]
FAKE = [-LOG3, 0.0, LOG3, -math.log(9.0)]

CROSS_ENTROPY_REAL = -(math.log(3 / 4) + math.log(1 / 2) + math.log(1 / 4) + math.log(9 / 10)) / 4
CROSS_ENTROPY_FAKE = -(math.log(3 / 4) + math.log(1 / 2) + math.log(1 / 4) + math.log(9 / 10)) / 4
LOG_D_FAKE = (math.log(1 / 4) + math.log(1 / 2) + math.log(3 / 4) + math.log(1 / 10)) / 4
LOG_ONE_MINUS_D_FAKE = (math.log(3 / 4) + math.log(1 / 2) + math.log(1 / 4) + math.log(9 / 10)) / 4
# Differences real - fake: log 9, 0, -log 9, log 81, so sigmoids 9/10, 1/2, 1/10, 81/82.
PAIRED_D = -(math.log(9 / 10) + math.log(1 / 2) + math.log(1 / 10) + math.log(81 / 82)) / 4
PAIRED_G = -(math.log(1 / 10) + math.log(1 / 2) + math.log(9 / 10) + math.log(1 / 82)) / 4

# For least squares, Wasserstein, hinge and the averages: easier numbers.
SCORES_REAL = [2.0, 0.5, -1.0, 0.5]  # mean 0.5
SCORES_FAKE = [-2.0, 0.0, 3.0, -3.0]  # mean -0.5
RA_REAL = [0.5 + LOG3, 0.5 - LOG3, 0.5 + LOG3, 0.5 - LOG3]  # mean 0.5
RA_FAKE = [-0.5 + LOG3, -0.5 - LOG3, -0.5 + LOG3, -0.5 - LOG3]  # mean -0.5
E = math.e
# real - mean(fake) = 1 +- log 3, so exp of it is 3e or e/3; fake - mean(real) is minus that.
RA_D = 2 * (-(math.log(3 * E / (1 + 3 * E)) + math.log((E / 3) / (1 + E / 3))) / 2)
RA_G = 2 * (-(math.log(1 / (1 + 3 * E)) + math.log(1 / (1 + E / 3))) / 2)

DISCRIMINATOR_CASES = [
    ("minimax", REAL, FAKE, {}, CROSS_ENTROPY_REAL + CROSS_ENTROPY_FAKE),
    ("non_saturating", REAL, FAKE, {}, CROSS_ENTROPY_REAL + CROSS_ENTROPY_FAKE),
    # (1 + 1/4 + 4 + 1/4) / 4 / 2 for b = 1; (4 + 0 + 9 + 9) / 4 / 2 for a = 0
    ("least_squares", SCORES_REAL, SCORES_FAKE, {}, 5.5 / 8 + 22.0 / 8),
    # (0 + 9/4 + 9 + 9/4) / 8 for b = 2; (1 + 1 + 16 + 4) / 8 for a = -1
    ("least_squares", SCORES_REAL, SCORES_FAKE, {"a": -1.0, "b": 2.0}, 13.5 / 8 + 22.0 / 8),
    ("wasserstein", SCORES_REAL, SCORES_FAKE, {}, -0.5 - 0.5),
    # max(0, 1 - r) = 0, 1/2, 2, 1/2; max(0, 1 + f) = 0, 1, 4, 0
    ("hinge", SCORES_REAL, SCORES_FAKE, {}, 3.0 / 4 + 5.0 / 4),
    ("relativistic", REAL, FAKE, {}, PAIRED_D),
    ("relativistic_average", RA_REAL, RA_FAKE, {}, RA_D),
]
GENERATOR_CASES = [
    ("minimax", FAKE, {}, LOG_ONE_MINUS_D_FAKE),
    ("non_saturating", FAKE, {}, -LOG_D_FAKE),
    ("least_squares", SCORES_FAKE, {}, (9.0 + 1.0 + 4.0 + 16.0) / 8),
    ("least_squares", SCORES_FAKE, {"c": 0.0}, 22.0 / 8),
    ("wasserstein", SCORES_FAKE, {}, 0.5),
    ("hinge", SCORES_FAKE, {}, 0.5),
]
NAMES = sorted({case[0] for case in DISCRIMINATOR_CASES})
SHAPES = [(4,), (4, 1), (2, 2, 1)]


def discriminator_loss(name):
    return getattr(losses, f"{name}_discriminator_loss")


def generator_loss(name):
    """As a function of (fake_logits, real_logits), like the objects' method."""
    loss = getattr(losses, f"{name}_generator_loss")
    if name.startswith("relativistic"):
        return lambda fake, real: loss(real, fake)
    return lambda fake, real: loss(fake)


def logits(values, shape, dtype="float32"):
    return tf.cast(tf.reshape(tf.constant(values), shape), dtype)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name, real, fake, options, expected", DISCRIMINATOR_CASES)
def test_discriminator_numbers(name, real, fake, options, expected, shape):
    result = discriminator_loss(name)(logits(real, shape), logits(fake, shape), **options)
    assert result.shape == () and result.dtype == tf.float32
    assert abs(float(result) - expected) < 1e-5


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name, fake, options, expected", GENERATOR_CASES)
def test_generator_numbers(name, fake, options, expected, shape):
    result = getattr(losses, f"{name}_generator_loss")(logits(fake, shape), **options)
    assert result.shape == () and result.dtype == tf.float32
    assert abs(float(result) - expected) < 1e-5


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_relativistic_generator_numbers(shape):
    paired = losses.relativistic_generator_loss(logits(REAL, shape), logits(FAKE, shape))
    average = losses.relativistic_average_generator_loss(
        logits(RA_REAL, shape), logits(RA_FAKE, shape)
    )
    assert abs(float(paired) - PAIRED_G) < 1e-5
    assert abs(float(average) - RA_G) < 1e-5


def test_real_and_fake_parts_are_means_of_their_own_batch():
    result = losses.wasserstein_discriminator_loss(tf.constant([3.0, 5.0]), tf.constant([1.0]))
    assert abs(float(result) - (1.0 - 4.0)) < 1e-5
    result = losses.relativistic_average_discriminator_loss(
        tf.constant([LOG3, LOG3]), tf.constant([0.0])
    )
    assert abs(float(result) - 2 * math.log(4 / 3)) < 1e-5


@pytest.mark.parametrize("name", ["minimax", "non_saturating"])
def test_label_smoothing_is_on_the_real_side_only(name):
    # real part: -0.9 E[log D] - 0.1 E[log(1 - D)], with D = 3/4 for both real samples
    real, fake = tf.constant([LOG3, LOG3]), tf.constant([0.0])
    result = discriminator_loss(name)(real, fake, label_smoothing=0.1)
    expected = -0.9 * math.log(3 / 4) - 0.1 * math.log(1 / 4) + math.log(2)
    assert abs(float(result) - expected) < 1e-5
    objective = losses.get(
        {"minimax": losses.Minimax, "non_saturating": losses.NonSaturating}[name](0.1)
    )
    assert abs(float(objective.discriminator(real, fake)["fake"]) - math.log(2)) < 1e-5


def test_smoothed_target_is_the_optimum():
    optimum = tf.constant([math.log(0.9 / 0.1)])  # D = 0.9 = 1 - smoothing
    with tf.GradientTape() as tape:
        tape.watch(optimum)
        loss = losses.non_saturating_discriminator_loss(optimum, tf.zeros(1), label_smoothing=0.1)
    assert abs(float(tape.gradient(loss, optimum)[0])) < 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_gradients_push_the_players_apart(name):
    """Descending D's loss raises real logits and lowers fake ones; G's raises fake ones."""
    real, fake = tf.constant([[0.3], [-0.2]]), tf.constant([[0.1], [-0.4]])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([real, fake])
        d_loss = discriminator_loss(name)(real, fake)
        g_loss = generator_loss(name)(fake, real)
    assert np.all(tape.gradient(d_loss, real) < 0)
    fake_gradient = tape.gradient(d_loss, fake)
    if name == "least_squares":  # towards the label 0, from either side
        assert np.array_equal(np.sign(fake_gradient), np.sign(fake))
    else:
        assert np.all(fake_gradient > 0)
    assert np.all(tape.gradient(g_loss, fake) < 0)


def test_minimax_saturates_where_non_saturating_does_not():
    fake = tf.constant([-10.0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(fake)
        saturating = losses.minimax_generator_loss(fake)
        non_saturating = losses.non_saturating_generator_loss(fake)
    assert -1e-4 < float(tape.gradient(saturating, fake)[0]) < -1e-5  # -D = -1 / (1 + e^10)
    assert abs(float(tape.gradient(non_saturating, fake)[0]) + 1.0) < 1e-4  # D - 1


B = 1e4
# D right (real = +B, fake = -B), then D wrong: (discriminator's, generator's) limits.
LIMITS = {
    "minimax": ((0, 0), (2 * B, -B)),
    "non_saturating": ((0, B), (2 * B, 0)),
    "least_squares": (
        ((B - 1) ** 2 / 2 + B**2 / 2, (B + 1) ** 2 / 2),
        ((B + 1) ** 2 / 2 + B**2 / 2, (B - 1) ** 2 / 2),
    ),
    "wasserstein": ((-2 * B, B), (2 * B, -B)),
    "hinge": ((0, B), (2 * B + 2, -B)),
    "relativistic": ((0, 2 * B), (2 * B, 0)),
    "relativistic_average": ((0, 4 * B), (4 * B, 0)),
}


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("name", NAMES)
def test_limits_of_large_logits(name, dtype):
    for sign, (d_limit, g_limit) in zip((1.0, -1.0), LIMITS[name], strict=True):
        real = tf.constant([[sign * B]] * 2, dtype)
        fake = tf.constant([[-sign * B]] * 2, dtype)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch([real, fake])
            d_loss = discriminator_loss(name)(real, fake)
            g_loss = generator_loss(name)(fake, real)
        assert abs(float(d_loss) - d_limit) <= 1e-6 * abs(d_limit)
        assert abs(float(g_loss) - g_limit) <= 1e-6 * abs(g_limit)
        for gradient in (*tape.gradient(d_loss, [real, fake]), tape.gradient(g_loss, fake)):
            assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", NAMES)
def test_low_precision_logits_are_summed_in_float32(name, dtype):
    """A mean of 4096 float16 values near 20 overflows in float16 sums: 4096 * 20 > 65504."""
    real, fake = tf.fill([4096], tf.cast(20.25, dtype)), tf.fill([4096], tf.cast(20.5, dtype))
    for loss in (discriminator_loss(name)(real, fake), generator_loss(name)(fake, real)):
        assert loss.dtype == tf.float32
    low = discriminator_loss(name)(real, fake)
    full = discriminator_loss(name)(tf.cast(real, "float32"), tf.cast(fake, "float32"))
    assert float(low) == float(full) and math.isfinite(float(low))


@pytest.mark.parametrize("name", NAMES)
def test_graph_and_xla_agree_with_eager(name):
    def both(real, fake):
        return discriminator_loss(name)(real, fake), generator_loss(name)(fake, real)

    arguments = (logits(REAL, (4, 1)), logits(FAKE, (4, 1)))
    eager = np.array(both(*arguments))
    for jit_compile in (False, True):
        compiled = tf.function(both, jit_compile=jit_compile)
        np.testing.assert_allclose(np.array(compiled(*arguments)), eager, rtol=0, atol=1e-5)


def test_unknown_batch_size_in_a_graph():
    spec = tf.TensorSpec([None, 1])
    loss = tf.function(losses.relativistic_discriminator_loss, input_signature=[spec, spec])
    assert abs(float(loss(logits(REAL, (4, 1)), logits(FAKE, (4, 1)))) - PAIRED_D) < 1e-5


@pytest.mark.parametrize("shapes", [((4,), (4, 1)), ((4, 1), (1, 1)), ((2, 2), (4,))], ids=str)
@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_pairs_need_equal_shapes(player, shapes):
    loss = getattr(losses, f"relativistic_{player}_loss")
    with pytest.raises(ValueError, match=r"Received: real_logits\.shape="):
        loss(tf.zeros(shapes[0]), tf.zeros(shapes[1]))


@pytest.mark.parametrize("smoothing", [-0.1, 0.5, 1.0, math.nan, "0.1", None, True])
def test_bad_label_smoothing(smoothing):
    with pytest.raises(ValueError, match="Received: label_smoothing="):
        losses.minimax_discriminator_loss([0.0], [0.0], label_smoothing=smoothing)
    with pytest.raises(ValueError, match="Received: label_smoothing="):
        losses.NonSaturating(label_smoothing=smoothing)


def test_bad_least_squares_labels():
    with pytest.raises(ValueError, match=r"Received: a=1\.0, b=1\.0"):
        losses.least_squares_discriminator_loss([0.0], [0.0], a=1.0)
    with pytest.raises(ValueError, match="Received: b=inf"):
        losses.LeastSquares(b=math.inf)
    with pytest.raises(ValueError, match="Received: c='1'"):
        losses.least_squares_generator_loss([0.0], c="1")
