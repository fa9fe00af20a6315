"""What a search found: the best architecture, and every evaluation behind it."""

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from qnas_jax.api.choices import Choices
from qnas_jax.evaluation import Evaluation, ScoreOf
from qnas_jax.status import Status

BUDGET, EXHAUSTED, STOPPED, IDLE = "budget", "exhausted", "stopped", "idle"
"""Why a search ended: its budget is spent; the space is; Ctrl-C; nothing new came."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class SearchResult:
    """A finished search, or what is known of one that goes on.

    >>> import qnas_jax as qnas
    >>> space = {"depth": [1, 2, 3], "width": [16, 32]}
    >>> found = qnas.search(space, lambda arch: arch["depth"] * arch["width"], budget=9)
    >>> found.best, found.best_value, found.ended
    ({'depth': 3, 'width': 32}, 96.0, 'exhausted')
    >>> found.values.shape, found.to_rows()[0]["status"]
    ((6,), 'ok')

    Attributes:
      choices: what was searched.
      evaluations: all of them in order; failed ones have a reason.
      score: the metric that is improved, and its direction.
      ended: "budget", "exhausted" (the space has no more), "stopped" (Ctrl-C) or "idle"
        (the strategy proposed nothing new for a long time).
    """

    choices: Choices
    evaluations: Sequence[Evaluation]
    score: ScoreOf
    ended: str

    def __len__(self) -> int:
        return len(self.evaluations)

    def __repr__(self) -> str:
        best = "nothing" if self._best is None else f"{self.best}: {self.best_value:g}"
        failed = int((self.statuses != Status.OK.word).sum())
        return (
            f"SearchResult(best {best}, {len(self)} evaluations, {failed} failed, "
            f"ended: {self.ended})"
        )

    @property
    def best(self) -> Any:
        """The best architecture as the function gets one; None: all failed."""
        return None if self._best is None else self.choices.decode(self._best.arch)

    @property
    def best_arch(self) -> tuple[int, ...] | None:
        """The same as op numbers."""
        return None if self._best is None else self._best.arch

    @property
    def best_value(self) -> float:
        """What the function said of it; NaN: all failed."""
        return np.nan if self._best is None else self._value(self._best)

    @property
    def best_metrics(self) -> dict[str, float]:
        """All that the function said of it, by name."""
        return {} if self._best is None else dict(self._best.metrics)

    @cached_property
    def archs(self) -> np.ndarray:
        """Op numbers of every evaluation, int32 [N, L]."""
        rows = [row.arch for row in self.evaluations]
        return np.asarray(rows, np.int32).reshape(-1, self.choices.space.num_layers)

    @cached_property
    def values(self) -> np.ndarray:
        """The metric that is improved, float64 [N], NaN where an evaluation failed."""
        return np.asarray([self._value(row) for row in self.evaluations], float)

    @cached_property
    def best_values(self) -> np.ndarray:
        """The best value so far after each evaluation, float64 [N]."""
        better = np.fmax if self.score.larger_is_better else np.fmin
        found: np.ndarray = better.accumulate(self.values)
        return found

    @cached_property
    def statuses(self) -> np.ndarray:
        """How each evaluation ended, words [N]: "ok", "error", "non_finite", ..."""
        return np.asarray([row.status for row in self.evaluations], str)

    def metric(self, name: str) -> np.ndarray:
        """A metric of every evaluation, float64 [N], NaN where there is none."""
        rows = [row.metrics.get(name, np.nan) for row in self.evaluations]
        return np.asarray(rows, float)

    def to_rows(self) -> list[dict[str, Any]]:
        """Every evaluation as a flat dict, as for `pandas.DataFrame`."""
        names = self.choices.names or tuple(
            f"layer_{place}" for place in range(self.choices.space.num_layers)
        )
        return [
            {
                "evaluation": number,
                "generation": row.generation,
                **dict(zip(names, _as_tuple(self.choices, row.arch), strict=True)),
                **row.metrics,
                **row.costs,
                "status": row.status,
                "reason": row.reason,
            }
            for number, row in enumerate(self.evaluations, start=1)
        ]

    @cached_property
    def _best(self) -> Evaluation | None:
        """Of the highest fidelity that has any finite score, the earliest best one."""
        finite = [row for row in self.evaluations if np.isfinite(row.score)]
        return max(finite, key=lambda row: (row.fidelity, row.score), default=None)

    def _value(self, row: Evaluation) -> float:
        if row.status != Status.OK.word:
            return np.nan
        return row.metrics[self.score.metric]


def _as_tuple(choices: Choices, arch: Sequence[int]) -> tuple[Any, ...]:
    found = choices.decode(arch)
    return tuple(found.values()) if choices.names else found
