"""Ask, evaluate elsewhere, tell."""

import numpy as np
import pytest

import qnas_jax as qnas
from qnas_jax.errors import UserError


def test_it_is_the_search_of_a_function():
    space = {"a": [0, 1, 2, 3], "b": [0, 1, 2, 3], "c": [0, 1, 2, 3]}
    searcher = qnas.Searcher(space, budget=30, population=3, key=5)
    while len(searcher.result()) < 30:
        archs = searcher.ask()
        assert archs == searcher.ask() and len(archs) == 3
        searcher.tell([sum(arch.values()) for arch in archs])
    found = qnas.search(
        space, lambda arch: sum(arch.values()), budget=30, population=3, key=5
    )
    distinct = list(dict.fromkeys(map(tuple, searcher.result().archs.tolist())))
    assert distinct == list(map(tuple, found.archs.tolist()))[: len(distinct)]
    assert searcher.result().best_value == found.best_value


def test_failures_never_win_and_small_may_be_better():
    searcher = qnas.Searcher([["a", "b"]] * 3, population=8, larger_is_better=False)
    archs = searcher.ask_archs()
    values = archs.sum(axis=1).astype(float)
    lowest = int(values.argmin())
    told = [None if place == lowest else value for place, value in enumerate(values)]
    told[(lowest + 1) % 8] = np.inf
    searcher.tell(told)
    result = searcher.result()
    kept = [value for value in told if value is not None and np.isfinite(value)]
    assert result.best_value == min(kept)
    assert (result.statuses != "ok").sum() == 2


def test_fidelities_are_those_of_the_strategy():
    assert qnas.Searcher([[0, 1]] * 4).fidelities is None
    searcher = qnas.Searcher(
        [[0, 1]] * 4, strategy="hyperband", options={"num_fidelities": 3}
    )
    assert searcher.fidelities.shape == (len(searcher.ask()),)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0], "got 1 values, expected 2"),
        (["x", 1.0], "expected 2 numbers"),
        (1.0, "expected 2 numbers"),
    ],
)
def test_what_is_told_is_a_number_each(values, message):
    searcher = qnas.Searcher([[0, 1]] * 2, population=2)
    with pytest.raises(UserError, match="expected a call of ask before"):
        searcher.tell([1.0, 2.0])
    searcher.ask()
    with pytest.raises(UserError, match=message):
        searcher.tell(values)
    searcher.tell([1.0, 2.0])
