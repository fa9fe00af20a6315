"""Remembers every evaluation, so that an architecture is scored once in a search.

An evaluation is one architecture scored once at one fidelity; it is the unit of
budgets. A failed one stays in the history with its status and reason and never wins.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.evaluation.evaluator import Evaluated, Evaluator, ScoreOf, scores_of
from qnas_jax.status import Status

Costs = Callable[[np.ndarray], Mapping[str, np.ndarray]]
"""archs int32 [P, L] -> what they cost as networks, by name [P]."""


@dataclasses.dataclass(frozen=True, slots=True)
class Evaluation:
    """One row of the history.

    Attributes:
      evaluation: its number, from 1.
      generation: the generation that asked for it.
      arch: op index of each layer.
      fidelity: at which it was evaluated, a place in the evaluator's; -1: the highest.
      score: what is maximised; -inf if the status is not "ok".
      metrics: by name.
      costs: by name: of the network (params, macs), of the evaluation (seconds).
      status: "ok", or how it failed, see `Status`.
      reason: why, one line; "" if there is no more to say.
    """

    evaluation: int
    generation: int
    arch: tuple[int, ...]
    fidelity: int
    score: float
    metrics: dict[str, float]
    costs: dict[str, float]
    status: str
    reason: str

    def row(self) -> dict[str, Any]:
        """The JSON row; values that are not finite become null."""
        row = dataclasses.asdict(self)
        row["score"] = _finite(self.score)
        for group in ("metrics", "costs"):
            row[group] = {name: _finite(value) for name, value in row[group].items()}
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Evaluation":
        """Reads what `row` wrote.

        Raises:
          UserError: the row has another form.
        """
        wrong = _wrong_field(row)
        if wrong:
            raise UserError(f"evaluation {row.get('evaluation')!r}: {wrong}")
        groups = {
            group: {
                name: math.nan if value is None else value
                for name, value in row[group].items()
            }
            for group in ("metrics", "costs")
        }
        score = -math.inf if row["score"] is None else float(row["score"])
        return cls(**{**row, **groups, "arch": tuple(row["arch"]), "score": score})


def _is_int(value: Any) -> bool:
    return type(value) is int


def _is_score(value: Any) -> bool:
    """A finite number, or null in its place."""
    return value is None or (type(value) in (int, float) and math.isfinite(value))


def _are_scores(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_score, value.values()))


_FITS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("evaluation", "generation", "fidelity"), _is_int),
    "arch": lambda value: isinstance(value, list) and all(map(_is_int, value)),
    "score": _is_score,
    **dict.fromkeys(("metrics", "costs"), _are_scores),
    **dict.fromkeys(("status", "reason"), lambda value: isinstance(value, str)),
}
"""Whether a JSON value fits a field of `Evaluation`."""


def _wrong_field(row: Mapping[str, Any]) -> str:
    """What is wrong with a row, or ""."""
    if row.keys() != _FITS.keys():
        names = [field.name for field in dataclasses.fields(Evaluation)]
        return f"got fields {sorted(row)}, expected {', '.join(names)}"
    for name, fits in _FITS.items():
        if not fits(row[name]):
            return f"got {name} {row[name]!r}"
    return ""


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


_Asked = tuple[tuple[int, ...], int]  # an architecture and its fidelity


class MemoisedEvaluator:
    """Evaluates populations, each distinct architecture once a fidelity.

    Search loops call it as it is: `(key, archs) -> (archs, scores)`.

    Attributes:
      history: all evaluations in order.
      fresh: those of the last call that were new.
    """

    def __init__(
        self, evaluator: Evaluator, costs: Costs, history: Iterable[Evaluation] = ()
    ):
        """Starts from a history.

        Args:
          evaluator: a traceable one is always called with as many architectures.
          costs: what architectures cost as networks.
          history: evaluations of an earlier part of the run.
        """
        self._evaluator = evaluator
        self._costs = costs
        self.history = list(history)
        self.fresh: list[Evaluation] = []
        self._calls = 0
        self._known = {(row.arch, row.fidelity): row for row in self.history}

    def __call__(
        self,
        key: jax.Array,
        archs: np.ndarray,
        fidelities: np.ndarray | None = None,
        *,
        generation: int | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Scores a population.

        Args:
          key: consumed by the evaluator.
          archs: int32 [P, L].
          fidelities: int32 [P]; None: the highest.
          generation: its number, for the history; None: as many as there were calls.

        Returns:
          The architectures, and their scores float32 [P].
        """
        generation = self._calls if generation is None else generation
        self._calls += 1
        rows = map(tuple, np.asarray(archs).tolist())
        places = [-1] * len(archs)
        if fidelities is not None:
            places = np.asarray(fidelities).tolist()
        asked: list[_Asked] = list(zip(rows, places, strict=True))
        new = list(dict.fromkeys(each for each in asked if each not in self._known))
        self.fresh = []
        if new:
            self.fresh = self._evaluate(key, new, len(asked), generation)
        found = [self._known[each].score for each in asked]
        return archs, np.asarray(found, np.float32)

    @property
    def score(self) -> ScoreOf:
        """What the evaluator improves."""
        return self._evaluator.score

    def ties(
        self, archs: np.ndarray, fidelities: np.ndarray | None = None
    ) -> np.ndarray:
        """What decides between equal scores: the loss, where there is one.

        Args:
          archs: int [P, L], evaluated before.
          fidelities: int [P], as they were evaluated; None: as without fidelities.

        Returns:
          float32 [P], the negative loss; 0 where the evaluator gives none.
        """
        rows = map(tuple, np.asarray(archs).tolist())
        places = [-1] * len(archs)
        if fidelities is not None:
            places = np.asarray(fidelities).tolist()
        known = [self._known[each] for each in zip(rows, places, strict=True)]
        return np.asarray([-row.metrics.get("loss", 0.0) for row in known], np.float32)

    def close(self) -> None:
        """Ends what the evaluator started."""
        self._evaluator.close()

    def _evaluate(
        self, key: jax.Array, new: list[_Asked], population: int, generation: int
    ) -> list[Evaluation]:
        asked = new
        if self._evaluator.traceable:
            # Repeats of the first fill the call up to its compiled size, and cost
            # nothing.
            asked = new + new[:1] * (population - len(new))
        archs = np.asarray([arch for arch, _ in asked], np.int32)
        fidelities = np.asarray([fidelity for _, fidelity in asked], np.int32)
        evaluated = self._evaluator(
            key, archs, None if (fidelities < 0).all() else fidelities
        )
        values = np.asarray(scores_of(self._evaluator, evaluated))
        costs = self._costs(archs)
        fresh = []
        for place, (arch, fidelity) in enumerate(new):
            evaluation = Evaluation(
                evaluation=len(self.history) + 1,
                generation=generation,
                arch=arch,
                fidelity=fidelity,
                score=float(values[place]),
                **_row_of(evaluated, costs, place),
            )
            self.history.append(evaluation)
            self._known[arch, fidelity] = evaluation
            fresh.append(evaluation)
        return fresh


def _row_of(
    evaluated: Evaluated, costs: Mapping[str, np.ndarray], place: int
) -> dict[str, Any]:
    """Metrics, costs, status and reason of one architecture."""

    def pick(values: Mapping[str, Any]) -> dict[str, float]:
        return {name: np.asarray(each)[place].item() for name, each in values.items()}

    return {
        "metrics": pick(evaluated.metrics),
        "costs": {**pick(costs), **pick(evaluated.costs)},
        "status": Status(int(np.asarray(evaluated.status)[place])).word,
        "reason": evaluated.reasons[place] if evaluated.reasons else "",
    }
