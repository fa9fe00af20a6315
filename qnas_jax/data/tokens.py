"""What running text is cut into."""

from collections.abc import Callable, Iterable, Iterator

from qnas_jax.data.text import words_of

END = "<eos>"
"""The token at the end of a line, where tokens are words."""


def _words(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield from words_of(line)
        yield END


def _between_spaces(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield from line.split()
        yield END


TOKENS: dict[str, Callable[[str], Iterable[str]]] = {
    "character": lambda text: text,
    "word": _words,
    "space": _between_spaces,
}
"""Text -> tokens: characters, ends of lines among them; words and punctuation marks in
lower case; or whatever stands between spaces, as Penn Treebank and WikiText have it."""
