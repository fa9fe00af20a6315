"""Amplitude amplification from a uniform superposition over any number of items.

Letters: N items (not only powers of two), M of them marked, j iterations. One iteration
is the oracle, which turns the sign of marked amplitudes, and the reflection about the
mean, a -> 2 mean(a) - a. The amplitudes stay real.

Forms:

    reference   N amplitudes, a sign vector and a mean, j times
    two_values  marked amplitudes are equal to each other at all times, and so are the
                unmarked ones: with sin^2(theta) = M / N they are
                sin((2 j + 1) theta) / sqrt(M) and cos((2 j + 1) theta) / sqrt(N - M)

Grover, "A fast quantum mechanical algorithm for database search", STOC 1996; closed
form: Boyer, Brassard, Hoyer & Tapp, Fortschr. Phys. 46 (1998), eq. 1.
"""

import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.kernels.dispatch import choose


def amplify(
    marked: Array, iterations: Array | int, *, implementation: str | None = None
) -> Array:
    """Amplitudes after some Grover iterations on a uniform superposition.

    Args:
      marked: bool [N], what the oracle marks.
      iterations: [] int, j >= 0; may be traced.
      implementation: "reference" or "two_values"; None for the faster.

    Returns:
      [N] float32 (float64 where that is enabled) amplitudes.

    Raises:
      UserError: `marked` is not one axis of booleans.
    """
    if marked.ndim != 1 or marked.dtype != jnp.bool_:
        raise UserError(f"marked: got {marked.dtype} {marked.shape}, expected bool [N]")
    form = choose(implementation, FORMS, dict.fromkeys(_BACKENDS, "two_values"))
    return form(marked, jnp.asarray(iterations))


def success_probability(
    num_marked: Array | int, num_items: Array | int, iterations: Array | int
) -> Array:
    """Probability that a measurement after j iterations gives a marked item.

    Args:
      num_marked: [...] int, 0 <= M <= N.
      num_items: [...] int, N.
      iterations: [...] int, j.

    Returns:
      [...] sin^2((2 j + 1) theta).
    """
    theta = _angle(num_marked, num_items)
    return jnp.sin((2.0 * jnp.asarray(iterations) + 1.0) * theta) ** 2


def best_iterations(num_marked: Array | int, num_items: Array | int) -> Array:
    """The whole number of iterations that is closest to amplitude 1.

    Args:
      num_marked: [...] int, 1 <= M <= N.
      num_items: [...] int, N.

    Returns:
      [...] int32, (2 j + 1) theta closest to pi / 2 from below or above.
    """
    theta = _angle(jnp.maximum(num_marked, 1), num_items)
    return jnp.maximum(jnp.round(jnp.pi / (4.0 * theta) - 0.5), 0.0).astype(jnp.int32)


def _angle(num_marked: Array | int, num_items: Array | int) -> Array:
    # The quotient of the two counts stays exact near 1, where arcsin would not.
    marked, items = jnp.asarray(num_marked, float), jnp.asarray(num_items, float)
    return jnp.arctan2(jnp.sqrt(marked), jnp.sqrt(items - marked))


def _reference(marked: Array, iterations: Array) -> Array:
    signs = jnp.where(marked, -1.0, 1.0)

    def iterate(_: Array, amplitudes: Array) -> Array:
        turned = amplitudes * signs
        return 2.0 * turned.mean() - turned

    start = jnp.full(marked.shape, marked.shape[0] ** -0.5, signs.dtype)
    return jax.lax.fori_loop(0, iterations, iterate, start)


def _two_values(marked: Array, iterations: Array) -> Array:
    num_items = marked.shape[0]
    num_marked = marked.sum()
    turned = (2.0 * iterations + 1.0) * _angle(num_marked, num_items)
    inside = jnp.sin(turned) / jnp.sqrt(jnp.maximum(num_marked, 1))
    outside = jnp.cos(turned) / jnp.sqrt(jnp.maximum(num_items - num_marked, 1))
    return jnp.where(marked, inside, outside)


FORMS = {"reference": _reference, "two_values": _two_values}
"""Every form by its name."""

_BACKENDS = ("cpu", "gpu", "tpu")
