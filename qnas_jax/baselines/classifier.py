"""What a classifier is to those who compare it with networks."""

import dataclasses
from collections.abc import Callable

import numpy as np

Predict = Callable[[np.ndarray], np.ndarray]
"""Series float32 [M, T, C], or sentences int [M, T] as numbers of words, -> class
numbers int [M], each by itself."""


@dataclasses.dataclass(frozen=True)
class Classifier:
    """A row of the registry.

    Attributes:
      fit: (examples, class numbers int [N], what draws random numbers) -> what
        predicts. Series are float32 [N, T, C]: channels are normalised, NaN stands for
        what is missing. Sentences are int [N, T]: 0 is behind the end, 1 an unknown
        word.
      at_once: examples that are predicted in one call, which takes seconds at most.
      needs: a module that is not installed with the package but with its extra
        `baselines`; "" for none.
    """

    fit: Callable[[np.ndarray, np.ndarray, np.random.Generator], Predict]
    at_once: int
    needs: str = ""
