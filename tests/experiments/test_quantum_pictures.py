"""The numbers behind the pictures against full state vectors and closed forms."""

import itertools
import math

import jax.numpy as jnp
import numpy as np
import pytest

from experiments.figures.barrier import (
    Barrier,
    quantum_weights,
    thermal_weights,
    tunnelling_rows,
    uniform_weights,
)
from experiments.figures.interference import interference, interference_figure
from experiments.figures.superposition import superposition, superposition_figure
from experiments.figures.tunnelling import tunnelling_figure
from qnas_jax.optimise.annealing import anneal_state, named_schedule

PNG = b"\x89PNG"
SPIKE = Barrier(6, 2, 1, 1.5)


@pytest.fixture(scope="module")
def registers():
    return superposition(generations=30)


def weights_of_strings(num_qubits):
    strings = np.array(list(itertools.product((0, 1), repeat=num_qubits)))
    return strings.sum(axis=1)


def test_costs_by_hand():
    np.testing.assert_array_equal(Barrier(5, 2, 2, 4.0).costs(), [0, 1, 6, 7, 4, 5])
    np.testing.assert_allclose(uniform_weights(3), [0.125, 0.375, 0.375, 0.125])


@pytest.mark.parametrize("barrier", [SPIKE, Barrier(7, 1, 3, 0.7)])
def test_symmetric_states_are_the_full_state_vector(barrier):
    strings = weights_of_strings(barrier.num_qubits)
    diagonal = jnp.asarray(barrier.costs()[strings], jnp.float32)
    state, _ = anneal_state(diagonal, named_schedule("linear"), time=6.0, steps=30)
    by_string = np.abs(np.asarray(state)) ** 2
    expected = np.bincount(strings, weights=by_string)
    found = quantum_weights(barrier.costs(), time=6.0, steps=30)
    np.testing.assert_allclose(found, expected, atol=2e-5)
    np.testing.assert_allclose(found.sum(), 1, rtol=1e-9)


def test_thermal_weights_are_the_walk_on_all_strings():
    num_qubits, costs = SPIKE.num_qubits, SPIKE.costs()
    strings = weights_of_strings(num_qubits)
    size = len(strings)
    chances = np.full(size, 1 / size)
    for beta in np.linspace(0, 2.0, 4):
        moves = np.zeros((size, size))
        for here, bit in itertools.product(range(size), range(num_qubits)):
            there = here ^ (1 << bit)
            rise = costs[strings[there]] - costs[strings[here]]
            accepted = min(1.0, math.exp(-beta * rise)) / num_qubits
            moves[there, here] += accepted
            moves[here, here] += 1 / num_qubits - accepted
        for _ in range(num_qubits):
            chances = moves @ chances
    expected = np.bincount(strings, weights=chances)
    found = thermal_weights(costs, last_beta=2.0, sweeps=4)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_thin_high_barrier_stops_the_thermal_walk_only():
    rows = tunnelling_rows(
        24, 5, [0, 1, 4], [6.0], time=20.0, steps=200, betas=(2.0, 8.0)
    )
    none, thin, wide = rows
    assert none["quantum"] > 0.9 and none["thermal"] > 0.9
    assert thin["quantum"] > 2 * thin["thermal"]
    assert wide["quantum"] < thin["quantum"]


def test_a_slow_anneal_ends_in_the_optimum():
    costs = Barrier(6, 2, 1, 1.0).costs()
    short, long = (
        quantum_weights(costs, time=time, steps=round(10 * time))[0]
        for time in (2.0, 80.0)
    )
    assert short < 0.9 and long > 0.999


def test_amplitudes_follow_the_closed_form():
    data = interference(num_items=40, num_marked=3, iterations=12)
    turned = (2 * np.arange(13) + 1) * math.asin(math.sqrt(3 / 40))
    np.testing.assert_allclose(data.marked, np.sin(turned) / math.sqrt(3), atol=2e-6)
    np.testing.assert_allclose(data.unmarked, np.cos(turned) / math.sqrt(37), atol=2e-6)


def test_registers_start_undecided_and_entangle_on_the_way(registers):
    data = registers
    for table in data.probabilities.values():
        assert table.shape == (31, 6, 8)
        np.testing.assert_allclose(table[0], 1 / 8, rtol=1e-5)
        np.testing.assert_allclose(table.sum(axis=2), 1, rtol=1e-4)
    assert data.entropy.shape == (31,)
    assert data.entropy[0] < 1e-4 < 0.05 < data.entropy.max()
    assert all(0 <= score <= 1 + 1e-6 for score in data.scores.values())


def test_every_picture_is_drawn(registers):
    rows = [
        {"height": h, "width": w, "quantum": 0.5, "thermal": 0.1}
        for h in (4.0, 6.0)
        for w in (0, 1)
    ]
    drawn = [
        tunnelling_figure(rows),
        interference_figure(interference(16, 1, 5)),
        superposition_figure(registers),
    ]
    assert all(picture.startswith(PNG) for picture in drawn)
