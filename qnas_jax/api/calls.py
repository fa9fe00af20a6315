"""A Python function as an evaluator whose outcomes are kept one by one."""

import functools
import json
import pathlib
import sys
from collections.abc import Callable, Sequence
from multiprocessing.reduction import ForkingPickler
from typing import Any, TypeGuard

from qnas_jax.api.choices import Choices
from qnas_jax.errors import UserError
from qnas_jax.evaluation import Evaluator, ScoreOf
from qnas_jax.evaluation.declared import FORMS, HOST, Declarations
from qnas_jax.evaluation.host_function import HostFunction
from qnas_jax.files import digest
from qnas_jax.user_code.calls import Outcome, UserFunction
from qnas_jax.user_code.kept_outcomes import KeptOutcomes
from qnas_jax.user_code.workers import Workers

_REMEDY = (
    "; they import it as a module, so what starts a search has to stand below "
    'if __name__ == "__main__":'
)


class SearchFile(KeptOutcomes):
    """Outcomes of one space, in a file or in memory only.

    Attributes:
      recent: architectures whose outcome came since `forget`.
      on_outcome: is called after each outcome.
    """

    def __init__(self, path: str | pathlib.Path | None, choices: Choices):
        """Nothing is read yet.

        Args:
          path: the file; None: outcomes are forgotten with the search.
          choices: what is searched; outcomes of others are not found.

        Raises:
          UserError: the path is a folder.
        """
        if path is not None and pathlib.Path(path).is_dir():
            raise UserError(f"file: got {path}, a folder; expected a file")
        super().__init__(None if path is None else pathlib.Path(path))
        self._space = digest(repr(choices.space.choices).encode())[:12]
        self.recent: set[tuple[int, ...]] = set()
        self.on_outcome: Callable[[], object] = lambda: None

    def find(self, name: str) -> Outcome | None:
        """The outcome of a name in this space, if it is known."""
        found = super().find(self._space + name)
        if found is not None:
            self.recent.add(_arch_of(name))
        return found

    def keep(self, name: str, outcome: Outcome) -> None:
        """Adds an outcome."""
        super().keep(self._space + name, outcome)
        self.recent.add(_arch_of(name))
        self.on_outcome()

    def forget(self) -> None:
        """A generation is over: its outcomes have arrived."""
        self.recent.clear()
        if self._path is None:
            self.clear()


def _arch_of(name: str) -> tuple[int, ...]:
    """Op numbers from the name that `HostFunction` gives an evaluation."""
    return tuple(json.loads(name)[HOST.index("indices")])


def evaluator_of(
    evaluate: Callable[..., Any] | Evaluator,
    choices: Choices,
    kept: SearchFile,
    *,
    score: ScoreOf,
    fidelities: Sequence[str],
    workers: int,
    time_limit: float,
) -> Evaluator:
    """Makes an evaluator of a function; one that is one already stays as it is.

    Args:
      evaluate: of an architecture as `choices.decode` writes it.
      choices: what is searched.
      kept: where outcomes are kept.
      score: the metric that is improved, and its direction.
      fidelities: names of the ways to evaluate, the cheapest first.
      workers: processes that evaluate; 0: this one does.
      time_limit: seconds that an evaluation may take there.

    Returns:
      The evaluator, to be closed.

    Raises:
      UserError: it is no function of one argument, other processes cannot have it, or
        score and fidelities are none.
    """
    if _is_evaluator(evaluate):
        return evaluate
    _check_declared(score, fidelities)
    says = Declarations(next(iter(FORMS)), score, tuple(fidelities))
    return _function_evaluator(evaluate, choices, says, kept, workers, time_limit)


def _is_evaluator(evaluate: Any) -> TypeGuard[Evaluator]:
    return hasattr(evaluate, "traceable") and hasattr(evaluate, "fidelities")


def _check_declared(score: ScoreOf, fidelities: Sequence[str]) -> None:
    names = tuple(fidelities)
    name, larger = score
    for what, fits, got, allowed in (
        ("score", isinstance(name, str) and name, name, "the name of a metric"),
        ("larger_is_better", isinstance(larger, bool), larger, "True or False"),
        (
            "fidelities",
            names and all(isinstance(each, str) for each in names),
            fidelities,
            "a list of names, the cheapest first",
        ),
    ):
        if not fits:
            raise UserError(f"{what}: got {got!r}, expected {allowed}")


def _function_evaluator(
    function: Callable[..., Any],
    choices: Choices,
    says: Declarations,
    kept: SearchFile,
    workers: int,
    time_limit: float,
) -> HostFunction:
    called = UserFunction(function, HOST)
    processes = None
    if workers:
        _check_sendable(function)
        make = functools.partial(UserFunction, function, HOST, called.path)
        processes = Workers(make, workers, time_limit, name=called.path, remedy=_REMEDY)
    elif time_limit:
        raise UserError(
            f"time_limit: got {time_limit}, expected 0 where workers is 0, as only a "
            "process can be ended"
        )
    return HostFunction(called, processes, 0, choices.decode, says, kept)


def _check_sendable(function: Callable[..., Any]) -> None:
    """Raises UserError if a process that starts afresh cannot import a function."""
    main = sys.modules["__main__"]
    why = ""
    if getattr(function, "__module__", "") == "__main__" and not hasattr(
        main, "__file__"
    ):
        why = "it was written in an interactive session"
    else:
        try:
            ForkingPickler.dumps(function)
        except Exception as error:
            why = " ".join(str(error).split())
    if why:
        raise UserError(
            f"workers: got a function that other processes cannot import ({why}), "
            "expected one at the top of a module; or workers=0"
        )
