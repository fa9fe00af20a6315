"""Cells of files of series: numbers, what is missing, and classes."""

import math
import re
from collections.abc import Sequence

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.options import shown

_LARGEST = float(np.finfo(np.float32).max)
MISSING = frozenset(("", "?", "na", "nan"))
"""What stands for a missing value, in lower case."""
TIMES = frozenset(("time", "t", "step", "timestamp"))
"""Names of a column of times, in lower case."""


def label_in_words(label: str) -> str:
    """A class on one line, a whole number without point or plus.

    Raises:
      UserError: it is no class, but nothing, or a number that is not whole.
    """
    label = label.strip()
    if re.fullmatch(r"[+-]?\d{1,18}", label):
        return str(int(label))
    try:
        number = float(label.replace("_", " "))
    except ValueError:
        number = math.nan
    if label.lower() not in MISSING and math.isnan(number):
        return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in label)
    if not number.is_integer():
        raise UserError(
            f"got {shown(label)} as the class, expected a word or a whole number in "
            "front of each series"
        )
    return str(int(number))


def is_header(values: Sequence[str]) -> bool:
    """Names of columns: nothing is a number or missing."""
    cells = [cell.strip() for cell in values]
    return bool(cells) and not any(
        cell.lower() in MISSING or is_number(cell) for cell in cells
    )


def is_number(cell: str) -> bool:
    """Whether a cell is one, also one that is not finite."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def without_end(values: np.ndarray, where: str) -> np.ndarray:
    """The series, float [T] to [T' <= T], without the missing values at its end.

    Raises:
      UserError: there is no value at all; `where` says of which series.
    """
    there = np.flatnonzero(~np.isnan(values))
    if not len(there):
        raise UserError(f"{where}: got a series without a value, expected numbers")
    return values[: there[-1] + 1]


def numbers_of(cells: Sequence[str]) -> np.ndarray:
    """Cells as float32 [T], NaN where one is missing.

    Raises:
      UserError: a cell that is neither a finite number nor missing.
    """
    numbers = np.empty(len(cells), np.float32)
    for place, cell in enumerate(cells):
        stripped = cell.strip()
        if stripped.lower() in MISSING:
            numbers[place] = np.nan
            continue
        try:
            value = float(stripped)
        except ValueError:
            value = math.inf
        if not abs(value) <= _LARGEST or "_" in stripped:
            raise UserError(
                f"value {place + 1}: got {shown(stripped)}, expected a finite number, "
                "or nothing where it is missing"
            )
        numbers[place] = value
    return numbers
