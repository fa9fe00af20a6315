"""Option records: every tunable is declared once, with its range and its meaning.

An option group is a frozen dataclass that derives from `Options`; each field is made
by `option`, which states the default, one line of explanation and what is allowed.
Building the record checks every value, so a nonsensical one never travels further.
The run configuration (`configs/default.py`) is assembled from these records.
"""

import contextlib
import dataclasses
import difflib
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from qnas_jax.errors import UserError, did_you_mean

LARGEST_INT = 2**31 - 1
"""Of options without a limit of their own: counts on a device are int32."""

_MOST_LETTERS = 200  # of a value in an error
_MOST_NAMES = 25


def shown(value: Any) -> str:
    """A value as Python writes it, on one line of at most so many letters."""
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # More digits than Python is willing to write.
        text = "a number of thousands of digits"
    except Exception:  # Any object may be given, and its own code runs here.
        text = f"a {type(value).__name__} that cannot be shown"
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}..."


class OptionError(UserError):
    """A value that an option does not allow; `str()` is one complete line."""

    def __init__(self, field: str, got: Any, allowed: str):
        field = str(field)  # A configuration may name its fields by anything.
        super().__init__(
            f"{field[:_MOST_LETTERS]}: got {shown(got)}, allowed: {allowed}"
        )
        self.field = field
        self.got = got
        self.allowed = allowed

    def inside(self, group: str) -> "OptionError":
        """Returns the same error with the field named `group.field`."""
        return OptionError(f"{group}.{self.field}", self.got, self.allowed)


@contextlib.contextmanager
def option_group(group: str, record: "type[Options]") -> Iterator[None]:
    """Names options within the block as the command line has them.

    Args:
      group: of the options.
      record: their class.

    Yields:
      Nothing. An error whose line begins with one of the fields, as those of libraries
      do, begins with `group.field` afterwards.
    """
    try:
        yield
    except UserError as error:
        field = str(error).partition(":")[0].partition(",")[0]
        if field not in {each.name for each in dataclasses.fields(record)}:
            raise
        if isinstance(error, OptionError):
            raise error.inside(group) from error
        raise type(error)(f"{group}.{error}") from error


def unknown_option(name: str, got: Any, known: Iterable[str]) -> OptionError:
    """The error for a name that is none of a group's, the nearest names first.

    The nearest is asked for, if it is near; of many names the farthest are counted.
    """

    def distance(other: str) -> float:
        return -difflib.SequenceMatcher(None, str(name), other).ratio()

    names = sorted(known, key=distance)
    listed, rest = ", ".join(names[:_MOST_NAMES]), len(names) - _MOST_NAMES
    more = f" and {rest} more" if rest > 0 else ""
    return OptionError(name, got, f"one of {listed}{more}{did_you_mean(name, names)}")


def option(
    default: Any,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    below: float | None = None,
    choices: Iterable[str] | Callable[[], Iterable[str]] | None = None,
    of: type | None = None,
) -> Any:
    """Declares one field of an `Options` record.

    Args:
      default: the default; its type (bool, int, float, str, or a tuple of one of these)
        is the field's type.
      doc: one line: meaning and unit.
      low: smallest allowed number (inclusive).
      high: largest allowed number (inclusive); of an int `LARGEST_INT` where neither
        this nor `below` is given.
      above: exclusive lower bound.
      below: exclusive upper bound.
      choices: the allowed strings: a registry, which is asked when a record is checked,
        or a function that returns one.
      of: type of a tuple's elements, where the default is empty. Limits and choices are
        those of each element.

    Returns:
      A dataclass field.
    """
    if isinstance(default, tuple) and of is None:
        of = type(default[0])
    return dataclasses.field(
        default=default,
        metadata={
            "doc": doc,
            "low": low,
            "high": high,
            "above": above,
            "below": below,
            "choices": choices,
            "of": of,
        },
    )


OptionsT = TypeVar("OptionsT", bound="Options")


