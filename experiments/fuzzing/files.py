"""Kinds of inputs that are one file of the user's: tables, latencies, problems, rows.

What an accepted file means is read a second time here, by other code, and compared.
"""

import contextlib
import csv
import io
import json
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

from experiments.fuzzing.kind import Given, Kind
from experiments.fuzzing.mutations import (
    archives,
    bombs,
    csv_texts,
    damaged_bytes,
    json_texts,
    row_texts,
)
from qnas_jax.data.idx import read_idx
from qnas_jax.evaluation.recorded import read_scores
from qnas_jax.evaluation.tables.own_table import (
    OwnTableOptions,
    load_own_table,
    load_own_test,
)
from qnas_jax.latency.samples import read_samples
from qnas_jax.latency.tables import read_latency_table
from qnas_jax.optimise.problems.files import read_problem
from qnas_jax.spaces import SearchSpace, read_archs

SPACE = SearchSpace("breads", (("rye", "oat"), ("rye", "oat", "2"), ("x", "y")))
"""What architectures and latencies are of."""

Wrong = Callable[[bytes, Any], str]


def file_kind(
    name: str,
    contents: Mapping[str, st.SearchStrategy[bytes]],
    read: Callable[[pathlib.Path], Any],
    wrong: Wrong = lambda content, found: "",
    share: float = 1.0,
) -> Kind:
    """A kind of one file.

    Args:
      name: of the kind.
      contents: strategies by the name of the file.
      read: path -> what is in it.
      wrong: (content, what was read) -> what is wrong with that, or "".
      share: see `Kind`.
    """

    def named(file: str) -> Callable[[bytes], Given]:
        return lambda content: Given((file, content), (file,))

    inputs = st.one_of(*(each.map(named(file)) for file, each in contents.items()))

    def read_file(value: tuple[str, bytes], folder: pathlib.Path) -> Any:
        path = folder / value[0]
        path.write_bytes(value[1])
        return read(path)

    return Kind(name, inputs, read_file, lambda value, got: wrong(value[1], got), share)


_TABLE: list[list[Any]] = [
    ["op_0", "op_1", "val_a", "val_b", "test", "seconds", "params"],
    *(
        [a, b, 90.5 + a, 91.25 + i, 89.0 - i, 3.5 * i, 1000 * i]
        for i, (a, b) in enumerate((a, b) for a in range(2) for b in range(3))
    ),
]
_COLUMNS = {
    name: np.array(column)
    for name, *column in zip(*_TABLE, strict=True)  # type: ignore[misc]
}


def _own_table(path: pathlib.Path) -> Any:
    options = OwnTableOptions(
        file=str(path),
        arch_columns=("op_*",),
        validation_columns="12: val_a; 200: val_a, val_b",
        test_columns=("test",),
        seconds_columns="200: seconds",
        cost_columns=("params",),
    )
    load_own_test(options)
    return load_own_table(options)


def _numbers_by_csv(content: bytes, table: Any) -> str:
    """Finite validation values of one column, sorted: those of the text."""
    text = content.decode("utf-8-sig")
    delimiter = max(",;\t", key=text.split("\n", 1)[0].count)
    names, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    place = [name.strip() for name in names].index("val_a")
    cells = [row[place] for row in rows if any(cell.strip() for cell in row)]
    values = sorted(float(cell) for cell in cells if cell.strip())
    found = table.validation[0]
    got = sorted(found[np.isfinite(found)].tolist())
    return "" if got == values else f"got {got}, the text has {values}"


_LATENCIES = [
    {name: 0.5 + index + place for place, name in enumerate(names)}
    for index, names in enumerate(SPACE.choices)
]
_LATENCY_ROWS: list[list[Any]] = [
    [layer, name, value]
    for layer, ops in enumerate(_LATENCIES)
    for name, value in ops.items()
]


def _latency_by_json(content: bytes, table: Any) -> str:
    known = json.loads(content)
    wanted = [float(known["layers"][0]["rye"]), float(known.get("base_ms", 0.0))]
    got = [float(table.by_op["latency_ms"][0, 0]), float(table.fixed["latency_ms"])]
    return "" if got == wanted else f"got {got}, the text has {wanted}"


_PROBLEMS = (
    {"linear": [1.0, -2, 0.5], "quadratic": [[0, 1, -1.5], [2, 0, 3]], "constant": 2.0},
    {"matrix": [[1.0, -2.0], [0.5, 3.0]], "constant": -1},
)
_PROBLEM_ROWS: tuple[list[list[Any]], ...] = (
    [["i", "j", "value"], [0, 0, 1.5], [0, 1, -2], [2, 1, 3]],
    [[1.0, 2.0], [0.5, -1]],
)


