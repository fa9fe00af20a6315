"""Hypothesis strategies that damage what is right: bytes, JSON, CSV, arrays, values.

Random bytes are refused by the first check; what finds faults is nearly right.
"""

import datetime
import decimal
import fractions
import io
import json
import pathlib
import warnings
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

NUMBERS = (0, 1, -1, 0.5, -0.0, 1e-320, 1e308, 2**31, 2**32, 2**63, -(2**31), 10**30)
"""Numbers at the ends of what types hold."""

TOKENS = (
    *("", " ", "0", "-1", "1_0", "+1", "01", "1e999", "-1e400", "nan", "NaN", "inf"),
    *("Infinity", "null", "None", "true", "{}", "[]", "[" * 400, "1" * 5000, "\x00"),
    *("\n", "\r\n", ",", ";", "|", ":", "..", "../../x", "é", "\u202e", "\ud83d\ude00"),
    *("0x10", "1j", "٣", "'", '"', "*", "%s", "<script>", "-", "--", "=", "a" * 300),
)
"""Text that readers take for something else."""

_PLACES = st.floats(0, 1, exclude_max=True)


def odd_values() -> st.SearchStrategy[Any]:
    """Python objects of types and sizes that nobody expects."""
    return st.one_of(
        st.sampled_from((None, True, False, *NUMBERS, 10**400, float("nan"))),
        st.sampled_from((float("inf"), -float("inf"), 1j, ..., object, print)),
        st.sampled_from(TOKENS),
        st.builds(
            lambda make, value: make(value),
            st.sampled_from((np.int64, np.int32, np.float32, np.float64, np.bool_)),
            st.sampled_from((0, 1, 3, 100)),
        ),
        st.builds(np.array, st.sampled_from((1, [1, 2], [], [[0.5]], "a"))),
        st.builds(bytearray, st.binary(max_size=3)),
        st.binary(max_size=5),
        st.sampled_from((np.float32("nan"), np.str_("a"), np.datetime64("2020-01-01"))),
        st.sets(st.integers(0, 3), max_size=2),
        st.frozensets(st.sampled_from("ab"), max_size=2),
        st.builds(
            lambda make: make(),
            st.sampled_from((object, dict, list, tuple, datetime.date.today)),
        ),
        st.sampled_from(
            (
                decimal.Decimal("0.1"),
                fractions.Fraction(1, 3),
                pathlib.PurePosixPath("a"),
            )
        ),
        st.recursive(
            st.sampled_from((1, 0.5, "a", None)),
            lambda inner: st.lists(inner, max_size=3),
            max_leaves=4,
        ),
        st.dictionaries(
            st.sampled_from(("a", 1, (), None)), st.just(1), min_size=1, max_size=2
        ),
        st.text(max_size=6),
        st.integers(),
        st.floats(),
    )


@st.composite
def damaged_bytes(draw: st.DrawFn, whole: st.SearchStrategy[bytes]) -> bytes:
    """Bytes with up to three faults: bits, cuts, repeats, words put in."""
    content = bytearray(draw(whole))
    for _ in range(draw(st.integers(1, 3))):
        place = int(draw(_PLACES) * len(content))
        length = draw(st.sampled_from((1, 2, 7, 40)))
        match draw(st.sampled_from(("bit", "cut", "drop", "twice", "token", "byte"))):
            case "bit" if content:
                content[place] ^= 1 << draw(st.integers(0, 7))
            case "byte" if content:
                content[place] = draw(st.integers(0, 255))
            case "cut":
                del content[place:]
            case "drop":
                del content[place : place + length]
            case "twice":
                content[place:place] = content[place : place + length]
            case _:
                word = draw(st.sampled_from(TOKENS))
                content[place : place + length] = word.encode("utf-8", "surrogatepass")
    return bytes(content)


