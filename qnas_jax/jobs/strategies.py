"""The strategy of a search: its group of options, and how it is built of them."""

import os
from collections.abc import Sequence

from qnas_jax.jobs.spec import Family
from qnas_jax.options import LARGEST_INT, OptionError, Options, option_group
from qnas_jax.searching import STRATEGIES, SearchOptions, Strategy, make_strategy
from qnas_jax.searching.classical.successive_halving import FidelityOptions
from qnas_jax.searching.history import MemoryOptions

STRATEGY_FAMILY = Family(
    "search.strategy", {name: (name, spec.options) for name, spec in STRATEGIES.items()}
)


def strategy_of(
    search: SearchOptions,
    options: Options,
    num_ops: tuple[int, ...],
    generations: int | None = None,
) -> Strategy:
    """Builds the strategy of a run.

    Args:
      search: which, and how many architectures it proposes.
      options: its own.
      num_ops: (K_1, ..., K_L), the number of ops of each layer.
      generations: how long it searches; None: as `search` says.

    Returns:
      The strategy.

    Raises:
      UserError: it cannot search this space, a population does not fit into memory, or
        options do not fit each other; the line names them as the command line does.
    """
    if generations is None:
        generations = search.generations
    _check_memory(search, options, num_ops, generations)
    with (
        option_group("search", SearchOptions),
        option_group(search.strategy, STRATEGIES[search.strategy].options),
    ):
        return make_strategy(
            search.strategy,
            num_ops,
            population=search.population,
            generations=generations,
            options=options,
        )


def _check_memory(
    search: SearchOptions, options: Options, num_ops: tuple[int, ...], generations: int
) -> None:
    """Raises OptionError if a population or what is remembered cannot fit."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    # Some sixteen numbers of 4 bytes for each choice: registers, guides, observations.
    most = memory // (len(num_ops) * max(num_ops) * 64)
    if search.population > most:
        allowed = f"at most {most}, for which there is memory"
        raise OptionError("search.population", search.population, allowed)
    if isinstance(options, MemoryOptions):
        rows = options.capacity(search.population, generations)
        most = min(memory // ((len(num_ops) + 4) * 8), LARGEST_INT)
        if rows > most:
            allowed = (
                f"1..{most}, for which there is memory (0 stands for all {rows} "
                "evaluations, search.generations x search.population)"
            )
            raise OptionError(f"{search.strategy}.memory", options.memory, allowed)


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