def _ones_by_json(content: bytes, form: Any) -> str:
    """The cost where all bits are 1: the sum of all numbers in the text."""
    known = json.loads(content.decode("utf-8-sig"))
    terms = [row[2] for row in known.get("quadratic", [])] + known.get("linear", [])
    terms += [value for row in known.get("matrix", []) for value in row]
    terms = list(map(float, terms))  # Digits in quotes are numbers, too.
    constant = float(known.get("constant", 0.0))
    wanted = float(np.sum(terms) + constant)
    parts = (form.linear, form.quadratic, form.constant)
    got = float(sum(np.asarray(part, np.float64).sum() for part in parts))
    scale = 1e-6 * (float(np.abs(terms).sum()) + abs(constant) + 1e-30)
    return "" if abs(got - wanted) <= scale else f"got {got}, the text has {wanted}"


_HISTORY = [
    {"evaluation": place, "arch": [*arch], "score": 0.5 * sum(arch), "status": "ok"}
    for place, arch in enumerate(np.ndindex(2, 3, 2))
] + [{"evaluation": 12, "arch": [0, 0, 0], "score": None, "status": "error"}]


def _scores_by_json(content: bytes, scores: Any) -> str:
    *whole, rest = content.split(b"\n")
    rows = [json.loads(line) for line in whole if line.strip()]
    with contextlib.suppress(ValueError):
        rows += [json.loads(rest)] if rest.strip() else []
    wanted = {
        tuple(row["arch"]): row["score"] for row in rows if row["score"] is not None
    }
    return "" if scores == wanted else f"got {scores}, the text has {wanted}"


_ARCHS = [[0, 2, 1], ["rye", "oat", "x"], "oat|2|y"]


def _archs_by_json(content: bytes, archs: Any) -> str:
    wanted = []
    for each in json.loads(content):
        ops = each.split("|") if isinstance(each, str) else each
        wanted.append(
            [
                SPACE.choices[layer].index(op) if isinstance(op, str) else op
                for layer, op in enumerate(ops)
            ]
        )
    same = archs.tolist() == wanted
    return "" if same else f"got {archs.tolist()}, the text has {wanted}"


_SAMPLES = {
    "ops": np.array([[0, 1], [1, 1]]),
    "op_names": np.array(["a", "b"]),
    "devices": np.array(["phone", "board"]),
    "latency_ms": np.array([[1.0, 2.0], [3.0, 4.5]]),
}

_IDX = bytes((0, 0, 8, 1)) + (6).to_bytes(4, "big") + bytes(range(6))


def _idx_values(content: bytes, values: Any) -> str:
    return "" if values.tobytes() == content[8:] else "other bytes than in the file"


def _texts(value: Any) -> st.SearchStrategy[bytes]:
    """JSON that is whole, that has another structure, or damaged bytes."""
    whole = st.just(value)
    dumped = st.just(json.dumps(value).encode())
    return st.one_of(json_texts(whole), json_texts(whole), damaged_bytes(dumped))


KINDS = (
    file_kind(
        "own table, CSV",
        {"table.csv": csv_texts(st.just(_TABLE))},
        _own_table,
        _numbers_by_csv,
    ),
    file_kind(
        "own table, npz",
        {"table.npz": st.one_of(archives(st.just(_COLUMNS)), bombs([2**38, 2**50]))},
        _own_table,
    ),
    file_kind(
        "latencies, JSON",
        {"latency.json": _texts({"base_ms": 0.5, "layers": _LATENCIES})},
        lambda path: read_latency_table(path, SPACE),
        _latency_by_json,
    ),
    file_kind(
        "latencies, CSV and npz",
        {
            "latency.csv": csv_texts(
                st.just([["layer", "op", "ms"], ["", "", 0.8], *_LATENCY_ROWS])
            ),
            "latency.npz": archives(
                st.just(
                    dict(
                        zip(
                            ("layer", "op", "ms"),
                            map(np.array, zip(*_LATENCY_ROWS, strict=True)),
                            strict=True,
                        )
                    )
                )
            ),
        },
        lambda path: read_latency_table(path, SPACE),
    ),
    file_kind(
        "latency samples",
        {"samples.npz": archives(st.just(_SAMPLES))},
        lambda path: read_samples(path, "breads"),
    ),
    file_kind(
        "QUBO, JSON",
        {"qubo.json": st.sampled_from(_PROBLEMS).flatmap(_texts)},
        read_problem,
        _ones_by_json,
    ),
    file_kind(
        "QUBO, CSV",
        {"qubo.csv": csv_texts(st.sampled_from(_PROBLEM_ROWS))},
        read_problem,
    ),
    file_kind(
        "history",
        {"history.jsonl": row_texts(st.just(_HISTORY))},
        lambda path: read_scores(path, SPACE),
        _scores_by_json,
    ),
    file_kind(
        "architectures",
        {"archs.json": _texts(_ARCHS)},
        lambda path: read_archs(SPACE, str(path)),
        _archs_by_json,
    ),
    file_kind(
        "IDX",
        {"labels-idx1-ubyte": damaged_bytes(st.just(_IDX))},
        lambda path: read_idx(path, 1),
        _idx_values,
    ),
)
