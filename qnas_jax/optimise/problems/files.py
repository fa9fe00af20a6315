"""Quadratic forms (QUBOs) as files: JSON and CSV.

JSON, either of:

    {"linear": [l_0, ...], "quadratic": [[i, j, value], ...], "constant": c}
    {"matrix": [[q_00, q_01, ...], ...], "constant": c}

where `quadratic` and `constant` may be left out. CSV, either a square matrix of numbers
without a header, or a header `i,j,value` and a line for each term, i = j being linear;
n is then the largest index and one. Values of equal (i, j) and (j, i) are added up.
What could be read in two ways is refused: a field that is there twice, underscores
between digits, sums that overflow.
"""

import contextlib
import csv
import json
import math
import pathlib
import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.files import replace_file
from qnas_jax.optimise.problems.quadratic import Quadratic, qubo

MOST_BITS = 20_000
"""Larger forms are refused: their matrix alone would take gigabytes."""

_FORMS = '{"linear": ..., "quadratic": ...} or {"matrix": ...}'
_HEADER = ["i", "j", "value"]
_ENDING = "{}: expected a name ending in .json or .csv"
_LARGEST = float(np.finfo(np.float32).max)
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def read_problem(path: str | pathlib.Path) -> Quadratic:
    """Reads a quadratic form from a JSON or CSV file.

    Args:
      path: ends in `.json` or `.csv`.

    Returns:
      The form.

    Raises:
      UserError: one line with the file, the place in it, what was got and expected.
    """
    path = pathlib.Path(path)
    readers = {".json": _from_json, ".csv": _from_csv}
    if path.suffix.lower() not in readers:
        raise UserError(_ENDING.format(path))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file, expected a problem") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text ({error})") from None
    if not text.strip():
        raise UserError(f"{path}: got an empty file, expected a problem")
    try:
        return readers[path.suffix.lower()](text)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def write_problem(path: str | pathlib.Path, form: Quadratic) -> None:
    """Writes a quadratic form, so that `read_problem` gives it back.

    Args:
      path: ends in `.json` (linear and quadratic terms) or `.csv` (terms).
      form: concrete values; CSV has no place for a constant other than 0.

    Raises:
      UserError: another ending, or a constant in CSV.
    """
    path = pathlib.Path(path)
    linear = [float(value) for value in np.asarray(form.linear)]
    quadratic = np.asarray(form.quadratic)
    pairs = [
        [int(i), int(j), float(quadratic[i, j])] for i, j in np.argwhere(quadratic)
    ]
    constant = float(form.constant)
    if path.suffix.lower() == ".json":
        content = {"linear": linear, "quadratic": pairs, "constant": constant}
        text = json.dumps(content)
    elif path.suffix.lower() != ".csv":
        raise UserError(_ENDING.format(path))
    elif constant:
        raise UserError(f"{path}: got constant {constant}, expected 0 in a CSV file")
    else:
        # All linear terms, also zeros: the largest index says how many bits there are.
        alone = [[i, i, value] for i, value in enumerate(linear)]
        lines = [",".join(map(repr, row)) for row in alone + pairs]
        text = "\n".join([",".join(_HEADER), *lines])
    replace_file(path, (text + "\n").encode("utf-8"))


class _FileError(UserError):
    """What is wrong within a file; the name of the file is put in front of it."""


def _from_json(text: str) -> Quadratic:
    try:
        content = json.loads(text, object_pairs_hook=_fields_once)
    except _FileError:
        raise
    except json.JSONDecodeError as error:
        raise _FileError(
            f"line {error.lineno}, column {error.colno}: not JSON ({error.msg})"
        ) from None
    except (ValueError, RecursionError) as error:
        raise _FileError(f"not JSON that can be read ({_short(str(error))})") from None
    if not isinstance(content, dict):
        raise _FileError(f"got {_short(content)}, expected {_FORMS}")
    if "matrix" in content:
        _check_fields(content, {"matrix", "constant"})
        matrix = _matrix("matrix", _list("matrix", content["matrix"]))
    elif "linear" in content:
        _check_fields(content, {"linear", "quadratic", "constant"})
        matrix = _from_terms(content["linear"], content.get("quadratic", []))
    else:
        raise _FileError(f"got fields {_short(sorted(content))}, expected {_FORMS}")
    return qubo(matrix, _number("constant", content.get("constant", 0.0)))


def _from_terms(linear: Any, quadratic: Any) -> np.ndarray:
    values = [
        _number(f"linear[{i}]", value)
        for i, value in enumerate(_list("linear", linear))
    ]
    if not values:
        raise _FileError("linear: got an empty list, expected a number for each bit")
    n = _check_size("linear", len(values))
    matrix = np.diag(np.asarray(values))
    for index, term in enumerate(_list("quadratic", quadratic, empty=True)):
        place = f"quadratic[{index}]"
        if not isinstance(term, list) or len(term) != 3:
            raise _FileError(f"{place}: got {_short(term)}, expected [i, j, value]")
        i, j = (_index(f"{place}[{k}]", term[k], n) for k in (0, 1))
        if i == j:
            raise _FileError(f"{place}: got bit {i} twice, expected two bits")
        _add(matrix, i, j, _number(f"{place}[2]", term[2]), place)
    return matrix


