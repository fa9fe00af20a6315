"""The recurrence h_t = f_t h_{t-1} + o_t over time.

Affine maps of one number follow each other as affine maps, so all states are a prefix
"sum" that accelerators take as a tree (Blelloch 1990). On a CPU a plain loop is about
as fast or faster, and compiles at least three times as fast
(`experiments/benches/series.py`).
"""

import jax
import jax.numpy as jnp
from jax import lax

from qnas_jax.errors import UserError
from qnas_jax.kernels import dispatch

Pair = tuple[jax.Array, jax.Array]


def recurrence(
    factors: jax.Array, offsets: jax.Array, *, implementation: str | None = None
) -> jax.Array:
    """All states of a linear recurrence that begins with 0.

    Args:
      factors: float [N, T, C].
      offsets: float [N, T, C].
      implementation: "reference" (a loop over time), "tree" (an associative scan), or
        None: the faster one on the present backend.

    Returns:
      float [N, T, C].

    Raises:
      UserError: the shapes differ, or the implementation is unknown.
    """
    if factors.ndim != 3 or factors.shape != offsets.shape:
        raise UserError(
            f"recurrence: got factors {factors.shape} and offsets {offsets.shape}, "
            "expected both [N, T, C]"
        )
    best = {"gpu": "tree", "tpu": "tree"}
    return dispatch.choose(implementation, FORMS, best)(factors, offsets)


def _reference(factors: jax.Array, offsets: jax.Array) -> jax.Array:
    def step(state: jax.Array, now: Pair) -> Pair:
        state = now[0] * state + now[1]
        return state, state

    by_time = factors.swapaxes(0, 1), offsets.swapaxes(0, 1)
    _, states = lax.scan(step, jnp.zeros_like(offsets[:, 0]), by_time)
    return states.swapaxes(0, 1)


def _tree(factors: jax.Array, offsets: jax.Array) -> jax.Array:
    def follow(first: Pair, then: Pair) -> Pair:
        return then[0] * first[0], then[0] * first[1] + then[1]

    return lax.associative_scan(follow, (factors, offsets), axis=1)[1]


FORMS = {dispatch.REFERENCE: _reference, "tree": _tree}
