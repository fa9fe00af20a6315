"""Option records: every tunable is declared once, with its range and its meaning.

An option group is a frozen dataclass that derives from `Options`; each field is made
by `option`, which states the default, one line of explanation and what is allowed.
Building the record checks every value, so a nonsensical one never travels further.
The run configuration (`configs/default.py`) is assembled from these records.
"""

import dataclasses
import difflib
import math
from collections.abc import Iterable
from typing import Any

from qnas_jax.errors import UserError


class OptionError(UserError):
    """A value that an option does not allow; `str()` is one complete line."""

    def __init__(self, field: str, got: Any, allowed: str):
        super().__init__(f"{field}: got {got!r}, allowed: {allowed}")
        self.field = field
        self.got = got
        self.allowed = allowed

    def inside(self, group: str) -> "OptionError":
        """Returns the same error with the field named `group.field`."""
        return OptionError(f"{group}.{self.field}", self.got, self.allowed)


def unknown_option(name: str, got: Any, known: Iterable[str]) -> OptionError:
    """The error for a name that is none of a group's, the nearest names first."""

    def distance(other: str) -> float:
        return -difflib.SequenceMatcher(None, name, other).ratio()

    return OptionError(name, got, "one of " + ", ".join(sorted(known, key=distance)))


def option(
    default: Any,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    below: float | None = None,
    choices: Iterable[str] | None = None,
) -> Any:
    """Declares one field of an `Options` record.

    Args:
      default: the default; its type (bool, int, float, str) is the field's type.
      doc: one line: meaning and unit.
      low: smallest allowed number (inclusive).
      high: largest allowed number (inclusive).
      above: exclusive lower bound.
      below: exclusive upper bound.
      choices: the allowed strings.

    Returns:
      A dataclass field.
    """
    return dataclasses.field(
        default=default,
        metadata={
            "doc": doc,
            "low": low,
            "high": high,
            "above": above,
            "below": below,
            "choices": None if choices is None else tuple(choices),
        },
    )


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


def _checked(field: "dataclasses.Field[Any]", value: Any) -> Any:
    allowed = describe_allowed(field)
    kind, got = type(field.default), type(value)
    if kind is float and got is int:
        return _checked(field, float(value))
    if got is not kind:
        raise OptionError(field.name, value, allowed)
    rule = field.metadata
    if rule["choices"] is not None and value not in rule["choices"]:
        raise OptionError(field.name, value, allowed)
    if kind in (int, float):
        inside = (
            (kind is int or math.isfinite(value))
            and (rule["low"] is None or value >= rule["low"])
            and (rule["high"] is None or value <= rule["high"])
            and (rule["above"] is None or value > rule["above"])
            and (rule["below"] is None or value < rule["below"])
        )
        if not inside:
            raise OptionError(field.name, value, allowed)
    return value


def describe_allowed(field: "dataclasses.Field[Any]") -> str:
    """Says in words what a field allows, for example `int >= 1`."""
    rule = field.metadata
    if rule["choices"] is not None:
        return "one of " + ", ".join(rule["choices"])
    bounds = [("low", ">="), ("above", ">"), ("high", "<="), ("below", "<")]
    limits = [f"{sign} {rule[name]}" for name, sign in bounds if rule[name] is not None]
    return " ".join([type(field.default).__name__, " and ".join(limits)]).strip()
