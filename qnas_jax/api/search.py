"""A search by a Python function, from its first evaluation to its result."""

import contextlib
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeGuard

import jax
import numpy as np

from qnas_jax.api.calls import SearchFile, function_evaluator
from qnas_jax.api.choices import Choices, Space
from qnas_jax.api.result import BUDGET, EXHAUSTED, IDLE, STOPPED, SearchResult
from qnas_jax.api.searcher import METRIC, check_count
from qnas_jax.api.strategies import strategy_for
from qnas_jax.errors import UserError
from qnas_jax.evaluation import Evaluator, MemoisedEvaluator, ScoreOf
from qnas_jax.evaluation.evaluator import ONE_FIDELITY
from qnas_jax.evaluation.function import FORMS, Declarations
from qnas_jax.searching import Strategy
from qnas_jax.searching.stepping import Asked, Stepper

_MOST_IDLE = 200  # generations in a row that bring no new architecture


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
      progress: whether a bar is shown; None: on a terminal.

    Returns:
      What was found.

    Raises:
      UserError: something of these does not fit, or no evaluation succeeded.
    """
    choices = Choices.of(space)
    check_count("budget", budget)
    kept = SearchFile(file, choices)
    if _is_evaluator(evaluate):
        evaluator = evaluate
    else:
        says = _declared(score, larger_is_better, fidelities)
        evaluator = function_evaluator(
            evaluate, choices, says, kept, workers=workers, time_limit=time_limit
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
    with contextlib.closing(memo), _shown(budget, progress, memo, kept) as show:
        ended = _Search(Stepper(chosen, key), memo, budget, choices, kept, show).run()
    return _checked(SearchResult(choices, memo.history, evaluator.score, ended))


class _Search:
    """Generations until something ends them."""

    def __init__(
        self,
        stepper: Stepper,
        memo: MemoisedEvaluator,
        budget: int,
        choices: Choices,
        kept: SearchFile,
        show: Callable[[], object],
    ):
        self._stepper = stepper
        self._memo = memo
        self._budget = budget
        self._size = choices.space.size
        self._kept = kept
        self._show = show
        self._idle = 0

    def run(self) -> str:
        """Evaluates, and says why the search ended."""
        archs = scores = None
        while True:
            asked = self._stepper.ask(archs, scores)
            try:
                archs, scores = self._evaluate(asked, self._within(asked))
            except KeyboardInterrupt:
                self._save(asked)
                return STOPPED
            self._kept.forget()
            self._show()
            if ended := self._ended(asked):
                return ended

    def _within(self, asked: Asked) -> np.ndarray:
        """Places of the generation that the budget still allows for."""
        left = self._budget - len(self._memo.history)
        new: set[tuple[tuple[int, ...], int]] = set()
        fidelities = _fidelities(asked)
        for place, arch in enumerate(map(tuple, asked.archs.tolist())):
            each = arch, fidelities[place]
            if self._memo.history.find(*each) < 0 and each not in new:
                if len(new) == left:
                    return np.arange(place)
                new.add(each)
        return np.arange(len(asked.archs))

    def _evaluate(
        self, asked: Asked, places: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        fidelities = None if asked.fidelities is None else asked.fidelities[places]
        return self._memo(asked.key, asked.archs[places], fidelities)

    def _save(self, asked: Asked) -> None:
        """Adds to the history what ended before the rest was stopped."""
        archs = list(map(tuple, asked.archs.tolist()))
        ended = [place for place, arch in enumerate(archs) if arch in self._kept.recent]
        if ended:
            self._evaluate(asked, np.asarray(ended))

    def _ended(self, asked: Asked) -> str:
        """Why no generation is to follow; "": one is."""
        history = self._memo.history
        if len(history) >= self._budget:
            return BUDGET
        if asked.fidelities is None and len(history) >= self._size:
            return EXHAUSTED
        self._idle = 0 if self._memo.fresh else self._idle + 1
        return IDLE if self._idle >= _MOST_IDLE else ""


def _fidelities(asked: Asked) -> list[int]:
    """As the history has them."""
    if asked.fidelities is None:
        return [-1] * len(asked.archs)
    found: list[int] = asked.fidelities.tolist()
    return found


def _is_evaluator(evaluate: Any) -> TypeGuard[Evaluator]:
    return hasattr(evaluate, "traceable") and hasattr(evaluate, "fidelities")


def _declared(
    score: Any, larger_is_better: Any, fidelities: Sequence[str]
) -> Declarations:
    names = tuple(fidelities)
    for name, fits, got, allowed in (
        ("score", isinstance(score, str) and score, score, "the name of a metric"),
        (
            "larger_is_better",
            isinstance(larger_is_better, bool),
            larger_is_better,
            "True or False",
        ),
        (
            "fidelities",
            names and all(isinstance(each, str) for each in names),
            fidelities,
            "a list of names, the cheapest first",
        ),
    ):
        if not fits:
            raise UserError(f"{name}: got {got!r}, expected {allowed}")
    return Declarations(next(iter(FORMS)), ScoreOf(score, larger_is_better), names)


@contextlib.contextmanager
def _shown(
    budget: int, progress: bool | None, memo: MemoisedEvaluator, kept: SearchFile
) -> Iterator[Callable[[], object]]:
    """A bar of evaluations; yields what is called after each generation."""
    from tqdm import tqdm

    disable = None if progress is None else not progress
    with tqdm(total=budget, desc="search", disable=disable, leave=False) as bar:
        best = -np.inf

        def show() -> None:
            nonlocal best
            best = max([best, *(row.score for row in memo.fresh)])
            bar.update(len(memo.history) - bar.n)
            if np.isfinite(best):
                sign = 1 if memo.score.larger_is_better else -1
                bar.set_postfix_str(f"best {sign * best:.4g}", refresh=False)

        kept.on_outcome = bar.update
        yield show


def _checked(result: SearchResult) -> SearchResult:
    """The result, unless there is none."""
    if result.ended == STOPPED and not len(result):
        raise KeyboardInterrupt
    if result.best_arch is None and result.ended != STOPPED:
        first = result.evaluations[0]
        raise UserError(
            f"search: none of {len(result)} evaluations gave a finite number; the "
            f"first: {first.reason or first.status}"
        )
    return result
