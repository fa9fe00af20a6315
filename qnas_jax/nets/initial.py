"""Initial rows of a layer: the weights of all its ops, drawn together."""

import functools
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from qnas_jax.nets.build import OpModules, build_op, op_modules, op_templates
from qnas_jax.nets.flat import flatten_state
from qnas_jax.nets.pieces import OpTemplate, pieces_of
from qnas_jax.spaces import Layer


def row_widths(templates: Sequence[OpTemplate]) -> tuple[int, int]:
    """Values of a layer's rows of parameters and of statistics.

    At least one, as checkpoints hold no empty arrays.
    """
    return (
        max(1, *(template.param_starts[-1] for template in templates)),
        max(1, *(template.stat_starts[-1] for template in templates)),
    )


def initial_rows(layer: Layer, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Draws the initial weights of all ops of a layer.

    Parameters that declare a `normal_scale` come from one draw for the whole layer,
    those with a `uniform_bound` from another; what the modules drew for them is unused
    and compiled away.

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
    layer: Layer, kinds: OpModules, key: jax.Array
) -> tuple[jax.Array, jax.Array]:
    del kinds  # part of the cache key only
    templates = op_templates(layer)
    param_width, stat_width = row_widths(templates)
    normal_key, module_key = jax.random.split(key)
    modules = [
        build_op(layer, index, nnx.Rngs(jax.random.fold_in(module_key, index)))
        for index in range(len(templates))
    ]
    normal = jax.random.normal(normal_key, (len(templates), param_width))
    uniform = _uniform_draws(jax.random.fold_in(normal_key, 0), modules)
    params, stats = [], []
    for index, (template, module) in enumerate(zip(templates, modules, strict=True)):
        chosen, found = [], []
        for piece, part, start in zip(
            template.pieces, pieces_of(module), template.param_starts, strict=False
        ):
            draws = piece.params.unflatten(normal[index, start:])
            state = nnx.state(part, nnx.Param)
            chosen.append(
                jax.tree.map(
                    functools.partial(_initial_value, uniform),
                    state,
                    draws,
                    is_leaf=_is_variable,
                )
            )
            found.append(nnx.state(part, nnx.BatchStat))
        params.append(flatten_state(chosen, param_width))
        stats.append(flatten_state(found, stat_width))
    return jnp.stack(params), jnp.stack(stats)


def _is_variable(node: Any) -> bool:
    return isinstance(node, nnx.Variable)


def _uniform_draws(
    key: jax.Array, modules: Sequence[nnx.Module]
) -> Iterator[jax.Array]:
    """Uniform in [-1, 1): one draw, handed out to the parameters that declare it."""
    sizes = [
        param[...].size
        for module in modules
        for part in pieces_of(module)
        for param in jax.tree.leaves(nnx.state(part, nnx.Param), is_leaf=_is_variable)
        if "uniform_bound" in param.get_metadata()
    ]
    starts = [0, *itertools.accumulate(sizes)]
    flat = jax.random.uniform(key, (starts[-1],), minval=-1.0)
    return iter(flat[start:stop] for start, stop in itertools.pairwise(starts))


def _initial_value(
    uniform: Iterator[jax.Array], param: nnx.Variable, draw: nnx.Variable
) -> jax.Array:
    said = param.get_metadata()
    if "normal_scale" in said:
        return said["normal_scale"] * draw[...]
    if "uniform_bound" in said:
        return said["uniform_bound"] * next(uniform).reshape(param[...].shape)
    return param[...]
