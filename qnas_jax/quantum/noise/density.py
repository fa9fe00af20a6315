"""Noise exactly: the density matrix of a few qubits.

rho [2^n, 2^n] is kept as a vector over 2n qubits, rows first: a gate U and the channel
with Kraus operators K_i that follows it are one matrix sum_i (K_i U) (x) (K_i U)^* on
the qubits of rows and columns. Memory is 4^n numbers: about 12 qubits.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.quantum.circuit import Circuit
from qnas_jax.quantum.inputs import as_state
from qnas_jax.quantum.memory import check_written_out
from qnas_jax.quantum.noise.channels import NoiseModel
from qnas_jax.quantum.noise.noisy_steps import (
    HIGHEST,
    plan_gathers,
    plan_steps,
    reordered,
    step_gates,
)
from qnas_jax.quantum.noise.readout import Readout, misread_probabilities
from qnas_jax.quantum.observables import PauliSum
from qnas_jax.quantum.states import zero_state


def pure_density(state: Array) -> Array:
    """|psi><psi|, complex [2^n, 2^n], of a state [2^n]."""
    state = as_state(state)
    return state[:, None] * state.conj()[None, :]


def apply_noisy(
    circuit: Circuit, noise: NoiseModel, rho: Array, params: Any = ()
) -> Array:
    """Sends a density matrix through a noisy circuit.

    Args:
      circuit: static under jit.
      noise: static under jit; its readout errors are not applied here.
      rho: complex [2^n, 2^n].
      params: [num_params] radians.

    Returns:
      [2^n, 2^n].

    Raises:
      UserError: rho has another size, or there are too few params.
    """
    n = circuit.num_qubits
    rho = as_state(rho)
    if rho.shape != (2**n, 2**n):
        raise UserError(
            f"rho: got shape {rho.shape}, expected {(2**n, 2**n)} for {n} qubits"
        )
    if not circuit.operations:
        return rho
    return _evolve(circuit, noise, rho, jnp.asarray(params))


@functools.partial(jax.jit, static_argnums=(0, 1))
def _evolve(circuit: Circuit, noise: NoiseModel, rho: Array, params: Array) -> Array:
    n = circuit.num_qubits
    plan = plan_steps(circuit, noise)
    on_both = [(*qubits, *(n + qubit for qubit in qubits)) for qubits in plan.qubits]
    gathers = plan_gathers(on_both, 2 * n)
    superoperators = jnp.asarray(plan.superoperators, rho.dtype)

    def step(vector: Array, inputs: tuple[Any, ...]) -> tuple[Array, None]:
        high, low, gate, channel = inputs
        both = jnp.kron(gate, gate.conj())
        noisy = jnp.matmul(superoperators[channel], both, precision=HIGHEST)
        front = reordered(vector, high, low).reshape(noisy.shape[0], -1)
        return jnp.matmul(noisy, front, precision=HIGHEST).reshape(-1), None

    gates = step_gates(circuit, params, rho.dtype)
    inputs = (gathers.high, gathers.low, gates, plan.channels)
    vector, _ = jax.lax.scan(step, rho.reshape(-1), inputs)
    return reordered(vector, *map(jnp.asarray, gathers.leave)).reshape(rho.shape)


def run_density(circuit: Circuit, noise: NoiseModel, params: Any = ()) -> Array:
    """The density matrix [2^n, 2^n] that a noisy circuit leaves of |0...0>.

    Args:
      circuit: on n qubits.
      noise: its noise; readout errors are not part of a state.
      params: [num_params] radians.

    Raises:
      UserError: the matrix is too large for the memory, or there are too few params.
    """
    n = circuit.num_qubits
    what = f"density matrix of {n} qubits, as a state of twice as many"
    check_written_out(what, 2 * n, 24, "use trajectories")
    start = pure_density(zero_state(n))
    return apply_noisy(circuit, noise, start, params)


def density_probabilities(rho: Array, readout: Readout = ()) -> Array:
    """Probabilities of what is read, real [2^n].

    Args:
      rho: [2^n, 2^n].
      readout: chances of misread bits; () reads without error.

    Returns:
      Real [2^n].
    """
    chances = jnp.maximum(jnp.diagonal(as_state(rho)).real, 0)
    return misread_probabilities(chances, readout) if readout else chances


def density_expectation(rho: Array, observable: PauliSum) -> Array:
    """Tr(rho H), real [], of rho [2^n, 2^n] and a sum of Pauli strings on n qubits.

    Raises:
      UserError: the sizes differ.
    """
    rho = as_state(rho)
    if rho.shape != 2 * (2**observable.num_qubits,):
        raise UserError(
            f"rho: got shape {rho.shape}, expected [2^n, 2^n] of the observable's "
            f"{observable.num_qubits} qubits"
        )
    indices = jnp.arange(rho.shape[0])
    total = jnp.zeros((), rho.real.dtype)
    strings = zip(observable.strings, observable.coefficients, strict=True)
    for string, coefficient in strings:
        # P |j> = i^(number of Y) (-1)^(bits of j under Y and Z) |j ^ flipped>.
        flipped = _mask(string, "XY")
        odd = jnp.bitwise_count(indices & _mask(string, "YZ")) & 1
        entries = rho[indices, indices ^ flipped] * (1.0 - 2.0 * odd)
        total += coefficient * (1j ** string.count("Y") * entries.sum()).real
    return total


def purity(rho: Array) -> Array:
    """Tr(rho^2), real [], of rho [2^n, 2^n]: 1 if pure, 2^-n where nothing is known."""
    return jnp.sum(jnp.abs(as_state(rho)) ** 2)


def _mask(string: str, letters: str) -> int:
    return int("".join("1" if letter in letters else "0" for letter in string), 2)
