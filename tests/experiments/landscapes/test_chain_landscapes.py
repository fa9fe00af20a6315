"""Chain landscapes against brute force and numbers by hand."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.landscapes.chains import (
    LANDSCAPES,
    chain_evaluator,
    chain_score,
    find_optimum,
    layer_trap,
    matched,
    pair_trap,
)


def all_scores(landscape):
    """Scores of all archs, by loops over the layers."""
    archs = np.array(list(itertools.product(*map(range, landscape.num_ops))))
    scores = np.zeros(len(archs))
    for layer, values in enumerate(landscape.layers):
        scores += values[archs[:, layer]]
    for layer, values in enumerate(landscape.pairs):
        scores += values[archs[:, layer], archs[:, layer + 1]]
    return archs, scores


@pytest.mark.parametrize("name", LANDSCAPES)
@pytest.mark.parametrize("num_ops", [2, 4])
def test_scores_and_optimum_are_those_of_brute_force(name, num_ops):
    landscape = LANDSCAPES[name](6, num_ops, 3)
    archs, scores = all_scores(landscape)
    key = jax.random.key(0)
    same, found = chain_evaluator(landscape)(key, jnp.asarray(archs))
    np.testing.assert_array_equal(same, archs)
    np.testing.assert_allclose(found, scores, atol=1e-6)
    np.testing.assert_allclose([scores.min(), scores.max()], [0, 1], atol=1e-6)
    best, value = find_optimum(landscape)
    np.testing.assert_allclose(value, 1, atol=1e-6)
    ties = archs[scores > 1 - 1e-6]
    assert best.tolist() in ties.tolist()
    # Two ops in centred pairs: flipping all of them changes nothing.
    symmetric = name == "matched" or (name == "coupled" and num_ops == 2)
    assert len(ties) == (num_ops if symmetric else 1)


def test_no_op_of_a_coupled_pair_is_better_alone():
    landscape = LANDSCAPES["coupled"](5, 4, 0)
    np.testing.assert_allclose(landscape.pairs.sum(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(landscape.pairs.sum(axis=2), 0, atol=1e-6)


def test_one_score_is_a_gather_of_tables():
    layers = jnp.array([[1.0, 2.0], [4.0, 8.0]])
    pairs = jnp.array([[[0.0, 0.5], [0.25, 0.0]]])
    scores = chain_score(layers, pairs, jnp.array([[0, 1], [1, 0]]))
    np.testing.assert_allclose(scores, [9.5, 6.25])


def test_traps_lead_away_from_the_optimum():
    """Of three bits: 2, 1, 0, 3 for 0, 1, 2, 3 ones; four ones of two layers: 4."""
    values = layer_trap(1, 8).layers[0]
    ones = np.array([0, 1, 1, 2, 1, 2, 2, 3])
    np.testing.assert_allclose(values, np.array([2, 1, 0, 3])[ones] / 3, rtol=1e-6)
    landscape = pair_trap(4, 4)
    archs = jnp.array([[0, 0, 0, 0], [3, 3, 0, 0], [3, 3, 3, 3], [3, 1, 0, 1]])
    _, scores = chain_evaluator(landscape)(jax.random.key(0), archs)
    np.testing.assert_allclose(scores, [6 / 8, 7 / 8, 1, 2 / 8], rtol=1e-6)


def test_every_first_op_starts_an_optimum_of_matched_pairs():
    landscape = matched(4, 3, 1)
    archs, scores = all_scores(landscape)
    assert sorted(archs[scores > 1 - 1e-6][:, 0]) == [0, 1, 2]


def test_bad_sizes_are_named():
    with pytest.raises(ValueError, match="num_ops: got 6, expected a power of two"):
        layer_trap(4, 6)
    with pytest.raises(ValueError, match="num_layers: got 5, expected an even number"):
        pair_trap(5, 4)
