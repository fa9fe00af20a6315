"""The tables of the README from rows alone, and their way into the README."""

import pathlib
import shutil

from experiments.comparisons.contestants import ACTS_BY
from experiments.comparisons.table import comparison_table
from experiments.publishing import readme_results as results
from experiments.publishing.readme_parts import PARTS, Part, rows_of
from qnas_jax.reporting.comparison.records import curves_by_task

_HEAD = "| what | result | command |\n| --- | --- | --- |\n"


def result_lines(part: Part, folder: pathlib.Path) -> list[str]:
    """Lines of the table of results from the rows of a part; none without rows."""
    rows = rows_of(part, folder)
    if not part.lines or not rows:
        return []
    return [
        f"| {what} | {result} | `{part.shown}` |" for what, result in part.lines(rows)
    ]


def rules_table(folder: pathlib.Path) -> str:
    """The table of search rules, from the rows of its part; "" without rows."""
    (part,) = [part for part in PARTS if part.name == "search_rules"]
    rows = rows_of(part, folder)
    return results.search_rules(rows) if rows else ""


def strategies_table(folder: pathlib.Path) -> str:
    """Every strategy and what it acts by, from the comparison; "" without rows."""
    found = [part for part in PARTS if part.name == "comparison"]
    rows = [row for part in found for row in rows_of(part, folder)]
    curves = curves_by_task([dict(row) for row in rows])
    return comparison_table(curves, acts_by=ACTS_BY) if curves else ""


def tables(folder: pathlib.Path) -> str:
    """All tables in Markdown, of the parts that have rows."""
    lines = [line for part in PARTS for line in result_lines(part, folder)]
    parts = [_HEAD + "\n".join(lines), rules_table(folder), strategies_table(folder)]
    return "\n\n".join(parts) + "\n"


def publish(folder: pathlib.Path, readme: pathlib.Path, docs: pathlib.Path) -> None:
    """Puts tables into the README and figures into its folder.

    A table stands between `<!-- begin: NAME -->` and `<!-- end: NAME -->`. Parts that
    have no rows keep the lines that name their command.

    Args:
      folder: of the results.
      readme: the file.
      docs: folder of its figures.

    Raises:
      ValueError: the README lacks the markers of a table.
    """
    text = readme.read_text("utf-8")
    before, old, after = _around(text, "results", readme)
    lines = []
    for part in PARTS:
        kept = [line for line in old.splitlines() if f"`{part.shown}`" in line]
        lines += result_lines(part, folder) or kept
    text = before + _HEAD + "\n".join(lines) + after
    for name, made in (
        ("search rules", rules_table(folder)),
        ("strategies", strategies_table(folder)),
    ):
        if made:
            before, _, after = _around(text, name, readme)
            text = before + made + after
    readme.write_text(text, "utf-8")
    for part in PARTS:
        for name, source in part.figures.items():
            file = folder / (part.name + ("" if source[0] == "." else "/") + source)
            if file.is_file():
                shutil.copyfile(file, docs / name)


def _around(text: str, name: str, readme: pathlib.Path) -> tuple[str, str, str]:
    """What stands before, between and after the markers of a table."""
    begin, end = f"<!-- begin: {name} -->\n", f"\n<!-- end: {name} -->"
    before, _, rest = text.partition(begin)
    old, found, after = rest.partition(end)
    if not found:
        raise ValueError(
            f"{readme}: got no {begin.strip()} ... {end.strip()}, expected both"
        )
    return before + begin, old, end + after
