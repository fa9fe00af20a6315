"""A function of the user's as an evaluator: `--config.evaluator.file=mine.py`.

The file defines `evaluate` (or what `callable` names), JAX or not:

    def evaluate(arch):               # a tuple of op names, such as ("conv3", "skip")
        return train_somehow(arch)    # a number, or a dict of numbers by name

and may ask for more by the names of its parameters: `indices` (op numbers, a tuple of
ints), `seed` (an int below 2**32, the same whenever and wherever this architecture is
evaluated in a search), `fidelity` (one of `FIDELITIES`). What it returns are metrics;
upper-case names in the file say what they mean:

    SCORE = "accuracy"          the metric that is improved, of a dict; a number is it
    LARGER_IS_BETTER = False    if it is to be small; else it is to be large
    FIDELITIES = ("1", "10")    ways to evaluate, the cheapest first
    FORM = "population"         `evaluate(archs)` is asked about P at once: archs is a
                                list of tuples, likewise `indices`, `seed`, `fidelity`;
                                metrics are P numbers each
    FORM = "jax"                `evaluate(archs)` is JAX: archs int32 [P, L], metrics
                                are arrays [P]; besides, `key` and `fidelity` (int32
                                [P], places in FIDELITIES) are given where they are
                                named; it runs inside compiled programs

With `workers` above 0 the function runs in so many processes, each architecture in one
of them. An exception, a process that dies, a time limit that is over, a result that is
no number: the evaluation failed, the history says why, and the search goes on.
"""

import dataclasses
import functools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.evaluation.evaluator import (
    ONE_FIDELITY,
    Compiled,
    Evaluated,
    Evaluator,
    ScoreOf,
    finite_status,
)
from qnas_jax.evaluation.spec import EvaluatorSpec
from qnas_jax.options import OptionError, Options, option
from qnas_jax.spaces import SearchSpace
from qnas_jax.status import Status
from qnas_jax.stopping import Stopped
from qnas_jax.user_code.calls import Outcome, UserFunction, function_in
from qnas_jax.user_code.files import describe_error, load_file
from qnas_jax.user_code.kept_outcomes import KeptOutcomes
from qnas_jax.user_code.workers import Call, Workers

HOST = ("indices", "seed", "fidelity")
FORMS = {"architecture": HOST, "population": HOST, "jax": ("key", "fidelity")}
"""What a file may declare as `FORM`, and the parameters that a function of that form
may have besides its first one. The first form is the default."""


