"""From sentences to the numbers of their words, and a network around them."""

import json
import pathlib
import re
from collections.abc import Iterable, Sequence
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.export.standalone.classifier import Predictor

WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


def words_of(sentence: str) -> list[str]:
    """Words and punctuation marks of a sentence, in lower case."""
    return WORD.findall(sentence.lower())


class Vocabulary:
    """The words that are known: each has a number, any other word is 1, none is 0."""

    def __init__(self, words: Iterable[str]):
        self.numbers = {word: number for number, word in enumerate(words)}

    @classmethod
    def read(cls, path: str | pathlib.Path) -> Self:
        """Reads a JSON list of words; the place of a word is its number."""
        return cls(json.loads(pathlib.Path(path).read_text(encoding="utf-8")))

    def numbered(self, sentences: Sequence[str], length: int) -> np.ndarray:
        """Numbers of the words of sentences.

        Args:
          sentences: texts [N], each with a word at least.
          length: words of a sentence that are looked at.

        Returns:
          int32 [N, length], 0 behind the end of a sentence.

        Raises:
          ValueError: something is no text, or has no word in it.
        """
        rows = np.zeros((len(sentences), length), np.int32)
        for place, sentence in enumerate(sentences):
            words = words_of(sentence) if isinstance(sentence, str) else []
            if not words:
                raise ValueError(
                    f"sentence {place} (from 0): got {str(sentence)[:40]!r}, expected "
                    "a text with a word in it"
                )
            found = [self.numbers.get(word, 1) for word in words[:length]]
            rows[place, : len(found)] = found
        return rows


class TextClassifier(Predictor):
    """A network for sentences, or for the numbers of their words.

    Attributes:
      vocabulary: the words that it knows, from the file beside its weights.
    """

    vocabulary: Vocabulary | None = None

    def prepare(self, examples: jax.Array) -> jax.Array:
        """Numbers of words as they are: the first block looks them up.

        Args:
          examples: int32 [N, T], 0 behind the end of a sentence.

        Returns:
          The same, int32 [N, T].
        """
        return examples

    def __call__(self, examples: Any) -> jax.Array:
        """Computes logits.

        Args:
          examples: sentences, or numbers of their words: int32 [N, T] with any T, of
            which as many as `input_shape` has are looked at.

        Returns:
          float32 [N, classes].

        Raises:
          ValueError: the examples are neither.
        """
        numbers = self.numbered(examples)[:, : self.input_shape[0]]
        return self.run(self.prepare(numbers))

    def numbered(self, examples: Any) -> jax.Array:
        """Sentences, or numbers of their words [N, T] -> int32 [N, T].

        Raises:
          ValueError: the examples are neither, or there is no vocabulary for sentences.
        """
        if not hasattr(examples, "dtype"):
            if isinstance(examples, str) or self.vocabulary is None:
                raise ValueError("expected a list of sentences, and a vocabulary")
            examples = self.vocabulary.numbered(list(examples), self.input_shape[0])
        examples = jnp.asarray(examples)
        if examples.ndim != 2 or not jnp.issubdtype(examples.dtype, jnp.integer):
            raise ValueError(
                f"got {examples.dtype} {list(examples.shape)}, expected whole numbers "
                "[N, T]"
            )
        return examples.astype(jnp.int32)

    def predict(self, examples: Any) -> tuple[list[str], np.ndarray]:
        """Names the most probable class of each sentence, [N], see `Predictor.predict`.

        Raises:
          ValueError: as `numbered`.
        """
        return super().predict(self.numbered(examples))

    @classmethod
    def load(cls, path: str | pathlib.Path) -> Self:
        """Builds the network with its weights, and reads its vocabulary."""
        network = super().load(path)
        file = pathlib.Path(path).with_name("vocabulary.json")
        network.vocabulary = Vocabulary.read(file)
        return network
