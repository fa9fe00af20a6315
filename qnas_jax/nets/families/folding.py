"""An inverted residual with running statistics, its normalisations within its products.

What an op is, is told by numbers: how many hidden channels and taps it has, and between
which bounds its activations lie. An op without an expansion multiplies by the identity.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp

from qnas_jax.kernels import Clip, FoldedBlock
from qnas_jax.nets.families.norms import Arrays

BOUNDS = {"relu6": (0.0, 6.0), "relu": (0.0, math.inf), "none": (-math.inf, math.inf)}
"""Lowest and highest value behind each activation."""


def fold(
    params: Arrays,
    stats: Arrays,
    *,
    widens: Any,
    activation: Any,
    activations: tuple[str, ...],
    width: jax.Array,
    taps: jax.Array,
) -> FoldedBlock:
    """Folds the normalisations of an op into its products.

    Args:
      params: the padded parameters of the op.
      stats: its padded running statistics.
      widens: whether it has an expansion, bool or a scalar.
      activation: which of the activations, int or a scalar.
      activations: those of the layer.
      width: int32 scalar, its hidden channels.
      taps: int32 scalar, its taps in one direction.

    Returns:
      The block, float32 at least.
    """
    bounds = jnp.asarray([BOUNDS[each] for each in activations], jnp.float32)
    clip = Clip(bounds[activation, 0], bounds[activation, 1])
    expand = expand_offset = None
    expand_clip = clip
    if "expand" in params:
        scale, expand_offset = _affine("expand_norm", params, stats)
        expand = params["expand"] * scale[None]
        if widens is not True:
            same = jnp.eye(expand.shape[0], expand.shape[1], dtype=expand.dtype)
            expand = jnp.where(widens, expand, same)
            expand_offset = jnp.where(widens, expand_offset, 0.0)
            expand_clip = Clip(
                jnp.where(widens, clip.low, -math.inf),
                jnp.where(widens, clip.high, math.inf),
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
        width=width,
        taps=taps,
    )


def _affine(name: str, params: Arrays, stats: Arrays) -> tuple[jax.Array, jax.Array]:
    """Factor and offset of a normalisation, [C] each."""
    mean, var = stats[f"{name}_mean"], stats[f"{name}_var"]
    scale = jax.lax.rsqrt(var + 1e-5) * params[f"{name}_scale"].astype(var.dtype)
    return scale, params[f"{name}_bias"].astype(var.dtype) - mean * scale