def json_values() -> st.SearchStrategy[Any]:
    """What a JSON file may hold, numbers beyond it included."""
    return st.one_of(
        st.sampled_from((None, True, False, *NUMBERS, float("nan"), float("inf"))),
        st.sampled_from(TOKENS),
        st.sampled_from(([], {}, [[]], [None], {"": 1}, [1, 2], ["a"], [0.5])),
        st.text(max_size=4),
        st.integers(),
    )


@st.composite
def json_texts(draw: st.DrawFn, whole: st.SearchStrategy[Any]) -> bytes:
    """A JSON text with values of other types, or fields that are gone, new, twice."""
    value = json.loads(json.dumps(draw(whole)))
    for _ in range(draw(st.integers(1, 2))):
        value = _changed(draw, value)
    text = json.dumps(value)
    if draw(st.integers(0, 5)) == 0 and text.startswith("{"):
        field = json.dumps(draw(st.sampled_from((*value, "a"))))
        comma = ", " if value else ""
        text = f"{{{field}: {json.dumps(draw(json_values()))}{comma}{text[1:]}"
    return text.encode("utf-8", "surrogatepass")


def _changed(draw: st.DrawFn, value: Any) -> Any:
    """The value with one place of it changed."""
    inner = list(value) if isinstance(value, list | dict) else []
    if not inner or draw(st.integers(0, 3)) == 0:
        return draw(
            st.one_of(json_values(), st.sampled_from(([value], [value, value])))
        )
    if isinstance(value, dict):
        name = draw(st.sampled_from(inner))
        rest = {each: value[each] for each in inner if each != name}
        match draw(st.integers(0, 5)):
            case 0:
                return rest
            case 1:
                return {**rest, draw(st.sampled_from(TOKENS)): value[name]}
            case _:
                return {**rest, name: _changed(draw, value[name])}
    place = draw(st.integers(0, len(value) - 1))
    match draw(st.integers(0, 5)):
        case 0:
            return value[:place] + value[place + 1 :]
        case 1:
            return value[: place + 1] + value[place:]
        case _:
            return [*value[:place], _changed(draw, value[place]), *value[place + 1 :]]


@st.composite
def row_texts(draw: st.DrawFn, whole: st.SearchStrategy[list[Any]]) -> bytes:
    """JSON lines of which some are changed, gone, twice or out of order."""
    rows = [json.dumps(row).encode() for row in draw(whole)]
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.integers(0, len(rows) - 1))
        match draw(st.integers(0, 5)):
            case 0 if len(rows) > 1:
                del rows[place]
            case 1:
                rows.insert(draw(st.integers(0, len(rows))), rows[place])
            case 2:
                rows[place] = draw(damaged_bytes(st.just(rows[place])))
            case _:
                before = _as_json(rows[place])
                rows[place] = draw(json_texts(st.just(before)))
    end = draw(st.sampled_from((b"\n", b"\n", b"", b"\n\n", b"\r\n", b'{"a')))
    return b"\n".join(rows) + end