@dataclasses.dataclass(frozen=True)
class FunctionOptions(Options):
    """A function of the user's, and how it is run.

    Raises:
      OptionError: a value is not allowed.
    """

    file: str = option("", "Python file of yours that defines the evaluator")
    callable: str = option("evaluate", "name of the function in that file")
    workers: int = option(
        0, "processes that evaluate at the same time; 0: none but this one", low=0
    )
    retries: int = option(0, "how often a failed evaluation is tried again", low=0)
    time_limit: float = option(
        0.0, "seconds an evaluation may take, with workers; 0: no limit", low=0
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.time_limit and not self.workers:
            allowed = "0 where workers is 0, as only a process can be ended"
            raise OptionError("time_limit", self.time_limit, allowed)


def load_function(
    options: FunctionOptions,
    space: SearchSpace,
    *,
    kept: KeptOutcomes | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Evaluator:
    """Runs the file and makes an evaluator of its function.

    Args:
      options: which function, and how it is run.
      space: what architectures are of.
      kept: where the outcomes of single architectures are kept, and looked for.
      should_stop: asked before each of these, if they are kept.

    Returns:
      The evaluator.

    Raises:
      OptionError: no file is named, or its form does not go with workers.
      MissingFileError: there is no such file.
      UserError: a mistake in the file; the line names its place.
    """
    if not options.file:
        raise OptionError("file", "", "a Python file of yours")
    module, offered = load_file(options.file), (*HOST, "key")
    found = function_in(module, options.file, options.callable)
    function = UserFunction(found, offered, options.file)
    says = Declarations.of(vars(module), options.file)
    function.check_wants(FORMS[says.form])
    if says.form == "jax":
        if options.workers:
            raise OptionError("workers", options.workers, "0 where FORM is jax")
        return JaxFunction(function, says.score, says.fidelities)
    workers = None
    if options.workers:
        make = functools.partial(
            UserFunction.read, options.file, options.callable, offered
        )
        count, limit = options.workers, options.time_limit
        workers = Workers(make, count, limit, name=options.file)
    decode = functools.partial(_names, space)
    return HostFunction(
        function, workers, options.retries, decode, says, kept, should_stop
    )


@dataclasses.dataclass(frozen=True)
class Declarations:
    """What a user says of a function.

    Attributes:
      form: a key of `FORMS`.
      score: which metric is improved.
      fidelities: names of the ways to evaluate, the cheapest first.
    """

    form: str
    score: ScoreOf
    fidelities: tuple[str, ...]

    @classmethod
    def of(cls, names: Mapping[str, Any], file: str) -> "Declarations":
        """Reads the upper-case names of a file; UserError for values of no sense."""
        form = names.get("FORM", next(iter(FORMS)))
        metric = names.get("SCORE", "score")
        larger = names.get("LARGER_IS_BETTER", True)
        fidelities = names.get("FIDELITIES", ONE_FIDELITY)
        is_list = isinstance(fidelities, tuple | list) and len(fidelities) > 0
        for name, fits, allowed in (
            (
                "FORM",
                isinstance(form, str) and form in FORMS,
                f"one of {', '.join(FORMS)}",
            ),
            ("SCORE", isinstance(metric, str) and metric, "the name of a metric"),
            ("LARGER_IS_BETTER", isinstance(larger, bool), "True or False"),
            (
                "FIDELITIES",
                is_list and all(isinstance(each, str) for each in fidelities),
                "a tuple of strings",
            ),
        ):
            if not fits:
                got = repr(names[name])
                raise UserError(f"{file}: {name}: got {got}, expected {allowed}")
        return cls(form, ScoreOf(metric, larger), tuple(fidelities))


class JaxFunction(Compiled):
    """A function in JAX.

    Attributes:
      score: which metric is improved.
      fidelities: names, the cheapest first.
    """

    def __init__(
        self, function: UserFunction, score: ScoreOf, fidelities: tuple[str, ...]
    ):
        self._give = function.give
        self._path = function.path
        self._function = jax.jit(function.function)
        self.score = score
        self.fidelities = fidelities

    def __call__(self, key: jax.Array, archs: Any, fidelities: Any = None) -> Evaluated:
        """Metrics of archs int32 [P, L]; a mistake in the code is a UserError."""
        archs = jnp.asarray(archs, jnp.int32)
        if fidelities is None:
            fidelities = jnp.full(len(archs), len(self.fidelities) - 1, jnp.int32)
        more = self._give({"key": key, "fidelity": fidelities})
        try:
            result = self._function(archs, **more)
        except Exception as error:
            raise UserError(describe_error(error, self._path)) from error
        named = result if isinstance(result, Mapping) else {self.score.metric: result}
        metrics = {
            name: jnp.asarray(values, jnp.float32) for name, values in named.items()
        }
        shapes = {values.shape for values in metrics.values()}
        if self.score.metric not in metrics or shapes != {(len(archs),)}:
            got = {name: values.shape for name, values in metrics.items()}
            raise UserError(
                f"{self._path}: got metrics {got}, expected ({len(archs)},) each, and "
                f" {self.score.metric!r} among them"
            )
        return Evaluated(metrics, finite_status(metrics))


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


def _names(space: SearchSpace, arch: Sequence[int]) -> tuple[str, ...]:
    return tuple(names[op] for names, op in zip(space.choices, arch, strict=True))


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


SPEC = EvaluatorSpec(
    summary="a Python function of yours, JAX or not",
    make=lambda options, parts: load_function(
        options, parts.space, kept=parts.kept_outcomes, should_stop=parts.should_stop
    ),
    group="",
    options=FunctionOptions,
    fidelities=True,
)
