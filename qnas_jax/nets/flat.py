"""A module's weights as a flat row, so that ops of different shapes can be stacked.

A supernet keeps layer l as a matrix [K_l, D_l]: row k holds the parameters of op k, one
after the other, zero-padded to the longest. Choosing an op is reading one row; writing
it back touches one row. That is what makes the architecture data, whatever modules the
ops are. An op may be several modules in a chain (`nets/pieces.py`); each is a piece of
the row.
"""

import dataclasses
import itertools
import math
from typing import Any, Literal

import jax
import jax.numpy as jnp
from flax import nnx

from qnas_jax.errors import UserError
from qnas_jax.nets.slots import RowArray

# How batch normalisation behaves:
#   train      normalise by the batch, move the running statistics a step
#   running    normalise by the running statistics
#   batch      normalise by the batch, and report the batch's own statistics
Mode = Literal["train", "running", "batch"]
MODES: tuple[Mode, ...] = ("train", "running", "batch")


@dataclasses.dataclass(frozen=True)
class FlatLayout:
    """Where each array of a state lies in a flat row.

    Attributes:
      treedef: structure of the state.
      shapes: shape of each array, in tree order.
    """

    treedef: Any
    shapes: tuple[tuple[int, ...], ...]

    @property
    def size(self) -> int:
        """Number of values."""
        return sum(math.prod(shape) for shape in self.shapes)

    def arrays(self) -> list[RowArray]:
        """Names the arrays, in their order."""
        starts = [0, *itertools.accumulate(map(math.prod, self.shapes))]
        places = jax.tree.unflatten(self.treedef, range(len(self.shapes)))
        return [
            RowArray(_dotted(path), starts[place], self.shapes[place])
            for path, place in jax.tree_util.tree_leaves_with_path(places)
        ]

    def unflatten(self, row: jax.Array) -> Any:
        """Reads the state back from a row, float [size]."""
        leaves = []
        start = 0
        for shape in self.shapes:
            stop = start + math.prod(shape)
            leaves.append(row[start:stop].reshape(shape))
            start = stop
        return jax.tree.unflatten(self.treedef, leaves)


def _dotted(path: tuple[Any, ...]) -> str:
    """The name of a variable; the last key of its path is the array in it."""
    name = jax.tree_util.keystr(path, simple=True, separator=".")
    return name.removesuffix(".value")


def flatten_state(state: Any, width: int) -> jax.Array:
    """Writes the arrays of a state, any shapes, as a row [width], padded with zeros."""
    parts = [jnp.ravel(leaf) for leaf in jax.tree.leaves(state)]
    row = jnp.concatenate(parts) if parts else jnp.zeros(0)
    return jnp.pad(row, (0, width - row.size))


def _layout(state: Any) -> FlatLayout:
    leaves, treedef = jax.tree.flatten(state)
    return FlatLayout(treedef, tuple(leaf.shape for leaf in leaves))


@dataclasses.dataclass(frozen=True)
class PieceTemplate:
    """A module without its arrays: how to run it on flat rows; hashable.

    Attributes:
      graphdefs: the module's static part for each of `MODES`.
      params: layout of its `nnx.Param` state.
      stats: layout of its `nnx.BatchStat` state.
    """

    graphdefs: tuple[Any, ...]
    params: FlatLayout
    stats: FlatLayout

    def apply(
        self, mode: Mode, params: jax.Array, stats: jax.Array, inputs: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """Runs the module.

        Args:
          mode: how batch normalisation behaves.
          params: flat row of parameters [D], at least `self.params.size` values.
          stats: flat row of running statistics [S], likewise.
          inputs: [N, ...].

        Returns:
          The output [N, ...], in the precision of the inputs, and the new row of
          statistics [S].
        """
        module = nnx.merge(
            self.graphdefs[MODES.index(mode)],
            self.params.unflatten(params),
            self.stats.unflatten(stats),
        )
        output = module(inputs)
        state = nnx.state(module, nnx.BatchStat)
        return output.astype(inputs.dtype), flatten_state(state, stats.shape[0])


def template_of(module: nnx.Module, name: str) -> PieceTemplate:
    """Takes a module (with shapes or arrays) apart.

    Args:
      module: the op, or a piece of it.
      name: the op's name, for errors.

    Returns:
      The template.

    Raises:
      UserError: the module has state that is neither Param nor BatchStat.
    """
    graphdefs = []
    for mode in MODES:
        set_mode(module, mode)
        graphdef, *states = nnx.split(module, nnx.Param, nnx.BatchStat, ...)
        params, stats, rest = states
        foreign = [
            f"{'.'.join(map(str, path))} ({type(variable).__name__})"
            for path, variable in nnx.to_flat_state(rest)
        ]
        if foreign:
            raise UserError(
                f"op {name!r}: got the state {', '.join(foreign)}, expected nnx.Param "
                "and nnx.BatchStat only"
            )
        graphdefs.append(graphdef)
    return PieceTemplate(tuple(graphdefs), _layout(params), _layout(stats))


def set_mode(module: nnx.Module, mode: Mode) -> None:
    """Sets how a module's batch normalisation behaves (in place).

    Args:
      module: whose `nnx.BatchNorm` parts are set; a user's own too keep 0.9 a step.
      mode: see `Mode`.
    """
    module.set_attributes(
        nnx.BatchNorm,
        use_running_average=mode == "running",
        momentum=0.0 if mode == "batch" else 0.9,
        raise_if_not_found=False,
    )
