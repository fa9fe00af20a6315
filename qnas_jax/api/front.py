"""A search for several objectives: its result is a front, not one architecture."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import jax
import numpy as np

from qnas_jax.api.calls import SearchFile, evaluator_of
from qnas_jax.api.choices import Choices, Space
from qnas_jax.api.loop import Loop, shown
from qnas_jax.api.result import SearchResult
from qnas_jax.api.search import checked
from qnas_jax.api.searcher import check_count
from qnas_jax.api.strategies import strategy_for
from qnas_jax.errors import UserError
from qnas_jax.evaluation import Evaluation, MemoisedEvaluator, ScoreOf
from qnas_jax.evaluation.evaluator import ONE_FIDELITY
from qnas_jax.options import shown as in_words
from qnas_jax.searching import Strategy
from qnas_jax.searching.pareto import ParetoStrategy
from qnas_jax.searching.pareto.hypervolume import check_num_objectives
from qnas_jax.searching.stepping import Asked, Stepper

MAX, MIN = "max", "min"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class FrontResult(SearchResult):
    """What `search_front` found; its `best` is the best in the first objective.

    >>> import qnas_jax as qnas
    >>> def evaluate(arch):
    ...     return {"accuracy": arch["depth"] ** 0.5, "ms": arch["depth"] + arch["pad"]}
    >>> space = {"depth": [1, 4, 9], "pad": [0, 1]}
    >>> found = qnas.search_front(
    ...     space, evaluate, {"accuracy": "max", "ms": "min"}, budget=6
    ... )
    >>> [(row["depth"], row["pad"], row["ms"]) for row in found.front]
    [(9, 0, 9.0), (4, 0, 4.0), (1, 0, 1.0)]

    Attributes:
      objectives: by metric whether it is to be large.
    """

    objectives: Mapping[str, bool]

    @property
    def front(self) -> list[dict[str, Any]]:
        """The evaluations that no other one beats, by the first objective, best first.

        Flat dicts, as of `to_rows`; of equal ones the first.
        """
        rows = self.to_rows()
        return [rows[place] for place in self.front_places]

    @cached_property
    def front_places(self) -> list[int]:
        """Their places among all evaluations."""
        points = objective_table(self.evaluations, self.objectives)
        finite = np.flatnonzero(np.isfinite(points).all(axis=1))
        _, first = np.unique(points[finite], axis=0, return_index=True)
        places = [place for place in finite[first] if not _beaten(points, place)]
        return sorted(map(int, places), key=lambda place: -points[place, 0])


def _beaten(points: np.ndarray, place: int) -> bool:
    """Whether a point is nowhere better than another one, and somewhere worse."""
    at_least = (points >= points[place]).all(axis=1)
    return bool((at_least & (points > points[place]).any(axis=1)).any())


def search_front(
    space: Space,
    evaluate: Callable[..., Any],
    objectives: Mapping[str, str],
    *,
    strategy: str | Strategy = "pareto_memory",
    budget: int = 100,
    key: int | jax.Array = 0,
    population: int | None = None,
    options: Mapping[str, Any] | None = None,
    workers: int = 0,
    time_limit: float = 0.0,
    file: str | pathlib.Path | None = None,
    progress: bool | None = None,
) -> FrontResult:
    """Searches for the architectures that no other one beats in all objectives.

    >>> import qnas_jax as qnas
    >>> def evaluate(arch):
    ...     return {"worth": sum(arch), "cost": max(arch)}
    >>> space = [[0, 1, 2]] * 3
    >>> found = qnas.search_front(space, evaluate, {"worth": "max", "cost": "min"})
    >>> [(row["worth"], row["cost"]) for row in found.front]
    [(6.0, 2.0), (3.0, 1.0), (0.0, 0.0)]

    Args:
      space: as for `search`.
      evaluate: as for `search`; a dict of numbers with all objectives.
      objectives: two or three metrics, each with "max" or "min".
      strategy: a name of `available("front_strategies")`, or one of your own.
      budget: architectures that are evaluated.
      key: a seed, or a key of JAX.
      population: architectures between which the strategy does not learn.
      options: of the strategy, by name.
      workers: processes that evaluate at the same time; 0: this one does.
      time_limit: seconds that an evaluation may take, with workers; 0: no limit.
      file: where evaluations are kept, to go on from.
      progress: whether a bar is shown; None: on a terminal and in a notebook.

    Returns:
      What was found; `.front` are the rows of the front.

    Raises:
      UserError: something of these does not fit, or no evaluation succeeded.
    """
    choices, signs = Choices.of(space), _signs(objectives)
    check_count("budget", budget)
    kept = SearchFile(file, choices)
    evaluator = evaluator_of(
        evaluate,
        choices,
        kept,
        score=ScoreOf(*next(iter(signs.items()))),
        fidelities=ONE_FIDELITY,
        workers=workers,
        time_limit=time_limit,
    )
    chosen = strategy_for(
        strategy,
        choices.space.num_ops,
        budget=budget,
        population=population,
        options=options,
        workers=workers,
        num_objectives=len(signs),
    )
    if isinstance(chosen, ParetoStrategy):
        chosen = chosen.aware_of(tuple(signs.values()))
    memo = MemoisedEvaluator(evaluator, lambda archs: {})
    with contextlib.closing(memo), shown(budget, progress, memo, kept) as show:
        stepper = Stepper(chosen, key)
        ended = _FrontLoop(signs, stepper, memo, budget, choices, kept, show).run()
    return checked(FrontResult(choices, memo.history, evaluator.score, ended, signs))


class _FrontLoop(Loop):
    """A loop whose strategy is told all objectives."""

    def __init__(self, objectives: Mapping[str, bool], *rest: Any):
        super().__init__(*rest)
        self._objectives = objectives

    def _evaluate(
        self, asked: Asked, places: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        archs, _ = super()._evaluate(asked, places)
        history = self._memo.history
        rows = [history[history.find(tuple(arch), -1)] for arch in archs.tolist()]
        return archs, objective_table(rows, self._objectives).astype(np.float32)


def objective_table(
    rows: Sequence[Evaluation], objectives: Mapping[str, bool]
) -> np.ndarray:
    """Objectives as they are maximised, float64 [N, M]; NaN where one is missing."""
    columns = [
        [
            row.metrics.get(name, np.nan) if row.status == "ok" else np.nan
            for row in rows
        ]
        for name in objectives
    ]
    signs = [1.0 if larger else -1.0 for larger in objectives.values()]
    return np.asarray(columns, float).T * np.asarray(signs)


def _signs(objectives: Any) -> dict[str, bool]:
    """By objective whether it is to be large."""
    fits = isinstance(objectives, Mapping) and all(
        isinstance(name, str) and way in (MAX, MIN) for name, way in objectives.items()
    )
    if not fits:
        raise UserError(
            f"objectives: got {in_words(objectives)}, expected 'max' or 'min' by "
            "metric, such as {'accuracy': 'max', 'ms': 'min'}"
        )
    check_num_objectives(len(objectives))
    return {name: way == MAX for name, way in objectives.items()}
