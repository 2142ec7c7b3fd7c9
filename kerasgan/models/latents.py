"""Drawing latents for samples: the same numbers in `generate` and in an exported model."""

import numpy as np
import tensorflow as tf

_CHUNK = 250  # images made at a time, by `generate` and by an exported model
LARGEST_REQUEST = 10_000  # samples that one request to an exported model may ask for
_LARGEST_THRESHOLD = 5.0  # the normal lies within it but for 6e-7; beyond, float32 can't tell


def draw(n, latent_dim, seed=None, truncation=None, distribution="normal"):
    """Latents (n, latent_dim), float32, from N(0, 1) or ("uniform") [-1, 1], or truncated at
    +-truncation.

    Raises:
        ValueError: a truncation that isn't positive, a seed that isn't an integer.

    Example:
        >>> float(abs(draw(100, 8, seed=1, truncation=0.5)).numpy().max()) <= 0.5
        True
    """
    if truncation is not None and not truncation > 0:
        raise ValueError(
            "truncation is a threshold in standard deviations and must be positive (None: no "
            f"truncation). Received: truncation={truncation}"
        )
    if seed is None:
        seed = np.random.default_rng().integers(2**31)
    if not isinstance(seed, (int, np.integer)):
        raise ValueError(f"seed must be an integer or None. Received: seed={seed!r}")
    return draw_tensor(n, latent_dim, seed, truncation or 0.0, distribution)


def draw_tensor(n, latent_dim, seed, truncation, distribution="normal"):
    """As `draw`, of tensors; `truncation` 0 or below means none, NaN is INVALID_ARGUMENT."""
    seeds = tf.stack([tf.cast(seed, tf.int64), 0])
    if distribution == "uniform":
        threshold = _assert_number(tf.cast(truncation, tf.float32))
        threshold = tf.where(threshold > 0, tf.minimum(threshold, 1.0), 1.0)
        return threshold * tf.random.stateless_uniform([n, latent_dim], seeds, -1.0, 1.0)
    normal = tf.random.stateless_normal([n, latent_dim], seeds)
    # The truncated normal by its inverse distribution function, so that any threshold will do.
    threshold = _assert_number(tf.cast(truncation, tf.float32))
    threshold = tf.minimum(threshold, _LARGEST_THRESHOLD)
    tail = 0.5 * tf.math.erfc(threshold / np.sqrt(2.0).astype("float32"))
    uniform = tf.random.stateless_uniform([n, latent_dim], seeds, tail, 1.0 - tail)
    truncated = tf.clip_by_value(tf.math.ndtri(uniform), -threshold, threshold)
    return tf.where(threshold > 0, truncated, normal)


def in_chunks(function, *arrays):
    """`function` over rows of `arrays`, a chunk at a time: memory stays bounded."""
    chunks = (
        [tf.convert_to_tensor(array[start : start + _CHUNK]) for array in arrays]
        for start in range(0, len(arrays[0]), _CHUNK)
    )
    return np.concatenate([np.asarray(function(*chunk)) for chunk in chunks])


def in_chunks_tensor(function, *tensors):
    """As `in_chunks`, of tensors, within a graph: a large request takes no more memory."""
    rows = tf.shape(tensors[0])[0]
    chunks = (rows + _CHUNK - 1) // _CHUNK
    shape = function(*(tensor[:0] for tensor in tensors)).shape[1:]
    made = tf.TensorArray(tf.float32, chunks, element_shape=[None, *shape], infer_shape=False)

    def make(i, made):
        parts = (tensor[i * _CHUNK : (i + 1) * _CHUNK] for tensor in tensors)
        return i + 1, made.write(i, function(*parts))

    _, made = tf.while_loop(lambda i, _: i < chunks, make, (0, made), parallel_iterations=1)
    return made.concat()


def sample_specs(what):
    """TensorSpecs of a `sample` signature: seed, `what` (a count or labels), truncation."""
    seed = tf.TensorSpec([], tf.int32, name="seed")
    return [seed, what, tf.TensorSpec([], tf.float32, name="truncation")]


def assert_count(num):
    """`num`, or INVALID_ARGUMENT in a served model if it is out of bounds."""
    message = f"num must lie between 0 and {LARGEST_REQUEST}"
    with tf.control_dependencies(
        [
            tf.debugging.assert_non_negative(num, message),
            tf.debugging.assert_less_equal(num, LARGEST_REQUEST, message),
        ]
    ):
        return tf.identity(num)


def _assert_number(truncation):
    message = "truncation must be a number (0 or below: no truncation), not NaN."
    with tf.control_dependencies([tf.debugging.Assert(~tf.math.is_nan(truncation), [message])]):
        return tf.identity(truncation)


def assert_finite(latents):
    """`latents`, or INVALID_ARGUMENT in a served model if any is NaN or infinite."""
    return tf.debugging.check_numerics(latents, "latents must be finite numbers.")


def assert_labels(labels, num_classes, len_of=None):
    """`labels`, or INVALID_ARGUMENT in a served model if any is out of range, or if there are not
    as many as `len_of` has rows.
    """
    message = f"labels must lie in [0, {num_classes})"
    checks = [
        tf.debugging.assert_non_negative(labels, message),
        tf.debugging.assert_less(labels, num_classes, message),
    ]
    if len_of is not None:
        rows, wanted = tf.shape(labels)[0], tf.shape(len_of)[0]
        checks.append(tf.debugging.assert_equal(rows, wanted, "One label for each latent."))
    with tf.control_dependencies(checks):
        return tf.identity(labels)
