"""Runs circuits on state vectors: pure functions of parameters and state.

The circuit is static; `jax.jit`, `jax.grad` and `jax.vmap` work over parameters and
states.

How it is computed (`fusion.py` says which gates go together):

- Real and imaginary planes go through float32 matrix products: [Kr; Ki] times both
  planes at once, then one addition. On a CPU with two cores that took less time than
  complex products with the same bins, and bins of five or six qubits less than bins of
  four, although they need more operations: narrow products are limited by the library.
- A product reads the lowest bits of the index and writes them as the highest, so a
  round over all bins restores the order without any transpose.
- Between the epochs one gather does whatever permutes basis states. Its indices are the
  exclusive or of two small tables, so that nothing large is stored in the program.
- Reverse mode undoes the epochs instead of keeping their states, since they are
  unitary: memory stays at a few states however deep the circuit is. The price is that
  there is no forward mode (`jax.jvp`, `jax.hessian`) through circuits.
"""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from qnas_jax.quantum.blocks import bin_matrices, operation_matrix
from qnas_jax.quantum.circuit import Circuit, Operation
from qnas_jax.quantum.conventions import num_qubits_of
from qnas_jax.quantum.fusion import Epoch, Segment, plan_circuit
from qnas_jax.quantum.states import zero_state

_Pair = tuple[jax.Array, jax.Array]
Parameters = jax.typing.ArrayLike | Sequence[float]
_HIGHEST = lax.Precision.HIGHEST
_SHORT = 16  # library products of so few columns take longer than sums


def run_circuit(circuit: Circuit, params: Parameters = ()) -> jax.Array:
    """State of a circuit that starts from |0...0>.

    Args:
      circuit: n qubits; static.
      params: [num_params] angles in radians.

    Returns:
      [2**n] complex64; complex128 if `params` are float64.

    Raises:
      ValueError: too few parameters.
    """
    params = jnp.asarray(params)
    wide = params.dtype == jnp.float64 and params.size > 0
    state = zero_state(circuit.num_qubits)
    return apply_circuit(circuit, state.astype("complex128") if wide else state, params)


def apply_circuit(
    circuit: Circuit, state: jax.Array, params: Parameters = ()
) -> jax.Array:
    """Applies a circuit to a state.

    Args:
      circuit: n qubits; static.
      state: [2**n] complex.
      params: [num_params] angles in radians.

    Returns:
      [2**n], of the type of `state`.

    Raises:
      ValueError: the state has another number of qubits, or there are too few
        parameters.
    """
    state, params = jnp.asarray(state), jnp.asarray(params)
    if num_qubits_of(state) != circuit.num_qubits:
        raise ValueError(
            f"the circuit has {circuit.num_qubits} qubits, the state has shape "
            f"{state.shape}"
        )
    if params.ndim != 1 or params.shape[0] < circuit.num_params:
        raise ValueError(
            f"the circuit takes a vector of {circuit.num_params} parameters, got shape "
            f"{params.shape}"
        )
    complex_type = jnp.result_type(state.dtype, jnp.complex64)
    real_type = jnp.finfo(complex_type).dtype
    return _apply(circuit, state.astype(complex_type), params.astype(real_type))


def apply_diagonal(
    state: jax.Array, angle: jax.typing.ArrayLike, diagonal: jax.Array
) -> jax.Array:
    """Applies exp(-i angle diagonal).

    Args:
      state: [2**n] complex.
      angle: scalar in radians for a diagonal value of one.
      diagonal: [2**n] real.

    Returns:
      [2**n], of the type of `state`.
    """
    phases = jnp.asarray(angle, diagonal.dtype) * diagonal
    return state * lax.complex(jnp.cos(phases), -jnp.sin(phases)).astype(state.dtype)


