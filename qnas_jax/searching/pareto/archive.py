"""The Pareto archive: the best that a search of several objectives has seen.

A bounded set of points of which none dominates another. A new point enters unless one
of the archive is at least as good in everything; those that it dominates leave. If the
archive is full, the one of least hypervolume contribution leaves, the new one counted
among them. The reference point of these contributions lies behind the worst values that
were ever seen:

    reference = worst - 0.1 (best - worst)    in each objective

so it can only move away, and the archive's hypervolume to it never falls: no insertion
removes more than the newest point brings. Pruning by crowding would not keep that.

Guides for a population are drawn from the archive by tournaments of two, which the less
crowded member wins, or the one of the larger contribution.

Sources: pruning: Knowles, Corne & Fleischer, CEC 2003 (the S-metric archive);
Beume, Naujoks & Emmerich, European J. Operational Research 181 (2007); tournaments by
crowding: Deb et al. 2002, section III.B.
"""

import dataclasses

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.searching.pareto.dominance import (
    crowding_distances,
    evaluated,
    sanitise_objectives,
)
from qnas_jax.searching.pareto.hypervolume import check_num_objectives, contributions

_MARGIN = 0.1
"""How far the reference lies behind the worst, in units of the range."""

GUIDED_BY = ("crowding", "hypervolume")
"""What decides which members of an archive guide a population."""


@flax.struct.dataclass
class Archive:
    """The front so far; rows in no order, filled or not."""

    archs: Array  # [A, L] int32, zeros where not filled
    objectives: Array  # [A, M] float32, maximised; -inf where not filled
    best: Array  # [M] float32, the best value of each objective ever seen, or -inf
    worst: Array  # [M] float32, the worst one, or inf

    @property
    def filled(self) -> Array:
        """Bool [A]."""
        return evaluated(self.objectives)

    @property
    def reference(self) -> Array:
        """[M], finite; see the module."""
        known = jnp.isfinite(self.best)
        spread = jnp.where(known, self.best - self.worst, 1.0)
        return jnp.where(known, self.worst - _MARGIN * spread, 0.0)


def empty_archive(capacity: int, num_layers: int, num_objectives: int) -> Archive:
    """An archive without any member.

    Args:
      capacity: A, at least 1.
      num_layers: L.
      num_objectives: M, 2 or 3.

    Returns:
      The archive.

    Raises:
      UserError: no room, or another number of objectives.
    """
    check_num_objectives(num_objectives)
    if capacity < 1:
        raise UserError(f"capacity: got {capacity}, expected room for at least 1 arch")
    return Archive(
        archs=jnp.zeros((capacity, num_layers), jnp.int32),
        objectives=jnp.full((capacity, num_objectives), -jnp.inf, jnp.float32),
        best=jnp.full(num_objectives, -jnp.inf, jnp.float32),
        worst=jnp.full(num_objectives, jnp.inf, jnp.float32),
    )


def insert(archive: Archive, archs: Array, objectives: Array) -> Archive:
    """Offers evaluated archs to an archive, one after the other.

    Args:
      archive: A rows.
      archs: int32 [P, L].
      objectives: [P, M], maximised; points with anything not finite are refused.

    Returns:
      The archive; of equal points the first one stays.
    """

    def offer(archive: Archive, new: tuple[Array, Array]) -> tuple[Archive, None]:
        return _insert_one(archive, *new), None

    rows = archs, sanitise_objectives(objectives)
    return jax.lax.scan(offer, archive, rows)[0]


def _insert_one(archive: Archive, arch: Array, point: Array) -> Archive:
    failed = ~evaluated(point)
    best = jnp.maximum(archive.best, point)
    worst = jnp.where(failed, archive.worst, jnp.minimum(archive.worst, point))
    moved = dataclasses.replace(archive, best=best, worst=worst)
    refused = failed | jnp.any((archive.objectives >= point[None]).all(axis=-1))
    beaten = (point[None] >= archive.objectives).all(axis=-1) & ~refused
    members = jnp.where(beaten[:, None], -jnp.inf, archive.objectives)
    everyone = jnp.concatenate([members, point[None]])
    worth = jnp.where(
        evaluated(everyone), contributions(everyone, moved.reference), -jnp.inf
    )
    # Beyond the last row if it is the new one that leaves.
    place = jnp.where(refused, len(members), jnp.argmin(worth))
    kept = jnp.where(beaten[:, None], 0, archive.archs)
    return dataclasses.replace(
        moved,
        archs=kept.at[place].set(arch, mode="drop"),
        objectives=members.at[place].set(point, mode="drop"),
    )


def worth_of_members(archive: Archive, by: str) -> Array:
    """By what members are chosen as guides.

    Args:
      archive: A rows.
      by: one of `GUIDED_BY`.

    Returns:
      [A], larger is better, -inf where not filled.
    """
    if by == "crowding":
        ranks = jnp.where(archive.filled, 0, len(archive.filled))
        found = crowding_distances(archive.objectives, ranks)
    else:
        found = contributions(archive.objectives, archive.reference)
    return jnp.where(archive.filled, found, -jnp.inf)


def draw_members(key: Array, archive: Archive, count: int, *, by: str) -> Array:
    """Draws guides: the worthier of two random members each.

    Args:
      key: consumed.
      archive: A rows.
      count: P.
      by: one of `GUIDED_BY`.

    Returns:
      int32 [P], rows of the archive; 0 while it is empty.
    """
    filled = archive.filled
    first_filled = jnp.argsort(~filled, stable=True)
    number = jnp.maximum(jnp.sum(filled), 1)
    drawn = first_filled[jax.random.randint(key, (2, count), 0, number)]
    worth = worth_of_members(archive, by)[drawn]
    return jnp.where(worth[0] >= worth[1], drawn[0], drawn[1]).astype(jnp.int32)
