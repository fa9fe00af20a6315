"""A front for people: what is on it, where it bends, what a budget buys."""

import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.reporting.front import (
    best_under,
    budget_cells,
    knees,
    round_budgets,
    sort_front,
    unbeaten,
)
from qnas_jax.reporting.front_figure import front_figure
from qnas_jax.reporting.front_members import chosen_members, knees_of_all


def row(cost, score, arch=(0,)):
    return {"arch": list(arch), "score": score, "costs": {"ms": cost}}


BENT = [row(1, 0.5), row(2, 0.8, (1, 2)), row(5, 0.84), row(9, 0.89), row(10, 0.9)]


def test_the_front_is_what_nothing_beats():
    others = [row(2, 0.7), row(10, 0.9), row(12, 0.2), row(3, None), row(3, np.nan)]
    rows = [BENT[3], *others, BENT[0], BENT[4], BENT[2], BENT[1]]
    rows.append({"arch": [0], "score": 1.0, "costs": {}})
    front = sort_front(rows, "ms")
    assert front == BENT


def test_the_first_knee_is_farthest_from_the_chord():
    """In units of the ranges (2, 0.8) is at (1/9, 3/4): 0.45 above the diagonal."""
    assert knees(BENT, "ms", 1) == [1]
    # Between (2, 0.8) and the end all lie on a line, up to 1 % of the ranges.
    assert knees(BENT, "ms") == [1]
    twice = [row(0, 0.0), row(1, 0.5), row(6, 0.55), row(7, 0.95), row(10, 1.0)]
    assert knees(twice, "ms", 2) == [1, 3]
    assert knees(BENT[:2], "ms") == []


def test_knees_do_not_depend_on_units():
    scaled = [row(1000 * r["costs"]["ms"] + 7, 30 * r["score"]) for r in BENT]
    assert knees(scaled, "ms") == knees(BENT, "ms")


def test_a_budget_buys_the_best_that_is_as_cheap():
    found = best_under(BENT, "ms", [0.5, 1, 4.9, 5, 100])
    assert [each["score"] for each in found] == [None, 0.5, 0.8, 0.84, 0.9]
    for budget in np.linspace(0.5, 11, 22):
        (best,) = best_under(BENT, "ms", [budget])
        allowed = [r["score"] for r in BENT if r["costs"]["ms"] <= budget]
        assert best["score"] == max(allowed, default=None)


def test_the_table_has_a_dash_where_nothing_is_as_cheap():
    cells = budget_cells(BENT, "ms", [0.5, 2])
    assert cells == [["0.5", "–", "–", "–"], ["2", "0.8000", "2", "1 2"]]


def test_the_table_names_the_ops():
    names = [["skip", "conv3"], ["skip", "pool", "a_very_long_name_of_an_op"]]
    (cells,) = budget_cells(BENT, "ms", [2], names)
    assert cells[-1] == "conv3 | a_very_long_n…"
    assert len(cells[-1].split(" | ")[1]) == 14


def test_budgets_are_round_numbers_up_to_the_dearest():
    assert round_budgets(BENT, "ms") == [1, 2, 5, 10]
    assert round_budgets([row(30, 0.1), row(4100, 0.2)], "ms", 3) == [1000, 2000, 5000]
    assert round_budgets([row(0, 0.1)], "ms") == [0]
    with pytest.raises(UserError, match="front: got no architecture"):
        round_budgets([], "ms")


@pytest.mark.parametrize("log", [False, True])
def test_the_figure_is_drawn(log):
    some = [*BENT, row(4, 0.3)]
    picture = front_figure(BENT, some, {"ms": "ms"}, exact=BENT, log=log)
    limited = front_figure(
        BENT, some, {"ms": "ms"}, exact=BENT, limits={"ms": 20.0}, log=log
    )
    alone = front_figure(BENT[:1], [], {"ms": "ms"})
    for png in (picture, alone):
        assert png.startswith(b"\x89PNG")
    assert len({picture, limited, alone}) == 3


def both(arch, score, ms, params):
    return {"arch": [arch], "score": score, "costs": {"ms": ms, "params": params}}


# By ms alone 1, 2 and 5 are unbeaten, by params alone 4, 3 and 5.
TWO_COSTS = [
    both(1, 0.5, 1, 90),
    both(2, 0.8, 2, 60),
    both(3, 0.7, 3, 20),
    both(4, 0.4, 8, 10),
    both(5, 0.9, 9, 95),
]


def test_a_front_of_two_costs_by_hand():
    beaten = [both(6, 0.7, 3, 21), both(7, 0.39, 8, 10), both(8, 0.7, 3, 20)]
    rows = [beaten[0], *TWO_COSTS[::-1], *beaten[1:]]
    assert sort_front(rows, "ms", "params") == TWO_COSTS
    assert [r["arch"] for r in sort_front(TWO_COSTS, "ms")] == [[1], [2], [5]]
    assert [r["arch"] for r in sort_front(TWO_COSTS, "params")] == [[4], [3], [2], [5]]
    assert sort_front([], "ms", "params") == []


@pytest.mark.parametrize("objectives", [2, 3])
def test_what_is_unbeaten_by_brute_force(objectives):
    points = np.random.default_rng(0).integers(0, 25, (200, objectives)).astype(float)
    expected = [
        place
        for place, point in enumerate(points)
        if not ((points <= point).all(axis=1) & (points < point).any(axis=1)).any()
        and not (points[:place] == point).all(axis=1).any()
    ]
    found = unbeaten(points)
    assert sorted(found) == expected and len(found) > 1
    ordered = points[found].tolist()
    assert ordered == sorted(ordered)


def test_a_budget_of_one_cost_tells_the_other_one_too():
    part = sort_front(TWO_COSTS, "params")
    assert budget_cells(part, "params", [20, 60], None, ["ms"]) == [
        ["20", "0.7000", "20", "3", "3"],
        ["60", "0.8000", "60", "2", "2"],
    ]


def test_knees_by_each_cost():
    """By ms (0, 0), (1/8, 3/4), (1, 1); by params (0, 0), (2/17, 3/5), ..."""
    found = knees_of_all(TWO_COSTS, ["ms", "params"])
    assert [r["arch"] for r in found["ms"]] == [[2]]
    assert [r["arch"] for r in found["params"]] == [[3]]


def test_knees_are_chosen_first_then_what_is_far_from_all():
    def names(count, winner):
        found = chosen_members(TWO_COSTS, ["ms", "params"], count, [winner])
        return [r["arch"][0] for r in found]

    # In units of the ranges, of 5, 2 and 3: 1 is 0.70 from 2, and 4 is 0.87 from 3.
    assert names(9, 5) == [2, 3, 4, 1]
    assert names(1, 5) == [2] and names(0, 5) == []
    assert names(2, 2) == [3, 5]
    assert names(1, 99) == [2]


def test_members_that_crowd_are_left_out():
    """On a straight line without knees: the far end, then its middle."""
    line = [row(n, n / 10, (n,)) for n in (0, 1, 2, 3, 4, 5, 6, 9, 10)]
    found = chosen_members(line, ["ms"], 3, [10])
    assert [r["arch"][0] for r in found] == [0, 5, 2]
