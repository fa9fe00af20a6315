"""Repairs: what they yield fits, what fits stays, and every strategy keeps a budget."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made_strategies import made

from qnas_jax.searching.many import search_seeds
from qnas_jax.searching.repair import Constrained, make_repair
from qnas_jax.spaces import AdditiveBudget, CostTable, ListedBudget

NUM_OPS = (4, 4, 4, 4, 4)
EVERY = np.array(list(itertools.product(range(4), repeat=5)))
SMALL = {"memory_registers": {"draws": 8}}


def table(seed=0, unit=1.0):
    rng = np.random.default_rng(seed)
    by_op = {name: unit * rng.integers(0, 99, (5, 4)) for name in ("params", "macs")}
    return CostTable(by_op, {"params": 3 * unit, "macs": 11 * unit}, NUM_OPS)


def budget(kind, seed=0, unit=1.0, share=0.2):
    costs = table(seed, unit)
    found = costs.cost(EVERY)
    limits = {name: float(np.quantile(found[name], share)) for name in found}
    if kind == "listed":
        return ListedBudget(found, NUM_OPS, limits)
    return AdditiveBudget(costs, limits)


@pytest.mark.parametrize("kind", ["additive", "listed"])
@pytest.mark.parametrize("unit", [1.0, 0.37, 1e9])
def test_all_that_is_repaired_fits_and_what_fits_stays(kind, unit):
    limit = budget(kind, unit=unit)
    repaired = np.asarray(make_repair(limit)(jax.random.key(0), EVERY))
    assert limit.within(repaired).all()
    fits = limit.within(EVERY)
    assert 0 < fits.sum() < len(EVERY) / 4
    np.testing.assert_array_equal(repaired[fits], EVERY[fits])


def test_a_repair_is_random_and_changes_little():
    limit = budget("additive", share=0.5)
    repair = make_repair(limit)
    arch = EVERY[~limit.within(EVERY)][-1]
    found = np.asarray(repair(jax.random.key(1), np.tile(arch, (200, 1))))
    assert len(np.unique(found, axis=0)) > 5
    changed = (found != arch).sum(axis=1)
    assert changed.min() == 1 and changed.max() < 5


def test_only_the_cheapest_fits():
    costs = CostTable({"macs": np.array([[5, 1, 9], [7, 8, 2]])}, {"macs": 1}, (3, 3))
    repair = make_repair(AdditiveBudget(costs, {"macs": 4}))
    every = np.array(list(itertools.product(range(3), repeat=2)))
    np.testing.assert_array_equal(repair(jax.random.key(0), every), [[1, 2]] * 9)


def test_layers_with_fewer_ops_are_never_given_others():
    rng = np.random.default_rng(2)
    num_ops = (2, 4, 1, 3)
    # The columns of ops that layers lack are zero: cheaper than any op.
    real = np.arange(4) < np.array(num_ops)[:, None]
    by_op = {"macs": np.where(real, rng.integers(5, 99, (4, 4)), 0)}
    costs = CostTable(by_op, {"macs": 0}, num_ops)
    every = np.array(list(itertools.product(*map(range, num_ops))))
    limit = AdditiveBudget(
        costs, {"macs": int(np.quantile(costs.cost(every)["macs"], 0.3))}
    )
    repaired = np.asarray(make_repair(limit)(jax.random.key(0), every))
    assert (repaired < np.array(num_ops)).all() and limit.within(repaired).all()


# One of each way to propose; experiments/comparisons/budgets.py has all of them.
NAMES = ("memory_registers", "qbit", "local_search", "hyperband", "genetic_algorithm")


@pytest.mark.parametrize("name", NAMES)
def test_strategies_of_all_kinds_keep_the_budget(name):
    limit = budget("additive", seed=4)
    weights = jnp.asarray(np.random.default_rng(5).normal(size=(5, 4)), jnp.float32)

    def score(key, archs, *fidelities):
        del key, fidelities
        return archs, weights[jnp.arange(5), archs].sum(axis=1)

    strategy = made(name, NUM_OPS, 6, 6, **SMALL.get(name, {}))
    evaluate = Constrained(jax.tree_util.Partial(score), make_repair(limit))
    keys = jax.random.split(jax.random.key(0), 4)
    found = search_seeds(strategy, evaluate, keys, 6)
    archs = found.archs.reshape(-1, 5)
    assert limit.within(archs).all()
    assert len(np.unique(archs, axis=0)) > 6
