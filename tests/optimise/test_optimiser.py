"""What goes into optimisers and comes out of them: no number is lost on the way."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.kernels import qaoa_expectation
from qnas_jax.optimise import OPTIMISERS, Diagonal, Levels, Quadratic, Result, qubo
from qnas_jax.optimise.exhaustive import exhaustive
from qnas_jax.optimise.optimiser import Demands, optimiser
from qnas_jax.optimise.problems import constraints as limits_of
from qnas_jax.optimise.random_sampling import RandomSamplingOptions, random_sampling
from qnas_jax.optimise.variational.qaoa import QaoaOptions
from qnas_jax.optimise.walks.flips import CostFlips, QuadraticFlips
from qnas_jax.optimise.walks.level_moves import CostMoves
from qnas_jax.optimise.walks.simulated_annealing import (
    AnnealOptions,
    simulated_annealing,
)
from qnas_jax.quantum import memory

KEY = jax.random.key(0)
# Costs 0, -1, -1, 0, ..., -2 at 101: two bits that want to be one, and one that not.
MATRIX = np.array([[-1.0, 2.0, 0.0], [0.0, 0.0, 2.0], [0.0, 0.0, -1.0]])
LISTED = RandomSamplingOptions(draws=400, keep=40)


def sampled(problem, **settings):
    return random_sampling(problem, KEY, options=LISTED, **settings)


@pytest.mark.parametrize("constant", [1e8, -1e12, 2.0**60])
@pytest.mark.parametrize("search", [sampled, lambda form: exhaustive(form, KEY)])
def test_a_constant_changes_no_optimum(search, constant):
    found = search(qubo(MATRIX, constant))
    np.testing.assert_array_equal(found.levels, [1, 0, 1])
    assert float(found.cost) == constant - 2
    assert found.trace[-1] == constant - 2


def test_a_constant_of_traced_numbers_is_added_last():
    forms = [qubo(MATRIX, constant) for constant in (0.0, 1e8)]
    found = [jax.jit(exhaustive)(form, KEY) for form in forms]
    for result in found:
        np.testing.assert_array_equal(result.levels, [1, 0, 1])
    assert found[0].cost == -2 and found[1].cost == np.float32(1e8 - 2)


def weighed(num_items, seed):
    """Weights of thousands and values below ten, a capacity, and all strings."""
    rng = np.random.default_rng(seed)
    weights, values = rng.integers(500, 2000, num_items), rng.integers(1, 10, num_items)
    strings = np.array(list(itertools.product((0, 1), repeat=num_items)))
    return weights, values, strings


def test_penalties_do_not_swallow_costs():
    """A knapsack with slack bits, and a sum to be met, against whole numbers."""
    weights, values, strings = weighed(6, 0)
    capacity = int(weights.sum()) // 2
    form = qubo(-np.diag(values))
    below = limits_of.constraints(6, at_most=((weights, capacity),))
    found = exhaustive(limits_of.penalised(form, below, 10.0), KEY)
    packed = np.asarray(found.levels)[:6]
    best = max(int(values @ x) for x in strings if weights @ x <= capacity)
    assert float(found.cost) == -best == -int(values @ packed)

    target = int(weights[:3].sum())
    equal = limits_of.constraints(6, equal=((weights, target),))
    posed = limits_of.penalised(form, equal, 1e6)
    best = max(int(values @ x) for x in strings if weights @ x == target)
    for found in (
        exhaustive(posed, KEY),
        simulated_annealing(posed, KEY, options=AnnealOptions(replicas=8, sweeps=40)),
    ):
        assert float(found.cost) == -best
        assert weights @ np.asarray(found.levels) == target


@pytest.mark.parametrize("scale", [1e-300, 1e-40, 1e30])
def test_costs_of_any_size(scale):
    values = scale * np.array([3.0, 1.0, -2.0, 5.0])
    for problem in (Diagonal(values), qubo(scale * MATRIX)):
        for search in (sampled, lambda form: exhaustive(form, KEY)):
            found = search(problem)
            assert float(found.cost) == pytest.approx(-2 * scale, rel=1e-12)


def test_arrays_of_numpy_and_lists():
    values = np.arange(8.0)[::-1]
    options = AnnealOptions(replicas=2, sweeps=4)
    for problem in (Diagonal(values), Diagonal(list(values)), Diagonal(np.arange(8))):
        assert exhaustive(problem, KEY).cost == 0
    # Walks ask for costs at traced places.
    closed = jax.jit(lambda key: simulated_annealing(problem, key, options=options))
    assert closed(KEY).cost == 0


class Parity:
    """A cost of a user's own that is no tree and has no arrays."""

    num_levels = (2, 2, 2)

    def cost(self, levels):
        return jnp.sum(jnp.asarray(levels), axis=-1) % 2 - 1.0

    def table(self):
        return self.cost((jnp.arange(8)[:, None] >> jnp.arange(3)[None, ::-1]) & 1)


