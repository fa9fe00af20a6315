"""The one kind of error that is a user's to mend.

Whatever is wrong with what a user gave (an option, a file, a space, an architecture, a
call of the API) raises `UserError` with one complete line: what was got, what is
expected, what to do. The command line shows that line and ends with status 2. Any other
exception is a fault of ours, or of the machine.
"""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """Something that the user gave cannot be used; `str()` is one complete line.

    >>> import qnas_jax as qnas
    >>> try:
    ...     qnas.search({"depth": []}, len)
    ... except qnas.UserError as error:
    ...     print(error)
    space 'choices', layer 0: got no ops, expected at least 1
    """


class MissingFileError(UserError, FileNotFoundError):
    """A file or folder that the user named is not there."""

    __str__ = Exception.__str__


_ALIKE = 0.6  # From 0 to 1: `stratgy` and `strategy` are alike by 0.93.


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The known name that is nearest to a mistyped one, as the end of an error's line.

    Args:
      name: what was given.
      known: the names that there are.

    Returns:
      For example ` (did you mean strategy?)`; "" if no name is near.
    """
    by_lower = {each.lower(): each for each in known}
    near = difflib.get_close_matches(str(name).lower(), by_lower, 1, _ALIKE)
    return f" (did you mean {by_lower[near[0]]}?)" if near else ""
