"""Reading a work folder: JSON, JSON lines and register arrays, checked at the door.

A run may have been killed at any moment, so every file but `config.json` may be
absent, and the last line of a growing file may be half written. Everything else that
does not look right is an error that names the file and the line.
"""

import dataclasses
import pathlib
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from absl import logging

from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.reading import parse_json, read_npz
from qnas_jax.reporting.row_forms import Row, require

T = TypeVar("T")

# The fields without which a row cannot be placed on an axis.
_METRIC_FIELDS = {
    "supernet": ("epoch", "loss"),
    "pool": ("epoch", "archs", "scores"),
    "search": ("generation", "evaluations", "best", "mean"),
    "retrain": ("network", "epoch", "loss"),
}
_REGISTER_DTYPES = {
    "probabilities": np.float32,
    "num_ops": np.int64,
    "generations": np.int64,
    "op_names": np.str_,
}
_REGISTERS = (
    "an npz file of the arrays probabilities, num_ops, generations and op_names; run "
    "the search stage again"
)
_MEASURES = (
    *("kendall_tau", "tau_low", "tau_high", "spearman"),
    *("best_tenth_tau", "best_tenth_low", "best_tenth_high"),
    *("pick", "tied", "top_ten"),
)
_HISTORY_FIELDS = ("evaluation", "generation", "arch", "score", "status")


@dataclasses.dataclass(frozen=True)
class Registers:
    """What the Q-bit registers looked like over the generations.

    Attributes:
      probabilities: float32 [G, L, K_max], P(op) in [0, 1], mean over the population.
      num_ops: int [L], K_l; entries of `probabilities` beyond K_l are not used.
      generations: int [G], the generation of each snapshot.
      op_names: str [L, K_max], the names of the ops, empty beyond K_l.
    """

    probabilities: np.ndarray
    num_ops: np.ndarray
    generations: np.ndarray
    op_names: np.ndarray


@dataclasses.dataclass(frozen=True)
class Run:
    """All rows of one work folder; a part that is not there yet is empty or None."""

    name: str  # of the folder
    config: Row
    environment: Row | None
    supernet: list[Row]  # by epoch
    pool: list[Row]  # by epoch
    search: list[Row]  # by generation
    retrain: dict[str, list[Row]]  # network -> rows by epoch, in order of appearance
    history: list[Row]  # by evaluation
    registers: Registers | None
    best: Row | None
    result: Row | None
    ranking: Row | None
    spent: Row | None  # seconds by stage
    model: Row | None  # facts of the exported one


def read_row(path: pathlib.Path) -> Row:
    """Reads a JSON object.

    Raises:
      MissingFileError: there is no such file.
      UserError: the file does not hold a JSON object.
    """
    return _parsed(_content(path, "a JSON object"), str(path))


def read_jsonl(path: pathlib.Path) -> list[Row]:
    """Reads one JSON object a line; blank lines do not count.

    A last line without a line end that does not parse is what a killed run leaves
    behind: it is skipped with a warning.

    Raises:
      MissingFileError: there is no such file.
      UserError: a line does not hold a JSON object; the message has its number.
    """
    return [row for _, row in _numbered_rows(path)]


def _numbered_rows(path: pathlib.Path) -> list[tuple[int, Row]]:
    """Line numbers and rows, see `read_jsonl`."""
    *complete, rest = _content(path, "JSON rows").split(b"\n")
    rows = [
        (number, _parsed(line, f"{path}, line {number}"))
        for number, line in enumerate(complete, start=1)
        if line.strip()
    ]
    if rest.strip():
        number = len(complete) + 1
        try:
            rows.append((number, _parsed(rest, f"{path}, line {number}")))
        except ValueError as error:
            logging.warning("skipped a half-written last line: %s", error)
    return rows


def _content(path: pathlib.Path, what: str) -> bytes:
    if path.is_dir():
        raise UserError(f"{path}: got a folder, expected a file with {what}")
    if not path.is_file():
        raise MissingFileError(f"{path}: no such file, expected {what} there")
    return path.read_bytes()


def read_registers(path: pathlib.Path) -> Registers:
    """Reads `search/registers.npz`.

    Raises:
      UserError: not an npz file, an array is missing or the shapes do not agree.
    """
    arrays = read_npz(path, _REGISTER_DTYPES, what=_REGISTERS)
    try:
        registers = Registers(
            **{name: arrays[name].astype(_REGISTER_DTYPES[name]) for name in arrays}
        )
    except ValueError as error:
        raise UserError(f"{path}: not {_REGISTERS} ({error})") from error
    shape = registers.probabilities.shape
    if (
        len(shape) != 3
        or registers.generations.shape != shape[:1]
        or registers.num_ops.shape != shape[1:2]
        or registers.op_names.shape != shape[1:]
        or registers.num_ops.max(initial=1) > shape[2]
    ):
        raise UserError(
            f"{path}: got probabilities {shape}, num_ops {registers.num_ops.shape}, "
            f"generations {registers.generations.shape} and op_names "
            f"{registers.op_names.shape}, expected [G, L, K_max], [L], [G] and "
            "[L, K_max] with no K_l above K_max"
        )
    return registers


