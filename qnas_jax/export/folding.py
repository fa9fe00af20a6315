"""Batch normalisation with running statistics as a part of the convolution before it.

It is a factor and a shift of each channel (Jacob et al. 2018, section 3.2), computed in
float64.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from qnas_jax.nets.layers import BatchNorm, Conv, Depthwise, Pointwise
from qnas_jax.nets.series import SeriesConv, SeriesDepthwise

Weights = dict[str, np.ndarray]
"""Arrays by dotted name."""


def plain_kernel(convolution: Any, axes: int = 2) -> np.ndarray:
    """The kernel as `nnx.Conv` has it.

    Args:
      convolution: one of our layers.
      axes: directions of its data: 2 of images, 1 of series.

    Returns:
      float64 [k, ..., C_in / groups, C_out], with as many k as there are axes.
    """
    kernel = np.asarray(convolution.kernel[...], np.float64)
    if isinstance(convolution, Depthwise):
        return kernel[:, :, None, :]
    if isinstance(convolution, Pointwise):  # [groups, inputs, outputs] of each
        _, inputs, _ = kernel.shape
        return kernel.transpose(1, 0, 2).reshape(*[1] * axes, inputs, -1)
    assert isinstance(convolution, Conv | SeriesConv | SeriesDepthwise)
    return kernel


def without_norm(convolution: Any, axes: int = 2) -> Weights:
    """A convolution alone: `kernel` as `plain_kernel` says, `bias` zeros [C_out]."""
    kernel = plain_kernel(convolution, axes)
    return {"kernel": kernel, "bias": np.zeros(kernel.shape[-1])}


def folded(convolution: Any, norm: BatchNorm, axes: int = 2) -> Weights:
    """A convolution and the normalisation behind it as one convolution with a bias.

    Returns:
      `kernel` as `plain_kernel` says, times the factors; `bias` float64 [C_out].
    """
    factor, shift = factor_and_shift(norm)
    return {"kernel": plain_kernel(convolution, axes) * factor, "bias": shift}


def with_bias(product: Any, bias: Any, axes: int = 2) -> Weights:
    """A product over the channels and its bias [C_out] as one convolution."""
    return {"kernel": plain_kernel(product, axes), "bias": np.asarray(bias[...])}


def factor_and_shift(norm: BatchNorm) -> tuple[np.ndarray, np.ndarray]:
    """Normalisation by running statistics as values * factor + shift, float64 [C]."""
    assert norm.scale is not None and norm.bias is not None
    scale, bias, mean, variance = (
        np.asarray(variable[...], np.float64)
        for variable in (norm.scale, norm.bias, norm.mean, norm.var)
    )
    factor = scale / np.sqrt(variance + norm.epsilon)
    return factor, bias - mean * factor


def under(prefix: str, weights: Mapping[str, np.ndarray]) -> Weights:
    """The same arrays [...] as parts of something of that name."""
    return {f"{prefix}.{name}": values for name, values in weights.items()}
