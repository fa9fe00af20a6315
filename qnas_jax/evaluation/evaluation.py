"""One evaluation: what is known of an architecture, and how it stands in a file."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

from qnas_jax.errors import UserError
from qnas_jax.options import shown


@dataclasses.dataclass(frozen=True, slots=True)
class Evaluation:
    """One row of the history.

    Attributes:
      evaluation: its number, from 1.
      generation: the generation that asked for it.
      arch: op index of each layer.
      fidelity: at which it was evaluated, a place in the evaluator's; -1: the highest.
      score: what is maximised; -inf if the status is not "ok".
      metrics: by name.
      costs: by name: of the network (params, macs), of the evaluation (seconds).
      status: "ok", or how it failed, see `Status`.
      reason: why, one line; "" if there is no more to say.
    """

    evaluation: int
    generation: int
    arch: tuple[int, ...]
    fidelity: int
    score: float
    metrics: dict[str, float]
    costs: dict[str, float]
    status: str
    reason: str

    def row(self) -> dict[str, Any]:
        """The JSON row; values that are not finite become null."""
        row = dataclasses.asdict(self)
        row["score"] = _finite(self.score)
        for group in ("metrics", "costs"):
            row[group] = {name: _finite(value) for name, value in row[group].items()}
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Evaluation":
        """Reads what `row` wrote.

        Raises:
          UserError: the row has another form.
        """
        wrong = _wrong_field(row)
        if wrong:
            raise UserError(f"evaluation {row.get('evaluation')!r}: {wrong}")
        groups = {
            group: {
                name: math.nan if value is None else value
                for name, value in row[group].items()
            }
            for group in ("metrics", "costs")
        }
        score = -math.inf if row["score"] is None else float(row["score"])
        return cls(**{**row, **groups, "arch": tuple(row["arch"]), "score": score})


def _is_int(value: Any) -> bool:
    return type(value) is int and abs(value) < 2**31


def _are_ops(value: Any) -> bool:
    """A list of op numbers; there are many of them."""
    if not isinstance(value, list) or set(map(type, value)) != {int}:
        return False
    return min(value) >= 0 and max(value) < 2**31


def _is_score(value: Any) -> bool:
    """A finite number, of those that are doubles too, or null in its place."""
    if type(value) is int:
        return abs(value) <= 2**53
    return value is None or (type(value) is float and math.isfinite(value))


def _are_scores(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_score, value.values()))


_FITS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("evaluation", "generation", "fidelity"), _is_int),
    "arch": _are_ops,
    "score": _is_score,
    **dict.fromkeys(("metrics", "costs"), _are_scores),
    **dict.fromkeys(("status", "reason"), lambda value: isinstance(value, str)),
}
"""Whether a JSON value fits a field of `Evaluation`."""


def _wrong_field(row: Mapping[str, Any]) -> str:
    """What is wrong with a row, or ""."""
    if row.keys() != _FITS.keys():
        names = [field.name for field in dataclasses.fields(Evaluation)]
        return f"got fields {shown(sorted(row))}, expected {', '.join(names)}"
    for name, fits in _FITS.items():
        if not fits(row[name]):
            return f"got {name} {shown(row[name])}"
    return ""


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
