"""What every registered strategy has to do."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.options import OptionError
from qnas_jax.search import (
    STRATEGIES,
    SearchOptions,
    advance,
    generation_keys,
    make_strategy,
    scan_search,
    start,
)
from qnas_jax.search.classical.random_search import random_search

UNEVEN, EVEN = (5, 2, 3, 1, 4), (4, 4, 4, 4, 4)
GENERATIONS = 5
# Strategies whose probabilities are estimated from 128 archs: four standard errors.
ESTIMATES = {"hamiltonian": 0.18}


@pytest.fixture(params=STRATEGIES)
def name(request):
    return request.param


@functools.cache
def make(name):
    num_ops = EVEN if name == "bqnas_released" else UNEVEN
    options = SearchOptions(strategy=name, population=6)
    return make_strategy(num_ops, options)


def evaluate(key, archs):
    """Distinct scores, with noise that depends on the key."""
    weights = jnp.array([1.0, 0.31, 0.17, 0.07, 0.53])
    noise = 0.01 * jax.random.normal(key, (len(archs),))
    return archs, jnp.sum(archs * weights[None], axis=1) + noise


def run_on_host(strategy, key, wrap):
    """The same search as `scan_search`; returns the archs of all generations too."""
    ask, score = wrap(strategy.ask), wrap(evaluate)
    step = wrap(lambda state, archs, scores: advance(strategy, state, archs, scores))
    state, seen = start(strategy, key), []
    for generation in range(GENERATIONS):
        ask_key, evaluate_key = generation_keys(key, generation)
        archs, scores = score(evaluate_key, ask(ask_key, state.strategy_state))
        state = step(state, archs, scores)
        seen.append(np.asarray(archs))
    return state, np.stack(seen)


@functools.cache
def compiled_run(name):
    """The search as one program over three keys, shared by the tests below."""
    strategy = make(name)
    search = functools.partial(scan_search, strategy, evaluate, generations=GENERATIONS)
    return jax.jit(jax.vmap(search))


def run(name, seed):
    """Last state and trace of one seed."""
    outcome = compiled_run(name)(jax.random.split(jax.random.key(seed), 3))
    return jax.tree.map(lambda leaf: leaf[1], outcome)


def test_eager_jit_scan_and_vmap_agree(name):
    strategy = make(name)
    key = jax.random.split(jax.random.key(0), 3)[1]
    eager, eager_archs = run_on_host(strategy, key, lambda fn: fn)
    jitted, jitted_archs = run_on_host(strategy, key, jax.jit)
    np.testing.assert_array_equal(eager_archs, jitted_archs)
    scanned, trace = scan_search(strategy, evaluate, key, GENERATIONS)
    of_seed, trace_of_seed = run(name, 0)
    for other in (jitted, scanned, of_seed):
        np.testing.assert_array_equal(other.best_arch, eager.best_arch)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6),
            other,
            eager,
        )
    np.testing.assert_allclose(trace_of_seed.mean, trace.mean, rtol=1e-5)


def test_same_key_same_run_and_other_key_other_run(name):
    first, again, other = run(name, 1), run(name, 1), run(name, 2)
    jax.tree.map(np.testing.assert_array_equal, first, again)
    assert not np.array_equal(first[1].mean, other[1].mean)


def test_best_never_falls_and_is_the_best_of_all(name):
    state, trace = run(name, 3)
    assert np.all(np.diff(trace.best) >= 0)
    np.testing.assert_array_equal(
        trace.best, np.maximum.accumulate(trace.generation_best)
    )
    assert state.best_score == trace.best[-1]
    assert state.generation == GENERATIONS


def test_failed_evaluations_never_win(name):
    """The highest op sum always fails; the state must stay finite and the best real."""
    strategy = make(name)
    bad = jnp.array([jnp.nan, -jnp.inf, jnp.inf])

    def fail_sometimes(key, archs):
        archs, scores = evaluate(key, archs)
        worst = jnp.argmax(scores)
        fail = jax.random.choice(key, bad)
        return archs, scores.at[worst].set(fail).at[0].set(jnp.nan)

    state, trace = scan_search(strategy, fail_sometimes, jax.random.key(4), 20)
    assert jnp.isfinite(state.best_score)
    assert np.all(np.isfinite(trace.best))
    table = strategy.probabilities(state.strategy_state)
    assert np.all(np.isfinite(table))


def test_nothing_is_learnt_when_everything_fails(name):
    strategy = make(name)

    def fail(key, archs):
        del key
        return archs, jnp.full(len(archs), jnp.nan)

    key = jax.random.key(5)
    state, _ = scan_search(strategy, fail, key, 5)
    assert state.best_score == -jnp.inf
    if name != "bqnas_released":
        before = strategy.probabilities(start(strategy, key).strategy_state)
        after = strategy.probabilities(state.strategy_state)
        np.testing.assert_allclose(after, before, atol=1e-6)


def test_archs_and_probabilities_lie_in_the_space(name):
    strategy, (state, _) = make(name), run(name, 6)
    archs = strategy.ask(jax.random.key(7), state.strategy_state)
    assert archs.shape == (6, 5) and archs.dtype == jnp.int32
    limits = np.asarray(strategy.num_ops)
    assert np.all(archs >= 0) and np.all(archs < limits[None])
    table = strategy.probabilities(state.strategy_state)
    assert table.shape == (5, limits.max())
    np.testing.assert_allclose(table.sum(axis=1), 1, rtol=1e-5)
    assert np.all(table[np.arange(limits.max())[None] >= limits[:, None]] == 0)


def test_asking_follows_the_probabilities(name):
    strategy, (state, _) = make(name), run(name, 8)
    keys = jax.random.split(jax.random.key(9), 3000)
    ask = jax.jit(jax.vmap(strategy.ask, in_axes=(0, None)))
    archs = ask(keys, state.strategy_state)
    drawn = jax.nn.one_hot(archs, max(strategy.num_ops)).mean(axis=(0, 1))
    table = strategy.probabilities(state.strategy_state)
    np.testing.assert_allclose(drawn, table, atol=ESTIMATES.get(name, 0.02))


def test_population_of_one_and_a_space_of_one(name):
    if name == "bqnas_released":
        return
    strategy = make_strategy((1, 1), SearchOptions(strategy=name, population=1))
    state, trace = scan_search(
        strategy, lambda key, archs: (archs, jnp.ones(1)), jax.random.key(0), 4
    )
    np.testing.assert_array_equal(state.best_arch, [0, 0])
    np.testing.assert_array_equal(trace.best, 1)


@pytest.mark.parametrize(
    ("name", "population", "generations", "settings"),
    [
        ("qbit", 20, 80, {}),
        ("qudit", 20, 80, {}),
        ("entangled", 20, 80, {}),
        ("qiga2", 20, 80, {"mu": 0.95}),
        ("regularized_evolution", 10, 80, {}),
        ("local_search", 20, 40, {"improvement": "best"}),
        ("local_search", 1, 300, {"improvement": "first"}),
        ("hamiltonian", 10, 12, {"optimiser": "annealing", "sweeps": 10, "walks": 4}),
        ("hamiltonian", 10, 12, {"optimiser": "tabu", "sweeps": 10, "walks": 4}),
    ],
)
def test_solves_onemax_32(name, population, generations, settings):
    options = SearchOptions(
        strategy=name, population=population, generations=generations, **settings
    )
    strategy = make_strategy((2,) * 32, options)

    def onemax(key, archs):
        del key
        return archs, archs.mean(axis=1)

    keys = jax.random.split(jax.random.key(10), 10)
    search = functools.partial(scan_search, strategy, onemax, generations=generations)
    run = jax.jit(jax.vmap(search))
    state, _ = run(keys)
    assert np.mean(state.best_score) >= 0.97


def test_registry_names_are_the_flag_choices():
    for key, spec in STRATEGIES.items():
        assert spec.name == key
        assert SearchOptions(strategy=key).strategy == key
        assert spec.paper and spec.summary and spec.good_for


@pytest.mark.parametrize(
    ("field", "value"),
    [("strategy", "qga"), ("rule", "best"), ("angle", 2.0), ("population", 0)],
)
def test_bad_options_are_named(field, value):
    with pytest.raises(OptionError, match=f"{field}: got {value!r}, allowed"):
        SearchOptions(**{field: value})


def test_population_is_checked():
    with pytest.raises(ValueError, match="population: got 0, expected at least 1"):
        random_search((2,), population=0)
