"""Instances: cost and constraints against the problem's own definition."""

import itertools

import numpy as np
import pytest

from qnas_jax.optimise.problems import instances
from qnas_jax.optimise.problems.constraints import penalised


def all_bits(n):
    return np.array(list(itertools.product((0, 1), repeat=n)), np.int8)


def brute_force(instance):
    """Lowest cost and bits among feasible strings."""
    bits = all_bits(len(instance.problem.num_levels))
    costs = np.asarray(instance.problem.cost(bits), float)
    if instance.limits is not None:
        costs = np.where(instance.limits.feasible(bits), costs, np.inf)
    return costs.min(), bits[costs.argmin()]


@pytest.mark.parametrize(("nodes", "degree"), [(6, 3), (10, 3), (7, 4), (4, 3)])
def test_regular_graphs(nodes, degree):
    edges = instances.random_regular_graph(nodes, degree, np.random.default_rng(0))
    counts = np.bincount(np.ravel(edges), minlength=nodes)
    assert (counts == degree).all() and len(set(edges)) == nodes * degree // 2
    assert all(i < j for i, j in edges)


@pytest.mark.parametrize(("nodes", "degree"), [(5, 3), (3, 3), (4, 0)])
def test_impossible_graphs(nodes, degree):
    with pytest.raises(ValueError, match="expected 0 < degree < nodes"):
        instances.random_regular_graph(nodes, degree, np.random.default_rng(0))


@pytest.mark.parametrize("weighted", [False, True])
def test_max_cut_is_the_weight_between_the_sets(weighted):
    instance = instances.max_cut(8, weighted=weighted, seed=3)
    rng = np.random.default_rng(3)
    edges = instances.random_regular_graph(8, 3, rng)
    weights = rng.random(len(edges)) if weighted else np.ones(len(edges))
    for bits in all_bits(8)[::7]:
        left, right = map(set, instance.decode(bits))
        assert left | right == set(range(8))
        cut = sum(
            w
            for (i, j), w in zip(edges, weights, strict=True)
            if (i in left) != (j in left)
        )
        assert float(instance.problem.cost(bits)) == pytest.approx(-cut, abs=1e-5)


def test_complete_graph_by_hand():
    """Four nodes, all joined: the best cut has two on each side, four edges."""
    lowest, bits = brute_force(instances.max_cut(4))
    assert lowest == -4 and bits.sum() == 2


def test_dense_forms():
    instance = instances.random_qubo(6, seed=2)
    matrix = np.triu(np.random.default_rng(2).normal(size=(6, 6)))
    bits = all_bits(6)
    want = np.einsum("si,ij,sj->s", bits, matrix, bits)
    np.testing.assert_allclose(instance.problem.cost(bits), want, atol=1e-5)
    assert instance.decode([0, 1, 1, 0, 0, 1]) == [1, 2, 5]


def test_knapsack_by_dynamic_programming():
    """One capacity: the textbook table."""
    instance = instances.knapsack(10, num_limits=1, seed=4)
    rng = np.random.default_rng(4)
    values = rng.integers(1, 11, 10)
    (weights,) = rng.integers(1, 6, (1, 10))
    best = np.zeros(weights.sum() // 2 + 1)
    for value, weight in zip(values, weights, strict=True):
        best[weight:] = np.maximum(best[weight:], best[:-weight] + value)
    lowest, bits = brute_force(instance)
    assert -lowest == best[-1] == values[instance.decode(bits)].sum()


def test_independent_set_by_subsets():
    instance = instances.independent_set(8, seed=5)
    edges = instances.random_regular_graph(8, 3, np.random.default_rng(5))
    sizes = [
        len(nodes)
        for size in range(9)
        for nodes in itertools.combinations(range(8), size)
        if not any(i in nodes and j in nodes for i, j in edges)
    ]
    lowest, bits = brute_force(instance)
    assert -lowest == max(sizes) == len(instance.decode(bits))


def test_quadratic_assignment_by_permutations():
    instance = instances.quadratic_assignment(3, seed=6)
    rng = np.random.default_rng(6)
    flows = np.triu(rng.integers(1, 6, (3, 3)), k=1)
    points = rng.random((3, 2))
    costs = {
        places: sum(
            flows[i, j] * np.linalg.norm(points[places[i]] - points[places[j]])
            for i in range(3)
            for j in range(3)
        )
        for places in itertools.permutations(range(3))
    }
    lowest, bits = brute_force(instance)
    assert lowest == pytest.approx(min(costs.values()), rel=1e-5)
    assert costs[tuple(instance.decode(bits))] == pytest.approx(lowest, rel=1e-5)


@pytest.mark.parametrize(
    "instance",
    [
        instances.knapsack(6, num_limits=2, seed=1),
        instances.independent_set(8, seed=1),
        instances.quadratic_assignment(3, seed=1),
    ],
    ids=lambda instance: instance.name,
)
def test_penalties_are_high_enough(instance):
    form = penalised(instance.problem, instance.limits, instance.penalty)
    n, extra = len(instance.problem.num_levels), len(form.num_levels)
    assert extra <= 16
    costs = np.asarray(form.cost(all_bits(extra)))
    lowest, _ = brute_force(instance)
    assert costs.min() == pytest.approx(lowest, abs=1e-3)
    best = all_bits(extra)[costs < lowest + 1e-3, :n]
    assert instance.limits.feasible(best).all()


def test_seeds_make_instances():
    one, two = (instances.random_qubo(5, seed=s).problem.linear for s in (0, 1))
    again = instances.random_qubo(5, seed=0).problem.linear
    assert (one == again).all() and (one != two).any()
