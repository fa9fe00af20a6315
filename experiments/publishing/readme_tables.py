"""The tables of results from rows alone, and their way into README and docs."""

import pathlib
import shutil
from collections.abc import Sequence

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
    """Puts tables into the README and its page of results, figures beside the latter.

    A table stands between `<!-- begin: NAME -->` and `<!-- end: NAME -->`. The README
    has the lines of telling parts, the page all lines and the other tables. Parts that
    have no rows keep the lines that name their command.

    Args:
      folder: of the results.
      readme: the file.
      docs: folder of the page `results.md` and of the figures.

    Raises:
      ValueError: a file lacks the markers of a table.
    """
    page = docs / "results.md"
    _put_results(readme, folder, [part for part in PARTS if part.telling])
    _put_results(page, folder, PARTS)
    for name, made in (
        ("search rules", rules_table(folder)),
        ("strategies", strategies_table(folder)),
    ):
        if made:
            before, _, after = _around(page, name)
            page.write_text(before + made + after, "utf-8")
    for part in PARTS:
        for name, source in part.figures.items():
            file = folder / (part.name + ("" if source[0] == "." else "/") + source)
            if file.is_file():
                shutil.copyfile(file, docs / name)


def _put_results(
    file: pathlib.Path, folder: pathlib.Path, parts: Sequence[Part]
) -> None:
    """Writes the table of results of some parts into a file."""
    before, old, after = _around(file, "results")
    lines = []
    for part in parts:
        kept = [line for line in old.splitlines() if f"`{part.shown}`" in line]
        lines += result_lines(part, folder) or kept
    file.write_text(before + _HEAD + "\n".join(lines) + after, "utf-8")


def _around(file: pathlib.Path, name: str) -> tuple[str, str, str]:
    """What stands in a file before, between and after the markers of a table."""
    begin, end = f"<!-- begin: {name} -->\n", f"\n<!-- end: {name} -->"
    before, _, rest = file.read_text("utf-8").partition(begin)
    old, found, after = rest.partition(end)
    if not found:
        raise ValueError(
            f"{file}: got no {begin.strip()} ... {end.strip()}, expected both"
        )
    return before + begin, old, end + after
