"""All that the training of a supernet needs to go on, as one tree of arrays."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct

from qnas_jax.nets import Slots, Supernet
from qnas_jax.tasks import Task
from qnas_jax.training.loop import Totals
from qnas_jax.training.paths import SamplerState, initial_sampler_state


class SupernetState(struct.PyTreeNode):
    """All that training needs to go on, as one tree of arrays.

    Attributes:
      params: rows of all ops.
      stats: running statistics of all ops.
      moments: state of the optimiser.
      sampler: state of the path sampler.
      totals: sums of the present epoch.
      pool_share: float32 [], share of steps that train a pool member.
      step: int32 [], steps finished.
    """

    params: Slots
    stats: Slots
    moments: Any
    sampler: SamplerState
    totals: Totals
    pool_share: jax.Array
    step: jax.Array


def initial_supernet_state(
    supernet: Supernet,
    task: Task,
    optimizer: optax.GradientTransformation,
    pool_size: int,
    key: jax.Array,
) -> SupernetState:
    """Draws the state before the first step.

    Args:
      supernet: the network.
      task: what it is trained for.
      optimizer: the optimiser.
      pool_size: E, architectures that the balance pool holds.
      key: consumed.

    Returns:
      The state.
    """
    params, stats = supernet.init(key)
    return SupernetState(
        params=params,
        stats=stats,
        moments=optimizer.init(params),
        sampler=initial_sampler_state(supernet.space.num_ops, pool_size),
        totals=Totals.zero(task),
        pool_share=jnp.zeros((), jnp.float32),
        step=jnp.zeros((), jnp.int32),
    )


def map_slots(
    function: Callable[..., Any], like: Slots, tree: Any, *others: Any
) -> Any:
    """Applies a function to the parts of an optimiser state that mirror parameters.

    Args:
      function: (part, *parts of the others) -> part.
      like: parameters; a part mirrors them if it has their tree structure.
      tree: the optimiser's state.
      *others: further states of the same structure.

    Returns:
      `tree` with these parts replaced; other leaves come from the last argument.
    """
    structure: Any = jax.tree.structure(like)

    def mirrors(node: Any) -> bool:
        return jax.tree.structure(node) == structure

    def visit(node: Any, *rest: Any) -> Any:
        return function(node, *rest) if mirrors(node) else (node, *rest)[-1]

    return jax.tree.map(visit, tree, *others, is_leaf=mirrors)
