"""The groups of options of the strategies, one of which a search reads."""

from collections.abc import Sequence

from qnas_jax.jobs.spec import Family
from qnas_jax.options import OptionError, Options
from qnas_jax.search import STRATEGIES
from qnas_jax.search.classical.successive_halving import FidelityOptions

STRATEGY_FAMILY = Family(
    "search.strategy", {name: (name, spec.options) for name, spec in STRATEGIES.items()}
)


def check_fidelities(
    name: str, options: Options, fidelities: Sequence[str], whose: str
) -> None:
    """Checks that a strategy counts the fidelities that there are.

    Args:
      name: of the strategy.
      options: its options.
      fidelities: those that architectures can be evaluated at.
      whose: what has them, for the error.

    Raises:
      OptionError: the strategy counts others.
    """
    there = len(fidelities)
    if isinstance(options, FidelityOptions) and options.num_fidelities != there:
        raise OptionError(
            f"{name}.num_fidelities",
            options.num_fidelities,
            f"{there}, those of {whose}",
        )
