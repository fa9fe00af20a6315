"""Moves of registers of several levels, against full costs and Boltzmann chances."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.optimise import Diagonal, Levels
from qnas_jax.optimise.walks.level_moves import level_moves_of
from qnas_jax.optimise.walks.simulated_annealing import (
    AnnealOptions,
    simulated_annealing,
)
from qnas_jax.optimise.walks.tabu import TabuOptions, tabu
from qnas_jax.optimise.walks.walk import move_scale

UNEVEN = (3, 2, 5, 1, 4)


def random_form(seed, num_levels):
    rng = np.random.default_rng(seed)
    layers, most = len(num_levels), max(num_levels)
    above = np.triu(np.ones((layers, layers)), k=1)[:, :, None, None]
    pairwise = rng.normal(size=(layers, layers, most, most)) * above
    return Levels(
        jnp.asarray(rng.normal(size=(layers, most)), jnp.float32),
        jnp.asarray(pairwise, jnp.float32),
        jnp.float32(0.7),
        num_levels,
    )


def assignments(num_levels):
    return np.array(list(itertools.product(*map(range, num_levels))))


def as_diagonal(form):
    return Diagonal(form.table(), form.num_levels)


FORM = random_form(4, UNEVEN)


@pytest.mark.parametrize("form", [FORM, as_diagonal(FORM)], ids=["levels", "diagonal"])
def test_changes_are_differences_of_costs(form):
    moves = level_moves_of(form)
    assert moves.count == 2 + 1 + 4 + 0 + 3
    walk = moves.start(moves.random(jax.random.key(0)))
    for move, accepted in [(2 * 5 + 4, True), (0 * 5 + 2, True), (4 * 5 + 1, False)]:
        changes = moves.changes(walk).reshape(5, 5)
        for register, level in itertools.product(range(5), range(5)):
            if level >= UNEVEN[register] or level == walk.levels[register]:
                assert changes[register, level] == jnp.inf
                continue
            other = walk.levels.at[register].set(level)
            expected = form.cost(other) - form.cost(walk.levels)
            np.testing.assert_allclose(changes[register, level], expected, atol=1e-5)
        before, back = walk, moves.back(walk, move)
        walk = moves.make(walk, move, changes.ravel()[move], jnp.asarray(accepted))
        wanted = move % 5 if accepted else before.levels[move // 5]
        assert walk.levels[move // 5] == wanted
        # After a move all is as at a fresh start, and the way back is what it says.
        fresh = moves.start(walk.levels)
        np.testing.assert_allclose(walk.fields, fresh.fields, atol=1e-5)
        np.testing.assert_allclose(walk.cost, fresh.cost, atol=1e-5)
        assert back == move // 5 * 5 + before.levels[move // 5]


def test_perturbing_turns_a_share_of_the_registers():
    moves = level_moves_of(random_form(0, (3, 2, 1)))
    levels = jnp.array([2, 0, 0])
    np.testing.assert_array_equal(moves.perturb(levels, 0.0, jax.random.key(0)), levels)
    keys = jax.random.split(jax.random.key(1), 300)
    turned = np.asarray(jax.vmap(lambda key: moves.perturb(levels, 1.0, key))(keys))
    assert set(turned[:, 0]) == {0, 1} and (turned[:, 1:] == [1, 0]).all()


def test_scale_of_moves_by_hand():
    """Costs 0, 3 of one register and 0, 1, 2 of another, each pair in both ways."""
    unary = jnp.array([[0.0, 3.0, 99.0], [0.0, 1.0, 2.0]])
    moves = level_moves_of(Levels(unary, jnp.zeros((2, 2, 3, 3)), 0.0, (2, 3)))
    keys = jax.random.split(jax.random.key(0), 3)
    for key in keys:
        start = moves.random(jax.random.split(key, 1)[0])
        squares = {0: 1 + 4, 1: 1 + 1, 2: 4 + 1}[int(start[1])]
        wanted = np.sqrt((9 + squares) / 3)
        assert move_scale(moves, key, samples=1) == pytest.approx(wanted)


@pytest.mark.parametrize("table", [False, True])
def test_heat_bath_draws_from_the_boltzmann_distribution(table):
    form, temperature = random_form(5, (3, 2)), 1.3
    moves = level_moves_of(as_diagonal(form) if table else form)

    def chain(key):
        def sweep(walk, key):
            return moves.thermal_sweep(walk, temperature, key), None

        walk = moves.start(jnp.zeros(2, jnp.int32))
        return jax.lax.scan(sweep, walk, jax.random.split(key, 20))[0]

    ends = jax.jit(jax.vmap(chain))(jax.random.split(jax.random.key(1), 20_000))
    drawn = np.asarray(2 * ends.levels[:, 0] + ends.levels[:, 1])
    shares = np.bincount(drawn, minlength=6) / 20_000
    weights = np.exp(-np.asarray(form.table()) / temperature)
    np.testing.assert_allclose(shares, weights / weights.sum(), atol=0.015)
    np.testing.assert_allclose(ends.cost, form.table()[drawn], atol=1e-4)


WALKS = {
    "simulated_annealing": (simulated_annealing, AnnealOptions(replicas=8, sweeps=40)),
    "tabu": (tabu, TabuOptions(walks=4, restarts=2, steps=60)),
}


@pytest.mark.parametrize("name", WALKS)
@pytest.mark.parametrize("num_levels", [UNEVEN, (4,) * 6, (1, 1)])
def test_finds_the_optimum_of_small_forms(name, num_levels):
    minimise, options = WALKS[name]
    run = jax.jit(lambda form, key: minimise(form, key, options=options))
    for seed in range(3):
        form = random_form(seed, num_levels)
        found = run(form, jax.random.key(seed))
        table = np.asarray(form.table())
        np.testing.assert_allclose(found.cost, table.min(), rtol=1e-4)
        np.testing.assert_allclose(form.cost(found.levels), found.cost, rtol=1e-5)
        np.testing.assert_allclose(
            form.cost(found.samples), found.sample_costs, rtol=1e-5, atol=1e-5
        )
        assert np.all(found.samples < np.asarray(num_levels)[None])
        assert np.all(np.diff(found.trace) <= 0)
        np.testing.assert_allclose(found.trace[-1], found.cost, rtol=1e-4, atol=1e-4)


def test_a_space_of_84_bits_is_solved_where_the_optimum_is_known():
    """A planted assignment: the best level of each register and of each pair."""
    num_levels = (16,) * 21
    planted = np.arange(21) % 16
    unary = np.zeros((21, 16), np.float32)
    unary[np.arange(21), planted] = -0.2
    pairwise = np.zeros((21, 21, 16, 16), np.float32)
    for a, b in itertools.combinations(range(21), 2):
        pairwise[a, b, planted[a], planted[b]] = -1.0
    form = Levels(jnp.asarray(unary), jnp.asarray(pairwise), 0.0, num_levels)
    options = AnnealOptions(replicas=16, sweeps=60)
    found = jax.jit(lambda key: simulated_annealing(form, key, options=options))(
        jax.random.key(0)
    )
    np.testing.assert_array_equal(found.levels, planted)
    assert found.evaluations == 16 * (60 * 21 * 15 + 1)
