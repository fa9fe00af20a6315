"""The table of a ranking: one row a score, as text and as cells of the page."""

from collections.abc import Mapping

from qnas_jax.reporting import formats
from qnas_jax.reporting.rows import Row

HEADINGS = (
    "score",
    "Kendall's tau (95 %)",
    "Spearman's rho",
    "tau in the best tenth (95 %)",
    "pick, true",
    "best of the top 10, true",
)

NAMES = {
    "macs": "MACs",
    "params": "parameters",
    "balanced_accuracy": "balanced acc.",
    "macro_f1": "macro F1",
}


def score_name(name: str) -> str:
    """What tables and figures call a score."""
    return NAMES.get(name, name)


def ranking_cells(measures: Mapping[str, Row]) -> list[list[str]]:
    """Cells of the table.

    Args:
      measures: by the name of a score, the fields of `RankingMeasures.row`.

    Returns:
      A row a score, a cell a heading.
    """
    return [
        [
            score_name(name),
            _with_ends(row, "kendall_tau", "tau"),
            _decimals(row["spearman"]),
            _with_ends(row, "best_tenth_tau", "best_tenth"),
            _pick(row),
            formats.percent(row["top_ten"]),
        ]
        for name, row in measures.items()
    ]


def ranking_lines(measures: Mapping[str, Row]) -> list[str]:
    """The table as lines of text, headings first; columns are aligned."""
    cells = [list(HEADINGS), *ranking_cells(measures)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for name, *rest in cells:
        padded = [
            cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)
        ]
        lines.append("  ".join([name.ljust(widths[0]), *padded]).replace("\u00a0", " "))
    return lines


def _with_ends(row: Row, field: str, ends: str) -> str:
    value = row[field]
    if value is None:
        return formats.MISSING
    low, high = (_decimals(row[f"{ends}_{end}"]) for end in ("low", "high"))
    return f"{_decimals(value)} [{low}, {high}]"


def _pick(row: Row) -> str:
    tied = f" (1 of {row['tied']} alike)" if row["tied"] > 1 else ""
    return formats.percent(row["pick"]) + tied


def _decimals(value: float | None) -> str:
    return formats.MISSING if value is None else f"{value:.3f}"
