"""Figure of language models side by side: perplexities with their intervals."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qnas_jax.reporting import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

METRIC = "test_perplexity"


@style.png
def perplexities(models: Mapping[str, Mapping[str, Any]]) -> "Figure":
    """Draws the perplexity on test of each model, with its 95 % interval.

    Args:
      models: by name for people, the winner first; `test_perplexity` above 0, and where
        it is known `intervals` of it.

    Returns:
      A figure of one panel, a line a model.
    """
    figure = style.new_figure(6.6, 1.1 + 0.42 * len(models))
    axes = figure.subplots()
    for place, row in enumerate(models.values()):
        value, ends = row[METRIC], interval_of(row)
        color = style.BLUE if place == 0 else style.GREY
        low, high = ends or (value, value)
        axes.plot([low, high], [place, place], color=color, linewidth=2.4)
        axes.plot([value], [place], "o", color=color, markersize=6)
        axes.annotate(
            f"{value:.3f}",
            (value, place),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )
    axes.axvline(next(iter(models.values()))[METRIC], color=style.GREY, linewidth=0.8)
    axes.set_yticks(np.arange(len(models)), list(models))
    axes.set_ylim(len(models) - 0.5, -0.7)
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.08)
    axes.set_xlabel("Perplexity on test (lower is better), 95 % over windows")
    return figure


def interval_of(row: Mapping[str, Any]) -> Sequence[float] | None:
    """Both ends of the 95 % interval of a model's perplexity, if it is known."""
    found: Sequence[float] | None = (row.get("intervals") or {}).get(METRIC)
    return found


def said_of_perplexities(models: Mapping[str, Mapping[str, Any]]) -> str:
    """What the figure shows, in words."""
    parts = (f"{name} {row[METRIC]:.3f}" for name, row in models.items())
    return f"Perplexity on test: {', '.join(parts)}."
