"""A small Max-Cut problem as a QUBO, minimised by an optimiser of your choice.

Question: does the optimiser find the largest cut of the Petersen graph, 12 of its 15
edges? The QUBO has 10 bits; its cost is minus the number of cut edges.

    python main.py --config=configs/solver_maxcut.py --stage=solve

Other optimisers: `--config.solver.optimiser=grover` (or exhaustive, annealing, ...),
their options `--config.grover.measurements=500`. Your own problem:
`--config.problem.file=my.json`, or a CSV with a square matrix or with rows i,j,value.

Measured (seed 0, JAX 0.10.2): cost -12, the optimum, by each of eight optimisers,
within seconds on 2 CPU cores. Evaluations: annealing 256 shots, grover 860 oracle
calls, exhaustive 1,024, tabu 80,040, qaoa 1.7 million shots (its gradients count).
"""

import ml_collections

from qnas_jax.jobs import default_config


def get_config() -> ml_collections.ConfigDict:
    """The Petersen graph by QAOA."""
    config = default_config("solve")
    config.problem.file = "configs/problems/petersen_maxcut.json"
    config.solver.optimiser = "qaoa"
    return config
