"""The picture of rankings: what a supernet's order is worth, against its training."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qnas_jax.reporting import style
from qnas_jax.reporting.ranking_table import score_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLORS = {
    "loss": style.BLUE,
    "accuracy": style.ORANGE,
    "fused": style.GREEN,
    "macs": style.GREY,
    "synflow": style.VERMILLION,
    "nwot": style.PURPLE,
    "params": style.SKY,
}


@style.png
def rankings_figure(
    rows: Sequence[Mapping[str, Any]], scores: Sequence[str]
) -> "Figure":
    """Draws tau against path-images: over all architectures, and in the best tenth.

    Args:
      rows: of `experiments.comparisons.rankings`; a dot each, a line through the
        medians of each setting.
      scores: which of a trained supernet's are drawn, as far as they are there.

    Returns:
      A figure of two panels; what needs no training is a horizontal line.
    """
    figure = style.new_figure(12, 4.6)
    trained = [row for row in rows if row["epochs"]]
    floors = {
        name: measures
        for row in rows
        if not row["epochs"]
        for name, measures in row["measures"].items()
    }
    settings = list(dict.fromkeys(row["setting"] for row in trained))
    panels = (("kendall_tau", "all architectures"), ("best_tenth_tau", "best tenth"))
    for axes, (field, title) in zip(figure.subplots(1, 2), panels, strict=True):
        for name in scores:
            for number, setting in enumerate(settings):
                own = [
                    (row["path images"] / 1e6, row["measures"][name][field])
                    for row in trained
                    if row["setting"] == setting
                    and row["measures"].get(name, {}).get(field) is not None
                ]
                if own:
                    label = score_name(name)
                    if len(settings) > 1:
                        label += f", {_label(trained, setting)}"
                    _curve(axes, np.array(own), _COLORS[name], label, number)
        for name, measures in floors.items():
            if measures[field] is not None:
                axes.axhline(
                    measures[field],
                    color=_COLORS.get(name, style.INK),
                    linestyle=":",
                    linewidth=1.2,
                    label=f"{score_name(name)} alone",
                )
        axes.set_xscale("log")
        style.log_ticks(axes.xaxis)
        axes.set_title(title.capitalize())
        axes.set_xlabel("Millions of path-images the supernet was trained on")
        axes.set_ylabel("Kendall's tau with the true accuracy")
    lines, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside right center")
    return figure


def _curve(axes: Any, points: np.ndarray, color: str, label: str, number: int) -> None:
    """Dots of the seeds, a line through their medians."""
    marker, dash = ("o", "s", "^", "D")[number % 4], ("-", "--", "-.", ":")[number % 4]
    axes.plot(*points.T, marker, color=color, alpha=0.5, markersize=4)
    budgets = np.unique(points[:, 0])
    medians = [np.median(points[points[:, 0] == each, 1]) for each in budgets]
    axes.plot(budgets, medians, dash, color=color, label=label)


def _label(rows: Sequence[Mapping[str, Any]], setting: str) -> str:
    """What sets a setting apart."""
    row = next(row for row in rows if row["setting"] == setting)
    changes = [each.split(".", 1)[-1] for each in row["overrides"]]
    return f"{row['space']} " + ", ".join(changes)
