"""Charts that answer to the pointer: what `charts.js` draws, as plain values.

A page holds its figures twice: as pictures, for print and where no script runs, and as
charts of the same numbers. A chart says in words what is to be seen on it, which is the
text of its picture too.
"""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Numbers = Sequence[float] | np.ndarray


@dataclasses.dataclass(frozen=True)
class Axis:
    """An axis.

    Attributes:
      label: what it shows, with the unit.
      range: both ends; None: those of the lines.
      log: whether it is logarithmic.
      whole: whether it counts, so that ticks are whole numbers.
    """

    label: str
    range: tuple[float, float] | None = None
    log: bool = False
    whole: bool = False


@dataclasses.dataclass(frozen=True)
class Line:
    """A curve.

    Attributes:
      label: in the legend; "" for one in the background.
      color: a variable of `page.css`.
      x: [N], ascending.
      y: [N]; NaN is a value that was not measured and leaves no gap.
      dash: whether it is dashed.
      step: whether a value holds until the next one.
      low: [N], lower ends of a band around it; None: no band.
      high: [N].
    """

    label: str
    color: str
    x: Numbers
    y: Numbers
    dash: bool = False
    step: bool = False
    low: Numbers | None = None
    high: Numbers | None = None


@dataclasses.dataclass(frozen=True)
class Points:
    """Points of one kind.

    Attributes:
      label: in the legend; "" for none.
      color: a variable of `page.css`.
      x: values [N], or the name of a column of the page's evaluations.
      y: likewise.
      rows: which of the page's evaluations they are; those answer with their
        architecture.
      shape: dot, diamond or star.
      size: radius in pixels.
      alpha: opacity in [0, 1].
      texts: what they say, for points that are no evaluations.
      labels: what stands beside them; None: nothing.
    """

    label: str
    color: str
    x: Numbers | str
    y: Numbers | str
    rows: Sequence[int] | None = None
    shape: str = "dot"
    size: float = 3.0
    alpha: float = 1.0
    texts: Sequence[str] | None = None
    labels: Sequence[str] | None = None


@dataclasses.dataclass(frozen=True)
class Limit:
    """A dashed line across the chart, at `x`."""

    x: float


@dataclasses.dataclass(frozen=True)
class Chart:
    """One panel.

    Attributes:
      title: in a few words.
      says: what is seen, in a sentence or two.
      x: the horizontal axis.
      y: the vertical one.
      lines: curves.
      points: points, the later ones on top.
      limits: limits on x.
    """

    title: str
    says: str
    x: Axis
    y: Axis
    lines: Sequence[Line] = ()
    points: Sequence[Points] = ()
    limits: Sequence[Limit] = ()


def alt_text(charts: Sequence[Chart]) -> str:
    """What a picture of the same panels shows, in words."""
    return " ".join(f"{chart.title}: {chart.says}" for chart in charts)


def said_of_lines(lines: Sequence[Line], unit: str = "") -> str:
    """Where curves begin and end.

    Args:
      lines: those with a name are spoken of.
      unit: behind each value.

    Returns:
      For example `best so far from 0.71 to 0.93; mean from 0.5 to 0.9.`
    """
    parts = []
    for line in lines:
        known = np.asarray(line.y, np.float64)
        known = known[np.isfinite(known)]
        if line.label and len(known):
            first, last = f"{known[0]:.4g}{unit}", f"{known[-1]:.4g}{unit}"
            way = f"from {first} to {last}" if len(known) > 1 else f"at {last}"
            parts.append(f"{line.label} {way}")
    return f"{'; '.join(parts)}." if parts else "nothing was measured."


def padded(values: Numbers, share: float = 0.06) -> tuple[float, float] | None:
    """The range of the finite values with some room; None where there are none."""
    known = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    if not len(known):
        return None
    low, high = float(known.min()), float(known.max())
    room = share * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room


def telling_range(
    curves: Sequence[tuple[Numbers, Numbers]],
) -> tuple[float, float] | None:
    """A range on which curves that rise and level off are told apart.

    It holds all values of the last two thirds; the steep beginning may lie outside.

    Args:
      curves: x and y of each.

    Returns:
      Both ends; None where nothing was measured.
    """
    late, highest = [], -math.inf
    for x, y in curves:
        places, values = np.asarray(x, np.float64), np.asarray(y, np.float64)
        known = np.isfinite(values)
        if known.any():
            start = places[known].min() + np.ptp(places[known]) / 3
            late.append(values[known & (places >= start)])
            highest = max(highest, float(values[known].max()))
    if not late:
        return None
    return padded(np.concatenate([*late, [highest]]))


def page_json(content: Mapping[str, Any]) -> str:
    """Values as JSON that may stand within a page.

    Args:
      content: dataclasses, arrays and plain values; numbers get six digits.

    Returns:
      Text without `<`, `>` or `&`; what is not finite is null.
    """
    text = json.dumps(_plain(content), separators=(",", ":"), ensure_ascii=True)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {each.name: _plain(getattr(value, each.name)) for each in fields}
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple | range):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
