"""The evaluators by name."""

import dataclasses

from qnas_jax.evaluation.evaluator import Evaluator
from qnas_jax.evaluation.function import SPEC as FUNCTION
from qnas_jax.evaluation.function import FunctionOptions
from qnas_jax.evaluation.proxies.proxy_evaluator import SPEC as PROXY
from qnas_jax.evaluation.recorded import SPEC as RECORDED
from qnas_jax.evaluation.spec import EvaluatorSpec, Parts
from qnas_jax.evaluation.supernet import SPEC as SUPERNET
from qnas_jax.evaluation.tables.table_evaluator import SPEC as TABLE
from qnas_jax.evaluation.trained import SPEC as TRAIN
from qnas_jax.options import OptionError, Options, option, option_group

EVALUATORS: dict[str, EvaluatorSpec] = {
    "supernet": SUPERNET,
    "train": TRAIN,
    "table": TABLE,
    "proxy": PROXY,
    "function": FUNCTION,
    "recorded": RECORDED,
}


@dataclasses.dataclass(frozen=True)
class EvaluatorOptions(FunctionOptions):
    """What scores the architectures of a search."""

    name: str = option("supernet", "what scores architectures", choices=EVALUATORS)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.name == "function" and not self.file:
            raise OptionError("file", "", "a Python file where name is function")


def make_evaluator(
    chosen: EvaluatorOptions, options: Options, parts: Parts
) -> Evaluator:
    """Builds the evaluator of a run.

    Args:
      chosen: which, and what a function of the user's is told.
      options: those of its own group, see `EvaluatorSpec.group`.
      parts: what it may be made of.

    Returns:
      The evaluator.

    Raises:
      UserError: it cannot be made of what the user gave; options are named with their
        group.
    """
    spec = EVALUATORS[chosen.name]
    with option_group(spec.group or "evaluator", spec.options):
        return spec.make(options if spec.group else chosen, parts)
