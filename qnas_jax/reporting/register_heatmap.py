"""Figures of the registers: op probabilities of every layer, and their entropy."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from qnas_jax.reporting import formats, style
from qnas_jax.reporting.rows import Registers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure


@style.png
def register_heatmap(
    registers: Registers, winner: Sequence[int] | None, names: Sequence[str] | None
) -> "Figure":
    """Draws P(op) over the generations, one panel a layer.

    Args:
      registers: probabilities [G, L, K_max].
      winner: the arch [L] whose ops are marked at the right edge, if known.
      names: the winner's op names [L] for the panels' titles, if known.

    Returns:
      A figure of L panels in rows of at most four, on one colour scale.
    """
    num_layers = len(registers.num_ops)
    # Whichever leaves fewer places of the last row empty.
    columns = min(num_layers, min((4, 3), key=lambda count: -num_layers % count))
    rows = math.ceil(num_layers / columns)
    panel_height = 0.8 + 0.1 * int(registers.num_ops.max())
    figure = style.new_figure(10, rows * panel_height + 0.9)
    panels = figure.subplots(rows, columns, sharex=True, squeeze=False).ravel()
    for layer in range(num_layers):
        axes = panels[layer]
        mesh = _draw_layer(axes, registers, layer)
        title = f"Layer {layer}"
        if names is not None:
            title += f": {formats.shortened(names[layer], 34 // columns * 2)}"
        axes.set_title(title, fontsize=8.5)
        if winner is not None:
            _mark(axes, winner[layer])
        if layer + columns >= num_layers:
            axes.set_xlabel("Generation")
            axes.tick_params(labelbottom=True)
    for axes in panels[num_layers:]:
        axes.set_visible(False)
    figure.colorbar(
        mesh,
        ax=list(panels),
        label="Probability, mean over the population",
        location="bottom",
        shrink=0.6,
        aspect=60,
        pad=0.02,
    )
    return figure


def normalised_entropy(registers: Registers) -> np.ndarray:
    """Returns the entropy of each layer's choice as a share of its maximum.

    H_l / log2 K_l with H_l = -sum_k p_k log2 p_k: 1 when all ops are equally likely,
    0 when the register has settled on one op (or there is only one).

    Args:
      registers: probabilities [G, L, K_max]; each layer is scaled to sum 1.

    Returns:
      float64 [G, L] in [0, 1].
    """
    ops = np.arange(registers.probabilities.shape[2])
    valid = ops[None, :] < registers.num_ops[:, None]
    weights = np.where(valid, registers.probabilities.astype(np.float64), 0.0)
    shares = weights / np.maximum(weights.sum(axis=2, keepdims=True), 1e-12)
    logs = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
    most = np.maximum(np.log2(registers.num_ops), 1e-12)
    entropy: np.ndarray = -(shares * logs).sum(axis=2) / most
    return np.clip(entropy, 0.0, 1.0)


@style.png
def register_entropy(registers: Registers) -> "Figure":
    """Draws how undecided the registers are: the mean, and every layer.

    Args:
      registers: probabilities [G, L, K_max].

    Returns:
      A figure of two panels, entropy in [0, 1].
    """
    entropy = normalised_entropy(registers)
    num_layers = entropy.shape[1]
    figure = style.new_figure(10, max(3.4, 1.4 + 0.13 * num_layers))
    mean, layers = figure.subplots(1, 2)
    generations = registers.generations.astype(np.float64)
    mean.fill_between(
        generations,
        entropy.min(axis=1),
        entropy.max(axis=1),
        color=style.SKY,
        alpha=0.3,
        linewidth=0,
        label="lowest to highest layer",
    )
    style.plot_line(
        mean, generations, entropy.mean(axis=1), style.BLUE, "mean over layers"
    )
    mean.set_ylim(0, 1.03)
    mean.set_ylabel("Entropy (1 = undecided, 0 = settled)")
    mean.legend(loc="lower left")
    mesh = layers.pcolormesh(
        _edges(registers.generations),
        np.arange(num_layers + 1) - 0.5,
        entropy.T,
        cmap=style.amount_colors(),
        vmin=0,
        vmax=1,
    )
    layers.invert_yaxis()
    layers.grid(False)
    layers.set_yticks(range(0, num_layers, 1 if num_layers <= 12 else 5))
    layers.set_ylabel("Layer")
    figure.colorbar(mesh, ax=layers, label="Entropy", pad=0.02)
    for axes, title in ((mean, "Mean entropy"), (layers, "Entropy of each layer")):
        axes.set_title(title)
        axes.set_xlabel("Generation")
        style.whole_numbers(axes)
    return figure


def _draw_layer(axes: "Axes", registers: Registers, layer: int) -> "QuadMesh":
    num_ops = int(registers.num_ops[layer])
    mesh = axes.pcolormesh(
        _edges(registers.generations),
        np.arange(num_ops + 1) - 0.5,
        registers.probabilities[:, layer, :num_ops].T,
        cmap=style.amount_colors(),
        vmin=0,
        vmax=1,
    )
    axes.invert_yaxis()
    axes.grid(False)
    # Some tens of names fit; of more ops, one in so many is named.
    named = range(0, num_ops, math.ceil(num_ops / 30))
    labels = [formats.shortened(str(registers.op_names[layer, op]), 14) for op in named]
    axes.set_yticks(named, labels)
    axes.tick_params(labelsize=7.5)
    axes.tick_params(axis="y", labelsize=6.5, length=2)
    for side in ("top", "right"):
        axes.spines[side].set_visible(True)
    style.whole_numbers(axes)
    return mesh


def _mark(axes: "Axes", op: int) -> None:
    axes.plot(
        [1.025],
        [op],
        marker="<",
        markersize=5,
        color=style.VERMILLION,
        transform=axes.get_yaxis_transform(),
        clip_on=False,
    )


def _edges(generations: np.ndarray) -> np.ndarray:
    """Cell borders [G + 1] half-way between the snapshots."""
    step = np.diff(generations) if len(generations) > 1 else np.ones(1)
    starts = generations - np.append(step[:1], step)[: len(generations)] / 2
    return np.append(starts, generations[-1] + step[-1] / 2)
