"""Noise by quantum trajectories: pure states that jump at random.

At each channel one Kraus operator K_i is drawn with probability |K_i psi|^2 and psi
becomes K_i psi / |K_i psi| (Dalibard, Castin & Molmer, "Wave-function approach to
dissipative processes in quantum optics", Phys. Rev. Lett. 68, 1992). The average over
trajectories is the density matrix, at the memory of states: twice as many qubits.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.quantum.circuit import Circuit
from qnas_jax.quantum.conventions import bits_of, index_of
from qnas_jax.quantum.inputs import as_state
from qnas_jax.quantum.noise.channels import NoiseModel
from qnas_jax.quantum.noise.noisy_steps import (
    HIGHEST,
    plan_gathers,
    plan_steps,
    reordered,
    step_gates,
)
from qnas_jax.quantum.noise.readout import misread_bits
from qnas_jax.quantum.states import sample, zero_state


class Estimate(NamedTuple):
    """An average over trajectories.

    Attributes:
      value: [...] mean.
      standard_error: [...] of the mean; falls as 1 / sqrt(trajectories).
    """

    value: Array
    standard_error: Array


@functools.partial(jax.jit, static_argnums=(1, 2))
def apply_trajectory(
    key: Array, circuit: Circuit, noise: NoiseModel, state: Array, params: Any = ()
) -> Array:
    """Sends a state through a noisy circuit once.

    Args:
      key: consumed.
      circuit: static under jit.
      noise: static under jit; its readout errors are not applied here.
      state: complex [2^n], norm 1.
      params: [num_params] radians.

    Returns:
      [2^n], norm 1.

    Raises:
      UserError: the state or params has another size.
    """
    state = as_state(state)
    if state.shape != (2**circuit.num_qubits,):
        raise UserError(
            f"state: got shape {state.shape}, expected [2^{circuit.num_qubits}] as the "
            "circuit has qubits"
        )
    if not circuit.operations:
        return state
    plan = plan_steps(circuit, noise)
    gathers = plan_gathers(plan.qubits, circuit.num_qubits)
    gates = step_gates(circuit, params, state.dtype)
    kraus = jnp.asarray(plan.kraus, state.dtype)
    real = state.real.dtype
    mixtures = None if plan.mixtures is None else jnp.asarray(plan.mixtures, real)

    def step(state: Array, inputs: tuple[Any, ...]) -> tuple[Array, None]:
        high, low, gate, channel, draw = inputs
        front = reordered(state, high, low).reshape(gate.shape[0], -1)
        if mixtures is not None:
            choice, chance = _choose(draw, mixtures[channel])
            acting = jnp.matmul(kraus[channel, choice], gate, precision=HIGHEST)
        else:
            all_acting = jnp.matmul(kraus[channel], gate[None], precision=HIGHEST)
            choice, chance = _choose(draw, _squared_norms(all_acting, front))
            acting = all_acting[choice]
        error = acting * jax.lax.rsqrt(chance)
        return jnp.matmul(error, front, precision=HIGHEST).reshape(-1), None

    # In (0, 1], so that what has no chance is never chosen.
    draws = 1 - jax.random.uniform(key, (len(plan.qubits),), real)
    inputs = (gathers.high, gathers.low, gates, plan.channels, draws)
    state, _ = jax.lax.scan(step, state, inputs)
    return reordered(state, *map(jnp.asarray, gathers.leave))


def run_trajectory(
    key: Array, circuit: Circuit, noise: NoiseModel, params: Any = ()
) -> Array:
    """A state [2^n] that the noisy circuit may leave, started in |0...0>.

    Args:
      key: consumed.
      circuit: static under jit.
      noise: static under jit.
      params: [num_params] radians.

    Returns:
      Complex [2^n], norm 1.
    """
    start = zero_state(circuit.num_qubits)
    return apply_trajectory(key, circuit, noise, start, params)


@functools.partial(
    jax.jit,
    static_argnames=("circuit", "noise", "measure", "num_trajectories", "batch"),
)
def average(
    key: Array,
    circuit: Circuit,
    noise: NoiseModel,
    measure: Callable[[Array], Array],
    params: Any = (),
    *,
    num_trajectories: int = 256,
    batch: int = 64,
) -> Estimate:
    """Mean of what is measured over trajectories from |0...0>.

    Args:
      key: consumed.
      circuit: what runs.
      noise: its noise; readout errors are not part of an average over states.
      measure: function of a state [2^n], for example its expectation of an observable;
        gives real [...].
      params: [num_params] radians.
      num_trajectories: T, at least 2.
      batch: trajectories at the same time; memory is that of so many states.

    Returns:
      Mean and standard error, [...] each.

    Raises:
      UserError: less than two trajectories, or a batch below 1.
    """
    _check_at_least("num_trajectories", num_trajectories, 2)

    def one(trajectory_key: Array) -> Array:
        return measure(run_trajectory(trajectory_key, circuit, noise, params))

    values = _in_batches(one, key, num_trajectories, batch)
    spread = jnp.std(values, axis=0, ddof=1)
    return Estimate(values.mean(axis=0), spread / num_trajectories**0.5)


@functools.partial(
    jax.jit,
    static_argnames=("circuit", "noise", "shots", "shots_per_trajectory", "batch"),
)
def sample_noisy(
    key: Array,
    circuit: Circuit,
    noise: NoiseModel,
    params: Any = (),
    *,
    shots: int,
    shots_per_trajectory: int = 1,
    batch: int = 64,
) -> Array:
    """Measures all qubits of a noisy circuit, readout errors included.

    Args:
      key: consumed.
      circuit: what runs, from |0...0>.
      noise: its noise.
      params: [num_params] radians.
      shots: S, measurements.
      shots_per_trajectory: 1 gives independent shots; with more, shots of the same
        trajectory are correlated, and fewer trajectories are computed.
      batch: trajectories at the same time.

    Returns:
      int32 [S], basis indices that are read.

    Raises:
      UserError: a number of shots or a batch below 1.
    """
    _check_at_least("shots", shots, 1)
    _check_at_least("shots_per_trajectory", shots_per_trajectory, 1)

    def one(trajectory_key: Array) -> Array:
        run_key, sample_key = jax.random.split(trajectory_key)
        state = run_trajectory(run_key, circuit, noise, params)
        return sample(sample_key, state, shots_per_trajectory)

    state_key, readout_key = jax.random.split(key)
    count = -(-shots // shots_per_trajectory)
    indices = _in_batches(one, state_key, count, batch).reshape(-1)[:shots]
    if not noise.readout:
        return indices
    bits = bits_of(indices, circuit.num_qubits)
    return index_of(misread_bits(readout_key, bits, noise.readout))


def _in_batches(
    one: Callable[[Array], Array], key: Array, count: int, batch: int
) -> Array:
    """Results [count, ...]; equal batches compile once, what is too much is dropped."""
    _check_at_least("batch", batch, 1)
    batch = min(batch, count)
    keys = jax.random.split(key, -(-count // batch) * batch)
    return jax.lax.map(one, keys, batch_size=batch)[:count]


def _squared_norms(operators: Array, front: Array) -> Array:
    """|A_i psi|^2 [M] of operators [M, D, D] on a state [D, 2^(n-K)]."""
    local = jnp.matmul(front, front.conj().T, precision=HIGHEST)
    moved = jnp.matmul(operators, local[None], precision=HIGHEST)
    return jnp.maximum(jnp.sum((moved * operators.conj()).real, axis=(1, 2)), 0)


def _choose(draw: Array, chances: Array) -> tuple[Array, Array]:
    """An index drawn by chances [M] from a uniform number, and its chance."""
    cumulative = jnp.cumsum(chances)
    choice = jnp.sum(draw * cumulative[-1] > cumulative)
    return choice, chances[choice]


def _check_at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise UserError(f"{name}: got {value}, expected at least {least}")
