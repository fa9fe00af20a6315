"""The front of a run on its page: tables, diagrams, what was retrained of it."""

import json
import re

import pytest

from qnas_jax.reporting import report
from qnas_jax.reporting.best_archs import best_archs
from qnas_jax.reporting.rows import read_run
from qnas_jax.reporting.run_front import (
    budget_tables,
    costs_of_front,
    front_caption,
    front_members,
    front_of_run,
)


@pytest.fixture
def two_costs(small):
    """A run whose front is known: of parameters 0, 1, 3; of MACs 2, 1, 3."""
    places = [(10, 90, 0.5), (20, 60, 0.8), (30, 20, 0.7), (95, 95, 0.9)]
    path = small.workdir / "search" / "history.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for number, row in enumerate(rows):
        params, macs, score = (99, 99, 0.1) if number > 3 else places[number]
        row.update(score=score, costs={"params": params, "macs": macs}, status="ok")
        row["arch"] = [number % 5] * 4 + [number // 5 % 5]
    rows.append({**rows[0], "generation": 40, "score": 0.99, "evaluation": 801})
    small.dump_rows("search/history.jsonl", rows)
    result = json.loads((small.workdir / "result.json").read_text())
    result["objectives"] = ["accuracy", "params", "macs"]
    result["constraints"] = {"macs": 96}
    for name, row in (("front_1", rows[2]), ("front_2", rows[0])):
        result["baselines"][name] = {
            **result["baselines"]["random"],
            "arch": row["arch"],
            "search_score": row["score"],
            "test_accuracy": 0.875,
        }
    small.dump("result.json", result)
    return read_run(small.workdir)


def test_the_front_is_that_of_the_search_in_all_costs(two_costs):
    """The network for comparison behind its last generation is not on it."""
    assert costs_of_front(two_costs) == ["params", "macs"]
    assert [row["score"] for row in front_of_run(two_costs)] == [0.5, 0.8, 0.7, 0.9]


def test_a_table_for_each_cost(two_costs):
    params, macs = budget_tables(two_costs)
    assert params["headings"][:4] == [
        "Parameters at most",
        "Score",
        "Parameters",
        "MACs",
    ]
    assert macs["headings"][:4] == ["MACs at most", "Score", "MACs", "Parameters"]
    assert [row[:4] for row in params["cells"]] == [
        ["10", "0.5000", "10", "90"],
        ["20", "0.8000", "20", "60"],
        ["50", "0.8000", "20", "60"],
        ["100", "0.9000", "95", "95"],
    ]
    assert [row[:4] for row in macs["cells"]] == [
        ["20", "0.7000", "20", "30"],
        ["50", "0.7000", "20", "30"],
        ["100", "0.9000", "95", "95"],
    ]


def test_knees_and_retrained_members_have_diagrams(two_costs):
    best = best_archs(two_costs.history, None, 1)
    members = {each.words: each for each in front_members(two_costs, best)}
    assert list(members) == [
        "knee by parameters",
        "network 1 of the front, retrained",
        "network 2 of the front, retrained",
    ]
    knee, first, second = members.values()
    assert knee.row["score"] == 0.8 and knee.test_accuracy is None and knee.drawn
    assert first.row["score"] == 0.7 and first.test_accuracy == 0.875
    # The last row of this architecture is the best of all, and listed there.
    assert second.name == "arch-1" and not second.drawn
    assert second.row["costs"] == {"params": 10, "macs": 90}
    assert second.row["score"] == 0.5


def test_the_page_shows_all_of_it(two_costs, no_drawing):
    page, figures = report.render_page(two_costs)
    assert "front" in figures
    for title in ("budget of parameters", "budget of MACs"):
        assert page.count(f"Best under each {title}<") == 1
    assert "beats in score, parameters and MACs together" in page
    for target in re.findall(r'href="#(arch-\d+|member-\d+)"', page):
        assert f'id="{target}"' in page
    assert page.count("<summary>Diagram: ") == page.count('id="member-')


def test_the_caption_of_one_cost_says_both():
    assert "beats in both. Diamonds" in front_caption(["params"])


def test_a_run_without_a_front_has_none(small):
    result = json.loads((small.workdir / "result.json").read_text())
    result["objectives"] = []
    small.dump("result.json", result)
    run = read_run(small.workdir)
    assert front_of_run(run) == budget_tables(run) == front_members(run, []) == []
