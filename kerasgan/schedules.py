"""Learning-rate schedules that Keras lacks."""

import keras
from keras import ops

from kerasgan import checks


@keras.saving.register_keras_serializable("kerasgan")
class ConstantThenLinear(keras.optimizers.schedules.LearningRateSchedule):
    """A constant rate, then one that falls linearly to zero.

    Zhu et al. 2017 (CycleGAN), section 4: "the same learning rate for the first 100 epochs and
    linearly decay the rate to zero over the next 100 epochs"; StarGAN does likewise.

    Args:
        rate: the constant rate.
        constant_steps: steps with it.
        falling_steps: steps from there to zero.

    Raises:
        ValueError: a rate or falling_steps not positive, constant_steps negative.

    Example:
        >>> schedule = ConstantThenLinear(0.2, constant_steps=10, falling_steps=4)
        >>> [round(float(schedule(step)), 3) for step in (0, 10, 11, 14, 99)]
        [0.2, 0.2, 0.15, 0.0, 0.0]
    """

    def __init__(self, rate, constant_steps, falling_steps):
        super().__init__()
        self.rate = checks.positive_number(rate=rate)
        self.constant_steps = int(checks.not_negative(constant_steps=constant_steps))
        self.falling_steps = checks.positive(falling_steps=falling_steps)

    def __call__(self, step):
        """The rate at a step."""
        fallen = (ops.cast(step, "float32") - self.constant_steps) / self.falling_steps
        return self.rate * (1.0 - ops.clip(fallen, 0.0, 1.0))

    def get_config(self):
        """The constructor's arguments."""
        return {
            "rate": self.rate,
            "constant_steps": self.constant_steps,
            "falling_steps": self.falling_steps,
        }
