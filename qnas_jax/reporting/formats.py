"""Numbers as the page shows them; a value that is not known is a dash."""

import functools
import math
from collections.abc import Callable

MISSING = "–"
_NBSP = "\u00a0"


def _or_dash(show: Callable[[float], str]) -> Callable[[float | None], str]:
    @functools.wraps(show)
    def shown(value: float | None) -> str:
        if value is None or not math.isfinite(value):
            return MISSING
        return show(value)

    return shown


@_or_dash
def percent(share: float) -> str:
    """0.97777 -> 97.78 %."""
    return f"{100 * share:.2f}{_NBSP}%"


def points(difference: float) -> str:
    """A difference of shares in percentage points with its sign: 0.0123 -> +1.23."""
    rounded = round(100 * difference, 2)
    return f"{rounded:+.2f}".replace("-", "\u2212") if rounded else "0.00"


@_or_dash
def count(value: float) -> str:
    """1234567 -> 1,234,567."""
    return f"{round(value):,}"


@_or_dash
def short_count(value: float) -> str:
    """1234567 -> 1.23 M (thousand k, million M, milliard G)."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * limit:  # 999,999 is 1 M, not 1000 k
            return f"{value / limit:.3g}{_NBSP}{unit}"
    return f"{value:.3g}"


@_or_dash
def score(value: float) -> str:
    """A score on the scale of the search, four decimals."""
    return f"{value:.4f}"


@_or_dash
def nats(loss: float) -> str:
    """1.23456 -> 1.235 nats."""
    return f"{loss:.3f}{_NBSP}nats"


def signed(difference: float) -> str:
    """A difference of losses with its sign: 0.01234 -> +0.0123."""
    rounded = round(difference, 4)
    return f"{rounded:+.4f}".replace("-", "\u2212") if rounded else "0.0000"


def p_value(value: float) -> str:
    """0.0312 -> p = 0.031; tiny ones as a bound."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


@_or_dash
def duration(seconds: float) -> str:
    """3.21 -> 3.2 s, 125 -> 2 min 05 s, 7500 -> 2 h 05 min."""
    if seconds < 59.95:
        return f"{seconds:.1f}{_NBSP}s"
    if seconds < 3599.5:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes}{_NBSP}min{_NBSP}{rest:02d}{_NBSP}s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours}{_NBSP}h{_NBSP}{minutes:02d}{_NBSP}min"


def shortened(name: str, longest: int) -> str:
    """A name of at most so many characters; what is left out is an ellipsis."""
    return name if len(name) <= longest else name[: longest - 1] + "…"


FILTERS: dict[str, Callable[..., str]] = {
    "percent": percent,
    "points": points,
    "count": count,
    "short_count": short_count,
    "score": score,
    "p_value": p_value,
    "signed": signed,
    "duration": duration,
}
