"""Quantum catastrophe: registers that make no progress start anew.

When the best score has not risen for a number of generations, all registers go back to
equal superposition. What was found is not lost: the guides survive, all of them or only
the best one, towards which the registers then turn again.

Source: the quantum disaster operation of Wang, Liu, Zhi & Fu, The improvement of
quantum genetic algorithm and its application on function optimization, Math. Probl.
Eng. 2013, 730749. Differs from the paper in: all registers start anew, guides are what
is kept.
"""

import flax.struct
import jax.numpy as jnp
from jax import Array

from qnas_jax.searching.registers.guides import Guides

KEPT = ("all", "best")
"""Which guides survive."""


@flax.struct.dataclass
class Progress:
    """How long there was none."""

    best: Array  # [] float32, best score so far
    waited: Array  # [] int32, generations since it rose or registers started anew


def no_progress() -> Progress:
    """Before the first generation."""
    return Progress(jnp.float32(-jnp.inf), jnp.int32(0))


def follow(
    progress: Progress, scores: Array, *, patience: int
) -> tuple[Progress, Array]:
    """Counts one generation.

    Args:
      progress: before it.
      scores: float32 [P], finite or -inf.
      patience: generations without a rise until registers start anew, at least 1.

    Returns:
      The progress after it, and bool [] whether registers start anew now.
    """
    best = jnp.maximum(progress.best, jnp.max(scores))
    waited = jnp.where(best > progress.best, 0, progress.waited + 1)
    over = waited >= patience
    return Progress(best, jnp.where(over, 0, waited)), over


def surviving(guides: Guides, kept: str) -> Guides:
    """The guides after a catastrophe.

    Args:
      guides: of the population.
      kept: `all`, or `best`: one individual keeps the best, the others have none.

    Returns:
      The guides.
    """
    if kept == "all":
        return guides
    holder = jnp.arange(len(guides.scores)) == jnp.argmax(guides.scores)
    return Guides(
        archs=guides.archs,
        scores=jnp.where(holder, guides.scores, -jnp.inf),
        generation=guides.generation,
    )
