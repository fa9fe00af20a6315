"""Strata: who is in which, by enumeration and by hand; how often each is drawn."""

import itertools

import numpy as np
import pytest
from path_draws import costs_of, draw_paths, layered
from scipy import stats

from qnas_jax.errors import UserError
from qnas_jax.spaces import CostTable, nas_bench_201
from qnas_jax.training import STRATA_COSTS, initial_sampler_state, make_strata
from qnas_jax.training.strata import stratified

CELLS = nas_bench_201((8, 8, 3), 10)
CELL_COSTS = CostTable(
    {name: np.tile([0, 0, 1, 9, 0], (6, 1)) for name in ("params", "macs")},
    {"params": 4, "macs": 0},
    CELLS.num_ops,
)


def members(strata):
    return [
        archs[:count].tolist()
        for archs, count in zip(strata.archs, strata.counts, strict=True)
    ]


def plain_strata(num_ops, costs, by, number):
    """The same of a small chain, one architecture after the other, without NumPy."""
    found = []
    for arch in itertools.product(*map(range, num_ops)):
        if by in ("macs", "params"):
            cost = costs.fixed[by]
            cost += sum(costs.by_op[by][layer][op] for layer, op in enumerate(arch))
        else:
            cost = sum(costs.by_op["params"][place] > 0 for place in enumerate(arch))
        found.append((float(cost), list(arch)))
    ordered = sorted(cost for cost, _ in found)

    def quantile(share):
        place = share * (len(ordered) - 1)
        low = int(place)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (place - low) * (ordered[high] - ordered[low])

    low, high = quantile(0.01), quantile(0.99)
    limits = [low + (high - low) * place / number for place in range(1, number)]
    strata = [[] for _ in range(number)]
    for cost, arch in found:
        strata[sum(cost > limit for limit in limits)].append(arch)
    return [stratum for stratum in strata if stratum]


@pytest.mark.parametrize("by", STRATA_COSTS)
@pytest.mark.parametrize("number", [2, 3, 5])
def test_strata_of_a_small_space_are_those_of_its_enumeration(by, number):
    num_ops = (3, 2, 5, 1, 4)
    strata = make_strata(layered(num_ops), costs_of(num_ops), by, number)
    expected = plain_strata(num_ops, costs_of(num_ops), by, number)
    assert members(strata) == expected
    assert sum(strata.counts) == 120


def test_strata_by_depth_are_the_published_ones_of_nas_bench_201():
    """Up to 1, 2, and 3 convolutions on a way; each counted along the four ways."""
    strata = make_strata(CELLS, CELL_COSTS, "depth", 3)
    # 3: convolutions at 0-1, 1-2 and 2-3, anything elsewhere: 2^3 * 5^3.
    assert strata.counts.tolist() == [8764, 5520, 1000]
    ways = [(3,), (0, 4), (1, 5), (0, 2, 5)]  # edges 0-1, 0-2, 1-2, 0-3, 1-3, 2-3
    expected = [[], [], []]
    for arch in itertools.product(range(5), repeat=6):
        open_ways = [way for way in ways if all(arch[edge] != 0 for edge in way)]
        if open_ways:
            deepest = max(sum(arch[e] in (2, 3) for e in way) for way in open_ways)
            expected[max(deepest - 1, 0)].append(list(arch))
    assert members(strata) == expected


def test_strata_by_ops_of_nas_bench_201():
    """Of 6 edges, k have one of 2 convolutions in C(6, k) 2^k 3^(6-k) cells."""
    strata = make_strata(CELLS, CELL_COSTS, "ops", 3)
    binomial = [729, 2916, 4860, 4320, 2160, 576, 64]
    assert sum(binomial) == 5**6
    # 1 % of the cells have 0 and 99 % have at most 5: 0-1, 2-3, 4 and more. All 341
    # cells without a way have few convolutions.
    assert strata.counts[2] == sum(binomial[4:])
    assert sum(strata.counts) == 15_625 - 341
    for archs, counts in zip(members(strata), ({0, 1}, {2, 3}, {4, 5, 6}), strict=True):
        assert set(np.isin(archs, (2, 3)).sum(axis=1)) == counts


