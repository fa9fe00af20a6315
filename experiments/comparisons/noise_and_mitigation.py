"""QAOA on a ring under growing gate noise, and what mitigation wins back.

Max-Cut of a ring by QAOA at its best angles. Gates on two qubits are followed by
depolarising with probability p, gates on one qubit with p / 10, and every measured bit
is misread with the same small chance. Cuts are shares of the largest one:

    noiseless       of the state without noise
    noisy           of the density matrix: gate noise only
    trajectories    the same as an average over random states, with its standard error
    misread         gate noise and readout errors, exactly
    corrected       from shots with both, readout errors taken out
    linear, richardson, exponential
                    zero-noise extrapolation of `noisy` over foldings 1, 3, 5; the
                    exponential knows that pure noise cuts half of the edges

python -m experiments.comparisons.noise_and_mitigation [--qubits=8]
    [--figure=noise.png] [--out=...]
"""

import functools
import pathlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize
from absl import app, flags
from jax import Array

from experiments.measuring.rows import table, write_rows
from qnas_jax.quantum.circuit import Circuit, Param
from qnas_jax.quantum.conventions import bits_of
from qnas_jax.quantum.noise.channels import NoiseModel, depolarising_model
from qnas_jax.quantum.noise.density import density_probabilities, run_density
from qnas_jax.quantum.noise.mitigation import Extrapolation, zero_noise_value
from qnas_jax.quantum.noise.readout import correct_readout
from qnas_jax.quantum.noise.trajectories import average, sample_noisy
from qnas_jax.quantum.simulate import run_circuit
from qnas_jax.quantum.states import probabilities
from qnas_jax.reporting import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEVELS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
METHODS: tuple[Extrapolation, ...] = ("linear", "richardson", "exponential")


def qaoa_on_ring(num_qubits: int, layers: int) -> Circuit:
    """QAOA of Max-Cut on a ring; parameters are gamma, beta of each layer in turn."""
    circuit = Circuit(num_qubits)
    for qubit in range(num_qubits):
        circuit = circuit.add("h", qubit)
    for layer in range(layers):
        for qubit in range(num_qubits):
            pair = (qubit, (qubit + 1) % num_qubits)
            circuit = circuit.add("rzz", pair, Param(2 * layer))
        for qubit in range(num_qubits):
            circuit = circuit.add("rx", qubit, Param(2 * layer + 1, 2.0))
    return circuit


def cut_shares(num_qubits: int) -> Array:
    """Share of the ring's edges that each basis state cuts, float32 [2^n]."""
    bits = np.asarray(bits_of(np.arange(2**num_qubits), num_qubits))
    return jnp.asarray((bits != np.roll(bits, 1, axis=1)).mean(axis=1), jnp.float32)


def best_angles(circuit: Circuit, shares: Array) -> Array:
    """Angles with the largest expected cut, by BFGS from several starts."""

    @jax.jit
    @jax.value_and_grad
    def loss(angles: Array) -> Array:
        return -probabilities(run_circuit(circuit, angles)) @ shares

    starts = np.random.default_rng(0).uniform(0, 1, (8, circuit.num_params))
    results = [
        scipy.optimize.minimize(
            lambda x: tuple(np.asarray(v, float) for v in loss(jnp.float32(x))),
            start,
            jac=True,
            method="L-BFGS-B",
        )
        for start in starts
    ]
    # Several optima are equal without noise; the smallest angles are a lasting choice.
    ranks = [(round(result.fun, 4), np.abs(result.x).sum()) for result in results]
    return jnp.float32(results[ranks.index(min(ranks))].x)


