"""What can be searched: layers, the candidate operations of each, and nothing else.

A space is NumPy-free data: frozen, hashable, checked when it is built. It does not say
what an architecture means; an evaluator does. A `BuildableSpace` adds what is needed to
build networks (blocks by registry name) and how they hang together, still without any
network code.

Source: the chain-structured spaces of Li et al. 2024 (BQNAS), Guo et al. 2020 (SPOS).
"""

import dataclasses
import math
from functools import cached_property
from typing import Any

import numpy as np

from qnas_jax.errors import UserError


@dataclasses.dataclass(frozen=True)
class SearchSpace:
    """Layers (or edges) and the names of the candidate operations of each.

    >>> import qnas_jax as qnas
    >>> space = qnas.SearchSpace("mine", (("k3", "k5"), ("k3", "k5", "skip")))
    >>> space.num_layers, space.num_ops, space.size
    (2, (2, 3), 6)

    Attributes:
      name: identifier, used in work folders and reports.
      choices: for each layer the names of its K_l ops; K_l >= 1 may differ by layer.
    """

    name: str
    choices: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        if not self.choices:
            raise UserError(f"space {self.name!r}: got no layers, expected at least 1")
        for index, names in enumerate(self.choices):
            where = f"space {self.name!r}, layer {index}"
            if not names:
                raise UserError(f"{where}: got no ops, expected at least 1")
            if len(set(names)) != len(names):
                raise UserError(f"{where}: got repeated op names {list(names)}")

    @property
    def num_layers(self) -> int:
        """L, the number of layers."""
        return len(self.choices)

    @cached_property
    def num_ops(self) -> tuple[int, ...]:
        """(K_1, ..., K_L), the number of ops of each layer."""
        return tuple(len(names) for names in self.choices)

    @property
    def max_ops(self) -> int:
        """The largest K_l."""
        return max(self.num_ops)

    @property
    def size(self) -> int:
        """Number of architectures, the product of all K_l."""
        return math.prod(self.num_ops)


@dataclasses.dataclass(frozen=True)
class BuildableSpace(SearchSpace):
    """A space whose architectures are networks; each kind has a supernet (`nets`).

    Attributes:
      name: identifier.
      choices: derived from what the kind of space describes.
      input_shape: of one input; (height, width, channels) for images.
      num_classes: number of logits.
    """

    choices: tuple[tuple[str, ...], ...] = dataclasses.field(init=False)
    input_shape: tuple[int, ...]
    num_classes: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "input_shape", tuple(self.input_shape))
        super().__post_init__()

    @property
    def zeros(self) -> tuple[tuple[bool, ...], ...]:
        """For each place, which of its ops give zeros whatever they get."""
        return tuple((False,) * count for count in self.num_ops)

    def longest(self, weights: Any) -> np.ndarray:
        """The largest sum of weights on a way from the input to the output.

        Args:
          weights: float [..., L], of what stands at each place; -inf where nothing
            passes.

        Returns:
          float [...], -inf where there is no way.
        """
        return np.asarray(weights, float).sum(axis=-1)

    def zeros_at(self, archs: Any) -> np.ndarray:
        """Where architectures have an op that gives zeros.

        Args:
          archs: integers [..., L].

        Returns:
          bool [..., L].
        """
        table = np.zeros((self.num_layers, self.max_ops), bool)
        for layer, zeros in enumerate(self.zeros):
            table[layer, : len(zeros)] = zeros
        return table[np.arange(self.num_layers), np.asarray(archs)]

    def lets_through(self, archs: Any) -> np.ndarray:
        """Whether the output of networks depends on their input.

        Args:
          archs: integers [..., L].

        Returns:
          bool [...].
        """
        closed = self.zeros_at(archs)
        return np.isfinite(self.longest(np.where(closed, -np.inf, 0.0)))
