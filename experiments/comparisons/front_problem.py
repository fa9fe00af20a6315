"""Two objectives of a benchmark, their exact front, and how much of it was found.

What a search found is the hypervolume of all that it evaluated, as a share of that of
the exact front. The reference point is that of the exact front: a tenth of its range
behind its worst accuracy and its largest latency, where archs that learn little (below
twice the worst accuracy) do not count; the fastest arch is one of those, which would
make the range of accuracies ten times as large and every front look perfect.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.evaluation.tables import ObjectiveLookup, Table, table_objectives
from qnas_jax.searching.pareto import hypervolume

BUDGETS = (20, 50, 100, 150, 200, 300, 400, 500)
REFERENCES = ("front", "table")
"""Behind the exact front, or the worst accuracy and latency of the table."""
_MARGIN = 0.1


@dataclasses.dataclass(frozen=True)
class Problem:
    """A table with two objectives and its exact front.

    Attributes:
      name: of data set and device.
      num_ops: (K_1, ..., K_L).
      lookup: what is searched.
      points: float64 [N, 2], all archs: accuracy and negative latency.
      front: float64 [F, 2], the exact front, without archs that learn little where the
        reference lies behind it.
      reference: float64 [2].
      target: the geometric mean latency of the front, for weighted products.
    """

    name: str
    num_ops: tuple[int, ...]
    lookup: ObjectiveLookup
    points: np.ndarray
    front: np.ndarray
    reference: np.ndarray
    target: float

    @classmethod
    def of(
        cls, known: Table, device: str, name: str, reference: str = "front"
    ) -> "Problem":
        """The problem of a table and a device; the reference is one of `REFERENCES`."""
        points = table_objectives(known, ("accuracy", f"latency_ms/{device}"))
        front = exact_front(points)
        worst, best = points.min(axis=0), points.max(axis=0)
        if reference == "front":
            front = front[front[:, 0] >= 2 * points[:, 0].min()]
            worst, best = front.min(axis=0), front.max(axis=0)
        return cls(
            name=name,
            num_ops=known.num_ops,
            lookup=ObjectiveLookup(points.T.astype(np.float32), known.space),
            points=points,
            front=front,
            reference=worst - _MARGIN * (best - worst) * (reference == "front"),
            target=float(np.exp(np.log(-front[:, 1]).mean())),
        )

    def scaled(self, points: np.ndarray) -> np.ndarray:
        """Points [..., 2] with the reference at 0 and the front's best at 1."""
        span = self.front.max(axis=0) - self.reference
        return ((points - self.reference) / span).astype(np.float32)


def exact_front(points: np.ndarray) -> np.ndarray:
    """The points of [N, 2] that nothing dominates, the most accurate last."""
    order = np.lexsort((-points[:, 0], -points[:, 1]))
    best = np.maximum.accumulate(points[order, 0])
    return points[order[np.diff(best, prepend=-np.inf) > 0]]


@jax.jit
def _volumes(points: jax.Array) -> jax.Array:
    """Hypervolumes [S, B] of scaled points [S, E, 2] after each budget."""
    place = jnp.arange(points.shape[1])

    def of_one(points: jax.Array, budget: jax.Array) -> jax.Array:
        seen = jnp.where((place < budget)[:, None], points, -jnp.inf)
        return hypervolume(seen, jnp.zeros(2))

    budgets = jnp.asarray(BUDGETS)
    return jax.vmap(jax.vmap(of_one, in_axes=(None, 0)), in_axes=(0, None))(
        points, budgets
    )


def shares(problem: Problem, points: np.ndarray) -> np.ndarray:
    """Shares [S, B] of the exact front's hypervolume, of points [S, E, 2]."""
    exact = hypervolume(jnp.asarray(problem.scaled(problem.front)), jnp.zeros(2))
    return np.asarray(_volumes(problem.scaled(points)) / exact)
