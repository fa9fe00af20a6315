"""Registers with memory: preparation by hand, pursuits, searches that must succeed."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made_strategies import made

from qnas_jax.searching import scan_search
from qnas_jax.searching.many import search_seeds
from qnas_jax.searching.observation import own_ops
from qnas_jax.searching.registers.field import field_mean
from qnas_jax.searching.registers.memory_registers import flip_probabilities
from qnas_jax.searching.registers.ranks import normal_scores


def test_preparation_by_hand():
    """Guide 0, 0. The flips gain ln 2, ln 1 and ln 3: a half, a sixth... of 0.6."""
    field = jnp.array([[1.0, 1.0 + np.log(2), 1.0], [0.5, 0.5 + np.log(3), 9.0]])
    table = flip_probabilities(
        field, jnp.array([0, 0]), own=own_ops((3, 2)), flips=0.6, strength=1.0
    )
    expected = [[0.7, 0.2, 0.1], [0.7, 0.3, 0.0]]
    np.testing.assert_allclose(table, expected, rtol=1e-5)


def test_a_layer_leaves_its_guide_at_most_half_of_the_time():
    """Without a field the three flips share 1.8, 1.2 of it in the first layer."""
    table = flip_probabilities(
        jnp.zeros((2, 3)), jnp.array([2, 1]), own=own_ops((3, 2)), flips=1.8, strength=4
    )
    np.testing.assert_allclose(table, [[0.25, 0.25, 0.5], [0.5, 0.5, 0]], rtol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_preparation_equals_a_loop(seed):
    rng = np.random.default_rng(seed)
    num_ops = (4, 1, 3, 2)
    field, guide = rng.normal(size=(4, 4)), rng.integers(0, num_ops)
    weights = {
        (layer, op): np.exp(1.7 * (field[layer, op] - field[layer, guide[layer]]))
        for layer, count in enumerate(num_ops)
        for op in range(count)
        if op != guide[layer]
    }
    expected = np.zeros((4, 4))
    for layer in range(4):
        own = {k: v for k, v in weights.items() if k[0] == layer}
        chances = {k: 1.5 * v / sum(weights.values()) for k, v in own.items()}
        total = sum(chances.values())
        for (_, op), chance in chances.items():
            expected[layer, op] = chance if total <= 0.5 else 0.5 * chance / total
        expected[layer, guide[layer]] = 1 - expected[layer].sum()
    table = flip_probabilities(
        jnp.asarray(field, jnp.float32),
        jnp.asarray(guide),
        own=own_ops(num_ops),
        flips=1.5,
        strength=1.7,
    )
    np.testing.assert_allclose(table, expected, rtol=1e-4, atol=1e-7)


def linear(key, archs):
    del key
    return archs, archs @ jnp.array([1.0, 0.31, 0.17])


def evaluated(num_ops, generations, evaluate=linear, **settings):
    settings = {"generations": generations, **settings}
    strategy = made("memory_registers", num_ops, **settings)
    keys = jax.random.split(jax.random.key(0), 1)
    found = search_seeds(strategy, evaluate, keys, generations)
    return found.archs[0].reshape(-1, len(num_ops)), found.scores[0].reshape(-1)


@pytest.mark.parametrize("population", [1, 4])
def test_nothing_is_evaluated_twice(population):
    """After the first generation, in which individuals do not know of each other."""
    archs, _ = evaluated(
        (3, 4, 5),
        24 // population,
        population=population,
        initial=1,
        restart_after=1000,
        draws=512,
    )
    first = len(np.unique(archs[:population], axis=0))
    assert len(np.unique(archs, axis=0)) == 24 - population + first


def test_the_neighbours_of_a_guide_come_first():
    """All scores are equal but the first arch's, whose nine neighbours follow."""

    def first_is_best(key, archs):
        del key
        return archs, jnp.zeros(1)

    archs, _ = evaluated(
        (4, 4, 4), 10, first_is_best, population=1, initial=1, draws=512, flips=0.05
    )
    assert len(np.unique(archs, axis=0)) == 10
    np.testing.assert_array_equal(np.sum(archs[1:] != archs[0], axis=1), 1)


