"""Remembers every evaluation, so that an architecture is scored once in a search.

An evaluation is one architecture scored once; it is the unit of budgets. A failed one
(a loss that is not finite) stays in the history with its status and never wins.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from qnas_jax.evaluation.scoring import Scores


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """One row of the history.

    Attributes:
      evaluation: its number, from 1.
      generation: the generation that asked for it.
      arch: op index of each layer.
      score: what is maximised; -inf if the status is not "ok".
      values: metrics by name.
      cost: costs by name.
      status: "ok" or "non_finite".
    """

    evaluation: int
    generation: int
    arch: tuple[int, ...]
    score: float
    values: dict[str, float]
    cost: dict[str, int]
    status: str

    def row(self) -> dict[str, Any]:
        """The JSON row; values that are not finite become null."""
        row = dataclasses.asdict(self)
        row["score"] = _finite(self.score)
        row["values"] = {name: _finite(value) for name, value in self.values.items()}
        return row

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> "Evaluation":
        """Reads what `row` wrote."""
        values = {
            name: math.nan if value is None else value
            for name, value in row["values"].items()
        }
        score = -math.inf if row["score"] is None else row["score"]
        return cls(
            **{**row, "arch": tuple(row["arch"]), "score": score, "values": values}
        )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


class MemoisedEvaluator:
    """Scores populations, each distinct architecture once.

    Attributes:
      history: all evaluations in order.
    """

    def __init__(
        self,
        score: Callable[[np.ndarray], Scores],
        cost: Callable[[np.ndarray], dict[str, np.ndarray]],
        history: Iterable[Evaluation] = (),
    ):
        """Starts from a history.

        Args:
          score: scores archs int32 [P, L], always called with the same P.
          cost: costs of archs int32 [P, L] by name.
          history: evaluations of an earlier part of the run.
        """
        self._score = score
        self._cost = cost
        self.history = list(history)
        self._known = {evaluation.arch: evaluation for evaluation in self.history}

    def __call__(
        self, archs: np.ndarray, generation: int
    ) -> tuple[np.ndarray, list[Evaluation]]:
        """Scores a population.

        Args:
          archs: int32 [P, L].
          generation: its number, for the history.

        Returns:
          Scores float32 [P], and the evaluations that were new.
        """
        rows = [tuple(arch) for arch in np.asarray(archs).tolist()]
        new = list(dict.fromkeys(row for row in rows if row not in self._known))
        fresh = self._evaluate(new, len(rows), generation) if new else []
        scores = [self._known[row].score for row in rows]
        return np.asarray(scores, np.float32), fresh

    def _evaluate(
        self, new: list[tuple[int, ...]], population: int, generation: int
    ) -> list[Evaluation]:
        # Repeats of the first fill the call up to its compiled size, and cost nothing.
        archs = np.asarray(new + new[:1] * (population - len(new)), np.int32)
        scores = self._score(archs)
        accuracy, loss = np.asarray(scores.accuracy), np.asarray(scores.loss)
        costs = self._cost(archs)
        fresh = []
        for place, arch in enumerate(new):
            ok = math.isfinite(loss[place]) and math.isfinite(accuracy[place])
            evaluation = Evaluation(
                evaluation=len(self.history) + 1,
                generation=generation,
                arch=arch,
                score=float(accuracy[place]) if ok else -math.inf,
                values={"accuracy": float(accuracy[place]), "loss": float(loss[place])},
                cost={name: int(value[place]) for name, value in costs.items()},
                status="ok" if ok else "non_finite",
            )
            self.history.append(evaluation)
            self._known[arch] = evaluation
            fresh.append(evaluation)
        return fresh
