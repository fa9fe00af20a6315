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
from collections.abc import Callable, Sequence

from qnas_jax.evaluation.declared import FORMS, HOST, Declarations
from qnas_jax.evaluation.evaluator import Evaluator
from qnas_jax.evaluation.host_function import HostFunction
from qnas_jax.evaluation.jax_function import JaxFunction
from qnas_jax.evaluation.spec import EvaluatorSpec
from qnas_jax.options import OptionError, Options, option
from qnas_jax.spaces import SearchSpace
from qnas_jax.user_code.calls import UserFunction, function_in
from qnas_jax.user_code.files import load_file
from qnas_jax.user_code.kept_outcomes import KeptOutcomes
from qnas_jax.user_code.workers import Workers


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


def _names(space: SearchSpace, arch: Sequence[int]) -> tuple[str, ...]:
    return tuple(names[op] for names, op in zip(space.choices, arch, strict=True))


SPEC = EvaluatorSpec(
    summary="a Python function of yours, JAX or not",
    make=lambda options, parts: load_function(
        options, parts.space, kept=parts.kept_outcomes, should_stop=parts.should_stop
    ),
    group="",
    options=FunctionOptions,
    fidelities=True,
)
