"""Narrower networks: same architectures, other channels."""

import pytest

from qnas_jax.errors import UserError
from qnas_jax.nets import build_supernet
from qnas_jax.spaces import SPACES, BuildableSpace, CellSpace, NetworkSpace, narrowed
from qnas_jax.spaces.registry import FOR_LANGUAGE, FOR_TEXT

SHAPE, CLASSES = (32, 32, 3), 10


def channels(space: NetworkSpace) -> list[int]:
    return [block.out_features for block in space.blocks]


def test_channels_by_hand():
    macro = SPACES["nas_bench_macro"](SHAPE, CLASSES)
    assert channels(macro)[:4] == [32, 64, 64, 128]
    quarter = channels(narrowed(macro, 0.25))
    assert quarter == [8, 16, 16, 32, 32, 32, 64, 64, 64, 320, 320, 10]
    # 16, 24, 48, 96 by a tenth: all below 4, yet different as before.
    assert channels(narrowed(SPACES["digits"]((8, 8, 1), CLASSES), 0.1))[:6] == [
        *(4, 4, 8, 8, 12, 12)
    ]


def test_cells_need_no_multiples():
    space = SPACES["nas_bench_201"](SHAPE, CLASSES)
    assert narrowed(space, 0.3).widths == (5, 10, 20)
    assert narrowed(space, 0.01).features == 1


def test_fewer_cells():
    space = SPACES["nas_bench_201"](SHAPE, CLASSES)
    small = narrowed(space, 0.5, cells=1)
    assert (small.cells, small.widths) == (1, (8, 16, 32))
    assert small.choices == space.choices
    with pytest.raises(UserError, match="cells: got 1, expected 0: space 'digits' is"):
        narrowed(SPACES["digits"](SHAPE, CLASSES), 1.0, cells=1)


@pytest.mark.parametrize("width", [0.1, 0.25, 0.5, 0.75])
@pytest.mark.parametrize("name", SPACES)
def test_every_space_keeps_what_an_op_can_see(name, width):
    of_words = name in FOR_TEXT | FOR_LANGUAGE
    space = SPACES[name](SHAPE, CLASSES, *([9] if of_words else []))
    narrow = narrowed(space, width)
    assert narrow.choices == space.choices
    if isinstance(space, CellSpace):
        return
    for block, other in zip(space.blocks, narrow.blocks, strict=True):
        assert block.ops == other.ops and block.stride == other.stride
        same = block.in_features == block.out_features
        assert same == (other.in_features == other.out_features)
    for own, other in zip(channels(space)[:-1], channels(narrow)[:-1], strict=True):
        assert other % 4 == 0 if own % 4 == 0 else True
        assert other <= max(own, 4)


@pytest.mark.parametrize("name", ["digits", "nas_bench_201", "spos"])
def test_networks_cost_about_the_square(name):
    space = SPACES[name]((16, 16, 1), CLASSES)
    costs = [
        build_supernet(each).cost_table().all_ops("macs")
        for each in (space, narrowed(space, 0.5))
    ]
    assert 0.2 < costs[1] / costs[0] < 0.45


def test_full_width_is_the_space_itself():
    space = SPACES["digits"]((8, 8, 1), CLASSES)
    assert narrowed(space, 1.0) is space


def test_unknown_kinds_are_refused():
    space = BuildableSpace.__new__(BuildableSpace)
    object.__setattr__(space, "name", "own")
    with pytest.raises(UserError, match=r"width: got 0.5, expected 1: space 'own'"):
        narrowed(space, 0.5)
