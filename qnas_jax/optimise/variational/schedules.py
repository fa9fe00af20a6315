"""Angles to begin with: linear ramps, and INTERP from p to p + 1 layers.

Sources: Sack & Serbyn, "Quantum annealing initialization of the quantum approximate
optimization algorithm", Quantum 5, 491 (2021); Zhou et al., "Quantum approximate
optimization algorithm: performance, mechanism, and implementation on near-term
devices", Phys. Rev. X 10, 021067 (2020), appendix B.
"""

import jax.numpy as jnp
from jax import Array


def linear_ramp(num_layers: int, first_beta: float, last_gamma: float) -> Array:
    """Annealing in p steps: gamma rises from 0, beta falls to 0.

    Args:
      num_layers: p.
      first_beta: beta at the beginning of the ramp, radians.
      last_gamma: gamma at its end, radians for one unit of the cost.

    Returns:
      [2, p]: gammas, betas.
    """
    place = (jnp.arange(num_layers) + 0.5) / num_layers
    return jnp.stack([last_gamma * place, first_beta * (1 - place)])


def interpolate(angles: Array, num_layers: Array | int) -> Array:
    """INTERP: angles of p + 1 layers from those of p.

    Layer i of the new ones is (i - 1) / p of layer i - 1 and (p - i + 1) / p of layer
    i, for i = 1 .. p + 1.

    Args:
      angles: [P, ...], zero from layer p + 1 on, P > p.
      num_layers: [] p; may be traced.

    Returns:
      [P, ...], zero from layer p + 2 on.
    """
    shape = (len(angles),) + (1,) * (angles.ndim - 1)
    before = jnp.arange(len(angles), dtype=angles.dtype).reshape(shape)
    shifted = jnp.concatenate([jnp.zeros_like(angles[:1]), angles[:-1]])
    mixed = (before * shifted + (num_layers - before) * angles) / num_layers
    return jnp.where(before <= num_layers, mixed, 0.0)
