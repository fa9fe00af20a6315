"""The experiments on solvers run, tiny, and their rows say what they should."""

import math

import pytest

from experiments.comparisons import grover_law, solver_instances
from experiments.measuring.rows import table
from qnas_jax.optimise.problems.instances import (
    knapsack,
    quadratic_assignment,
    random_qubo,
)


def test_grover_law():
    searches = grover_law.run_search([(64, 1), (1024, 1)], num_seeds=60)
    assert [row["sqrt(N/M)"] for row in searches] == [8, 32]
    assert all(row["found"] > 0.9 for row in searches)
    # Iterations 6, 25 and one look; 64 items fail now and then.
    assert searches[1]["known"] == pytest.approx(26, abs=1)
    assert 0.4 < grover_law.slope(searches, "N", "known") < 0.6
    minima = grover_law.run_minimum([16, 64], num_seeds=20)
    assert minima[0]["calls"] < minima[1]["calls"]
    assert grover_law.draw(searches, minima).startswith(b"\x89PNG")


def test_slopes_by_hand():
    rows = [{"x": x, "y": 3 * x**0.5} for x in (1.0, 2.0, 7.0)]
    assert grover_law.slope(rows, "x", "y") == pytest.approx(0.5)


def test_time_to_solution_by_hand():
    """p = 0.9: two runs reach 99 %."""
    assert solver_instances.time_to_solution(10, 0.9) == pytest.approx(20)
    assert solver_instances.time_to_solution(10, 1.0) == 10
    assert solver_instances.time_to_solution(10, 0.0) is None


def test_solver_instances():
    makers = (
        lambda seed: random_qubo(6, seed=seed),
        lambda seed: knapsack(6, seed=seed),
        lambda seed: quadratic_assignment(2, seed=seed),
    )
    names = ["exhaustive", "tabu"]
    rows = solver_instances.run(makers, names, num_instances=2, num_seeds=3)
    assert len(rows) == 6 and table(rows, list(rows[0]))
    for row in rows:
        assert 0 <= row["p"] <= 1 and row["ratio"] <= 1 + 1e-5 and row["runs"] == 6
        if row["optimiser"] == "exhaustive":
            assert row["p"] == 1 and row["TTS"] == row["evaluations"]
            assert math.log2(row["evaluations"]).is_integer()
        assert row["p"] > 0.3
