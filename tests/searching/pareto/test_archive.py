"""The archive: what it keeps, and that it never gets worse."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.searching.pareto.archive import (
    GUIDED_BY,
    draw_members,
    empty_archive,
    insert,
    worth_of_members,
)
from qnas_jax.searching.pareto.dominance import on_front
from qnas_jax.searching.pareto.hypervolume import hypervolume

insert_all = jax.jit(insert)


def offered(capacity, points):
    """An archive that was offered points; the arch of each is its number."""
    archs = jnp.arange(len(points), dtype=jnp.int32)[:, None]
    archive = empty_archive(capacity, 1, points.shape[1])
    return insert_all(archive, archs, jnp.asarray(points, jnp.float32))


def members(archive):
    """Numbers of those that are in, sorted."""
    return sorted(np.asarray(archive.archs)[np.asarray(archive.filled), 0].tolist())


def stream(seed, count, objectives, levels=None):
    draw = np.random.default_rng(seed)
    points = draw.normal(size=(count, objectives))
    points /= np.linalg.norm(points, axis=1, keepdims=True) ** 0.7
    if levels:
        points = np.round(points * levels)
    points[draw.random(count) < 0.1, -1] = np.nan
    return points.astype(np.float32)


def test_by_hand():
    points = np.array(
        [[1, 1], [3, 0], [np.nan, 9], [0, 3], [2, 2], [3, 0], [2, 1], [0, 4]]
    )
    # (2, 2) beats (1, 1), the second (3, 0) comes late, (0, 4) beats (0, 3).
    assert members(offered(5, points)) == [1, 4, 7]


@pytest.mark.parametrize("objectives", [2, 3])
def test_with_room_it_is_the_front_of_all(objectives):
    for seed in range(3):
        points = stream(seed, 20, objectives)
        archive = offered(20, points)
        front = np.flatnonzero(on_front(np.nan_to_num(points, nan=-np.inf)))
        assert members(archive) == front.tolist()


@functools.partial(jax.jit, static_argnums=0)
def histories(capacity, points):
    """Archives after each of the points [S, N, M], and their hypervolumes [S, N]."""

    def offer(archive, row):
        archive = insert(archive, row[0][None, None], row[1][None])
        return archive, (archive, hypervolume(archive.objectives, archive.reference))

    def follow(points):
        first = empty_archive(capacity, 1, points.shape[1])
        return jax.lax.scan(offer, first, (jnp.arange(len(points)), points))[1]

    return jax.vmap(follow)(points)


@pytest.mark.parametrize(("objectives", "capacity"), [(2, 4), (3, 5), (2, 1)])
def test_it_never_gets_worse(objectives, capacity):
    """Its hypervolume to its own reference, which only moves away, never falls."""
    points = [stream(s, 60, objectives, levels=8 if s % 2 else None) for s in range(6)]
    archives, volumes = histories(capacity, jnp.stack(points))
    references = np.asarray(jax.vmap(jax.vmap(lambda one: one.reference))(archives))
    filled = np.isfinite(archives.objectives).all(axis=-1)
    assert (filled.sum(axis=-1) == capacity).any(), "it was full"
    # Before there is a member the reference is 0.
    moves = np.diff(references, axis=1)[filled.any(axis=-1)[:, :-1]]
    assert moves.max() <= 1e-6
    assert np.all(np.diff(volumes, axis=1) >= -1e-5 * volumes[:, :-1] - 1e-6)
    for held, real in zip(
        np.asarray(archives.objectives).reshape(-1, capacity, objectives),
        filled.reshape(-1, capacity),
        strict=True,
    ):
        above = (held[:, None] >= held[None]).all(axis=-1)
        assert not above[np.ix_(real, real)][~np.eye(real.sum(), dtype=bool)].any()


def test_every_member_is_what_was_offered():
    points = stream(3, 50, 2)
    archive = offered(6, points)
    for arch, point in zip(archive.archs, archive.objectives, strict=True):
        np.testing.assert_array_equal(points[int(arch[0])], point)


def test_failed_evaluations_never_enter():
    points = np.array([[np.nan, 1], [np.inf, np.inf], [1, -np.inf]])
    archive = offered(2, points)
    assert members(archive) == [] and np.all(np.isfinite(archive.reference))


@pytest.mark.parametrize("by", GUIDED_BY)
def test_guides_are_members_and_the_worthier_ones_more_often(by):
    points = np.array([[0, 10], [4.9, 5.1], [5, 5], [5.1, 4.9], [10, 0]])
    archive = offered(8, points)
    draw = jax.jit(functools.partial(draw_members, count=4000, by=by))
    places = np.asarray(draw(jax.random.key(0), archive))
    assert np.asarray(archive.filled)[places].all()
    counts = np.bincount(places, minlength=8)
    worth = np.asarray(worth_of_members(archive, by))
    best, least = np.argmax(worth), np.argmin(np.where(archive.filled, worth, np.inf))
    # A tournament of two: the best of five wins 9 of 25, the last 1 of 25.
    assert counts[least] < 240 and counts[best] > 1000
    assert set(np.flatnonzero(counts)) <= set(np.flatnonzero(archive.filled))


def test_an_empty_archive_has_no_worth():
    archive = empty_archive(3, 2, 2)
    for by in GUIDED_BY:
        np.testing.assert_array_equal(worth_of_members(archive, by), -np.inf)
        drawn = draw_members(jax.random.key(0), archive, 4, by=by)
        np.testing.assert_array_equal(drawn, np.zeros(4))


@pytest.mark.parametrize(
    ("capacity", "objectives", "message"),
    [(0, 2, "capacity: got 0, expected room"), (3, 1, "objectives: got 1 of them")],
)
def test_sizes_are_checked(capacity, objectives, message):
    with pytest.raises(UserError, match=message):
        empty_archive(capacity, 2, objectives)
