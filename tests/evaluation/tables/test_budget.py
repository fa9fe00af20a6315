"""Incumbents at budgets, by hand and against a loop over the evaluations."""

from types import SimpleNamespace

import numpy as np
import pytest

from qnas_jax.evaluation.tables import (
    NO_ARCH,
    Table,
    first_seen,
    full_evaluations,
    incumbents,
    query_costs,
)
from qnas_jax.spaces import SearchSpace

SPACE = SearchSpace("small", (("a", "b", "c"),) * 3)


def evaluations(seed, seeds=7, generations=9, population=4, fidelities=3):
    """Random evaluations with repeats, ties and failures."""
    rng = np.random.default_rng(seed)
    shape = (seeds, generations, population)
    scores = rng.integers(0, 12, shape).astype(np.float32)
    scores[rng.random(shape) < 0.2] = -np.inf
    scores[rng.random(shape) < 0.1] = np.nan
    return SimpleNamespace(
        archs=rng.integers(0, 3, (*shape, 3)).astype(np.int32),
        scores=scores,
        fidelities=rng.integers(0, fidelities, shape).astype(np.int32),
    )


def by_loop(evaluated, search, costs, budget):
    """One search, one evaluation after the other."""
    archs = evaluated.archs[search].reshape(-1, 3)
    scores = evaluated.scores[search].reshape(-1)
    fidelities = evaluated.fidelities[search].reshape(-1)
    best, spent, count = ([NO_ARCH] * 3, -np.inf, -1), 0.0, 0
    for arch, score, fidelity, cost in zip(
        archs.tolist(), scores, fidelities, costs, strict=True
    ):
        if spent + cost > budget:
            return (*best, count, spent, True)
        spent, count = spent + cost, count + 1
        if np.isfinite(score) and (fidelity, score) > (best[2], best[1]):
            best = (arch, score, fidelity)
    return (*best, count, spent, spent >= budget)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("fidelities", [1, 3])
def test_equals_a_loop(seed, fidelities):
    evaluated = evaluations(seed, fidelities=fidelities)
    rng = np.random.default_rng(seed)
    for costs in (np.ones((7, 36)), rng.integers(0, 9, (7, 36)) / 4):
        budgets = [0.5, 1, 7, 20.25, 36, 500]
        found = incumbents(evaluated, costs, budgets)
        for search in range(7):
            for place, budget in enumerate(budgets):
                own = [column[search, place] for column in found]
                own[0] = own[0].tolist()
                assert tuple(own) == by_loop(evaluated, search, costs[search], budget)


def test_by_hand():
    """Costs 3, 3, 5, 1: at 10 the third does not end, and nothing after it counts."""
    evaluated = SimpleNamespace(
        archs=np.array([[[[0, 0, 0], [1, 1, 1]], [[2, 2, 2], [0, 1, 2]]]]),
        scores=np.array([[[0.5, 0.4], [0.9, 0.95]]]),
        fidelities=np.zeros((1, 2, 2), int),
    )
    costs = np.array([[3.0, 3, 5, 1]])
    found = incumbents(evaluated, costs, [2, 10, 11, 12, 13])
    assert found.archs[0].tolist() == [[-1] * 3, [0] * 3, [2] * 3, [0, 1, 2], [0, 1, 2]]
    assert found.evaluations.tolist() == [[0, 2, 3, 4, 4]]
    assert found.spent.tolist() == [[0, 6, 11, 12, 12]]
    assert found.exhausted.tolist() == [[True, True, True, True, False]]
    np.testing.assert_allclose(found.scores, [[-np.inf, 0.5, 0.9, 0.95, 0.95]])


def test_a_higher_fidelity_wins_whatever_the_scores():
    evaluated = SimpleNamespace(
        archs=np.array([[[[0, 0, 0]], [[1, 1, 1]], [[2, 2, 2]], [[0, 0, 1]]]]),
        scores=np.array([[[0.9], [0.2], [0.95], [np.nan]]]),
        fidelities=np.array([[[0], [1], [0], [2]]]),
    )
    found = incumbents(evaluated, np.ones((1, 4)), [1, 2, 3, 4])
    assert found.archs[0, :, 0].tolist() == [0, 1, 1, 1]
    assert found.fidelities.tolist() == [[0, 1, 1, 1]]


def test_repeats_are_counted_within_a_search_and_fidelity():
    evaluated = evaluations(0)
    archs, fidelities = (
        evaluated.archs.reshape(7, 36, 3),
        evaluated.fidelities.reshape(7, 36),
    )
    fresh = first_seen(archs, fidelities)
    for search in range(7):
        seen = set()
        for place in range(36):
            query = (*archs[search, place].tolist(), int(fidelities[search, place]))
            assert fresh[search, place] == (query not in seen)
            seen.add(query)
    assert 0 < fresh.sum() < fresh.size
    np.testing.assert_array_equal(query_costs(evaluated), np.ones((7, 36)))
    costs = query_costs(evaluated, count_repeats=False)
    np.testing.assert_array_equal(costs, fresh)


def test_seconds_are_those_of_the_table():
    rng = np.random.default_rng(0)
    seconds = rng.random((2, 27)).astype(np.float32)
    seconds[:, 5] = np.nan
    values = np.zeros((27, 1), np.float32)
    table = Table(
        "small", SPACE, ("low", "high"), (values, values), tuple(seconds), costs={}
    )
    evaluated = evaluations(1, fidelities=2)
    costs = query_costs(
        evaluated, "train_seconds", table=table, fidelities=table.fidelities
    )
    for place in np.ndindex(7, 9, 4):
        arch, fidelity = evaluated.archs[place], evaluated.fidelities[place]
        position = arch[0] * 9 + arch[1] * 3 + arch[2]
        expected = 0 if position == 5 else seconds[fidelity, position]
        assert costs[place[0], place[1] * 4 + place[2]] == pytest.approx(expected)
    zeros = np.zeros((7, 9, 4), int)
    one = SimpleNamespace(archs=evaluated.archs, scores=None, fidelities=zeros)
    costs = query_costs(one, "train_seconds", table=table, fidelities=("high",))
    position = table.index(one.archs.reshape(7, 36, 3))
    np.testing.assert_allclose(costs, np.nan_to_num(seconds[1])[position])


def with_fidelities(*names):
    count = len(names)
    return Table(
        "small", SPACE, names, (np.zeros((27, 1)),) * count, (None,) * count, costs={}
    )


def test_full_evaluations_are_shares_of_the_most_epochs():
    evaluated = evaluations(2)
    costs = full_evaluations(evaluated, with_fidelities("12", "50", "200"))
    for place in np.ndindex(7, 9, 4):
        expected = (0.06, 0.25, 1.0)[evaluated.fidelities[place]]
        assert costs[place[0], place[1] * 4 + place[2]] == pytest.approx(expected)
    with pytest.raises(ValueError, match="got fidelities low, high, expected numbers"):
        full_evaluations(evaluated, with_fidelities("low", "high"))


def test_mistakes_are_named():
    evaluated = evaluations(0)
    for unit in ("hours", "train_seconds"):
        with pytest.raises(ValueError, match=f"unit: got '{unit}', expected one of"):
            query_costs(evaluated, unit)
    for costs, budgets in [(np.ones((7, 35)), [1]), (np.ones((7, 36)), [1, 0])]:
        with pytest.raises(ValueError, match="got costs .* and positive budgets"):
            incumbents(evaluated, costs, budgets)