@functools.partial(jax.jit, static_argnums=0)
def _apply(circuit: Circuit, state: jax.Array, params: jax.Array) -> jax.Array:
    plan = plan_circuit(circuit)
    epochs = [e for step in plan if isinstance(step, Segment) for e in step.epochs]
    kernels = _kernels(epochs, params, state.dtype)
    done = 0
    for step in plan:
        if isinstance(step, Segment):
            until = done + len(step.epochs)
            state = _apply_segment(state, step, [k[done:until] for k in kernels])
            done = until
        else:
            state = _apply_wide(state, step, params)
    return state


def _kernels(
    epochs: list[Epoch], params: jax.Array, dtype: jax.typing.DTypeLike
) -> list[jax.Array]:
    """Real matrices [E, 2 d, 2 d] of the bins: (plane, index) -> (index, plane)."""
    matrices = bin_matrices(epochs, params, dtype) if epochs else []
    return [_interleaving(matrix) for matrix in matrices]


def _interleaving(matrix: jax.Array) -> jax.Array:
    """Complex [E, d, d] as real matrices that take planes to interleaved numbers."""
    real, imag = matrix.real, matrix.imag
    rows = [
        jnp.concatenate([real, -imag], axis=2),
        jnp.concatenate([imag, real], axis=2),
    ]
    size = 2 * matrix.shape[1]
    return jnp.stack(rows, axis=2).reshape(-1, size, size)


def _apply_segment(
    state: jax.Array, segment: Segment, kernels: list[jax.Array]
) -> jax.Array:
    pairs = jnp.stack([state.real, state.imag], axis=-1)
    pairs = _run_segment(segment, pairs, kernels)
    return lax.complex(pairs[:, 0], pairs[:, 1])


def _apply_wide(state: jax.Array, operation: Operation, params: jax.Array) -> jax.Array:
    """Applies a gate to the amplitudes whose controls are one."""
    num_qubits = num_qubits_of(state)
    matrix = operation_matrix(operation, params, state.dtype)
    controls = operation.qubits[: operation.num_controls]
    targets = operation.qubits[operation.num_controls :]
    where = tuple(1 if q in controls else slice(None) for q in range(num_qubits))
    tensor = state.reshape((2,) * num_qubits)
    kept = [q for q in range(num_qubits) if q not in controls]
    axes = [kept.index(q) for q in targets]
    part = jnp.moveaxis(tensor[where], axes, range(len(axes)))
    acted = jnp.matmul(matrix, part.reshape(matrix.shape[0], -1), precision=_HIGHEST)
    acted = jnp.moveaxis(acted.reshape(part.shape), range(len(axes)), axes)
    return tensor.at[where].set(acted).reshape(-1)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _run_segment(
    segment: Segment, pairs: jax.Array, matrices: list[jax.Array]
) -> jax.Array:
    """Applies a segment to [2**n, 2] parts; matrices [E, 2 d, 2 d] by bin."""
    tables = _stacked_tables(segment, inverse=False)

    def epoch(pairs: jax.Array, inputs: tuple) -> tuple[jax.Array, None]:
        (high, low), kernels = inputs
        flat = jnp.moveaxis(_gather(pairs, high, low), -1, 0)
        for place, kernel in _from_the_top(kernels):
            flat = _multiply(flat, kernel, place)
        return flat.reshape(pairs.shape), None

    pairs, _ = lax.scan(epoch, pairs, (tables, matrices))
    return _permute(pairs, segment, inverse=False)


def _run_forward(
    segment: Segment, pairs: jax.Array, matrices: list[jax.Array]
) -> tuple[jax.Array, tuple]:
    pairs = _run_segment(segment, pairs, matrices)
    return pairs, (pairs, matrices)


