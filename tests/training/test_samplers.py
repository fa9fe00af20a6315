"""What every sampler keeps, alone and with the balance pool on top of it."""

import dataclasses

import numpy as np
import pytest
from path_draws import costs_of, draw_paths, layered, with_members
from scipy import stats

from qnas_jax.options import OptionError
from qnas_jax.spaces import nas_bench_201
from qnas_jax.training import (
    PATH_SAMPLERS,
    SamplerOptions,
    initial_sampler_state,
    make_sampler,
    make_strata,
    smallest_arch,
)

NUM_OPS = (3, 2, 4, 1, 4)
SPACE, COSTS = layered(NUM_OPS), costs_of(NUM_OPS)
STEPS = 1500
PATHS = {"uniform": 1, "fair": 1, "strict_fair": 4, "stratified": 1, "sandwich": 5}


def options_of(name, **changes):
    return SamplerOptions(sampler=name, sandwich_paths=3, strata=4, **changes)


SAMPLERS = {
    name: make_sampler(options_of(name), SPACE, COSTS) for name in PATH_SAMPLERS
}
WITH_POOL = {
    name: make_sampler(options_of(name, pool_share=0.4), SPACE, COSTS)
    for name in PATH_SAMPLERS
}


def expected_shares(name, layer):
    """The share of each op at a layer, in the mean over all paths of many steps."""
    even = np.full(NUM_OPS[layer], 1 / NUM_OPS[layer])
    if name == "sandwich":
        # Two of five paths are always the same.
        macs = COSTS.by_op["macs"][layer, : NUM_OPS[layer]]
        ends = np.bincount([macs.argmin(), macs.argmax()], minlength=NUM_OPS[layer])
        return (ends + 3 * even) / 5
    if name == "stratified":
        strata = make_strata(SPACE, COSTS, "macs", 4)
        shares = [
            np.bincount(archs[:count, layer], minlength=NUM_OPS[layer]) / count
            for archs, count in zip(strata.archs, strata.counts, strict=True)
        ]
        return np.mean(shares, axis=0)
    return even


def test_there_is_a_number_of_paths_for_each_sampler():
    assert {name: each.num_paths for name, each in SAMPLERS.items()} == PATHS


@pytest.mark.parametrize("name", PATH_SAMPLERS)
def test_all_ops_are_drawn_as_often_as_they_should_be(name):
    state = initial_sampler_state(NUM_OPS, 2)
    _, archs, _ = draw_paths(SAMPLERS[name], state, STEPS)
    assert archs.shape == (STEPS, PATHS[name], 5) and archs.dtype == np.int32
    for layer, count in enumerate(NUM_OPS):
        found = np.bincount(archs[..., layer].ravel(), minlength=count)
        assert len(found) == count and found.min() > 0
        expected = expected_shares(name, layer) * archs[..., 0].size
        if count > 1:
            assert stats.chisquare(found, expected).pvalue > 1e-3


@pytest.mark.parametrize("name", PATH_SAMPLERS)
@pytest.mark.parametrize("pool", [False, True])
def test_paths_are_a_function_of_key_state_and_step(name, pool):
    """Whoever goes on from a saved state draws the same paths."""
    sampler = (WITH_POOL if pool else SAMPLERS)[name]
    start = with_members(NUM_OPS, [[0, 0, 0, 0, 0], [2, 1, 3, 0, 3]], 3)
    _, whole, _ = draw_paths(sampler, start, 40, share=0.4, seed=3)
    state, first, _ = draw_paths(sampler, start, 20, share=0.4, seed=3)
    _, second, _ = draw_paths(sampler, state, 20, share=0.4, seed=3, first=20)
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)
    _, other, _ = draw_paths(sampler, start, 40, share=0.4, seed=4)
    assert (other != whole).any()


@pytest.mark.parametrize("name", PATH_SAMPLERS)
def test_a_pool_stands_on_top_of_each(name):
    """Its share trains members; the other paths are drawn as without it."""
    members = [[0, 0, 0, 0, 0], [1, 1, 1, 0, 1], [2, 1, 3, 0, 3]]
    members += [[1, 0, 2, 0, 2], [0, 1, 3, 0, 0], [2, 0, 0, 0, 1]]
    state = with_members(NUM_OPS, members, 8)
    sampler = WITH_POOL[name]
    assert sampler.num_paths == PATHS[name] and not sampler.once
    _, archs, _ = draw_paths(sampler, state, STEPS, share=0.4)
    names = {tuple(member) for member in members}

    def are_members(updates):
        found = [{tuple(arch) for arch in update} for update in updates.tolist()]
        return np.array([update <= names for update in found])

    from_pool = are_members(archs)
    # By chance, the sampler's own paths are members too.
    _, alone, _ = draw_paths(sampler, state, STEPS, share=0.0)
    expected = 0.4 + 0.6 * are_members(alone).mean()
    assert stats.binomtest(int(from_pool.sum()), STEPS, expected).pvalue > 1e-3
    for update in archs[from_pool]:
        assert len(np.unique(update, axis=0)) == PATHS[name]
    if name == "sandwich":
        ends = np.stack([COSTS.largest("macs"), smallest_arch(SPACE, COSTS)])
        others = archs[~from_pool, :2]
        np.testing.assert_array_equal(others, np.broadcast_to(ends, others.shape))


