"""The error by which a source says that it does not have what is wanted."""


class Unavailable(Exception):
    """A source does not have the data; the message says why, and what would help."""
