"""The fenced blocks of README and documentation, and the commands in them."""

import pathlib
import re
import shlex
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

_FENCE = re.compile(
    r"(?:<!-- (?P<note>[a-z]+[^>]*?) -->\n)?"
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$",
    flags=re.DOTALL | re.MULTILINE,
)


class Block(NamedTuple):
    """One fenced block.

    Attributes:
      language: `python`, `text`, or "" for commands.
      text: what stands in it, without its indentation.
      note: of the comment above it: what a test has to know.
    """

    language: str
    text: str
    note: str


def page_name(page: pathlib.Path) -> str:
    """A page as tests are named."""
    return page.stem


def blocks(page: pathlib.Path) -> list[Block]:
    """The blocks of a page, from top to bottom."""
    found = []
    for match in _FENCE.finditer(page.read_text("utf-8")):
        indent = match["indent"]
        lines = [line.removeprefix(indent) for line in match["text"].splitlines()]
        text = "\n".join(lines) + "\n"
        found.append(Block(match["language"], text, match["note"] or ""))
    return found


def commands(page: pathlib.Path) -> list[list[str]]:
    """The commands of a page as words, comments left out."""
    text = "".join(block.text for block in blocks(page) if not block.language)
    lines = text.replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    return [command for command in words if command]


def block_of(page: str, word: str) -> str:
    """The one Python block of a page that contains a word."""
    (file,) = [each for each in PAGES if page_name(each) == page]
    texts = [block.text for block in blocks(file) if block.language == "python"]
    (found,) = [text for text in texts if word in text]
    return found
