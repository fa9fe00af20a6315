"""Examples in docstrings become code on the pages (an extension of griffe).

Docstrings hold their examples as doctests among the text; Markdown would take `>>>` for
quotations.
"""

from typing import Any

import griffe

_FENCE = "```"


class DoctestBlocks(griffe.Extension):
    """Puts a fence around each run of lines that begins with `>>>`."""

    def on_object(self, *, obj: griffe.Object, **rest: Any) -> None:
        """Rewrites the docstring of a module, class, function or attribute."""
        del rest
        if obj.docstring is not None:
            obj.docstring.value = with_fences(obj.docstring.value)


def with_fences(text: str) -> str:
    """A docstring whose doctests are blocks.

    Args:
      text: the docstring, without its indentation.

    Returns:
      The same with a line of backticks before each `>>>` that follows an empty line (or
      begins the text), and after the last line in front of the next empty one.
    """
    lines: list[str] = []
    inside = ""
    for line in [*text.splitlines(), ""]:
        bare = line.lstrip()
        if not inside and bare.startswith(">>> "):
            inside = line[: len(line) - len(bare)] + _FENCE
            lines.append(inside + "pycon")
        if inside and not bare:
            lines.append(inside)
            inside = ""
        lines.append(line)
    return "\n".join(lines[:-1])
