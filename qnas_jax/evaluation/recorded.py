"""The evaluations of a finished search as an evaluator: what was scored is known.

Other strategies can be tried on what one run has paid for. An architecture that the
history does not hold fails with a reason, and never wins.
"""

import dataclasses
import json
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.evaluation.evaluator import ONE_FIDELITY, Evaluated, ScoreOf
from qnas_jax.evaluation.spec import EvaluatorSpec, Parts
from qnas_jax.options import OptionError, Options, option
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
            {"score": jnp.asarray(found, jnp.float32)},
            jnp.where(known, int(Status.OK), int(Status.ERROR)).astype(jnp.int32),
            reasons=tuple("" if one else "not in the history" for one in known),
        )

    def close(self) -> None:
        """There is nothing to end."""


def read_scores(path: pathlib.Path, space: SearchSpace) -> dict[tuple[int, ...], float]:
    """Reads the evaluations that succeeded.

    Args:
      path: rows with `arch` (op numbers) and `score` (null where it failed).
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
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            arch = tuple(map(int, row["arch"]))
            score = None if row["score"] is None else float(row["score"])
        except (ValueError, TypeError, KeyError):
            raise UserError(
                f"{path}, line {number}: expected a JSON object with arch and score"
            ) from None
        fits = len(arch) == space.num_layers and all(
            0 <= op < count for op, count in zip(arch, space.num_ops, strict=True)
        )
        if not fits:
            raise UserError(
                f"{path}, line {number}: got architecture {list(arch)}, expected one "
                f"of space {space.name!r} with {space.num_ops} ops"
            )
        if score is not None and np.isfinite(score):
            scores[arch] = score
    if not scores:
        raise UserError(f"{path}: no evaluation with a score")
    return scores


def make_recorded_evaluator(
    options: RecordedOptions, parts: Parts
) -> RecordedEvaluator:
    """Reads the history of a run; see `read_scores`."""
    if not options.file:
        raise OptionError("file", "", "the history.jsonl of a search")
    return RecordedEvaluator(read_scores(pathlib.Path(options.file), parts.space))


SPEC = EvaluatorSpec(
    summary="what an earlier search has recorded",
    make=make_recorded_evaluator,
    group="recorded",
    options=RecordedOptions,
)