@dataclasses.dataclass(frozen=True)
class Options:
    """Base of all option groups: checks type and range of each field.

    Raises:
      OptionError: a value has the wrong type or lies outside of the allowed range.
    """

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = _checked(field, getattr(self, field.name))
            object.__setattr__(self, field.name, value)

    def part(self, record: type[OptionsT]) -> OptionsT:
        """The fields of one of the records that this one is composed of."""
        names = [field.name for field in dataclasses.fields(record)]
        return record(**{name: getattr(self, name) for name in names})


class _NotAllowedError(Exception):
    """A single value is not what its field allows; `str()` adds to the rule."""


def _checked(field: "dataclasses.Field[Any]", value: Any) -> Any:
    kind = element_type(field)
    try:
        if kind is float and type(value) is int:
            value = _as_float(value)
        if field.metadata["of"] is None:
            return _checked_one(field, kind, value)
        elements = _elements(kind, value)
        return tuple(_checked_one(field, kind, element) for element in elements)
    except _NotAllowedError as error:
        allowed = describe_allowed(field) + str(error)
        raise OptionError(field.name, value, allowed) from None


def _elements(kind: type, value: Any) -> list[Any]:
    """A tuple's elements: of a tuple or list, or of text with commas.

    Flags hand on `1,2,3` as numbers, but `a,b` as one text.
    """
    if not isinstance(value, tuple | list | str):
        raise _NotAllowedError
    elements: list[Any] = []
    for element in [value] if isinstance(value, str) else value:
        if isinstance(element, str):
            words = [word.strip() for word in element.split(",")]
            elements += [_from_text(kind, word) for word in words if word]
        else:
            elements.append(element)
    return elements


def _from_text(kind: type, word: str) -> Any:
    try:
        return kind(word)
    except ValueError:
        raise _NotAllowedError from None


def _as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        raise _NotAllowedError from None


def _checked_one(field: "dataclasses.Field[Any]", kind: Any, value: Any) -> Any:
    if kind is float and type(value) is int:
        value = _as_float(value)
    if type(value) is not kind:
        raise _NotAllowedError
    rule = field.metadata
    if rule["choices"] is not None and value not in _choices(rule["choices"]):
        raise _NotAllowedError(did_you_mean(value, _choices(rule["choices"])))
    if kind in (int, float):
        inside = (
            (kind is int or math.isfinite(value))
            and (rule["low"] is None or value >= rule["low"])
            and (rule["high"] is None or value <= rule["high"])
            and (rule["above"] is None or value > rule["above"])
            and (rule["below"] is None or value < rule["below"])
        )
        if not inside:
            raise _NotAllowedError
    unlimited = rule["high"] is None and rule["below"] is None
    if kind is int and unlimited and abs(value) > LARGEST_INT:
        raise _NotAllowedError(f", at most {LARGEST_INT}")
    return value


def _choices(
    choices: Iterable[str] | Callable[[], Iterable[str]],
) -> tuple[str, ...]:
    return tuple(choices() if callable(choices) else choices)


def element_type(field: "dataclasses.Field[Any]") -> type:
    """The type of a field's value, or of its elements where it is a tuple."""
    return field.metadata["of"] or type(field.default)


def accepts_text(field: "dataclasses.Field[Any]", text: str) -> bool:
    """Whether a flag's text is of the field's type; limits are checked later."""
    kind = element_type(field)
    try:
        if field.metadata["of"] is not None:
            _elements(kind, text.strip("()[]"))
        elif kind is bool:
            return text.lower() in ("true", "false", "1", "0")
        else:
            _from_text(kind, text)
    except _NotAllowedError:
        return False
    return True


def describe_allowed(field: "dataclasses.Field[Any]") -> str:
    """Says in words what a field allows, for example `int >= 1`."""
    rule = field.metadata
    several = "with commas between them, each " if rule["of"] else ""
    if rule["choices"] is not None:
        return several + "one of " + ", ".join(_choices(rule["choices"]))
    bounds = [("low", ">="), ("above", ">"), ("high", "<="), ("below", "<")]
    limits = [f"{sign} {rule[name]}" for name, sign in bounds if rule[name] is not None]
    one = " ".join([element_type(field).__name__, " and ".join(limits)]).strip()
    return several + one
