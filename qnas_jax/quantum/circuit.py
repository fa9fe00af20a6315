"""Circuits as values: immutable, hashable, so that they can be static under `jax.jit`.

    circuit = Circuit(2).add("h", 0).add("cx", (0, 1)).add("rz", 1, Param(0))

A parameter of a gate is a number or a `Param`, a linear function of one entry of the
parameter vector that is given when the circuit runs.
"""

import dataclasses
import functools
import math
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.quantum.conventions import check_qubits
from qnas_jax.quantum.gates import GATES, INVERSES


@dataclasses.dataclass(frozen=True)
class Param:
    """The angle scale * params[index] + offset, in radians.

    Attributes:
      index: entry of the parameter vector, at least 0.
      scale: factor.
      offset: summand.
    """

    index: int
    scale: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.index, int | np.integer) or self.index < 0:
            raise UserError(f"Param index is {self.index}; an integer that starts at 0")
        for name in ("scale", "offset"):
            _check_angle(f"Param {name}", getattr(self, name))

    def __neg__(self) -> "Param":
        return Param(self.index, -self.scale, -self.offset)


Angle = float | Param


@dataclasses.dataclass(frozen=True)
class Operation:
    """A gate on some qubits.

    Attributes:
      gate: name in `gates.GATES`.
      qubits: distinct; additional controls first, then the qubits of the gate in its
        own order (a "cx" has its own control before its target).
      params: angles in radians, as many as the gate takes.
      num_controls: how many of `qubits` are additional controls; the gate acts where
        all of them are one.
    """

    gate: str
    qubits: tuple[int, ...]
    params: tuple[Angle, ...] = ()
    num_controls: int = 0

    def __post_init__(self) -> None:
        if self.gate not in GATES:
            raise UserError(f"no gate {self.gate!r}; gates are {', '.join(GATES)}")
        gate = GATES[self.gate]
        wanted = gate.num_qubits + self.num_controls
        if self.num_controls < 0 or len(self.qubits) != wanted:
            raise UserError(
                f"{self.gate} with {self.num_controls} additional controls takes "
                f"{wanted} qubits, got {self.qubits}"
            )
        if len(self.params) != gate.num_params:
            raise UserError(
                f"{self.gate} takes {gate.num_params} parameters, got {self.params}"
            )
        for angle in self.params:
            if not isinstance(angle, Param):
                _check_angle(self.gate, angle)
        if not all(isinstance(qubit, int | np.integer) for qubit in self.qubits):
            raise UserError(f"{self.gate}: got qubits {self.qubits}, expected integers")
        if len(set(self.qubits)) != len(self.qubits):
            raise UserError(f"{self.gate} has repeated qubits {self.qubits}")

    def inverse(self) -> "Operation":
        """The operation that undoes this one."""
        params = tuple(-angle for angle in self.params)
        if self.gate == "u":
            params = (params[0], params[2], params[1])
        name = INVERSES.get(self.gate, self.gate)
        return Operation(name, self.qubits, params, self.num_controls)


@dataclasses.dataclass(frozen=True)
class Circuit:
    """Operations in the order in which they act.

    Attributes:
      num_qubits: n, at least 1.
      operations: what acts, first to last.

    Raises:
      UserError: an operation names a qubit outside [0, n).
    """

    num_qubits: int
    operations: tuple[Operation, ...] = ()

    def __post_init__(self) -> None:
        if self.num_qubits < 1:
            raise UserError(f"a circuit has at least 1 qubit, got {self.num_qubits}")
        for operation in self.operations:
            if (
                not 0
                <= min(operation.qubits)
                <= max(operation.qubits)
                < (self.num_qubits)
            ):
                check_qubits(operation.qubits, self.num_qubits)

    @functools.cached_property
    def num_params(self) -> int:
        """Length of the parameter vector: one more than the largest index used."""
        used = [
            angle.index
            for operation in self.operations
            for angle in operation.params
            if isinstance(angle, Param)
        ]
        return max(used, default=-1) + 1

    @functools.cached_property
    def _hash(self) -> int:
        return hash((self.num_qubits, self.operations))

    def __hash__(self) -> int:
        return self._hash

    def add(
        self,
        gate: str,
        qubits: int | Iterable[int],
        *params: Angle,
        controls: int | Iterable[int] = (),
    ) -> "Circuit":
        """This circuit and one more gate.

        Args:
          gate: name in `gates.GATES`.
          qubits: the qubits of the gate, in its order.
          *params: its angles, numbers or `Param`.
          controls: additional controls.

        Returns:
          A new circuit.

        Raises:
          UserError: unknown gate, wrong number of qubits or parameters, a qubit that
            is out of range or repeated.
        """
        extra, own = as_qubits(controls), as_qubits(qubits)
        for angle in params:
            if not isinstance(angle, Param):
                _check_angle(gate, angle)
        angles = tuple(p if isinstance(p, Param) else float(p) for p in params)
        operation = Operation(gate, extra + own, angles, len(extra))
        return Circuit(self.num_qubits, (*self.operations, operation))

    def then(self, other: "Circuit") -> "Circuit":
        """This circuit followed by another one on the same qubits and parameters.

        Raises:
          UserError: the numbers of qubits differ.
        """
        if other.num_qubits != self.num_qubits:
            raise UserError(
                f"circuits of {self.num_qubits} and {other.num_qubits} qubits cannot "
                "follow each other"
            )
        return Circuit(self.num_qubits, self.operations + other.operations)

    def inverse(self) -> "Circuit":
        """The circuit that undoes this one, with the same parameters."""
        undone = tuple(op.inverse() for op in reversed(self.operations))
        return Circuit(self.num_qubits, undone)


def as_qubits(qubits: int | Iterable[int]) -> tuple[int, ...]:
    """One qubit or several as a tuple; UserError if they are no whole numbers."""
    several = tuple(qubits) if isinstance(qubits, Iterable) else (qubits,)
    try:
        return tuple(operator.index(qubit) for qubit in several)
    except TypeError:
        raise UserError(f"qubits: got {qubits!r}, expected whole numbers") from None


def _check_angle(name: str, angle: Any) -> None:
    try:
        is_number = math.isfinite(angle)
    except (TypeError, OverflowError):
        is_number = False
    if not is_number:
        raise UserError(
            f"{name}: got angle {angle!r}, expected a finite number of radians; what "
            "changes from run to run is a Param"
        )
