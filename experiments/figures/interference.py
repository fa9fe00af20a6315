"""The picture of interference: amplitudes over the iterations of Grover's search."""

import dataclasses
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.kernels.grover import amplify
from qnas_jax.reporting import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True)
class Interference:
    """Amplitudes over Grover iterations.

    Attributes:
      marked: float [G + 1], of one marked item.
      unmarked: float [G + 1], of one that is not.
      num_items: N.
      num_marked: M.
    """

    marked: np.ndarray
    unmarked: np.ndarray
    num_items: int
    num_marked: int


def interference(
    num_items: int = 256, num_marked: int = 1, iterations: int = 30
) -> Interference:
    """Simulates Grover iterations on all N amplitudes.

    Args:
      num_items: N.
      num_marked: M, in 1 .. N - 1.
      iterations: G.

    Returns:
      The amplitudes of the first and the last item.
    """
    marked = jnp.arange(num_items) < num_marked

    def after(count: jax.Array) -> jax.Array:
        return amplify(marked, count, implementation="reference")

    amplitudes = np.asarray(jax.vmap(after)(jnp.arange(iterations + 1)))
    return Interference(amplitudes[:, 0], amplitudes[:, -1], num_items, num_marked)


@style.png
def interference_figure(data: Interference) -> "Figure":
    """Draws both amplitudes, the closed form and the probability of success.

    Args:
      data: of `interference`.

    Returns:
      A figure of two panels.
    """
    figure = style.new_figure(10, 3.6)
    amplitudes, chance = figure.subplots(1, 2)
    counts = np.arange(len(data.marked))
    fine = np.linspace(0, counts[-1], 400)
    theta = np.arcsin(np.sqrt(data.num_marked / data.num_items))
    marked = np.sin((2 * fine + 1) * theta)
    rest = np.cos((2 * fine + 1) * theta)
    share = np.sqrt([data.num_marked, data.num_items - data.num_marked])
    for curve, points, color, label in (
        (marked / share[0], data.marked, style.VERMILLION, "marked item"),
        (rest / share[1], data.unmarked, style.BLUE, "every other item"),
    ):
        amplitudes.plot(fine, curve, color=color, linewidth=1, alpha=0.6)
        amplitudes.plot(counts, points, "o", color=color, markersize=3.5, label=label)
    amplitudes.axhline(0, color=style.GREY, linewidth=0.8)
    amplitudes.set_ylabel("Amplitude")
    amplitudes.set_title(f"{data.num_items} items, {data.num_marked} marked")
    chance.plot(fine, marked**2, color=style.INK, label="sin²((2k + 1) θ)")
    chance.plot(
        counts,
        data.num_marked * data.marked**2,
        "o",
        color=style.VERMILLION,
        markersize=3.5,
        label="simulated",
    )
    chance.set_ylabel("Probability to measure a marked item")
    chance.set_title("More iterations than the best number lose it again")
    amplitudes.legend(loc="lower left")
    chance.legend(loc="upper right")
    for axes in (amplitudes, chance):
        axes.set_xlabel("Grover iterations k")
        style.whole_numbers(axes)
    return figure
