"""Channels: complete, by their Bloch factors, and refused where they make no sense."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.quantum.circuit import Circuit, Operation
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
from qnas_jax.quantum.noise.density import apply_noisy

X, Y, Z = (
    np.array([[0, 1], [1, 0]], complex),
    np.array([[0, -1j], [1j, 0]]),
    np.diag([1, -1]).astype(complex),
)
BLOCH = np.array([0.3, -0.4, 0.5])


def bloch_after(channel: Channel) -> np.ndarray:
    """The Bloch vector of a qubit after gates that do nothing, and the channel."""
    rho = (np.eye(2) + np.einsum("i,iab->ab", BLOCH, np.stack([X, Y, Z]))) / 2
    noise = NoiseModel(after_gate=(("s", channel),))
    circuit = Circuit(1).add("sdg", 0).add("s", 0)
    after = apply_noisy(circuit, noise, jnp.asarray(rho, jnp.complex64))
    return np.array([np.trace(np.asarray(after) @ p).real for p in (X, Y, Z)])


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        # (1 - p) of everything.
        (depolarising(0.2), [0.24, -0.32, 0.4]),
        # p = 4/3: X, Y, Z with a third each turn the vector round, to -1/3 of it.
        (depolarising(4 / 3), [-0.1, 0.4 / 3, -0.5 / 3]),
        # 1 - 2p = 0.4 across the axis of the flip.
        (bit_flip(0.3), [0.3, -0.16, 0.2]),
        (phase_flip(0.3), [0.12, -0.16, 0.5]),
        # sqrt(0.64) = 0.8 across, 0.36 + 0.64 * 0.5 along.
        (amplitude_damping(0.36), [0.24, -0.32, 0.68]),
    ],
    ids=lambda value: value.name if isinstance(value, Channel) else "",
)
def test_bloch_vectors_by_hand(channel, expected):
    np.testing.assert_allclose(bloch_after(channel), expected, atol=1e-6)


def test_depolarising_two_qubits_has_fifteen_equal_errors():
    operators = depolarising(0.16, 2).operators
    norms = np.einsum("iab,iab->i", operators.conj(), operators).real / 4
    np.testing.assert_allclose(norms, [0.85] + [0.01] * 15, atol=1e-12)


def test_incomplete_operators_are_refused():
    with pytest.raises(
        ValueError, match=r"half: sum of K\^\+ K differs from 1 by 0.75"
    ):
        kraus_channel("half", [0.5 * np.eye(2)])


@pytest.mark.parametrize(
    "kraus",
    [(), (((1.0,),),), (((1, 0), (0, 1)), ((0,),)), (((1, 0, 0), (0, 1, 0)),)],
)
def test_operators_of_wrong_sizes_are_refused(kraus):
    with pytest.raises(ValueError, match="square matrices of one size"):
        Channel("wrong", kraus)


def test_a_single_matrix_is_no_list_of_operators():
    with pytest.raises(ValueError, match=r"got Kraus operators of shape \(2, 2\)"):
        kraus_channel("flat", np.eye(2))


@pytest.mark.parametrize(
    "make", [bit_flip, phase_flip, amplitude_damping, depolarising]
)
@pytest.mark.parametrize("value", [-0.1, 1.4, math.nan])
def test_chances_out_of_range_are_refused(make, value):
    with pytest.raises(ValueError, match=f"{make.__name__}: got {value}"):
        make(value)


def test_channels_follow_names_first_then_sizes():
    model = NoiseModel(
        after_gate=(("rz", phase_flip(0.1)), ("ccx", bit_flip(0.2))),
        after_size=((1, bit_flip(0.3)), (2, depolarising(0.1, 2))),
    )
    assert model.channels_after(Operation("rz", (1,), (0.3,))) == (
        (phase_flip(0.1), (1,)),
    )
    assert model.channels_after(Operation("h", (2,))) == ((bit_flip(0.3), (2,)),)
    assert model.channels_after(Operation("cx", (2, 0))) == (
        (depolarising(0.1, 2), (2, 0)),
    )
    toffoli = Operation("x", (3, 1, 0), (), 2)
    assert model.channels_after(toffoli) == tuple(
        (bit_flip(0.2), (qubit,)) for qubit in (3, 1, 0)
    )
    assert model.channels_after(Operation("z", (0, 1, 2), (), 2)) == ()
    assert hash(model) == hash(
        NoiseModel(after_gate=model.after_gate, after_size=model.after_size)
    )


def test_a_channel_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"size 3: .* acts on 2 qubits, .* of 3 as"):
        NoiseModel(after_size=((3, depolarising(0.1, 2)),))
    with pytest.raises(ValueError, match=r"'ccx': .* acts on 2 qubits"):
        NoiseModel(after_gate=(("ccx", depolarising(0.1, 2)),))


@pytest.mark.parametrize("name", ["cnot", "CX", "", "c", "X", "toffoli", "cc"])
def test_names_that_no_gate_has_are_refused(name):
    with pytest.raises(ValueError, match=f"after_gate: got {name!r}, expected a gate"):
        NoiseModel(after_gate=((name, bit_flip(0.1)),))


@pytest.mark.parametrize("size", [0, -1, 1.5])
def test_gates_have_whole_sizes(size):
    with pytest.raises(ValueError, match=f"after_size: got {size}"):
        NoiseModel(after_size=((size, bit_flip(0.1)),))


def test_a_name_twice_and_a_wrong_readout_are_refused():
    pair = ("x", bit_flip(0.1))
    with pytest.raises(ValueError, match="expected each only once"):
        NoiseModel(after_gate=(pair, pair))
    with pytest.raises(ValueError, match="two chances in"):
        NoiseModel(readout=((0.1, 1.2),))


def test_the_uniform_model():
    model = depolarising_model(0.01, 0.05, readout=0.02)
    assert model.channels_after(Operation("swap", (0, 1)))[0][0].num_qubits == 2
    assert model.readout == ((0.02, 0.02),)
    assert depolarising_model(0.01, 0.05).readout == ()
