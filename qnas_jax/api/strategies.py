"""A strategy from its name, its options by name, and a budget."""

from collections.abc import Mapping
from typing import Any

from qnas_jax.api.names import chosen, options_by_name
from qnas_jax.errors import UserError
from qnas_jax.options import Options
from qnas_jax.searching import STRATEGIES, Strategy, StrategySpec
from qnas_jax.searching.classical.successive_halving import FidelityOptions
from qnas_jax.searching.pareto import FRONT_STRATEGIES
from qnas_jax.searching.spec import build_strategy

_FEWEST = 256
"""Evaluations that programs have room for at least: searches share them."""


def strategy_for(
    strategy: str | Strategy,
    num_ops: tuple[int, ...],
    *,
    budget: int,
    population: int | None,
    options: Mapping[str, Any] | None,
    workers: int = 0,
    num_fidelities: int = 1,
    num_objectives: int = 1,
) -> Strategy:
    """Builds the strategy of a search.

    Args:
      strategy: a name, or a strategy that is taken as it is.
      num_ops: (K_1, ..., K_L), the number of ops of each layer.
      budget: evaluations.
      population: archs of a generation; None: what suits the strategy and the workers.
      options: of the strategy, by name.
      workers: evaluations at a time.
      num_fidelities: of the evaluator.
      num_objectives: M; more than one: a strategy for fronts.

    Returns:
      The strategy. What it remembers has room for a power of two of evaluations, so
      that searches with other budgets share its program.

    Raises:
      UserError: an unknown name or option, or one that does not fit.
    """
    if isinstance(strategy, Strategy):
        return _own(strategy, num_ops, population, options)
    several = num_objectives > 1
    specs = FRONT_STRATEGIES if several else STRATEGIES
    spec: StrategySpec = chosen("strategy", strategy, specs)
    if population is None:
        population = min(max(spec.population, workers), budget)
    generations = -(-budget // population)
    if spec.grows:
        room = max(_FEWEST, 1 << (budget - 1).bit_length())
        generations = -(-room // population)
    sizes = {"population": population, "generations": generations}
    if several:
        sizes["num_objectives"] = num_objectives
    record = _options(spec, options or {}, num_fidelities)
    return build_strategy(specs, strategy, num_ops, record, **sizes)


def _options(
    spec: StrategySpec, given: Mapping[str, Any], num_fidelities: int
) -> Options:
    if issubclass(spec.options, FidelityOptions):
        given = {"num_fidelities": num_fidelities, **given}
    return options_by_name(spec.options, given, spec.name)


def _own(
    strategy: Strategy,
    num_ops: tuple[int, ...],
    population: int | None,
    options: Mapping[str, Any] | None,
) -> Strategy:
    if strategy.num_ops != num_ops:
        raise UserError(
            f"strategy: got one for {list(strategy.num_ops)} ops, expected "
            f"{list(num_ops)}, those of the space"
        )
    if options or population not in (None, strategy.population):
        raise UserError(
            "strategy: got an object with options or a population beside it, expected "
            "one that has its own"
        )
    return strategy
