"""A cost Hamiltonian fitted to a finished search, and its lowest architectures.

Question: which architectures does a quadratic model of all evaluations expect to be
best, and were they evaluated? Run the search first (any configuration):

    python main.py --config=configs/digits.py --workdir=runs/digits
    python main.py --config=configs/solver_history.py --stage=solve

The layers' ops become bits: as binary codes (`problem.encoding=binary`, for optimisers
that hold all 2^n costs as well), or as one bit an op with a penalty (`one_hot`, for
`simulated_annealing`, `path_integral` and `tabu` on spaces of any size).

Measured (seed 0, a former digits run, searched by accuracy and without a budget, of 274
evaluations: the present one has other scores): simulated_annealing and tabu
find [5, 4, 2, 3, 0] with a predicted score of 0.978, which was not evaluated (the best
that was: 0.961); grover on binary codes finds the same; path_integral stops at 0.953.
"""

import ml_collections

from qnas_jax.jobs import default_config


def get_config() -> ml_collections.ConfigDict:
    """The history of the digits run by simulated annealing."""
    config = default_config("solve")
    config.problem.file = "runs/digits/search/history.jsonl"
    config.problem.encoding = "one_hot"
    config.solver.optimiser = "simulated_annealing"
    return config
