"""What is minimised: costs over registers, constraints, instances, files.

In reading order: problem, quadratic (bits), levels (registers), constraints, excluded,
instances, files.
"""

from qnas_jax.optimise.problems.files import read_problem, write_problem
from qnas_jax.optimise.problems.levels import Levels
from qnas_jax.optimise.problems.problem import Diagonal, Problem
from qnas_jax.optimise.problems.quadratic import Quadratic, ising, qubo

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
