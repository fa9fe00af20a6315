"""NK landscapes against brute force by loops, and numbers by hand."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.landscapes.nk import (
    NKLandscape,
    find_nk_optimum,
    nk_evaluator,
    nk_landscape,
)


def score(landscape, arch):
    """One arch, layer by layer, with the table as an array of one axis an input."""
    width = landscape.inputs.shape[1]
    total = 0.0
    for inputs, values in zip(landscape.inputs, landscape.values, strict=True):
        table = values.reshape((landscape.ops,) * width)
        total += float(table[tuple(arch[layer] for layer in inputs)])
    return total


def all_scores(landscape):
    archs = np.array(list(itertools.product(*map(range, landscape.num_ops))))
    return archs, np.array([score(landscape, arch) for arch in archs])


@pytest.mark.parametrize("neighbours", ["adjacent", "random"])
@pytest.mark.parametrize(
    ("num_layers", "num_ops", "interactions"),
    [(6, 2, 0), (7, 2, 1), (8, 2, 3), (5, 3, 2), (4, 2, 3), (5, 2, 4), (3, 4, 1)],
)
def test_scores_and_optimum_are_those_of_brute_force(
    neighbours, num_layers, num_ops, interactions
):
    landscape = nk_landscape(
        num_layers, num_ops, 1, interactions=interactions, neighbours=neighbours
    )
    archs, scores = all_scores(landscape)
    same, found = nk_evaluator(landscape)(jax.random.key(0), jnp.asarray(archs))
    np.testing.assert_array_equal(same, archs)
    np.testing.assert_allclose(found, scores, atol=1e-6)
    np.testing.assert_allclose([scores.min(), scores.max()], [0, 1], atol=1e-6)
    best, value = find_nk_optimum(landscape)
    assert best.tolist() == archs[scores.argmax()].tolist()
    assert value == pytest.approx(1, abs=1e-6)


def test_neighbours_are_the_next_ones_or_distinct_others():
    ring = nk_landscape(5, 2, 0, interactions=2)
    assert ring.inputs.tolist() == [
        *([0, 1, 2], [1, 2, 3], [2, 3, 4]),
        *([3, 4, 0], [4, 0, 1]),
    ]
    drawn = nk_landscape(9, 2, 0, interactions=4, neighbours="random").inputs
    assert drawn[:, 0].tolist() == list(range(9))
    assert all(len(set(inputs)) == 5 for inputs in drawn.tolist())
    other = nk_landscape(9, 2, 1, interactions=4, neighbours="random").inputs
    assert not np.array_equal(drawn, other)


def test_by_hand():
    """Two bits that both depend on both: values of 00, 01, 10, 11, own bit first."""
    landscape = NKLandscape(
        np.array([[0, 1], [1, 0]], np.int32),
        np.array([[1.0, 2, 3, 4], [10, 20, 30, 40]], np.float32),
        2,
    )
    archs = jnp.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    _, scores = nk_evaluator(landscape)(jax.random.key(0), archs)
    np.testing.assert_allclose(scores, [11, 32, 23, 44])
    assert find_nk_optimum(landscape)[0].tolist() == [1, 1]


def test_large_rings_have_a_known_optimum():
    """No neighbour by one op is better, and no random arch."""
    landscape = nk_landscape(100, 3, 5, interactions=3)
    best, value = find_nk_optimum(landscape)
    assert value == pytest.approx(1, abs=1e-5)
    assert score(landscape, best) == pytest.approx(1, abs=1e-4)
    archs = np.random.default_rng(0).integers(0, 3, (200, 100))
    near = np.repeat(best[None], 200, axis=0)
    near[np.arange(200), np.arange(200) % 100] = archs[:, 0]
    both = jnp.asarray(np.concatenate([archs, near]))
    _, scores = nk_evaluator(landscape)(jax.random.key(0), both)
    assert scores.max() <= 1 + 1e-5 and scores[:200].max() < 0.8


def test_more_interactions_make_more_local_optima():
    counts = []
    for interactions in (0, 2, 7):
        landscape = nk_landscape(8, 2, 0, interactions=interactions)
        archs, scores = all_scores(landscape)
        places = archs @ 2 ** np.arange(8)[::-1]
        flips = places[:, None] ^ 2 ** np.arange(8)[None, :]
        counts.append(int((scores[:, None] > scores[flips]).all(axis=1).sum()))
    assert counts[0] == 1 < counts[1] < counts[2]


def test_bad_arguments_are_named():
    for arguments, message in [
        ({"interactions": 5}, "got 'adjacent' and 5 interactions, expected one of"),
        ({"neighbours": "far"}, "neighbours: got 'far'"),
    ]:
        with pytest.raises(ValueError, match=message):
            nk_landscape(5, 2, 0, **arguments)
    with pytest.raises(ValueError, match="got 1073741824 archs .* use fewer layers"):
        nk_landscape(30, 2, 0, neighbours="random")
    with pytest.raises(ValueError, match="sums .* use fewer interactions"):
        nk_landscape(30, 2, 0, interactions=12)
