"""The picture of tunnelling: annealing through a barrier, quantum and thermal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from experiments.figures.barrier import Barrier, tunnelling_rows
from qnas_jax.reporting import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NUM_QUBITS, _BARRIER_START, _STEPS, _TIME = 48, 10, 400, 40.0
_HEIGHTS = {4.0: style.ORANGE, 6.0: style.BLUE}


def tunnelling(widths: Sequence[int] = range(9)) -> list[dict[str, float]]:
    """Success of quantum and thermal annealing, a row a barrier."""
    return tunnelling_rows(
        _NUM_QUBITS,
        _BARRIER_START,
        widths,
        list(_HEIGHTS),
        time=_TIME,
        steps=_STEPS,
        betas=(1.0, 2.0, 4.0, 8.0, 16.0),
    )


@style.png
def tunnelling_figure(rows: list[dict[str, float]]) -> "Figure":
    """Draws the cost, and the success by the width of the barrier.

    Args:
      rows: of `tunnelling`.

    Returns:
      A figure of two panels.
    """
    figure = style.new_figure(10, 3.8)
    cost, success = figure.subplots(1, 2, width_ratios=(2, 3))
    weights = np.arange(_NUM_QUBITS // 2 + 3)
    for width, color in ((1, style.SKY), (6, style.BLUE)):
        costs = Barrier(_NUM_QUBITS, _BARRIER_START, width, 6.0).costs()
        cost.step(
            weights,
            costs[weights],
            where="mid",
            color=color,
            label=f"height 6, width {width}",
        )
    cost.set_title("The cost: Hamming weight and a barrier")
    cost.set_xlabel(f"Number of ones among {_NUM_QUBITS} bits")
    cost.set_ylabel("Cost (units of one bit)")
    cost.legend(loc="upper left")
    for height, color in _HEIGHTS.items():
        of_height = [row for row in rows if row["height"] == height]
        widths = np.array([row["width"] for row in of_height])
        for process, dash in (("quantum", "-"), ("thermal", "--")):
            chances = np.array([row[process] for row in of_height])
            label = f"{process}, height {height:.0f}"
            style.plot_line(success, widths, chances, color, label, dash)
    success.set_ylim(0, 1.03)
    success.set_title(f"Success after {_STEPS} steps or sweeps")
    success.set_xlabel("Width of the barrier (number of weights)")
    success.set_ylabel("Probability of the optimum")
    success.legend(loc=(0.36, 0.7))
    style.whole_numbers(success)
    return figure
