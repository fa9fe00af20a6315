"""States: first ones, measurement, and what they say about parts of a register.

A measured outcome is an index over the measured qubits in the order in which they are
named, the first the most significant. Everything is a function of one state; use
`jax.vmap` for batches.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from qnas_jax.errors import UserError
from qnas_jax.quantum.conventions import check_indices, check_qubits, num_qubits_of
from qnas_jax.quantum.inputs import as_state, is_known
from qnas_jax.quantum.memory import check_written_out


def zero_state(num_qubits: int) -> jax.Array:
    """|0...0>, complex64 [2**num_qubits]; UserError if that is too large."""
    return basis_state(num_qubits, 0)


def plus_state(num_qubits: int) -> jax.Array:
    """The uniform superposition, complex64 [2**num_qubits]; UserError if too large."""
    check_state_fits(num_qubits)
    return jnp.full(2**num_qubits, 2 ** (-num_qubits / 2), jnp.complex64)


def basis_state(num_qubits: int, index: jax.typing.ArrayLike) -> jax.Array:
    """|index>, complex64 [2**num_qubits].

    Args:
      num_qubits: n.
      index: [] integer in [0, 2**n); qubit 0 is its most significant bit.

    Returns:
      One at `index`, zero elsewhere.

    Raises:
      UserError: an index that is no integer or out of range, or a state too large for
        the memory.
    """
    check_state_fits(num_qubits)
    check_indices("basis state", index, num_qubits)
    return jnp.zeros(2**num_qubits, jnp.complex64).at[index].set(1)


def probabilities(state: jax.Array) -> jax.Array:
    """|amplitude|**2 of each basis state, real [2**n], of a state [2**n]."""
    state = as_state(state)
    return state.real**2 + state.imag**2


def sample(key: jax.Array, state: jax.Array, shots: int) -> jax.Array:
    """Measures all qubits of many copies of a state.

    Args:
      key: consumed.
      state: [2**n] complex; its norm does not matter.
      shots: how many.

    Returns:
      int32 [shots] basis indices.

    Raises:
      UserError: no vector of 2**n amplitudes, one without a norm, or fewer than one
        shot.
    """
    if shots < 1:
        raise UserError(f"shots: got {shots}, expected at least 1")
    half = num_qubits_of(state) // 2
    weights = probabilities(state)
    row_key, column_key = jax.random.split(key)
    columns = jnp.cumsum(weights.reshape(-1, 2**half), axis=1)
    rows = jnp.cumsum(columns[:, -1])
    _check_norm(rows[-1])
    row = _draw(row_key, rows[None], jnp.zeros(shots, jnp.int32))
    return row << half | _draw(column_key, columns, row)


def _draw(key: jax.Array, cumulative: jax.Array, rows: jax.Array) -> jax.Array:
    """Draws a column for each row number, by bisection of the row's cumulative sums.

    Two draws of half of the bits each resolve probabilities that one float32 cannot.
    """
    size = cumulative.shape[1]
    draws = jax.random.uniform(key, rows.shape, cumulative.dtype)
    draws = draws * cumulative[rows, -1]
    column = jnp.zeros_like(rows)
    step = size // 2
    while step:
        passed = cumulative[rows, column + step - 1] <= draws
        column = jnp.where(passed, column + step, column)
        step //= 2
    return column


def marginal(state: jax.Array, qubits: Sequence[int]) -> jax.Array:
    """Probabilities of the outcomes of measuring some qubits.

    Args:
      state: [2**n] complex.
      qubits: k distinct qubits, the first the most significant.

    Returns:
      [2**k] real.

    Raises:
      UserError: a qubit is repeated or out of range.
    """
    return jnp.sum(probabilities(_split(state, qubits)), axis=1)


def collapse(
    key: jax.Array, state: jax.Array, qubits: Sequence[int]
) -> tuple[jax.Array, jax.Array]:
    """Measures some qubits; what is left is the state after that outcome.

    Args:
      key: consumed.
      state: [2**n] complex.
      qubits: k distinct qubits, the first the most significant.

    Returns:
      The outcome, int32 [] in [0, 2**k), and the normalised state [2**n].

    Raises:
      UserError: a qubit is repeated or out of range, or the state has no norm.
    """
    parts = _split(state, qubits)
    chances = jnp.sum(probabilities(parts), axis=1)
    _check_norm(jnp.sum(chances))
    outcome = jax.random.categorical(key, jnp.log(chances)).astype(jnp.int32)
    scale = jax.lax.rsqrt(chances[outcome])
    chosen = jnp.arange(parts.shape[0]) == outcome
    kept = jnp.where(chosen[:, None], parts * scale.astype(parts.real.dtype), 0)
    return outcome, _join(kept, qubits)


def fidelity(a: jax.Array, b: jax.Array) -> jax.Array:
    """|<a|b>|**2, real [], of normalised states [2**n]; UserError if n differs."""
    num_qubits = [num_qubits_of(state) for state in (a, b)]
    if num_qubits[0] != num_qubits[1]:
        raise UserError(f"fidelity: got states of {num_qubits} qubits, expected equals")
    return jnp.abs(jnp.vdot(as_state(a), as_state(b))) ** 2


def reduced_density_matrix(state: jax.Array, qubits: Sequence[int]) -> jax.Array:
    """Density matrix of some qubits, the others traced out.

    Args:
      state: [2**n] complex.
      qubits: k distinct qubits, the first the most significant.

    Returns:
      [2**k, 2**k] complex.

    Raises:
      UserError: a qubit is repeated or out of range.
    """
    parts = _split(state, qubits)
    return jnp.matmul(parts, parts.conj().T, precision=jax.lax.Precision.HIGHEST)


def entanglement_entropy(state: jax.Array, qubits: Sequence[int]) -> jax.Array:
    """Von Neumann entropy of some qubits, in bits: 0 if they are separable.

    The smaller side of the cut is diagonalised; both have the same entropy in a pure
    state.

    Args:
      state: [2**n] complex, normalised.
      qubits: k distinct qubits.

    Returns:
      Real [] in [0, min(k, n - k)].

    Raises:
      UserError: a qubit is repeated or out of range.
    """
    num_qubits = num_qubits_of(state)
    side = tuple(qubits)
    if 2 * len(side) > num_qubits:
        check_qubits(side, num_qubits)
        side = tuple(q for q in range(num_qubits) if q not in side)
    weights = jnp.linalg.eigvalsh(reduced_density_matrix(state, side))
    positive = weights > jnp.finfo(weights.dtype).eps
    logs = jnp.log2(jnp.where(positive, weights, 1))
    return -jnp.sum(jnp.where(positive, weights * logs, 0))


def check_state_fits(num_qubits: int) -> None:
    """Raises UserError if a state, and what makes it, are too large for the memory."""
    if num_qubits < 0:
        raise UserError(f"state: got {num_qubits} qubits, expected 0 or more")
    check_written_out("state", num_qubits, 8, "a state doubles with each qubit")


def _check_norm(squared: jax.Array) -> None:
    if is_known(squared) and not 0 < float(squared) < float("inf"):
        raise UserError(
            f"state: got a squared norm of {float(squared)}, expected a number above 0"
        )


def _order(num_qubits: int, qubits: Sequence[int]) -> tuple[int, ...]:
    return (*qubits, *(q for q in range(num_qubits) if q not in qubits))


def _split(state: jax.Array, qubits: Sequence[int]) -> jax.Array:
    """Amplitudes [2**k, 2**(n - k)]: outcomes of some qubits by those of the others."""
    num_qubits = num_qubits_of(state)
    check_qubits(tuple(qubits), num_qubits)
    tensor = as_state(state).reshape((2,) * num_qubits)
    return tensor.transpose(_order(num_qubits, qubits)).reshape(2 ** len(qubits), -1)


def _join(parts: jax.Array, qubits: Sequence[int]) -> jax.Array:
    """The inverse of `_split`."""
    num_qubits = parts.size.bit_length() - 1
    order = _order(num_qubits, qubits)
    back = sorted(range(num_qubits), key=order.__getitem__)
    return parts.reshape((2,) * num_qubits).transpose(back).reshape(-1)
