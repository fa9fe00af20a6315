"""How much hypervolume an arch is expected to add, and a batch chosen by that.

Objectives of an arch are normal and independent, mean m and deviation s (next to 0 for
what is known). Under a
staircase of corners (x_i, y_i), x falling, the expected gain is a sum over its strips,

    sum_i  (e(x_i) - e(x_{i-1})) e'(y_{i-1}),    e(t) = E[max(X - t, 0)],
    E[max(X - t, 0)] = s phi((m - t) / s) + (m - t) Phi((m - t) / s),

x_0 being infinite, y_0 and the last x the reference. With three objectives it is a sum
over slices along the third one, as the volume itself is (`hypervolume`). No sampling.

Of a batch each arch is chosen as if those before it had come out at their means. Gains
only fall by that, so it is enough to look at those that were best at the beginning.

Sources: expected improvement of hypervolume: Emmerich, Deutz & Klinkenberg, CEC 2011;
batches by believing means: Ginsbourger, Le Riche & Carraro, 2010 (kriging believer).
"""

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.stats import norm

from qnas_jax.searching.pareto.dominance import evaluated

_LOOKED_AT = 4
"""Archs that are looked at again, for each of a batch."""


def expected_gains(
    means: Array, deviations: Array, front: Array, reference: Array
) -> Array:
    """Expected gains of hypervolume.

    Args:
      means: [C, M], M = 2 or 3, of objectives that are maximised.
      deviations: [C, M], above 0.
      front: [A, M], anything behind the front or failed adds nothing to it.
      reference: [M], finite.

    Returns:
      [C], at least 0.
    """
    above = jnp.where(evaluated(front)[:, None], front - reference[None], 0.0)
    above = jnp.maximum(above, 0.0)
    means = means - reference[None]
    if above.shape[-1] == 2:
        return _area_gains(means, deviations, above)
    return _volume_gains(means, deviations, above)


def _excess(means: Array, deviations: Array, thresholds: Array) -> Array:
    """E[max(X - t, 0)] for X [C] and t [T]: [C, T]."""
    deviations = deviations[:, None]
    shift = (means[:, None] - thresholds[None]) / deviations
    return deviations * (norm.pdf(shift) + shift * norm.cdf(shift))


def _between(means: Array, deviations: Array, falling: Array) -> Array:
    """Expected lengths in the parts between thresholds, the last at 0: [C, T + 1]."""
    tails = _excess(means, deviations, jnp.append(falling, 0.0))
    return jnp.diff(tails, axis=1, prepend=0.0)


def _area_gains(means: Array, deviations: Array, points: Array) -> Array:
    """Gains [C] over a staircase [A, 2] with both coordinates from 0 on."""
    order = jnp.argsort(-points[:, 0])
    along, up = points[order].T
    width = _between(means[:, 0], deviations[:, 0], along)
    heights = jnp.append(0.0, jax.lax.cummax(up))
    above = _excess(means[:, 1], deviations[:, 1], heights)
    return jnp.sum(width * above, axis=1)


def _volume_gains(means: Array, deviations: Array, points: Array) -> Array:
    """The same for points [A, 3]: slices between neighbouring third coordinates."""
    points = points[jnp.argsort(-points[:, 2])]
    thickness = _between(means[:, 2], deviations[:, 2], points[:, 2])
    places = jnp.arange(len(points))

    def gains_of_first(count: Array) -> Array:
        held = jnp.where((places < count)[:, None], points[:, :2], 0.0)
        return _area_gains(means[:, :2], deviations[:, :2], held)

    counts = jnp.arange(len(points) + 1)
    return jnp.sum(thickness * jax.lax.map(gains_of_first, counts).T, axis=1)


def choose_batch(
    means: Array,
    deviations: Array,
    front: Array,
    reference: Array,
    *,
    allowed: Array,
    count: int,
) -> tuple[Array, Array]:
    """Chooses archs one after the other by their expected gains.

    Args:
      means: [C, M].
      deviations: [C, M], see `expected_gains`.
      front: [A, M], see `expected_gains`.
      reference: [M].
      allowed: bool [C].
      count: P.

    Returns:
      Places int32 [P], no two equal, and bool [P], whether there was an arch left that
      is allowed.
    """
    gains = expected_gains(means, deviations, front, reference)
    looked_at = min(_LOOKED_AT * count, len(means))
    first, best = jax.lax.top_k(jnp.where(allowed, gains, -jnp.inf), looked_at)
    means, deviations = means[best], deviations[best]
    room = jnp.full((count, front.shape[1]), -jnp.inf)

    def choose(
        carry: tuple[Array, Array], number: Array
    ) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        front, left = carry
        gains = expected_gains(means, deviations, front, reference)
        place = jnp.argmax(jnp.where(left, gains, -jnp.inf))
        front = front.at[len(front) - count + number].set(means[place])
        return (front, left.at[place].set(False)), (best[place], left[place])

    start = jnp.concatenate([front, room]), jnp.isfinite(first)
    return jax.lax.scan(choose, start, jnp.arange(count))[1]
