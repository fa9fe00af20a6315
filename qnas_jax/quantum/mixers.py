"""Mixers of alternating circuits, over bits and over registers of K levels.

An XY mixer moves the one excitation of a one-hot register: (X_i X_j + Y_i Y_j) / 2 maps
|..1..0..> to |..0..1..>, so that on the strings that are one-hot it is the adjacency
matrix A of the ring or of the complete graph on K levels. No other string is reached
from one of these, hence only the prod K_l choices are simulated, and exp(-i beta A) of
a register is a [K, K] matrix: exact, without splitting into pairs. The first state is
the W state of every register: all choices alike.

Sources: Hadfield et al., "From the quantum approximate optimization algorithm to a
quantum alternating operator ansatz", Algorithms 12 (2019); Wang et al., "XY mixers",
Phys. Rev. A 101, 012320 (2020); Bartschi & Eidenbenz, "Grover mixers for QAOA", IEEE
QCE (2020).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from qnas_jax.kernels import apply_phases

XY_GRAPHS = ("ring", "complete")


def ring(num_levels: int) -> np.ndarray:
    """Adjacency matrix [K, K] of a ring; K = 2 has one edge, K = 1 none."""
    levels = np.arange(num_levels)
    steps = (levels[:, None] - levels[None, :]) % num_levels
    return np.where((steps == 1) | (steps == num_levels - 1), 1.0, 0.0) * (
        1.0 - np.eye(num_levels)
    )


def complete(num_levels: int) -> np.ndarray:
    """Adjacency matrix [K, K] of the complete graph."""
    return np.ones((num_levels, num_levels)) - np.eye(num_levels)


def xy_state(
    costs: Array,
    gammas: Array,
    betas: Array,
    num_levels: tuple[int, ...],
    graph: str = "complete",
) -> Array:
    """State of p layers of phases and XY mixers on one-hot registers.

    Args:
      costs: [N] costs of all choices, N = prod K_l, the last register fastest.
      gammas: [p] radians for one unit of cost.
      betas: [p], or [p, L] one for each register.
      num_levels: (K_1, ..., K_L).
      graph: "ring" or "complete".

    Returns:
      complex [N]: amplitudes of the choices.

    Raises:
      ValueError: no such graph, or the number of costs is not prod K_l.
    """
    if graph not in XY_GRAPHS:
        raise ValueError(f"graph: got {graph!r}, expected one of {XY_GRAPHS}")
    if costs.shape != (int(np.prod(num_levels)),):
        raise ValueError(
            f"xy_state: got costs {costs.shape} for levels {num_levels}, expected "
            "one cost a choice"
        )
    make = ring if graph == "ring" else complete
    spectra = [np.linalg.eigh(make(count)) for count in num_levels]

    def mix(state: Array, beta: Array) -> Array:
        each = jnp.broadcast_to(beta, (len(num_levels),))
        parts = state.reshape(num_levels)
        for register, (values, vectors) in enumerate(spectra):
            unitary = _exponential(each[register], values, vectors, state.dtype)
            moved = jnp.tensordot(unitary, parts, axes=(1, register))
            parts = jnp.moveaxis(moved, 0, register)
        return parts.reshape(-1)

    return _alternate(costs, gammas, betas, mix)


def grover_state(costs: Array, gammas: Array, betas: Array) -> Array:
    """State of p layers of phases and exp(-i beta |s><s|), |s> all choices alike.

    Args:
      costs: [N] costs of all choices; any N.
      gammas: [p] radians for one unit of cost.
      betas: [p] radians.

    Returns:
      complex [N].
    """

    def mix(state: Array, beta: Array) -> Array:
        turned = lax.complex(jnp.cos(beta) - 1, -jnp.sin(beta)).astype(state.dtype)
        return state + turned * jnp.mean(state)

    return _alternate(costs, gammas, betas, mix)


def gap(mixer: str, num_levels: tuple[int, ...]) -> float:
    """Distance of the two highest energies of a mixer, which sets the scale of beta."""
    if mixer == "x":
        return 2.0
    if mixer == "grover":
        return 1.0
    make = ring if mixer == "xy_ring" else complete
    spectra = [np.linalg.eigvalsh(make(count)) for count in num_levels if count > 1]
    return float(min((each[-1] - each[-2] for each in spectra), default=1.0))


def _exponential(
    beta: Array, values: np.ndarray, vectors: np.ndarray, dtype: jnp.dtype
) -> Array:
    """exp(-i beta A) of A = V diag(values) V'."""
    angles = beta * jnp.asarray(values, beta.dtype)
    phases = lax.complex(jnp.cos(angles), -jnp.sin(angles))
    basis = jnp.asarray(vectors, dtype)
    return jnp.matmul(basis * phases[None], basis.T, precision="highest")


def _alternate(
    costs: Array,
    gammas: Array,
    betas: Array,
    mix: Callable[[Array, Array], Array],
) -> Array:
    size = costs.size
    uniform = jnp.full(size, size**-0.5, costs.dtype)

    @jax.checkpoint
    def layer(state: Array, angles: tuple[Array, Array]) -> tuple[Array, None]:
        return mix(apply_phases(state, angles[0], costs), angles[1]), None

    start = lax.complex(uniform, jnp.zeros_like(uniform))
    return lax.scan(layer, start, (gammas, betas))[0]
