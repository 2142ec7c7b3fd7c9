"""The formulas behind the adversarial losses, each written once.

`<name>_terms(real_logits, fake_logits)` returns the parts of a discriminator's loss by name, as
float32 scalars. `kerasgan.losses.adversarial` sums them; `kerasgan.losses.objectives` hands them
to a model, which logs each.
"""

import math
import numbers

from keras import ops


def cross_entropy_terms(real_logits, fake_logits, label_smoothing=0.0):
    """Goodfellow et al. 2014: `-E[log D(x)]` and `-E[log(1 - D(G(z)))]`."""
    check_label_smoothing(label_smoothing)
    real = cross_entropy_to_real(real_logits)
    if label_smoothing:
        wrong_side = cross_entropy_to_fake(real_logits)
        real = (1.0 - label_smoothing) * real + label_smoothing * wrong_side
    return {"real": real, "fake": cross_entropy_to_fake(fake_logits)}


def least_squares_terms(real_logits, fake_logits, a=0.0, b=1.0):
    """Mao et al. 2017: `E[(D(x) - b)^2] / 2` and `E[(D(G(z)) - a)^2] / 2`."""
    check_labels(a, b)
    return {
        "real": half_squared_distance(real_logits, b),
        "fake": half_squared_distance(fake_logits, a),
    }


def wasserstein_terms(real_logits, fake_logits):
    """Arjovsky et al. 2017: `-E[f(x)]` and `E[f(G(z))]`."""
    return {"real": -mean(real_logits), "fake": mean(fake_logits)}


def hinge_terms(real_logits, fake_logits):
    """Lim and Ye 2017: `E[max(0, 1 - D(x))]` and `E[max(0, 1 + D(G(z)))]`."""
    return {
        "real": ops.mean(ops.relu(1.0 - float32(real_logits))),
        "fake": ops.mean(ops.relu(1.0 + float32(fake_logits))),
    }


def relativistic_terms(real_logits, fake_logits):
    """Jolicoeur-Martineau 2018, RpGAN: `-E[log sigmoid(C(x) - C(G(z)))]`, which has one part."""
    return {"relativistic": cross_entropy_to_real(paired_difference(real_logits, fake_logits))}


def relativistic_average_terms(real_logits, fake_logits):
    """Jolicoeur-Martineau 2018, RaGAN: each logit is held against the other side's mean."""
    real_above_fake = float32(real_logits) - mean(fake_logits)
    fake_above_real = float32(fake_logits) - mean(real_logits)
    loss = cross_entropy_to_real(real_above_fake) + cross_entropy_to_fake(fake_above_real)
    return {"relativistic": loss}


def float32(logits):
    """The logits in the precision that losses are computed in."""
    return ops.cast(logits, "float32")


def mean(logits):
    """The mean over all elements."""
    return ops.mean(float32(logits))


def cross_entropy_to_real(logits):
    """`-E[log sigmoid(logit)]`, which is finite for every finite logit."""
    return ops.mean(ops.softplus(-float32(logits)))


def cross_entropy_to_fake(logits):
    """`-E[log(1 - sigmoid(logit))]`, which is finite for every finite logit."""
    return ops.mean(ops.softplus(float32(logits)))


def half_squared_distance(logits, label):
    """`E[(logit - label)^2] / 2`."""
    return 0.5 * ops.mean(ops.square(float32(logits) - label))


def paired_difference(real_logits, fake_logits):
    """`C(x) - C(G(z))` for each pair; a ValueError unless the two have the same shape."""
    real_logits, fake_logits = float32(real_logits), float32(fake_logits)
    real_shape, fake_shape = ops.shape(real_logits), ops.shape(fake_logits)
    sizes_differ = any(
        isinstance(real, int) and isinstance(fake, int) and real != fake
        for real, fake in zip(real_shape, fake_shape, strict=False)
    )
    if len(real_shape) != len(fake_shape) or sizes_differ:  # broadcasting would pair all with all
        raise ValueError(
            "A relativistic loss pairs each real logit with a fake one, so the shapes must agree. "
            f"Received: real_logits.shape={real_shape}, fake_logits.shape={fake_shape}"
        )
    return real_logits - fake_logits


def check_label_smoothing(label_smoothing):
    """Raise a ValueError unless `label_smoothing` is a number in [0, 0.5)."""
    if not (_is_number(label_smoothing) and 0.0 <= label_smoothing < 0.5):
        raise ValueError(
            "label_smoothing must be a number in [0, 0.5). "
            f"Received: label_smoothing={label_smoothing!r}"
        )


def check_labels(a, b):
    """Raise a ValueError unless `a` and `b` are two different finite numbers."""
    check_finite(a=a, b=b)
    if a == b:
        raise ValueError(f"The labels of fake and real must differ. Received: a={a!r}, b={b!r}")


def check_generator_label(a, b, c):
    """Raise a ValueError unless `c` lies on the real side of the label of fakes."""
    check_finite(c=c)
    if (c - a) * (b - a) <= 0:
        raise ValueError(
            "c, what the generator wants its samples to be labelled, must lie on b's side of a "
            f"(the label of fakes); else it learns to be told apart. Received: {a=}, {b=}, {c=}"
        )


def check_finite(**labels):
    """Raise a ValueError unless each of `labels` is a finite number."""
    for name, value in labels.items():
        if not (_is_number(value) and math.isfinite(value)):
            raise ValueError(f"{name} must be a finite number. Received: {name}={value!r}")


def _is_number(value):
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
