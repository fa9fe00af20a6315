"""An inverted residual with running statistics, its normalisations within its products.

What an op is, is told by numbers: how many hidden channels and taps it has, and between
which bounds its activations lie. An op without an expansion multiplies by the identity.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from qnas_jax.kernels import Clip, FoldedBlock

BOUNDS = {"relu6": (0.0, 6.0), "relu": (0.0, math.inf), "none": (-math.inf, math.inf)}
"""Lowest and highest value behind each activation."""

Arrays = Mapping[str, jax.Array]
Choice = Callable[[str], Any]
"""Name of a choice -> that of the op, a Python value or a scalar of the device."""


def fold(
    choice: Choice, activations: tuple[str, ...], params: Arrays, stats: Arrays
) -> FoldedBlock:
    """Folds the normalisations of an op into its products.

    Args:
      choice: what the op is: `widens`, `width`, `taps`, and `activation`, an index
        into `activations` or a name.
      activations: those of the layer.
      params: the padded parameters of the op.
      stats: its padded running statistics.

    Returns:
      The block, float32 at least.
    """
    clip = _clip(choice("activation"), activations)
    expand = expand_offset = None
    expand_clip = clip
    if "expand" in params:
        scale, expand_offset = _affine("expand_norm", params, stats)
        expand = params["expand"] * scale[None]
        widens = choice("widens")
        if widens is not True:
            expand = jnp.where(
                widens, expand, jnp.eye(expand.shape[0], expand.shape[1])
            )
            expand_offset = jnp.where(widens, expand_offset, 0.0)
            low, high = _clip("none", activations)
            expand_clip = Clip(
                jnp.where(widens, clip.low, low), jnp.where(widens, clip.high, high)
            )
    between, depthwise_offset = _affine("depthwise_norm", params, stats)
    after, project_offset = _affine("project_norm", params, stats)
    return FoldedBlock(
        expand=expand,
        expand_offset=expand_offset,
        expand_clip=expand_clip,
        depthwise=params["depthwise"] * between[None, None],
        depthwise_offset=depthwise_offset,
        depthwise_clip=clip,
        project=params["project"] * after[None],
        project_offset=project_offset,
        width=jnp.asarray(choice("width"), jnp.int32),
        taps=jnp.asarray(choice("taps"), jnp.int32),
    )


def _affine(name: str, params: Arrays, stats: Arrays) -> tuple[jax.Array, jax.Array]:
    """Factor and offset of a normalisation, [C] each."""
    mean, var = stats[f"{name}_mean"], stats[f"{name}_var"]
    scale = jax.lax.rsqrt(var + 1e-5) * params[f"{name}_scale"].astype(var.dtype)
    return scale, params[f"{name}_bias"].astype(var.dtype) - mean * scale


def _clip(activation: Any, activations: tuple[str, ...]) -> Clip:
    if isinstance(activation, str):
        low, high = BOUNDS[activation]
        return Clip(jnp.asarray(low, jnp.float32), jnp.asarray(high, jnp.float32))
    bounds = jnp.asarray([BOUNDS[each] for each in activations], jnp.float32)
    return Clip(bounds[activation, 0], bounds[activation, 1])
