"""Which ops of a chain give values that are not finite, whatever was trained.

One such op poisons the weights of a whole supernet, and then every loss is NaN: the
values at hand no longer say where it began. So each op is tried alone, with fresh
weights, on what reaches its layer through ops that are sound.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from qnas_jax.nets.build import build_op
from qnas_jax.nets.flat import set_mode
from qnas_jax.spaces import Layer, NetworkSpace


def non_finite_ops(space: NetworkSpace, inputs: jax.Array, key: jax.Array) -> list[str]:
    """Tries each op of each layer once, forward and in reverse.

    Args:
      space: the search space.
      inputs: prepared ones [N, ...], finite; a few are enough.
      key: for the weights; consumed.

    Returns:
      In words, for example `op 'log' of layer 3`, in data order; up to the first layer
      that has no sound op, as nothing finite reaches the next.
    """
    found: list[str] = []
    tried: dict[tuple[Layer, tuple[int, ...]], jax.Array | None] = {}
    values = inputs
    for place, layer in enumerate(space.blocks):
        following = None
        for op in layer.ops:
            one = dataclasses.replace(layer, ops=(op,))
            known = (one, values.shape)
            if known not in tried:
                tried[known] = _sound_output(one, values, key)
            outputs = tried[known]
            if outputs is None:
                found.append(f"op {op.name!r} of {_in_words(space, place)}")
            elif following is None:
                following = outputs
        if following is None:
            break
        values = following
    return found


def _in_words(space: NetworkSpace, place: int) -> str:
    layer = place - len(space.stem)
    if layer < 0:
        return f"stem block {place}"
    if layer < space.num_layers:
        return f"layer {layer}"
    return f"head block {layer - space.num_layers}"


def _sound_output(layer: Layer, values: jax.Array, key: jax.Array) -> jax.Array | None:
    """What the only op of a layer makes of values; None if it is not all finite."""

    @jax.jit  # one program an op, the drawing of its weights included
    def attempt(values: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        module = build_op(layer, 0, nnx.Rngs(key))
        set_mode(module, "running")
        scored = module(values)
        set_mode(module, "train")
        parts: Any = nnx.split(module, nnx.Param, ...)
        graph, params, rest = parts

        def total(params: Any, values: jax.Array) -> tuple[jax.Array, jax.Array]:
            outputs = nnx.merge(graph, params, rest, copy=True)(values)
            return jnp.sum(outputs), outputs

        reverse = jax.grad(total, argnums=(0, 1), has_aux=True)
        slopes, outputs = reverse(params, values)
        checked = jax.tree.leaves((scored, outputs, slopes))
        return outputs, jnp.stack([jnp.isfinite(leaf).all() for leaf in checked]).all()

    outputs, sound = attempt(values, key)
    return outputs if sound else None
