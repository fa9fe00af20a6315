"""What the fields of rows must be."""

from collections.abc import Callable, Sequence
from typing import Any

from qnas_jax.errors import UserError

Row = dict[str, Any]


def _is_number_or_null(value: Any) -> bool:
    return value is None or type(value) in (int, float)


def _is_int(value: Any) -> bool:
    return type(value) is int


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_arch(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_int, value))


def _are_archs(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_arch, value))


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(ops, list) and all(map(_is_text, ops)) for ops in value
    )


def _are_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_number_or_null, value))


_FORMS: dict[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys(("epoch", "generation", "evaluation"), (_is_int, "a whole number")),
    **dict.fromkeys(("stage", "network", "status"), (_is_text, "a word")),
    "arch": (_is_arch, "a list of ops"),
    "archs": (_are_archs, "a list of architectures"),
    "op_names": (_are_names, "a list of names for each layer"),
    **dict.fromkeys(("scores", "true"), (_are_numbers, "a list of numbers")),
}
"""What a field must be; fields that are not named here are numbers or null."""


def require(row: Row, fields: Sequence[str], where: str) -> None:
    """Checks that a row has some fields, each in its form.

    Args:
      row: an object of JSON.
      fields: that have to be there.
      where: names file and line.

    Raises:
      UserError: a field is missing or something else than expected.
    """
    missing = [field for field in fields if field not in row]
    if missing:
        raise UserError(f"{where}: got no field {missing[0]!r}, expected {fields}")
    for field in fields:
        fits, expected = _FORMS.get(field, (_is_number_or_null, "a number or null"))
        if not fits(row[field]):
            raise UserError(f"{where}: got {field} {row[field]!r}, expected {expected}")
