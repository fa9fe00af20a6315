"""Individual memory and migration, by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.searching.registers.guides import Migration, no_guides, store

ARCHS = jnp.arange(4, dtype=jnp.int32)[:, None]


def run(migration, *rounds):
    """Stores rounds of scores; the arch of individual i in round r is 10 r + i."""
    guides = no_guides(4, 1)
    for index, scores in enumerate(rounds):
        guides = store(
            guides, 10 * index + ARCHS, jnp.array(scores), migration=migration
        )
    return guides.archs[:, 0].tolist(), guides.scores.tolist()


def test_everyone_keeps_the_own_best_and_the_earlier_of_equals():
    archs, scores = run(Migration(), [1.0, 2.0, 3.0, 4.0], [2.0, 2.0, 1.0, 5.0])
    assert archs == [10, 1, 2, 13]
    assert scores == [2.0, 2.0, 3.0, 5.0]


def test_local_migration_stays_inside_of_groups():
    archs, scores = run(Migration(groups=2, local_every=1), [1.0, 2.0, 4.0, 3.0])
    assert archs == [1, 1, 2, 2]
    assert scores == [2.0, 2.0, 4.0, 4.0]


def test_groups_of_unequal_size():
    archs, _ = run(Migration(groups=3, local_every=1), [1.0, 2.0, 4.0, 3.0])
    assert archs == [1, 1, 2, 3]


def test_more_groups_than_individuals_leave_everyone_alone():
    archs, _ = run(Migration(groups=9, local_every=1), [1.0, 2.0, 4.0, 3.0])
    assert archs == [0, 1, 2, 3]


def test_global_migration_waits_for_its_period():
    rounds = [[1.0, 2.0, 4.0, 3.0], [0.0, 0.0, 0.0, 0.0], [0.0, 9.0, 0.0, 0.0]]
    migration = Migration(global_every=3)
    assert run(migration, *rounds[:2])[0] == [0, 1, 2, 3]
    assert run(migration, *rounds)[0] == [21, 21, 21, 21]


def test_period_one_makes_the_best_so_far_the_guide_of_all():
    migration = Migration(global_every=1)
    archs, scores = run(migration, [1.0, 7.0, 7.0, 3.0], [7.0, 2.0, 5.0, 6.0])
    assert archs == [1, 1, 1, 1]
    assert scores == [7.0] * 4


def test_groups_without_any_score_receive_nothing():
    failed = -jnp.inf
    archs, scores = run(Migration(groups=2, local_every=1), [1.0, 2.0, failed, failed])
    assert archs == [1, 1, 0, 0]
    np.testing.assert_array_equal(scores, [2.0, 2.0, failed, failed])


@pytest.mark.parametrize("bad", [{"groups": 0}, {"local_every": -1}])
def test_bad_migration_is_rejected(bad):
    with pytest.raises(ValueError, match="expected groups >= 1 and periods >= 0"):
        Migration(**bad)
