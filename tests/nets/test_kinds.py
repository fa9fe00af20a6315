"""Which supernet a space gets, and what has none."""

import pytest

from qnas_jax.errors import UserError
from qnas_jax.nets import CellSupernet, ChainSupernet, build_supernet
from qnas_jax.spaces import CellSpace, SearchSpace


def test_the_kind_of_space_decides(tiny_space):
    supernet = build_supernet(tiny_space)
    assert isinstance(supernet, ChainSupernet)
    assert supernet.space is tiny_space
    cells = CellSpace("cells", (4, 4, 1), 2, features=2, stages=1, cells=1)
    supernet = build_supernet(cells)
    assert isinstance(supernet, CellSupernet)
    assert supernet.space is cells


def test_a_space_without_networks_is_refused():
    plain = SearchSpace("plain", (("a", "b"),))
    with pytest.raises(UserError, match="space 'plain': got a SearchSpace, expected"):
        build_supernet(plain)
