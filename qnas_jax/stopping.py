"""How a loop ends because the user asked it to: a request, not an error."""

from typing import Any


class Stopped(Exception):  # noqa: N818 - a request, not an error
    """The user asked to stop; carries the state to save."""

    def __init__(self, state: Any = None):
        super().__init__("stopped on request")
        self.state = state
