"""Runs a user's file; a mistake in it is one line that names file and line."""

import importlib.util
import os
import pathlib
import sys
import traceback
from types import ModuleType

from qnas_jax.errors import MissingFileError, UserError

_PREFIX = "qnas_jax_user_"  # of the names of their modules


def load_file(path: str) -> ModuleType:
    """Runs a Python file.

    Args:
      path: the file.

    Returns:
      The module.

    Raises:
      MissingFileError: there is no such file.
      UserError: it does not run to its end.
    """
    file = pathlib.Path(path)
    if not file.is_file():
        raise MissingFileError(f"file: got {path}, expected a Python file")
    name = f"{_PREFIX}{file.stem}"
    # With a loader of its own, whatever the file is called.
    loader = importlib.machinery.SourceFileLoader(name, str(file))
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None  # It has a loader.
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # Dataclasses look there for their names.
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise UserError(describe_error(error, path)) from error
    return module


def describe_error(error: BaseException, path: str) -> str:
    """An exception in one line, with its place in a file.

    Args:
      error: what was raised.
      path: the user's file.

    Returns:
      For example `mine.py, line 3: KeyError: 'conv'`; the line is the innermost one of
      that file, if it had any part in it.
    """
    line = line_in(error, path)
    where = path if line is None else f"{path}, line {line}"
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    words = " ".join(message.split())
    if isinstance(error, UserError):
        return f"{where}: {words}"
    kind = type(error).__name__
    return f"{where}: {kind}: {words}" if words else f"{where}: {kind}"


def line_in(error: BaseException, path: str) -> int | None:
    """The innermost line of a file that had a part in an exception, if it had any."""
    file = os.path.abspath(path)
    if isinstance(error, SyntaxError) and os.path.abspath(error.filename or "") == file:
        return error.lineno
    line = None
    for frame in traceback.extract_tb(error.__traceback__):
        if os.path.abspath(frame.filename) == file:
            line = frame.lineno
    return line


def place_in_user_code(error: BaseException) -> str | None:
    """Where users' files had a part in an exception.

    Args:
      error: what was raised, perhaps from another exception.

    Returns:
      For example `mine.py, line 3`, of the exception that was the first; None if no
      file that was loaded had any part in it.
    """
    modules = [
        module for name, module in sys.modules.items() if name.startswith(_PREFIX)
    ]
    place = None
    cause: BaseException | None = error
    while cause is not None:
        for module in modules:
            line = line_in(cause, str(module.__file__))
            if line is not None:
                place = f"{module.__file__}, line {line}"
        cause = cause.__cause__
    return place
