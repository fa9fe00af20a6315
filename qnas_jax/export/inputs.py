"""What a model takes: examples as a data set has them, and what is done to them first.

The preparation is a part of every form of the model. It is written twice, here for our
own network and in `standalone/classifier.py` for the one that stands alone, and both
are compared whenever a model is written.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.spaces import WORD_BASE


class Inputs(Protocol):
    """What a network gets, and what its outputs mean.

    Attributes:
      kind: key of `KINDS`.
      around: class of `standalone/classifier.py` that the network's class derives from.
    """

    kind: ClassVar[str]
    around: ClassVar[str]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of an example as the data have it."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """One a logit; empty where logits are of tokens."""

    @property
    def data(self) -> str:
        """Name of the data set."""

    def prepare(self, examples: jax.Array) -> jax.Array:
        """Examples [N, ...] of the data as the blocks see them, float32 [N, ...]."""

    def written(self) -> dict[str, Any]:
        """The attributes that the class of the network gets, beside the class names."""


@dataclasses.dataclass(frozen=True)
class Images:
    """Images with a size that a network may change.

    Attributes:
      input_shape: (height, width, channels) of an image as the data have it.
      mean: of the training pixels in [0, 1], for each channel.
      std: their standard deviation.
      class_names: one a logit.
      resized_to: (height, width) that the network was trained with, if another.
      data: name of the data set.
    """

    kind: ClassVar[str] = "images"
    around: ClassVar[str] = "ImageClassifier"

    input_shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    class_names: tuple[str, ...]
    resized_to: tuple[int, int] | None = None
    data: str = ""

    def prepare(self, examples: jax.Array) -> jax.Array:
        """Pixels uint8 [N, H, W, C], resized and normalised: float32 [N, H', W', C]."""
        values = examples.astype(jnp.float32)
        if self.resized_to is not None:
            shape = (examples.shape[0], *self.resized_to, examples.shape[3])
            values = jnp.round(jax.image.resize(values, shape, "linear"))
            values = jnp.clip(values, 0, 255)
        return (values / 255 - _row(self.mean, 4)) / _row(self.std, 4)

    def written(self) -> dict[str, Any]:
        """As `Inputs.written`."""
        fields = {name: getattr(self, name) for name in ("input_shape", "mean", "std")}
        resized = {} if self.resized_to is None else {"resized_to": self.resized_to}
        return fields | resized


@dataclasses.dataclass(frozen=True)
class Series:
    """Time series of one length; a value that is missing is NaN.

    Attributes:
      input_shape: (time, channels) of a series as the data have it.
      mean: of the training values, for each channel.
      std: their standard deviation.
      class_names: one a logit.
      masked: whether the network has a further channel, 1 where there is a value.
      data: name of the data set.
    """

    kind: ClassVar[str] = "series"
    around: ClassVar[str] = "SeriesClassifier"

    input_shape: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    class_names: tuple[str, ...]
    masked: bool = False
    data: str = ""

    def prepare(self, examples: jax.Array) -> jax.Array:
        """Values float [N, T, C], normalised; missing ones are the mean.

        A network that is `masked` gets [N, T, C + 1].
        """
        missing = jnp.isnan(examples)
        values = (examples - _row(self.mean, 3)) / _row(self.std, 3)
        values = jnp.where(missing, 0.0, values)
        if not self.masked:
            return values
        there = (~missing).any(axis=-1, keepdims=True)
        return jnp.concatenate([values, there.astype(values.dtype)], axis=-1)

    def written(self) -> dict[str, Any]:
        """As `Inputs.written`."""
        fields = {name: getattr(self, name) for name in ("input_shape", "mean", "std")}
        return fields | ({"masked": True} if self.masked else {})


@dataclasses.dataclass(frozen=True)
class Text:
    """Sentences, as numbers of their words.

    Attributes:
      input_shape: (words of a sentence,) that are looked at.
      class_names: one a logit.
      words: what each number stands for; 0 is no word, 1 any that is unknown.
      data: name of the data set.
    """

    kind: ClassVar[str] = "text"
    around: ClassVar[str] = "TextClassifier"

    input_shape: tuple[int]
    class_names: tuple[str, ...]
    words: tuple[str, ...]
    data: str = ""

    def prepare(self, examples: jax.Array) -> jax.Array:
        """Numbers of words int32 [N, T], in digits: float32 [N, T, 2]."""
        return _in_digits(examples)

    @property
    def vocabulary(self) -> Any:
        """The content of the file of words."""
        return list(self.words)

    def written(self) -> dict[str, Any]:
        """As `Inputs.written`; words have a file of their own."""
        return {"input_shape": self.input_shape}


@dataclasses.dataclass(frozen=True)
class RunningText:
    """Windows of running text, as numbers of their tokens; logits are of each token.

    Attributes:
      input_shape: (tokens of a window,).
      words: the tokens by their numbers; 0 is none, 1 any that is unknown.
      tokens: what a text is cut into, see `standalone/tokens.py`.
      data: name of the data set.
    """

    kind: ClassVar[str] = "language"
    around: ClassVar[str] = "LanguageModel"

    input_shape: tuple[int]
    words: tuple[str, ...]
    tokens: str
    data: str = ""

    @property
    def class_names(self) -> tuple[str, ...]:
        """None: what a logit is of stands in the vocabulary."""
        return ()

    @property
    def vocabulary(self) -> Any:
        """The content of the file of words."""
        return {"tokens": self.tokens, "words": list(self.words)}

    def prepare(self, examples: jax.Array) -> jax.Array:
        """As `Text.prepare`: int32 [N, T] -> float32 [N, T, 2]."""
        return _in_digits(examples)

    def written(self) -> dict[str, Any]:
        """As `Inputs.written`; words have a file of their own."""
        return {"input_shape": self.input_shape}


def _in_digits(numbers: jax.Array) -> jax.Array:
    digits = jnp.stack(jnp.divmod(numbers, WORD_BASE), axis=-1)
    return digits.astype(jnp.float32)


def _row(values: Sequence[float], rank: int) -> jax.Array:
    """Values of the channels, to stand behind `rank - 1` other axes."""
    return jnp.asarray(values, jnp.float32).reshape(*[1] * (rank - 1), -1)


@dataclasses.dataclass(frozen=True)
class Kind:
    """What all models of a kind take.

    Attributes:
      dtype: of the values.
      rank: axes of one example.
      words: of the values, in words.
      variable: what the examples are called in code.
    """

    dtype: Any
    rank: int
    words: str
    variable: str

    def fitting(self, examples: Any, shape: Sequence[int], what: str) -> np.ndarray:
        """Checks examples.

        Args:
          examples: an array.
          shape: of one example.
          what: they are, in a word.

        Returns:
          The examples [N, *shape] in the type of the kind; an axis of one channel may
          be missing.

        Raises:
          UserError: they have another type or shape.
        """
        found = np.asarray(examples)
        if shape[-1] == 1 and found.shape[1:] == tuple(shape[:-1]):
            found = found[..., None]
        number = np.issubdtype(found.dtype, np.number)
        same = found.dtype == self.dtype if self.dtype == np.uint8 else number
        if not same or found.shape[1:] != tuple(shape):
            raise self.refused(found, shape, what)
        return found.astype(self.dtype, copy=False)

    def refused(
        self, found: np.ndarray, shape: Sequence[object], what: str
    ) -> UserError:
        """What is wrong with examples: their type and [...], and what was expected."""
        return UserError(
            f"{what}: got {found.dtype} {list(found.shape)}, expected {self.words} "
            f"[N, {', '.join(map(str, shape))}]"
        )


class KindOfText(Kind):
    """Numbers of words, however many there are of a sentence."""

    def fitting(self, examples: Any, shape: Sequence[int], what: str) -> np.ndarray:
        """As `Kind.fitting`, from whole numbers [N, any length] to int32 [N, T].

        Longer sentences are cut, shorter ones filled up by 0.
        """
        found = np.asarray(examples)
        if not np.issubdtype(found.dtype, np.integer) or found.ndim != 2:
            raise self.refused(found, shape, what)
        (length,) = shape
        fitting = np.zeros((len(found), length), self.dtype)
        kept = found[:, :length]
        fitting[:, : kept.shape[1]] = kept
        return fitting


KINDS: dict[str, Kind] = {
    "images": Kind(np.uint8, 3, "uint8", "images"),
    "series": Kind(np.float32, 2, "numbers", "series"),
    "text": KindOfText(np.int32, 1, "sentences, or whole numbers", "sentences"),
    "language": KindOfText(np.int32, 1, "whole numbers of tokens", "texts"),
}
"""By the name that `model.json` has of them, which is also that of the ONNX input."""
