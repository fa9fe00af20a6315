"""From running text to the numbers of its tokens, and back."""

import json
import pathlib
from collections.abc import Iterable
from typing import Self

import numpy as np

from qnas_jax.export.standalone.sentences import words_of

END_OF_LINE = "<eos>"
NO_TOKEN = 0
UNKNOWN_TOKEN = 1


def tokens_of(text: str, kind: str) -> list[str]:
    """What a text is made of.

    Args:
      text: any.
      kind: character; word: words and punctuation marks in lower case; space: whatever
        stands between spaces. Of the last two a line that has ended has a token for it.

    Returns:
      Its tokens.
    """
    if kind == "character":
        return list(text.replace("\r\n", "\n"))
    found = []
    for line in text.splitlines(keepends=True):
        [bare] = line.splitlines()
        found += words_of(bare) if kind == "word" else bare.split()
        found += [END_OF_LINE] * (line != bare)
    return found


class Tokens:
    """The tokens that are known: each has a number, any other is 1, none is 0.

    Attributes:
      words: the tokens by their numbers.
      kind: what texts are cut into, see `tokens_of`.
    """

    def __init__(self, words: Iterable[str], kind: str):
        self.words = tuple(words)
        self.kind = kind
        self.numbers = {word: number for number, word in enumerate(self.words)}
        self.numbers[self.words[NO_TOKEN]] = UNKNOWN_TOKEN  # as a text may have it

    @classmethod
    def read(cls, path: str | pathlib.Path) -> Self:
        """Reads `tokens`, their kind, and `words`, their list, of a JSON file."""
        content = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        return cls(content["words"], content["tokens"])

    def numbered(self, text: str) -> np.ndarray:
        """Numbers of the tokens of a text, int32 [M].

        Raises:
          ValueError: it is no text, or has no token.
        """
        found = tokens_of(text, self.kind) if isinstance(text, str) else []
        if not found:
            raise ValueError(
                f"got {str(text)[:40]!r}, expected a text with a token in it"
            )
        every = (self.numbers.get(token, UNKNOWN_TOKEN) for token in found)
        return np.fromiter(every, np.int32)

    def all_numbered(self, texts: Iterable[str]) -> list[np.ndarray]:
        """Numbers of the tokens of several texts, int32 [M] each.

        Raises:
          ValueError: they are none, or one is no text, or has no token.
        """
        if isinstance(texts, str) or not isinstance(texts, Iterable):
            raise ValueError(f"got {str(texts)[:40]!r}, expected a list of texts")
        found = []
        for place, text in enumerate(texts):
            try:
                found.append(self.numbered(text))
            except ValueError as error:
                raise ValueError(f"text {place} (from 0): {error}") from error
        return found

    def text_of(self, numbers: Iterable[int]) -> str:
        """Writes tokens one after the other."""
        between = "" if self.kind == "character" else " "
        return between.join(self.words[number] for number in numbers)

    @property
    def line_end(self) -> int | None:
        """Number of the token at the end of a line; None: it is not known."""
        return self.numbers.get("\n" if self.kind == "character" else END_OF_LINE)