def test_each_stratum_is_drawn_as_often_and_each_of_its_archs():
    strata = make_strata(CELLS, CELL_COSTS, "depth", 3)
    state = initial_sampler_state(CELLS.num_ops, 1)
    _, archs, _ = draw_paths(stratified(strata), state, 6000)
    own = [{tuple(arch) for arch in stratum} for stratum in members(strata)]
    places = [[tuple(arch) in each for each in own] for arch in archs[:, 0].tolist()]
    assert stats.chisquare(np.sum(places, axis=0)).pvalue > 1e-3
    deep = [own_arch for own_arch in archs[:, 0].tolist() if tuple(own_arch) in own[2]]
    codes = np.dot(np.isin(deep, 3)[:, [0, 2, 5]], [4, 2, 1])  # 3 x 3 or 1 x 1
    assert stats.chisquare(np.bincount(codes, minlength=8)).pvalue > 1e-3
    free = np.asarray(deep)[:, 1] + 5 * np.asarray(deep)[:, 3]
    assert stats.chisquare(np.bincount(free, minlength=25)).pvalue > 1e-3


def test_a_huge_space_is_sampled():
    """16^21 architectures, held against many more of other seeds."""
    num_ops = (16,) * 21
    space, costs = layered(num_ops), costs_of(num_ops)
    strata = make_strata(space, costs, "macs", 3)
    assert strata.counts.tolist() == [4096] * 3 and strata.archs.dtype == np.uint8
    found = [costs.cost(archs)["macs"] for archs in strata.archs]
    assert found[0].max() <= found[1].min() and found[1].max() <= found[2].min()
    rng = np.random.default_rng(7)
    others = rng.integers(0, 16, (200_000, 21))
    macs = costs.cost(others)["macs"]
    low, high = np.quantile(macs, (0.01, 0.99))
    # The widths of the ranges agree with those of another sample, to a percent or so.
    assert abs(found[0].max() - (2 * low + high) / 3) < 0.02 * (high - low)
    assert abs(found[1].max() - (low + 2 * high) / 3) < 0.02 * (high - low)
    # Within a stratum, all are as likely: no op is more frequent than it is there.
    there = others[macs > found[1].max()]
    for layer in (0, 10, 20):
        expected = np.bincount(there[:, layer], minlength=16) / len(there)
        counts = np.bincount(strata.archs[2][:, layer], minlength=16)
        sd = np.sqrt(4096 * expected * (1 + 4096 / len(there)))
        assert (abs(counts - 4096 * expected) < 4.5 * sd).all()
    again = make_strata(space, costs, "macs", 3)
    np.testing.assert_array_equal(again.archs, strata.archs)


def test_archs_of_the_ends_are_drawn_more_often_by_a_bounded_factor():
    """1.5 times of a bell of costs; the middle less often, to 0.6 times."""
    num_ops = (4,) * 8
    strata = make_strata(layered(num_ops), costs_of(num_ops), "macs", 3)
    factors = strata.counts.sum() / 3 / strata.counts
    np.testing.assert_allclose(factors, [1.5, 0.6, 1.5], rtol=0.2)


def test_a_cost_in_which_nothing_differs_is_refused():
    num_ops = (3, 3)
    costs = CostTable(
        {"macs": np.ones((2, 3), int), "params": np.arange(6).reshape(2, 3) + 1},
        {"macs": 0, "params": 0},
        num_ops,
    )
    for by in ("macs", "ops", "depth"):
        with pytest.raises(UserError, match=f"^strata_by: got '{by}' in space"):
            make_strata(layered(num_ops), costs, by, 3)
    assert len(make_strata(layered(num_ops), costs, "params", 3).counts) == 3
