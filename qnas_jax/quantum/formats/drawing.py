"""Circuits as text and as figures: one line a qubit, time from left to right.

q0: ─H─●───────
       │
q1: ───⊕─RZ(t0)
"""

import dataclasses
from typing import TYPE_CHECKING

from qnas_jax.quantum.circuit import Angle, Circuit, Operation, Param
from qnas_jax.quantum.gates import CONTROLLED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CONTROL, _TARGET, _CROSS = "●", "⊕", "×"


@dataclasses.dataclass(frozen=True)
class _Symbols:
    """What one operation shows on each of its qubits."""

    labels: dict[int, str]

    @property
    def top(self) -> int:
        return min(self.labels)

    @property
    def bottom(self) -> int:
        return max(self.labels)


def draw_text(circuit: Circuit) -> str:
    """Draws a circuit with box characters.

    Args:
      circuit: any; parameter i shows as t<i>.

    Returns:
      Lines without trailing blanks, 2 n - 1 of them.
    """
    num_qubits = circuit.num_qubits
    width = len(f"q{num_qubits - 1}: ")
    lines = [f"q{q}: ".rjust(width) + "─" for q in range(num_qubits)]
    gaps = [" " * (width + 1) for _ in range(num_qubits - 1)]
    for column in _columns(circuit):
        wires, links = _column_text(column, num_qubits)
        lines = [line + wire + "─" for line, wire in zip(lines, wires, strict=True)]
        gaps = [gap + link + " " for gap, link in zip(gaps, links, strict=True)]
    rows = [row for pair in zip(lines, [*gaps, ""], strict=True) for row in pair]
    return "\n".join(row.rstrip() for row in rows[:-1])


def draw_figure(circuit: Circuit) -> "Figure":
    """Draws a circuit with matplotlib.

    Args:
      circuit: any; parameter i shows as t<i>.

    Returns:
      A figure that belongs to no window; `figure.savefig(path)` writes it.
    """
    from matplotlib.figure import Figure

    columns = _columns(circuit)
    widths = [max(_width(s) for s in column) for column in columns]
    length = 0.6 + sum(widths)
    figure = Figure(figsize=(0.6 + 0.55 * length, 0.3 + 0.5 * circuit.num_qubits))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(-0.8, length)
    axes.set_ylim(circuit.num_qubits - 0.4, -0.6)
    axes.axis("off")
    for qubit in range(circuit.num_qubits):
        axes.plot([-0.1, length - 0.2], [qubit, qubit], color="0.4", lw=1, zorder=1)
        axes.text(-0.2, qubit, f"q{qubit}", ha="right", va="center")
    left = 0.2
    for column, width in zip(columns, widths, strict=True):
        for symbols in column:
            _draw_symbols(axes, symbols, left + width / 2)
        left += width
    return figure


def _columns(circuit: Circuit) -> list[list[_Symbols]]:
    """Operations as early as they can be drawn without overlap."""
    free = [0] * circuit.num_qubits
    columns: list[list[_Symbols]] = []
    for operation in circuit.operations:
        symbols = _symbols(operation)
        span = range(symbols.top, symbols.bottom + 1)
        column = max(free[qubit] for qubit in span)
        for qubit in span:
            free[qubit] = column + 1
        if column == len(columns):
            columns.append([])
        columns[column].append(symbols)
    return columns


def _symbols(operation: Operation) -> _Symbols:
    bare = CONTROLLED.get(operation.gate, operation.gate)
    count = operation.num_controls + (operation.gate in CONTROLLED)
    angles = ", ".join(_angle_label(angle) for angle in operation.params)
    label = {"x": _TARGET if count else "X", "swap": _CROSS}.get(bare, bare.upper())
    if bare == "z" and count:
        label = _CONTROL
    label += f"({angles})" if angles else ""
    controls, targets = operation.qubits[:count], operation.qubits[count:]
    return _Symbols(dict.fromkeys(controls, _CONTROL) | dict.fromkeys(targets, label))


def _angle_label(angle: Angle) -> str:
    if not isinstance(angle, Param):
        return f"{angle:.3g}"
    factor = {1.0: "", -1.0: "-"}.get(angle.scale, f"{angle.scale:.3g}")
    offset = f"{angle.offset:+.3g}" if angle.offset else ""
    return f"{factor}t{angle.index}{offset}"


def _column_text(
    column: list[_Symbols], num_qubits: int
) -> tuple[list[str], list[str]]:
    """One column of wires, and of what stands between them."""
    width = max(len(label) for s in column for label in s.labels.values())
    wires, links = ["─" * width] * num_qubits, [" " * width] * (num_qubits - 1)
    for symbols in column:
        for qubit in range(symbols.top, symbols.bottom + 1):
            label = symbols.labels.get(qubit, "┼")
            wires[qubit] = _centred(label, width, "─")
            if qubit < symbols.bottom:
                links[qubit] = _centred("│", width, " ")
    return wires, links


def _centred(label: str, width: int, fill: str) -> str:
    """A label whose middle is the middle of the column."""
    left = (width - 1) // 2 - (len(label) - 1) // 2
    return (fill * left + label).ljust(width, fill)


def _width(symbols: _Symbols) -> float:
    """Width of a column in units of a wire's distance."""
    return max(0.9, 0.35 + 0.2 * max(len(label) for label in symbols.labels.values()))


def _draw_symbols(axes: "Axes", symbols: _Symbols, x: float) -> None:
    axes.plot([x, x], [symbols.top, symbols.bottom], color="0.2", lw=1, zorder=1)
    for qubit, label in symbols.labels.items():
        if label == _CONTROL:
            axes.plot([x], [qubit], marker="o", ms=6, color="0.2", zorder=3)
        elif label == _TARGET:
            axes.plot([x], [qubit], marker="o", ms=13, mfc="white", mec="0.2", zorder=2)
            axes.plot([x], [qubit], marker="+", ms=13, color="0.2", zorder=3)
        elif label == _CROSS:
            axes.plot([x], [qubit], marker="x", ms=9, color="0.2", mew=1.5, zorder=3)
        else:
            box = {"boxstyle": "square,pad=0.35", "fc": "#e8f0f8", "ec": "0.2"}
            axes.text(
                x,
                qubit,
                label,
                ha="center",
                va="center",
                fontsize=8,
                bbox=box,
                zorder=3,
            )