def test_a_problem_of_a_users_own():
    assert exhaustive(Parity(), KEY).cost == -1
    assert sampled(Parity()).cost == -1


def made(evaluations):
    """An optimiser that does nothing but count."""

    @optimiser(Demands("made"))
    def count(problem, key, *, options=None):
        levels = jnp.zeros(3, jnp.int32)
        cost = problem.cost(levels)
        return Result(levels, cost, levels[None], cost[None], cost[None], evaluations)

    return count


@pytest.mark.parametrize("count", [5, 2**31, 3_402_000_000, 10**20])
def test_counts_do_not_overflow(count):
    run = made(count)
    assert run(qubo(MATRIX), KEY).evaluations == count
    traced = jax.jit(run)(qubo(MATRIX), KEY).evaluations
    assert traced.dtype == (jnp.int32 if count < 2**31 else jnp.float32)
    assert float(traced) == pytest.approx(count, rel=1e-6)


def test_angles_are_for_the_costs_as_given():
    """Whatever the unit is in which they were found."""
    options = QaoaOptions(layers=1, steps=0, shots=10)
    form = qubo(100 * MATRIX, 3.0)
    found = OPTIMISERS["qaoa"](form, KEY, options)
    value = qaoa_expectation(form.table(), *found.params)
    assert float(value) == pytest.approx(found.trace.min(), rel=1e-4)


def test_infinite_costs_are_for_searches_that_compare():
    problem = Diagonal(np.array([np.inf, 2.0, np.inf, 3.0]))
    assert exhaustive(problem, KEY).cost == 2
    assert OPTIMISERS["grover"].compares_only and not OPTIMISERS["qaoa"].compares_only
    for name in ("qaoa", "annealing", "tabu"):
        with pytest.raises(ValueError, match=f"{name}: got infinite costs"):
            OPTIMISERS[name](problem, KEY)


def test_a_user_s_costs_may_not_be_nan():
    class Broken(Parity):
        def table(self):
            return jnp.full(8, jnp.nan)

    with pytest.raises(ValueError, match="exhaustive: got costs of NaN"):
        exhaustive(Broken(), KEY)


@pytest.mark.parametrize("name", [n for n, s in OPTIMISERS.items() if s.writes_out])
def test_the_bits_that_fit_are_told_beforehand(monkeypatch, name):
    monkeypatch.setattr(memory, "available_bytes", lambda: 9e9)
    problem = qubo(np.eye(30))
    with pytest.raises(ValueError, match=f"{name}: got 30 .* of the 9 GB .* at most 2"):
        OPTIMISERS[name](problem, KEY)


def test_classes_share_no_compiled_program():
    """JAX may take registered dataclasses of equal leaves for each other."""
    n = jnp.zeros(2), jnp.zeros((2, 2)), jnp.zeros(())
    trees = [
        Quadratic(*n),
        QuadraticFlips(*n),
        CostFlips(Quadratic(*n)),
        CostMoves(Quadratic(*n)),
        Diagonal(jnp.zeros(4)),
        Levels(jnp.zeros((1, 4)), jnp.zeros((1, 1, 4, 4)), num_levels=(4,)),
    ]
    kinds = [jax.tree.structure(tree) for tree in trees]
    assert len(set(kinds)) == len(kinds)

    class Twice(Quadratic):
        def cost(self, levels):
            return 2 * super().cost(levels)

    cost = jax.jit(lambda form: form.cost(jnp.array([1, 1])))
    linear = np.array([1.0, 2.0])
    plain = Quadratic(linear, np.zeros((2, 2)))
    assert cost(plain) == 3 and cost(Twice(linear, np.zeros((2, 2)))) == 6
