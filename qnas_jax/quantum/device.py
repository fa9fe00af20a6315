"""Limits of real devices: which qubits are coupled, which gates exist.

`transpile` rewrites a circuit for a device through Qiskit's transpiler (SABRE routing:
Li, Ding & Xie, "Tackling the qubit mapping problem", ASPLOS 2019) and counts the costs.
"""

import dataclasses
from collections import Counter
from typing import Any

from qnas_jax.errors import UserError
from qnas_jax.quantum.circuit import Circuit
from qnas_jax.quantum.conventions import check_qubits
from qnas_jax.quantum.formats.qiskit_circuits import (
    from_qiskit,
    import_qiskit,
    to_qiskit,
)
from qnas_jax.quantum.gates import GATES

BASIS_GATES = ("rz", "sx", "x", "cx")
"""What superconducting devices offer; rz costs no time there."""

_ROUTING = {"SabreLayout", "SabreSwap", "BasicSwap", "LookaheadSwap"}


@dataclasses.dataclass(frozen=True)
class Device:
    """A device.

    Attributes:
      name: what reports call it.
      num_qubits: N.
      couplings: pairs of qubits that a gate may act on, in either direction.
      basis_gates: names of the gates it has, all of them in `gates.GATES`.

    Raises:
      UserError: a coupling of qubits that it lacks, or a gate that is none.
    """

    name: str
    num_qubits: int
    couplings: tuple[tuple[int, int], ...]
    basis_gates: tuple[str, ...] = BASIS_GATES

    def __post_init__(self) -> None:
        for pair in self.couplings:
            check_qubits(tuple(pair), self.num_qubits)
            if len(pair) != 2:
                raise UserError(f"couplings: got {pair}, expected two qubits each")
        unknown = sorted(set(self.basis_gates) - GATES.keys())
        if unknown:
            raise UserError(
                f"basis_gates: got {unknown[0]!r}, expected some of {', '.join(GATES)}"
            )


@dataclasses.dataclass(frozen=True)
class Report:
    """What a circuit costs on a device.

    Attributes:
      device: its name.
      depth: layers of gates that act at the same time.
      two_qubit_depth: layers of gates on two qubits.
      gate_counts: (name, how often), most frequent first.
      two_qubit_gates: gates on two qubits.
      swaps_added: swaps that bring qubits together; each is several basis gates.
      initial_layout: [n] the device's qubit on which each qubit of the circuit starts.
      final_layout: [n] the one on which it ends.
    """

    device: str
    depth: int
    two_qubit_depth: int
    gate_counts: tuple[tuple[str, int], ...]
    two_qubit_gates: int
    swaps_added: int
    initial_layout: tuple[int, ...]
    final_layout: tuple[int, ...]


def line(num_qubits: int) -> Device:
    """Qubit i is coupled to i + 1."""
    return _device(f"line-{num_qubits}", "from_line", num_qubits)


def closed_line(num_qubits: int) -> Device:
    """A line whose ends are coupled, a ring."""
    return _device(f"ring-{num_qubits}", "from_ring", num_qubits)


def grid(rows: int, columns: int) -> Device:
    """A square lattice, row by row."""
    return _device(f"grid-{rows}x{columns}", "from_grid", rows, columns)


def heavy_hex(distance: int) -> Device:
    """Hexagons with a qubit on each edge (Chamberland et al., Phys. Rev. X 10, 2020).

    Args:
      distance: of the code, odd; (5 d^2 - 2 d - 1) / 2 qubits.

    Returns:
      The device.

    Raises:
      UserError: a distance that is even or below 1.
    """
    if distance < 1 or not distance % 2:
        raise UserError(f"heavy-hex: got distance {distance}, expected an odd number")
    return _device(f"heavy-hex-{distance}", "from_heavy_hex", distance)


def transpile(
    circuit: Circuit,
    device: Device,
    params: Any = (),
    *,
    optimization_level: int = 1,
    seed: int = 0,
) -> tuple[Circuit, Report]:
    """Rewrites a circuit with the gates and couplings of a device.

    Args:
      circuit: on n qubits.
      device: on N >= n qubits.
      params: [num_params] values of the circuit's parameters: gates merge, so that
        their angles are numbers.
      optimization_level: Qiskit's, 0 to 3.
      seed: of layout and routing.

    Returns:
      A circuit on N qubits and what it costs. Started in |0...0>, it leaves the state
      of the original circuit, up to a global phase, qubit i at `final_layout[i]`.

    Raises:
      UserError: the device has too few qubits, params a wrong length, or there is no
        such level.
      ImportError: Qiskit is not installed.
    """
    if device.num_qubits < circuit.num_qubits:
        raise UserError(
            f"{device.name} has {device.num_qubits} qubits, expected at least the "
            f"circuit's {circuit.num_qubits}"
        )
    if optimization_level not in range(4):
        raise UserError(
            f"optimization_level: got {optimization_level}, expected 0, 1, 2 or 3"
        )
    qiskit = import_qiskit()
    swaps = _SwapCounter()
    result = qiskit.transpile(
        to_qiskit(circuit, params),
        basis_gates=list(device.basis_gates),
        coupling_map=_coupling_map(device, qiskit),
        optimization_level=optimization_level,
        seed_transpiler=seed,
        callback=swaps,
    )
    return from_qiskit(result), _report(result, device, swaps.added)


class _SwapCounter:
    """Watches the passes of the transpiler for swaps that the routing adds."""

    def __init__(self) -> None:
        self.added = 0
        self._before = 0

    def __call__(self, *, pass_: Any, dag: Any, **_: Any) -> None:
        present = dag.count_ops().get("swap", 0)
        if pass_.name() in _ROUTING:
            self.added += max(present - self._before, 0)
        self._before = present


def _report(result: Any, device: Device, swaps_added: int) -> Report:
    def on_two_qubits(instruction: Any) -> bool:
        return len(instruction.qubits) == 2

    layout = result.layout
    return Report(
        device=device.name,
        depth=result.depth(),
        two_qubit_depth=result.depth(on_two_qubits),
        gate_counts=tuple(Counter(result.count_ops()).most_common()),
        two_qubit_gates=sum(map(on_two_qubits, result.data)),
        swaps_added=swaps_added,
        initial_layout=tuple(layout.initial_index_layout(filter_ancillas=True)),
        final_layout=tuple(layout.final_index_layout(filter_ancillas=True)),
    )


def _coupling_map(device: Device, qiskit: Any) -> Any:
    result = qiskit.transpiler.CouplingMap()
    for qubit in range(device.num_qubits):
        result.add_physical_qubit(qubit)
    for first, second in device.couplings:
        result.add_edge(first, second)
        result.add_edge(second, first)
    return result


def _device(name: str, maker: str, *sizes: int) -> Device:
    if min(sizes) < 1:
        raise UserError(f"{name}: got sizes {sizes}, expected at least 1")
    coupling = getattr(import_qiskit().transpiler.CouplingMap, maker)(*sizes)
    pairs = {(min(edge), max(edge)) for edge in coupling.get_edges()}
    return Device(name, coupling.size(), tuple(sorted(pairs)))
