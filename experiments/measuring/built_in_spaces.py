"""Built-in spaces for inputs of the form that each is meant for."""

from typing import Any

import numpy as np

from qnas_jax.spaces import SearchSpace, SpaceOptions, build_space
from qnas_jax.spaces.registry import FOR_LANGUAGE, FOR_SERIES, FOR_TEXT

SIDES = {"digits": (8, 1), "digits_tiny": (8, 1)}
"""Side and channels of images; CIFAR's for all others."""
SERIES = (128, 2)  # steps and channels
SENTENCE = (32, 2)  # words, and the digits of their numbers
WORDS = 1000  # that there are


def input_shape(name: str) -> tuple[int, ...]:
    """Of what networks of the space see."""
    if name in FOR_TEXT | FOR_LANGUAGE:
        return SENTENCE
    if name in FOR_SERIES:
        return SERIES
    side, channels = SIDES.get(name, (32, 3))
    return side, side, channels


def built_in_space(name: str, num_classes: int = 10) -> SearchSpace:
    """The space of a name for inputs of `input_shape`.

    Args:
      name: of the space.
      num_classes: logits; of running text there are as many as words.

    Returns:
      The space.
    """
    language = name in FOR_LANGUAGE
    words = WORDS if language or name in FOR_TEXT else 0
    return build_space(
        SpaceOptions(name=name),
        input_shape(name),
        words if language else num_classes,
        words,
        language=language,
    )


def random_sentences(count: int, length: int, words: int, rng: Any) -> np.ndarray:
    """Sentences of at least one word, 0 behind their ends.

    Args:
      count: N.
      length: T, words of the longest.
      words: that there are, with those of no and of an unknown word.
      rng: a NumPy generator.

    Returns:
      int32 [N, T].
    """
    ends = rng.integers(1, length + 1, (count, 1))
    numbers = rng.integers(1, words, (count, length))
    return np.where(np.arange(length) < ends, numbers, 0).astype(np.int32)
