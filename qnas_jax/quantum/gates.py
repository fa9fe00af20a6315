"""Gates by the names of OpenQASM 3, with their matrices.

The definitions are those of the OpenQASM 3 standard library (Cross et al., "OpenQASM
3", ACM Trans. Quantum Computing 2022): rx, ry, rz, rxx, ryy, rzz are exp(-i angle/2 P),
p(angle) = diag(1, exp(i angle)), and u(theta, phi, lam) = p(phi) ry(theta) p(lam).
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

_X = np.array([[0, 1], [1, 0]])
_Y = np.array([[0, -1j], [1j, 0]])
_Z = np.array([[1, 0], [0, -1]])
_H = np.array([[1, 1], [1, -1]]) / np.sqrt(2)
_SX = np.array([[1 + 1j, 1 - 1j], [1 - 1j, 1 + 1j]]) / 2
_SWAP = np.eye(4)[[0, 2, 1, 3]]


@dataclasses.dataclass(frozen=True)
class Gate:
    """A gate.

    Attributes:
      name: as in OpenQASM 3.
      num_qubits: k.
      num_params: angles it takes, in radians.
      matrix: function of the angles that gives the complex [2**k, 2**k] matrix; the
        first qubit is the most significant bit.
    """

    name: str
    num_qubits: int
    num_params: int
    matrix: Callable[..., jax.Array]


def control(matrix: jax.Array, num_controls: int = 1) -> jax.Array:
    """Matrix that acts if all controls are one; the controls come first.

    Args:
      matrix: [2**k, 2**k].
      num_controls: c.

    Returns:
      [2**(c + k), 2**(c + k)].
    """
    size = matrix.shape[0]
    full = jnp.eye(size << num_controls, dtype=matrix.dtype)
    return full.at[-size:, -size:].set(matrix)


def pauli_rotation(pauli: np.ndarray, angle: jax.typing.ArrayLike) -> jax.Array:
    """exp(-i angle/2 P), complex [d, d]; P [d, d] of square 1, angle [] in radians."""
    half = jnp.asarray(angle) / 2
    size = pauli.shape[0]
    return jnp.cos(half) * jnp.eye(size) - 1j * jnp.sin(half) * jnp.asarray(
        pauli.astype(complex)
    )


def phase(angle: jax.typing.ArrayLike) -> jax.Array:
    """diag(1, exp(i angle)), complex [2, 2]; angle [] in radians."""
    angle = jnp.asarray(angle)
    return jnp.diag(jnp.stack([jnp.ones_like(angle) + 0j, jnp.exp(1j * angle)]))


def general_rotation(
    theta: jax.typing.ArrayLike,
    phi: jax.typing.ArrayLike,
    lam: jax.typing.ArrayLike,
) -> jax.Array:
    """p(phi) ry(theta) p(lam), complex [2, 2]; angles [] in radians."""
    left, right = (jnp.exp(1j * jnp.asarray(angle)) for angle in (phi, lam))
    half = jnp.asarray(theta) / 2
    cos, sin = jnp.cos(half) + 0j, jnp.sin(half) + 0j
    rows = [[cos, -right * sin], [left * sin, left * right * cos]]
    return jnp.stack([jnp.stack(row) for row in rows])


def _constant(name: str, matrix: np.ndarray) -> Gate:
    num_qubits = matrix.shape[0].bit_length() - 1
    return Gate(name, num_qubits, 0, lambda: jnp.asarray(matrix.astype(complex)))


def _rotation(name: str, pauli: np.ndarray) -> Gate:
    num_qubits = pauli.shape[0].bit_length() - 1
    return Gate(name, num_qubits, 1, lambda angle: pauli_rotation(pauli, angle))


def _controlled(name: str, gate: Gate) -> Gate:
    return Gate(
        name,
        gate.num_qubits + 1,
        gate.num_params,
        lambda *params: control(gate.matrix(*params)),
    )


def _registry() -> dict[str, Gate]:
    base = [
        _constant("h", _H),
        _constant("x", _X),
        _constant("y", _Y),
        _constant("z", _Z),
        _constant("s", np.diag([1, 1j])),
        _constant("sdg", np.diag([1, -1j])),
        _constant("t", np.diag([1, np.exp(0.25j * np.pi)])),
        _constant("tdg", np.diag([1, np.exp(-0.25j * np.pi)])),
        _constant("sx", _SX),
        _constant("sxdg", _SX.conj()),
        _rotation("rx", _X),
        _rotation("ry", _Y),
        _rotation("rz", _Z),
        Gate("p", 1, 1, phase),
        Gate("u", 1, 3, general_rotation),
        _constant("swap", _SWAP),
        _rotation("rxx", np.kron(_X, _X)),
        _rotation("ryy", np.kron(_Y, _Y)),
        _rotation("rzz", np.kron(_Z, _Z)),
    ]
    gates = {gate.name: gate for gate in base}
    for name, bare in CONTROLLED.items():
        gates[name] = _controlled(name, gates[bare])
    return gates


CONTROLLED: dict[str, str] = {
    "c" + name: name for name in ("x", "y", "z", "h", "rx", "ry", "rz", "p")
}
"""Gates whose first qubit is a control, and what they do to the second."""

GATES: dict[str, Gate] = _registry()

INVERSES: dict[str, str] = {
    "s": "sdg",
    "sdg": "s",
    "t": "tdg",
    "tdg": "t",
    "sx": "sxdg",
    "sxdg": "sx",
}
"""Gates without parameters whose inverse is another gate; all others are their own."""
