"""The conventions of every quantum module, stated once.

- Angles are radians; a rotation is exp(-i angle/2 P) for a Pauli operator P.
- **Qubit 0 is the most significant bit** of a basis index: of three qubits, |100>
  (qubit 0 is one) has index 4. Qiskit counts the other way round.
- A state is a flat complex array [2**n], complex64 (complex128 if the caller gives it).
- Bits are int8 zeros and ones, [..., n], bit of qubit 0 first.
- A matrix of several qubits takes the first named qubit as the most significant.
- Costs and energies are minimised.
"""

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.quantum.inputs import is_known


def bits_of(indices: jax.typing.ArrayLike, num_qubits: int) -> jax.Array:
    """Bits of basis indices.

    Args:
      indices: [...] integers in [0, 2**num_qubits).
      num_qubits: n.

    Returns:
      [..., n] int8 zeros and ones, qubit 0 first.

    Raises:
      UserError: an index that is no integer, or out of range; where it is traced, it
        counts modulo 2**n.
    """
    if num_qubits < 0:
        raise UserError(f"bits: got {num_qubits} qubits, expected 0 or more")
    check_indices("bits", indices, num_qubits)
    indices = jnp.asarray(indices)
    shifts = jnp.arange(num_qubits - 1, -1, -1, dtype=indices.dtype)
    shifts = shifts.reshape((1,) * indices.ndim + (num_qubits,))
    return ((indices[..., None] >> shifts) & 1).astype(jnp.int8)


def index_of(bits: jax.typing.ArrayLike) -> jax.Array:
    """Basis indices of bits; the inverse of `bits_of`.

    Args:
      bits: [..., n] zeros and ones, qubit 0 first, n of at most 31.

    Returns:
      [...] int32.

    Raises:
      UserError: more than 31 bits, or some that are neither 0 nor 1.
    """
    shape = np.shape(bits)
    if not shape or shape[-1] > 31:
        raise UserError(f"bits: got shape {shape}, expected [..., n], n at most 31")
    if is_known(bits) and not np.isin(np.asarray(bits), (0, 1)).all():
        raise UserError("bits: got numbers other than 0 and 1, expected these only")
    bits = jnp.asarray(bits).astype(jnp.int32)
    weights = jnp.left_shift(1, jnp.arange(bits.shape[-1] - 1, -1, -1, jnp.int32))
    weights = weights.reshape((1,) * (bits.ndim - 1) + (-1,))
    return jnp.sum(bits * weights, axis=-1, dtype=jnp.int32)


def num_qubits_of(state: jax.typing.ArrayLike) -> int:
    """Number of qubits of a state [2**n].

    Raises:
      UserError: the state is not a vector of a power of two entries.
    """
    shape = np.shape(state)
    if len(shape) != 1 or shape[0] & (shape[0] - 1) or not shape[0]:
        raise UserError(
            f"a state is a vector of 2**n amplitudes, got shape {shape}; use jax.vmap "
            "for batches"
        )
    return shape[0].bit_length() - 1


def check_indices(what: str, indices: jax.typing.ArrayLike, num_qubits: int) -> None:
    """Basis indices have to be integers in [0, 2**num_qubits), where they are known.

    Args:
      what: they are for, in words; begins the error.
      indices: [...] of any shape; values are not looked at where they are traced.
      num_qubits: n.

    Raises:
      UserError: otherwise.
    """
    dtype = indices.dtype if hasattr(indices, "dtype") else np.asarray(indices).dtype
    if not jnp.issubdtype(dtype, jnp.integer):
        raise UserError(f"{what}: got {dtype} basis indices, expected integers")
    known = np.asarray(indices) if is_known(indices) else np.zeros(0, int)
    wrong = known[(known < 0) | (known >= 2**num_qubits)]
    if wrong.size:
        raise UserError(
            f"{what}: got basis index {wrong[0]}, expected one in [0, 2**{num_qubits})"
        )


def check_qubits(qubits: tuple[int, ...], num_qubits: int) -> None:
    """Qubits have to be distinct numbers in [0, num_qubits).

    Raises:
      UserError: otherwise.
    """
    if not all(isinstance(qubit, int | np.integer) for qubit in qubits):
        raise UserError(f"qubits: got {qubits}, expected whole numbers")
    if len(set(qubits)) != len(qubits):
        raise UserError(f"qubits {qubits} are repeated; each may appear once")
    if any(not 0 <= qubit < num_qubits for qubit in qubits):
        raise UserError(f"qubits {qubits} are not all in [0, {num_qubits})")
