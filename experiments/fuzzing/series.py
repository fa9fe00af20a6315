"""Kinds of inputs that are files of series: rows, steps, recordings, `.ts`, npz."""

import io
import pathlib
import re
from typing import Any

import numpy as np
from hypothesis import strategies as st

from experiments.fuzzing.files import file_kind
from experiments.fuzzing.mutations import archives, bombs, csv_texts, damaged_bytes
from qnas_jax.data.places import PlaceOptions
from qnas_jax.data.recordings import read_recording
from qnas_jax.data.series_files import load_series
from qnas_jax.export import Model
from qnas_jax.jobs.nas.predicted_series import series_of

_ROWS: list[list[Any]] = [
    ["sit", 0.5, -1, 2e-3, 7],
    ["go", 1.25, "", 3, 4],
    ["sit", 2, 8, 9, ""],
    ["go", -3, 1e3, 5, 6],
]
_STEPS: list[list[Any]] = [
    ["series_id", "time", "x", "y", "label"],
    ["a", 1, 0.5, -1, "sit"],
    ["b", 0, 2e-3, "", "go"],
    ["a", 0, 7, 1.25, "sit"],
    ["b", 3, 8, 9, "go"],
]
_RECORDING: list[list[Any]] = [
    ["time", "x", "y"],
    [0, 0.5, -1],
    [1, 2e-3, "nan"],
    [2, 7, 1.25],
]
_TS = "\n".join(
    (
        *("# made", "@problemName Mine", "@timeStamps false", "@univariate false"),
        *("@classLabel true go sit", "@data", "1,2.5,?:4,5,6:sit", "7,8:9,1e2:go"),
        *("-1,0:NaN,3,2:sit", "0.5,0.25:1,1:go"),
    )
).encode()
_SERIES = {
    "x_train": np.linspace(-2, 2, 30).reshape(6, 5),
    "y_train": np.array([3, -1, 3, -1, 3, -1]),
    "x_test": np.linspace(-1, 1, 10).reshape(2, 5),
    "y_test": np.array([3, -1]),
}
_ASKED: list[list[Any]] = [[0.5, -1, 2e-3, 7], [1.25, "", 3, 4], [-3, 1e3, 5]]
_MODEL = Model(lambda series: series, (5, 1), ("go", "sit"), "series")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


def _load(path: pathlib.Path) -> Any:
    return load_series(PlaceOptions(path=str(path)))


def _values(splits: Any) -> list[float]:
    """All values that are there, sorted."""
    values = splits.train.inputs
    return sorted(values[~np.isnan(values)].tolist())


def _numbers_by_pattern(content: bytes, splits: Any) -> str:
    """The numbers of a text without quotes and headers, behind classes of words."""
    text = content.decode("utf-8-sig")
    lines = [line for line in re.split("\r\n|\r|\n", text) if line.strip(",;\t ")]
    if '"' in text or len(lines) != len(splits.train):
        return ""
    cells = [cell.strip() for line in lines for cell in re.split("[,;\t]", line)[1:]]
    return _compared(cells, splits)


def _values_of_ts(content: bytes, splits: Any) -> str:
    """The numbers between the colons behind the header."""
    _, _, body = content.decode("utf-8-sig").lower().partition("@data")
    lines = body.splitlines()[1:]
    own = [line for line in lines if line.strip() and line.lstrip()[0] != "#"]
    parts = [line.rpartition(":")[0] for line in own]
    cells = [cell.strip() for part in parts for cell in re.split("[:,]", part)]
    return _compared(cells, splits)


def _values_of_steps(content: bytes, splits: Any) -> str:
    """The numbers of the channels of a text without quotes, below the header."""
    text = content.decode("utf-8-sig").strip()
    lines = [re.split("[,;\t]", line) for line in re.split("\r\n|\r|\n", text)]
    whole = [len(line) == len(_STEPS[0]) for line in lines]
    if '"' in text or not all(whole) or lines[0] != _STEPS[0]:
        return ""
    return _compared([cell.strip() for line in lines[1:] for cell in line[2:4]], splits)


def _compared(cells: list[str], splits: Any) -> str:
    return _differing(cells, _values(splits))


def _differing(cells: list[str], got: list[float]) -> str:
    numbers = [float(cell) for cell in cells if _NUMBER.fullmatch(cell)]
    wanted = sorted(np.array(numbers, np.float32).tolist())
    return "" if got == wanted else f"got {got}, the text has {wanted}"


def _values_of_recording(content: bytes, found: Any) -> str:
    """The numbers of a text without quotes, behind the times of a known header."""
    text = content.decode("utf-8-sig")
    lines = [line for line in re.split("\r\n|\r|\n", text) if line.strip(",;\t ")]
    rows = [[cell.strip() for cell in re.split("[,;\t]", line)] for line in lines]
    if '"' in text or rows[0] != _RECORDING[0]:
        return ""
    series = found.series
    cells = [cell for row in rows[1:] for cell in row[1:]]
    return _differing(cells, sorted(series[~np.isnan(series)].tolist()))


def _asked(path: pathlib.Path) -> np.ndarray:
    return series_of(path, _MODEL, lambda line: None)[1]


def _asked_as_stored(content: bytes, series: np.ndarray) -> str:
    """Of an npz file with one array; text is compared where it has the classes too."""
    if content[:2] != b"PK":
        return ""
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        if len(stored.files) != 1:
            return ""
        wanted = np.asarray(stored[stored.files[0]], np.float32)
    own = series[:, : wanted.shape[1], 0].reshape(wanted.shape[:2])
    same = np.array_equal(own, wanted.reshape(own.shape), equal_nan=True)
    return "" if same else "other series than in the file"


def _as_stored(content: bytes, splits: Any) -> str:
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        series = stored["x_train"].astype(np.float32)
    own = splits.train.inputs[:, : series.shape[1]].reshape(series.shape)
    same = np.array_equal(own, series, equal_nan=True)
    return "" if same else "other series than in the file"


KINDS = (
    file_kind(
        "series, rows",
        {"mine.csv": csv_texts(st.just(_ROWS)), "mine.tsv": csv_texts(st.just(_ROWS))},
        _load,
        _numbers_by_pattern,
    ),
    file_kind(
        "series, steps",
        {"mine.csv": csv_texts(st.just(_STEPS)), "b.tsv": csv_texts(st.just(_STEPS))},
        _load,
        _values_of_steps,
    ),
    file_kind(
        "recordings",
        {
            "a.csv": csv_texts(st.just(_RECORDING)),
            "b.tsv": csv_texts(st.just(_RECORDING)),
        },
        read_recording,
        _values_of_recording,
    ),
    file_kind(
        "series, ts", {"mine.ts": damaged_bytes(st.just(_TS))}, _load, _values_of_ts
    ),
    file_kind(
        "series, npz",
        {"mine.npz": st.one_of(archives(st.just(_SERIES)), bombs([2**38, 2**50]))},
        _load,
        _as_stored,
    ),
    file_kind(
        "series to predict",
        {
            "asked.csv": csv_texts(st.just(_ASKED)),
            "asked.ts": damaged_bytes(st.just(_TS)),
            "asked.npz": archives(st.just({"series": _SERIES["x_test"]})),
        },
        _asked,
        _asked_as_stored,
        share=0.5,
    ),
)
