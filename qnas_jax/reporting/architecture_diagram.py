"""Figure of the winner: a chain of boxes from stem to head, wrapped in rows.

The edges of a cell are no chain: they stand in it without arrows.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qnas_jax.reporting import style
from qnas_jax.reporting.rows import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# All lengths in inches, which are the data units of the figure's only axes.
_WIDTH = 10.0
_PER_ROW = 8
_MARGIN = 0.12
_GAP_X = 0.22
_GAP_Y = 0.36
_BOX_WIDTH = (_WIDTH - 2 * _MARGIN + _GAP_X) / _PER_ROW - _GAP_X
_BOX_HEIGHT = 1.14
_INSET = 0.08
_CHARACTERS = 13  # of the bold name at its largest size that fit into a box


@style.png
def architecture_diagram(layers: Sequence[Row]) -> "Figure":
    """Draws a network.

    Args:
      layers: the `layers` of `result.json`, in order, stem and head included.

    Returns:
      A figure of one box a layer: op, features in and out, input resolution, stride
      and share of the parameters (also the bar at the bottom). A grey box was not
      searched, a dashed one has no parameters.
    """
    rows = -(-len(layers) // _PER_ROW)
    height = rows * (_BOX_HEIGHT + _GAP_Y) - _GAP_Y + 2 * _MARGIN
    figure = style.new_figure(_WIDTH, height)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, _WIDTH)
    axes.set_ylim(height, 0)
    axes.axis("off")
    total = sum(row["params"] for row in layers) or 1
    for index, row in enumerate(layers):
        share = row["params"] / total
        _draw_box(axes, row, share, *_corner(index))
        _write_lines(axes, row, share, *_corner(index))
        in_cell = "edge" in row or "edge" in layers[index - 1]
        if index and not in_cell:
            _draw_arrow(axes, index)
    return figure


def _corner(index: int) -> tuple[float, float]:
    """Upper left corner of a box."""
    row, place = divmod(index, _PER_ROW)
    left = _MARGIN + place * (_BOX_WIDTH + _GAP_X)
    return left, _MARGIN + row * (_BOX_HEIGHT + _GAP_Y)


def _searched(row: Row) -> bool:
    return row.get("role", "layer") == "layer"


def _draw_box(axes: "Axes", row: Row, share: float, left: float, top: float) -> None:
    from matplotlib.patches import FancyBboxPatch, Rectangle

    box = FancyBboxPatch(
        (left, top),
        _BOX_WIDTH,
        _BOX_HEIGHT,
        boxstyle="round,pad=0,rounding_size=0.06",
        facecolor="#f0f7fc" if _searched(row) else "#f1f2f4",
        edgecolor=style.BLUE if _searched(row) else style.GREY,
        linestyle="-" if row["params"] else "--",
        linewidth=1.1,
    )
    axes.add_patch(box)
    whole = _BOX_WIDTH - 2 * _INSET
    bottom = top + _BOX_HEIGHT - 0.16
    for width, color in ((whole, style.PALE), (whole * share, style.ORANGE)):
        bar = Rectangle((left + _INSET, bottom), width, 0.07, facecolor=color)
        axes.add_patch(bar)


def _write_lines(axes: "Axes", row: Row, share: float, left: float, top: float) -> None:
    middle = left + _BOX_WIDTH / 2
    heading = f"layer {row['layer']}" if _searched(row) else row["role"]
    if "edge" in row:
        heading = f"edge {row['edge']}"
    name, size = _fitted(str(row["op"]))
    # A layer that shrinks its input is where the network's stages begin.
    strided = row["stride"] > 1
    color = style.VERMILLION if strided else style.INK
    resolution = f"size {row['resolution']}, stride {row['stride']}"
    lines = (
        (0.14, heading, 6.8, style.GREY, "normal"),
        (0.33, name, size, style.INK, "bold"),
        (
            0.54,
            f"{row['in_features']} → {row['out_features']}",
            7.8,
            style.INK,
            "normal",
        ),
        (0.71, resolution, 6.8, color, "normal"),
        (0.88, f"{100 * share:.1f} % of params", 6.8, style.GREY, "normal"),
    )
    for depth, text, points, ink, weight in lines:
        axes.text(
            middle,
            top + depth,
            text,
            fontsize=points,
            color=ink,
            weight=weight,
            ha="center",
            va="center",
        )


def _fitted(name: str) -> tuple[str, float]:
    """Shrinks a long op name into its box, and cuts a very long one."""
    longest = 2 * _CHARACTERS
    name = name if len(name) <= longest else name[: longest - 1] + "…"
    return name, 8.4 * min(1.0, _CHARACTERS / max(len(name), 1))


def _draw_arrow(axes: "Axes", index: int) -> None:
    """Joins box `index` to the one before, around the row's end where needed."""
    left, top = _corner(index)
    old_left, old_top = _corner(index - 1)
    half = _BOX_HEIGHT / 2
    look: dict[str, Any] = {
        "arrowstyle": "-|>",
        "color": style.GREY,
        "shrinkA": 0,
        "shrinkB": 0,
    }
    if top == old_top:
        start = (old_left + _BOX_WIDTH, top + half)
        axes.annotate("", (left, top + half), start, arrowprops=look)
        return
    turn = top - _GAP_Y / 2
    middle = left + _BOX_WIDTH / 2
    out = old_left + _BOX_WIDTH / 2
    axes.plot(
        [out, out, middle],
        [old_top + _BOX_HEIGHT, turn, turn],
        color=style.GREY,
        linewidth=1.0,
    )
    axes.annotate("", (middle, top), (middle, turn), arrowprops=look)
