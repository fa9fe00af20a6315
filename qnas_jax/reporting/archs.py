"""Architectures for people: ops by name, and boxes in reading order."""

import dataclasses
from collections.abc import Sequence

from qnas_jax.reporting import formats
from qnas_jax.reporting.rows import Row, Run

Names = Sequence[Sequence[str]]
"""Of each layer the names of its ops."""


@dataclasses.dataclass(frozen=True)
class Box:
    """A part of an architecture.

    Attributes:
      where: which layer or edge, or the role of a part that was not searched.
      op: its name.
      lines: what else is said of it.
      share: of all parameters, in [0, 1]; None: not said.
      marks: classes of `page.css`.
    """

    where: str
    op: str
    lines: tuple[str, ...] = ()
    share: float | None = None
    marks: tuple[str, ...] = ()


def op_names(run: Run) -> Names | None:
    """The names of the ops of each layer; None before a search's first generation."""
    if run.registers is None:
        return run.search[0].get("op_names") if run.search else None
    names, counts = run.registers.op_names.tolist(), run.registers.num_ops.tolist()
    return [own[:count] for own, count in zip(names, counts, strict=True)]


def layer_labels(run: Run, count: int) -> list[str]:
    """What layers are called: `edge 0-1` of a cell, else `layer 3`."""
    layers = (run.result or {}).get("layers") or []
    searched = [row for row in layers if row.get("role", "layer") == "layer"]
    if len(searched) != count:
        return [f"layer {number}" for number in range(count)]
    return [_where(row) for row in searched]


def boxes_of_arch(
    arch: Sequence[int],
    names: Names | None,
    labels: Sequence[str],
    winner: Sequence[int] | None,
) -> list[Box]:
    """The searched layers of an architecture.

    Args:
      arch: [L], ops by number.
      names: of each layer; None: ops are told by their numbers.
      labels: [L], what layers are called.
      winner: [L], from which differences are marked; None: nothing is.

    Returns:
      A box a layer.
    """
    boxes = []
    for layer, op in enumerate(arch):
        known = names is not None and layer < len(names) and 0 <= op < len(names[layer])
        name = names[layer][op] if known and names is not None else f"op {op}"
        differs = winner is not None and list(winner)[layer : layer + 1] != [op]
        lines = ("differs from the winner",) if differs else ()
        marks = ("differs",) if differs else ()
        boxes.append(Box(labels[layer], name, lines, marks=marks))
    return boxes


def boxes_of_layers(layers: Sequence[Row]) -> list[Box]:
    """The parts of a network, stem and head included, as `result.json` has them."""
    total = sum(row["params"] for row in layers) or 1
    return [_box(row, row["params"] / total) for row in layers]


def _box(row: Row, share: float) -> Box:
    searched = row.get("role", "layer") == "layer"
    marks = {
        "fixed": not searched,
        "bare": not row["params"],
        "strided": row["stride"] > 1,
    }
    lines = (
        f"{row['in_features']} → {row['out_features']}",
        f"size {row['resolution']}, stride {row['stride']}",
        f"{formats.percent(share)} of parameters",
    )
    chosen = tuple(name for name, holds in marks.items() if holds)
    return Box(_where(row), str(row["op"]), lines, share, chosen)


def _where(row: Row) -> str:
    if row.get("role", "layer") != "layer":
        return str(row["role"])
    return f"edge {row['edge']}" if "edge" in row else f"layer {row['layer']}"
