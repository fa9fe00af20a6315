"""Optimisers of costs over registers, quantum and classical.

In reading order: problems/, result, optimiser (what all of them have in common),
registry, and the optimisers: exhaustive, grover, annealing, variational/ (QAOA, VQE),
walks/ (simulated annealing, tabu search, path integral Monte Carlo).
"""

from qnas_jax.optimise.problems import (
    Diagonal,
    Levels,
    Problem,
    Quadratic,
    ising,
    qubo,
    read_problem,
    write_problem,
)
from qnas_jax.optimise.registry import OPTIMISERS, OptimiserSpec
from qnas_jax.optimise.result import Result

__all__ = [
    "OPTIMISERS",
    "Diagonal",
    "Levels",
    "OptimiserSpec",
    "Problem",
    "Quadratic",
    "Result",
    "ising",
    "qubo",
    "read_problem",
    "write_problem",
]
