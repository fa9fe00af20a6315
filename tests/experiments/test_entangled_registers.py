"""The comparison of registers, tiny, and its rank tests against SciPy and by hand."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats

from experiments.comparisons import entangled_registers
from experiments.comparisons.entangled_registers import Budget, Problem
from experiments.comparisons.search_setting import search_setting
from experiments.figures.entangled_boxes import comparison_figure
from experiments.landscapes.chains import LANDSCAPES
from qnas_jax.reporting.rank_tests import RankTest, rank_test, rank_tests


def test_superiority_counts_pairs():
    first, second = np.array([3.0, 5.0, 5.0]), np.array([1.0, 4.0, 5.0, 5.0])
    wins = sum(
        (a > b) + (a == b) / 2 for a, b in itertools.product(first, second)
    ) / len(list(itertools.product(first, second)))
    superiority, p_value = rank_test(first, second)
    assert superiority == wins
    # Exact without ties: all 20 orders of 3 + 3 are equally likely, 2 are extreme.
    assert rank_test(np.arange(3.0) + 9, np.arange(3.0)) == (1.0, pytest.approx(0.1))
    assert 0 < p_value <= 1
    assert rank_test(np.ones(4), np.ones(4)) == (0.5, 1.0)
    far = np.float32(np.arange(200.0))
    assert 0 < rank_test(far + 1000, far)[1] < 1e-50


def test_one_correction_for_all_tables():
    rng = np.random.default_rng(0)
    tables = {
        name: {
            key: rng.normal(shift, 1, 30)
            for key, shift in {"a": 0, "b": 0.5, "c": 3}.items()
        }
        for name in ("one", "two")
    }
    tests = rank_tests(tables)
    assert [(t.first, t.second) for t in tests["one"]] == [
        ("b", "a"),
        ("c", "a"),
        ("c", "b"),
    ]
    raw = [
        scipy.stats.mannwhitneyu(tables[name][t.first], tables[name][t.second]).pvalue
        for name in tables
        for t in tests[name]
    ]
    smallest = min(t.p_value for name in tables for t in tests[name])
    np.testing.assert_allclose(smallest, 6 * min(raw))
    assert tests["one"][1].verdict == "significantly better"


@pytest.mark.parametrize(
    ("superiority", "p_value", "verdict"),
    [
        (0.7, 0.01, "significantly better"),
        (0.3, 0.01, "significantly worse"),
        (0.7, 0.2, "no significant difference"),
    ],
)
def test_verdicts_follow_the_test(superiority, p_value, verdict):
    assert RankTest("a", "b", 0.0, superiority, p_value).verdict == verdict


def test_the_comparison_runs(monkeypatch):
    monkeypatch.setattr(entangled_registers, "ANGLES", (0.2,))
    monkeypatch.setattr(entangled_registers, "COUPLINGS", (0.5, 1.0))
    problems = [Problem("separable", 4, 4), Problem("pair_trap", 4, 4)]
    budget = Budget(generations=15, seeds=6, tuning_seeds=6)
    rows, samples = entangled_registers.run(problems, budget)
    assert [row["strategy"] for row in rows[:3]] == ["qbit", "qudit", "entangled"]
    for row in rows:
        best = samples[row["problem"]][row["strategy"]]
        assert best.shape == (6,) and np.all((best >= 0) & (best <= 1 + 1e-5))
        assert row["mean"] == pytest.approx(best.mean())
        assert row["angle / pi"] == 0.2
    tests = entangled_registers.compare(samples)
    assert len(tests) == 6 and all(0 <= test["p (Holm)"] <= 1 for test in tests)
    (couplings,) = entangled_registers.run_couplings(
        problems[:1], 0.2 * math.pi, budget
    )
    assert {"coupling 0.5", "coupling 1.0"} <= couplings.keys()
    assert comparison_figure(samples).startswith(b"\x89PNG")


def test_the_angle_with_the_best_mean_is_taken(monkeypatch):
    """Each angle is tried on the same seeds, which are not those of the comparison."""
    asked = []

    def bests(setting, problem, first_seed, num_seeds, generations):
        asked.append((first_seed, num_seeds))
        return np.full(num_seeds, -abs(setting.options.angle / math.pi - 0.11))

    monkeypatch.setattr(entangled_registers, "final_bests", bests)
    problem, budget = Problem("coupled", 4, 4), Budget(seeds=7, tuning_seeds=3)
    angle = entangled_registers.tuned_angle("qudit", problem, budget)
    assert angle == 0.1 * math.pi
    assert set(asked) == {(10_000, 3)} and len(asked) == 5


def test_searches_run_on_instances_of_their_own():
    """With so many evaluations of so few archs, every search finds its optimum."""
    setting = search_setting("random", population=20)
    best = entangled_registers.final_bests(setting, Problem("coupled", 3, 4), 5, 3, 20)
    np.testing.assert_allclose(best, 1, atol=1e-5)
    assert not np.array_equal(
        LANDSCAPES["coupled"](3, 4, 5).pairs, LANDSCAPES["coupled"](3, 4, 6).pairs
    )
