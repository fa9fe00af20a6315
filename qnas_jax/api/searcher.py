"""A search whose evaluations are made elsewhere: ask, evaluate, tell."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from qnas_jax.api.choices import Choices, Space
from qnas_jax.api.result import BUDGET, SearchResult
from qnas_jax.api.strategies import strategy_for
from qnas_jax.errors import UserError
from qnas_jax.evaluation import Evaluation, ScoreOf
from qnas_jax.options import shown
from qnas_jax.searching import Strategy
from qnas_jax.searching.stepping import Asked, Stepper
from qnas_jax.status import Status

METRIC = "score"
"""What a number is called that a function gives without a name."""


class Searcher:
    """A search that you evaluate yourself, wherever and however you like.

    >>> import qnas_jax as qnas
    >>> searcher = qnas.Searcher([["a", "b", "c"]] * 4, budget=30, population=5)
    >>> for _ in range(6):
    ...     archs = searcher.ask()
    ...     searcher.tell([arch.count("b") for arch in archs])
    >>> searcher.result().best_value
    4.0

    Attributes:
      choices: what is searched.
      strategy: what proposes.
      larger_is_better: whether values are to be large.
    """

    def __init__(
        self,
        space: Space,
        *,
        strategy: str | Strategy = "memory_registers",
        budget: int = 100,
        population: int | None = None,
        key: int | jax.Array = 0,
        larger_is_better: bool = True,
        options: Mapping[str, Any] | None = None,
    ):
        """Nothing is asked for yet.

        Args:
          space: a `SearchSpace`; choices by name; or a list of choices for each place.
          strategy: a name of `available("strategies")`, or a strategy of your own.
          budget: evaluations that there will be, which some strategies plan with.
          population: architectures of one `ask`; None: what suits the strategy.
          key: a seed, or a key of JAX.
          larger_is_better: whether values are to be large.
          options: of the strategy, by name; see `options_of`.

        Raises:
          UserError: something of these does not fit.
        """
        self.choices = Choices.of(space)
        self.larger_is_better = larger_is_better
        check_count("budget", budget)
        self.strategy = strategy_for(
            strategy,
            self.choices.space.num_ops,
            budget=budget,
            population=population,
            options=options,
        )
        self._stepper = Stepper(self.strategy, key)
        self._asked: Asked | None = None
        self._told: tuple[Any, Any] = (None, None)
        self._rows: list[Evaluation] = []
        self._generation = 0

    def ask(self) -> list[Any]:
        """The architectures to evaluate next, as many as the population.

        Returns:
          Dicts where choices have names, else tuples. Until `tell` they stay the same.
          A strategy may propose an architecture again.
        """
        return [self.choices.decode(arch) for arch in self.ask_archs().tolist()]

    def ask_archs(self) -> np.ndarray:
        """The same as op numbers, int32 [P, L]."""
        if self._asked is None:
            self._asked = self._stepper.ask(*self._told)
        return self._asked.archs

    @property
    def fidelities(self) -> np.ndarray | None:
        """At which fidelity each is to be evaluated, int32 [P], 0 the cheapest.

        None where the strategy has none.
        """
        self.ask_archs()
        assert self._asked is not None
        return self._asked.fidelities

    def tell(self, values: Sequence[float | None]) -> None:
        """Learns what the architectures of the last `ask` are worth.

        Args:
          values: a number for each, in order; None, NaN or an infinite one: it failed.

        Raises:
          UserError: nothing was asked for, or there are more or fewer numbers.
        """
        if self._asked is None:
            raise UserError("tell: got values, expected a call of ask before")
        archs = self._asked.archs
        numbers = _numbers(values, len(archs))
        signed = numbers if self.larger_is_better else -numbers
        scores = np.where(np.isfinite(signed), signed, -np.inf).astype(np.float32)
        fidelities = self._asked.fidelities
        for place, arch in enumerate(archs.tolist()):
            fidelity = -1 if fidelities is None else int(fidelities[place])
            self._rows.append(
                self._row(arch, fidelity, numbers[place], float(scores[place]))
            )
        self._told, self._asked = (archs, scores), None
        self._generation += 1

    def result(self) -> SearchResult:
        """What is known so far."""
        score = ScoreOf(METRIC, self.larger_is_better)
        return SearchResult(self.choices, tuple(self._rows), score, BUDGET)

    def _row(
        self, arch: list[int], fidelity: int, value: float, score: float
    ) -> Evaluation:
        status = Status.OK if np.isfinite(value) else Status.NON_FINITE
        return Evaluation(
            evaluation=len(self._rows) + 1,
            generation=self._generation,
            arch=tuple(arch),
            fidelity=fidelity,
            score=score,
            metrics={METRIC: float(value)},
            costs={},
            status=status.word,
            reason="" if status == Status.OK else f"{METRIC} is {value}",
        )


def check_count(name: str, value: Any) -> None:
    """Raises UserError unless a value is a count of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise UserError(f"{name}: got {shown(value)}, expected an int >= 1")


def _numbers(values: Sequence[float | None], count: int) -> np.ndarray:
    try:
        numbers = np.asarray([np.nan if v is None else float(v) for v in values], float)
    except (TypeError, ValueError):
        got = shown(values)
        raise UserError(f"tell: got {got}, expected {count} numbers") from None
    if len(numbers) != count:
        raise UserError(f"tell: got {len(numbers)} values, expected {count}, as asked")
    return numbers
