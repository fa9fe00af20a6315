"""All strategies of several objectives by name, and how one is built."""

from qnas_jax.options import Options
from qnas_jax.searching.pareto import front_registers, nsga2, pareto_memory, scalar
from qnas_jax.searching.pareto.strategy import ParetoStrategy
from qnas_jax.searching.spec import StrategySpec, build_strategy

_ROWS = (
    pareto_memory.SPEC,
    front_registers.QBIT_SPEC,
    front_registers.QUDIT_SPEC,
    nsga2.SPEC,
    scalar.PRODUCT_SPEC,
    scalar.RANDOM_SPEC,
)

FRONT_STRATEGIES: dict[str, StrategySpec] = {spec.name: spec for spec in _ROWS}
"""Every strategy of several objectives by its name; `make` takes `num_objectives`."""


def make_front_strategy(
    name: str,
    num_ops: tuple[int, ...],
    *,
    num_objectives: int,
    population: int,
    generations: int,
    options: Options | None = None,
) -> ParetoStrategy:
    """Builds a strategy; equal arguments give the same object.

    Args:
      name: a key of `FRONT_STRATEGIES`.
      num_ops: (K_1, ..., K_L), the number of ops of each layer.
      num_objectives: M, 2 or 3.
      population: P, archs evaluated in one generation.
      generations: G, for strategies whose memories depend on it.
      options: a record `FRONT_STRATEGIES[name].options`; its defaults if None.

    Returns:
      The strategy.

    Raises:
      UserError: an unknown name, another strategy's options, or something that the
        strategy cannot do.
    """
    made = build_strategy(
        FRONT_STRATEGIES,
        name,
        num_ops,
        options,
        num_objectives=num_objectives,
        population=population,
        generations=generations,
    )
    assert isinstance(made, ParetoStrategy)
    return made
