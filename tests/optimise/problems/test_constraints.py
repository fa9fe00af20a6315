"""Constraints by penalty and by filter, against a loop over all strings."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.optimise import Diagonal, qubo
from qnas_jax.optimise.grover import grover
from qnas_jax.optimise.problems.constraints import (
    constraints,
    feasible_diagonal,
    keep_feasible,
    penalised,
    penalised_diagonal,
    slack_weights,
)
from qnas_jax.optimise.result import Result
from qnas_jax.optimise.walks.simulated_annealing import simulated_annealing

N = 6
MATRIX = np.random.default_rng(0).normal(size=(N, N))
FORM = qubo(MATRIX)
EQUAL = ((1, 1, 1, 0, 0, 0), 1.0)
AT_MOST = ((2, 0, -1, 3, 1, 4), 5.0)
SINGLE = ((0, 0, 0, 1, 1, 1), 1.0)
LIMITS = constraints(N, equal=(EQUAL,), at_most=(AT_MOST, SINGLE))


def all_bits(n):
    return np.array(list(itertools.product((0, 1), repeat=n)), np.int8)


def as_diagonal(form):
    return Diagonal(form.cost(all_bits(len(form.num_levels))))


def allowed(x):
    """By plain Python, without the code under test."""
    return (
        x[0] + x[1] + x[2] == 1
        and 2 * x[0] - x[2] + 3 * x[3] + x[4] + 4 * x[5] <= 5
        and x[3] + x[4] + x[5] <= 1
    )


FEASIBLE = np.array([allowed(x.astype(int)) for x in all_bits(N)])
COSTS = np.einsum("si,ij,sj->s", all_bits(N), MATRIX, all_bits(N))


def test_violations_by_hand():
    bits = jnp.array([[1, 1, 0, 1, 0, 1], [0, 0, 1, 0, 0, 1]])
    np.testing.assert_allclose(LIMITS.violation(bits), [[1, 4, 1], [0, 0, 0]])
    np.testing.assert_array_equal(LIMITS.feasible(bits), [False, True])
    assert LIMITS.violation(bits[0]).shape == (3,)
    np.testing.assert_array_equal(LIMITS.feasible(all_bits(N)), FEASIBLE)


@pytest.mark.parametrize("largest", [0, 1, 2, 5, 7, 8, 12])
def test_slack_bits_reach_every_number_and_no_more(largest):
    weights = slack_weights(np.array([1, -2, 3]), largest - 2)
    sums = {
        sum(w for w, bit in zip(weights, bits, strict=True) if bit)
        for bits in itertools.product((0, 1), repeat=len(weights))
    }
    assert sums == set(range(largest + 1))
    assert len(weights) == largest.bit_length()


def test_penalised_form_over_all_slacks():
    """Feasible strings keep their cost at the best slack; others pay."""
    penalty = 50.0
    form = penalised(FORM, LIMITS, penalty)
    # Slack of AT_MOST from 0 to 5 + 1: weights 1, 2, 3.
    assert form.num_levels == (2,) * (N + 3)
    costs = np.asarray(form.cost(all_bits(len(form.num_levels)))).reshape(2**N, -1)
    best = costs.min(axis=1)
    np.testing.assert_allclose(best[FEASIBLE], COSTS[FEASIBLE], atol=1e-3)
    assert (best[~FEASIBLE] > COSTS[~FEASIBLE] + penalty - 1e-2).all()
    bits = all_bits(N)[best.argmin()]
    assert allowed(bits) and best.min() == pytest.approx(
        COSTS[FEASIBLE].min(), abs=1e-3
    )


def test_penalised_diagonal():
    got = penalised_diagonal(as_diagonal(FORM), LIMITS, 3.0).values
    x = all_bits(N).astype(int)
    missed = np.abs(x[:, :3].sum(axis=1) - 1)
    above = np.maximum(x @ np.array(AT_MOST[0]) - 5, 0)
    crowd = np.maximum(x[:, 3:].sum(axis=1) - 1, 0)
    want = COSTS + 3 * (missed + above + crowd)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


def test_feasible_diagonal():
    problem = as_diagonal(FORM)
    got = np.asarray(feasible_diagonal(problem, LIMITS).values)
    np.testing.assert_allclose(got[FEASIBLE], COSTS[FEASIBLE], atol=1e-5)
    np.testing.assert_allclose(got[~FEASIBLE], COSTS[FEASIBLE].max(), atol=1e-5)
    assert (feasible_diagonal(problem, LIMITS, 9.0).values[~FEASIBLE] == 9).all()


def test_grover_marks_feasible_strings_only():
    problem = feasible_diagonal(as_diagonal(FORM), LIMITS, jnp.inf)
    result = jax.jit(jax.vmap(grover, in_axes=(None, 0)))(
        problem, jax.random.split(jax.random.key(0), 20)
    )
    assert LIMITS.feasible(result.levels).all()
    np.testing.assert_allclose(result.cost, COSTS[FEASIBLE].min(), atol=1e-5)


def test_samples_are_filtered():
    result = Result(
        levels=jnp.array([1, 1, 0, 1, 0, 1, 0]),
        cost=jnp.asarray(-99.0),
        samples=jnp.array(
            [[0, 0, 1, 0, 0, 1, 1], [0, 0, 1, 0, 0, 0, 1], [1, 1, 1, 1, 1, 1, 1]]
        ),
        sample_costs=jnp.zeros(3),
        trace=jnp.zeros(1),
        evaluations=jnp.int32(3),
    )
    kept = keep_feasible(result, FORM, LIMITS)
    costs = [FORM.cost(b[:N]) for b in result.samples[:2]]
    assert kept.samples.shape == (3, N)
    np.testing.assert_allclose(kept.sample_costs, [*costs, np.inf], rtol=1e-5)
    assert kept.cost == pytest.approx(float(min(costs)), rel=1e-6)
    nothing = keep_feasible(result._replace(samples=result.samples[2:]), FORM, LIMITS)
    assert nothing.cost == np.inf


def test_annealing_with_slack_bits_finds_the_feasible_optimum():
    form = penalised(FORM, LIMITS, 8.0)
    result = jax.jit(simulated_annealing)(form, jax.random.key(1))
    kept = keep_feasible(result, FORM, LIMITS)
    assert kept.cost == pytest.approx(COSTS[FEASIBLE].min(), abs=1e-4)


def test_no_feasible_string_is_said():
    never = constraints(2, equal=(((1, 1), 5.0),))
    form = qubo(np.diag([1.0, 2.0]))
    with pytest.raises(ValueError, match="got none of all strings that is feasible"):
        feasible_diagonal(form, never)
    traced = jax.jit(lambda form: feasible_diagonal(form, never).values)(form)
    assert np.isposinf(traced).all()


@pytest.mark.parametrize("size", [1e-7, 1.0, 1e9])
def test_what_is_feasible_does_not_depend_on_the_unit(size):
    """0.1 + 0.2 is 0.3 but for rounding; 0.01 more is not."""
    weights = size * np.array([0.1, 0.2, 0.01])
    rows = constraints(3, equal=((weights, 0.3 * size),))
    bits = all_bits(3)
    wanted = [tuple(x) == (1, 1, 0) for x in bits]
    np.testing.assert_array_equal(rows.feasible(bits), wanted)
    traced = jax.jit(lambda rows, bits: rows.feasible(bits))(rows, bits)
    np.testing.assert_array_equal(traced, wanted)


def test_sums_of_large_whole_numbers_are_told_apart():
    rows = constraints(2, equal=(((10**9, 1), 10**9),))
    np.testing.assert_array_equal(rows.feasible(all_bits(2)), [0, 0, 1, 0])


def test_weights_in_single_precision_mean_decimals():
    rows = constraints(2, equal=((np.float32([0.1, 0.2]), 0.3),))
    np.testing.assert_array_equal(rows.feasible(all_bits(2)), [0, 0, 0, 1])


@pytest.mark.parametrize("penalty", [0.0, -1.0, np.nan, np.inf, 1j])
def test_penalties_are_numbers_above_zero(penalty):
    with pytest.raises(ValueError, match="penalty: got"):
        penalised(FORM, LIMITS, penalty)
    with pytest.raises(ValueError, match="penalty: got"):
        penalised_diagonal(as_diagonal(FORM), LIMITS, penalty)


def test_errors():
    with pytest.raises(ValueError, match=r"at_most\[0\]: got weights of shape \(2,\)"):
        constraints(3, at_most=(((1, 1), 1.0),))
    with pytest.raises(ValueError, match=r"at_most\[0\], right-hand side: got inf"):
        constraints(1, at_most=(((1,), np.inf),))
    with pytest.raises(ValueError, match=r"equal\[0\]: .* finite"):
        constraints(1, equal=(((np.nan,), 1.0),))
    with pytest.raises(ValueError, match="over 3 bits, expected 6"):
        penalised(FORM, constraints(3), 1.0)
    with pytest.raises(ValueError, match="whole"):
        slack_weights(np.array([0.5]), 1)
    with pytest.raises(ValueError, match="no bits reach"):
        slack_weights(np.array([1.0]), -1)
