"""Mixers of alternating circuits over registers of K levels.

All registers mix at once, each by exp(-i beta A) of a symmetric [K, K] matrix A:

    ring, complete  the adjacency matrix of that graph on the K levels
    projector       |s><s| of the equal superposition |s> of the levels

An XY mixer moves the one excitation of a one-hot register: (X_i X_j + Y_i Y_j) / 2 maps
|..1..0..> to |..0..1..>, so that on the strings that are one-hot it is the adjacency
matrix of the ring or of the complete graph. No other string is reached from one of
these, hence only the N = prod K_l choices are simulated: exact, without splitting into
pairs, and no level that does not exist needs a penalty. The first state, the W state of
every register, is then the equal superposition of all choices. The complete graph is
K |s><s| - 1: the projector at K times the angle, but for a phase; for K = 2 the
projector is the transverse field, exp(-i beta X / 2), but for a phase.

The Grover mixer is |s><s| of all choices together instead.

Sources: Hadfield et al., "From the quantum approximate optimization algorithm to a
quantum alternating operator ansatz", Algorithms 12 (2019), section 4 (mixers of K-level
registers); Wang et al., "XY mixers", Phys. Rev. A 101, 012320 (2020); Bartschi &
Eidenbenz, "Grover mixers for QAOA", IEEE QCE (2020).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from qnas_jax.errors import UserError
from qnas_jax.kernels.phases import shift_planes
from qnas_jax.quantum.inputs import as_real

_LARGEST_BLOCK = 32
"""Levels of neighbouring registers that one matrix product mixes together."""


def neighbours(num_levels: int) -> np.ndarray:
    """Adjacency matrix [K, K] of a ring; K = 2 has one edge, K = 1 none."""
    levels = np.arange(num_levels)
    steps = (levels[:, None] - levels[None, :]) % num_levels
    return np.where((steps == 1) | (steps == num_levels - 1), 1.0, 0.0) * (
        1.0 - np.eye(num_levels)
    )


def complete(num_levels: int) -> np.ndarray:
    """Adjacency matrix [K, K] of the complete graph."""
    return np.ones((num_levels, num_levels)) - np.eye(num_levels)


def projector(num_levels: int) -> np.ndarray:
    """|s><s| [K, K] of the equal superposition of K levels."""
    return np.full((num_levels, num_levels), 1.0 / num_levels)


LEVEL_MIXERS = {"ring": neighbours, "complete": complete, "projector": projector}


def levels_state(
    costs: Array,
    gammas: Array,
    betas: Array,
    num_levels: tuple[int, ...],
    mixer: str = "complete",
) -> Array:
    """State of p layers of phases and of a mixer of every register.

    Args:
      costs: [N] costs of all choices, N = prod K_l, the last register fastest.
      gammas: [p] radians for one unit of cost.
      betas: [p], or [p, L] one for each register; radians.
      num_levels: (K_1, ..., K_L).
      mixer: one of `LEVEL_MIXERS`.

    Returns:
      complex [N]: amplitudes of the choices.

    Raises:
      UserError: no such mixer, or the number of costs is not prod K_l.
    """
    if mixer not in LEVEL_MIXERS:
        raise UserError(f"mixer: got {mixer!r}, expected one of {tuple(LEVEL_MIXERS)}")
    costs, gammas, betas = _as_reals(costs, gammas, betas)
    if costs.shape != (int(np.prod(num_levels)),):
        raise UserError(
            f"levels_state: got costs {costs.shape} for levels {num_levels}, expected "
            "one cost a choice"
        )

    def mix(planes: Array, beta: Array) -> Array:
        return mix_levels(planes, beta, num_levels, mixer)

    return _alternate(costs, gammas, betas, mix)


def mix_levels(
    planes: Array, beta: Array, num_levels: tuple[int, ...], mixer: str = "complete"
) -> Array:
    """Applies exp(-i beta A) to every register.

    Neighbouring registers are mixed by one small matrix product, which turns the order
    of the registers round; after all of them it is as before.

    Args:
      planes: [2, N] real and imaginary part of the state.
      beta: [] or [L] radians.
      num_levels: (K_1, ..., K_L), N = prod K_l.
      mixer: one of `LEVEL_MIXERS`.

    Returns:
      [2, N].

    Raises:
      UserError: complex angles.
    """
    angles = jnp.broadcast_to(as_real("beta", beta), (len(num_levels),))
    unitaries = [
        _exponential(angle, LEVEL_MIXERS[mixer](count))
        for angle, count in zip(angles, num_levels, strict=True)
    ]
    first = 0
    for length in _blocks(num_levels):
        matrix = _kronecker(unitaries[first : first + length])
        size = matrix.shape[0] // 2
        parts = jnp.matmul(matrix, planes.reshape(2 * size, -1), precision="highest")
        planes = parts.reshape(2, size, -1).swapaxes(1, 2).reshape(2, -1)
        first += length
    return planes


def grover_state(costs: Array, gammas: Array, betas: Array) -> Array:
    """State of p layers of phases and exp(-i beta |s><s|), |s> all choices alike.

    Args:
      costs: [N] costs of all choices; any N.
      gammas: [p] radians for one unit of cost.
      betas: [p] radians.

    Returns:
      complex [N].

    Raises:
      UserError: complex numbers.
    """
    costs, gammas, betas = _as_reals(costs, gammas, betas)

    def mix(planes: Array, beta: Array) -> Array:
        real, imaginary = jnp.mean(planes, axis=1)
        cosine, sine = jnp.cos(beta) - 1, jnp.sin(beta)
        change = cosine * real + sine * imaginary, cosine * imaginary - sine * real
        return planes + jnp.stack(change)[:, None]

    return _alternate(costs, gammas, betas, mix)


def gap(mixer: str, num_levels: tuple[int, ...]) -> float:
    """Distance of the two highest energies of a mixer, which sets the scale of beta."""
    if mixer == "x":
        return 2.0
    if mixer == "grover":
        return 1.0
    make = LEVEL_MIXERS[mixer.removeprefix("xy_")]
    spectra = [np.linalg.eigvalsh(make(count)) for count in num_levels if count > 1]
    return float(min((each[-1] - each[-2] for each in spectra), default=1.0))


def _exponential(beta: Array, generator: np.ndarray) -> tuple[Array, Array]:
    """exp(-i beta A), real and imaginary part [K, K]."""
    values, vectors = np.linalg.eigh(generator)
    angles = beta * jnp.asarray(values, beta.dtype)
    basis = jnp.asarray(vectors, beta.dtype)
    cosine, sine = jnp.cos(angles)[None], jnp.sin(angles)[None]
    return (
        jnp.matmul(basis * cosine, basis.T, precision="highest"),
        -jnp.matmul(basis * sine, basis.T, precision="highest"),
    )


def _blocks(num_levels: tuple[int, ...]) -> list[int]:
    """Numbers of neighbours that have `_LARGEST_BLOCK` levels together, or one."""
    lengths, size = [0], 1
    for count in num_levels:
        if lengths[-1] and size * count > _LARGEST_BLOCK:
            lengths.append(0)
            size = 1
        lengths[-1] += 1
        size *= count
    return lengths


def _kronecker(unitaries: list[tuple[Array, Array]]) -> Array:
    """Of S levels together, [2 S, 2 S] on their real and imaginary parts."""
    real, imaginary = unitaries[0]
    for own_real, own_imaginary in unitaries[1:]:
        real, imaginary = (
            jnp.kron(real, own_real) - jnp.kron(imaginary, own_imaginary),
            jnp.kron(real, own_imaginary) + jnp.kron(imaginary, own_real),
        )
    return jnp.block([[real, -imaginary], [imaginary, real]])


def _as_reals(costs: Array, gammas: Array, betas: Array) -> tuple[Array, ...]:
    """As floats, so that no angle is rounded to the type of whole costs."""
    return as_real("costs", costs), as_real("gammas", gammas), as_real("betas", betas)


def _alternate(
    costs: Array,
    gammas: Array,
    betas: Array,
    mix: Callable[[Array, Array], Array],
) -> Array:
    """Complex [N] of layers on the planes [2, N], from equal superposition.

    As precise as the costs are.
    """
    gammas, betas = gammas.astype(costs.dtype), betas.astype(costs.dtype)
    equal = jnp.full(costs.size, costs.size**-0.5, costs.dtype)

    @jax.checkpoint
    def layer(planes: Array, angles: tuple[Array, Array]) -> tuple[Array, None]:
        gamma, beta = angles
        real, imaginary = planes
        turned = shift_planes((real, imaginary), gamma * costs)
        return mix(jnp.stack(turned), beta), None

    start = jnp.stack([equal, jnp.zeros_like(equal)])
    (real, imaginary), _ = lax.scan(layer, start, (gammas, betas))
    return lax.complex(real, imaginary)
