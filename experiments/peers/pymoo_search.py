"""pymoo's NSGA-II as a peer: integer genes, on a table of objectives.

It runs on the host, one search after the other. What is compared is the hypervolume
after a number of evaluations. Its sorting, crowding, tournaments, survival and
elimination of duplicates (against the population) are its own, and so is its uniform
crossover; mutation gives genes another op, since ops have no order that its own
operators for integers could follow.

Sources: Blank & Deb, pymoo: Multi-objective optimization in Python, IEEE Access 8
(2020); Deb, Pratap, Agarwal & Meyarivan, IEEE TEVC 6 (2002).
"""

from collections.abc import Sequence

import numpy as np

try:
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.mutation import Mutation
    from pymoo.core.problem import Problem
    from pymoo.operators.crossover.ux import UniformCrossover
    from pymoo.operators.sampling.rnd import IntegerRandomSampling
    from pymoo.optimize import minimize
except ImportError as error:  # pragma: no cover
    raise ImportError(
        "pymoo is not installed; install the extra: pip install -e '.[peers]'"
    ) from error


class OtherOp(Mutation):
    """Each gene gets another op with the chance 1 / L, as in ours."""

    def _do(
        self, problem: Problem, values: np.ndarray, random_state: object, **_: object
    ) -> np.ndarray:
        assert isinstance(random_state, np.random.Generator)
        counts = np.asarray(problem.xu) + 1
        steps = random_state.integers(1, np.maximum(counts, 2), values.shape)
        hit = random_state.random(values.shape) < 1 / values.shape[1]
        return np.where(hit, (values + steps) % counts, values)


class TableProblem(Problem):
    """A table of objectives, minimised, that keeps what was asked for."""

    def __init__(self, objectives: np.ndarray) -> None:
        """Takes the objectives of all archs, [K_1, ..., K_L, M], maximised."""
        *num_ops, number = objectives.shape
        super().__init__(
            n_var=len(num_ops), n_obj=number, xl=0, xu=np.array(num_ops) - 1, vtype=int
        )
        self.objectives = objectives
        self.seen: list[np.ndarray] = []

    def _evaluate(
        self, x: np.ndarray, out: dict[str, np.ndarray], *args: object, **kw: object
    ) -> None:
        del args, kw
        self.seen.append(x.astype(np.int32))
        out["F"] = -self.objectives[tuple(self.seen[-1].T)]


def pymoo_search(
    objectives: np.ndarray, evaluations: int, seed: int, *, population: int = 20
) -> np.ndarray:
    """Runs one search.

    Args:
      objectives: of every arch, [K_1, ..., K_L, M], maximised.
      evaluations: E, a multiple of the population.
      seed: equal seeds give equal searches.
      population: P.

    Returns:
      Archs int32 [E, L] as evaluated.
    """
    problem = TableProblem(objectives)
    algorithm = NSGA2(
        pop_size=population,
        sampling=IntegerRandomSampling(),
        crossover=UniformCrossover(prob=0.9),
        mutation=OtherOp(),
        eliminate_duplicates=True,
    )
    minimize(problem, algorithm, ("n_eval", evaluations), seed=seed, verbose=False)
    return np.concatenate(problem.seen)[:evaluations]


def pymoo_searches(
    objectives: np.ndarray,
    evaluations: int,
    seeds: Sequence[int],
    *,
    population: int = 20,
) -> np.ndarray:
    """Runs one search of each seed; archs int32 [S, E, L], see `pymoo_search`."""
    return np.stack(
        [
            pymoo_search(objectives, evaluations, seed, population=population)
            for seed in seeds
        ]
    )
