"""The cost of all bit strings of a quadratic form, by halves.

With x = (u, v), u the first half of the bits and v the second,

    c(x) = c_1(u) + c_2(v) + u' Q_12 v,

so all 2^n costs are two short vectors and one product of [2^h, h] and [h, 2^l]
matrices: no loop over the n^2 / 2 terms.
"""

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.kernels import dispatch


def quadratic_diagonal(
    linear: jax.Array,
    quadratic: jax.Array,
    constant: jax.Array | float = 0.0,
    *,
    implementation: str | None = None,
) -> jax.Array:
    """Costs constant + sum_i l_i x_i + sum_{i<j} q_ij x_i x_j of all bit strings.

    Args:
      linear: [n] the l_i.
      quadratic: [n, n] the q_ij; what is not above the diagonal is not read.
      constant: [] added to every cost.
      implementation: "reference" (term after term), "halves", or None: the faster one.

    Returns:
      float32 [2^n] (float64 for a float64 form), bit 0 most significant.

    Raises:
      UserError: the shapes do not fit, or the implementation is unknown.
    """
    linear, quadratic = jnp.asarray(linear), jnp.asarray(quadratic)
    if linear.ndim != 1 or quadratic.shape != 2 * linear.shape or not linear.size:
        raise UserError(
            f"quadratic_diagonal: got linear {linear.shape} and quadratic "
            f"{quadratic.shape}, expected [n] and [n, n]"
        )
    dtype = jnp.promote_types(jnp.result_type(linear, quadratic), jnp.float32)
    form = dispatch.choose(implementation, FORMS, {"cpu": "halves", "gpu": "halves"})
    return form(
        linear.astype(dtype),
        jnp.triu(quadratic, k=1).astype(dtype),
        jnp.asarray(constant, dtype),
    )


def _reference(
    linear: jax.Array, quadratic: jax.Array, constant: jax.Array
) -> jax.Array:
    num_bits = linear.size
    bits = _bit_table(num_bits, linear.dtype)
    total = jnp.full((2**num_bits,), constant)
    for i in range(num_bits):
        total = total + linear[i] * bits[:, i]
        for j in range(i + 1, num_bits):
            total = total + quadratic[i, j] * bits[:, i] * bits[:, j]
    return total


def _halves(linear: jax.Array, quadratic: jax.Array, constant: jax.Array) -> jax.Array:
    middle = linear.size // 2
    first, second = slice(None, middle), slice(middle, None)
    if not middle:
        return constant + _bit_table(1, linear.dtype) @ linear
    high = _alone(linear[first], quadratic[first, first])
    low = _alone(linear[second], quadratic[second, second])
    rows = _bit_table(middle, linear.dtype)
    columns = _product(
        quadratic[first, second], _bit_table(linear.size - middle, linear.dtype).T
    )
    both = _product(rows, columns)
    return (both + high[:, None] + (low + constant)[None, :]).reshape(-1)


def _alone(linear: jax.Array, quadratic: jax.Array) -> jax.Array:
    """Costs of one half by itself."""
    bits = _bit_table(linear.size, linear.dtype)
    return _product(bits, linear) + jnp.sum(_product(bits, quadratic) * bits, axis=-1)


def _product(left: jax.Array, right: jax.Array) -> jax.Array:
    return jnp.matmul(left, right, precision="highest")


def _bit_table(num_bits: int, dtype: np.dtype) -> jax.Array:
    """All bit strings, [2^n, n], bit 0 first."""
    places = jnp.arange(num_bits)[::-1]
    index = jnp.arange(2**num_bits)
    return ((index[:, None] >> places[None, :]) & 1).astype(dtype)


FORMS = {dispatch.REFERENCE: _reference, "halves": _halves}
