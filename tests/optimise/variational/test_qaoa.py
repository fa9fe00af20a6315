"""QAOA: known values, other implementations, schedules, objectives, fixed ramps."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from qnas_jax.kernels import qaoa_expectation, qaoa_state
from qnas_jax.optimise import Diagonal, Levels, ising, qubo
from qnas_jax.optimise.variational import mixers
from qnas_jax.optimise.variational.objectives import cvar, make_objective
from qnas_jax.optimise.variational.qaoa import QaoaOptions, measure, qaoa
from qnas_jax.optimise.variational.schedules import interpolate, linear_ramp


def ring_couplings(size):
    return np.roll(np.eye(size), 1, axis=1)


def random_levels(num_levels, seed=0):
    rng = np.random.default_rng(seed)
    count, most = len(num_levels), max(num_levels)
    pairs = rng.normal(size=(count, count, most, most))
    for a in range(count):
        pairs[a, : a + 1] = 0
    unary = rng.normal(size=(count, most))
    return Levels(jnp.float32(unary), jnp.float32(pairs), 0.0, num_levels)


def test_one_layer_cuts_three_quarters_of_an_even_ring():
    """Farhi et al. 2014, section 4: (2 p + 1) / (2 p + 2) of the edges for p = 1."""
    size = 6
    problem = ising(np.zeros(size), ring_couplings(size))  # cost = edges - 2 cut
    options = QaoaOptions(layers=1, steps=100, learning_rate=0.05, shots=64)
    result = jax.jit(lambda key: qaoa(problem, key, options=options))(jax.random.key(0))
    cut = (size - result.trace.min()) / 2 / size
    assert float(cut) == pytest.approx(0.75, abs=1e-4)
    # At the angles of the result, for costs as given.
    value = qaoa_expectation(problem.table(), *result.params)
    assert float(value) == pytest.approx(float(result.trace.min()), abs=1e-3)


def test_one_layer_on_a_ring_follows_the_formula():
    """<Z_i Z_j> = -sin(4 beta) sin(4 gamma) / 2 on a ring (Wang et al., 1706.02998)."""
    problem = ising(np.zeros(6), ring_couplings(6))
    for gamma, beta in [(0.3, 0.2), (-0.4, 0.7), (0.1, -0.5)]:
        value = qaoa_expectation(problem.table(), jnp.array([gamma]), jnp.array([beta]))
        wanted = 6 * np.sin(4 * beta) * np.sin(4 * gamma) / 2
        assert float(value) == pytest.approx(wanted, abs=1e-5)


def test_against_a_circuit_of_another_simulator():
    """qiskit-aer, whose qubit 0 is the least significant bit."""
    qiskit = pytest.importorskip("qiskit")
    aer = pytest.importorskip("qiskit_aer")
    rng = np.random.default_rng(2)
    fields, couplings = rng.normal(size=6), np.triu(rng.normal(size=(6, 6)), k=1)
    gammas, betas = rng.uniform(-1, 1, (2, 3))
    circuit = qiskit.QuantumCircuit(6)
    circuit.h(range(6))
    for gamma, beta in zip(gammas, betas, strict=True):
        for i in range(6):
            circuit.rz(2 * gamma * fields[i], 5 - i)
            for j in range(i + 1, 6):
                circuit.rzz(2 * gamma * couplings[i, j], 5 - i, 5 - j)
        circuit.rx(2 * beta, range(6))
    circuit.save_statevector()
    backend = aer.AerSimulator(method="statevector", precision="double")
    wanted = np.asarray(backend.run(circuit).result().get_statevector())
    problem = ising(fields, couplings)
    state = qaoa_state(problem.table(), jnp.float32(gammas), jnp.float32(betas))
    np.testing.assert_allclose(state, wanted, atol=1e-6)


def test_cvar_by_hand():
    chances, costs = jnp.array([0.1, 0.4, 0.2, 0.3]), jnp.array([5.0, 1.0, 3.0, -2.0])
    # Lowest: -2 (0.3), 1 (0.4), 3 (0.2), 5 (0.1).
    assert float(cvar(chances, costs, 0.3)) == pytest.approx(-2.0)
    assert float(cvar(chances, costs, 0.5)) == pytest.approx((-0.6 + 0.2) / 0.5)
    assert float(cvar(chances, costs, 0.8)) == pytest.approx(
        0.125, abs=1e-5
    )  # (-0.6 + 0.4 + 0.3) / 0.8
    assert float(cvar(chances, costs, 1.0)) == pytest.approx(0.9)
    assert float(cvar(7 * chances, costs, 0.5)) == pytest.approx(-0.8)
    # A little more weight on the cost 1 pushes weight out of it at the upper end.
    slope = jax.grad(lambda p: make_objective(costs, 0.5)(p / p.sum()))(chances)
    step = jnp.array([0.0, 0.0, 0.0, 1e-3])
    moved = cvar(chances + step, costs, 0.5) - cvar(chances - step, costs, 0.5)
    assert float(slope[3]) == pytest.approx(float(moved) / 2e-3, rel=1e-3)
    with pytest.raises(ValueError, match="alpha: got 0"):
        make_objective(costs, 0.0)


def test_interp_by_hand():
    """Zhou et al. 2020, p = 2 to 3: (t_1, (t_1 + t_2) / 2, t_2)."""
    angles = jnp.array([0.4, 1.0, 0.0, 0.0])
    np.testing.assert_allclose(interpolate(angles, 2), [0.4, 0.7, 1.0, 0], atol=1e-6)
    one = interpolate(jnp.array([0.3, 0.0, 0.0]), 1)
    np.testing.assert_allclose(one, [0.3, 0.3, 0], atol=1e-7)
    three = interpolate(jnp.array([[3.0], [6.0], [9.0], [0.0]]), 3)
    np.testing.assert_allclose(three[:, 0], [3, 5, 7, 9], atol=1e-5)


def test_ramp_by_hand():
    gammas, betas = linear_ramp(2, -1.0, 0.8)
    np.testing.assert_allclose(gammas, [0.2, 0.6], atol=1e-6)
    np.testing.assert_allclose(betas, [-0.75, -0.25], atol=1e-6)


def random_qubo(size, seed=0):
    return qubo(np.random.default_rng(seed).normal(size=(size, size)))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer": "lbfgs", "steps": 10},
        {"optimizer": "spsa", "learning_rate": 0.1},
        {"angles": "multi"},
        {"start": "interp", "steps": 15},
        {"alpha": 0.2},
        {"mixer": "grover"},
    ],
    ids=str,
)
def test_every_way_lowers_the_cost_and_samples_truly(changes):
    problem = random_qubo(6)
    options = QaoaOptions(**{"layers": 3, "steps": 40, "shots": 200, **changes})
    run = jax.jit(lambda key: qaoa(problem, key, options=options))
    result = run(jax.random.key(1))
    costs = np.asarray(problem.table())
    assert result.levels.shape == (6,) and result.levels.dtype == jnp.int32
    np.testing.assert_allclose(problem.cost(result.levels), result.cost, atol=1e-5)
    np.testing.assert_allclose(
        problem.cost(result.samples), result.sample_costs, atol=1e-5
    )
    assert result.cost == result.sample_costs.min()
    assert float(result.cost) == pytest.approx(costs.min(), abs=1e-5)
    assert float(result.trace.min()) < float(result.trace[0]) - 0.05
    assert float(result.sample_costs.mean()) < costs.mean() - 0.5 * costs.std()
    stages = 3 if options.start == "interp" else 1
    assert result.trace.shape == (stages * options.steps,)


@pytest.mark.parametrize("mixer", ["projector", "xy_ring", "xy_complete", "grover"])
def test_registers_of_several_levels(mixer):
    problem = random_levels((3, 4, 2))
    options = QaoaOptions(layers=3, mixer=mixer, steps=40, shots=300)
    result = jax.jit(lambda key: qaoa(problem, key, options=options))(jax.random.key(0))
    table = np.asarray(problem.table())
    samples = tuple(np.asarray(result.samples).T)
    wanted = table[np.ravel_multi_index(samples, problem.num_levels)]
    np.testing.assert_allclose(result.sample_costs, wanted, atol=1e-5)
    assert float(result.cost) == pytest.approx(table.min(), abs=1e-5)
    assert float(result.trace.min()) < table.mean() - 0.8 * table.std()


def test_any_optax_optimiser_and_multi_angles_of_registers():
    problem = random_levels((3, 3))
    options = QaoaOptions(layers=2, mixer="xy_complete", angles="multi", steps=30)
    run = functools.partial(qaoa, problem, options=options, optimizer=optax.sgd(0.05))
    result = jax.jit(run)(jax.random.key(0))
    assert result.params.betas.shape == (2, 2)
    assert float(result.trace[-1]) < float(result.trace[0])


@pytest.mark.parametrize("optimizer", ["adam", "spsa"])
def test_steps_are_the_same_at_any_scale(optimizer):
    """One program, so that all that differs is the unit of the costs."""
    values = np.random.default_rng(0).normal(size=16)
    options = QaoaOptions(layers=1, steps=30, shots=10, optimizer=optimizer)
    run = jax.jit(lambda problem: qaoa(problem, jax.random.key(0), options=options))
    first = run(Diagonal(np.float32(values)))
    for scale in (1000.0, 1e-9, 1e12):
        found = run(Diagonal(np.float32(scale * values)))
        np.testing.assert_allclose(found.trace / scale, first.trace, rtol=1e-4)
        gammas = found.params.gammas * scale
        np.testing.assert_allclose(gammas, first.params.gammas, rtol=1e-3)
        np.testing.assert_array_equal(found.levels, first.levels)
    moved = run(Diagonal(np.float32(1000 * values + 7)))
    np.testing.assert_allclose((moved.trace - 7) / 1000, first.trace, rtol=1e-4)


def test_many_keys_at_once():
    problem = random_qubo(4)
    options = QaoaOptions(layers=1, steps=5, shots=20, optimizer="spsa")
    keys = jax.random.split(jax.random.key(0), 3)
    run = functools.partial(qaoa, problem, options=options)
    both, alone = jax.jit(jax.vmap(run))(keys), jax.jit(run)(keys[1])
    np.testing.assert_allclose(both.trace[1], alone.trace, atol=1e-5)


@pytest.mark.parametrize(
    ("problem", "changes", "message"),
    [
        (random_levels((2, 3)), {"mixer": "x"}, "mixer: got 'x' for registers"),
        (random_qubo(2), {"mixer": "xy_ring"}, "expected registers"),
        (random_qubo(2), {"mixer": "grover", "angles": "multi"}, "one angle a layer"),
    ],
)
def test_what_does_not_fit_is_named(problem, changes, message):
    with pytest.raises(ValueError, match=message):
        qaoa(problem, jax.random.key(0), options=QaoaOptions(**changes))


RAMP = QaoaOptions(layers=8, steps=0, time_step=3.0, turn=2.0, shots=256)


def test_a_fixed_ramp_finds_the_optimum_of_registers():
    """Its chance in one shot is a hundred times that of guessing, or more."""
    levels = (4,) * 5
    run = jax.jit(functools.partial(qaoa, options=RAMP))
    for seed in range(5):
        form = random_levels(levels, seed)
        found, table = run(form, jax.random.key(seed)), form.table()
        np.testing.assert_allclose(found.cost, table.min(), rtol=1e-5)
        state = mixers.levels_state(table, *found.params, levels, "projector")
        chances = jnp.abs(state) ** 2
        assert chances[jnp.argmin(table)] > 0.01
        assert found.evaluations == 256 and found.trace.shape == (1,)
        np.testing.assert_allclose(found.trace[0], chances @ table, atol=1e-4)
        np.testing.assert_allclose(
            form.cost(found.samples), found.sample_costs, rtol=1e-4, atol=1e-5
        )


def test_the_ramp_turns_as_far_as_it_is_told_to():
    form = random_levels((3, 2))
    for turn, first in [(0.0, -2 * 3.0), (2.0, -2.0)]:
        options = dataclasses.replace(RAMP, layers=2, turn=turn)
        betas = qaoa(form, jax.random.key(0), options=options).params.betas
        np.testing.assert_allclose(betas, [0.75 * first, 0.25 * first], rtol=1e-6)


def test_a_constant_cost_leaves_the_superposition():
    form = Levels(jnp.zeros((2, 3)), jnp.zeros((2, 2, 3, 3)), 2.0, (3, 2))
    found = qaoa(form, jax.random.key(0), options=RAMP)
    np.testing.assert_allclose(found.sample_costs, 2.0)
    assert len(np.unique(np.asarray(found.samples), axis=0)) == 6


def test_measurements_follow_the_probabilities():
    chances = jnp.array([0.0, 0.5, 0.0, 0.2, 0.3, 0.0])
    drawn = measure(jax.random.key(0), chances, 20_000)
    shares = np.bincount(np.asarray(drawn), minlength=6) / 20_000
    np.testing.assert_allclose(shares, chances, atol=0.015)
