"""All strategies by name, which one a run uses, and how it is built."""

import dataclasses

from qnas_jax.options import Options, option
from qnas_jax.searching.base import Strategy
from qnas_jax.searching.classical import (
    cross_entropy,
    exhaustive,
    genetic_algorithm,
    hyperband,
    local_search,
    one_plus_lambda,
    pbil,
    random_search,
    regularized_evolution,
    reinforce,
    simulated_annealing,
    successive_halving,
)
from qnas_jax.searching.models import hamiltonian, predictor
from qnas_jax.searching.registers import (
    bqnas_released,
    entangled,
    memory_registers,
    qbit,
    qiga1,
    qiga2,
    qudit,
)
from qnas_jax.searching.spec import StrategySpec, build_strategy

_ROWS = (
    qbit.SPEC,
    qudit.SPEC,
    entangled.SPEC,
    memory_registers.SPEC,
    qiga1.SPEC,
    qiga2.SPEC,
    bqnas_released.SPEC,
    hamiltonian.SPEC,
    predictor.SPEC,
    regularized_evolution.SPEC,
    local_search.SPEC,
    one_plus_lambda.SPEC,
    simulated_annealing.SPEC,
    genetic_algorithm.SPEC,
    reinforce.SPEC,
    cross_entropy.SPEC,
    pbil.SPEC,
    successive_halving.SPEC,
    hyperband.SPEC,
    exhaustive.SPEC,
    random_search.SPEC,
)

STRATEGIES: dict[str, StrategySpec] = {spec.name: spec for spec in _ROWS}
"""Every strategy by its name: flag choices, conformance tests and tables."""


@dataclasses.dataclass(frozen=True)
class SearchOptions(Options):
    """Which strategy searches, and for how long; its own options are in its record."""

    strategy: str = option("memory_registers", "search strategy", choices=STRATEGIES)
    generations: int = option(50, "generations; each evaluates one population", low=1)
    population: int = option(20, "archs evaluated in one generation", low=1)


def make_strategy(
    name: str,
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: Options | None = None,
) -> Strategy:
    """Builds a strategy; equal arguments give the same object.

    Its functions are pure, on states that are pytrees:

    >>> import jax, qnas_jax as qnas
    >>> strategy = qnas.make_strategy("random", (3,) * 4, population=8, generations=5)
    >>> state = strategy.init(jax.random.key(0))
    >>> archs = strategy.ask(jax.random.key(1), state)  # int32 [P, L]
    >>> state = strategy.tell(state, archs, archs.sum(axis=-1).astype("float32"))
    >>> archs.shape
    (8, 4)

    Args:
      name: a key of `STRATEGIES`.
      num_ops: (K_1, ..., K_L), the number of ops of each layer.
      population: P, archs evaluated in one generation.
      generations: G, for strategies whose schedules or memories depend on it.
      options: a record `STRATEGIES[name].options`; its defaults if None.

    Returns:
      The strategy.

    Raises:
      UserError: an unknown name, another strategy's options, or something that the
        strategy cannot do.
    """
    sizes = {"population": population, "generations": generations}
    return build_strategy(STRATEGIES, name, num_ops, options, **sizes)


def strategy_table() -> str:
    """The table of all strategies in Markdown, as the README shows it."""
    columns = ("name", "acts by", "how it works", "good for", "source")
    head = f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}\n"
    return head + "".join(
        f"| `{spec.name}` | {spec.acts_by} | {spec.summary} | {spec.good_for} | "
        f"{spec.paper} |\n"
        for spec in _ROWS
    )
