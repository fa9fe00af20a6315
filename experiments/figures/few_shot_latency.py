"""The picture of latency predictors: how many measured architectures are enough."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qnas_jax.reporting import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLORS = {
    "learnt": style.BLUE,
    "with others": style.GREEN,
    "with pairs": style.PURPLE,
    "ridge": style.ORANGE,
    "boosted trees": style.VERMILLION,
}


@style.png
def few_shot_figure(rows: Sequence[Mapping[str, Any]]) -> "Figure":
    """Draws Spearman's correlation against the number of samples: median, quartiles.

    Args:
      rows: of `experiments.comparisons.latency_predictors`.

    Returns:
      A figure of a panel a space, over all devices and seeds.
    """
    spaces = list(dict.fromkeys(row["space"] for row in rows))
    figure = style.new_figure(5 * len(spaces), 3.6)
    panels = figure.subplots(1, len(spaces), squeeze=False)[0]
    for axes, space in zip(panels, spaces, strict=True):
        own = [row for row in rows if row["space"] == space]
        for method in dict.fromkeys(row["method"] for row in own):
            found: dict[int, list[float]] = {}
            for row in own:
                if row["method"] == method:
                    found.setdefault(row["samples"], []).append(row["spearman"])
            numbers = sorted(found)
            low, middle, high = np.transpose(
                [np.quantile(found[number], (0.25, 0.5, 0.75)) for number in numbers]
            )
            color = _COLORS[method]
            axes.plot(numbers, middle, marker="o", color=color, label=method)
            axes.fill_between(numbers, low, high, color=color, alpha=0.15, lw=0)
        axes.set_xscale("log")
        shown = sorted({row["samples"] for row in own})
        axes.set_xticks(shown, [str(number) for number in shown])
        axes.minorticks_off()
        axes.set_ylim(top=1.0)
        axes.set_title(f"{space}: latency on {len({r['target'] for r in own})} devices")
        axes.set_xlabel("measured architectures")
        axes.set_ylabel("Spearman (median, quartiles)")
        axes.legend(loc="lower right")
    return figure
