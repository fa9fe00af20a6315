"""Charts: ranges, words, the JSON of a page, what a run's charts hold."""

import json
import math

import numpy as np
import pytest

from qnas_jax.reporting import charts, register_map, search_charts, training_charts
from qnas_jax.reporting.best_archs import best_archs, shown_evaluations
from qnas_jax.reporting.charts import Axis, Chart, Line
from qnas_jax.reporting.rows import Registers, read_run
from qnas_jax.reporting.run_charts import shown_of_run


def test_a_telling_range_leaves_the_steep_beginning_out():
    x = np.arange(1, 11)
    steep = np.array([10, 40, 60, 80, 90, 91, 92, 93, 94, 95])
    low, high = charts.telling_range([(x, steep), (x, np.full(10, 98.0))])
    # From epoch 4 on: 80 to 98, and 6 % of it.
    assert (low, high) == pytest.approx((80 - 1.08, 98 + 1.08))
    # An early maximum stays inside.
    low, high = charts.telling_range([(x, steep[::-1])])
    assert low < 10 and high > 95
    assert charts.telling_range([(x, np.full(10, math.nan))]) is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 1.0], (-0.06, 1.06)),
        ([2.0], (1.9, 2.1)),
        ([0.0, 0.0], (-1, 1)),
        ([], None),
    ],
)
def test_ranges_have_room(values, expected):
    found = charts.padded(values)
    assert found == (expected if expected is None else pytest.approx(expected))


def test_json_of_a_page_is_safe_and_short():
    line = Line("</script>&", "blue", np.array([1.0, 2.0]), [math.nan, 0.123456789])
    chart = Chart("t", "s", Axis("x"), Axis("y"), [line])
    text = charts.page_json({"chart": chart, "names": ("a", None), "all": range(2)})
    assert not set("<>&") & set(text)
    found = json.loads(text)
    (drawn,) = found["chart"]["lines"]
    assert drawn["label"] == "</script>&" and drawn["y"] == [None, 0.123457]
    assert found["names"] == ["a", None] and found["all"] == [0, 1]


def test_what_lines_say():
    lines = [
        Line("best", "blue", [1, 2, 3], [math.nan, 0.5, 0.75]),
        Line("", "soft", [1], [9.0]),
        Line("one", "sky", [1], [0.25]),
    ]
    assert (
        charts.said_of_lines(lines, " %") == "best from 0.5 % to 0.75 %; one at 0.25 %."
    )
    assert charts.said_of_lines([]) == "nothing was measured."


def test_points_are_the_evaluations_with_their_architectures(small, no_drawing):
    run = read_run(small.workdir)
    best = best_archs(run.history, small.winner)
    shown = shown_of_run(run, best)
    columns = shown.data["evaluations"]
    assert len(columns["evaluation"]) == 799  # one of 800 failed
    row = run.history[5]
    place = columns["evaluation"].index(row["evaluation"])
    assert columns["arch"][place] == row["arch"]
    assert columns["costs.params"][place] == row["costs"]["params"]
    assert columns["score"][place] == row["score"]
    params = shown.charts["score_against_cost"][0]
    assert [points.label for points in params.points][-1] == "winner"
    (star,) = params.points[-1].rows
    assert columns["arch"][star] == small.winner
    halves = [row for points in params.points[:2] for row in points.rows]
    assert sorted(halves) == list(range(799))
    assert shown.data["ops"][1] == small.names
    assert shown.data["known"][json.dumps(best[0].row["arch"], separators=(",", ":"))]


def test_every_figure_says_what_is_seen(small, no_drawing):
    run = read_run(small.workdir)
    shown = shown_of_run(run, [])
    assert set(shown.figures) <= set(shown.alts)
    assert "best so far from" in shown.alts["search_progress"]
    assert "the winner has" in shown.alts["score_against_cost"]
    assert "is the most probable" in shown.alts["register_heatmap"]
    assert all(len(text) > 20 for text in shown.alts.values())


def test_the_best_come_first_and_are_distinct():
    def row(evaluation, arch, score, status="ok"):
        told = {"evaluation": evaluation, "generation": 0, "arch": arch}
        return told | {"score": score, "status": status}

    rows = [
        row(1, [0], 0.5), row(2, [1], 0.9), row(3, [1], 0.9), row(4, [2], 0.9),
        row(5, [3], None, "error"), row(6, [4], 0.7),
    ]  # fmt: skip
    found = best_archs(rows, [2], most=3)
    assert [each.row["evaluation"] for each in found] == [3, 4, 6]
    assert [each.is_winner for each in found] == [False, True, False]
    assert [each.name for each in found] == ["arch-1", "arch-2", "arch-3"]


