"""Arrays of users: what is taken, and what is refused in one line."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.quantum import Circuit, Param, apply_circuit, apply_diagonal, run_circuit
from qnas_jax.quantum.ansatz import hardware_efficient
from qnas_jax.quantum.circuit import Operation
from qnas_jax.quantum.conventions import bits_of, index_of
from qnas_jax.quantum.inputs import as_real, as_state, check_numbers, is_known
from qnas_jax.quantum.noise.channels import depolarising
from qnas_jax.quantum.noise.mitigation import fold_global
from qnas_jax.quantum.states import (
    basis_state,
    collapse,
    fidelity,
    marginal,
    plus_state,
    probabilities,
    sample,
    zero_state,
)

KEY = jax.random.key(0)


def test_angles_are_not_rounded_to_whole_costs():
    """exp(-0.3 i d) / 2 by NumPy; <XI> = cos 0.6, its slope -2 sin 0.6."""
    costs = np.arange(4)
    wanted = np.exp(-0.3j * costs) / 2
    for diagonal in (costs, costs.astype(float), jnp.asarray(costs), list(costs)):
        turned = apply_diagonal(plus_state(2), 0.3, diagonal)
        np.testing.assert_allclose(turned, wanted, atol=1e-6)

    def value(angle):
        state = apply_diagonal(plus_state(2), angle, costs)
        return jnp.sum(state[:2].conj() * state[2:]).real * 2

    found = jax.value_and_grad(value)(0.3)
    np.testing.assert_allclose(found, [np.cos(0.6), -2 * np.sin(0.6)], atol=1e-6)


def test_whole_numbers_as_a_state():
    one = np.array([0, 1])
    np.testing.assert_array_equal(probabilities(one), [0, 1])
    np.testing.assert_array_equal(sample(KEY, one, 3), [1, 1, 1])
    np.testing.assert_array_equal(marginal(one, [0]), [0, 1])
    assert fidelity(one, np.array([0.6, 0.8j])) == pytest.approx(0.64)
    flipped = apply_circuit(Circuit(1).add("x", 0), one)
    np.testing.assert_allclose(flipped, [1, 0], atol=1e-6)


def test_kinds_of_numbers():
    assert as_real("x", [1, 2]).dtype == jnp.float32
    assert as_state(np.zeros(2)).dtype == jnp.complex64
    with jax.enable_x64(True):
        assert as_real("x", np.zeros(2)).dtype == np.float64
        assert as_state(np.zeros(2)).dtype == np.complex128
    assert is_known({"a": np.zeros(2)})
    jax.jit(lambda x: check_numbers("x", x * jnp.nan))(1.0)  # No values to look at.


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([1.0, np.inf], {}, "x: got inf at 1, expected a finite number"),
        ([[0, 0], [np.nan, 0]], {"infinite": True}, r"x: got nan at \(1, 0\)"),
        (-np.inf, {"infinite": True}, "x: got -inf, expected a number or infinity"),
        ([0.5, -0.1], {"least": 0.0}, "x: got -0.1 at 1, .* of at least 0"),
        ([1j], {}, "x: got complex numbers, expected real"),
        (["a"], {}, "x: got .* values, expected real"),
    ],
)
def test_numbers_that_are_refused(values, options, message):
    with pytest.raises(ValueError, match=message):
        check_numbers("x", values, **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: basis_state(1, 2), r"index 2, expected one in \[0, 2\*\*1\)"),
        (lambda: basis_state(2, -1), "index -1"),
        (lambda: basis_state(2, 0.5), "got float.. basis indices, expected integers"),
        (lambda: zero_state(-1), "got -1 qubits"),
        (lambda: zero_state(31), "state: got 31 qubits, expected at most 30"),
        (lambda: plus_state(64), "state: got 64 qubits"),
        (lambda: run_circuit(Circuit(31).add("h", 0)), "circuit: got 31 qubits"),
        (lambda: bits_of([4], 2), "basis index 4"),
        (lambda: bits_of([0.5], 2), "expected integers"),
        (lambda: index_of([0, 2]), "other than 0 and 1"),
        (lambda: index_of(np.zeros(32, int)), "n at most 31"),
        (lambda: sample(KEY, zero_state(1), 0), "shots: got 0"),
        (lambda: sample(KEY, zero_state(1), -3), "shots: got -3"),
        (lambda: marginal(zero_state(2), [0.5]), "expected whole numbers"),
        (lambda: marginal(zero_state(2), [0, 0]), "repeated"),
        (lambda: fidelity(zero_state(1), zero_state(2)), r"qubits, expected equals"),
        (lambda: apply_diagonal(zero_state(1), 0.1, np.zeros(4)), r"diagonal \(4,\)"),
        (lambda: apply_diagonal(zero_state(1), 1j, np.zeros(2)), "angle: got complex"),
        (lambda: apply_diagonal(zero_state(1), 1.0, [1j, 0]), "diagonal: got complex"),
        (lambda: sample(KEY, np.zeros(2), 3), "got a squared norm of 0.0"),
        (lambda: sample(KEY, [np.nan, 0], 3), "got a squared norm of nan"),
        (lambda: collapse(KEY, np.zeros(2), [0]), "got a squared norm of 0.0"),
        (lambda: hardware_efficient(2, -1), "depth: got -1"),
        (lambda: depolarising(1j), "depolarising: got complex"),
        (lambda: fold_global(Circuit(1).add("x", 0), np.inf), "noise scale: got inf"),
        (
            lambda: run_circuit(Circuit(1).add("rx", 0, Param(0)), [np.nan]),
            "params: got nan at 0",
        ),
        (lambda: Circuit(1).add("rx", 0, np.nan), "rx: got angle nan"),
        (lambda: Circuit(1).add("rx", 0, 1j), "rx: got angle 1j"),
        (lambda: Circuit(1).add("rx", 0, "pi"), "rx: got angle 'pi'"),
        (lambda: Circuit(2).add("x", 0.5), "qubits: got 0.5, expected whole"),
        (lambda: Operation("x", (0.5,)), "expected integers"),
        (lambda: Operation("rx", (0,), (np.inf,)), "rx: got angle inf"),
        (lambda: Param(0.5), "Param index is 0.5"),
        (lambda: Param(0, np.nan), "Param scale: got angle nan"),
        (
            lambda: run_circuit(Circuit(1).add("rx", 0, Param(0)), np.array([1j])),
            "params: got complex",
        ),
    ],
)
def test_what_is_refused_is_one_line(call, message):
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
