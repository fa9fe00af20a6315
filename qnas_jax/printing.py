"""The standard output: lines, and tables of words."""

import os
import sys
from collections.abc import Iterable, Sequence


def say(lines: Iterable[str]) -> None:
    """Prints lines; whoever reads them may stop reading."""
    try:
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of words as lines, each column as wide as its longest word."""
    if not rows:
        return []
    rows = [[word.replace("\u00a0", " ") for word in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(f"{w:{n}}" for w, n in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
