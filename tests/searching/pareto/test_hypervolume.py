"""Hypervolume: by hand, counted on a grid, by Monte Carlo, by pymoo."""

import jax
import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.searching.pareto.dominance import on_front
from qnas_jax.searching.pareto.hypervolume import contributions as plain_contributions
from qnas_jax.searching.pareto.hypervolume import hypervolume as plain_hypervolume

hypervolume = jax.jit(plain_hypervolume)
contributions = jax.jit(plain_contributions)


def on_grid(points, reference):
    """Cells of a unit grid that some point dominates; whole numbers only."""
    if not len(points):
        return 0
    top = np.nan_to_num(np.max(points, axis=0), neginf=0).astype(int)
    count = 0
    for cell in np.ndindex(*(top - np.asarray(reference, int)).clip(0)):
        corner = np.asarray(reference) + np.asarray(cell) + 1
        count += bool((points >= corner).all(axis=1).any())
    return count


def whole_numbers(seed, count, objectives):
    draw = np.random.default_rng(seed)
    found = draw.integers(-2, 7, (count, objectives)).astype(np.float32)
    found[draw.random(count) < 0.1] = -np.inf
    return found


def test_by_hand():
    points = np.array([[1, 3], [2, 2], [3, 1], [1, 1]], np.float32)
    assert hypervolume(points, np.zeros(2, np.float32)) == 6
    np.testing.assert_array_equal(
        contributions(points, np.zeros(2, np.float32)), [1, 1, 1, 0]
    )
    cubes = np.array([[2, 1, 1], [1, 2, 1], [1, 1, 2]], np.float32)
    assert hypervolume(cubes, np.zeros(3, np.float32)) == 4
    np.testing.assert_array_equal(
        contributions(cubes, np.zeros(3, np.float32)), [1, 1, 1]
    )


@pytest.mark.parametrize("objectives", [2, 3])
def test_is_what_a_grid_counts(objectives):
    reference = np.array([0, -1, 1][:objectives], np.float32)
    for seed in range(12):
        points = whole_numbers(seed, 9, objectives)
        whole = on_grid(points, reference)
        assert hypervolume(points, reference) == whole
        front = np.asarray(on_front(points))
        lost = np.zeros(9)
        for place in np.flatnonzero(front):
            others = front & (np.arange(9) != place)
            lost[place] = whole - on_grid(points[others], reference)
        np.testing.assert_array_equal(contributions(points, reference), lost)


@pytest.mark.parametrize("objectives", [2, 3])
def test_is_the_share_of_random_points_below_the_front(objectives):
    draw = np.random.default_rng(1)
    points = draw.random((15, objectives)).astype(np.float32)
    below = draw.random((100_000, objectives))
    covered = (points[None] >= below[:, None]).all(axis=2).any(axis=1)
    error = 4 * np.sqrt(0.25 / len(below))
    found = hypervolume(points, np.zeros(objectives, np.float32))
    assert abs(float(found) - covered.mean()) < error


@pytest.mark.parametrize("objectives", [2, 3])
def test_is_that_of_pymoo(objectives):
    pymoo = pytest.importorskip("pymoo.indicators.hv")
    draw = np.random.default_rng(2)
    for _ in range(5):
        points = (10 * draw.random((20, objectives))).astype(np.float32)
        reference = np.full(objectives, 1.0, np.float32)
        theirs = pymoo.HV(ref_point=-reference)(-points)
        np.testing.assert_allclose(hypervolume(points, reference), theirs, rtol=1e-5)


def test_units_of_objectives_scale_it():
    points = np.random.default_rng(3).random((8, 2)).astype(np.float32)
    units, reference = np.array([100, 0.01], np.float32), np.zeros(2, np.float32)
    np.testing.assert_allclose(
        hypervolume(points * units, reference),
        hypervolume(points, reference),
        rtol=1e-5,
    )


def test_failed_and_worse_points_add_nothing():
    reference = np.zeros(2, np.float32)
    points = np.array([[-np.inf, -np.inf], [5, -1], [-1, 5], [0, 9]], np.float32)
    assert hypervolume(points, reference) == 0
    np.testing.assert_array_equal(contributions(points, reference), np.zeros(4))


def test_the_number_of_objectives_is_checked():
    with pytest.raises(UserError, match="objectives: got 4 of them, expected 2 or 3"):
        hypervolume(np.zeros((3, 4)), np.zeros(4))
