"""A search by a Python function, from its first evaluation to its result."""

import contextlib
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import jax

from qnas_jax.api.calls import SearchFile, evaluator_of
from qnas_jax.api.choices import Choices, Space
from qnas_jax.api.loop import Loop, shown
from qnas_jax.api.result import STOPPED, SearchResult
from qnas_jax.api.searcher import METRIC, check_count
from qnas_jax.api.strategies import strategy_for
from qnas_jax.errors import UserError
from qnas_jax.evaluation import Evaluator, MemoisedEvaluator, ScoreOf
from qnas_jax.evaluation.evaluator import ONE_FIDELITY
from qnas_jax.searching import Strategy
from qnas_jax.searching.stepping import Stepper

Result = TypeVar("Result", bound=SearchResult)


def search(
    space: Space,
    evaluate: Callable[..., Any] | Evaluator,
    *,
    strategy: str | Strategy = "memory_registers",
    budget: int = 100,
    key: int | jax.Array = 0,
    larger_is_better: bool = True,
    score: str = METRIC,
    population: int | None = None,
    options: Mapping[str, Any] | None = None,
    fidelities: Sequence[str] = ONE_FIDELITY,
    workers: int = 0,
    time_limit: float = 0.0,
    file: str | pathlib.Path | None = None,
    progress: bool | None = None,
) -> SearchResult:
    """Searches for the architecture of which a function says the best.

    >>> import qnas_jax as qnas
    >>> space = {"depth": [1, 2, 3, 4], "kernel": [3, 5, 7], "skip": [True, False]}
    >>> def evaluate(arch):
    ...     return arch["depth"] - abs(arch["kernel"] - 5) + 0.5 * arch["skip"]
    >>> found = qnas.search(space, evaluate, budget=24)
    >>> found.best
    {'depth': 4, 'kernel': 5, 'skip': True}

    What fails (an exception, NaN, a result that is no number, with workers also a time
    limit and a process that dies) is an evaluation with a reason, and never wins.
    Ctrl-C ends the search and gives back what was found.

    Args:
      space: a `SearchSpace`; choices by name; or a list of choices for each place.
      evaluate: `evaluate(arch)`, a number or a dict of numbers by name. An arch is a
        dict where choices have names, else a tuple. The function may ask for more by
        the names of its parameters: `indices` (op numbers), `seed`, `fidelity`. Or an
        evaluator of `make_evaluator`.
      strategy: a name of `available("strategies")`, or a strategy of your own.
      budget: architectures that are evaluated; one is never evaluated twice.
      key: a seed, or a key of JAX.
      larger_is_better: whether what the function says is to be large.
      score: which metric is improved, where the function gives a dict.
      population: architectures between which the strategy does not learn; None: what
        suits the strategy and the workers.
      options: of the strategy, by name; see `options_of`.
      fidelities: names of the ways to evaluate, the cheapest first, for strategies such
        as `hyperband`; the function takes one as `fidelity`.
      workers: processes that evaluate at the same time; 0: this one does. The function
        has to be one that they can import.
      time_limit: seconds that an evaluation may take, with workers; 0: no limit.
      file: where evaluations are kept as they end. What it knows is not evaluated
        again, so the same call goes on where it was stopped.
      progress: whether a bar is shown; None: on a terminal and in a notebook.

    Returns:
      What was found.

    Raises:
      UserError: something of these does not fit, or no evaluation succeeded.
    """
    choices = Choices.of(space)
    check_count("budget", budget)
    kept = SearchFile(file, choices)
    evaluator = evaluator_of(
        evaluate,
        choices,
        kept,
        score=ScoreOf(score, larger_is_better),
        fidelities=fidelities,
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
        num_fidelities=len(evaluator.fidelities),
    )
    memo = MemoisedEvaluator(evaluator, lambda archs: {})
    with contextlib.closing(memo), shown(budget, progress, memo, kept) as show:
        ended = Loop(Stepper(chosen, key), memo, budget, choices, kept, show).run()
    return checked(SearchResult(choices, memo.history, evaluator.score, ended))


def checked(result: Result) -> Result:
    """The result, unless there is none.

    Raises:
      UserError: no evaluation gave a finite number.
      KeyboardInterrupt: the first one was stopped.
    """
    if result.ended == STOPPED and not len(result):
        raise KeyboardInterrupt
    if result.best_arch is None and result.ended != STOPPED:
        first = result.evaluations[0]
        raise UserError(
            f"search: none of {len(result)} evaluations gave a finite number; the "
            f"first: {first.reason or first.status}"
        )
    return result
