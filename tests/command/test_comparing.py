"""Results of runs side by side."""

import json
import pathlib

import pytest

from qnas_jax.command.comparing import comparison, run
from qnas_jax.errors import UserError
from qnas_jax.reporting.comparison.finished_runs import Finished, read_finished

NAS = {
    "space": "digits",
    "data": "digits",
    "strategy": "qbit",
    "arch": [0, 1],
    "test_accuracy": 0.9,
    "test_examples": 100,
    "parameters": 12345,
    "macs": 67890,
    "evaluations": 40,
    "seconds": {"supernet": 60.0, "search": 65.0},
    "worth": {"verdict": "worth it"},
    "seed": 3,
}


def folder(path: pathlib.Path, result=None, name="result.json") -> pathlib.Path:
    path.mkdir()
    (path / "config.json").write_text("{}")
    if result is not None:
        (path / name).write_text(json.dumps(result))
    return path


def test_searches_stand_by_their_accuracy(tmp_path):
    found = [
        Finished(pathlib.Path("a"), {**NAS, "test_accuracy": 0.8, "worth": None}),
        Finished(pathlib.Path("b"), NAS),
        Finished(pathlib.Path("c"), {}),
    ]
    head, best, other, empty, last = comparison(found)
    assert head.split()[:4] == ["run", "data", "space", "strategy"]
    # Wilson's interval of 90 of 100, by hand: (0.8256, 0.9448).
    assert best == (
        "b    digits  digits  qbit      90.00 %        82.56 % to 94.48 %  12,345      "
        "67,890         40           2 min 05 s  worth it              3"
    )
    assert other.split()[0] == "a" and "80.00 %" in other and "–" in other
    assert (empty, last) == ("", "no result yet: c")


def test_other_kinds_of_runs_have_tables_of_their_own():
    budget = {"budget": 50.0, "validation": {"mean": 0.5}, "test": {"mean": 0.25}}
    benchmark = {
        "table": "own",
        "strategy": "random",
        "searches": 3,
        "budget_in": "evaluations",
        "budgets": [budget],
    }
    solve = {"file": "a.json", "optimiser": "qaoa", "cost": -12.0, "evaluations": 1024}
    runs = [
        Finished(pathlib.Path(name), found)
        for name, found in (("b", benchmark), ("s", solve))
    ]
    lines = comparison(runs)
    cells = ["b", "own", "random", "3", "50", "evaluations", "0.25", "–"]
    assert lines[1].split() == cells
    assert lines[4].split() == ["s", "a.json", "qaoa", "-12", "1,024"]


def test_folders_are_read(tmp_path, capsys):
    one = folder(tmp_path / "one", NAS)
    two = folder(tmp_path / "two", {"optimiser": "qaoa", "cost": 1.0}, "solution.json")
    assert read_finished(one).result == NAS
    assert run([str(one), str(two), str(tmp_path / "nope")]) == 0
    assert str(two) in capsys.readouterr().out


def test_a_page_is_written_if_asked_for(tmp_path, capsys):
    one, page = folder(tmp_path / "one", NAS), tmp_path / "page.html"
    assert run([str(one), f"--html={page}"]) == 0
    assert f"page: {page}" in capsys.readouterr().out
    assert str(one) in page.read_text("utf-8")


@pytest.mark.parametrize(
    "result", [{**NAS, "seconds": 3}, {**NAS, "test_accuracy": "x"}, [1]]
)
def test_a_damaged_result_is_named(tmp_path, result):
    path = folder(tmp_path / "run", result)
    with pytest.raises(UserError, match=str(path)):
        run([str(path)])
