"""What a language model says of texts, and a network around it."""

import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.export.standalone.classifier import Predictor, logits_of
from qnas_jax.export.standalone.tokens import NO_TOKEN, UNKNOWN_TOKEN, Tokens

LONGEST_CONTINUATION = 20
MOST_LOGITS = 2**24  # in memory at once
MOST_WINDOWS = 128

Answers = Callable[[np.ndarray], Any]
"""Numbers of tokens int32 [N, T] -> logits [N, T, V] of what follows each."""


class Foreteller:
    """A network that runs anywhere, asked about texts.

    Attributes:
      run: numbers of tokens int32 [N, T] -> logits [N, T, V] of what follows each.
      vocabulary: the tokens.
      length: T, tokens of a window.
    """

    def __init__(self, run: Answers, vocabulary: Tokens, length: int):
        self.run = run
        self.vocabulary = vocabulary
        self.length = length

    def next_tokens(self, texts: Sequence[str]) -> tuple[list[str], np.ndarray]:
        """The most probable token behind each text.

        Args:
          texts: [N], of any length.

        Returns:
          Tokens [N] and their probabilities, float32 [N].

        Raises:
          ValueError: they are no texts.
        """
        logits = self.logits_behind(self.vocabulary.all_numbered(texts))
        best, shares = most_likely(logits)
        return [self.vocabulary.words[number] for number in best.tolist()], shares

    def log_probabilities(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Log probability of each token of texts, from those before it in its window.

        Args:
          texts: [N], of any length.

        Returns:
          In nats, float32 [M - 1] of M tokens: nothing foretells the first one.

        Raises:
          ValueError: they are no texts.
        """
        numbers = self.vocabulary.all_numbered(texts)
        inputs, following = cut_windows(numbers, self.length)
        found = np.zeros(inputs.shape, np.float32)
        for place, logits in self.in_parts(inputs):
            largest = logits.max(axis=-1, keepdims=True)
            total = np.log(np.exp(logits - largest).sum(axis=-1)) + largest[..., 0]
            own = np.take_along_axis(logits, following[place][..., None], axis=-1)
            found[place] = own[..., 0] - total
        counts = [number_of_windows(each, self.length) for each in numbers]
        by_text = np.split(found, np.cumsum(counts)[:-1])
        return [
            part.ravel()[: len(each) - 1]
            for part, each in zip(by_text, numbers, strict=False)
        ]

    def continuations(
        self, texts: Sequence[str], most: int = LONGEST_CONTINUATION
    ) -> list[str]:
        """The most probable token behind each text, the one behind that, and so on.

        Args:
          texts: [N], of any length.
          most: tokens that are added, at most.

        Returns:
          What is added to each text, up to the end of its line.

        Raises:
          ValueError: they are no texts.
        """
        numbers = self.vocabulary.all_numbered(texts)
        added: list[list[int]] = [[] for _ in numbers]
        going = list(range(len(numbers)))
        for _ in range(most):
            logits = self.logits_behind([numbers[place] for place in going])
            best, _ = most_likely(logits)
            chosen = dict(zip(going, best.tolist(), strict=True))
            going = [n for n in going if chosen[n] != self.vocabulary.line_end]
            for place in going:
                added[place].append(chosen[place])
                numbers[place] = np.append(numbers[place], np.int32(chosen[place]))
        return [self.vocabulary.text_of(each) for each in added]

    def logits_behind(self, numbers: Sequence[np.ndarray]) -> np.ndarray:
        """Logits of what follows texts, from as many last tokens as a window has.

        Args:
          numbers: of the tokens of each text, int32 [M].

        Returns:
          float32 [N, V].
        """
        ends = [each[-self.length :] for each in numbers]
        rows = np.zeros((len(ends), self.length), np.int32)
        for row, end in zip(rows, ends, strict=True):
            row[: len(end)] = end
        last = np.asarray([len(end) - 1 for end in ends], np.int64)
        found = np.zeros((len(ends), len(self.vocabulary.words)), np.float32)
        for place, logits in self.in_parts(rows):
            found[place] = logits[np.arange(len(logits)), last[place]]
        return found

    def in_parts(self, rows: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Runs the network on some windows after the others.

        Args:
          rows: int32 [N, T].

        Yields:
          Which windows, and their logits float32 [n, T, V]. Each call has one of a few
          numbers of windows, so that few programs are compiled.
        """
        of_one = self.length * len(self.vocabulary.words)
        most = max(1, min(MOST_WINDOWS, MOST_LOGITS // of_one))
        for start in range(0, len(rows), most):
            part = rows[start : start + most]
            size = min(most, 1 << (len(part) - 1).bit_length())
            filled = np.pad(part, ((0, size - len(part)), (0, 0)))
            place = slice(start, start + len(part))
            yield place, np.asarray(self.run(filled))[: len(part)]


def number_of_windows(numbers: np.ndarray, length: int) -> int:
    """Windows of `length` tokens that hold all of int32 [M] but the last."""
    return -(-(len(numbers) - 1) // length)


def cut_windows(
    numbers: Sequence[np.ndarray], length: int
) -> tuple[np.ndarray, np.ndarray]:
    """Windows of texts that follow each other; nothing before a window is seen.

    Args:
      numbers: of the tokens of each text, int32 [M].
      length: T, tokens of a window.

    Returns:
      Windows and what follows each of their tokens, int32 [N, T], 0 behind the end of a
      text.
    """
    both = [np.zeros((2, 0, length), np.int32)]
    for each in numbers:
        count = number_of_windows(each, length)
        rows = np.zeros((2, count * length), np.int32)
        rows[0, : len(each) - 1], rows[1, : len(each) - 1] = each[:-1], each[1:]
        both.append(rows.reshape(2, count, length))
    inputs, following = np.concatenate(both, axis=1)
    return inputs, following


def most_likely(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The most probable token that can be written, and its probability.

    Args:
      logits: float32 [N, V].

    Returns:
      Numbers int64 [N] and float32 [N].
    """
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    shares[:, [NO_TOKEN, UNKNOWN_TOKEN]] = 0.0
    return shares.argmax(axis=-1), shares.max(axis=-1)


class LanguageModel(Predictor):
    """A network that says of each token of running text which one follows.

    Attributes:
      vocabulary: the tokens that it knows, from the file beside its weights.
    """

    vocabulary: Tokens | None = None

    def prepare(self, examples: jax.Array) -> jax.Array:
        """Numbers of tokens int32 [N, T] as they are: the first block looks them up."""
        return examples

    def __call__(self, examples: Any) -> jax.Array:
        """Computes logits.

        Args:
          examples: numbers of tokens, int32 [N, T], 0 behind the end of a text; T is at
            most that of `input_shape`.

        Returns:
          Of what follows each token, float32 [N, T, V].

        Raises:
          ValueError: the examples are none.
        """
        examples = jnp.asarray(examples)
        whole = jnp.issubdtype(examples.dtype, jnp.integer) and examples.ndim == 2
        if not whole or examples.shape[1] > self.input_shape[0]:
            raise ValueError(
                f"got {examples.dtype} {list(examples.shape)}, expected whole numbers "
                f"[N, at most {self.input_shape[0]}]"
            )
        return self.run(self.prepare(examples.astype(jnp.int32)))

    def predict(self, examples: Any) -> tuple[list[str], np.ndarray]:
        """The most probable token behind each text, see `Foreteller.next_tokens`."""
        return self.foreteller().next_tokens(examples)

    def log_probabilities(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Those of the tokens of texts [N], see `Foreteller.log_probabilities`."""
        return self.foreteller().log_probabilities(texts)

    def continuations(
        self, texts: Sequence[str], most: int = LONGEST_CONTINUATION
    ) -> list[str]:
        """What is most likely to follow texts [N], see `Foreteller.continuations`."""
        return self.foreteller().continuations(texts, most)

    def foreteller(self) -> Foreteller:
        """The network, compiled, with its vocabulary.

        Raises:
          ValueError: there is none.
        """
        if self.vocabulary is None:
            raise ValueError("expected a vocabulary, as `load` reads it")
        (length,) = self.input_shape
        return Foreteller(
            lambda numbers: logits_of(self, jnp.asarray(numbers)),
            self.vocabulary,
            length,
        )

    @classmethod
    def load(cls, path: str | pathlib.Path) -> Self:
        """Builds the network with its weights, and reads its vocabulary."""
        network = super().load(path)
        network.vocabulary = Tokens.read(
            pathlib.Path(path).with_name("vocabulary.json")
        )
        return network
