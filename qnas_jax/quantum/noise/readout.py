"""Errors of the measurement, and what can be done against them.

Each qubit is misread on its own: A_q[read, is] is its confusion matrix, columns sum to
one, and measured probabilities are the tensor product of the A_q times the true ones
(Bravyi et al., "Mitigating measurement errors in multiqubit experiments", Phys. Rev. A
103, 2021, equation 4). A `Readout` lists (chance of 1 | is 0, chance of 0 | is 1), one
pair a qubit, or one pair for all.
"""

import functools
from typing import Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.quantum.inputs import as_real, check_numbers, is_known

Readout = tuple[tuple[float, float], ...]
Correction = Literal["inverse", "nearest", "least_squares"]


def check_readout(readout: Readout) -> None:
    """Raises a UserError if some chance is not in [0, 1]."""
    for pair in readout:
        if np.shape(pair) != (2,) or not all(0 <= chance <= 1 for chance in pair):
            raise UserError(
                f"readout: got {pair}, expected two chances in [0, 1]: of reading 1 "
                "where the bit is 0, and 0 where it is 1"
            )


def confusion_matrices(readout: Readout, num_qubits: int) -> np.ndarray:
    """The matrices A_q, float64 [n, 2, 2] over (qubit, bit read, bit that is).

    Raises:
      UserError: the number of pairs is neither 0, 1 nor n.
    """
    if len(readout) not in (0, 1, num_qubits):
        raise UserError(
            f"readout: got {len(readout)} pairs for {num_qubits} qubits, expected one "
            "for all or one a qubit"
        )
    pairs = np.asarray(readout or ((0.0, 0.0),), np.float64)
    up, down = np.broadcast_to(pairs, (num_qubits, 2)).T
    return np.stack([np.stack([1 - up, down], -1), np.stack([up, 1 - down], -1)], 1)


def misread_probabilities(probabilities: Array, readout: Readout) -> Array:
    """Probabilities or counts [2^n] of what is read, from those [2^n] of what is.

    Raises:
      UserError: numbers that are not real, finite and at least 0, or chances that are
        none.
    """
    probabilities = _as_counts("probabilities", probabilities)
    check_readout(readout)
    matrices = confusion_matrices(readout, _num_qubits(probabilities))
    return _apply_locally(matrices, probabilities)


def misread_bits(key: Array, bits: Array, readout: Readout) -> Array:
    """Flips measured bits at random.

    Args:
      key: consumed.
      bits: int8 [..., n].
      readout: the chances.

    Returns:
      int8 [..., n], what is read.
    """
    bits = jnp.asarray(bits)
    matrices = confusion_matrices(readout, bits.shape[-1])
    up, down = (
        jnp.asarray(m, jnp.float32) for m in (matrices[:, 1, 0], matrices[:, 0, 1])
    )
    axes = (1,) * (bits.ndim - 1) + (-1,)
    chance = jnp.where(bits == 0, up.reshape(axes), down.reshape(axes))
    return bits ^ jax.random.bernoulli(key, chance).astype(bits.dtype)


def correct_readout(
    measured: Array, readout: Readout, *, method: Correction = "nearest"
) -> Array:
    """Estimates the true probabilities from measured ones.

    Args:
      measured: [2^n] probabilities or counts of what is read.
      readout: the chances of a misread bit, known from calibration.
      method: "inverse" solves A x = measured, unbiased, but entries may be negative;
        "nearest" takes the distribution nearest to that (`nearest_distribution`);
        "least_squares" the distribution x with the least |A x - measured|.

    Returns:
      [2^n], with the sum of `measured`.

    Raises:
      UserError: unknown method, measured numbers that are not real, finite and at least
        0 or that sum to 0, or some A_q has no inverse.
    """
    if method not in get_args(Correction):
        raise UserError(
            f"method: got {method!r}, expected 'inverse', 'nearest' or 'least_squares'"
        )
    measured = _as_counts("measured", measured)
    check_readout(readout)
    matrices = confusion_matrices(readout, _num_qubits(measured))
    determinants = 1 - matrices[:, 1, 0] - matrices[:, 0, 1]
    if np.abs(determinants).min() < 1e-6:
        raise UserError(
            f"readout: qubit {int(np.abs(determinants).argmin())} reads 0 and 1 with "
            "the same chances whatever it is, so that nothing can be corrected"
        )
    total = jnp.sum(measured)
    inverted = _apply_locally(np.linalg.inv(matrices), measured / total)
    if method == "inverse":
        return inverted * total
    nearest = nearest_distribution(inverted)
    if method == "nearest":
        return nearest * total
    return _least_squares(matrices, measured / total, nearest) * total


