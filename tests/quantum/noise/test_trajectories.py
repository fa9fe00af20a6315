"""Trajectories: their average is the density matrix, each of them is a state."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from noisy_circuits import random_circuit

from qnas_jax.quantum.circuit import Circuit, Param
from qnas_jax.quantum.noise.channels import (
    NoiseModel,
    amplitude_damping,
    bit_flip,
    depolarising,
    depolarising_model,
    phase_flip,
)
from qnas_jax.quantum.noise.density import density_probabilities, run_density
from qnas_jax.quantum.noise.trajectories import average, run_trajectory, sample_noisy
from qnas_jax.quantum.simulate import run_circuit
from qnas_jax.quantum.states import probabilities

MODELS = {
    "depolarising": depolarising_model(0.05, 0.1),
    "one after two": NoiseModel(after_size=((2, bit_flip(0.1)),)),
    "phase flip": NoiseModel(after_size=((1, phase_flip(0.2)),)),
    "damping": NoiseModel(
        after_size=((1, amplitude_damping(0.2)), (2, amplitude_damping(0.1)))
    ),
    "mixed": NoiseModel(
        after_gate=(("cx", depolarising(0.2, 2)),),
        after_size=((1, amplitude_damping(0.1)), (2, phase_flip(0.1))),
    ),
}


@pytest.mark.parametrize("noise", MODELS.values(), ids=MODELS)
def test_the_average_is_the_density_matrix(noise):
    circuit = random_circuit(11, 3, 16)
    estimate = average(
        jax.random.key(1), circuit, noise, probabilities, num_trajectories=2000
    )
    exact = density_probabilities(run_density(circuit, noise))
    distance = np.abs(np.asarray(estimate.value - exact))
    assert (distance <= 4 * np.asarray(estimate.standard_error) + 1e-6).all()
    assert np.asarray(estimate.standard_error).max() < 0.015


def test_the_average_with_a_gate_on_three_qubits():
    circuit = random_circuit(17, 4, 4).add("ry", 3, 0.9, controls=(0, 2)).add("h", 1)
    noise = NoiseModel(
        after_gate=(("ccry", amplitude_damping(0.3)),),
        after_size=((2, depolarising(0.1, 2)),),
    )
    estimate = average(
        jax.random.key(8), circuit, noise, probabilities, num_trajectories=2000
    )
    exact = density_probabilities(run_density(circuit, noise))
    distance = np.abs(np.asarray(estimate.value - exact))
    assert (distance <= 4 * np.asarray(estimate.standard_error) + 1e-6).all()


@pytest.mark.parametrize("name", ["depolarising", "mixed"])
def test_every_trajectory_keeps_its_norm(name):
    """Whether chances depend on the state or not."""
    circuit, noise = random_circuit(12, 4, 30), MODELS[name]
    keys = jax.random.split(jax.random.key(2), 50)
    run = jax.jit(jax.vmap(lambda key: run_trajectory(key, circuit, noise)))
    norms = np.linalg.norm(np.asarray(run(keys)), axis=1)
    np.testing.assert_allclose(norms, 1, atol=1e-5)


def test_without_noise_it_is_the_state():
    circuit = random_circuit(13, 4, 20)
    state = run_trajectory(jax.random.key(0), circuit, NoiseModel())
    np.testing.assert_allclose(state, run_circuit(circuit), atol=1e-5)


def test_eager_and_jit_are_the_same_trajectory():
    circuit = random_circuit(14, 3, 12)
    run = functools.partial(run_trajectory, circuit=circuit, noise=MODELS["mixed"])
    key = jax.random.key(5)
    np.testing.assert_allclose(run(key), jax.jit(run)(key), atol=1e-6)


def test_the_standard_error_falls_with_the_root_of_the_number():
    circuit, noise = random_circuit(15, 3, 16), depolarising_model(0.05, 0.1)
    errors = [
        average(
            jax.random.key(3), circuit, noise, probabilities, num_trajectories=count
        ).standard_error
        for count in (250, 4000)
    ]
    # 1 / sqrt(16)
    assert float(errors[1].max() / errors[0].max()) == pytest.approx(0.25, rel=0.15)


def test_the_standard_error_is_that_of_a_coin():
    """One flip with p = 0.3: <bit> has the spread of a coin, sqrt(p (1 - p) / T)."""
    noise = NoiseModel(after_gate=(("x", bit_flip(0.3)),))
    estimate = average(
        jax.random.key(4),
        Circuit(1).add("x", 0),
        noise,
        probabilities,
        num_trajectories=5000,
    )
    assert float(estimate.standard_error[1]) == pytest.approx(
        (0.21 / 5000) ** 0.5, rel=0.03
    )
    assert float(estimate.value[1]) == pytest.approx(0.7, abs=0.026)


def test_damping_jumps_are_drawn_from_the_state():
    """ry leaves |1> with sin^2(0.5); it falls with 0.4 of that."""
    noise = NoiseModel(after_gate=(("ry", amplitude_damping(0.4)),))
    circuit = Circuit(2).add("h", 1).add("ry", 0, Param(0))
    estimate = average(
        jax.random.key(6),
        circuit,
        noise,
        probabilities,
        jnp.array([1.0]),
        num_trajectories=5000,
    )
    excited = 0.6 * np.sin(0.5) ** 2 / 2
    np.testing.assert_allclose(estimate.value[2:], [excited] * 2, atol=0.006)


@pytest.mark.parametrize("per_trajectory", [1, 4])
def test_shots_have_the_probabilities_that_are_read(per_trajectory):
    circuit = random_circuit(16, 3, 12)
    noise = NoiseModel(
        after_size=((1, amplitude_damping(0.1)), (2, depolarising(0.1, 2))),
        readout=((0.05, 0.1), (0.0, 0.2), (0.02, 0.02)),
    )
    shots = 10_001
    indices = sample_noisy(
        jax.random.key(7),
        circuit,
        noise,
        shots=shots,
        shots_per_trajectory=per_trajectory,
    )
    assert indices.shape == (shots,) and indices.dtype == jnp.int32
    measured = np.bincount(np.asarray(indices), minlength=8) / shots
    expected = density_probabilities(run_density(circuit, noise), noise.readout)
    spread = np.sqrt(np.asarray(expected) * per_trajectory / shots)
    assert (np.abs(measured - np.asarray(expected)) <= 4 * spread).all()


def test_too_few_are_refused():
    circuit = Circuit(1).add("x", 0)
    with pytest.raises(ValueError, match="num_trajectories: got 1"):
        average(
            jax.random.key(0), circuit, NoiseModel(), probabilities, num_trajectories=1
        )
    with pytest.raises(ValueError, match="shots: got 0"):
        sample_noisy(jax.random.key(0), circuit, NoiseModel(), shots=0)
