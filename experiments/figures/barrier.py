"""Annealing through a barrier, computed exactly: quantum and thermal.

The cost of n bits is their Hamming weight w, plus a barrier of some height on `width`
weights in the way down to w = 0. It treats all bits alike, so both processes are exact
on n + 1 numbers: amplitudes of the symmetric states, or probabilities of the weights.

The thermal walk has to climb the barrier, however thin it is, and does so while it is
hot: what counts is the height, and a wide barrier, whose top leads down too, is met
earlier. Tunnelling depends on the width as well.

Source: Farhi, Goldstone & Gutmann, Quantum adiabatic evolution algorithms versus
simulated annealing, quant-ph/0201031 (2002).
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Barrier:
    """The cost of n bits.

    Attributes:
      num_qubits: n.
      start: the lowest weight that the barrier is on, at least 1.
      width: number of weights that it is on; 0 for none.
      height: what it adds, in units of one bit's cost.
    """

    num_qubits: int
    start: int
    width: int
    height: float

    def costs(self) -> np.ndarray:
        """Cost of each weight, float64 [n + 1]."""
        weights = np.arange(self.num_qubits + 1)
        inside = (weights >= self.start) & (weights < self.start + self.width)
        return weights + self.height * inside


def uniform_weights(num_qubits: int) -> np.ndarray:
    """Share of the bit strings of each weight, float64 [n + 1]."""
    counts = [math.comb(num_qubits, weight) for weight in range(num_qubits + 1)]
    return np.array(counts, float) / 2.0**num_qubits


def quantum_weights(costs: np.ndarray, *, time: float, steps: int) -> np.ndarray:
    """Distribution of the weight after a quantum anneal.

    H(s) = -(1 - s) sum_i X_i + s C with s from 0 to 1, in symmetric Trotter steps as in
    `qnas_jax.optimise.annealing.anneal_state`, within the n + 1 symmetric states, where
    sum_i X_i has the elements <w + 1|.|w> = sqrt((w + 1) (n - w)).

    Args:
      costs: [n + 1].
      time: in units of 1 / energy.
      steps: Trotter steps.

    Returns:
      float64 [n + 1].
    """
    num_qubits = len(costs) - 1
    weights = np.arange(num_qubits)
    couplings = np.sqrt((weights + 1) * (num_qubits - weights))
    fields, modes = np.linalg.eigh(np.diag(couplings, 1) + np.diag(couplings, -1))
    state = np.sqrt(uniform_weights(num_qubits)).astype(complex)
    step = time / steps
    for middle in (np.arange(steps) + 0.5) / steps:
        half_phase = np.exp(-0.5j * step * middle * costs)
        mixing = np.exp(1j * step * (1 - middle) * fields)
        state = half_phase * (modes @ (mixing * (modes.T @ (half_phase * state))))
    return np.abs(state) ** 2


def thermal_weights(costs: np.ndarray, *, last_beta: float, sweeps: int) -> np.ndarray:
    """Distribution of the weight after simulated annealing by single flips.

    Args:
      costs: [n + 1].
      last_beta: inverse temperature of the last sweep; it rises linearly from 0.
      sweeps: of n Metropolis steps, each on a bit chosen at random.

    Returns:
      float64 [n + 1].
    """
    num_qubits = len(costs) - 1
    weights = np.arange(num_qubits + 1)
    chances = uniform_weights(num_qubits)
    rises = np.diff(costs)
    for beta in np.linspace(0, last_beta, sweeps):
        up = (1 - weights[:-1] / num_qubits) * np.exp(-beta * np.maximum(rises, 0))
        down = weights[1:] / num_qubits * np.exp(-beta * np.maximum(-rises, 0))
        moves = np.diag(up, -1) + np.diag(down, 1)
        moves += np.diag(1 - moves.sum(axis=0))
        chances = np.linalg.matrix_power(moves, num_qubits) @ chances
    return chances


def tunnelling_rows(
    num_qubits: int,
    start: int,
    widths: Sequence[int],
    heights: Sequence[float],
    *,
    time: float,
    steps: int,
    betas: Sequence[float],
) -> list[dict[str, float]]:
    """Success of both anneals by width and height of the barrier.

    Args:
      num_qubits: n.
      start: lowest weight with the barrier.
      widths: of the barriers.
      heights: of the barriers.
      time: of the quantum anneal.
      steps: Trotter steps, and sweeps of the thermal anneal.
      betas: last inverse temperatures; the best for each barrier counts.

    Returns:
      A row a barrier: the probabilities to end at weight 0.
    """
    rows = []
    for height in heights:
        for width in widths:
            costs = Barrier(num_qubits, start, width, height).costs()
            thermal = {
                beta: float(thermal_weights(costs, last_beta=beta, sweeps=steps)[0])
                for beta in betas
            }
            best = max(thermal, key=lambda beta: thermal[beta])
            quantum = quantum_weights(costs, time=time, steps=steps)[0]
            rows.append(
                {
                    "height": height,
                    "width": width,
                    "quantum": float(quantum),
                    "thermal": thermal[best],
                    "best last beta": best,
                }
            )
    return rows
