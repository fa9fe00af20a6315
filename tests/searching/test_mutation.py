"""Mutations of one layer, and the probabilities they lead to."""

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.searching.mutation import mutate, mutated_probabilities, with_other_ops

NUM_OPS = (4, 1, 3)


def test_a_mutation_changes_one_layer_uniformly():
    arch = jnp.array([2, 0, 1])
    keys = jax.random.split(jax.random.key(0), 20_000)
    mutate_all = jax.jit(jax.vmap(lambda key: mutate(key, arch, NUM_OPS)))
    children = np.asarray(mutate_all(keys))
    assert np.all((children != arch[None]).sum(axis=1) == 1)
    assert np.all(children < np.array(NUM_OPS)[None])
    one_hot = np.eye(4)[children].mean(axis=0)
    # Half of the mutations fall on each layer that has other ops.
    expected = [[1 / 6, 1 / 6, 0.5, 1 / 6], [1, 0, 0, 0], [0.25, 0.5, 0.25, 0]]
    np.testing.assert_allclose(one_hot, expected, atol=0.015)
    ours = mutated_probabilities(jax.nn.one_hot(arch, 4), NUM_OPS)
    np.testing.assert_allclose(ours, expected, rtol=1e-6)


def test_a_space_of_one_arch_has_no_mutants():
    arch = jnp.zeros(2, jnp.int32)
    np.testing.assert_array_equal(mutate(jax.random.key(0), arch, (1, 1)), arch)


def test_other_ops_are_uniform():
    table = jnp.array([[0.5, 0.5, 0, 0], [1, 0, 0, 0], [0.2, 0.3, 0.5, 0]])
    ours = with_other_ops(table, jnp.array([1.0, 0.0, 0.4]), NUM_OPS)
    # Layer 2: 0.6 of the old share and 0.4 / 2 of what the two others have.
    expected = [
        [1 / 6, 1 / 6, 1 / 3, 1 / 3],
        [1, 0, 0, 0],
        [0.6 * 0.2 + 0.2 * 0.8, 0.6 * 0.3 + 0.2 * 0.7, 0.6 * 0.5 + 0.2 * 0.5, 0],
    ]
    np.testing.assert_allclose(ours, expected, rtol=1e-6)
