"""Additive costs of architectures, by name: parameters, multiply-accumulates, ...

Where the shapes in a network do not depend on the ops chosen, the cost of an
architecture is a fixed part plus one table entry a layer.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from qnas_jax.errors import UserError


@dataclasses.dataclass(frozen=True, eq=False)
class CostTable:
    """Costs of every op at every layer, for one input.

    Attributes:
      by_op: for each cost an array [L, K_max], 0 where a layer has no such op. `params`
        are trainable parameters, `macs` multiply-accumulates of convolutions and matrix
        products (int64 both).
      fixed: for each cost the part of stem, head and all else that is not searched.
      num_ops: (K_1, ..., K_L).
    """

    by_op: Mapping[str, np.ndarray]
    fixed: Mapping[str, int | float]
    num_ops: tuple[int, ...]

    def cost(self, archs: Any) -> dict[str, np.ndarray]:
        """Costs of architectures.

        Args:
          archs: integers [P, L].

        Returns:
          By name [P], for example {"params": int64 [P], "macs": int64 [P]}.
        """
        archs = np.asarray(archs)
        layers = np.arange(archs.shape[-1])
        return {
            name: table[layers, archs].sum(axis=-1) + self.fixed[name]
            for name, table in self.by_op.items()
        }

    def joined(self, other: "CostTable") -> "CostTable":
        """The costs of two tables of one space; of equal names the other's are taken.

        Raises:
          UserError: they are of different spaces.
        """
        if other.num_ops != self.num_ops:
            raise UserError(
                f"costs: got tables of {self.num_ops} and {other.num_ops} ops, "
                "expected those of one space"
            )
        by_op, fixed = {**self.by_op, **other.by_op}, {**self.fixed, **other.fixed}
        return CostTable(by_op, fixed, self.num_ops)

    def all_ops(self, name: str = "params") -> int | float:
        """A cost of the network that holds all ops: its size, for `params`."""
        return self.by_op[name].sum().item() + self.fixed[name]

    def largest(self, name: str = "params") -> np.ndarray:
        """The architecture that costs most, int32 [L]."""
        return self.by_op[name].argmax(axis=-1).astype(np.int32)
