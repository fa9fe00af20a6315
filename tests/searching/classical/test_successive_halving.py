"""Brackets, promotion, failures; the rungs retold from what was evaluated."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made_strategies import made

from qnas_jax.searching import advance, generation_keys, start
from qnas_jax.searching.classical.hyperband import hyperband, hyperband_brackets
from qnas_jax.searching.classical.successive_halving import (
    BracketSearch,
    FidelityOptions,
    Rung,
    halving_bracket,
    successive_halving,
)
from qnas_jax.searching.many import search_seeds

NUM_OPS = (6,) * 5


def evaluate(key, archs, fidelities):
    """Cheap fidelities add noise, and a level of their own that must not compare."""
    noise = jax.random.normal(key, (len(archs),)) / (1.0 + fidelities)
    return archs, jnp.sum(archs, axis=1) + noise - 100.0 * fidelities


def run(strategy, generations, score=evaluate, seed=0):
    keys = jax.random.split(jax.random.key(seed), 1)
    found = search_seeds(strategy, score, keys, generations)
    return jax.tree.map(lambda leaf: leaf[0], found)


def test_the_bracket_of_successive_halving():
    assert halving_bracket(4, 3) == ((0, 27), (1, 9), (2, 3), (3, 1))
    assert halving_bracket(1, 3) == ((0, 1),)


def test_the_brackets_of_hyperband():
    # n_s = ceil(5 / (s + 1) 3^s) = 81, ceil(33.75), 15, ceil(7.5), 5.
    assert hyperband_brackets(5, 3) == (
        ((0, 81), (1, 27), (2, 9), (3, 3), (4, 1)),
        ((1, 34), (2, 11), (3, 3), (4, 1)),
        ((2, 15), (3, 5), (4, 1)),
        ((3, 8), (4, 2)),
        ((4, 5),),
    )
    assert hyperband_brackets(1, 4) == (((0, 1),),)


@pytest.mark.parametrize("population", [1, 4])
@pytest.mark.parametrize("make", [successive_halving, hyperband])
def test_the_best_of_a_rung_climb(make, population):
    """Retells the run with sorted lists from the archs and scores alone."""
    options = FidelityOptions(num_fidelities=3, eta=2)
    strategy = make(NUM_OPS, population=population, generations=1, options=options)
    brackets = (
        hyperband_brackets(3, 2) if make is hyperband else (halving_bracket(3, 2),)
    )
    rungs = [rung for bracket in brackets * 2 for rung in bracket]
    generations = sum(rung.generations for rung in rungs)
    found = run(strategy, generations)
    done, before = 0, None
    for bracket in brackets * 2:
        for rung in bracket:
            rows = slice(done, done + rung.generations)
            archs = found.archs[rows].reshape(-1, 5).tolist()
            assert np.all(found.fidelities[rows] == rung.fidelity)
            if rung is not bracket[0]:
                assert archs == before[: len(archs)]
            scores = found.scores[rows].reshape(-1)
            before = [archs[place] for place in np.argsort(-scores, kind="stable")]
            done += rung.generations
    assert done == generations


def test_random_archs_take_the_places_of_failures():
    def fail_low(key, archs, fidelities):
        archs, scores = evaluate(key, archs, fidelities)
        return archs, jnp.where((fidelities == 0) & (archs[:, 0] > 0), jnp.nan, scores)

    options = FidelityOptions(num_fidelities=2, eta=2)
    strategy = successive_halving(
        NUM_OPS, population=12, generations=1, options=options
    )
    found = run(strategy, 3, fail_low)
    good = found.archs[:2].reshape(-1, 5)
    good = good[good[:, 0] == 0]
    assert 0 < len(good) < 12
    climbed = found.archs[2]
    assert {tuple(arch) for arch in climbed[: len(good)]} == set(map(tuple, good))
    assert np.any(climbed[len(good) :, 0] > 0)


@pytest.mark.parametrize("make", [successive_halving, hyperband])
def test_the_best_is_of_the_highest_fidelity(make):
    options = FidelityOptions(num_fidelities=3, eta=2)
    strategy = make(NUM_OPS, population=3, generations=1, options=options)
    state, key, best = start(strategy, jax.random.key(1)), jax.random.key(1), []

    @jax.jit
    def step(state):
        ask_key, evaluate_key = generation_keys(key, state.generation)
        archs = strategy.ask(ask_key, state.strategy_state)
        fidelities = strategy.fidelities(state.strategy_state)
        archs, scores = evaluate(evaluate_key, archs, fidelities)
        return advance(strategy, state, archs, scores)

    for _ in range(16):
        state = step(state)
        best.append((int(state.best_fidelity), float(state.best_score)))
    assert best == sorted(best)
    assert best[0][0] < best[-1][0] == 2


def test_a_rung_that_is_too_large_is_refused():
    bracket = (Rung(0, 2**18),)
    with pytest.raises(ValueError, match="262144 generations of 8 archs, expected at"):
        BracketSearch(NUM_OPS, 8, (bracket,))
    with pytest.raises(ValueError, match="use fewer fidelities, a smaller eta"):
        made("hyperband", NUM_OPS, population=2, num_fidelities=12, eta=4)
