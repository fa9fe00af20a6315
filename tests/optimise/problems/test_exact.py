"""Costs in double precision against whole numbers of Python and loops."""

import itertools

import numpy as np
import pytest

from qnas_jax.optimise import Diagonal, Levels, qubo
from qnas_jax.optimise.problems.exact import (
    exact_costs,
    exact_table,
    passes_single,
    without_constant,
)

LEVELS = (3, 1, 2, 4)


def every(num_levels):
    return list(itertools.product(*map(range, num_levels)))


@pytest.mark.parametrize("n", [1, 2, 5])
def test_forms_of_large_whole_numbers(n):
    """float32 would round each of them, and their sums to steps of thousands."""
    rng = np.random.default_rng(n)
    matrix = rng.integers(-(10**11), 10**11, (n, n))
    form = qubo(matrix, 10**12 + 1)
    costs = [
        10**12
        + 1
        + sum(int(matrix[i, j]) * x[i] * x[j] for i in range(n) for j in range(n))
        for x in every((2,) * n)
    ]
    np.testing.assert_array_equal(exact_table(form), costs)
    np.testing.assert_array_equal(exact_costs(form, every((2,) * n)), costs)


def test_levels_by_loops():
    rng = np.random.default_rng(0)
    later = np.triu(np.ones((4, 4)), k=1)[:, :, None, None]
    pairs = rng.integers(-(10**9), 10**9, (4, 4, 4, 4)) * later
    alone = rng.integers(-(10**9), 10**9, (4, 4)).astype(float)
    form = Levels(alone, pairs, 0.5, LEVELS)
    costs = []
    for x in every(LEVELS):
        cost = 0.5 + sum(alone[layer, k] for layer, k in enumerate(x))
        for a, b in itertools.combinations(range(4), 2):
            cost += pairs[a, b, x[a], x[b]]
        costs.append(cost)
    np.testing.assert_array_equal(exact_table(form), costs)
    np.testing.assert_array_equal(exact_costs(form, every(LEVELS)), costs)
    one_hot = form.as_one_hot(1e10)
    bits = np.concatenate(
        [np.eye(k)[[x]] for k, x in zip(LEVELS, (2, 0, 1, 3), strict=True)], 1
    )
    assert exact_costs(one_hot, bits[0]) == costs[every(LEVELS).index((2, 0, 1, 3))]


def test_a_list_of_costs():
    values = np.array([1.0, 2.0**40 + 1, np.inf, 0.0])
    problem = Diagonal(values)
    np.testing.assert_array_equal(exact_table(problem), values)
    np.testing.assert_array_equal(exact_costs(problem, [[0, 1], [1, 0]]), values[1:3])
    assert without_constant(problem) == (problem, 0.0)


def test_a_constant_is_put_apart():
    plain, constant = without_constant(qubo(np.eye(2), 7.0))
    assert constant == 7 and exact_costs(plain, [1, 1]) == 2


@pytest.mark.parametrize(
    ("matrix", "passes"),
    [
        ([[1.0, 2.0], [0.0, 4.0]], False),
        ([[1.0, 2.0**24], [0.0, 0.0]], True),
        ([[0.25, 2.0**22], [0.0, 0.0]], True),
        ([[3e9, 2e9], [0.0, 1e9]], False),  # whole millions
        ([[3e9 + 1, 2e9], [0.0, 1e9]], True),
        ([[0.1, 0.2], [0.0, 0.3]], False),  # float64 does not hold these either
        ([[0.0]], False),
    ],
)
def test_what_double_precision_holds_and_single_does_not(matrix, passes):
    assert passes_single(qubo(matrix)) == passes