def test_the_guide_is_forgotten_and_the_memory_stays():
    """No score is better than the first: after two more a new pursuit begins."""
    strategy = made("memory_registers", (3, 3), 1, initial=2, restart_after=2)
    state = strategy.init(jax.random.key(0))
    archs = [[0, 0], [0, 1], [1, 0], [2, 2], [2, 1]]
    starts, guides = [], []
    for arch, score in zip(archs, [3.0, 1.0, 2.0, 1.0, 2.5], strict=True):
        state = strategy.tell(state, jnp.array([arch]), jnp.array([score]))
        starts.append(int(state.pursuit.start))
        guides.append(float(state.pursuit.guide_score))
    assert starts == [0, 0, 3, 3, 3]
    assert guides == [3.0, 3.0, -np.inf, 1.0, 2.5]
    np.testing.assert_array_equal(state.pursuit.guide, [2, 1])
    np.testing.assert_array_equal(state.history.archs[:5], archs)


def test_it_finds_the_best_of_a_coupled_table():
    """Random values of pairs of layers: 625 archs, 120 evaluations, 20 searches."""
    rng = np.random.default_rng(0)
    pairs = rng.normal(size=(4, 4, 5, 5))
    space = np.array(list(itertools.product(range(5), repeat=4)))
    values = sum(
        pairs[i, j, space[:, i], space[:, j]]
        for i, j in itertools.combinations(range(4), 2)
    )
    lookup = jnp.asarray(values.reshape(5, 5, 5, 5), jnp.float32)

    def evaluate(key, archs):
        del key
        return archs, lookup[tuple(archs.T)]

    found = {}
    for name in ("memory_registers", "random"):
        strategy = made(name, (5,) * 4, 2, 60)
        keys = jax.random.split(jax.random.key(1), 20)
        run = jax.jit(jax.vmap(lambda k, s=strategy: scan_search(s, evaluate, k, 60)))
        state, _ = run(keys)
        found[name] = np.mean(state.best_score >= values.max() - 1e-4)
    assert found["memory_registers"] >= 0.7 > found["random"]


@pytest.mark.parametrize("memory", [0, 20])
def test_the_field_is_that_of_the_evaluations_that_are_remembered(memory):
    """Bayesian linear regression in NumPy; mean and covariance, 60 evaluations."""
    from scipy.stats import norm, rankdata

    num_ops, total = (3, 4, 2, 5), 60
    rng = np.random.default_rng(0)
    archs = np.stack([rng.integers(0, count, total) for count in num_ops], axis=1)
    effects = rng.normal(size=(4, 5))
    scores = effects[np.arange(4), archs].sum(axis=1).astype(np.float32)
    scores[[11, total - 3]] = np.nan  # failed, one of them is remembered
    strategy = made("memory_registers", num_ops, 2, total // 2, memory=memory)
    state = strategy.init(jax.random.key(0))
    tell = jax.jit(strategy.tell)
    for arch, score in zip(archs.reshape(-1, 2, 4), scores.reshape(-1, 2), strict=True):
        state = tell(state, jnp.asarray(arch), jnp.asarray(score))

    start = total - (memory or total)
    known = np.isfinite(scores[start:])
    rows = np.eye(5)[archs[start:][known]].reshape(known.sum(), -1)
    targets = norm.ppf((rankdata(scores[start:][known]) - 0.5) / known.sum())
    covariance = np.linalg.inv(rows.T @ rows / 0.1 + np.eye(20) / 0.3)
    expected = (covariance @ rows.T @ targets / 0.1).reshape(4, 5)
    root = np.asarray(state.field_root, np.float64).reshape(20, -1)
    np.testing.assert_allclose(root @ root.T, covariance, atol=2e-5)
    mean = field_mean(
        state.field_root,
        state.history.archs,
        normal_scores(state.ranks, state.history),
        noise=0.1,
    )
    np.testing.assert_allclose(mean, expected, atol=2e-4)
