"""How every figure looks: palette, fonts, rendering to PNG bytes.

Colours: Okabe & Ito (2008), "Color universal design", told apart under all common
colour-vision deficiencies; the ramp for amounts changes in lightness, so that it
survives grey printing.
"""

import functools
import io
import itertools
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

P = ParamSpec("P")

BLUE = "#0072B2"
ORANGE = "#E69F00"
GREEN = "#009E73"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"
SKY = "#56B4E9"
INK = "#1f2933"
GREY = "#7b8794"
PALE = "#e4e7eb"

COLORS = {
    "blue": BLUE,
    "orange": ORANGE,
    "green": GREEN,
    "purple": PURPLE,
    "vermillion": VERMILLION,
    "sky": SKY,
}
"""By the names that charts and `page.css` have for them."""

_OF_NETWORKS = {"winner": "blue", "random": "orange", "largest": "green"}

_DPI = 150
_RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": False,
    "grid.color": PALE,
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.6,
    "text.color": INK,
    "text.usetex": False,
    # Op names are the user's; a dollar sign in one is no formula.
    "text.parse_math": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


def network_colors(names: Collection[str]) -> dict[str, str]:
    """Colours of retrained networks: the same for the usual ones, on every page.

    Args:
      names: of networks, in order.

    Returns:
      Names of `COLORS`; further networks take those that are left, then all in turn.
    """
    found = {name: _OF_NETWORKS[name] for name in names if name in _OF_NETWORKS}
    others = [name for name in names if name not in found]
    left = [color for color in COLORS if color not in found.values()]
    return found | dict(zip(others, itertools.cycle(left), strict=False))


def png(draw: Callable[P, "Figure"]) -> Callable[P, bytes]:
    """Makes a function that draws a figure return it as PNG bytes in our style.

    The style holds while the figure is drawn and rendered, and no longer.
    """

    @functools.wraps(draw)
    def rendered(*args: P.args, **kwargs: P.kwargs) -> bytes:
        import matplotlib

        with matplotlib.rc_context(_RC):
            target = io.BytesIO()
            draw(*args, **kwargs).savefig(target, format="png", dpi=_DPI)
            return target.getvalue()

    return rendered


def new_figure(width: float, height: float) -> "Figure":
    """Returns an empty figure of the given size in inches, outside of pyplot."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def amount_colors(lightest: float = 0.0) -> "Colormap":
    """Returns the ramp for amounts in [0, 1], white to navy.

    Args:
      lightest: where on the ramp 0 lies; above 0 for points on a white ground.
    """
    from matplotlib.colors import LinearSegmentedColormap

    ramp = LinearSegmentedColormap.from_list(
        "amount", ["#ffffff", "#c6dff0", "#5aa5d3", BLUE, "#08294d"]
    )
    shades = ramp(np.linspace(lightest, 1.0, 256))
    return LinearSegmentedColormap.from_list("amount", shades)


def plot_line(
    axes: "Axes", x: np.ndarray, y: np.ndarray, color: str, label: str, dash: str = "-"
) -> None:
    """Draws a curve through the finite values; few points also get a marker.

    Args:
      axes: where to draw.
      x: [N] positions.
      y: [N] values; NaN is a value that was not measured and leaves no gap.
      color: a colour of the palette.
      label: the legend's entry.
      dash: Matplotlib's line style.
    """
    known = np.isfinite(y)
    if known.any():
        marker = "o" if known.sum() <= 30 else None
        axes.plot(
            x[known],
            y[known],
            dash,
            color=color,
            label=label,
            marker=marker,
            markersize=3,
        )


def whole_numbers(axes: "Axes") -> None:
    """Puts the ticks of the x axis at whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))


def log_ticks(axis: "Axis") -> None:
    """Puts plain numbers at 1, 2 and 5 of each decade of a logarithmic axis."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
