"""What every strategy of several objectives has to do."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.options import OptionError
from qnas_jax.searching.generations import generation_keys, initial_key
from qnas_jax.searching.pareto.dominance import on_front
from qnas_jax.searching.pareto.loop import (
    Points,
    front_seeds,
    front_volume,
    host_fronts,
    scan_fronts,
)
from qnas_jax.searching.pareto.registry import FRONT_STRATEGIES, make_front_strategy
from qnas_jax.searching.pareto.scalar import WeightedProductOptions
from qnas_jax.searching.repair import Constrained, make_repair
from qnas_jax.searching.spec import GATES
from qnas_jax.spaces import AdditiveBudget, CostTable

NUM_OPS = (5, 2, 3, 1, 4)
POPULATION, GENERATIONS, MEMBERS = 6, 5, 8
NOTHING_FAILS, SOME_FAIL, ALL_FAIL = range(3)
SMALL = {
    "pareto_memory": {"initial": 6, "members": 8, "pool": 40},
    "pareto_qbit": {"observations": 4, "members": 8},
    "pareto_qudit": {"observations": 4, "members": 8},
}
ONE_DRAW = {
    "nsga2": "draws",
    "pareto_qbit": "observations",
    "pareto_qudit": "observations",
}
MACS = CostTable(
    {"macs": np.array([[7, 2, 9, 4, 6]] * 3 + [[3] * 5, [8, 8, 1, 5, 5]])},
    {"macs": 10},
    NUM_OPS,
)
FREE = AdditiveBudget(MACS, {"macs": 1_000})
TIGHT = AdditiveBudget(MACS, {"macs": 28})  # 26 of 120
ESTIMATES = {"pareto_memory": 0.09, "weighted_product": 0.09}


@pytest.fixture(params=FRONT_STRATEGIES, scope="module")
def name(request):
    return request.param


@functools.cache
def make(name, num_objectives=2, generations=GENERATIONS, num_ops=NUM_OPS):
    return make_front_strategy(
        name,
        num_ops,
        num_objectives=num_objectives,
        population=POPULATION,
        generations=generations,
        options=FRONT_STRATEGIES[name].options(**SMALL.get(name, {})),
    )


def evaluate(key, archs, failing=NOTHING_FAILS, num_objectives=2):
    """An accuracy that grows with the ops, and costs that do so otherwise.

    If some fail, these are the most accurate arch of the population and its first.
    """
    weights = jnp.array([1.0, 0.31, 0.17, 0.07, 0.53])
    accuracy = 1.0 + jnp.sum(archs * weights[None], axis=1)
    accuracy += 0.01 * jax.random.normal(key, (len(archs),))
    costs = 1.0 + jnp.sum(jnp.square(archs) * weights[None, ::-1], axis=1)
    objectives = jnp.stack([accuracy, -costs, -1.0 - archs[:, 0]][:num_objectives], 1)
    failure = jax.random.choice(key, jnp.array([jnp.nan, -jnp.inf, jnp.inf]))
    place = jnp.arange(len(archs))
    fails = (place == jnp.argmax(accuracy)) | (place == 0) | (failing == ALL_FAIL)
    fails &= failing != NOTHING_FAILS
    return archs, objectives.at[:, 0].set(jnp.where(fails, failure, accuracy))


def everything(state, points):
    return front_volume(state, points), state.front, points


@functools.cache
def compiled_run(name, num_objectives=2):
    """The search as one program over three keys, shared by the tests below."""
    strategy = make(name, num_objectives)

    def search(key, failing, repair):
        score = functools.partial(
            evaluate, failing=failing, num_objectives=num_objectives
        )
        run = functools.partial(scan_fronts, record=everything, members=MEMBERS)
        return run(strategy, Constrained(score, repair), key, GENERATIONS)

    return jax.jit(jax.vmap(search, in_axes=(0, None, None)))


def run(name, seed, failing=NOTHING_FAILS, num_objectives=2, budget=FREE):
    """Last state, and hypervolumes, fronts and points of all generations."""
    keys = jax.random.split(jax.random.key(seed), 3)
    outcome = compiled_run(name, num_objectives)(keys, failing, make_repair(budget))
    state, recorded = jax.tree.map(lambda leaf: leaf[1], outcome)
    return state, *jax.tree.map(np.asarray, recorded)


def close(first, second):
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5),
        first,
        second,
    )


def test_step_by_step_is_the_scan(name):
    """Also what the strategy does when it is asked and told by itself."""
    strategy, key = make(name), jax.random.split(jax.random.key(0), 3)[1]
    steps = list(host_fronts(strategy, evaluate, key, GENERATIONS, members=MEMBERS))
    seen = steps[0].points
    first = strategy.init(initial_key(key))
    told = strategy.tell(first, seen.archs, seen.objectives)
    close(told, steps[0].after.strategy_state)
    archs = strategy.ask(generation_keys(key, 1)[0], steps[0].after.strategy_state)
    np.testing.assert_array_equal(archs, steps[1].points.archs)
    state, _, _, points = run(name, 0)
    np.testing.assert_array_equal(points.archs, [step.points.archs for step in steps])
    close(state, steps[-1].after)
    rest = list(host_fronts(strategy, evaluate, key, GENERATIONS, steps[2].after))
    close(rest[-1].after, steps[-1].after)


def test_same_key_same_run_and_other_key_other_run(name):
    first, again, other = run(name, 1), run(name, 1), run(name, 2)
    jax.tree.map(np.testing.assert_array_equal, first, again)
    assert not np.array_equal(first[3].archs, other[3].archs)


@pytest.mark.parametrize("failing", [NOTHING_FAILS, SOME_FAIL])
def test_the_front_never_gets_worse_and_holds_no_failure(name, failing):
    state, volumes, fronts, points = run(name, 3, failing)
    assert np.all(np.diff(volumes) >= -1e-4 * volumes[:-1])
    assert int(state.generation) == GENERATIONS
    objectives = points.objectives.reshape(-1, 2)
    archs = points.archs.reshape(-1, len(NUM_OPS))
    assert np.isfinite(objectives).all(axis=1).sum() >= len(objectives) - 2 * (
        GENERATIONS if failing else 0
    )
    for front in range(GENERATIONS):
        filled = np.isfinite(fronts.objectives[front]).all(axis=1)
        held = fronts.objectives[front][filled]
        assert np.asarray(on_front(held)).all() and filled.any()
        # Each member is an evaluation with its own arch, and none beats it so far.
        for arch, point in zip(fronts.archs[front][filled], held, strict=True):
            same = (archs == arch).all(axis=1) & (objectives == point).all(axis=1)
            assert same.any()
    for leaf in jax.tree.leaves(state.strategy_state):
        assert not np.any(np.isnan(leaf))


def test_with_room_the_front_is_that_of_all_evaluations(name):
    state, _, _, points = run(name, 4)
    everyone = points.objectives.reshape(-1, 2)
    best = np.unique(everyone[np.asarray(on_front(everyone))], axis=0)
    held = np.asarray(state.front.objectives)
    held = held[np.isfinite(held).all(axis=1)]
    assert len(held) == min(len(best), MEMBERS)
    if len(best) <= MEMBERS:
        np.testing.assert_array_equal(np.unique(held, axis=0), best)


def test_nothing_is_on_the_front_when_everything_fails(name):
    state, volumes, _, _ = run(name, 5, ALL_FAIL)
    assert not state.front.filled.any()
    np.testing.assert_array_equal(volumes, 0)


def test_all_archs_are_of_the_space(name):
    _, _, _, points = run(name, 6)
    assert points.archs.dtype == np.int32
    limits = np.asarray(NUM_OPS)[None, None]
    assert np.all(points.archs >= 0) and np.all(points.archs < limits)


@pytest.mark.parametrize("failing", [NOTHING_FAILS, SOME_FAIL])
def test_every_evaluation_keeps_a_budget(name, failing):
    every = np.array(list(np.ndindex(*NUM_OPS)))
    fits = MACS.cost(every)["macs"] <= 28
    assert 0 < fits.sum() < 0.3 * len(every)
    keys = jax.random.split(jax.random.key(10), 3)
    search = compiled_run(name)
    outcome = search(keys, failing, make_repair(TIGHT))
    state, (_, _, points) = jax.tree.map(np.asarray, outcome)
    archs = points.archs.reshape(-1, len(NUM_OPS))
    # By hand, not by the budget's own rule.
    macs = 10 + sum(MACS.by_op["macs"][layer, archs[:, layer]] for layer in range(5))
    assert macs.max() <= 28 and len(np.unique(archs, axis=0)) > POPULATION
    filled = np.isfinite(state.front.objectives).all(axis=-1)
    assert filled.any(axis=1).all()
    assert MACS.cost(state.front.archs[filled])["macs"].max() <= 28
    # Without it the same searches do not.
    archs = np.asarray(search(keys, failing, make_repair(FREE))[1][2].archs)
    assert MACS.cost(archs.reshape(-1, len(NUM_OPS)))["macs"].max() > 28


def test_asking_follows_the_probabilities(name):
    strategy, (state, *_) = make(name), run(name, 7)
    if name in ONE_DRAW:
        # Theirs are of one draw, before what is known is left out.
        strategy = dataclasses.replace(strategy, **{ONE_DRAW[name]: 1})
    keys = jax.random.split(jax.random.key(9), 300)
    ask = functools.partial(strategy.ask, state=state.strategy_state)
    archs = np.asarray(jax.jit(lambda keys: jax.lax.map(ask, keys))(keys))
    table = strategy.probabilities(state.strategy_state)
    drawn = np.eye(max(NUM_OPS))[archs].mean(axis=(0, 1))
    np.testing.assert_allclose(drawn, table, atol=ESTIMATES.get(name, 0.04))


def test_probabilities_are_distributions(name):
    strategy, (state, *_) = make(name), run(name, 7)
    table = np.asarray(strategy.probabilities(state.strategy_state))
    np.testing.assert_allclose(table.sum(axis=1), 1, rtol=1e-5)
    own = np.arange(max(NUM_OPS))[None] < np.asarray(NUM_OPS)[:, None]
    assert np.all(table[~own] == 0) and np.all(table >= 0)


@pytest.mark.parametrize("failing", [NOTHING_FAILS, SOME_FAIL])
def test_three_objectives(name, failing):
    """The front is that of all evaluations, as far as it has room; no failure is on."""
    state, volumes, _, points = run(name, 8, failing, num_objectives=3)
    assert points.objectives.shape == (GENERATIONS, POPULATION, 3)
    assert np.all(np.diff(volumes) >= -1e-4 * volumes[:-1]) and volumes[-1] > 0
    held = np.asarray(state.front.objectives)
    held = held[np.isfinite(held).all(axis=1)]
    everyone = points.objectives.reshape(-1, 3)
    best = np.unique(everyone[np.asarray(on_front(everyone))], axis=0)
    assert len(held) == min(len(best), MEMBERS)
    same = (held[:, None] == best[None]).all(axis=-1).any(axis=1)
    if len(best) <= MEMBERS:
        assert same.all()
    assert np.asarray(on_front(held)).all()
    for leaf in jax.tree.leaves(state.strategy_state):
        assert not np.any(np.isnan(leaf))


SIXTEEN, BUDGET = (2,) * 16, 40


def two_counts(key, archs):
    """Ones of either half as objectives that exclude each other in pairs."""
    del key
    left, right = archs[:, :8].mean(axis=1), archs[:, 8:].mean(axis=1)
    clash = (archs[:, :8] * archs[:, 8:]).mean(axis=1)
    return archs, jnp.stack([1.0 + left - clash, right - clash - 1.0], axis=1)


@functools.cache
def best_sums(name):
    """The mean of the 20 best sums of two objectives that a search finds."""
    strategy = make_front_strategy(
        name, SIXTEEN, num_objectives=2, population=10, generations=BUDGET
    )
    keys = jax.random.split(jax.random.key(3), 4)
    points = front_seeds(strategy, two_counts, keys, BUDGET, members=4)
    sums = points.objectives.sum(axis=-1).reshape(4, -1)
    return np.mean(np.sort(sums, axis=1)[:, -20:])


@pytest.mark.parametrize(
    "name", ["pareto_memory", "pareto_qbit", "pareto_qudit", "nsga2"]
)
def test_beats_random_search(name):
    """On the best front left + right = 1 without a clash; random stays behind."""
    assert best_sums(name) > best_sums("random") + 0.02


def test_the_memory_may_be_shorter_than_the_search():
    """Then the covariance is that of the rows that are left, and nothing else."""
    options = FRONT_STRATEGIES["pareto_memory"].options(memory=12, initial=6, pool=40)
    strategy = make_front_strategy(
        "pareto_memory",
        NUM_OPS,
        num_objectives=2,
        population=POPULATION,
        generations=GENERATIONS,
        options=options,
    )
    *_, last = host_fronts(strategy, evaluate, jax.random.key(1), GENERATIONS)
    state = last.after.strategy_state
    assert state.root.shape == (12, 12) and np.isfinite(state.root).all()
    archs = np.asarray(state.history.archs)
    equal = (archs[:, None] == archs[None]).sum(axis=-1)
    kernel = 0.5 ** (len(NUM_OPS) - equal) + 0.02 * np.eye(12)
    root = np.asarray(state.root, np.float64)
    np.testing.assert_allclose(root.T @ root, np.linalg.inv(kernel), atol=1e-3)


def test_the_process_proposes_nothing_twice():
    _, _, _, points = run("pareto_memory", 6)
    archs = points.archs.reshape(-1, len(NUM_OPS))
    assert len(np.unique(archs, axis=0)) == len(archs)


def test_seeds_are_searches_of_their_own():
    strategy, keys = make("random"), jax.random.split(jax.random.key(5), 5)
    many = front_seeds(
        strategy, evaluate, keys, GENERATIONS, seeds_at_once=2, members=4
    )
    assert isinstance(many, Points) and many.archs.shape[:2] == (5, GENERATIONS)
    steps = host_fronts(strategy, evaluate, keys[3], GENERATIONS, members=MEMBERS)
    alone = [step.points.archs for step in steps]
    np.testing.assert_array_equal(many.archs[3], alone)


def test_gates_are_where_the_registry_says():
    for name, spec in FRONT_STRATEGIES.items():
        assert spec.name == name and spec.paper and spec.summary and spec.good_for
        state = jax.eval_shape(make(name).init, jax.random.key(0))
        places = jax.tree_util.tree_flatten_with_path(state)[0]
        held = [jax.tree_util.keystr(path) for path, _ in places]
        turned = any(word in one for one in held for word in ("angles", "amplitudes"))
        assert turned == (spec.acts_by == GATES)


def test_wrong_names_records_and_numbers_are_told():
    sizes = {"population": 2, "generations": 2}
    with pytest.raises(OptionError, match="strategy: got 'nsga3', allowed: one of par"):
        make_front_strategy("nsga3", (2, 2), num_objectives=2, **sizes)
    with pytest.raises(UserError, match="options of nsga2: got WeightedProductOptions"):
        make_front_strategy(
            "nsga2", (2,), num_objectives=2, options=WeightedProductOptions(), **sizes
        )
    with pytest.raises(UserError, match="objectives: got 5 of them, expected 2 or 3"):
        make_front_strategy("nsga2", (2, 2), num_objectives=5, **sizes)
