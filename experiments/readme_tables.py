"""The tables of the README from rows alone, and their way into the README."""

import pathlib
import shutil
from collections.abc import Mapping

from experiments import readme_results as results
from experiments.readme_parts import PARTS, read_rows


def tables(folder: pathlib.Path) -> dict[str, str]:
    """The tables of the README by their markers, from the rows that are there."""
    lines = [
        f"| {what} | {result} | `{part.shown}` |"
        for part in PARTS
        if part.lines and (rows := read_rows(part, folder))
        for what, result in part.lines(rows)
    ]
    made = {}
    if lines:
        head = ["| what | result | command |", "| --- | --- | --- |"]
        made["results"] = "\n".join(head + lines)
    by_name = {part.name: part for part in PARTS}
    if rules := read_rows(by_name["search_rules"], folder):
        made["search rules"] = results.search_rules(rules)
    return made


def publish(
    made: Mapping[str, str],
    folder: pathlib.Path,
    readme: pathlib.Path,
    docs: pathlib.Path,
) -> None:
    """Puts tables into the README and figures into its folder.

    Args:
      made: of `tables`; each replaces what stands between
        `<!-- begin: NAME -->` and `<!-- end: NAME -->`.
      folder: of the results.
      readme: the file.
      docs: folder of its figures.

    Raises:
      ValueError: a part has no rows, or the README lacks the markers of a table.
    """
    missing = [part.name for part in PARTS if not read_rows(part, folder)]
    if missing:
        raise ValueError(f"{folder}: got no rows of {', '.join(missing)}; run them")
    text = readme.read_text("utf-8")
    for name, content in made.items():
        begin, end = f"<!-- begin: {name} -->\n", f"\n<!-- end: {name} -->"
        before, _, rest = text.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise ValueError(f"{readme}: got no {begin.strip()} ... {end.strip()}")
        text = f"{before}{begin}{content}{end}{after}"
    readme.write_text(text, "utf-8")
    for part in PARTS:
        for name, source in part.figures.items():
            file = folder / (part.name + ("" if source[0] == "." else "/") + source)
            if file.is_file():
                shutil.copyfile(file, docs / name)