def nearest_distribution(values: Array) -> Array:
    """The distribution with the least Euclidean distance to some numbers [N].

    Smolin, Gambetta & Smith, "Efficient method for computing the maximum-likelihood
    quantum state from measurements with additive Gaussian noise", Phys. Rev. Lett. 108
    (2012): the smallest entries become zero, what they lack is taken evenly from the
    others.

    Returns:
      Real [N], none below 0, of sum 1.

    Raises:
      UserError: complex numbers.
    """
    values = as_real("values", values)
    falling = -jnp.sort(-values)
    counts = jnp.arange(1, values.shape[0] + 1)
    shifts = (1 - jnp.cumsum(falling)) / counts
    kept = jnp.sum(falling + shifts > 0)
    return jnp.maximum(values + shifts[kept - 1], 0)


def _least_squares(
    matrices: np.ndarray, measured: Array, start: Array, steps: int = 200
) -> Array:
    """Accelerated projected gradient (Beck & Teboulle 2009, FISTA)."""
    transposed = matrices.transpose(0, 2, 1)
    norms = np.linalg.norm(matrices, ord=2, axis=(1, 2))
    rate = 1 / float(np.prod(norms)) ** 2

    def step(
        carry: tuple[Array, Array, Array], _: None
    ) -> tuple[tuple[Array, Array, Array], None]:
        old, ahead, momentum = carry
        error = _apply_locally(matrices, ahead) - measured
        new = nearest_distribution(ahead - rate * _apply_locally(transposed, error))
        grown = (1 + jnp.sqrt(1 + 4 * momentum**2)) / 2
        ahead = new + (momentum - 1) / grown * (new - old)
        return (new, ahead, grown), None

    first = (start, start, jnp.ones((), start.dtype))
    return jax.lax.scan(step, first, length=steps)[0][0]


def _apply_locally(matrices: np.ndarray, values: Array) -> Array:
    """The tensor product of matrices [n, 2, 2] times a vector [2^n]."""

    def one(vector: Array, matrix: np.ndarray) -> Array:
        # The first bit is worked on and becomes the last: after n turns all are back.
        pairs = vector.reshape(2, -1)
        return (jnp.asarray(matrix, vector.dtype) @ pairs).T.reshape(-1)

    return functools.reduce(one, matrices, values)


def _as_counts(name: str, values: Array) -> Array:
    """As floats, with a sum above 0; whole numbers would round the matrices off."""
    values = as_real(name, values)
    if is_known(values):
        known = np.asarray(values)
        # What is computed may be a rounding below 0.
        check_numbers(name, known, least=-1e-6 * max(float(known.sum()), 0.0))
        if not known.sum() > 0:
            raise UserError(f"{name}: got a sum of {known.sum()}, expected one above 0")
    return values


def _num_qubits(values: Array) -> int:
    if values.ndim != 1 or not values.size:
        raise UserError(f"probabilities: got shape {values.shape}, expected [2^n]")
    size = values.shape[-1]
    if values.ndim != 1 or size & (size - 1):
        raise UserError(f"probabilities: got shape {values.shape}, expected [2^n]")
    return int(size).bit_length() - 1
