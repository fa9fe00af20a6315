"""What is wrong with a work folder."""

from qnas_jax.errors import UserError


class RunError(UserError):
    """The work folder cannot serve this command; `str()` is one complete line."""
