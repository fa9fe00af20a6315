"""Fronts of NAS-Bench-201, tiny, and pymoo as a peer."""

import numpy as np
import pytest

from experiments.comparisons import fronts
from experiments.comparisons.front_problem import Problem, exact_front, shares
from experiments.comparisons.front_results import result_rows, result_table, samples
from experiments.figures.fronts import fronts_figure
from experiments.peers.pymoo_search import pymoo_search, pymoo_searches
from qnas_jax.evaluation.tables import TableOptions, load_table


@pytest.fixture(scope="module")
def problem(data_dir):
    known = load_table(TableOptions(data_dir=str(data_dir)))
    return Problem.of(known, "pixel3", "cifar10, pixel3")


def test_the_exact_front_by_brute_force(problem):
    some = problem.points[::31]
    front = exact_front(some)
    beaten = [
        ((some >= row).all(axis=1) & (some > row).any(axis=1)).any() for row in some
    ]
    expected = np.unique(some[~np.array(beaten)], axis=0)
    np.testing.assert_array_equal(np.unique(front, axis=0), expected)


def test_the_exact_front_has_a_share_of_one_and_archs_behind_it_of_none(problem):
    whole = problem.front[None]
    behind = np.tile(problem.reference, (1, 3, 1))
    assert shares(problem, whole)[0, -1] == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(shares(problem, behind), 0)
    # The best accuracy and the smallest latency of those that learn are its ends.
    assert problem.front[:, 0].max() == problem.points[:, 0].max()
    assert problem.front[:, 0].min() > 0.8


def test_rows_tables_and_pictures(problem):
    rows = list(fronts.run(["random", "nsga2"], [problem], 3, 100))
    assert [row["seed"] for row in rows] == [0, 1, 2] * 2
    for row in rows:
        assert row["budgets"] == [20, 50, 100] and len(row["share"]) == 3
        assert np.all(np.diff(row["share"]) >= 0) and 0 < row["share"][-1] < 1
    lines = result_rows(rows)
    assert [line["evaluations"] for line in lines] == [50, 100] * 2
    own = [row["share"][-1] for row in rows[:3]]
    assert lines[1]["mean"] == pytest.approx(np.mean(own))
    assert lines[1]["p"] is not None and lines[2]["p"] is None
    assert "P(better than nsga2)" in result_table(rows)
    picture, table = fronts.draw_front(rows, problem.name, "nsga2")
    assert picture.startswith(b"\x89PNG") and "latency at most, ms" in table
    curves = fronts_figure(samples(rows), [20, 50, 100])
    assert curves.startswith(b"\x89PNG")


def test_the_peer_is_determined_by_its_seed_and_learns():
    grid = np.stack(np.meshgrid(*[np.arange(4)] * 5, indexing="ij"), axis=-1)
    total = grid.sum(axis=-1)
    objectives = np.stack([total, grid[..., 0] - 2.0 * total], axis=-1)
    first, again, other = (pymoo_search(objectives, 100, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    many = pymoo_searches(np.stack([total] * 2, axis=-1), 200, range(3))
    assert many.shape == (3, 200, 5) and many.dtype == np.int32
    sums = many.sum(axis=-1)
    assert sums[:, -40:].mean() > sums[:, :20].mean() + 1
