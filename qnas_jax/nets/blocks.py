"""Fixed blocks: the parts of a network that all architectures have."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx

from qnas_jax.nets.build import template_of_op
from qnas_jax.nets.flat import Mode
from qnas_jax.nets.pieces import OpTemplate, Shape, pieces_of
from qnas_jax.nets.precision import as_row
from qnas_jax.nets.probing import in_range
from qnas_jax.nets.slots import Slots
from qnas_jax.spaces import Layer


class FixedBlocks:
    """Blocks one after the other, whose rows are those of `Slots["fixed"]`.

    Attributes:
      templates: of each block, in the order of the rows.
    """

    def __init__(self, blocks: Sequence[Layer]):
        """Builds the templates; no array is made.

        Args:
          blocks: each has one op.

        Raises:
          UserError: an op is not registered, does not fit its options, or has state
            other than parameters and batch statistics.
        """
        self.templates = tuple(template_of_op(block, 0) for block in blocks)

    def run(
        self,
        places: slice,
        params: Slots,
        stats: Slots,
        values: jax.Array,
        mode: Mode,
    ) -> tuple[jax.Array, list[jax.Array]]:
        """Runs some of the blocks.

        Args:
          places: which.
          params: parameters; only the fixed ones are read.
          stats: running statistics; likewise.
          values: [N, ...].
          mode: how batch normalisation behaves.

        Returns:
          Values [N, ...] and the new statistics of these blocks.
        """
        new_stats = []
        for template, own_params, own_stats in zip(
            self.templates[places],
            params["fixed"][places],
            stats["fixed"][places],
            strict=True,
        ):
            values, own_stats = in_range(as_row(values, own_params), own_stats)
            values, row = template.apply(mode, own_params, own_stats, values)
            new_stats.append(row)
        return values, new_stats

    def largest(self, places: slice, shape: Shape) -> tuple[int, Shape]:
        """The largest array inside of some of the blocks, and the shape of the output.

        Args:
          places: which.
          shape: of one input.

        Returns:
          Values of the array for one input, and a shape.
        """
        shapes = [shape]
        for template in self.templates[places]:
            shapes += template.shapes(shapes[-1])
        return max(map(math.prod, shapes)), shapes[-1]


def before_the_mean(head: Sequence[Layer]) -> int:
    """How many blocks of a head come before its mean over the pixels; 0 without one."""
    kinds = [block.ops[0].kind for block in head]
    return kinds.index("global_average") if "global_average" in kinds else 0


def fill(
    module: nnx.Module, template: OpTemplate, params: jax.Array, stats: jax.Array
) -> None:
    """Gives a module the weights of an op's rows (in place).

    Args:
      module: the op, with shapes or arrays.
      template: of the op.
      params: its row of parameters [D], or a longer one; best NumPy arrays, as JAX
        would compile each slice for itself.
      stats: its row of running statistics [S], likewise.
    """
    states = template.states(params, stats)
    for piece, state in zip(pieces_of(module), states, strict=True):
        nnx.update(piece, *jax.tree.map(jnp.array, state))
