"""The picture of rankings: what a supernet's order is worth, against its training."""

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.measuring.seeds import spread_of
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
_ASIDE = 1.03  # so that the bars of one budget lie side by side
_BARS = (
    "Dots: seeds. Bars: 95 % interval of their mean (Student's t), of two their range. "
    "Curves are set apart by 3 % sideways."
)


@style.png
def rankings_figure(
    rows: Sequence[Mapping[str, Any]], scores: Sequence[str]
) -> "Figure":
    """Draws tau against path-images: over all architectures, and in the best tenth.

    Args:
      rows: of `experiments.comparisons.rankings`; a dot each, a line through the means
        of each setting and budget, with a bar: the 95 % interval of the mean by
        Student's t, or the range of two seeds.
      scores: which of a trained supernet's are drawn, as far as they are there.

    Returns:
      A figure of two panels; what needs no training is a horizontal line.
    """
    figure = style.new_figure(12, 4.8)
    trained = [row for row in rows if row["epochs"]]
    floors = {
        name: measures
        for row in rows
        if not row["epochs"]
        for name, measures in row["measures"].items()
    }
    settings = list(dict.fromkeys(row["setting"] for row in trained))
    curves = list(itertools.product(scores, enumerate(settings)))
    panels = (("kendall_tau", "all architectures"), ("best_tenth_tau", "best tenth"))
    for axes, (field, title) in zip(figure.subplots(1, 2), panels, strict=True):
        drawn = 0
        for name, (number, setting) in curves:
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
                points = np.array(own) * (_ASIDE**drawn, 1.0)
                _curve(axes, points, _COLORS[name], label, number)
                drawn += 1
        _floor_lines(axes, floors, field)
        axes.set_xscale("log")
        style.log_ticks(axes.xaxis)
        axes.set_title(title.capitalize())
        axes.set_xlabel("Millions of path-images the supernet was trained on")
        axes.set_ylabel("Kendall's tau with the true accuracy")
    lines, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside right center")
    figure.supxlabel(_BARS, fontsize="small", color=style.GREY)
    return figure


def _floor_lines(axes: Any, floors: Mapping[str, Any], field: str) -> None:
    """A horizontal line for what needs no training; of equal ones, one for all."""
    values: dict[float, list[str]] = {}
    for name, measures in floors.items():
        if measures[field] is not None:
            values.setdefault(measures[field], []).append(name)
    for value, names in values.items():
        axes.axhline(
            value,
            color=_COLORS.get(names[0], style.INK),
            linestyle=":",
            linewidth=1.2,
            label=f"{' or '.join(map(score_name, names))} alone",
        )


def _curve(axes: Any, points: np.ndarray, color: str, label: str, number: int) -> None:
    """Dots of the seeds, a line through their means, bars of what they tell."""
    marker, dash = ("o", "s", "^", "D")[number % 4], ("-", "--", "-.", ":")[number % 4]
    axes.plot(*points.T, marker, color=color, alpha=0.5, markersize=4)
    budgets = np.unique(points[:, 0])
    spreads = [spread_of(points[points[:, 0] == each, 1]) for each in budgets]
    means = [each.mean for each in spreads]
    axes.plot(budgets, means, dash, color=color, label=label)
    lows, highs = ([each[end] for each in spreads] for end in (1, 2))
    axes.vlines(budgets, lows, highs, color=color, alpha=0.6, linewidth=1.5)


def _label(rows: Sequence[Mapping[str, Any]], setting: str) -> str:
    """What sets a setting apart."""
    row = next(row for row in rows if row["setting"] == setting)
    changes = [each.split(".", 1)[-1] for each in row["overrides"]]
    return f"{row['space']} " + ", ".join(changes)