def read_ranking(path: pathlib.Path) -> Row:
    """Reads `ranking.json`: true accuracies in [0, 1] beside the search's scores.

    Raises:
      MissingFileError: there is no such file.
      UserError: a field is missing, lengths differ or an accuracy is not in [0, 1].
    """
    ranking = read_row(path)
    require(ranking, ("kendall_tau", "spearman", "true", "scores"), str(path))
    if len(ranking["true"]) != len(ranking["scores"]):
        raise UserError(
            f"{path}: got {len(ranking['true'])} true accuracies and "
            f"{len(ranking['scores'])} scores, expected as many of both"
        )
    if any(value is None or not 0 <= value <= 1 for value in ranking["true"]):
        raise UserError(f"{path}: got a true accuracy outside of [0, 1]; not percent")
    for name, row in (ranking.get("measures") or {}).items():
        require(row, _MEASURES, f"{path}, measures of {name}")
    return ranking


def _read_found(path: pathlib.Path) -> Row:
    """Reads what a search or a run has found: an object that has an architecture."""
    found = read_row(path)
    require(found, ("arch",), str(path))
    return found


def read_run(workdir: pathlib.Path) -> Run:
    """Reads all that a work folder holds.

    A resumed run may have written a row twice; the later one counts.

    Args:
      workdir: the work folder; only `config.json` must be there.

    Returns:
      The rows, grouped by stage and sorted.

    Raises:
      MissingFileError: no such folder, or no `config.json` in it.
      UserError: a file is broken.
    """
    if not (workdir / "config.json").is_file():
        raise MissingFileError(
            f"{workdir}: no config.json there, expected the work folder of a run"
        )
    metrics = _read_metrics(workdir / "metrics.jsonl")
    networks = dict.fromkeys(row["network"] for row in metrics["retrain"])
    return Run(
        name=workdir.name,
        config=read_row(workdir / "config.json"),
        environment=_optional(read_row, workdir / "environment.json"),
        supernet=_latest(metrics["supernet"], "epoch"),
        pool=_latest(metrics["pool"], "epoch"),
        search=_latest(metrics["search"], "generation"),
        retrain={
            name: _latest([r for r in metrics["retrain"] if r["network"] == name])
            for name in networks
        },
        history=_read_history(workdir / "search" / "history.jsonl"),
        registers=_optional(read_registers, workdir / "search" / "registers.npz"),
        best=_optional(_read_found, workdir / "best_arch.json"),
        result=_optional(_read_found, workdir / "result.json"),
        ranking=_optional(read_ranking, workdir / "ranking.json"),
        spent=_optional(read_row, workdir / "spent.json"),
        model=_optional(read_row, workdir / "model" / "model.json"),
    )


def column(rows: Sequence[Row], field: str) -> np.ndarray:
    """Returns one field of all rows as float64 [N]; NaN where absent or null."""
    return np.array([row.get(field) for row in rows], dtype=np.float64)


def scored(history: Sequence[Row]) -> list[Row]:
    """Returns the evaluations that succeeded with a finite score."""
    return [
        row
        for row in history
        if row["status"] == "ok"
        and row["score"] is not None
        and np.isfinite(row["score"])
    ]


def _parsed(text: bytes, where: str) -> Row:
    value = parse_json(text, where)
    if not isinstance(value, dict):
        raise UserError(
            f"{where}: got a JSON {type(value).__name__}, expected an object"
        )
    return value


def _optional(read: Callable[[pathlib.Path], T], path: pathlib.Path) -> T | None:
    return read(path) if path.exists() else None


def _read_metrics(path: pathlib.Path) -> dict[str, list[Row]]:
    """Groups the rows by stage; stages this page does not show are left out."""
    groups: dict[str, list[Row]] = {stage: [] for stage in _METRIC_FIELDS}
    for number, row in _optional(_numbered_rows, path) or []:
        where = f"{path}, line {number}"
        require(row, ("stage",), where)
        if row["stage"] in groups:
            fields = _METRIC_FIELDS[row["stage"]]
            if "op_names" in row:
                fields += ("op_names",)
            require(row, fields, f"{where} ({row['stage']})")
            groups[row["stage"]].append(row)
    return groups


def _read_history(path: pathlib.Path) -> list[Row]:
    rows = _optional(_numbered_rows, path) or []
    for number, row in rows:
        require(row, _HISTORY_FIELDS, f"{path}, line {number}")
    return _latest([row for _, row in rows], "evaluation")


def _latest(rows: Sequence[Row], key: str = "epoch") -> list[Row]:
    """Keeps the last row of each key value, sorted by it."""
    by_key = {row[key]: row for row in rows}
    return [by_key[value] for value in sorted(by_key)]
