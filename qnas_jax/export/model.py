"""A model in use: raw examples in, logits and the names of classes out."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.export.inputs import KINDS
from qnas_jax.export.serialised import Logits
from qnas_jax.export.standalone.sentences import Vocabulary
from qnas_jax.options import shown

_AT_ONCE = 128


@dataclasses.dataclass(frozen=True)
class Model:
    """A trained network with its normalisation, called on examples as they are.

    Attributes:
      logits: examples [N, ...] -> float32 [N, classes]; compiled for each N.
      input_shape: of an example: (height, width, channels) of images, (time, channels)
        of series.
      class_names: one a logit.
      kind: of the examples, a key of `export.inputs.KINDS`.
      vocabulary: of text, the words that are known.
    """

    logits: Logits
    input_shape: tuple[int, ...]
    class_names: tuple[str, ...]
    kind: str = "images"
    vocabulary: Vocabulary | None = None

    def __call__(self, examples: Any) -> np.ndarray:
        """Computes logits.

        Args:
          examples: images, uint8 [N, H, W, C] with 0..255; or series, numbers [N, T, C]
            (or [N, T] of one channel), where NaN is a missing value; or sentences, or
            numbers of their words [N, T], of which `input_shape` says how many count.

        Returns:
          float32 [N, classes].

        Raises:
          UserError: the examples have another type or shape.
        """
        if self.vocabulary is not None and not isinstance(examples, np.ndarray):
            examples = self._numbered(examples, self.vocabulary)
        fitting = KINDS[self.kind].fitting(examples, self.input_shape, self.kind)
        parts = [
            self.logits(jnp.asarray(fitting[start : start + _AT_ONCE]))
            for start in range(0, len(fitting), _AT_ONCE)
        ]
        empty = np.zeros((0, len(self.class_names)), np.float32)
        return np.concatenate([empty, *parts])

    def predict(self, examples: Any) -> tuple[list[str], np.ndarray]:
        """Names the most probable class of each example.

        Args:
          examples: as above.

        Returns:
          Names [N] and their probabilities, float32 [N].
        """
        probabilities = np.asarray(jax.nn.softmax(self(examples)))
        names = [self.class_names[best] for best in probabilities.argmax(axis=-1)]
        return names, probabilities.max(axis=-1, initial=0)

    def _numbered(self, sentences: Any, vocabulary: Vocabulary) -> np.ndarray:
        """Sentences as numbers of their words.

        Raises:
          UserError: they are none.
        """
        if isinstance(sentences, str) or not isinstance(sentences, Sequence):
            raise UserError(
                f"{self.kind}: got {shown(sentences)}, expected a list of sentences, "
                "or an array of numbers of words"
            )
        try:
            return vocabulary.numbered(sentences, self.input_shape[0])
        except ValueError as error:
            raise UserError(str(error)) from error
