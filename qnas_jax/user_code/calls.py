"""Calls a function of a user's file, and reads what it returns as metrics."""

import dataclasses
import inspect
import math
import numbers
import time
from collections.abc import Callable, Collection, Mapping
from types import ModuleType
from typing import Any

from qnas_jax.errors import UserError
from qnas_jax.status import Status
from qnas_jax.user_code.files import describe_error, load_file


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a call ended; plain data, so that it passes between processes.

    Attributes:
      status: how.
      metrics: by name a number, or a list of P numbers if P architectures were asked
        about; empty if it failed.
      reason: why it failed, one line.
      seconds: how long it took.
    """

    status: Status
    metrics: dict[str, Any] = dataclasses.field(default_factory=dict)
    reason: str = ""
    seconds: float = 0.0


class UserFunction:
    """A function of a user's.

    Attributes:
      path: the file that it stands in, for errors.
      function: the function.
    """

    def __init__(
        self, function: Callable[..., Any], offered: tuple[str, ...], path: str = ""
    ):
        """Looks at the parameters of a function.

        Args:
          function: the function.
          offered: names of what a call may be given besides its first argument.
          path: the file that it stands in; "": where Python knows it to be.

        Raises:
          UserError: it is no function, or wants an argument that is not offered.
        """
        if not callable(function):
            raise UserError(f"evaluate: got {_short(function)}, expected a function")
        self.path = path or _file_of(function)
        self.function = function
        name = getattr(function, "__name__", type(function).__name__)
        self._where = f"{self.path}: {name}"
        self._wanted, self._takes_all = _wanted(self.function, self._where)
        self.check_wants(offered)

    @classmethod
    def read(cls, path: str, name: str, offered: tuple[str, ...]) -> "UserFunction":
        """Runs a file and finds the function in it.

        Args:
          path: the file.
          name: the function's name in it.
          offered: names of what a call may be given besides its first argument.

        Raises:
          MissingFileError: there is no such file.
          UserError: the file does not run, has no such function, or the function wants
            an argument that is not offered.
        """
        return cls(function_in(load_file(path), path, name), offered, path)

    def wants(self, name: str) -> bool:
        """Whether the function takes an argument of this name, if it is offered."""
        return self._takes_all or name in self._wanted

    def check_wants(self, offered: Collection[str]) -> None:
        """Raises UserError if the function needs an argument that is not offered."""
        for name, needed in self._wanted.items():
            if needed and name not in offered:
                raise UserError(
                    f"{self._where}: got a parameter {name!r}, expected one argument "
                    f"and some of {', '.join(offered)}"
                )

    def give(self, offered: Mapping[str, Any]) -> dict[str, Any]:
        """Of what is offered, what the function takes."""
        return {name: value for name, value in offered.items() if self.wants(name)}

    def __call__(
        self, first: Any, rest: Mapping[str, Any], count: int | None
    ) -> Outcome:
        """Calls the function; whatever goes wrong is an outcome.

        Args:
          first: its first argument.
          rest: what is offered besides, by name.
          count: P if it is asked about P architectures, None if about one.

        Returns:
          How it ended.
        """
        started = time.perf_counter()
        try:
            result = self.function(first, **self.give(rest))
        except (Exception, SystemExit) as error:
            seconds = time.perf_counter() - started
            return Outcome(Status.ERROR, {}, describe_error(error, self.path), seconds)
        seconds = time.perf_counter() - started
        try:
            return Outcome(Status.OK, _read(result, count), "", seconds)
        except ValueError as error:
            return Outcome(Status.WRONG_RESULT, {}, f"{self.path}: {error}", seconds)


def function_in(module: ModuleType, path: str, name: str) -> Callable[..., Any]:
    """The function of a name in a user's file.

    Args:
      module: the file, run.
      path: the file.
      name: the function's.

    Raises:
      UserError: the file has no such function.
    """
    function = getattr(module, name, None)
    if not callable(function):
        there = [each for each in dir(module) if not each.startswith("_")]
        raise UserError(
            f"{path}: got {', '.join(there) or 'nothing'}, expected a function {name}"
        )
    return function


def _file_of(function: Callable[..., Any]) -> str:
    """The file of a function, or what Python calls the place where it was written."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code.co_filename if code is not None else f"<{type(function).__name__}>"


def _wanted(function: Callable[..., Any], where: str) -> tuple[dict[str, bool], bool]:
    """Parameters besides the first, whether each is needed; whether it takes all."""
    kinds = inspect.Parameter
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except ValueError:  # Functions of C need not say.
        return {}, False
    if not parameters or parameters[0].kind in (kinds.KEYWORD_ONLY, kinds.VAR_KEYWORD):
        raise UserError(f"{where}: got a function of nothing, expected an argument")
    named = (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)
    wanted = {
        each.name: each.default is kinds.empty
        for each in parameters[1:]
        if each.kind in named
    }
    return wanted, any(each.kind is kinds.VAR_KEYWORD for each in parameters)


def _read(result: Any, count: int | None) -> dict[str, Any]:
    """Metrics from what a function returned; "" names a number that has no name."""
    named = result if isinstance(result, Mapping) else {"": result}
    if not named or not all(isinstance(name, str) for name in named):
        raise ValueError(f"got {_short(result)}, expected metrics by name")
    if count is None:
        return {name: _number(value) for name, value in named.items()}
    return {name: _numbers(values, count) for name, values in named.items()}


def _number(value: Any) -> float:
    if not isinstance(value, numbers.Real) and hasattr(value, "item"):
        try:
            value = value.item()  # Scalars of NumPy, PyTorch, JAX.
        except Exception:
            raise ValueError(f"got {_short(value)}, expected one number") from None
    if not isinstance(value, numbers.Real):
        raise ValueError(f"got {_short(value)}, expected a number or a dict of numbers")
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _numbers(values: Any, count: int) -> list[float]:
    try:
        listed = [_number(value) for value in values]
    except TypeError:
        raise ValueError(f"got {_short(values)}, expected {count} numbers") from None
    if len(listed) != count:
        raise ValueError(f"got {len(listed)} numbers, expected {count}")
    return listed


def _short(value: Any) -> str:
    """Type and value in at most a few words."""
    try:
        text = " ".join(repr(value).split())
    except Exception:
        text = "?"
    return f"{type(value).__name__} {text[:60]}"