def _as_json(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return {}


@st.composite
def csv_texts(draw: st.DrawFn, whole: st.SearchStrategy[list[list[Any]]]) -> bytes:
    """A table with other cells, columns, delimiters, line ends or encodings."""
    rows = [list(map(str, row)) for row in draw(whole)]
    for _ in range(draw(st.integers(1, 3))):
        row = draw(st.integers(0, len(rows) - 1))
        column = draw(st.integers(0, max(len(rows[row]) - 1, 0)))
        match draw(st.integers(0, 7)):
            case 0 if len(rows) > 1:
                del rows[row]
            case 1:
                rows.insert(row, list(rows[row]))
            case 2:
                rows = [each[:column] + each[column + 1 :] for each in rows]
            case 3:
                rows = [[*each, *each[column : column + 1]] for each in rows]
            case 4:
                rows[row] = rows[row][:column]
            case _ if rows[row]:
                rows[row][column] = draw(
                    st.one_of(
                        st.sampled_from(TOKENS),
                        st.floats().map(str),
                        st.integers().map(str),
                        st.text(max_size=4),
                    )
                )
    delimiter = draw(st.sampled_from((",", ",", ",", ";", "\t", " ", "|")))
    end = draw(st.sampled_from(("\n", "\n", "\r\n", "\r", "\n\n")))
    text = end.join(delimiter.join(row) for row in rows) + end
    encoding = draw(st.sampled_from(("utf-8", "utf-8", "utf-8-sig", "utf-16")))
    return text.encode(encoding, "surrogatepass")


_DTYPES = ("u1", "i1", "i2", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "?", "U3", "S2")


@st.composite
def archives(draw: st.DrawFn, whole: st.SearchStrategy[dict[str, Any]]) -> bytes:
    """An npz file with arrays of other types, shapes, values, names, or sizes."""
    arrays = dict(draw(whole))
    for _ in range(draw(st.integers(1, 2))):
        name = draw(st.sampled_from((*arrays, "x")))
        array = np.asarray(arrays.get(name, 0))
        match draw(st.integers(0, 6)):
            case 0:
                arrays.pop(name, None)
            case 1:
                arrays[draw(st.sampled_from(("x", "x_Val", "../y", "a" * 50)))] = array
            case 2:
                arrays[name] = _as_type(array, draw(st.sampled_from(_DTYPES)))
            case 3:
                arrays[name] = _of_shape(draw, array)
            case 4:
                arrays[name] = np.array(draw(odd_arrays()))
            case _:
                arrays[name] = _with_value(draw, array)
    file = io.BytesIO()
    np.savez(file, **arrays)
    content = file.getvalue()
    if draw(st.integers(0, 3)) == 0:
        content = draw(damaged_bytes(st.just(content)))
    return content


def odd_arrays() -> st.SearchStrategy[Any]:
    """Arrays that are no columns of numbers."""
    return st.sampled_from(
        (
            np.zeros(()),
            np.zeros(0),
            np.zeros((0, 3)),
            np.zeros((2, 0, 2), np.uint8),
            np.array([{"a": 1}, None], object),
            np.array(["a", "b"]),
            np.array([b"\xff"]),
            np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
            np.array(["2020-01-01"], "M8[D]"),
            np.ones((1,) * 20),
        )
    )


def _as_type(array: np.ndarray, dtype: str) -> np.ndarray:
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of imaginary parts that are dropped
            return array.astype(dtype)
    except (ValueError, TypeError, OverflowError):
        return np.zeros(array.shape, dtype)


def _of_shape(draw: st.DrawFn, array: np.ndarray) -> np.ndarray:
    changes: tuple[Callable[[], np.ndarray], ...] = (
        lambda: array.reshape(-1),
        lambda: array[..., None],
        lambda: array[None],
        lambda: array.T,
        lambda: array[:0] if array.ndim else array,
        lambda: array[1:] if array.ndim else array,
        lambda: np.concatenate([array, array]) if array.ndim else array,
    )
    return draw(st.sampled_from(changes))()


def _with_value(draw: st.DrawFn, array: np.ndarray) -> np.ndarray:
    """The array with one other value, in whatever type holds it."""
    value = draw(st.sampled_from((*NUMBERS, np.nan, np.inf, -np.inf, 300, -7)))
    if not array.size or array.dtype.kind not in "biuf":
        return array
    place = int(draw(_PLACES) * array.size)
    values = array.reshape(-1).tolist()
    values[place] = value
    try:
        found = np.array(values)
        if array.dtype.kind in "iu" and found.dtype.kind in "iu":
            found = found.astype(array.dtype)
    except (OverflowError, ValueError):
        return array
    return found.reshape(array.shape)


def bombs(declared: Sequence[int]) -> st.SearchStrategy[bytes]:
    """Archives whose arrays are said to be far larger than the file is."""
    return st.sampled_from(declared).map(_bomb)


def _bomb(size: int) -> bytes:
    file = io.BytesIO()
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({size},)}}"
    text = header.encode() + b" " * (118 - len(header)) + b"\n"
    content = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as members:
        members.writestr("x_train.npy", content + bytes(min(size, 10_000)))
        members.writestr("y_train.npy", content)
    return file.getvalue()
