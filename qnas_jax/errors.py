"""The one kind of error that is a user's to mend.

Whatever is wrong with what a user gave (an option, a file, a space, an architecture, a
call of the API) raises `UserError` with one complete line: what was got, what is
expected, what to do. The command line shows that line and ends with status 2. Any other
exception is a fault of ours, or of the machine.
"""


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
