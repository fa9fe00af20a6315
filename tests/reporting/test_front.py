"""A front for people: what is on it, where it bends, what a budget buys."""

import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.reporting.front import (
    best_under,
    budget_cells,
    front_figure,
    knees,
    round_budgets,
    sort_front,
)


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
    picture = front_figure(BENT, [*BENT, row(4, 0.3)], "ms", exact=BENT, log=log)
    alone = front_figure(BENT[:1], [], "ms")
    for png in (picture, alone):
        assert png.startswith(b"\x89PNG")
    assert picture != alone
