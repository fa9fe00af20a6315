"""Additive costs of architectures: parameters and multiply-accumulates.

In a chain the input shape of a layer does not depend on the ops chosen before it, so
the cost of an architecture is a fixed part plus one table entry a layer.
"""

import dataclasses
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class CostTable:
    """Cost of every op at every layer, for one image.

    Attributes:
      params: trainable parameters, int64 [L, K_max]; 0 where a layer has no such op.
      macs: multiply-accumulates of convolutions and linear layers, int64 [L, K_max].
      fixed_params: those of stem and head.
      fixed_macs: those of stem and head.
      num_ops: (K_1, ..., K_L).
    """

    params: np.ndarray
    macs: np.ndarray
    fixed_params: int
    fixed_macs: int
    num_ops: tuple[int, ...]

    @property
    def supernet_params(self) -> int:
        """Trainable parameters of the network that holds all ops."""
        return int(self.params.sum()) + self.fixed_params

    def cost(self, archs: Any) -> dict[str, np.ndarray]:
        """Parameters and multiply-accumulates.

        Args:
          archs: integers [P, L].

        Returns:
          {"params": int64 [P], "macs": int64 [P]}.
        """
        archs = np.asarray(archs)
        layers = np.arange(archs.shape[-1])
        return {
            "params": self.params[layers, archs].sum(axis=-1) + self.fixed_params,
            "macs": self.macs[layers, archs].sum(axis=-1) + self.fixed_macs,
        }

    def largest(self) -> np.ndarray:
        """The architecture with the most parameters, int32 [L]."""
        return self.params.argmax(axis=-1).astype(np.int32)
