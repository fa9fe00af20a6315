"""QAOA on K-level registers at fixed angles: nothing is optimised but the samples.

A register mixes by the projector on the equal superposition of its own levels (see
`mixers`). The angles are a linear ramp from the mixer's to the cost's end, as in
annealing, in units of the spread of the costs. Good angles are nearly the same for
typical instances of one kind, so that they are not optimised for each anew.

Sources: Sack & Serbyn, Quantum 5, 491 (2021) (ramps); Brandao et al., "For fixed
control parameters the QAOA's objective value concentrates", arXiv:1812.04170.
"""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.optimise.problems.problem import Levels
from qnas_jax.optimise.variational.mixers import levels_state
from qnas_jax.optimise.walks.levels_walks import Choices
from qnas_jax.options import Options, option


@dataclasses.dataclass(frozen=True)
class QaoaLevelsOptions(Options):
    """Depth, ramp and shots."""

    depth: int = option(8, "p, layers of phases and mixers", low=1)
    shots: int = option(256, "measurements of the last state", low=1)
    gamma: float = option(3.0, "last gamma, for costs of unit spread", above=0.0)
    beta: float = option(2.0, "size of the first beta, radians", above=0.0)


_DEFAULTS = QaoaLevelsOptions()


def ramp(options: QaoaLevelsOptions) -> tuple[Array, Array]:
    """Angles gammas [p], rising linearly, and betas [p], rising from -beta to zero.

    Betas are negative: the start, |s> on every register, is the lowest state of
    -|s><s|, so that slow ramps end in the lowest cost and not in the highest.
    """
    share = (jnp.arange(options.depth) + 0.5) / options.depth
    return options.gamma * share, -options.beta * (1.0 - share)


def qaoa_levels(
    problem: Levels, key: Array, *, options: QaoaLevelsOptions = _DEFAULTS
) -> Choices:
    """Prepares the state of a form over registers and measures it.

    Args:
      problem: a form whose choices can all be written out.
      key: consumed.
      options: see `QaoaLevelsOptions`.

    Returns:
      One sample a shot.

    Raises:
      UserError: too many choices to be written out.
    """
    table = problem.table()
    centred = table - jnp.mean(table)
    spread = jnp.std(centred)
    unit = centred / jnp.where(spread > 0, spread, 1.0)
    gammas, betas = ramp(options)
    state = levels_state(unit, gammas, betas, problem.num_levels, "projector")
    indices = _measure(key, jnp.square(jnp.abs(state)), options.shots)
    samples = jnp.stack(jnp.unravel_index(indices, problem.num_levels), axis=-1)
    return Choices(samples.astype(jnp.int32), table[indices], jnp.int32(options.shots))


def _measure(key: Array, chances: Array, shots: int) -> Array:
    """Indices int32 [shots], drawn by inversion of the cumulative distribution."""
    cumulative = jnp.cumsum(chances)
    drawn = jax.random.uniform(key, (shots,)) * cumulative[-1]
    indices = jnp.searchsorted(cumulative, drawn, side="right")
    return jnp.minimum(indices, len(chances) - 1).astype(jnp.int32)
