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
    """Real and imaginary parts [E, 2, 2**k, 2**k] of the matrices of each bin."""
    matrices = bin_matrices(epochs, params, dtype) if epochs else []
    return [jnp.stack([k.real, k.imag], axis=1) for k in matrices]


def _apply_segment(
    state: jax.Array, segment: Segment, kernels: list[jax.Array]
) -> jax.Array:
    planes = jnp.stack([state.real, state.imag])
    planes = _run_segment(segment, planes, kernels)
    return lax.complex(planes[0], planes[1])


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
    segment: Segment, planes: jax.Array, matrices: list[jax.Array]
) -> jax.Array:
    """Applies a segment to the planes [2, 2**n]; matrices [E, 2, 2**k, 2**k] by bin."""
    tables = _stacked_tables(segment, inverse=False)

    def epoch(planes: jax.Array, inputs: tuple) -> tuple[jax.Array, None]:
        (high, low), kernels = inputs
        planes = _gather(planes, high, low)
        for kernel in kernels:
            planes = _multiply(planes, kernel)
        return planes, None

    planes, _ = lax.scan(epoch, planes, (tables, matrices))
    return _permute(planes, segment, inverse=False)


def _run_forward(
    segment: Segment, planes: jax.Array, matrices: list[jax.Array]
) -> tuple[jax.Array, tuple]:
    planes = _run_segment(segment, planes, matrices)
    return planes, (planes, matrices)


def _run_backward(
    segment: Segment, kept: tuple[jax.Array, list[jax.Array]], cotangent: jax.Array
) -> tuple[jax.Array, list[jax.Array]]:
    """Walks back with the state and its cotangent."""
    planes, matrices = kept
    planes = _permute(planes, segment, inverse=True)
    cotangent = _permute(cotangent, segment, inverse=True)
    tables = _stacked_tables(segment, inverse=True)

    def epoch(both: _Pair, inputs: tuple) -> tuple[_Pair, list[jax.Array]]:
        (high, low), kernels = inputs
        gradients = []
        for kernel in kernels:  # bins commute: the order of the way there serves too
            both, gradient = _undo(*both, kernel)
            gradients.append(gradient)
        planes, cotangent = (_gather(x, high, low) for x in both)
        return (planes, cotangent), gradients

    both, gradients = lax.scan(
        epoch, (planes, cotangent), (tables, matrices), reverse=True
    )
    return both[1], gradients


_run_segment.defvjp(_run_forward, _run_backward)


def _multiply(planes: jax.Array, kernel: jax.Array) -> jax.Array:
    """Multiplies the lowest bits of [2, 2**n] by [2, d, d]; they become the highest."""
    size = kernel.shape[-1]
    stacked = kernel.reshape(2 * size, size)
    product = jnp.matmul(stacked, planes.reshape(-1, size).T, precision=_HIGHEST)
    parts = product.reshape(2, size, 2, -1)
    real = parts[0, :, 0] - parts[1, :, 1]
    imag = parts[1, :, 0] + parts[0, :, 1]
    return jnp.stack([real.reshape(-1), imag.reshape(-1)])


def _undo(
    planes: jax.Array, cotangent: jax.Array, kernel: jax.Array
) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
    """Undoes `_multiply` for the state and its cotangent; the gradient of the kernel.

    With a unitary K, x before and its cotangent l before, the gradient of K is (K l)
    x^H = K (l x^H).
    """
    size = kernel.shape[-1]
    adjoint = jnp.stack([kernel[0].T, -kernel[1].T])
    planes, cotangent = _multiply(planes, adjoint), _multiply(cotangent, adjoint)
    rows, columns = (x.reshape(2 * size, -1) for x in (cotangent, planes))
    parts = jnp.matmul(rows, columns.T, precision=_HIGHEST).reshape(2, size, 2, size)
    real = parts[0, :, 0] + parts[1, :, 1]
    imag = parts[1, :, 0] - parts[0, :, 1]
    outer = lax.complex(real, imag)
    matrix = lax.complex(kernel[0], kernel[1])
    gradient = jnp.matmul(matrix, outer, precision=_HIGHEST)
    return (planes, cotangent), jnp.stack([gradient.real, gradient.imag])


def _gather(planes: jax.Array, high: jax.Array, low: jax.Array) -> jax.Array:
    """Takes amplitudes [..., 2**n] by the indices high ^ low."""
    indices = (high[:, None] ^ low[None, :]).reshape(-1)
    return planes.at[..., indices].get(mode="promise_in_bounds", unique_indices=True)


def _permute(planes: jax.Array, segment: Segment, *, inverse: bool) -> jax.Array:
    """The gather behind the last epoch, or its inverse."""
    if segment.leave.is_identity:
        return planes
    leave = segment.leave.inverse() if inverse else segment.leave
    high, low = leave.tables
    return _gather(planes, jnp.asarray(high), jnp.asarray(low))


def _stacked_tables(segment: Segment, *, inverse: bool) -> tuple[jax.Array, jax.Array]:
    """Tables of the gathers of all epochs, [E, high half] and [E, low half]."""
    entries = [epoch.entry for epoch in segment.epochs]
    maps = [entry.inverse() if inverse else entry for entry in entries]
    high, low = zip(*(entry.tables for entry in maps), strict=True)
    return jnp.stack(high), jnp.stack(low)
