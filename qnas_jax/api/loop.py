"""Generations of a search by an evaluator, until something ends them."""

import contextlib
import sys
from collections.abc import Callable, Iterator

import numpy as np

from qnas_jax.api.calls import SearchFile
from qnas_jax.api.choices import Choices
from qnas_jax.api.result import BUDGET, EXHAUSTED, IDLE, STOPPED
from qnas_jax.evaluation import MemoisedEvaluator
from qnas_jax.runs import draws_bars
from qnas_jax.searching.stepping import Asked, Stepper

_SHORT = 1.0  # seconds; a search that is shorter shows no bar
_MOST_IDLE = 200  # generations in a row that bring no new architecture


class Loop:
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
        """Nothing is asked for yet.

        Args:
          stepper: the search.
          memo: evaluates.
          budget: evaluations.
          choices: what is searched.
          kept: outcomes of the present generation, if functions are evaluated.
          show: is called after each generation.
        """
        self._stepper = stepper
        self._memo = memo
        self._budget = budget
        self._size = choices.space.size
        self._kept = kept
        self._show = show
        self._idle = 0

    def run(self) -> str:
        """Evaluates, and says why the search ended."""
        archs = scores = asked = None
        try:
            while True:
                asked = self._stepper.ask(archs, scores)
                archs, scores = self._evaluate(asked, self._within(asked))
                self._kept.forget()
                self._show()
                if ended := self._ended(asked):
                    return ended
        except KeyboardInterrupt:
            if asked is not None:
                self._save(asked)
            return STOPPED

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
        """Archs [N, L] at these places, and what the strategy is told of them."""
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


@contextlib.contextmanager
def shown(
    budget: int, progress: bool | None, memo: MemoisedEvaluator, kept: SearchFile
) -> Iterator[Callable[[], object]]:
    """A bar of evaluations; yields what is called after each generation."""
    from tqdm import tqdm

    disable = not (draws_bars(sys.stderr) if progress is None else progress)
    with tqdm(
        total=budget, desc="search", disable=disable, leave=False, delay=_SHORT
    ) as bar:
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
