"""Ops on the edges of a cell, chosen by the architecture as data.

An edge is a `lax.switch` over the ops with its own reverse rule: a switch that is
differentiated saves zero-filled residuals of every branch. What is saved here is the
input and the convolution's output, so nothing large is computed twice. Never `vmap` it:
that turns the switch into running every branch.

Differs from a trainable network in: batch normalisation has no scale and shift (fresh
ones are 1 and 0).

Source: Dong & Yang, NAS-Bench-201, ICLR 2020 (ReLU-convolution-normalisation, average
pooling that does not count the border).
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero

from qnas_jax.kernels import conv, materialise

EPSILON = 1e-5  # of batch normalisation, PyTorch's default


class EdgeKernels(NamedTuple):
    """Weights that an edge may need.

    Attributes:
      point: [C, C], of the 1 x 1 convolution.
      full: [3, 3, C, C], of the 3 x 3 convolution.
    """

    point: jax.Array
    full: jax.Array


def normalise(values: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Batch normalisation by the batch's own statistics, without scale and shift.

    Args:
      values: [N, H, W, C].

    Returns:
      Normalised values, and log sqrt of the mean over channels of the variance (the
      scale that was divided out; 0 where nothing varies).
    """
    mean = values.mean(axis=(0, 1, 2), keepdims=True)
    variance = jnp.square(values - mean).mean(axis=(0, 1, 2), keepdims=True)
    spread = variance.mean()
    varies = spread > 0
    log_spread = jnp.where(varies, jnp.log(jnp.where(varies, spread, 1.0)) / 2, 0.0)
    return (values - mean) * lax.rsqrt(variance + EPSILON), log_spread


def average_pool(values: jax.Array) -> jax.Array:
    """Mean over 3 x 3 pixels, without counting pixels outside of the image.

    Args:
      values: [N, H, W, C].

    Returns:
      [N, H, W, C].
    """
    _, height, width, _ = values.shape
    sums = _three_sum(_three_sum(values, 1), 2)
    rows = _three_sum(jnp.ones((1, height, 1, 1)), 1)
    columns = _three_sum(jnp.ones((1, 1, width, 1)), 2)
    return sums / (rows * columns)


def _three_sum(values: jax.Array, axis: int) -> jax.Array:
    """Each entry and its two neighbours along an axis, zero outside."""
    border = [(0, 0)] * values.ndim
    border[axis] = (1, 1)
    padded = jnp.pad(values, border)
    size = values.shape[axis]
    before, own, after = (
        lax.slice_in_dim(padded, start, start + size, axis=axis) for start in range(3)
    )
    return before + own + after


def _point_conv(kernels: EdgeKernels, values: jax.Array) -> jax.Array:
    rows = jax.nn.relu(values).reshape(-1, values.shape[-1])
    return (rows @ kernels.point).reshape(values.shape)


def _full_conv(kernels: EdgeKernels, values: jax.Array) -> jax.Array:
    return conv(jax.nn.relu(values), kernels.full, implementation="blocked")


Convolve = Callable[[EdgeKernels, jax.Array], jax.Array]
CONVOLUTIONS: dict[int, Convolve] = {2: _point_conv, 3: _full_conv}
"""The ops with weights, by their number in `spaces.CELL_OPS`."""

LINEAR: dict[int, Callable[[jax.Array], jax.Array]] = {
    0: jnp.zeros_like,
    1: lambda values: values,
    4: average_pool,
}
"""The ops without, likewise."""


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def run_edge(
    normalised: bool, op: jax.Array, kernels: EdgeKernels, values: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Runs the op of one edge.

    Args:
      normalised: whether convolutions are followed by batch normalisation.
      op: int32 scalar, the op's number in `spaces.CELL_OPS`.
      kernels: the edge's weights.
      values: [N, H, W, C].

    Returns:
      [N, H, W, C], and the log of the scale that a normalisation divided out (a
      statistic: no gradient flows through it).
    """
    output, log_spread, _ = _forward(normalised, op, kernels, values)
    return output, log_spread


def _forward(
    normalised: bool, op: jax.Array, kernels: EdgeKernels, values: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """As `run_edge`, and the convolution's output (else values nobody reads)."""

    def convolve(number: int) -> tuple[jax.Array, jax.Array, jax.Array]:
        product = CONVOLUTIONS[number](kernels, values)
        if not normalised:
            return product, jnp.zeros(()), product
        product = materialise(product)
        return *normalise(product), product

    def pass_on(number: int) -> tuple[jax.Array, jax.Array, jax.Array]:
        return LINEAR[number](values), jnp.zeros(()), jnp.zeros_like(values)

    branches = [
        functools.partial(convolve if number in CONVOLUTIONS else pass_on, number)
        for number in range(len(CONVOLUTIONS) + len(LINEAR))
    ]
    return lax.switch(op, branches)


class _Saved(NamedTuple):
    """What the reverse rule needs; `trained` is None if no kernel has a gradient."""

    op: jax.Array
    kernels: EdgeKernels
    values: jax.Array
    product: jax.Array
    trained: tuple[()] | None


def _run_forward(
    normalised: bool, op: Any, kernels: Any, values: Any
) -> tuple[tuple[jax.Array, jax.Array], _Saved]:
    trained = () if any(each.perturbed for each in kernels) else None
    kernels = EdgeKernels(*(each.value for each in kernels))
    output, log_spread, product = _forward(normalised, op.value, kernels, values.value)
    saved = _Saved(op.value, kernels, values.value, product, trained)
    return (output, log_spread), saved


def _run_backward(
    normalised: bool, saved: _Saved, gradients: tuple[Any, Any]
) -> tuple[None, EdgeKernels, jax.Array]:
    op, kernels, values, product, trained = saved
    gradient = gradients[0]
    if isinstance(gradient, SymbolicZero):
        gradient = jnp.zeros_like(values)
    no_gradient = jax.tree.map(jnp.zeros_like, kernels)

    def convolve(number: int) -> tuple[EdgeKernels, jax.Array]:
        inner = gradient
        if normalised:
            _, pull = jax.vjp(lambda product: normalise(product)[0], product)
            inner = materialise(pull(gradient)[0])
        own, passed = jax.vjp(CONVOLUTIONS[number], kernels, values)[1](inner)
        return no_gradient if trained is None else own, passed

    def pass_on(number: int) -> tuple[EdgeKernels, jax.Array]:
        (passed,) = jax.vjp(LINEAR[number], values)[1](gradient)
        return no_gradient, passed

    branches = [
        functools.partial(convolve if number in CONVOLUTIONS else pass_on, number)
        for number in range(len(CONVOLUTIONS) + len(LINEAR))
    ]
    return None, *lax.switch(op, branches)


run_edge.defvjp(_run_forward, _run_backward, symbolic_zeros=True)
