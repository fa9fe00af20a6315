"""A model of running text in use: what it says of texts."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax.numpy as jnp
import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.export.inputs import KINDS, RunningText
from qnas_jax.export.model import Model
from qnas_jax.export.standalone.foretelling import LONGEST_CONTINUATION, Foreteller
from qnas_jax.export.standalone.tokens import Tokens

Found = TypeVar("Found")


@dataclasses.dataclass(frozen=True)
class LanguageModel(Model):
    """A network that says of each token of a text which one follows.

    `class_names` are the tokens that may follow, by their numbers.

    Attributes:
      tokens: those that are known, and what a text is cut into.
    """

    kind: str = RunningText.kind
    tokens: Tokens = dataclasses.field(kw_only=True)

    def __call__(self, examples: Any) -> np.ndarray:
        """Computes logits.

        Args:
          examples: numbers of tokens, int [N, T], 0 behind the end of a text; T is at
            most that of `input_shape`, as nothing else was learnt.

        Returns:
          Of what follows each token, float32 [N, T, V].

        Raises:
          UserError: the examples have another type or shape.
        """
        found = np.asarray(examples)
        (most,) = self.input_shape
        if found.ndim == 2 and found.shape[1] > most:
            raise KINDS[self.kind].refused(found, (f"at most {most}",), self.kind)
        rows = KINDS[self.kind].fitting(found, self.input_shape, self.kind)
        logits = np.zeros((*rows.shape, len(self.class_names)), np.float32)
        for place, part in self._foreteller().in_parts(rows):
            logits[place] = part
        return logits[:, : found.shape[1]]

    def predict(self, examples: Any) -> tuple[list[str], np.ndarray]:
        """Names the most probable token behind each text.

        Args:
          examples: a list of texts [N], of any length; as many last tokens as a window
            has are looked at.

        Returns:
          Tokens [N] and their probabilities, float32 [N].

        Raises:
          UserError: they are no texts, or one has no token.
        """
        return self._asked(self._foreteller().next_tokens, examples)

    def log_probabilities(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Log probability of each token of texts, from those before it in its window.

        >>> import numpy as np
        >>> import qnas_jax as qnas
        >>> model = qnas.load_model("runs/language")  # doctest: +SKIP
        >>> (scores,) = model.log_probabilities(["to be"])  # doctest: +SKIP
        >>> perplexity = np.exp(-scores.mean())  # doctest: +SKIP

        Args:
          texts: [N], of any length; cut into windows as in training, and nothing before
            a window is seen.

        Returns:
          In nats, float32 [M - 1] of M tokens: nothing foretells the first one.

        Raises:
          UserError: they are no texts, or one has no token.
        """
        return self._asked(self._foreteller().log_probabilities, texts)

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
          UserError: they are no texts, or one has no token.
        """
        return self._asked(
            lambda given: self._foreteller().continuations(given, most), texts
        )

    def _foreteller(self) -> Foreteller:
        (length,) = self.input_shape
        return Foreteller(
            lambda numbers: self.logits(jnp.asarray(numbers)), self.tokens, length
        )

    def _asked(self, ask: Callable[[Any], Found], texts: Any) -> Found:
        """An answer to texts, or what is wrong with them as a `UserError`."""
        try:
            return ask(texts)
        except ValueError as error:
            raise UserError(f"{self.kind}: {error}") from error
