"""Hypervolume: how much of the objectives' space a set of points dominates.

The volume of all that is dominated by a point of the set and dominates a reference
point. Objectives are maximised. Exact: for two objectives a staircase, for three a sum
of slices along the last objective, each with the staircase of the points above it.

The contribution of a point of a staircase is the rectangle at its corner; of three
objectives it is its box less the volume of the others cut to that box, which float32
keeps better than a difference of two whole volumes.

Sources: Zitzler & Thiele, IEEE Trans. Evol. Comput. 3 (1999); slicing: While, Hingston,
Barone & Huband, IEEE Trans. Evol. Comput. 10 (2006).
"""

import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.searching.pareto.dominance import evaluated, on_front

NUM_OBJECTIVES = (2, 3)
"""How many objectives there may be."""


def check_num_objectives(count: int) -> None:
    """Raises UserError unless there are two or three objectives."""
    if count not in NUM_OBJECTIVES:
        raise UserError(f"objectives: got {count} of them, expected 2 or 3")


def hypervolume(objectives: Array, reference: Array) -> Array:
    """The volume between a reference point and a set of points.

    Args:
      objectives: [N, M], M = 2 or 3, maximised; dominated points add nothing, and
        neither do failed ones or those that do not dominate the reference.
      reference: [M], finite.

    Returns:
      [], in the product of the objectives' units.

    Raises:
      UserError: another number of objectives.
    """
    check_num_objectives(objectives.shape[-1])
    above = jnp.where(evaluated(objectives)[:, None], objectives - reference[None], 0.0)
    above = jnp.maximum(above, 0.0)
    return _area(above) if above.shape[-1] == 2 else _volume(above)


def _area(points: Array) -> Array:
    """The area under a staircase: points [N, 2], both coordinates from 0 on."""
    order = jnp.argsort(-points[:, 0])
    along, up = points[order].T
    width = along - jnp.append(along[1:], 0.0)
    return jnp.sum(width * jax.lax.cummax(up))


def _volume(points: Array) -> Array:
    """The same for points [N, 3]: slices between neighbouring third coordinates."""
    points = points[jnp.argsort(-points[:, 2])]
    thickness = points[:, 2] - jnp.append(points[1:, 2], 0.0)
    places = jnp.arange(len(points))

    def area_of_first(last: Array) -> Array:
        return _area(jnp.where((places <= last)[:, None], points[:, :2], 0.0))

    return jnp.sum(thickness * jax.vmap(area_of_first)(places))


def contributions(objectives: Array, reference: Array) -> Array:
    """What a front would lose with each of its points.

    Args:
      objectives: [N, M], see `hypervolume`.
      reference: [M], finite.

    Returns:
      [N], 0 for points that are dominated, failed or there twice. Dominated points are
      no part of the front: they do not fill what one of its points leaves.

    Raises:
      UserError: another number of objectives.
    """
    check_num_objectives(objectives.shape[-1])
    above = jnp.maximum(objectives - reference[None], 0.0)
    above = jnp.where(on_front(objectives)[:, None], above, 0.0)
    if above.shape[-1] == 2:
        return _corners(above)
    return jax.vmap(_own_volume, in_axes=(0, None))(jnp.arange(len(above)), above)


def _corners(points: Array) -> Array:
    """The same for a staircase [N, 2]: the rectangle of each of its corners."""
    order = jnp.lexsort((-points[:, 1], -points[:, 0]))
    along, up = points[order].T
    width = along - jnp.append(along[1:], 0.0)
    height = jnp.maximum(up - jnp.append(0.0, up[:-1]), 0.0)
    return jnp.zeros_like(up).at[order].set(width * height)


def _own_volume(place: Array, points: Array) -> Array:
    """The box of one of the points [N, 3] less what the others take of it."""
    point = points[place]
    others = jnp.minimum(points, point[None])
    others = jnp.where((jnp.arange(len(points)) == place)[:, None], 0.0, others)
    return jnp.maximum(jnp.prod(point) - _volume(others), 0.0)
