"""What a classifier of series is to those who compare it with networks."""

import dataclasses
from collections.abc import Callable

import numpy as np

Predict = Callable[[np.ndarray], np.ndarray]
"""Series float32 [M, T, C] -> class numbers int [M], each by itself."""


@dataclasses.dataclass(frozen=True)
class Classifier:
    """A row of the registry.

    Attributes:
      fit: (series float32 [N, T, C], class numbers int [N], what draws random numbers)
        -> what predicts; channels are normalised, NaN stands for what is missing.
      at_once: series that are predicted in one call, which takes seconds at most.
      needs: a module that is not installed with the package but with its extra
        `baselines`; "" for none.
    """

    fit: Callable[[np.ndarray, np.ndarray, np.random.Generator], Predict]
    at_once: int
    needs: str = ""
