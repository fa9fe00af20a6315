"""Probabilities of ops as maps that fit any screen, one a layer."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from qnas_jax.reporting.rows import Registers

MOST_COLUMNS = 60


@dataclasses.dataclass(frozen=True)
class OpMap:
    """One layer.

    Attributes:
      title: its name, and the winner's op.
      says: what is seen.
      ops: names of its ops [K].
      winner: number of the winner's op; None if there is none.
      shares: probabilities in whole percent [K, G].
    """

    title: str
    says: str
    ops: Sequence[str]
    winner: int | None
    shares: Sequence[Sequence[int]]


def register_maps(
    registers: Registers, winner: Sequence[int] | None, labels: Sequence[str]
) -> dict[str, Any]:
    """The maps of all layers.

    Args:
      registers: probabilities [G, L, K_max].
      winner: the arch [L] that was found, if any.
      labels: what layers are called.

    Returns:
      `generations` that are shown, and `layers`, an `OpMap` each.
    """
    count = len(registers.generations)
    places = np.unique(np.linspace(0, count - 1, min(count, MOST_COLUMNS)).astype(int))
    layers = []
    for layer, num_ops in enumerate(registers.num_ops):
        names = [str(name) for name in registers.op_names[layer, :num_ops]]
        shares = registers.probabilities[places, layer, :num_ops].T
        op = None if winner is None else int(winner[layer])
        title = labels[layer] + ("" if op is None else f": {names[op]}")
        percent = np.round(100 * np.nan_to_num(shares)).astype(int)
        layers.append(OpMap(title, _said(names, percent), names, op, percent.tolist()))
    return {"generations": registers.generations[places].tolist(), "layers": layers}


def alt_text(maps: dict[str, Any]) -> str:
    """What a picture of the maps shows, in words."""
    return " ".join(f"{layer.title}: {layer.says}" for layer in maps["layers"])


def _said(names: Sequence[str], percent: np.ndarray) -> str:
    """Which op is the most probable in the end, and how it began."""
    best = int(percent[:, -1].argmax())
    return (
        f"at the end {names[best]} is the most probable ({percent[best, -1]} %, at the "
        f"start {percent[best, 0]} %)."
    )
