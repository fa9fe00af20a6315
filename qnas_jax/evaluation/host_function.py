"""A user's function in plain Python as an evaluator, here or in processes."""

import dataclasses
import json
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from qnas_jax.evaluation.declared import HOST, Declarations
from qnas_jax.evaluation.evaluator import Evaluated
from qnas_jax.status import Status
from qnas_jax.stopping import Stopped
from qnas_jax.user_code.calls import Outcome, UserFunction
from qnas_jax.user_code.kept_outcomes import KeptOutcomes
from qnas_jax.user_code.workers import Call, Workers


class HostFunction:
    """A function in plain Python, run here or in processes of its own.

    Attributes:
      score: which metric is improved.
      fidelities: names, the cheapest first.
    """

    traceable = False

    def __init__(
        self,
        function: UserFunction,
        workers: Workers | None,
        retries: int,
        decode: Callable[[Sequence[int]], Any],
        says: Declarations,
        kept: KeptOutcomes | None,
        should_stop: Callable[[], bool] = lambda: False,
    ):
        """Nothing is called yet.

        Args:
          function: the function.
          workers: processes that call it; None: this one does.
          retries: how often a failed evaluation is tried again.
          decode: what the function gets of an architecture of op numbers.
          says: what the user says of it.
          kept: where outcomes are kept, and looked for.
          should_stop: asked before each evaluation, if they are kept.
        """
        self._function = function
        self._workers = workers
        self._retries = retries
        self._decode = decode
        self._kept = kept
        self._should_stop = should_stop
        self._together = says.form == "population"
        self.score = says.score
        self.fidelities = says.fidelities

    def __call__(self, key: jax.Array, archs: Any, fidelities: Any = None) -> Evaluated:
        """Metrics of archs int32 [P, L]; never an exception of the user's code."""
        archs = np.asarray(archs)
        if fidelities is None:
            fidelities = [len(self.fidelities) - 1] * len(archs)
        first: list[Any] = []
        more: dict[str, list[Any]] = {name: [] for name in HOST}
        for arch, place in zip(archs.tolist(), np.asarray(fidelities), strict=True):
            first.append(self._decode(arch))
            more["indices"].append(tuple(arch))
            more["seed"].append(_seed(key, arch))
            more["fidelity"].append(self.fidelities[place])
        if self._together:
            (outcome,) = self._answer([(first, more, len(archs))])
            return self._read([_part(outcome, row) for row in range(len(archs))])
        calls: list[Call] = [
            (arch, {name: values[row] for name, values in more.items()}, None)
            for row, arch in enumerate(first)
        ]
        return self._read(self._answer_unknown(calls))

    def close(self) -> None:
        """Ends the processes, if there are any."""
        if self._workers is not None:
            self._workers.close()

    def _answer_unknown(self, calls: Sequence[Call]) -> list[Outcome]:
        """Answers those calls whose outcomes are not kept, and keeps each of them."""
        kept = self._kept
        if kept is None:
            return self._answer(calls)
        # A seed is of a generation; whoever does not ask for it has one answer.
        about = [each for each in HOST if each != "seed" or self._function.wants(each)]
        names = [json.dumps([rest[name] for name in about]) for _, rest, _ in calls]
        known = [kept.find(name) for name in names]
        open_ = [place for place, outcome in enumerate(known) if outcome is None]

        def tell(number: int, outcome: Outcome) -> None:
            kept.keep(names[open_[number]], outcome)

        stop = self._should_stop
        found = iter(self._answer([calls[place] for place in open_], tell, stop))
        return [next(found) if outcome is None else outcome for outcome in known]

    def _answer(
        self,
        calls: Sequence[Call],
        tell: Callable[[int, Outcome], object] = lambda number, outcome: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> list[Outcome]:
        if self._workers is not None:
            return self._workers.run(
                calls, self._retries, tell=tell, should_stop=should_stop
            )
        outcomes = []
        for number, call in enumerate(calls):
            if should_stop():
                raise Stopped
            outcomes.append(self._call(call))
            tell(number, outcomes[-1])
        return outcomes

    def _call(self, call: Call) -> Outcome:
        for _ in range(self._retries):
            outcome = self._function(*call)
            if outcome.status != Status.ERROR:
                return outcome
        return self._function(*call)

    def _read(self, outcomes: Sequence[Outcome]) -> Evaluated:
        """Columns of what came back, row by row."""
        outcomes = [_checked(outcome, self.score.metric) for outcome in outcomes]
        names = dict.fromkeys([self.score.metric])
        for outcome in outcomes:
            names.update(dict.fromkeys(outcome.metrics))
        metrics = {
            name: [outcome.metrics.get(name, np.nan) for outcome in outcomes]
            for name in names
        }
        return Evaluated(
            metrics={name: _column(values) for name, values in metrics.items()},
            status=np.asarray([outcome.status for outcome in outcomes], np.int32),
            costs={"seconds": _column([outcome.seconds for outcome in outcomes])},
            reasons=tuple(outcome.reason for outcome in outcomes),
        )


def _seed(key: jax.Array, arch: Sequence[int]) -> int:
    """A number that depends on the key and the architecture alone."""
    words = [*np.asarray(jax.random.key_data(key)).ravel().tolist(), *arch]
    return int(np.random.SeedSequence(words).generate_state(1)[0])


def _part(outcome: Outcome, row: int) -> Outcome:
    """What an outcome of P architectures says of one; time is shared evenly."""
    metrics = {name: values[row] for name, values in outcome.metrics.items()}
    return dataclasses.replace(outcome, metrics=metrics)


def _checked(outcome: Outcome, score: str) -> Outcome:
    """An outcome that has a score, or the reason why it has none."""
    if outcome.status != Status.OK:
        return outcome
    metrics = {
        name or score: float(_float32(value)) for name, value in outcome.metrics.items()
    }
    if score not in metrics:
        reason = f"got metrics {', '.join(metrics)}, expected {score!r} among them"
        return dataclasses.replace(
            outcome, status=Status.WRONG_RESULT, metrics={}, reason=reason
        )
    bad = [name for name, value in metrics.items() if not np.isfinite(value)]
    if bad:
        return dataclasses.replace(
            outcome,
            status=Status.NON_FINITE,
            metrics=metrics,
            reason=f"{bad[0]} is {metrics[bad[0]]}",
        )
    return dataclasses.replace(outcome, metrics=metrics)


def _float32(values: Any) -> np.ndarray:
    with np.errstate(over="ignore"):  # What is too large is infinite.
        return np.asarray(values).astype(np.float32)


def _column(values: Sequence[float]) -> np.ndarray:
    return _float32(values)
