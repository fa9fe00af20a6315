"""Figures of training: the supernet, its balance pool and the retrained networks."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qnas_jax.reporting import style
from qnas_jax.reporting.charts import Numbers, telling_range
from qnas_jax.reporting.rows import Row, column
from qnas_jax.reporting.verdict import network_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@style.png
def supernet_curves(rows: Sequence[Row]) -> "Figure":
    """Draws loss, accuracy (if there is one) and learning rate over the epochs.

    Args:
      rows: the `supernet` rows, by epoch.

    Returns:
      A figure of three panels, of two without an accuracy.
    """
    figure = style.new_figure(10, 3.2)
    epoch, trained = column(rows, "epoch"), column(rows, "accuracy") * 100
    loss, *between, rate = figure.subplots(1, 3 if np.isfinite(trained).any() else 2)
    style.plot_line(loss, epoch, column(rows, "loss"), style.BLUE, "training")
    for accuracy in between:
        style.plot_line(accuracy, epoch, trained, style.BLUE, "training paths")
        valid = column(rows, "valid_accuracy") * 100
        style.plot_line(accuracy, epoch, valid, style.VERMILLION, "validation")
        accuracy.legend(loc="best")
        _label(accuracy, "Accuracy", "Accuracy (%)")
    style.plot_line(rate, epoch, column(rows, "learning_rate"), style.INK, "rate")
    _label(loss, "Loss", "Cross-entropy (nats)")
    _label(rate, "Learning rate", "Learning rate")
    return figure


@style.png
def pool_scores(rows: Sequence[Row]) -> "Figure":
    """Draws the scores of the balance pool's members each time it was renewed.

    Args:
      rows: the `pool` rows, by epoch; pools may differ in size.

    Returns:
      A figure of one panel: every member, the median and the best.
    """
    figure = style.new_figure(10, 3.2)
    axes = figure.subplots()
    filled = [row for row in rows if row["scores"]]
    epoch = column(filled, "epoch")
    members = [np.asarray(row["scores"], np.float64) for row in filled]
    sizes = [len(scores) for scores in members]
    axes.scatter(
        np.repeat(epoch, sizes),
        np.concatenate([*members, []]),
        s=14,
        color=style.SKY,
        alpha=0.6,
        linewidths=0,
        label="pool members",
    )
    medians = np.array([np.median(scores) for scores in members])
    best = np.array([np.max(scores) for scores in members])
    style.plot_line(axes, epoch, medians, style.BLUE, "median")
    style.plot_line(axes, epoch, best, style.VERMILLION, "best")
    axes.legend(loc="best", ncols=3)
    _label(axes, "Balance pool", "Score when chosen")
    return figure


@style.png
def retrain_curves(networks: Mapping[str, Sequence[Row]]) -> "Figure":
    """Draws loss and accuracy (if any has one) of networks trained from scratch.

    Args:
      networks: the `retrain` rows of each network, by epoch.

    Returns:
      A panel each; solid lines are validation, dotted ones training. The axes are
      those on which the late epochs are told apart.
    """
    figure = style.new_figure(10, 3.6)
    every = [row for rows in networks.values() for row in rows]
    judged = bool(np.isfinite(column(every, "accuracy")).any())
    panels = figure.subplots(1, 1 + judged, squeeze=False)[0]
    fields = (("loss", 1), ("accuracy", 100))[: len(panels)]
    colors = style.network_colors(networks)
    curves: dict[Any, list[tuple[Numbers, Numbers]]] = {axes: [] for axes in panels}
    for name, rows in networks.items():
        color, called = style.COLORS[colors[name]], network_name(name)
        epoch = column(rows, "epoch")
        for axes, (field, unit) in zip(panels, fields, strict=True):
            trained = column(rows, field) * unit
            valid = column(rows, f"valid_{field}") * unit
            style.plot_line(axes, epoch, valid, color, f"{called}, validation")
            style.plot_line(axes, epoch, trained, color, f"{called}, training", ":")
            curves[axes] += [(epoch, valid), (epoch, trained)]
    for axes, drawn in curves.items():
        axes.set_ylim(telling_range(drawn))
    _label(panels[0], "Loss", "Cross-entropy (nats)")
    if judged:
        _label(panels[1], "Accuracy", "Accuracy (%)")
    panels[-1].legend(loc="best")
    return figure


def _label(axes: "Axes", title: str, values: str) -> None:
    axes.set_title(title)
    axes.set_xlabel("Epoch")
    axes.set_ylabel(values)
    style.whole_numbers(axes)