def _from_csv(text: str) -> Quadratic:
    rows = [
        (number, [cell.strip() for cell in row])
        for number, row in enumerate(_cells(text), start=1)
        if any(cell.strip() for cell in row)
    ]
    if not rows:
        raise _FileError("got empty cells only, expected numbers")
    if [cell.lower() for cell in rows[0][1]] == _HEADER:
        return qubo(_from_lines(rows[1:]))
    return qubo(
        _matrix("line", [row for _, row in rows], [number for number, _ in rows])
    )


def _cells(text: str) -> list[list[str]]:
    try:
        return list(csv.reader(text.splitlines()))
    except csv.Error as error:
        raise _FileError(f"not CSV ({error})") from None


def _from_lines(rows: list[tuple[int, list[str]]]) -> np.ndarray:
    if not rows:
        raise _FileError("got a header and no terms, expected lines i,j,value")
    terms = []
    for number, row in rows:
        place = f"line {number}"
        if len(row) != 3:
            raise _FileError(f"{place}: got {len(row)} cells, expected i,j,value")
        i, j = (_index(f"{place}, {_HEADER[k]}", row[k], MOST_BITS) for k in (0, 1))
        terms.append((place, i, j, _number(f"{place}, value", row[2])))
    n = max(max(i, j) for _, i, j, _ in terms) + 1
    matrix = np.zeros((n, n))
    for place, i, j, value in terms:
        _add(matrix, i, j, value, place)
    return matrix


def _add(matrix: np.ndarray, i: int, j: int, value: float, place: str) -> None:
    """Adds a term; (i, j) and (j, i) are one."""
    matrix[i, j] += value
    total = matrix[i, j] + (matrix[j, i] if i != j else 0.0)
    if not abs(total) < _LARGEST:
        raise _FileError(
            f"{place}: got values of ({i}, {j}) that add up to {total:.4g}, expected "
            f"less than {_LARGEST:.4g}; give them in a larger unit"
        )


def _matrix(
    name: str, rows: list[Any], numbers: Iterable[int] | None = None
) -> np.ndarray:
    """A square matrix; `numbers` name its rows in messages, else 0, 1, ..."""
    n = _check_size(name, len(rows))
    matrix = np.zeros((n, n))
    places = range(n) if numbers is None else numbers
    for index, (place, row) in enumerate(zip(places, rows, strict=True)):
        where = f"{name}[{place}]" if numbers is None else f"{name} {place}"
        if not isinstance(row, list) or len(row) != n:
            got = f"{len(row)} numbers" if isinstance(row, list) else _short(row)
            raise _FileError(f"{where}: got {got}, expected {n} as there are {n} rows")
        for column, value in enumerate(row):
            cell = (
                f"{where}[{column}]"
                if numbers is None
                else f"{where}, cell {column + 1}"
            )
            _add(matrix, index, column, _number(cell, value), cell)
    return matrix


def _number(place: str, value: Any) -> float:
    """A finite number, from JSON or from the text of a cell."""
    number = math.nan
    is_text = isinstance(value, str)
    if _DECIMAL.fullmatch(value) if is_text else type(value) in (int, float):
        # Python's integers may be larger than any float.
        with contextlib.suppress(OverflowError):
            number = float(value)
    if not abs(number) < _LARGEST:
        raise _FileError(f"{place}: got {_short(value)}, expected a finite number")
    return number


def _index(place: str, value: Any, num_bits: int) -> int:
    """A whole number in [0, num_bits), from JSON or from the text of a cell."""
    text = str(value)
    is_whole = text.isascii() and text.isdigit() and not isinstance(value, bool)
    if not is_whole or len(text) > 9 or int(text) >= num_bits:
        raise _FileError(
            f"{place}: got {_short(value)}, expected a whole number from 0 to "
            f"{num_bits - 1}"
        )
    return int(text)


def _list(place: str, value: Any, empty: bool = False) -> list[Any]:
    if not isinstance(value, list) or not (value or empty):
        raise _FileError(f"{place}: got {_short(value)}, expected a list")
    return value


def _fields_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The fields of an object; JSON leaves open what it means to give one twice."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _FileError(f"got field {_short(twice)} twice, expected it once")
    return fields


def _check_fields(content: dict[str, Any], known: set[str]) -> None:
    unknown = sorted(content.keys() - known)
    if unknown:
        raise _FileError(
            f"got field {_short(unknown[0])}, expected {', '.join(sorted(known))}"
        )


def _check_size(place: str, num_bits: int) -> int:
    if num_bits > MOST_BITS:
        raise _FileError(f"{place}: got {num_bits} bits, expected at most {MOST_BITS}")
    return num_bits


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
