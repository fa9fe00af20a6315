"""Convolutions over time, full and depth-wise.

On CPU the library's own gradients are up to 10 times slower within a branch, where it
loses its fast path, than a convolution with the flipped kernel and a matrix product a
tap; its depth-wise convolution is up to 26 times slower there, and 94 times under
`vmap`, than shifted multiply-adds, whose gradients need no care here (printed by
`experiments/benches/series.py`).
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from qnas_jax.errors import UserError
from qnas_jax.kernels import dispatch
from qnas_jax.kernels.materialise import materialise

Borders = tuple[int, int]
"""Steps before the first and behind the last one that a window sees."""


def series_conv(
    series: jax.Array,
    kernel: jax.Array,
    *,
    stride: int = 1,
    dilation: int = 1,
    causal: bool = False,
    implementation: str | None = None,
) -> jax.Array:
    """Convolves over time; zeros on both sides keep ceil(T / stride) steps.

    An even kernel reaches a tap further forwards than backwards.

    Args:
      series: float [N, T, C_in].
      kernel: float [k, C_in, C_out].
      stride: steps between outputs, >= 1.
      dilation: steps between taps, >= 1.
      causal: all taps but the last see earlier steps; zeros are in front only.
      implementation: "reference" (library convolution and gradients), "products"
        (kernel gradient by a matrix product a tap), "patches" (all of it one product
        of the taps side by side: the fastest where several batches have a kernel
        each, under `vmap`), or None: the fastest on the present backend.

    Returns:
      float [N, ceil(T / stride), C_out].

    Raises:
      UserError: shapes do not fit, stride or dilation is below 1, or the
        implementation is unknown.
    """
    fits = kernel.ndim == 3 and kernel.shape[1:2] == series.shape[-1:]
    _check("series_conv", series, kernel, stride, dilation, fits, "[k, C_in, C_out]")
    form = dispatch.choose(implementation, FORMS, {"cpu": "products", "gpu": "patches"})
    borders = _borders(len(kernel), dilation, causal)
    return form(series, kernel, stride, dilation, borders)


def series_depthwise(
    series: jax.Array,
    kernel: jax.Array,
    *,
    stride: int = 1,
    dilation: int = 1,
    implementation: str | None = None,
) -> jax.Array:
    """Convolves each channel with its own kernel, padded as `series_conv`.

    Args:
      series: float [N, T, C].
      kernel: float [k, C], k odd.
      stride: steps between outputs, >= 1.
      dilation: steps between taps, >= 1.
      implementation: "reference" (library convolution), "shifted" (multiply-adds), or
        None: the faster one on the present backend.

    Returns:
      float [N, ceil(T / stride), C].

    Raises:
      UserError: as `series_conv`, or k is even.
    """
    fits = kernel.ndim == 2 and kernel.shape[1:] == series.shape[-1:]
    _check("series_depthwise", series, kernel, stride, dilation, fits, "[k, C]")
    if kernel.shape[0] % 2 == 0:
        raise UserError(
            f"series_depthwise: got kernel {kernel.shape}, expected an odd length"
        )
    best = {"cpu": "shifted", "gpu": "shifted"}
    form = dispatch.choose(implementation, DEPTHWISE_FORMS, best)
    return form(series, kernel, stride, dilation)


def shifted_views(
    series: jax.Array,
    size: int,
    stride: int,
    dilation: int,
    *,
    outside: float = 0.0,
    borders: Borders | None = None,
) -> list[jax.Array]:
    """What each tap of a window sees.

    Args:
      series: [N, T, C].
      size: taps.
      stride: steps between windows.
      dilation: steps between taps.
      outside: the value before the first and behind the last step.
      borders: steps that a window sees before the first and behind the last one; None:
        as many on both sides.

    Returns:
      `size` arrays [N, ceil(T / stride), C].
    """
    pads = ((0, 0), borders or _borders(size, dilation), (0, 0))
    padded = jnp.pad(series, pads, constant_values=outside)
    last = (-(-series.shape[1] // stride) - 1) * stride
    starts = range(0, size * dilation, dilation)
    return [padded[:, start : start + last + 1 : stride] for start in starts]


def _borders(size: int, dilation: int, causal: bool = False) -> Borders:
    """Steps before the first and behind the last that a window sees."""
    reach = (size - 1) * dilation
    if causal:
        return reach, 0
    return reach // 2, reach - reach // 2


def _check(
    name: str,
    series: jax.Array,
    kernel: jax.Array,
    stride: int,
    dilation: int,
    fits: bool,
    expected: str,
) -> None:
    if series.ndim != 3 or not fits:
        raise UserError(
            f"{name}: got series {series.shape} and kernel {kernel.shape}, expected "
            f"[N, T, C] and {expected}"
        )
    for word, value in (("stride", stride), ("dilation", dilation)):
        if value < 1:
            raise UserError(f"{name}: got {word} {value}, expected at least 1")


def _library(
    series: jax.Array,
    kernel: jax.Array,
    stride: int,
    dilation: int,
    groups: int,
    borders: Borders,
) -> jax.Array:
    return lax.conv_general_dilated(
        series,
        kernel,
        window_strides=(stride,),
        padding=(borders,),
        rhs_dilation=(dilation,),
        dimension_numbers=("NWC", "WIO", "NWC"),
        feature_group_count=groups,
    )


def _reference(
    series: jax.Array, kernel: jax.Array, stride: int, dilation: int, borders: Borders
) -> jax.Array:
    return _library(series, kernel, stride, dilation, 1, borders)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def _products(
    series: jax.Array, kernel: jax.Array, stride: int, dilation: int, borders: Borders
) -> jax.Array:
    return _reference(series, kernel, stride, dilation, borders)


def _products_forward(
    series: jax.Array, kernel: jax.Array, stride: int, dilation: int, borders: Borders
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _reference(series, kernel, stride, dilation, borders), (series, kernel)


def _products_backward(
    stride: int,
    dilation: int,
    borders: Borders,
    saved: tuple[jax.Array, jax.Array],
    gradient: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    series, kernel = saved
    size, in_features, out_features = kernel.shape
    # Written as a convolution of its own, as in `kernels/convolution.py`.
    flipped = materialise(jnp.flip(kernel, 0).swapaxes(1, 2))
    behind = series.shape[1] - 1 - (gradient.shape[1] - 1) * stride
    between = ((0, 0, 0), (0, behind, stride - 1), (0, 0, 0))
    spread = lax.pad(gradient, jnp.zeros((), gradient.dtype), between)
    before, after = borders
    to_series = _library(spread, flipped, 1, dilation, 1, (after, before))
    flat = gradient.reshape(-1, out_features)
    padded = jnp.pad(series, ((0, 0), (before, after), (0, 0)))
    last = (gradient.shape[1] - 1) * stride + 1

    def product(start: jax.Array) -> jax.Array:
        seen = lax.dynamic_slice_in_dim(padded, start, last, axis=1)[:, ::stride]
        return seen.reshape(-1, in_features).T @ flat

    # A loop over the taps, as products that are written out take long to compile.
    return to_series, lax.map(product, jnp.arange(size) * dilation)


_products.defvjp(_products_forward, _products_backward)


def _patches(
    series: jax.Array, kernel: jax.Array, stride: int, dilation: int, borders: Borders
) -> jax.Array:
    exact = jnp.promote_types(series.dtype, jnp.float32)
    views = shifted_views(series, len(kernel), stride, dilation, borders=borders)
    patches = jnp.concatenate(views, axis=-1)
    # One row a step: XLA's gradients of products over more axes are slow on CPU.
    rows = patches.reshape(-1, patches.shape[-1])
    matrix = kernel.reshape(-1, kernel.shape[-1]).astype(series.dtype)
    product = jnp.matmul(rows, matrix, preferred_element_type=exact)
    return product.astype(series.dtype).reshape(*patches.shape[:-1], -1)


def _depthwise_reference(
    series: jax.Array, kernel: jax.Array, stride: int, dilation: int
) -> jax.Array:
    borders, channels = _borders(len(kernel), dilation), series.shape[-1]
    return _library(series, kernel[:, None], stride, dilation, channels, borders)


def _shifted(
    series: jax.Array, kernel: jax.Array, stride: int, dilation: int
) -> jax.Array:
    exact = jnp.promote_types(series.dtype, jnp.float32)
    views = shifted_views(series, len(kernel), stride, dilation)
    weights = kernel.astype(exact).reshape(-1, 1, 1, kernel.shape[-1])
    products = (v.astype(exact) * w for v, w in zip(views, weights, strict=True))
    return functools.reduce(jnp.add, products).astype(series.dtype)


FORMS = {
    dispatch.REFERENCE: _reference,
    "products": _products,
    "patches": _patches,
}
DEPTHWISE_FORMS = {dispatch.REFERENCE: _depthwise_reference, "shifted": _shifted}
