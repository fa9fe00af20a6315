"""Folding against mitiq's, extrapolation by hand, and what it gains on noise."""

import jax.numpy as jnp
import numpy as np
import pytest
from noisy_circuits import random_circuit

from qnas_jax.quantum.circuit import Circuit, Param
from qnas_jax.quantum.noise.channels import NoiseModel, depolarising_model
from qnas_jax.quantum.noise.density import density_expectation, run_density
from qnas_jax.quantum.noise.mitigation import (
    FOLDINGS,
    extrapolate,
    fold_global,
    fold_local,
    zero_noise_value,
)
from qnas_jax.quantum.observables import PauliSum
from qnas_jax.quantum.simulate import run_circuit

OBSERVABLE = PauliSum(2, ("ZZ", "XI"), (1.0, 0.5))
ANGLES = jnp.array([0.4, 1.1])


def two_qubits() -> Circuit:
    circuit = Circuit(2).add("ry", 0, Param(0)).add("cx", (0, 1))
    return circuit.add("ry", 1, Param(1)).add("t", 0).add("rzz", (0, 1), 0.3)


def measured(noise):
    return lambda circuit: float(
        density_expectation(run_density(circuit, noise, ANGLES), OBSERVABLE)
    )


@pytest.mark.parametrize("fold", FOLDINGS.values(), ids=FOLDINGS)
@pytest.mark.parametrize("scale", [1.0, 1.4, 3.0, 4.2])
def test_folded_circuits_do_the_same(fold, scale):
    circuit = random_circuit(21, 3, 10)
    folded = fold(circuit, scale)
    assert len(folded.operations) == pytest.approx(10 * scale, abs=1)
    np.testing.assert_allclose(run_circuit(folded), run_circuit(circuit), atol=1e-5)


def test_partial_folds_by_hand():
    circuit = Circuit(1).add("x", 0).add("s", 0).add("t", 0)

    def names(folded):
        return [operation.gate for operation in folded.operations]

    assert names(fold_global(circuit, 5 / 3)) == ["x", "s", "t", "tdg", "t"]
    assert names(fold_local(circuit, 5 / 3)) == ["x", "x", "x", "s", "t"]
    whole = ["x", "s", "t", "tdg", "sdg", "x", "x", "s", "t"]
    assert names(fold_global(circuit, 3)) == whole
    assert names(fold_local(circuit, 3)) == [
        *["x", "x", "x"],
        *["s", "sdg", "s"],
        *["t", "tdg", "t"],
    ]


@pytest.mark.parametrize("scale", [3.0, 5.0])
def test_folding_is_that_of_mitiq(scale):
    """The same gates in the same order, for a circuit with one gate a moment."""
    import cirq
    from mitiq.zne import scaling

    line = cirq.LineQubit.range(2)
    theirs = cirq.Circuit(cirq.T(line[0]), cirq.CNOT(*line), cirq.S(line[1]))
    ours = Circuit(2).add("t", 0).add("cx", (0, 1)).add("s", 1)
    pairs = {"global": scaling.fold_global, "local": scaling.fold_all}
    for name, fold in pairs.items():
        folded = list(fold(theirs, scale).all_operations())
        mine = FOLDINGS[name](ours, scale).operations
        qubits = [tuple(line.index(q) for q in op.qubits) for op in folded]
        assert [op.qubits for op in mine] == qubits
        names = {cirq.T: "t", cirq.T**-1: "tdg", cirq.S: "s", cirq.S**-1: "sdg"}
        assert [op.gate for op in mine] == [names.get(op.gate, "cx") for op in folded]


def test_extrapolation_by_hand():
    assert extrapolate([1, 3], [0.8, 0.4], method="linear") == pytest.approx(1.0)
    # 1 - 0.2 s + 0.01 s^2
    parabola = [0.81, 0.49, 0.25]
    assert extrapolate([1, 3, 5], parabola) == pytest.approx(1.0)
    falling = [0.9 * np.exp(-0.2 * s) + 0.05 for s in (1, 2, 3, 4)]
    for asymptote in (0.05, None):
        value = extrapolate(
            [1, 2, 3, 4], falling, method="exponential", asymptote=asymptote
        )
        assert value == pytest.approx(0.95, abs=1e-5)


@pytest.mark.parametrize("decay", [0.0, 1e-5, 0.002, 0.04, 0.2])
def test_an_exponential_of_unknown_asymptote_always_converges(decay):
    """In single precision, as measured: slow decays are nearly a line."""
    scales = [1, 3, 5, 7]
    values = [float(np.float32(np.exp(-decay * scale))) for scale in scales]
    value = extrapolate(scales, values, method="exponential")
    assert value == pytest.approx(1.0, abs=2e-6)


def test_an_exponential_without_decay_but_with_noise_stays_near():
    values = 0.5 + 1e-3 * np.random.default_rng(0).normal(size=5)
    value = extrapolate([1, 2, 3, 4, 5], list(values), method="exponential")
    assert value == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("folding", list(FOLDINGS))
@pytest.mark.parametrize("method", ["linear", "richardson", "exponential"])
def test_it_comes_closer_to_the_value_without_noise(folding, method):
    exact = measured(NoiseModel())(two_qubits())
    noisy = measured(depolarising_model(0.01, 0.03))
    result = zero_noise_value(
        two_qubits(), noisy, folding=folding, method=method, asymptote=0.0
    )
    error = abs(result.noisy_values[0] - exact)
    assert result.scales == (1.0, 3.0, 5.0)
    assert result.noisy_values[0] == pytest.approx(noisy(two_qubits()))
    assert abs(result.value - exact) < (0.35 if method == "linear" else 0.1) * error


def test_what_cannot_be_is_refused():
    circuit = two_qubits()
    with pytest.raises(ValueError, match="folding: got 'sideways'"):
        zero_noise_value(circuit, lambda _: 0.0, folding="sideways")
    with pytest.raises(ValueError, match="method: got 'cubic'"):
        zero_noise_value(circuit, lambda _: 0.0, method="cubic")
    with pytest.raises(ValueError, match="expected distinct ones"):
        zero_noise_value(circuit, lambda _: 0.0, scales=(1.0, 1.1))
    with pytest.raises(ValueError, match="at least 4"):
        extrapolate([1, 3, 5], [0.9, 0.8, 0.7], method="exponential")
    with pytest.raises(ValueError, match="scales: got .* expected distinct"):
        extrapolate([1, 1], [0.9, 0.8], method="linear")
    with pytest.raises(ValueError, match="values: got nan at 1"):
        extrapolate([1, 3], [0.9, np.nan], method="linear")
    with pytest.raises(ValueError, match="noise scale: got 0.5"):
        fold_global(circuit, 0.5)
    with pytest.raises(ValueError, match="without gates"):
        fold_local(Circuit(1), 3)
