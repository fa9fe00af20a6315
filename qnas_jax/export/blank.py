"""A network of an architecture with shapes instead of weights."""

from typing import Any

import jax
from flax import nnx

from qnas_jax.errors import UserError
from qnas_jax.nets import CellSubnet, ChainSubnet
from qnas_jax.spaces import CellSpace, NetworkSpace, SearchSpace


def blank_network(space: SearchSpace, arch: Any) -> ChainSubnet | CellSubnet:
    """Builds a network without arrays, for weights to be put in.

    Args:
      space: of the network.
      arch: integers [L].

    Returns:
      The module.

    Raises:
      UserError: architectures of the space are no networks, this is none of them, or an
        op does not run.
    """
    key = jax.random.key(0)
    if isinstance(space, NetworkSpace):
        return nnx.eval_shape(lambda: ChainSubnet(space, arch, rngs=nnx.Rngs(key)))
    if isinstance(space, CellSpace):
        return nnx.eval_shape(lambda: CellSubnet(space, arch, rngs=nnx.Rngs(key)))
    raise UserError(
        f"space {space.name!r}: its architectures are no networks, so there is no model"
    )
