"""The line that is said of limits that no architecture keeps: which ones would do."""

import decimal
from collections.abc import Callable, Mapping

Least = Callable[[str, Mapping[str, float]], float | None]
"""(name, other limits) -> the smallest such cost of what keeps these; None: nothing."""

_DIGITS = decimal.Context(prec=6, rounding=decimal.ROUND_CEILING)


def infeasible(limits: Mapping[str, float], least: Least) -> str:
    """Says which larger limits could be kept.

    Args:
      limits: by name of the cost; nothing keeps all of them.
      least: the smallest value of a cost, others being limited.

    Returns:
      For example `max_params: got 10, expected at least 1234: no architecture ...`, or
      of limits that can be kept one by one `max_params: got max_params=5, max_macs=5,
      expected max_params=9 or max_macs=8, the others kept: no architecture ...`.
    """
    for name, most in limits.items():
        alone = least(name, {})
        if alone is None:
            return (
                f"max_{name}: got {_plain(most)}, expected 0, which is no limit: this "
                "is not known of any architecture"
            )
        if alone > most:
            return (
                f"max_{name}: got {_plain(most)}, expected at least "
                f"{_rounded_up(alone)}: no architecture of the space costs less"
            )
    return (
        f"max_{next(iter(limits))}: got {_words(limits, _plain)}, expected "
        f"{_what_would_do(limits, least)}: no architecture keeps all of them"
    )


def _what_would_do(limits: Mapping[str, float], least: Least) -> str:
    """One of the limits made larger, or several where that is not enough."""
    ways: dict[str, float] = {}
    for name in limits:
        others = {other: most for other, most in limits.items() if other != name}
        value = least(name, others)
        if value is not None:
            ways[name] = value
    if ways:
        kept = "the other kept" if len(limits) == 2 else "the others kept"
        return f"{_words(ways, _rounded_up, ' or ')}, {kept}"
    together: dict[str, float] = {}
    for name, most in limits.items():
        together[name] = max(most, least(name, together) or most)
    return f"for example {_words(together, _rounded_up)}"


def _words(
    limits: Mapping[str, float], number: Callable[[float], str], between: str = ", "
) -> str:
    return between.join(f"max_{name}={number(most)}" for name, most in limits.items())


def _plain(value: float) -> str:
    """Whole numbers with all their digits, as they are typed."""
    return str(int(value)) if float(value).is_integer() else f"{value:.6g}"


def _rounded_up(value: float) -> str:
    """Six digits that are not less than the value, so that they can be kept."""
    if float(value).is_integer():
        return _plain(value)
    return _plain(float(_DIGITS.create_decimal(decimal.Decimal(value))))
