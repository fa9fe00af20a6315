"""Guides: the archs that individuals rotate towards, and how they migrate.

Every individual keeps the best arch it has seen (b_i). Migration copies the best guide
of a group to the whole group (local) or the best of all to everyone (global).

Source: Han & Kim, IEEE Trans. Evol. Comput. 6 (2002), section III, and 8 (2004).
"""

import dataclasses

import flax.struct
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.options import Options, option


@flax.struct.dataclass
class Guides:
    """The best arch seen by each individual, or received by migration."""

    archs: Array  # [P, L] int32
    scores: Array  # [P] float32, -inf while there is no guide
    generation: Array  # [] int32, generations stored


@dataclasses.dataclass(frozen=True)
class Migration:
    """When guides are exchanged; a period of 0 means never.

    Attributes:
      groups: number of groups of neighbouring individuals, of as equal size as can be;
        from the size of the population on, everyone is alone.
      local_every: generations between local migrations.
      global_every: generations between global ones; 1 makes the best arch so far the
        guide of everyone.
    """

    groups: int = 1
    local_every: int = 0
    global_every: int = 0

    def __post_init__(self) -> None:
        if self.groups < 1 or self.local_every < 0 or self.global_every < 0:
            raise UserError(
                f"migration: got {self}, expected groups >= 1 and periods >= 0"
            )


@dataclasses.dataclass(frozen=True)
class MigrationOptions(Options):
    """How individuals exchange guides."""

    groups: int = option(4, "groups of individuals that exchange guides", low=1)
    local_migration_every: int = option(
        1, "generations between migrations within groups; 0: never", low=0
    )
    global_migration_every: int = option(
        20, "generations between migrations to all; 0: never", low=0
    )

    def migration(self) -> Migration:
        """Groups and periods."""
        return Migration(
            groups=self.groups,
            local_every=self.local_migration_every,
            global_every=self.global_migration_every,
        )


def no_guides(population: int, num_layers: int) -> Guides:
    """The guides before anything was evaluated."""
    return Guides(
        archs=jnp.zeros((population, num_layers), jnp.int32),
        scores=jnp.full(population, -jnp.inf, jnp.float32),
        generation=jnp.int32(0),
    )


def store(
    guides: Guides, archs: Array, scores: Array, *, migration: Migration
) -> Guides:
    """Ends a generation: keeps each individual's better arch, then migrates.

    Args:
      guides: those used in this generation.
      archs: int32 [P, L], as evaluated.
      scores: float32 [P], finite or -inf.
      migration: groups and periods.

    Returns:
      The guides of the next generation. On ties the earlier guide stays.
    """
    better = scores > guides.scores
    guides = Guides(
        archs=jnp.where(better[:, None], archs, guides.archs),
        scores=jnp.where(better, scores, guides.scores),
        generation=guides.generation + 1,
    )
    guides = _migrate_every(guides, migration.local_every, migration.groups)
    return _migrate_every(guides, migration.global_every, 1)


def _migrate_every(guides: Guides, period: int, num_groups: int) -> Guides:
    """Copies the best guide of each group to its members when the period is over."""
    if period == 0:
        return guides
    members, filled, group = _groups(len(guides.scores), num_groups)
    scores = jnp.where(filled, guides.scores[members], -jnp.inf)
    winner = jnp.argmax(scores, axis=1)[:, None]
    source = jnp.take_along_axis(jnp.asarray(members), winner, axis=1)[:, 0][group]
    due = guides.generation % period == 0
    # A group in which nothing has a score keeps what it has.
    moves = due & (guides.scores[source] > -jnp.inf)
    return Guides(
        archs=jnp.where(moves[:, None], guides.archs[source], guides.archs),
        scores=jnp.where(moves, guides.scores[source], guides.scores),
        generation=guides.generation,
    )


def _groups(
    population: int, num_groups: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Members of each group, which of these places are filled, and each one's group.

    Returns:
      int and bool [groups, size of the largest], and int [P].
    """
    names = np.arange(population) * num_groups // population
    _, first, group, sizes = np.unique(
        names, return_index=True, return_inverse=True, return_counts=True
    )
    place = np.arange(sizes.max())[None, :]
    filled = place < sizes[:, None]
    return np.where(filled, first[:, None] + place, 0), filled, group
