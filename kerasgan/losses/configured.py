"""What objects that hold only hyper-parameters have in common."""


class Configured:
    """Serialises with a model; two of a class with equal configs are equal.

    A subclass with arguments keeps each as an attribute of the same name and returns them from
    `get_config`.

    Example:
        >>> Configured(), Configured() == Configured()
        (Configured(), True)
    """

    def get_config(self):
        """The constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config):
        """An object from the arguments that `get_config` returned."""
        return cls(**config)

    def __eq__(self, other):
        return type(other) is type(self) and other.get_config() == self.get_config()

    def __hash__(self):
        return hash(repr(self))

    def __repr__(self):
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"
