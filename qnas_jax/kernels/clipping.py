"""Activations that cut values off, with a gradient that keeps their output alone.

What follows an activation keeps its output as an input; plain differentiation keeps, as
well, which values were cut off.
"""

import functools
import math

import jax
import jax.numpy as jnp


@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def clip(values: jax.Array, low: float = 0.0, high: float = math.inf) -> jax.Array:
    """Cuts values off; at the bounds themselves the gradient is zero.

    Args:
      values: [...].
      low: lowest value of the output.
      high: highest value of the output.

    Returns:
      The values between the bounds, [...].
    """
    return jnp.clip(values, low, high)


def _forward(values: jax.Array, low: float, high: float) -> tuple[jax.Array, jax.Array]:
    output = clip(values, low, high)
    return output, output


def _backward(
    low: float, high: float, output: jax.Array, gradient: jax.Array
) -> tuple[jax.Array]:
    passed = (output > low) & (output < high)
    return (jnp.where(passed, gradient, jnp.zeros_like(gradient)),)


clip.defvjp(_forward, _backward)