def run(
    num_qubits: int = 8,
    layers: int = 2,
    levels: Sequence[float] = LEVELS,
    readout: float = 0.02,
    num_trajectories: int = 2000,
    shots: int = 8192,
) -> Iterator[dict[str, Any]]:
    """Yields a row for each noise level.

    Args:
      num_qubits: n, at most about 10.
      layers: of QAOA.
      levels: p of gates on two qubits.
      readout: chance of a misread bit.
      num_trajectories: for the mean over random states.
      shots: for the corrected value.
    """
    circuit, shares = qaoa_on_ring(num_qubits, layers), cut_shares(num_qubits)
    angles = best_angles(circuit, shares)
    noiseless = float(probabilities(run_circuit(circuit, angles)) @ shares)
    for row, level in enumerate(levels):
        trajectory_key, shot_key = jax.random.split(
            jax.random.fold_in(jax.random.key(0), row)
        )
        noise = depolarising_model(level / 10, level, readout)
        estimate = average(
            trajectory_key,
            circuit,
            noise,
            lambda state: probabilities(state) @ shares,
            angles,
            num_trajectories=num_trajectories,
        )
        read = sample_noisy(shot_key, circuit, noise, angles, shots=shots)
        frequencies = jnp.bincount(read, length=2**num_qubits) / shots
        exact = _exact_cuts(circuit, angles, shares, noise)
        yield {
            "p": level,
            "noiseless": noiseless,
            "noisy": exact["noisy"],
            "trajectories": float(estimate.value),
            "standard error": float(estimate.standard_error),
            "misread": exact["misread"],
            "corrected": float(correct_readout(frequencies, noise.readout) @ shares),
            **{method: exact[method] for method in METHODS},
        }


def _exact_cuts(
    circuit: Circuit, angles: Array, shares: Array, noise: NoiseModel
) -> dict[str, float]:
    """What follows from density matrices: noisy, misread and extrapolated cuts."""

    @functools.cache
    def density(folded: Circuit) -> Array:
        return run_density(folded, noise, angles)

    def cut(folded: Circuit) -> float:
        return float(density_probabilities(density(folded)) @ shares)

    misread = density_probabilities(density(circuit), noise.readout)
    extrapolated: dict[str, float] = {
        method: zero_noise_value(circuit, cut, method=method, asymptote=0.5).value
        for method in METHODS
    }
    return {"noisy": cut(circuit), "misread": float(misread @ shares), **extrapolated}


@style.png
def draw(rows: Sequence[dict[str, Any]]) -> "Figure":
    """Cuts over noise, and how far each is from the one without noise."""
    figure = style.new_figure(9.5, 3.8)
    left, right = figure.subplots(1, 2)
    column = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    noise = column["p"]
    left.axhline(column["noiseless"][0], color=style.INK, linestyle=":")
    left.annotate("no noise", (noise[0], column["noiseless"][0]), va="bottom")
    left.errorbar(
        noise,
        column["trajectories"],
        yerr=2 * column["standard error"],
        fmt="o",
        color=style.GREY,
        markersize=5,
        capsize=3,
        label="trajectories, 2 s.e.",
    )
    lines = {
        "noisy": (style.BLUE, "density matrix"),
        "misread": (style.VERMILLION, "and misread bits"),
        "corrected": (style.ORANGE, "shots, corrected bits"),
        "linear": (style.SKY, "extrapolated: linear"),
        "richardson": (style.GREEN, "extrapolated: Richardson"),
        "exponential": (style.PURPLE, "extrapolated: exponential"),
    }
    for name, (color, label) in lines.items():
        style.plot_line(left, noise, column[name], color, label)
        error = np.abs(column[name] - column["noiseless"])
        style.plot_line(right, noise, error, color, label)
    left.set(title="Expected cut", ylabel="share of the largest cut")
    right.set(title="Distance from the value without noise", yscale="log")
    for axes in (left, right):
        axes.set(xscale="log", xlabel="depolarising probability of a two-qubit gate")
        axes.xaxis.set_major_formatter("{x:g}")
    right.yaxis.set_major_formatter("{x:g}")
    left.legend(loc="lower left")
    return figure


def main(argv: Sequence[str]) -> None:
    """Prints the table and draws the figure."""
    del argv
    rows = list(run(_QUBITS.value, _LAYERS.value))
    print(table(rows, list(rows[0])))
    write_rows(_OUT.value, rows)
    if _FIGURE.value:
        pathlib.Path(_FIGURE.value).write_bytes(draw(rows))


if __name__ == "__main__":
    _QUBITS = flags.DEFINE_integer("qubits", 8, "qubits of the ring")
    _LAYERS = flags.DEFINE_integer("layers", 2, "layers of QAOA")
    _FIGURE = flags.DEFINE_string("figure", None, "PNG file for the figure")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    app.run(main)