def test_of_many_evaluations_the_best_and_some_of_all_are_shown():
    rng = np.random.default_rng(0)
    rows = [
        {"evaluation": n, "arch": [n], "score": float(score), "status": "ok"}
        for n, score in enumerate(rng.random(500))
    ]
    found = shown_evaluations(rows, most=40)
    numbers = [row["evaluation"] for row in found]
    assert len(found) == 40 and numbers == sorted(set(numbers))
    best = sorted(rows, key=lambda row: -row["score"])[:20]
    assert {row["evaluation"] for row in best} <= set(numbers)
    assert np.ptp(numbers) > 400
    assert shown_evaluations(rows[:40], most=40) == rows[:40]
    worst = min(rows, key=lambda row: row["score"])["evaluation"]
    kept = shown_evaluations(rows, most=40, also=[worst])
    assert len(kept) == 40 and worst in [row["evaluation"] for row in kept]
    assert worst not in numbers


def test_a_few_very_low_scores_lie_outside():
    scores = np.array([*np.linspace(0.8, 0.9, 99), -50.0])
    low, high = search_charts.score_range(scores)
    assert 0.7 < low < 0.8 and high > 0.9
    low, _ = search_charts.score_range(np.linspace(0, 1, 50))
    assert low < 0
    assert search_charts.score_range(np.array([])) is None


def test_a_front_is_a_step_line_with_its_knees():
    places = [(1, 0.1), (2, 0.8), (3, 0.85), (100, 0.9)]
    rows = [
        {
            "evaluation": n,
            "generation": 0,
            "arch": [n],
            "score": s,
            "costs": {"macs": c},
        }
        for n, (c, s) in enumerate(places)
    ]
    limits = {"macs": 200, "params": 1}
    (chart,) = search_charts.front_charts(rows, rows, ["macs"], limits, "accuracy")
    evaluated, front, knee = chart.points
    assert evaluated.rows == front.rows == [0, 1, 2, 3] and knee.rows == [2]
    assert list(knee.labels) == ["0.8500 at 3"]
    assert chart.limits == [charts.Limit(200)] and chart.x.range[1] > 200
    assert chart.x.log and chart.x.range[0] > 0
    assert "from 0.1 at 1 to 0.9 at 100" in chart.says


def test_a_front_of_two_costs_is_a_chart_of_each():
    """The third is on the front by its MACs alone: it lies below the other line."""
    places = [(1, 9, 0.1), (2, 8, 0.8), (3, 2, 0.7), (4, 9, 0.9)]
    rows = [
        {
            "evaluation": n,
            "arch": [n],
            "score": score,
            "costs": {"params": params, "macs": macs},
        }
        for n, (params, macs, score) in enumerate(places)
    ]
    params, macs = search_charts.front_charts(
        rows, rows, ["params", "macs"], {"macs": 10}, ""
    )
    assert params.points[1].rows == macs.points[1].rows == [0, 1, 2, 3]
    np.testing.assert_array_equal(params.lines[0].x, [1, 2, 4])
    np.testing.assert_array_equal(macs.lines[0].x, [2, 8, 9])
    assert "4 architectures on the front, 3 of them by this cost alone" in params.says
    assert not params.limits and macs.limits[0].x == 10


def test_maps_show_each_layers_own_ops():
    shares = np.zeros((3, 2, 3), np.float32)
    shares[:, 0] = [[1 / 3, 1 / 3, 1 / 3], [0.2, 0.5, 0.3], [0.05, 0.9, 0.05]]
    shares[:, 1, :2] = [0.5, 0.5]
    names = np.array([["a", "b", "c"], ["d", "e", ""]])
    registers = Registers(shares, np.array([3, 2]), np.array([0, 1, 2]), names)
    maps = register_map.register_maps(registers, [1, 0], ["layer 0", "edge 0-1"])
    first, second = maps["layers"]
    assert first.title == "layer 0: b" and second.title == "edge 0-1: d"
    assert first.shares == [[33, 20, 5], [33, 50, 90], [33, 30, 5]]
    assert list(second.ops) == ["d", "e"] and second.winner == 0
    assert "at the end b is the most probable (90 %, at the start 33 %)" in first.says
    flat, steps = np.zeros((500, 1, 2), np.float32), np.arange(500)
    many = Registers(flat, np.array([2]), steps, names[1:, :2])
    found = register_map.register_maps(many, None, ["layer 0"])
    assert len(found["generations"]) == 60 and found["generations"][-1] == 499


def test_training_charts_hold_the_rows(small):
    run = read_run(small.workdir)
    loss, accuracy = training_charts.retrain_charts(run.retrain)
    assert [line.label for line in loss.lines][:2] == ["winner", "winner, training"]
    valid = [100 * row["valid_accuracy"] for row in run.retrain["winner"]]
    np.testing.assert_allclose(accuracy.lines[0].y, valid)
    assert accuracy.lines[1].dash and not accuracy.lines[0].dash
    assert [line.color for line in accuracy.lines[::2]] == ["blue", "orange", "green"]
    (pool,) = training_charts.pool_chart(run.pool)
    assert len(pool.points[0].x) == 80
    assert training_charts.pool_chart([])[0].lines[0].label == "median"
    (entropy,) = training_charts.entropy_chart(run.registers)
    assert entropy.lines[0].low[0] <= entropy.lines[0].y[0] <= entropy.lines[0].high[0]
