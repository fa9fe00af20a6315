"""`qnas_jax.search_front`: the front by enumeration, failures, what does not fit."""

import itertools
import math

import numpy as np
import pytest

import qnas_jax as qnas
from qnas_jax.errors import UserError
from qnas_jax.searching.pareto.dominance import on_front

SPACE = {"depth": [1, 2, 3, 4], "width": [8, 16, 32], "skip": [False, True]}
BOTH = {"accuracy": "max", "ms": "min"}


def evaluate(arch):
    work = arch["depth"] * arch["width"]
    if work == 64:
        raise RuntimeError("no")
    accuracy = math.log(work) + 0.3 * arch["skip"]
    return {"accuracy": accuracy, "ms": float(work + 20 * arch["skip"])}


def all_points():
    points = []
    for values in itertools.product(*SPACE.values()):
        arch = dict(zip(SPACE, values, strict=True))
        if arch["depth"] * arch["width"] != 64:
            points.append(tuple(evaluate(arch).values()))
    return points


def front_by_hand(points):
    return {
        one
        for one in points
        if not any(
            a >= one[0] and b <= one[1] and (a > one[0] or b < one[1])
            for a, b in points
        )
    }


@pytest.mark.parametrize("strategy", ["pareto_memory", "nsga2", "random"])
def test_the_front_of_a_space_that_is_searched_whole(strategy):
    found = qnas.search_front(SPACE, evaluate, BOTH, strategy=strategy, budget=200)
    if found.ended == "exhausted":
        points = all_points()
    else:  # it may propose the same ones again and again
        ok = found.statuses == "ok"
        columns = (found.metric(name)[ok] for name in BOTH)
        points = list(zip(*columns, strict=True))
    front = [(row["accuracy"], row["ms"]) for row in found.front]
    expected = sorted(front_by_hand(points), reverse=True)
    np.testing.assert_allclose(front, expected, rtol=1e-6)
    assert (found.statuses == "error").sum() in (0, 2, 4)
    assert found.best_value == pytest.approx(front[0][0])


def test_the_front_is_that_of_the_archive():
    """Three objectives, ties and failures."""
    rng = np.random.default_rng(0)
    table = rng.integers(0, 4, (27, 3)).astype(float)
    table[5, 1] = np.nan

    def look_up(arch, indices):
        values = table[np.ravel_multi_index(indices, (3, 3, 3))]
        return dict(zip("abc", values, strict=True))

    ways = {"a": "max", "b": "min", "c": "max"}
    found = qnas.search_front(
        [range(3)] * 3, look_up, ways, strategy="random", budget=27
    )
    signed = np.stack([found.metric(name) for name in "abc"], 1) * [1, -1, 1]
    distinct, first = np.unique(signed, axis=0, return_index=True)
    expected = {int(first[place]) for place in np.flatnonzero(on_front(distinct))}
    assert set(found.front_places) == expected


@pytest.mark.parametrize(
    ("objectives", "message"),
    [
        (["accuracy", "ms"], "objectives: got .*, expected 'max' or 'min' by metric"),
        ({"accuracy": True, "ms": False}, "expected 'max' or 'min' by metric"),
        ({"accuracy": "max"}, "objectives"),
    ],
)
def test_what_does_not_fit_is_one_line(objectives, message):
    with pytest.raises(UserError, match=message):
        qnas.search_front(SPACE, evaluate, objectives)
    with pytest.raises(
        UserError, match="strategy: got 'qudit', allowed: one of pareto"
    ):
        qnas.search_front(SPACE, evaluate, BOTH, strategy="qudit")


def test_an_objective_that_is_missing_fails():
    with pytest.raises(UserError, match="none of 3 evaluations .* 'accuracy' among"):
        qnas.search_front(SPACE, lambda arch: {"ms": 1.0}, BOTH, budget=3)


def test_a_product_of_what_is_to_be_small_and_what_is_to_be_large():
    """All of 8^3 losses are negative, all speeds positive: the product still leads."""

    def evaluate(arch):
        size = sum(arch)
        return {"loss": 30.0 - size, "fps": 120.0 / (1 + size)}

    def product(row):
        return row["loss"] * max(1.0, 12.0 / row["fps"]) ** 3

    best = min(product(evaluate((size, 0, 0))) for size in range(22))
    found = qnas.search_front(
        [range(8)] * 3,
        evaluate,
        {"loss": "min", "fps": "max"},
        strategy="weighted_product",
        options={
            "strategy": "local_search",
            "targets": (12.0,),
            "below": 0.0,
            "above": -3.0,
        },
        budget=120,
    )
    rows = found.to_rows()
    assert min(product(row) for row in rows) == pytest.approx(best)
    late = [product(row) for row in rows[60:]]
    assert np.median(late) < 1.5 * best
