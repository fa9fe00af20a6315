"""The hybrid loop: duplicates, optimisers, exhausted spaces, a space of 84 bits."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made_strategies import made

from qnas_jax.optimise import Levels
from qnas_jax.searching import scan_search
from qnas_jax.searching.models.minimisers import (
    FOR_REGISTERS,
    MinimiserOptions,
    make_minimiser,
)

NUM_OPS = (3, 2, 4)
ARCHS = np.array(list(itertools.product(*(range(k) for k in NUM_OPS))), np.int32)


def some_cost():
    rng = np.random.default_rng(0)
    above = np.triu(np.ones((3, 3)), k=1)[:, :, None, None]
    return Levels(
        jnp.asarray(rng.normal(size=(3, 4)), jnp.float32),
        jnp.asarray(rng.normal(size=(3, 3, 4, 4)) * above, jnp.float32),
        0.0,
        NUM_OPS,
    )


@pytest.mark.parametrize("name", FOR_REGISTERS)
def test_minimisers_find_the_best_free_arch(name):
    cost = some_cost()
    order = np.argsort(cost.table())
    # Walks end in minima, so what they are asked to leave out is none of these.
    taken = ARCHS[order[:3]] if name in ("exhaustive", "grover", "qaoa") else ARCHS[-1:]
    taken = jnp.concatenate([jnp.full((2, 3), -1, jnp.int32), jnp.asarray(taken)])
    best = order[3] if len(taken) == 5 else order[0]
    minimise = jax.jit(make_minimiser(NUM_OPS, MinimiserOptions(optimiser=name)))
    arch = minimise(jax.random.key(0), cost, taken)
    np.testing.assert_array_equal(arch, ARCHS[best])


@pytest.mark.parametrize("name", ["exhaustive", "grover", "qaoa"])
def test_a_table_of_a_large_space_is_refused(name):
    with pytest.raises(ValueError, match=f"{name}.* 2\\^84 archs, .*_annealing'"):
        make_minimiser((16,) * 21, MinimiserOptions(optimiser=name))


def archs_of_a_search(generations, population, **settings):
    settings = {"initial": 2, **settings}
    strategy = made("hamiltonian", NUM_OPS, population, generations, **settings)

    def evaluate(key, archs):
        del key
        return archs, archs @ jnp.array([1.0, 0.5, 0.3])

    search = functools.partial(scan_search, generations=generations)
    state, _ = jax.jit(lambda key: search(strategy, evaluate, key))(jax.random.key(3))
    return np.asarray(state.strategy_state.archs)


def test_no_arch_is_evaluated_twice_until_all_are_known():
    """After the first population, which is random, every free arch comes once."""
    archs = archs_of_a_search(12, 3)
    guided = archs[3:]
    left = 24 - len(np.unique(archs[:3], axis=0))
    assert len(np.unique(guided[:left], axis=0)) == left
    assert len(np.unique(archs, axis=0)) == 24


def test_duplicates_can_be_allowed():
    archs = archs_of_a_search(12, 3, duplicates="allow")
    assert len(np.unique(archs, axis=0)) < 24


def test_without_sampling_the_proposals_of_a_generation_are_one():
    archs = archs_of_a_search(2, 3, draw="mean", duplicates="allow")
    assert len(np.unique(archs[3:], axis=0)) == 1


def test_84_bits_by_annealing():
    """No state vector: 21 layers of 16 ops, planted pairs; far above random archs."""
    num_ops, annealing = (16,) * 21, {"optimiser": "simulated_annealing", "sweeps": 10}
    strategy = made("hamiltonian", num_ops, 8, 8, walks=4, **annealing)
    values = jax.random.normal(jax.random.key(1), num_ops[:1]) * jnp.sqrt(1 / 21)

    def evaluate(key, archs):
        del key
        return archs, jnp.sum(values[archs], axis=1)

    search = jax.jit(lambda key: scan_search(strategy, evaluate, key, 8)[1])
    trace = search(jax.random.key(0))
    # Random archs have a standard deviation of about 1.
    assert jnp.mean(trace.generation_best[-2:]) > trace.generation_best[0] + 1.0
