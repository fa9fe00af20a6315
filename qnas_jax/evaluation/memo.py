"""Remembers every evaluation, so that an architecture is scored once in a search.

An evaluation is one architecture scored once at one fidelity; it is the unit of
budgets. A failed one stays in the history with its status and reason and never wins.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import numpy as np

from qnas_jax.evaluation.evaluation import Evaluation
from qnas_jax.evaluation.evaluator import Evaluated, Evaluator, ScoreOf, scores_of
from qnas_jax.evaluation.known import KnownEvaluations
from qnas_jax.evaluation.known_archs import Arch
from qnas_jax.status import Status

Costs = Callable[[np.ndarray], Mapping[str, np.ndarray]]
"""archs int32 [P, L] -> what they cost as networks, by name [P]."""


_Asked = tuple[Arch, int]  # an architecture and its fidelity


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

        Raises:
          UserError: their architectures differ in length.
        """
        self._evaluator = evaluator
        self._costs = costs
        if not isinstance(history, KnownEvaluations):
            history = KnownEvaluations(history)
        self.history = history
        self.fresh: list[Evaluation] = []
        self._calls = 0

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
        asked = _asked(archs, fidelities)
        known = self.history
        new = list(dict.fromkeys(each for each in asked if known.find(*each) < 0))
        self.fresh = []
        if new:
            self.fresh = self._evaluate(key, new, len(asked), generation)
        found = [known.score(known.find(*each)) for each in asked]
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
        known = self.history
        places = [known.find(*each) for each in _asked(archs, fidelities)]
        losses = [known.metric(place, "loss", 0.0) for place in places]
        return -np.asarray(losses, np.float32)

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
        evaluated = jax.device_get(evaluated)
        values = scores_of(self._evaluator, evaluated)
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
            self.history.add(evaluation)
            fresh.append(evaluation)
        return fresh


def _asked(archs: np.ndarray, fidelities: np.ndarray | None) -> list[_Asked]:
    """Each architecture with its fidelity, -1 where there are none."""
    places = (
        [-1] * len(archs) if fidelities is None else np.asarray(fidelities).tolist()
    )
    return list(zip(map(tuple, np.asarray(archs).tolist()), places, strict=True))


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
