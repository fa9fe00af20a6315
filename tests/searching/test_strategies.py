"""What every registered strategy has to do."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made_strategies import SMALL, made

from qnas_jax.options import OptionError
from qnas_jax.searching import (
    STRATEGIES,
    SearchOptions,
    advance,
    generation_keys,
    host_search,
    scan_search,
    start,
)
from qnas_jax.searching.classical.random_search import RandomSearch
from qnas_jax.searching.spec import CIRCUITS_BY_OPTION, GATES

UNEVEN, EVEN = (5, 2, 3, 1, 4), (4, 4, 4, 4, 4)
GENERATIONS = 5
NOTHING_FAILS, SOME_FAIL, ALL_FAIL = range(3)
# Strategies whose probabilities are estimated, from 128 and 512 archs: four standard
# errors.
ESTIMATES = {"hamiltonian": 0.18, "predictor": 0.09, "memory_registers": 0.09}
# The second generation uses the model of a strategy that has one.
EARLY = ("predictor", "memory_registers", "hamiltonian")


@pytest.fixture(params=STRATEGIES, scope="module")
def name(request):
    """Of module scope: tests of one strategy follow each other in one process."""
    return request.param


@functools.cache
def make(name):
    num_ops = EVEN if name == "bqnas_released" else UNEVEN
    settings = {**SMALL.get(name, {}), **({"initial": 4} if name in EARLY else {})}
    return made(name, num_ops, 6, GENERATIONS, **settings)


def evaluate(key, archs, fidelities=None, failing=NOTHING_FAILS):
    """Distinct scores, with noise that depends on the key; the same at any fidelity.

    If some fail, these are the best arch of the population and its first.
    """
    del fidelities
    weights = jnp.array([1.0, 0.31, 0.17, 0.07, 0.53])
    noise = 0.01 * jax.random.normal(key, (len(archs),))
    scores = jnp.sum(archs * weights[None], axis=1) + noise
    failure = jax.random.choice(key, jnp.array([jnp.nan, -jnp.inf, jnp.inf]))
    place = jnp.arange(len(archs))
    fails = (place == jnp.argmax(scores)) | (place == 0) | (failing == ALL_FAIL)
    return archs, jnp.where(fails & (failing != NOTHING_FAILS), failure, scores)


def close(first, second):
    """Equal trees, up to rounding."""
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6),
        first,
        second,
    )


@functools.cache
def compiled_run(name):
    """The search as one program over three keys, shared by the tests below."""
    strategy = make(name)

    def search(key, failing):
        score = functools.partial(evaluate, failing=failing)
        state, trace = scan_search(strategy, score, key, GENERATIONS)
        both = start(strategy, key).strategy_state, state.strategy_state
        both = jax.tree.map(lambda *leaves: jnp.stack(leaves), *both)

        def probabilities(place):
            return strategy.probabilities(jax.tree.map(lambda a: a[place], both))

        # A loop, so that they are compiled once.
        return state, trace, *jax.lax.map(probabilities, jnp.arange(2))

    return jax.jit(jax.vmap(search, in_axes=(0, None)))


def run(name, seed, failing=NOTHING_FAILS):
    """Last state, trace, and probabilities before and after, of one seed."""
    outcome = compiled_run(name)(jax.random.split(jax.random.key(seed), 3), failing)
    return jax.tree.map(lambda leaf: leaf[1], outcome)


def test_eager_jit_scan_and_vmap_agree(name):
    strategy = make(name)
    key = jax.random.split(jax.random.key(0), 3)[1]
    steps = list(host_search(strategy, evaluate, key, GENERATIONS))
    # Operation by operation each costs seconds where a model is fitted: the first
    # generation is told and the second, which uses the model, is asked for.
    seen = steps[0].generation
    state = advance(strategy, start(strategy, key), seen.archs, seen.scores)
    close(state, steps[0].after)
    archs = strategy.ask(generation_keys(key, 1)[0], state.strategy_state)
    np.testing.assert_array_equal(archs, steps[1].generation.archs)
    jitted, (state, *_) = steps[-1].after, run(name, 0)
    np.testing.assert_array_equal(state.best_arch, jitted.best_arch)
    close(state, jitted)


def test_same_key_same_run_and_other_key_other_run(name):
    first, again, other = run(name, 1), run(name, 1), run(name, 2)
    jax.tree.map(np.testing.assert_array_equal, first, again)
    assert not np.array_equal(first[1].mean, other[1].mean)


def test_best_never_falls_and_is_the_best_of_all(name):
    state, trace, *_ = run(name, 3)
    assert state.best_score == trace.best[-1]
    assert state.generation == GENERATIONS
    if STRATEGIES[name].needs_fidelities:
        # A higher fidelity beats a higher score: classical/test_successive_halving.py.
        return
    assert np.all(np.diff(trace.best) >= 0)
    np.testing.assert_array_equal(
        trace.best, np.maximum.accumulate(trace.generation_best)
    )


def test_failed_evaluations_never_win(name):
    """The best of each population fails; the state stays without NaN, the best real."""
    for seed in (4, 5):
        state, trace, _, table = run(name, seed, SOME_FAIL)
        assert np.all(np.isfinite(trace.best))
        assert state.best_score == trace.best[-1]
        for leaf in jax.tree.leaves(state.strategy_state):
            assert not np.any(np.isnan(leaf))
        assert np.all(np.isfinite(table))


def test_nothing_is_learnt_when_everything_fails(name):
    state, _, before, after = run(name, 5, ALL_FAIL)
    assert state.best_score == -jnp.inf
    # The released code learns from its first archs, whatever their scores; an
    # exhaustive search goes on, as it must.
    if name not in ("bqnas_released", "exhaustive"):
        np.testing.assert_allclose(after, before, atol=1e-6)


def test_asking_follows_the_probabilities(name):
    strategy, (state, _, _, table) = make(name), run(name, 8)
    # What is compared with an estimate needs no better one.
    keys = jax.random.split(jax.random.key(9), 300 if name in ESTIMATES else 2000)
    ask = functools.partial(strategy.ask, state=state.strategy_state)
    archs = np.asarray(jax.jit(lambda keys: jax.lax.map(ask, keys))(keys))
    assert archs.shape == (len(keys), 6, 5) and archs.dtype == jnp.int32
    limits = np.asarray(strategy.num_ops)
    assert np.all(archs >= 0) and np.all(archs < limits[None, None])
    assert table.shape == (5, limits.max())
    np.testing.assert_allclose(table.sum(axis=1), 1, rtol=1e-5)
    assert np.all(table[np.arange(limits.max())[None] >= limits[:, None]] == 0)
    drawn = np.eye(limits.max())[np.asarray(archs)].mean(axis=(0, 1))
    np.testing.assert_allclose(drawn, table, atol=ESTIMATES.get(name, 0.02))


def test_an_exhausted_space_ends_cleanly(name):
    """Four archs, one evaluated at a time, sixty times."""
    if name == "bqnas_released":
        return  # It stays at its first archs, and may never see the best of the four.
    strategy = made(name, (2, 1, 2), 1, 60, **SMALL.get(name, {}))

    def distinct(key, archs, *_):
        """Ops that do not exist would win."""
        del key
        return archs, archs @ jnp.array([0.1, 7.0, -0.3])

    search = jax.jit(lambda key: scan_search(strategy, distinct, key, 60))
    state, trace = search(jax.random.key(11))
    np.testing.assert_array_equal(state.best_arch, [1, 0, 0])
    assert state.best_score == jnp.float32(0.1) and np.all(np.isfinite(trace.mean))
    for leaf in jax.tree.leaves(state.strategy_state):
        assert not np.any(np.isnan(leaf))


@pytest.mark.parametrize("name", ["random", "qbit", "local_search", "predictor"])
def test_a_space_of_one_arch(name):
    strategy = made(name, (1, 1), 1, **SMALL.get(name, {}))

    @jax.jit
    def search(key):
        return scan_search(strategy, lambda _, archs: (archs, jnp.ones(1)), key, 4)

    state, trace = search(jax.random.key(0))
    np.testing.assert_array_equal(state.best_arch, [0, 0])
    np.testing.assert_array_equal(trace.best, 1)


ONEMAX = [
    ("qbit", 20, 80, {}),
    ("qudit", 20, 80, {}),
    ("entangled", 20, 80, {}),
    ("qiga2", 20, 80, {"mu": 0.95}),
    ("memory_registers", 20, 25, {}),
    ("regularized_evolution", 10, 80, {}),
    ("one_plus_lambda", 4, 400, {}),
    ("local_search", 20, 40, {"improvement": "best"}),
    ("local_search", 1, 300, {"improvement": "first"}),
    (
        "hamiltonian",
        10,
        12,
        {"optimiser": "simulated_annealing", "sweeps": 10, "walks": 4},
    ),
    ("hamiltonian", 10, 12, {"optimiser": "tabu", "sweeps": 10, "walks": 4}),
    ("simulated_annealing", 5, 300, {}),
    ("genetic_algorithm", 20, 80, {}),
    ("reinforce", 20, 80, {}),
    ("cross_entropy", 40, 40, {}),
    ("pbil", 20, 80, {}),
    ("predictor", 10, 30, {"random_candidates": 100}),
]
NOT_FOR_ONEMAX = {
    "random": "does not learn: 32 bits would take 2^31 evaluations",
    "exhaustive": "does not learn either",
    "successive_halving": "learns which archs to train longer, not which to propose",
    "hyperband": "is successive halving in this",
    "qiga1": "its published angles are too small for 1,600 evaluations",
    "bqnas_released": "stays at its first archs: that is what it is here to show",
}


def test_every_strategy_has_to_solve_onemax_or_says_why_not():
    assert {row[0] for row in ONEMAX} | NOT_FOR_ONEMAX.keys() == STRATEGIES.keys()
    assert not {row[0] for row in ONEMAX} & NOT_FOR_ONEMAX.keys()


@pytest.mark.parametrize(("name", "population", "generations", "settings"), ONEMAX)
def test_solves_onemax_32(name, population, generations, settings):
    strategy = made(name, (2,) * 32, population, generations, **settings)

    def onemax(key, archs):
        del key
        return archs, archs.mean(axis=1)

    # A model is fitted again after each generation, which takes its time.
    keys = jax.random.split(jax.random.key(10), 3 if name in ESTIMATES else 10)
    search = functools.partial(scan_search, strategy, onemax, generations=generations)
    run = jax.jit(jax.vmap(search))
    state, _ = run(keys)
    assert np.mean(state.best_score) >= 0.97


def test_registry_names_are_the_flag_choices():
    for key, spec in STRATEGIES.items():
        assert spec.name == key
        assert SearchOptions(strategy=key).strategy == key
        assert spec.paper and spec.summary and spec.good_for
        assert spec.needs_fidelities == (make(key).fidelities is not None)


def test_what_strategies_act_by_is_what_their_states_hold():
    """Gates turn amplitudes or angles, which a classical state has none of."""
    quantum = ("angles", "amplitudes", "chains", "pairs")
    for name, spec in STRATEGIES.items():
        state = jax.eval_shape(make(name).init, jax.random.key(0))
        leaves = jax.tree_util.tree_flatten_with_path(state)[0]
        held = [jax.tree_util.keystr(path) for path, _ in leaves]
        turned = any(part in place for place in held for part in quantum)
        assert turned == (spec.acts_by == GATES), (name, held)
    circuits = [n for n, s in STRATEGIES.items() if s.acts_by == CIRCUITS_BY_OPTION]
    assert circuits == ["hamiltonian"]
    assert STRATEGIES["hamiltonian"].options().optimiser == "exhaustive"


@pytest.mark.parametrize(
    ("field", "value"),
    [("strategy", "qga"), ("generations", 0), ("population", 0)],
)
def test_bad_options_are_named(field, value):
    with pytest.raises(OptionError, match=f"{field}: got {value!r}, allowed"):
        SearchOptions(**{field: value})


def test_population_is_checked():
    with pytest.raises(ValueError, match="population: got 0, expected at least 1"):
        RandomSearch((2,), 0)
