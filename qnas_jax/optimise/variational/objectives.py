"""What is minimised of a distribution of costs: its mean, or the mean of its best part.

CVaR: Barkoutsos et al., "Improving variational quantum optimization using CVaR",
Quantum 4, 256 (2020): the mean of the lowest alpha of the distribution.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.quantum.inputs import as_real


def make_objective(costs: Array, alpha: float) -> Callable[[Array], Array]:
    """Builds the function of probabilities that is minimised.

    Args:
      costs: [N] cost of each outcome. They are sorted here, once.
      alpha: share of the distribution that counts, in (0, 1]; 1 is the mean.

    Returns:
      probabilities [N], of any positive sum -> [].

    Raises:
      UserError: alpha is outside of (0, 1].
    """
    if not 0 < alpha <= 1:
        raise UserError(f"alpha: got {alpha}, expected a share in (0, 1]")
    costs = as_real("costs", costs)
    if alpha == 1:
        return lambda chances: jnp.sum(chances * costs) / jnp.sum(chances)
    order = jnp.argsort(costs)
    ordered = costs[order]
    return lambda chances: _lowest_part(chances[order], ordered, alpha)


def cvar(probabilities: Array, costs: Array, alpha: float) -> Array:
    """Mean of the lowest `alpha` of a distribution of costs.

    Args:
      probabilities: [N], of any positive sum.
      costs: [N].
      alpha: in (0, 1].

    Returns:
      []; differentiable in the probabilities.

    Raises:
      UserError: alpha is outside of (0, 1].
    """
    return make_objective(costs, alpha)(probabilities)


def _lowest_part(chances: Array, costs: Array, alpha: float) -> Array:
    """CVaR of outcomes in the order of their costs."""
    chances = chances / jnp.sum(chances)
    before = jnp.cumsum(chances) - chances
    part = jnp.clip(alpha - before, 0.0, chances)
    return jnp.sum(part * costs) / alpha
