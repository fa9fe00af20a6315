"""Runs circuits on state vectors: pure functions of parameters and state.

The circuit is static; `jax.jit`, `jax.grad` and `jax.vmap` work over parameters and
states.

Gates are fused (`fusion.py`), the matrices of all bins are made at once (`blocks.py`)
and act in one loop (`segments.py`). Reverse mode undoes that loop, so there is no
forward mode (`jax.jvp`, `jax.hessian`) through circuits.
"""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from qnas_jax.errors import UserError
from qnas_jax.quantum.circuit import Circuit, Operation
from qnas_jax.quantum.conventions import num_qubits_of
from qnas_jax.quantum.inputs import as_real, as_state, check_numbers
from qnas_jax.quantum.memory import check_written_out
from qnas_jax.quantum.planning.blocks import bin_matrices, operation_matrix
from qnas_jax.quantum.planning.fusion import Segment, plan_circuit
from qnas_jax.quantum.planning.segments import (
    from_pairs,
    product_pairs,
    real_matrices,
    run_segment,
    to_pairs,
)
from qnas_jax.quantum.states import zero_state

Plan = tuple[Segment | Operation, ...]
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
      UserError: too few parameters, or too many qubits for the memory.
    """
    params = _checked(circuit, params)
    check_circuit_fits(circuit)
    wide = params.dtype == jnp.float64 and params.size > 0
    return _apply_to_zero(circuit, params.astype("float64" if wide else "float32"))


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
      UserError: the state has another number of qubits, or there are too few
        parameters.
    """
    state, params = as_state(state), _checked(circuit, params)
    if num_qubits_of(state) != circuit.num_qubits:
        raise UserError(
            f"the circuit has {circuit.num_qubits} qubits, the state has shape "
            f"{state.shape}"
        )
    check_circuit_fits(circuit)
    return _apply(circuit, state, params.astype(jnp.finfo(state.dtype).dtype))


def check_circuit_fits(circuit: Circuit) -> None:
    """Raises UserError if a circuit has too many qubits for the memory."""
    # Two planes, once before and once after a round of gates.
    check_written_out(
        "circuit", circuit.num_qubits, 16, "a state doubles with each qubit"
    )


def _checked(circuit: Circuit, params: Parameters) -> jax.Array:
    check_numbers("params", params)
    params = as_real("params", jnp.asarray(params))
    if params.ndim != 1 or params.shape[0] < circuit.num_params:
        raise UserError(
            f"the circuit takes a vector of {circuit.num_params} parameters, got shape "
            f"{params.shape}"
        )
    return params


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

    Raises:
      UserError: the lengths differ, or the diagonal or the angle is complex.
    """
    state, diagonal = as_state(state), as_real("diagonal", diagonal)
    if state.shape[-1:] != diagonal.shape:
        raise UserError(
            f"apply_diagonal: got state {state.shape} and diagonal {diagonal.shape}, "
            "expected 2**n numbers each"
        )
    phases = as_real("angle", angle) * diagonal
    return state * lax.complex(jnp.cos(phases), -jnp.sin(phases)).astype(state.dtype)


@functools.partial(jax.jit, static_argnums=0)
def _apply(circuit: Circuit, state: jax.Array, params: jax.Array) -> jax.Array:
    plan = plan_circuit(circuit)
    matrices = _matrices(plan, params, state.dtype)
    return from_pairs(_run(plan, to_pairs(state), params, matrices))


@functools.partial(jax.jit, static_argnums=0)
def _apply_to_zero(circuit: Circuit, params: jax.Array) -> jax.Array:
    """As `_apply` to |0...0>, which the first round makes a product state."""
    plan = plan_circuit(circuit)
    dtype = jnp.result_type(params.dtype, jnp.complex64)
    matrices = _matrices(plan, params, dtype)
    pairs = to_pairs(zero_state(circuit.num_qubits).astype(dtype))
    if plan and isinstance(plan[0], Segment):
        pairs = product_pairs([matrix[0, :, 0] for matrix in matrices])
        matrices = [matrix[1:] for matrix in matrices]
        plan = (Segment(plan[0].rounds[1:], plan[0].leave), *plan[1:])
    return from_pairs(_run(plan, pairs, params, matrices))


def _matrices(
    plan: Plan, params: jax.Array, dtype: jax.typing.DTypeLike
) -> list[jax.Array]:
    """Matrices [R, d, d] of each bin in all rounds of a plan."""
    rounds = [e for step in plan if isinstance(step, Segment) for e in step.rounds]
    return bin_matrices(rounds, params, dtype) if rounds else []


def _run(
    plan: Plan, pairs: jax.Array, params: jax.Array, matrices: list[jax.Array]
) -> jax.Array:
    done = 0
    kernels = [real_matrices(matrix) for matrix in matrices]
    for step in plan:
        if isinstance(step, Segment):
            until = done + len(step.rounds)
            pairs = run_segment(step, pairs, [k[done:until] for k in kernels])
            done = until
        else:
            pairs = to_pairs(_apply_wide(from_pairs(pairs), step, params))
    return pairs


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
