"""Search for several objectives at once: dominance, archives, strategies, the loop.

Objectives are maximised; a cost enters as its negative.
"""

from qnas_jax.searching.pareto.archive import Archive, empty_archive, insert
from qnas_jax.searching.pareto.dominance import front_ranks, on_front
from qnas_jax.searching.pareto.hypervolume import contributions, hypervolume
from qnas_jax.searching.pareto.known_costs import (
    AdditiveCosts,
    KnownCosts,
    ListedCosts,
)
from qnas_jax.searching.pareto.loop import (
    FrontState,
    FrontStep,
    Points,
    front_seeds,
    host_fronts,
    scan_fronts,
    start_front,
)
from qnas_jax.searching.pareto.registry import FRONT_STRATEGIES, make_front_strategy
from qnas_jax.searching.pareto.scalar import weighted_product
from qnas_jax.searching.pareto.strategy import ParetoStrategy

__all__ = [
    "FRONT_STRATEGIES",
    "AdditiveCosts",
    "Archive",
    "FrontState",
    "FrontStep",
    "KnownCosts",
    "ListedCosts",
    "ParetoStrategy",
    "Points",
    "contributions",
    "empty_archive",
    "front_ranks",
    "front_seeds",
    "host_fronts",
    "hypervolume",
    "insert",
    "make_front_strategy",
    "on_front",
    "scan_fronts",
    "start_front",
    "weighted_product",
]
