"""The one protocol of all evaluators: architectures in, metrics and status out.

A supernet, a table, a zero-cost proxy and a user's function answer alike, so a search
works with any of them. An evaluation that fails says so by its status; it is never an
exception, and never wins.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from qnas_jax.status import Status
from qnas_jax.tasks import Task

Array = jax.Array | np.ndarray
"""Evaluators that are not traceable give NumPy arrays: their populations, without whom
is known, have all sizes, and operations of JAX are compiled for each of them."""


class Evaluated(struct.PyTreeNode):
    """What is known of P architectures after an evaluation.

    Attributes:
      metrics: by name float32 [P].
      status: int32 [P], numbers of `Status`.
      costs: what the evaluations themselves cost, by name float32 [P] (`seconds`).
      reasons: why they failed, a line each, "" where they did not; empty if there is no
        more to say than the status. Traceable evaluators have none.
    """

    metrics: Mapping[str, Array]
    status: Array
    costs: Mapping[str, Array] = struct.field(default_factory=dict)
    reasons: tuple[str, ...] = struct.field(pytree_node=False, default=())


class ScoreOf(NamedTuple):
    """Which metric a search improves.

    Attributes:
      metric: its name.
      larger_is_better: the direction.
    """

    metric: str
    larger_is_better: bool

    @classmethod
    def of(cls, task: Task) -> "ScoreOf":
        """The score of a task."""
        return cls(task.score, task.metrics[task.score].larger_is_better)


class Evaluator(Protocol):
    """What evaluates the architectures of a search."""

    @property
    def score(self) -> ScoreOf:
        """Which metric is improved."""

    @property
    def traceable(self) -> bool:
        """Whether it is JAX: runs under jit, scan and vmap, compiled for one P."""

    @property
    def fidelities(self) -> tuple[str, ...]:
        """Names of the ways to evaluate an architecture, the cheapest first."""

    def __call__(self, key: jax.Array, archs: Any, fidelities: Any = None) -> Evaluated:
        """Evaluates a population.

        Args:
          key: consumed.
          archs: int32 [P, L].
          fidelities: int32 [P], places in `fidelities`; None: the highest.

        Returns:
          What was found, row by row.
        """

    def close(self) -> None:
        """Ends what the evaluator started; it is not called again."""


class Compiled:
    """What evaluators in JAX have in common."""

    @property
    def traceable(self) -> bool:
        """They are."""
        return True

    def close(self) -> None:
        """There is nothing to end."""


ONE_FIDELITY = ("full",)
"""`fidelities` of evaluators that know but one."""


@jax.jit
def finite_status(metrics: Mapping[str, jax.Array]) -> jax.Array:
    """OK where all metrics, [P] by name, are finite, else NON_FINITE: int32 [P]."""
    finite = jnp.stack([jnp.isfinite(values) for values in metrics.values()])
    return jnp.where(finite.all(axis=0), int(Status.OK), int(Status.NON_FINITE))


def scores_of(evaluator: Evaluator, evaluated: Evaluated) -> Array:
    """What is maximised.

    Args:
      evaluator: says which metric, and in which direction.
      evaluated: what it found, arrays of JAX or of NumPy.

    Returns:
      float32 [P], of the same kind, -inf where an evaluation failed.
    """
    metric, larger_is_better = evaluator.score
    values = evaluated.metrics[metric]
    signed = values if larger_is_better else -values
    where = np.where if isinstance(values, np.ndarray) else jnp.where
    scores: Array = where(evaluated.status == int(Status.OK), signed, -np.inf)
    return scores


class ScoredBy(struct.PyTreeNode):
    """An evaluator as search loops call one: `(key, archs) -> (archs, scores)`.

    A pytree of the evaluator, if that is one, so programs can take it as an argument.

    Attributes:
      evaluator: a traceable one.
    """

    evaluator: Evaluator

    def __call__(
        self, key: jax.Array, archs: jax.Array, fidelities: Any = None
    ) -> tuple[jax.Array, jax.Array]:
        """Scores float32 [P] of archs int32 [P, L], -inf where they failed."""
        evaluated = self.evaluator(key, archs, fidelities)
        return archs, jnp.asarray(scores_of(self.evaluator, evaluated))
