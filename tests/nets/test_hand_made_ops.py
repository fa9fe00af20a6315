"""Blocks of hand-made networks refuse sizes that do not fit.

What they compute is in `test_ops_forward.py`.
"""

import pytest
from flax import nnx

from qnas_jax.errors import UserError
from qnas_jax.nets.hand_made_ops import BasicBlock, DenseLayer, Transition


@pytest.mark.parametrize(
    ("make", "sizes", "words"),
    [
        (BasicBlock, (8, 4, 1), "expected at least 8"),
        (DenseLayer, (8, 8, 1), "expected more than 8 and stride 1"),
        (DenseLayer, (8, 9, 2), "stride 2, expected more than 8 and stride 1"),
        (Transition, (8, 4, 1), "got stride 1, expected 2"),
    ],
)
def test_sizes_that_do_not_fit(make, sizes, words):
    with pytest.raises(UserError, match=words):
        make(*sizes, rngs=nnx.Rngs(0))
