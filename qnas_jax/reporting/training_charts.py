"""Charts of training: the supernet, its balance pool, retrained networks, registers."""

from collections.abc import Mapping, Sequence

import numpy as np

from qnas_jax.reporting.charts import (
    Axis,
    Chart,
    Line,
    Points,
    padded,
    said_of_lines,
    telling_range,
)
from qnas_jax.reporting.register_heatmap import normalised_entropy
from qnas_jax.reporting.rows import Registers, Row, column
from qnas_jax.reporting.style import network_colors
from qnas_jax.reporting.verdict import network_name

_EPOCH = Axis("Epoch", whole=True)


def supernet_charts(rows: Sequence[Row]) -> list[Chart]:
    """Loss and accuracy of the supernet over the epochs.

    Args:
      rows: the `supernet` rows, by epoch.

    Returns:
      Two panels.
    """
    epoch = column(rows, "epoch")
    loss = [Line("training", "blue", epoch, column(rows, "loss"))]
    accuracy = [
        Line("training paths", "blue", epoch, 100 * column(rows, "accuracy")),
        Line("validation", "vermillion", epoch, 100 * column(rows, "valid_accuracy")),
    ]
    return _loss_and_accuracy(loss, _measured(accuracy))


def retrain_charts(networks: Mapping[str, Sequence[Row]]) -> list[Chart]:
    """Loss and accuracy of the networks that were trained from scratch.

    Args:
      networks: the `retrain` rows of each network, by epoch.

    Returns:
      Two panels; dashed lines are training, the others validation.
    """
    panels: dict[str, list[Line]] = {"loss": [], "accuracy": []}
    colors = network_colors(networks)
    for name, rows in networks.items():
        color, epoch = colors[name], column(rows, "epoch")
        called = network_name(name)
        for field, lines in panels.items():
            unit = 100 if field == "accuracy" else 1
            valid, trained = (
                unit * column(rows, each) for each in (f"valid_{field}", field)
            )
            lines += [
                Line(called, color, epoch, valid),
                Line(f"{called}, training", color, epoch, trained, dash=True),
            ]
    return _loss_and_accuracy(*(_measured(lines) for lines in panels.values()))


def pool_chart(rows: Sequence[Row]) -> list[Chart]:
    """Scores of the balance pool's members each time it was renewed.

    Args:
      rows: the `pool` rows, by epoch; pools may differ in size.

    Returns:
      One panel.
    """
    filled = [row for row in rows if row["scores"]]
    epoch = column(filled, "epoch")
    members = [np.asarray(row["scores"], np.float64) for row in filled]
    lines = [
        Line("median", "blue", epoch, np.array([np.median(each) for each in members])),
        Line("best", "vermillion", epoch, np.array([each.max() for each in members])),
    ]
    every = np.concatenate([*members, []])
    sizes = [len(each) for each in members]
    points = [Points("members", "sky", np.repeat(epoch, sizes), every, alpha=0.7)]
    y = Axis("Score when chosen", padded(every))
    says = said_of_lines(lines)
    return [Chart("Balance pool", says, _EPOCH, y, lines, points)]


def entropy_chart(registers: Registers) -> list[Chart]:
    """How undecided the registers are.

    Args:
      registers: probabilities [G, L, K_max].

    Returns:
      One panel: the mean over the layers, and the lowest and highest layer as a band.
    """
    entropy = normalised_entropy(registers)
    line = Line(
        "mean over layers",
        "blue",
        registers.generations,
        entropy.mean(axis=1),
        low=entropy.min(axis=1),
        high=entropy.max(axis=1),
    )
    y = Axis("Entropy (1: undecided, 0: settled)", (0.0, 1.03))
    says = said_of_lines([line])
    x = Axis("Generation", whole=True)
    return [Chart("Entropy of the proposals", says, x, y, [line])]


def _measured(lines: Sequence[Line]) -> list[Line]:
    return [line for line in lines if np.isfinite(np.asarray(line.y)).any()]


def _loss_and_accuracy(loss: Sequence[Line], accuracy: Sequence[Line]) -> list[Chart]:
    charts = []
    for title, label, lines in (
        ("Loss", "Cross-entropy (nats)", loss),
        ("Accuracy", "Accuracy (%)", accuracy),
    ):
        y = Axis(label, telling_range([(line.x, line.y) for line in lines]))
        unit = " %" if title == "Accuracy" else ""
        says = said_of_lines(lines, unit)
        if lines:
            charts.append(Chart(title, says, _EPOCH, y, lines))
    return charts
