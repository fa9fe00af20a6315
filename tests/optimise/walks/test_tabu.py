"""Tabu search: a run redone in plain Python, optima by brute force."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.optimise import Diagonal, qubo
from qnas_jax.optimise.walks.flips import flips_of
from qnas_jax.optimise.walks.tabu import TabuOptions, _step, _Tabu, tabu


def all_bits(n):
    return np.array(list(itertools.product((0, 1), repeat=n)), np.int8)


def random_qubo(n, seed=0):
    return qubo(np.random.default_rng(seed).normal(size=(n, n)))


def plain_tabu(matrix, bits, stays):
    """The same rule with lists and full costs."""
    bits, n = bits.astype(float), len(bits)
    cost = bits @ matrix @ bits
    best, free, trace = cost, np.zeros(n, int), []
    for now, stay in enumerate(stays):
        costs = []
        for i in range(n):
            other = bits.copy()
            other[i] = 1 - other[i]
            costs.append(other @ matrix @ other)
        allowed = [i for i in range(n) if free[i] <= now or costs[i] < best - 1e-9]
        if allowed:
            place = min(allowed, key=lambda i: costs[i])
        else:
            place = int(np.argmin(free))
        bits[place] = 1 - bits[place]
        free[place] = now + 1 + stay
        best = min(best, costs[place])
        trace.append(costs[place])
    return np.array(trace), best


@pytest.mark.parametrize("longest", [4, 30])
def test_steps_against_plain_python(longest):
    rng = np.random.default_rng(1)
    matrix, bits = rng.normal(size=(9, 9)), rng.integers(0, 2, 9)
    stays = rng.integers(longest // 2, longest, 60)
    want, best = plain_tabu(matrix, bits, stays)
    flips = flips_of(qubo(matrix))
    walk = flips.start(jnp.asarray(bits))
    state = _Tabu(walk, jnp.zeros(9, jnp.int32), walk.levels, walk.cost)
    step = jax.jit(lambda state, now, stay: _step(flips, state, now, stay)[0])
    got = []
    for now, stay in enumerate(stays):
        state = step(state, jnp.int32(now), jnp.int32(stay))
        got.append(state.walk.cost)
    np.testing.assert_allclose(got, want, atol=1e-4)
    assert state.best_cost == pytest.approx(best, abs=1e-4)
    np.testing.assert_allclose(qubo(matrix).cost(state.best), best, atol=1e-4)


@pytest.mark.parametrize("seed", [0, 1])
def test_finds_the_optimum(seed):
    form = random_qubo(13, seed)
    options = TabuOptions(walks=4, restarts=2, steps=60)
    result = jax.jit(lambda f, k: tabu(f, k, options=options))(
        form, jax.random.key(seed)
    )
    assert result.cost == pytest.approx(float(form.cost(all_bits(13)).min()), rel=1e-5)
    np.testing.assert_allclose(form.cost(result.samples), result.sample_costs)
    assert result.cost == result.sample_costs.min()
    assert (jnp.diff(result.trace) <= 0).all() and result.trace.shape == (120,)
    assert result.evaluations == 4 * 2 * (60 * 13 + 1)


def test_any_cost_and_restarts_leave_a_trap():
    """Each bit alone leads away from the optimum; turning a share finds it."""
    n = 8
    ones = all_bits(n).sum(axis=1)
    costs = np.where(ones == n, -1.0, ones.astype(np.float32))
    options = TabuOptions(walks=16, restarts=20, steps=30, turned=0.5)
    problem = Diagonal(jnp.asarray(costs, jnp.float32))
    result = jax.jit(lambda p, k: tabu(p, k, options=options))(
        problem, jax.random.key(0)
    )
    assert result.cost == -1.0 and result.levels.all()
