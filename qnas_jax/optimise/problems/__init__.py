"""What is minimised: costs over bits or registers, constraints, instances, files."""

from qnas_jax.optimise.problems.files import read_problem, write_problem
from qnas_jax.optimise.problems.problem import (
    Diagonal,
    Levels,
    Problem,
    Quadratic,
    ising,
    qubo,
)

__all__ = [
    "Diagonal",
    "Levels",
    "Problem",
    "Quadratic",
    "ising",
    "qubo",
    "read_problem",
    "write_problem",
]
