"""Options of the architecture search."""

import dataclasses
import functools
import math

from qnas_jax.options import option
from qnas_jax.search.base import Strategy
from qnas_jax.search.classical.cross_entropy import CrossEntropyOptions
from qnas_jax.search.classical.exhaustive import ExhaustiveOptions
from qnas_jax.search.classical.genetic_algorithm import GeneticOptions
from qnas_jax.search.classical.local_search import IMPROVEMENTS
from qnas_jax.search.classical.reinforce import ReinforceOptions
from qnas_jax.search.classical.simulated_annealing import AnnealingOptions
from qnas_jax.search.classical.successive_halving import FidelityOptions
from qnas_jax.search.models.hamiltonian import HamiltonianOptions
from qnas_jax.search.models.predictor import PredictorOptions
from qnas_jax.search.registers.memory_registers import MemoryRegistersOptions
from qnas_jax.search.registers.rotation import RULES
from qnas_jax.search.registers.variations import VariationOptions
from qnas_jax.search.registry import STRATEGIES


@dataclasses.dataclass(frozen=True)
class SearchOptions(
    HamiltonianOptions,
    PredictorOptions,
    AnnealingOptions,
    GeneticOptions,
    ReinforceOptions,
    CrossEntropyOptions,
    FidelityOptions,
    ExhaustiveOptions,
    MemoryRegistersOptions,
    VariationOptions,
):
    """Which strategy searches, for how long, and how it moves its registers."""

    strategy: str = option("memory_registers", "search strategy", choices=STRATEGIES)
    generations: int = option(50, "generations; each evaluates one population", low=1)
    population: int = option(20, "archs evaluated in one generation", low=1)
    rule: str = option(
        "han_kim_2002", "which registers are rotated, and where to", choices=RULES
    )
    angle: float = option(
        0.05 * math.pi, "rotation in radians", above=0.0, high=math.pi / 2
    )
    epsilon: float = option(
        0.01, "least probability of a Q-bit's or register's value", low=0.0, below=0.5
    )
    coupling: float = option(
        0.5, "share of the rotation that entangles neighbours", low=0.0, high=1.0
    )
    mu: float = option(0.9918, "contraction factor of qiga2", above=0.0, below=1.0)
    groups: int = option(4, "groups of individuals that exchange guides", low=1)
    local_migration_every: int = option(
        1, "generations between migrations within groups; 0: never", low=0
    )
    global_migration_every: int = option(
        20, "generations between migrations to all; 0: never", low=0
    )
    parents: int = option(
        20, "living archs of regularized_evolution, at least the population", low=1
    )
    tournament: int = option(
        5, "archs drawn, of which the best becomes a parent", low=1
    )
    improvement: str = option(
        "best", "when local_search moves to a neighbour", choices=IMPROVEMENTS
    )


def make_strategy(num_ops: tuple[int, ...], options: SearchOptions) -> Strategy:
    """Builds the strategy that the options name.

    Args:
      num_ops: (K_1, ..., K_L), the number of ops of each layer.
      options: the options; each strategy reads those that concern it.

    Returns:
      The strategy.

    Raises:
      UserError: a combination that the strategy cannot do.
    """
    return _make_strategy(tuple(num_ops), options)


@functools.lru_cache(maxsize=64)
def _make_strategy(num_ops: tuple[int, ...], options: SearchOptions) -> Strategy:
    """One object for equal arguments, so that its compiled programs are found again."""
    return STRATEGIES[options.strategy].make(num_ops, options)
