"""From rows to the page: what it claims is what the rows say."""

import json

import numpy as np
import pytest
from comparison_rows import FOCUS, LEVELS, make_rows
from scipy.stats import kruskal, ttest_ind

from qnas_jax.reporting.comparison.contrasts import (
    contrasts,
    difference_of_means,
    level_with_best,
    unequal,
)
from qnas_jax.reporting.comparison.page import Focus, rank_all, write_comparison
from qnas_jax.reporting.comparison.records import (
    curves_by_task,
    read_comparison,
    transfers,
)
from qnas_jax.reporting.comparison.words import best_sentences, reference_sentence
from qnas_jax.reporting.rank_tests import rank_test
from qnas_jax.reporting.statistics import holm


@pytest.fixture
def tasks():
    return curves_by_task(make_rows())


def test_curves_hold_what_the_rows_hold(tasks):
    assert list(tasks) == ["one", "two"] and list(tasks["one"]) == list(LEVELS)
    curves = tasks["one"]["level"]
    assert curves.test.shape == (20, 3) and curves.evaluations == 20
    assert curves.at(40.0) is None and curves.at(15.0) is None
    expected = [row["test"][1] for row in make_rows() if row.get("strategy") == "level"]
    np.testing.assert_allclose(curves.at(20.0), expected[:20])
    assert np.isinf(curves.first_top).sum() == 10
    np.testing.assert_array_equal(
        transfers(make_rows())["slow"]["one"], [0.6, 0.61, 0.62]
    )


def test_contrasts_are_corrected_together(tasks):
    found = contrasts(tasks, "fast", (10.0, 20.0))
    assert list(found) == [("one", 10.0), ("one", 20.0), ("two", 10.0), ("two", 20.0)]
    plain = [
        rank_test(tasks[task]["fast"].at(budget), tasks[task][name].at(budget))[1]
        for task, budget in found
        for name in ("level", "slow")
    ]
    ours = [test.p_value for group in found.values() for test in group]
    np.testing.assert_allclose(ours, holm(plain))
    slow = found["one", 20.0][1]
    assert slow.second == "slow" and slow.verdict == "significantly better"
    difference = (
        tasks["one"]["fast"].at(20.0).mean() - tasks["one"]["slow"].at(20.0).mean()
    )
    assert slow.difference == pytest.approx(difference)


def test_verdicts_say_what_the_rows_say(tasks):
    best, level = level_with_best(tasks["one"], 20.0)
    assert {best, *level} == {"fast", "level"}
    sentences = best_sentences(tasks, 20.0, "evaluations")
    assert len(sentences) == 2 and "slow" not in sentences[0]
    won = reference_sentence(tasks, "fast", ["slow"], [20.0], "evaluations")
    assert "nowhere significantly worse than slow" in won and "2 of 2" in won
    assert "superiority 1.00" in won and "95\u00a0% interval +" in won
    lost = reference_sentence(tasks, "slow", ["fast"], [20.0], "evaluations")
    assert "slow is significantly worse than fast on one at 20" in lost
    none = reference_sentence(tasks, "none", ["fast"], [20.0], "evaluations")
    assert none == "none was not compared with fast."


def test_only_full_sets_are_ranked(tasks):
    rankings = rank_all(tasks, (20.0, 40.0))
    assert set(rankings[20.0].names) == set(LEVELS)
    assert set(rankings[40.0].names) == {"fast", "slow"}
    assert rankings[40.0].ranks == (1.0, 2.0)


def test_a_block_is_a_task_and_not_a_seed(tasks):
    """More seeds on the same two tables do not make ranks more certain."""
    ranking = rank_all(tasks, (20.0,))[20.0]
    more = rank_all(curves_by_task(make_rows(seeds=60)), (20.0,))[20.0]
    assert ranking.blocks == more.blocks == 2
    assert ranking.difference == more.difference
    # Nemenyi's difference of three strategies over two blocks.
    assert ranking.difference == pytest.approx(2.343 * np.sqrt(3 * 4 / 12), rel=1e-3)
    assert ranking.ranks[0] < 2 and ranking.cliques() == [(0, 2)]


def test_the_interval_of_a_difference_is_welchs(tasks):
    test = contrasts(tasks, "fast", (20.0,))["two", 20.0][1]
    samples = [tasks["two"][name].at(20.0) for name in ("fast", "slow")]
    expected = ttest_ind(*samples, equal_var=False).confidence_interval(0.95)
    assert (test.low, test.high) == pytest.approx(tuple(expected))
    assert test.low < test.difference < test.high
    same = difference_of_means(np.full(3, 0.5), np.full(4, 0.25))
    assert same == (0.25, 0.25)


def test_whether_a_task_tells_strategies_apart(tasks):
    samples = [curves.at(20.0) for curves in tasks["one"].values()]
    assert unequal(tasks["one"], 20.0) == pytest.approx(kruskal(*samples).pvalue)
    assert unequal({"fast": tasks["one"]["fast"]}, 20.0) is None


def test_page_holds_tables_figures_and_verdicts(tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in make_rows()))
    page = write_comparison(rows, tmp_path / "out", FOCUS)
    text = page.read_text("utf-8")
    assert text.count("data:image/png;base64,") == 3
    assert "nowhere significantly worse than slow" in text
    assert "61.00 ± 2.00" in text and "61.00 ± 1.00" in text  # published and ours
    assert text.count("<script>") == 3 and "Copyright (c) 2022 Leon Sorokin" in text
    figures = {path.stem for path in (tmp_path / "out" / "figures").glob("*.png")}
    assert figures == {"regret_curves", "arrival_curves", "ranks_20"}
    again = write_comparison(rows, tmp_path / "out", FOCUS)
    assert again.read_text("utf-8") == text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "line 1: not valid JSON"),
        ('{"strategy": "a"}', "without task, seed"),
        ("", "no rows of searches"),
    ],
)
def test_broken_rows_are_named(tmp_path, content, message):
    rows = tmp_path / "rows.jsonl"
    rows.write_text(content)
    with pytest.raises(ValueError, match=message):
        write_comparison(rows, tmp_path, FOCUS)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_comparison(tmp_path / "none.jsonl")


def test_too_many_colours_are_refused():
    with pytest.raises(ValueError, match="shown: got 8 names, expected at most 7"):
        Focus("a", (), tuple("abcdefgh"), (), ())
