"""A stand-alone network that computes as its 8-bit form will, and can be trained.

Inputs and kernels of every convolution and matrix product are rounded to the grid of
256 levels that 8 bits have: kernels symmetric, with a scale for each output channel;
inputs with one scale and zero point, from the smallest to the largest value at hand. A
gradient passes the rounding as if it were not there (straight-through), and stops where
values are cut off, which they are not, as ranges are those of the values.

Source: Jacob et al., CVPR 2018, section 3; straight-through: Bengio, Leonard &
Courville (2013).
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from qnas_jax.kernels import depthwise_conv

_LEVELS = 255
_KERNEL_LEVELS = 127
_SMALLEST = 1e-12


def rounded_kernel(kernel: jax.Array) -> jax.Array:
    """A kernel [..., C_out] on the grids of its output channels, [..., C_out]."""
    axes = tuple(range(kernel.ndim - 1))
    largest = jnp.max(jnp.abs(kernel), axis=axes, keepdims=True)
    scale = jnp.maximum(largest, _SMALLEST) / _KERNEL_LEVELS
    return _straight_through(kernel, jnp.round(kernel / scale) * scale)


def rounded_values(values: jax.Array) -> jax.Array:
    """Values [...] on one grid, which holds 0, [...]."""
    low, high = jnp.minimum(values.min(), 0.0), jnp.maximum(values.max(), 0.0)
    scale = jnp.maximum(high - low, _SMALLEST) / _LEVELS
    zero = jnp.round(low / scale)
    levels = jnp.clip(jnp.round(values / scale), zero, zero + _LEVELS)
    return _straight_through(values, levels * scale)


def _straight_through(values: jax.Array, rounded: jax.Array) -> jax.Array:
    return values + jax.lax.stop_gradient(rounded - values)


def fake_quantise(network: nnx.Module) -> None:
    """Lets all convolutions and products of a network round what they multiply.

    Args:
      network: of the stand-alone source; changed in place. Its parameters keep their
        names and values.
    """
    for _, module in nnx.iter_modules(network):
        if isinstance(module, nnx.Conv):
            module.conv_general_dilated = _convolve
        elif isinstance(module, nnx.Linear):
            module.dot_general = _multiply


def _convolve(images: jax.Array, kernel: jax.Array, *args: Any, **rest: Any) -> Any:
    images, kernel = rounded_values(images), rounded_kernel(kernel)
    stride = _stride_of_depthwise(images, kernel, *args, **rest)
    if stride:  # the library's gradients of these take many times as long
        return depthwise_conv(images, kernel[:, :, 0], stride=stride)
    return jax.lax.conv_general_dilated(images, kernel, *args, **rest)


def _stride_of_depthwise(
    images: jax.Array,
    kernel: jax.Array,
    strides: Any,
    padding: Any,
    *,
    feature_group_count: int = 1,
    **rest: Any,
) -> int:
    """The stride of a convolution of each channel alone; 0 for any other."""
    del rest
    if images.ndim != 4 or kernel.shape[2] != 1:
        return 0
    size, channels = kernel.shape[0], images.shape[-1]
    border = (size // 2, size // 2)
    alone = feature_group_count == channels == kernel.shape[-1]
    plain = kernel.shape[1] == size and tuple(map(tuple, padding)) == (border, border)
    same = strides[0] == strides[1]
    return int(strides[0]) if alone and plain and same and size % 2 else 0


def _multiply(values: jax.Array, kernel: jax.Array, *args: Any, **rest: Any) -> Any:
    return jax.lax.dot_general(
        rounded_values(values), rounded_kernel(kernel), *args, **rest
    )
