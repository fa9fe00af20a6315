"""Forms of problems against brute force over all strings."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.optimise import Diagonal, Levels, Quadratic, ising, qubo
from qnas_jax.optimise.problems.problem import (
    are_bits,
    levels_at,
    num_bits,
    number_of,
    random_levels,
)
from qnas_jax.quantum.conventions import bits_of


def all_bits(n):
    return np.array(list(itertools.product((0, 1), repeat=n)), np.int8)


def test_a_qubo_by_hand():
    form = qubo([[1.0, 2.0], [3.0, -4.0]], constant=0.5)
    # x = 00, 01, 10, 11: nothing; -4; 1; 1 - 4 + 5.
    np.testing.assert_allclose(form.cost(all_bits(2)), [0.5, -3.5, 1.5, 2.5])
    assert form.num_levels == (2, 2)


def test_a_qubo_against_the_matrix_product():
    matrix = np.random.default_rng(0).normal(size=(7, 7))
    bits = all_bits(7)
    want = np.einsum("si,ij,sj->s", bits, matrix, bits) + 1.5
    np.testing.assert_allclose(qubo(matrix, 1.5).cost(bits), want, rtol=1e-5, atol=1e-5)


def test_ising_and_qubo_are_the_same_cost():
    rng = np.random.default_rng(1)
    fields, couplings = rng.normal(size=5), np.triu(rng.normal(size=(5, 5)), k=1)
    spins = 1 - 2.0 * all_bits(5)
    want = 0.7 + spins @ fields + np.einsum("si,ij,sj->s", spins, couplings, spins)
    form = ising(fields, couplings, 0.7)
    np.testing.assert_allclose(form.cost(all_bits(5)), want, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(
        ising(fields, couplings + couplings.T).cost(all_bits(5)),
        spins @ fields + 2 * np.einsum("si,ij,sj->s", spins, couplings, spins),
        rtol=1e-5,
        atol=1e-5,
    )
    h, j, constant = form.to_ising()
    np.testing.assert_allclose(h, fields, atol=1e-5)
    np.testing.assert_allclose(j, couplings, atol=1e-5)
    np.testing.assert_allclose(constant, 0.7, atol=1e-5)


def test_a_diagonal_reads_bit_zero_as_the_most_significant():
    form = Diagonal(jnp.arange(8.0))
    assert form.num_levels == (2,) * 3
    np.testing.assert_array_equal(form.cost(all_bits(3)), np.arange(8))
    assert form.cost(np.array([1, 0, 0], np.int8)) == 4
    np.testing.assert_array_equal(form.table(), np.arange(8))


NUM_LEVELS = (3, 2, 4)


def test_assignments_are_numbered_with_the_last_register_fastest():
    assignments = np.array(list(itertools.product(*map(range, NUM_LEVELS))))
    found = levels_at(jnp.arange(24), NUM_LEVELS)
    np.testing.assert_array_equal(found, assignments)
    assert found.dtype == jnp.int32
    np.testing.assert_array_equal(number_of(assignments, NUM_LEVELS), np.arange(24))
    np.testing.assert_array_equal(levels_at(jnp.int32(23), NUM_LEVELS), [2, 1, 3])
    bits = levels_at(jnp.arange(8).reshape(2, 4), (2, 2, 2))
    np.testing.assert_array_equal(bits.reshape(8, 3), bits_of(np.arange(8), 3))


def test_a_diagonal_over_registers():
    values = np.random.default_rng(1).normal(size=24).astype(np.float32)
    form = Diagonal(jnp.asarray(values), NUM_LEVELS)
    assert form.cost(jnp.array([2, 0, 1])) == values[2 * 8 + 1]
    np.testing.assert_array_equal(form.table(), values)
    assert not are_bits(form) and are_bits(Diagonal(jnp.zeros(4)))
    with pytest.raises(UserError, match=r"vqe: got .*\(3, 2, 4\) levels, exp"):
        num_bits(form, "vqe")


def test_random_levels_are_uniform():
    keys = jax.random.split(jax.random.key(0), 6000)
    drawn = jax.vmap(lambda key: random_levels(key, NUM_LEVELS))(keys)
    for column, count in enumerate(NUM_LEVELS):
        shares = np.bincount(drawn[:, column], minlength=count) / 6000
        np.testing.assert_allclose(shares, 1 / count, atol=0.03)


@pytest.fixture(name="levels")
def levels_form():
    rng = np.random.default_rng(2)
    later = np.triu(np.ones((3, 3)), k=1)[:, :, None, None]
    return Levels(
        unary=jnp.asarray(rng.normal(size=(3, 4)), jnp.float32),
        pairwise=jnp.asarray(rng.normal(size=(3, 3, 4, 4)) * later, jnp.float32),
        constant=0.25,
        num_levels=NUM_LEVELS,
    )


def by_loops(form, choice):
    cost = 0.25 + sum(form.unary[layer, k] for layer, k in enumerate(choice))
    for a, b in itertools.combinations(range(len(choice)), 2):
        cost += form.pairwise[a, b, choice[a], choice[b]]
    return float(cost)


def test_levels_against_loops(levels):
    choices = np.array(list(itertools.product(*map(range, NUM_LEVELS))))
    want = [by_loops(levels, choice) for choice in choices]
    np.testing.assert_allclose(levels.cost(choices), want, rtol=1e-5)
    np.testing.assert_allclose(levels.table(), want, rtol=1e-5)


def test_levels_as_one_hot(levels):
    form = levels.as_one_hot(penalty=10.0)
    assert form.num_levels == (2,) * 9
    costs = {}
    for bits in all_bits(9):
        parts = np.split(bits, [3, 5])
        violation = sum((1 - part.sum(dtype=int)) ** 2 for part in parts)
        if violation == 0:
            choice = tuple(int(part.argmax()) for part in parts)
            costs[choice] = form.cost(bits)
            np.testing.assert_allclose(
                costs[choice], by_loops(levels, choice), rtol=1e-4, atol=1e-4
            )
    assert len(costs) == 24
    empty = form.cost(np.zeros(9, np.int8))
    np.testing.assert_allclose(empty, 0.25 + 3 * 10.0, rtol=1e-6)


def test_levels_as_binary_codes(levels):
    form = levels.as_binary(invalid_cost=99.0)
    assert form.num_levels == (2,) * 5
    for bits in all_bits(5):
        choice = (2 * bits[0] + bits[1], bits[2], 2 * bits[3] + bits[4])
        want = 99.0 if choice[0] == 3 else by_loops(levels, choice)
        np.testing.assert_allclose(form.cost(bits), want, rtol=1e-5)


def test_forms_are_trees_that_jit_and_vmap(levels):
    bits = all_bits(3)
    matrices = np.random.default_rng(3).normal(size=(4, 3, 3))
    forms = [qubo(matrix) for matrix in matrices]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *forms)
    got = jax.vmap(lambda form: form.cost(bits))(stacked)
    want = np.stack([form.cost(bits) for form in forms])
    np.testing.assert_allclose(got, want, rtol=1e-6)
    table = jax.jit(Levels.table)(levels)
    np.testing.assert_allclose(table, levels.table(), rtol=1e-6)


BOTH = np.zeros((2, 2, 2, 2))
BOTH[0, 1, 1, 1] = BOTH[1, 0, 1, 1] = -1.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: qubo([[1.0, 2.0]]), r"got shape \(1, 2\), expected a square matrix"),
        (lambda: qubo([[1.0, np.nan], [0, 0]]), r"got nan at \(0, 1\)"),
        (lambda: ising([1.0], [[0.0, 1.0]]), r"expected \[n\] and \[n, n\]"),
        (lambda: ising([1.0], [[2.0]]), "on the diagonal, expected zeros"),
        (lambda: qubo(np.eye(2)).cost([0, 1, 1]), r"shape \(3,\), expected \[..., 2\]"),
        (lambda: qubo(np.eye(2)).cost([0, 2]), "got 2 in some register, .* below 2"),
        (lambda: qubo(np.eye(2)).cost([0, 0.5]), "got 0.5 in some register"),
        (lambda: Diagonal(np.zeros(6), (3, 2)).cost([2, 2]), r"below \(3, 2\)"),
        (lambda: Diagonal(np.zeros(4)).cost([-1, 0]), "got -1 in some register"),
        (lambda: qubo([[1j]]), "QUBO: got complex numbers"),
        (lambda: qubo([["a"]]), "QUBO: got .* values, expected real"),
        (lambda: qubo([[1.0]], np.nan), "constant: got nan"),
        (lambda: qubo([[3e38, 1e38], [0, 0]]), r"add up to 4e\+38, expected less"),
        (lambda: ising([np.inf], [[0.0]]), "Ising, fields: got inf at 0"),
        (
            lambda: Quadratic(jnp.zeros(2), -np.eye(2)[::-1]),
            "below the diagonal, expected zeros; qubo makes",
        ),
        (lambda: Quadratic(jnp.zeros(2), np.zeros(2)), r"linear \(2,\) and quadratic"),
        (lambda: Quadratic(np.array([np.nan]), np.zeros((1, 1))), "linear: got nan"),
        (lambda: Levels(np.zeros((2, 2)), BOTH, 0.0, (2, 2)), "registers l >= m"),
        (lambda: Levels(np.zeros((2, 2)), 0 * BOTH, 0.0, (2, 3)), "K = 3 or more"),
        (lambda: Levels(np.zeros((2, 2)), 0 * BOTH), r"registers of \(\) levels"),
        (lambda: Levels(np.zeros((2, 2)), 0 * BOTH, np.inf, (2, 2)), "constant: got"),
        (lambda: Diagonal([0.0, np.nan]), "values: got nan at 1"),
        (lambda: Diagonal([0.0, -np.inf]), "values: got -inf at 1"),
        (lambda: Diagonal(np.array([1j, 0])), "values: got complex"),
        (lambda: Diagonal(jnp.zeros(6)), r"got shape \(6,\), expected \[2\^n\]"),
        (lambda: Diagonal(jnp.zeros(6), (3, 4)), r"\(6,\), expected \[3\*4\]"),
        (
            lambda: Quadratic(jnp.zeros(40), jnp.zeros((40, 40))).table(),
            "40 qubits, expected at most 30; use simulated_annealing, path_int",
        ),
    ],
)
def test_bad_input_is_one_line(make, message):
    with pytest.raises(ValueError, match=message):
        make()
