"""Runs side by side: what the tables and the page say is what the folders hold."""

import math
import re
import statistics

import pytest
from run_folders import NETWORK, write_all, write_benchmark, write_network, write_run

from qnas_jax.errors import UserError
from qnas_jax.reporting.comparison.benchmark_runs import benchmark_curves, focus_of
from qnas_jax.reporting.comparison.finished_runs import read_finished
from qnas_jax.reporting.comparison.run_results import INTERVAL, result_tables
from qnas_jax.reporting.comparison.runs_page import write_runs
from qnas_jax.reporting.statistics import interval_of_mean

LOW = [[0.7, 0.80], [0.7, 0.81], [0.7, 0.82]]
HIGH = [[0.8, 0.86], [0.8, 0.88], [0.8, 0.87]]


def tables_of(*folders):
    found = result_tables([read_finished(folder) for folder in folders])
    return {table.name: table for table in found}


def texts(table):
    return [[cell.text.replace("\u00a0", " ") for cell in row] for row in table.rows]


def test_the_interval_of_a_mean_by_hand():
    # t(2) at 97.5 % is 4.3027; 4.3027 * 0.01 / sqrt(3) = 0.02484.
    low, high = interval_of_mean(0.91, 0.01, 3)
    assert (low, high) == pytest.approx((0.88516, 0.93484), abs=1e-5)
    assert interval_of_mean(0.91, math.nan, 1) is None


def test_seeds_are_averaged_where_nothing_else_differs(tmp_path):
    runs = [
        write_network(tmp_path / f"net{n}", 0.9 + n / 100, n, ahead=0.01 * n)
        for n in range(3)
    ]
    other = {**NETWORK, "seed": 7}
    runs += [write_run(tmp_path / "other", other, {"data": {"name": "x"}, "seed": 7})]
    runs += [write_network(tmp_path / "net0_again", 0.9, 0)]
    found = tables_of(*runs)
    assert len(found["networks"].rows) == 5
    ((name, *row),) = texts(found["seeds"])
    assert name == f"{tmp_path / 'net0'} and 2 more"
    assert row == ["3", "91.00 %", "88.52 % to 93.48 %", "+1.00", "\u22121.48 to +3.48"]


def test_one_seed_has_no_mean(tmp_path):
    assert "seeds" not in tables_of(write_network(tmp_path / "net", 0.9, 0))


def test_language_models_stand_by_their_perplexity(tmp_path):
    for name, value in (("worse", 8.0), ("better", 7.0)):
        ends = {"test_perplexity": [value - 0.5, value + 0.5]}
        result = {**NETWORK, "test_perplexity": value, "intervals": ends}
        del result["test_accuracy"]
        write_run(tmp_path / name, result)
    found = tables_of(tmp_path / "worse", tmp_path / "better")
    assert list(found) == ["models"]
    better, worse = texts(found["models"])
    assert better[0].endswith("better") and worse[0].endswith("worse")
    assert better[4:6] == ["7.0000", "6.5000 to 7.5000"]


def test_searches_have_an_interval(tmp_path):
    table = tables_of(write_benchmark(tmp_path / "b", "random", LOW))["searches"]
    # 0.81 +- 4.3027 * 0.01 / sqrt(3)
    assert texts(table)[0][3:] == ["3", "20 evaluations", "0.81", "0.78516 to 0.83484"]
    folded = table.folded()
    assert INTERVAL not in folded.headings
    assert folded.rows[0][-1].below == "0.78516 to 0.83484"


def test_curves_are_those_of_the_rows(tmp_path):
    runs = [
        write_benchmark(tmp_path / "a", "fast", HIGH),
        write_benchmark(tmp_path / "b", "random", LOW),
        write_benchmark(tmp_path / "c", "random", LOW, "alone"),
    ]
    tasks, unit = benchmark_curves(map(read_finished, runs))
    assert list(tasks) == ["one"] and unit == "evaluations"
    assert tasks["one"]["fast"].test.tolist() == HIGH
    assert tasks["one"]["fast"].optimum == 0.9
    focus = focus_of(tasks, unit)
    assert (focus.reference, focus.peers) == ("random", ("fast",))
    assert focus.budgets == (10.0, 20.0) and focus.decisive == (20.0,)


def test_one_strategy_twice_has_the_names_of_its_folders(tmp_path):
    runs = [write_benchmark(tmp_path / name, "fast", HIGH) for name in "ab"]
    tasks, unit = benchmark_curves(map(read_finished, runs))
    assert list(tasks["one"]) == [f"fast ({run})" for run in runs]
    assert focus_of(tasks, unit).reference == f"fast ({runs[0]})"


@pytest.mark.parametrize(
    "changed",
    [
        {"optimum": None},
        {"optimum": 90.0},
        {"constraints": {"params": 5}},
        {"budget_in": "train_seconds"},
        {"searches": 1},
    ],
)
def test_what_cannot_stand_side_by_side_is_left_out(tmp_path, changed):
    runs = [
        write_benchmark(tmp_path / "a", "fast", HIGH, **changed),
        write_benchmark(tmp_path / "b", "random", LOW),
    ]
    assert benchmark_curves(map(read_finished, runs))[0] == {}


def test_a_page_says_what_the_folders_hold(tmp_path):
    runs = [read_finished(path) for path in write_all(tmp_path / "runs")]
    page = write_runs(runs, tmp_path / "new" / "page.html")
    text = page.read_text("utf-8").replace("\u00a0", " ")
    for title in ("Networks", "Several seeds", "Searches", "Costs", "Tests"):
        assert f">{title}</a>" in text
    assert '<td data-value="0.91">91.00 %<small>88.52 % to 93.48 %</small>' in text
    assert f"No result yet: {tmp_path / 'runs' / 'begun'}" in text
    assert "random is significantly worse than fast on one at 20" in text
    cells = re.findall(r">(\d+\.\d+) ± (\d+\.\d+)<small>", text)
    last = [100 * (0.88 + n / 1000) for n in range(8)]
    mean, deviation = statistics.mean(last), statistics.stdev(last)
    assert (f"{mean:.2f}", f"{deviation:.2f}") in cells


def test_a_page_of_networks_alone_has_no_figures(tmp_path):
    run = read_finished(write_network(tmp_path / "net", 0.9, 0))
    text = write_runs([run], tmp_path / "page.html").read_text("utf-8")
    assert "<figure" not in text and 'id="tests"' not in text


def test_damaged_rows_are_named(tmp_path):
    folder = write_benchmark(tmp_path / "a", "fast", HIGH)
    other = write_benchmark(tmp_path / "b", "random", LOW)
    (folder / "rows.jsonl").write_text('{"budgets": [10, 20], "test": [0.5]}\n')
    with pytest.raises(UserError, match=rf"{folder}: its result is not as"):
        benchmark_curves(map(read_finished, (folder, other)))


def test_a_page_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    run = read_finished(write_network(tmp_path / "net", 0.9, 0))
    page = tmp_path / "file" / "page.html"
    with pytest.raises(UserError, match=f"{page}: got .*, expected a place for a page"):
        write_runs([run], page)
