"""Initial rows of a layer: the weights of all its ops, drawn together."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from qnas_jax.nets.build import OpModules, build_op, op_modules, op_templates
from qnas_jax.nets.flat import flatten_state
from qnas_jax.nets.pieces import pieces_of
from qnas_jax.spaces import Layer


def initial_rows(layer: Layer, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Draws the initial weights of all ops of a layer.

    Parameters that declare a `normal_scale` come from one draw for the whole layer;
    what the modules drew for them is unused and compiled away.

    Args:
      layer: its candidates.
      key: consumed.

    Returns:
      Parameters [K, D] and running statistics [K, S].

    Raises:
      UserError: an op is not registered.
    """
    return _initial_rows(layer, op_modules(layer), key)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _initial_rows(
    layer: Layer, modules: OpModules, key: jax.Array
) -> tuple[jax.Array, jax.Array]:
    del modules  # part of the cache key only
    templates = op_templates(layer)
    # At least one value: checkpoints hold no empty arrays.
    param_width = max(1, *(template.param_starts[-1] for template in templates))
    stat_width = max(1, *(template.stat_starts[-1] for template in templates))
    normal_key, module_key = jax.random.split(key)
    normal = jax.random.normal(normal_key, (len(templates), param_width))
    params, stats = [], []
    for index, template in enumerate(templates):
        op_key = jax.random.fold_in(module_key, index)
        module = build_op(layer, index, nnx.Rngs(op_key))
        chosen, found = [], []
        for piece, part, start in zip(
            template.pieces, pieces_of(module), template.param_starts, strict=False
        ):
            draws = piece.params.unflatten(normal[index, start:])
            state = nnx.state(part, nnx.Param)
            chosen.append(
                jax.tree.map(_initial_value, state, draws, is_leaf=_is_variable)
            )
            found.append(nnx.state(part, nnx.BatchStat))
        params.append(flatten_state(chosen, param_width))
        stats.append(flatten_state(found, stat_width))
    return jnp.stack(params), jnp.stack(stats)


def _is_variable(node: Any) -> bool:
    return isinstance(node, nnx.Variable)


def _initial_value(param: nnx.Variable, draw: nnx.Variable) -> jax.Array:
    scale = param.get_metadata().get("normal_scale")
    return param[...] if scale is None else scale * draw[...]
