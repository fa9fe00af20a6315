"""The evaluations of a finished search as an evaluator: what was scored is known.

Other strategies can be tried on what one run has paid for. An architecture that the
history does not hold fails with a reason, and never wins.
"""

import contextlib
import dataclasses
import json
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.evaluation.evaluator import ONE_FIDELITY, Evaluated, ScoreOf
from qnas_jax.evaluation.spec import EvaluatorSpec, Parts
from qnas_jax.options import OptionError, Options, option, shown
from qnas_jax.spaces import SearchSpace
from qnas_jax.status import Status


@dataclasses.dataclass(frozen=True)
class RecordedOptions(Options):
    """Which history answers."""

    file: str = option("", "history.jsonl of a search in the same space")


@dataclasses.dataclass(frozen=True)
class RecordedEvaluator:
    """Looks up scores.

    Attributes:
      scores: by architecture, a tuple of op numbers; finite, maximised.
    """

    scores: Mapping[tuple[int, ...], float]

    score = ScoreOf("score", larger_is_better=True)
    traceable = False
    fidelities = ONE_FIDELITY

    def __call__(self, key: jax.Array, archs: Any, fidelities: Any = None) -> Evaluated:
        """What is recorded of archs int32 [P, L]; the key changes nothing."""
        del key, fidelities
        found = [
            self.scores.get(tuple(arch), np.nan) for arch in np.asarray(archs).tolist()
        ]
        known = np.isfinite(found)
        return Evaluated(
            {"score": np.asarray(found, np.float32)},
            np.where(known, int(Status.OK), int(Status.ERROR)).astype(np.int32),
            reasons=tuple("" if one else "not in the history" for one in known),
        )

    def close(self) -> None:
        """There is nothing to end."""


@dataclasses.dataclass(frozen=True)
class RecordedRow:
    """What one line of a history says.

    Attributes:
      line: its number, from 1.
      arch: op numbers.
      score: finite; None where the evaluation failed.
    """

    line: int
    arch: tuple[int, ...]
    score: float | None


def read_evaluations(path: pathlib.Path) -> list[RecordedRow]:
    """Reads a history: of a search, or a file of the user's own.

    Args:
      path: JSON rows with `arch` (op numbers) and `score` (null where it failed). A
        last line without an end that is no row is what a killed search leaves; it does
        not count, nor do blank lines.

    Returns:
      The rows, in order.

    Raises:
      UserError: a line is no such row; the message has its number.
    """
    *whole, rest = path.read_bytes().split(b"\n")
    rows = [
        _read_line(f"{path}, line {number}", number, line)
        for number, line in enumerate(whole, start=1)
        if line.strip()
    ]
    if rest.strip():
        with contextlib.suppress(_NoJsonError):
            number = len(whole) + 1
            rows.append(_read_line(f"{path}, line {number}", number, rest))
    return rows


_LARGEST = 1e15  # Squares of float32 numbers above 1.8e19 are infinite.


class _NoJsonError(UserError):
    """A line holds no JSON value."""


def _read_line(where: str, number: int, line: bytes) -> RecordedRow:
    text = repr(line.decode("utf-8", errors="replace")[:80])
    expected = 'expected a row {"arch": [op of each layer], "score": number or null}'
    try:
        row = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        raise _NoJsonError(f"{where}: got {text}, {expected}") from None
    if not isinstance(row, dict) or not {"arch", "score"} <= row.keys():
        raise UserError(f"{where}: got {text}, {expected}")
    arch, score = row["arch"], row["score"]
    ops_fit = isinstance(arch, list) and all(
        type(op) is int and 0 <= op < 2**31 for op in arch
    )
    if not arch or not ops_fit:
        raise UserError(f"{where}: got {text}, {expected}")
    if score is not None:
        is_number = type(score) in (int, float)
        if not is_number or not abs(score) <= _LARGEST:
            raise UserError(
                f"{where}: got score {shown(score)}, expected a finite number up to "
                f"{_LARGEST:g}, or null where the evaluation failed"
            )
        score = float(score)
    return RecordedRow(number, tuple(arch), score)


def read_scores(path: pathlib.Path, space: SearchSpace) -> dict[tuple[int, ...], float]:
    """Reads the evaluations that succeeded.

    Args:
      path: see `read_evaluations`.
      space: what the architectures are of.

    Returns:
      Scores by architecture.

    Raises:
      MissingFileError: there is no such file.
      UserError: a line is no such row, or no architecture of the space; or no row has a
        score.
    """
    if not path.is_file():
        raise MissingFileError(f"file: got {path}, expected a history.jsonl")
    scores = {}
    for row in read_evaluations(path):
        fits = len(row.arch) == space.num_layers and all(
            op < count for op, count in zip(row.arch, space.num_ops, strict=True)
        )
        if not fits:
            raise UserError(
                f"{path}, line {row.line}: got architecture {list(row.arch)}, expected "
                f"one of space {space.name!r} with {space.num_ops} ops"
            )
        if row.score is not None:
            scores[row.arch] = row.score
    if not scores:
        raise UserError(f"{path}: no evaluation with a score")
    return scores


def make_recorded_evaluator(
    options: RecordedOptions, parts: Parts
) -> RecordedEvaluator:
    """Reads the history of a run; see `read_scores`.

    Raises:
      OptionError: no file is named.
      UserError: as `read_scores`.
    """
    if not options.file:
        raise OptionError("file", "", "the history.jsonl of a search")
    return RecordedEvaluator(read_scores(pathlib.Path(options.file), parts.space))


SPEC = EvaluatorSpec(
    summary="what an earlier search has recorded",
    make=make_recorded_evaluator,
    group="recorded",
    options=RecordedOptions,
)
