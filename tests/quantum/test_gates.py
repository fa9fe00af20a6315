"""Gate matrices against Kronecker products and against published definitions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dense_circuits import MATRICES

from qnas_jax.quantum.gates import GATES, INVERSES

ANGLES = (0.7, -1.3, 2.1)


def test_all_gates_have_an_independent_definition():
    assert set(GATES) == set(MATRICES)
    assert all(name == gate.name for name, gate in GATES.items())


@pytest.mark.parametrize("name", sorted(GATES))
def test_matrix_is_the_independent_one(name):
    gate = GATES[name]
    angles = ANGLES[: gate.num_params]
    expected = MATRICES[name](*angles)
    assert expected.shape == (2**gate.num_qubits,) * 2
    np.testing.assert_allclose(gate.matrix(*angles), expected, atol=1e-6)
    with jax.enable_x64(True):
        double = gate.matrix(*(jnp.asarray(angle) for angle in angles))
        assert double.dtype == jnp.complex128
        np.testing.assert_allclose(double, expected, atol=1e-12)


@pytest.mark.parametrize("name", sorted(GATES))
def test_matrix_is_that_of_qiskit(name):
    from qiskit.circuit.library import get_standard_gate_name_mapping

    gate = GATES[name]
    angles = ANGLES[: gate.num_params]
    theirs = get_standard_gate_name_mapping()[name].base_class(*angles).to_matrix()
    order = np.arange(2**gate.num_qubits).reshape((2,) * gate.num_qubits).T.reshape(-1)
    np.testing.assert_allclose(
        gate.matrix(*angles), theirs[np.ix_(order, order)], atol=1e-6
    )


def test_values_by_hand():
    root = np.sqrt(0.5)
    np.testing.assert_allclose(GATES["h"].matrix(), [[root, root], [root, -root]], 1e-6)
    np.testing.assert_allclose(
        GATES["rx"].matrix(np.pi / 2), [[root, -1j * root], [-1j * root, root]], 1e-6
    )
    np.testing.assert_allclose(
        GATES["ry"].matrix(np.pi / 2), [[root, -root], [root, root]], 1e-6
    )
    np.testing.assert_allclose(np.diag(GATES["rz"].matrix(np.pi)), [-1j, 1j], atol=1e-6)


def test_inverses_are_inverse():
    for name, other in INVERSES.items():
        product = GATES[name].matrix() @ GATES[other].matrix()
        np.testing.assert_allclose(product, np.eye(2), atol=1e-6)
