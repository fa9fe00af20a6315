"""Circuits that err: channels behind gates, and what can be done about them.

In reading order: readout, channels, noisy_steps; density (all outcomes at once) and
trajectories (one at a time) run a noisy circuit; mitigation corrects expectations.
"""

from qnas_jax.quantum.noise.channels import (
    Channel,
    NoiseModel,
    amplitude_damping,
    bit_flip,
    depolarising,
    depolarising_model,
    kraus_channel,
    phase_flip,
)
from qnas_jax.quantum.noise.density import (
    density_expectation,
    density_probabilities,
    run_density,
)
from qnas_jax.quantum.noise.mitigation import zero_noise_value
from qnas_jax.quantum.noise.readout import correct_readout
from qnas_jax.quantum.noise.trajectories import average, run_trajectory, sample_noisy

__all__ = [
    "Channel",
    "NoiseModel",
    "amplitude_damping",
    "average",
    "bit_flip",
    "correct_readout",
    "density_expectation",
    "density_probabilities",
    "depolarising",
    "depolarising_model",
    "kraus_channel",
    "phase_flip",
    "run_density",
    "run_trajectory",
    "sample_noisy",
    "zero_noise_value",
]
