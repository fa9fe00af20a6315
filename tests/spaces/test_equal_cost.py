"""Random architectures of a given cost: all in the band, uniform, never unbounded."""

import itertools

import numpy as np
import pytest

from qnas_jax.spaces import CostTable, archs_of_equal_cost


def table(rows, fixed=0):
    """A table of one cost; rows may differ in length."""
    most = max(map(len, rows))
    by_op = np.array([[*row, *[0] * (most - len(row))] for row in rows], np.int64)
    return CostTable({"macs": by_op}, {"macs": fixed}, tuple(map(len, rows)))


def draw(costs, arch, count, seed=0):
    return archs_of_equal_cost(
        costs, np.array(arch), count, np.random.default_rng(seed)
    )


def test_the_band_by_hand():
    # Sums over two layers, plus 100: (0, 0) 100, (0, 1) 105, (1, 0) 108, (1, 1) 113,
    # (0, 2) 150, (1, 2) 158. Within 10 % of 105 are those from 94.5 to 115.5.
    costs = table([[0, 8], [0, 5, 50]], fixed=100)
    found = draw(costs, [0, 1], 3)
    assert sorted(found.tolist()) == [[0, 0], [1, 0], [1, 1]]
    assert found.dtype == np.int32
    # There are no more; the nearest of the others follow.
    assert draw(costs, [0, 1], 4)[3].tolist() == [0, 2]
    assert len(draw(costs, [0, 1], 9)) == 5


def test_all_of_the_band_are_as_likely():
    rng = np.random.default_rng(3)
    costs = table(rng.integers(0, 100, (4, 3)).tolist(), fixed=50)
    every = np.array(list(itertools.product(range(3), repeat=4)))
    macs = costs.cost(every)["macs"]
    arch = every[np.argsort(macs)[40]]
    target = costs.cost(arch[None])["macs"][0]
    band = {tuple(a) for a in every[np.abs(macs - target) <= 0.1 * target].tolist()}
    band -= {tuple(arch.tolist())}
    assert len(band) > 4
    draws = 600
    counts = dict.fromkeys(band, 0)
    for seed in range(draws):
        (found,) = draw(costs, arch, 1, seed)
        counts[tuple(found.tolist())] += 1  # KeyError: outside of the band
    expected = draws / len(band)
    chi = sum((count - expected) ** 2 / expected for count in counts.values())
    assert chi < 2.5 * len(band)


@pytest.mark.parametrize("seed", range(2))
def test_a_cost_that_draws_never_hit_is_walked_to(seed):
    # 60 layers of 0 or 1: draws are around 30, 3 is eight standard deviations off.
    costs = table([[0, 10]] * 60, fixed=1)
    arch = np.zeros(60, np.int32)
    arch[:3] = 1
    found = draw(costs, arch, 4, seed)
    assert len({tuple(each) for each in found.tolist()}) == 4
    np.testing.assert_array_equal(costs.cost(found)["macs"], 31)


def test_where_none_is_near_the_nearest_is_found():
    costs = table([[0, 1000], [0, 4000]], fixed=100)
    assert draw(costs, [0, 0], 1).tolist() == [[1, 0]]
    assert draw(table([[7]]), [0], 2).shape == (0, 1)