def _run_backward(
    segment: Segment, kept: tuple[jax.Array, list[jax.Array]], cotangent: jax.Array
) -> tuple[jax.Array, list[jax.Array]]:
    """Walks back with the state and its cotangent."""
    pairs, matrices = kept
    pairs = _permute(pairs, segment, inverse=True)
    cotangent = _permute(cotangent, segment, inverse=True)
    tables = _stacked_tables(segment, inverse=True)

    def epoch(both: _Pair, inputs: tuple) -> tuple[_Pair, list[jax.Array]]:
        (high, low), kernels = inputs
        gradients = []
        for place, kernel in reversed(_from_the_top(kernels)):
            both, gradient = _undo(*both, kernel, place)
            gradients.append(gradient)
        state, cotangent = (_gather(_to_pairs(x), high, low) for x in both)
        shape = pairs.shape
        return (state.reshape(shape), cotangent.reshape(shape)), gradients

    both, gradients = lax.scan(
        epoch, (pairs, cotangent), (tables, matrices), reverse=True
    )
    return both[1], gradients


_run_segment.defvjp(_run_forward, _run_backward)


def _from_the_top(kernels: list[jax.Array]) -> list[tuple[int, jax.Array]]:
    """Matrices of the bins, the most significant first, and the bits below each."""
    below, places = 0, []
    for kernel in kernels:
        places.append((below, kernel))
        below += kernel.shape[-1].bit_length() - 2
    return places[::-1]


def _multiply(flat: jax.Array, kernel: jax.Array, below: int) -> jax.Array:
    """Multiplies a bin with `below` bits under it; the plane sinks below the bin."""
    size = kernel.shape[-1]
    if below == 0:
        return jnp.matmul(flat.reshape(-1, size), kernel.T, precision=_HIGHEST)
    parts = flat.reshape(-1, size, 2**below)
    if max(size, 2**below) <= _SHORT:
        terms = [
            kernel[:, i][None, :, None] * parts[:, i][:, None] for i in range(size)
        ]
        return functools.reduce(jnp.add, terms)
    many = jnp.broadcast_to(kernel[None], (parts.shape[0], size, size))
    return jnp.matmul(many, parts, precision=_HIGHEST)


def _undo(
    state: jax.Array, cotangent: jax.Array, kernel: jax.Array, below: int
) -> tuple[_Pair, jax.Array]:
    """Undoes `_multiply` for the state and its cotangent; the gradient of the kernel.

    The kernel is orthogonal, so its transpose is its inverse.
    """
    before, after = _multiply(state, kernel.T, below), cotangent
    shape = (-1, kernel.shape[-1], 2**below)
    gradient = jnp.einsum(
        "arb,acb->arc", after.reshape(shape), before.reshape(shape), precision=_HIGHEST
    )
    return (before, _multiply(cotangent, kernel.T, below)), jnp.sum(gradient, axis=0)


def _to_pairs(flat: jax.Array) -> jax.Array:
    return flat.reshape(2, -1).T


def _gather(pairs: jax.Array, high: jax.Array, low: jax.Array) -> jax.Array:
    """Takes [2**n, 2] by the indices high ^ low, as [high half, low half, 2].

    One dimension would be slower: the program would divide to find the tables' entries.
    """
    indices = high[:, None] ^ low[None, :]
    return pairs.at[indices].get(mode="promise_in_bounds", unique_indices=True)


def _permute(pairs: jax.Array, segment: Segment, *, inverse: bool) -> jax.Array:
    """The gather behind the last epoch, or its inverse."""
    if segment.leave.is_identity:
        return pairs
    leave = segment.leave.inverse() if inverse else segment.leave
    high, low = leave.tables
    return _gather(pairs, jnp.asarray(high), jnp.asarray(low)).reshape(pairs.shape)


def _stacked_tables(segment: Segment, *, inverse: bool) -> tuple[jax.Array, jax.Array]:
    """Tables of the gathers of all epochs, [E, high half] and [E, low half]."""
    entries = [epoch.entry for epoch in segment.epochs]
    maps = [entry.inverse() if inverse else entry for entry in entries]
    high, low = zip(*(entry.tables for entry in maps), strict=True)
    return jnp.stack(high), jnp.stack(low)