@pytest.mark.parametrize("name", PATH_SAMPLERS)
def test_a_teacher_stands_in_front_of_each(name):
    """The others are drawn as without it; of a sandwich it is a part already."""
    sampler = make_sampler(options_of(name, distillation=0.5), SPACE, COSTS)
    assert (sampler.largest_first, sampler.distillation, sampler.once) == (
        True,
        0.5,
        False,
    )
    state = initial_sampler_state(NUM_OPS, 2)
    _, archs, _ = draw_paths(sampler, state, 40)
    _, others, _ = draw_paths(SAMPLERS[name], state, 40)
    assert (archs[:, 0] == COSTS.largest("macs")).all()
    first = 0 if name == "sandwich" else 1
    np.testing.assert_array_equal(archs[:, first:], others)


@pytest.mark.parametrize("name", ["fair", "sandwich"])
def test_a_teacher_stays_in_front_of_the_members_of_a_pool(name):
    members = [[0, 0, 0, 0, 0], [1, 1, 1, 0, 1], [2, 1, 2, 0, 3]]
    members += [[1, 0, 2, 0, 2], [0, 1, 0, 0, 0], [2, 0, 0, 0, 1]]
    state = with_members(NUM_OPS, members, 8)
    options = options_of(name, pool_share=0.4, distillation=0.5)
    sampler = make_sampler(options, SPACE, COSTS)
    _, archs, _ = draw_paths(sampler, state, 200, share=0.4)
    assert (archs[:, 0] == COSTS.largest("macs")).all()
    names = {tuple(member) for member in members}
    of_pool = [{tuple(arch) for arch in update[1:]} <= names for update in archs]
    assert stats.binomtest(sum(of_pool), 200, 0.4).pvalue > 1e-3
    for update in archs[of_pool]:
        assert len(np.unique(update[1:], axis=0)) == len(update) - 1


def test_no_pool_without_a_share():
    """Nothing is paid for it: the sampler is the same, its promises hold."""
    space, costs = layered((3, 3)), costs_of((3, 3))
    assert make_sampler(SamplerOptions(sampler="strict_fair"), space, costs).once
    assert SamplerOptions().pool_share == 0


def test_the_pool_as_a_sampler_is_refused_with_what_to_write():
    with pytest.raises(OptionError) as error:
        SamplerOptions(sampler="balance_pool")
    line = str(error.value)
    assert line.startswith("sampler: got 'balance_pool', allowed: one of uniform, fair")
    assert line.endswith("did you mean sampler=fair and pool_share=0.5?)")
    changed = dataclasses.replace(SamplerOptions(), sampler="fair", pool_share=0.5)
    assert changed.sampler == "fair"


def test_the_smallest_network_of_a_sandwich_passes_something_on():
    space = nas_bench_201((8, 8, 3), 10)
    table = np.tile([0, 0, 10, 90, 0], (6, 1))
    costs = dataclasses.replace(COSTS, by_op={"macs": table}, num_ops=space.num_ops)
    assert smallest_arch(space, costs).tolist() == [1] * 6  # skip, not none
    sampler = make_sampler(SamplerOptions(sampler="sandwich"), space, costs)
    state = initial_sampler_state(space.num_ops, 1)
    _, archs, _ = draw_paths(sampler, state, 50)
    assert archs.shape == (50, 4, 6)
    assert (archs[:, 0] == 3).all() and (archs[:, 1] == 1).all()
    assert len(np.unique(archs[:, 2:])) == 5


def test_absent_ops_of_narrow_layers_are_not_the_cheapest():
    """A table has zeros where a layer has no such op."""
    expected = [
        int(np.argmin(macs[:count]))
        for macs, count in zip(COSTS.by_op["macs"], NUM_OPS, strict=True)
    ]
    assert smallest_arch(SPACE, COSTS).tolist() == expected
