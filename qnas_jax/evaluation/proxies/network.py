"""What a network must offer to be measured by zero-cost proxies."""

from collections.abc import Callable, Hashable
from typing import Any, Protocol

import jax

from qnas_jax.nets import Passed
from qnas_jax.spaces import CostTable

Watch = Callable[[jax.Array], jax.Array]


class ProxyNetwork(Hashable, Protocol):
    """A network for every architecture of a space, with fresh weights.

    `nets.CellNetwork` is one as it stands, `ChainNetwork` makes one of a supernet.
    Weights are a tree of arrays of its own; gradients have the same form.

    Attributes:
      space: the architectures.
      shows_relus: whether `run` can watch the inputs of the ReLUs.
    """

    space: Any
    shows_relus: bool

    def init(self, key: jax.Array, *, normal: bool = False) -> Any:
        """Draws weights for all architectures; `normal`: from normal(0, 1)."""

    def path(self, weights: Any, arch: jax.Array) -> Any:
        """The weights of one architecture, int32 [L]."""

    def run(
        self,
        weights: Any,
        arch: jax.Array,
        images: jax.Array,
        *,
        normalised: bool = True,
        watch: Watch | None = None,
    ) -> Passed:
        """Passes images [N, H, W, C] through, with or without batch normalisation."""

    def layer_sums(self, values: Any, arch: jax.Array) -> jax.Array:
        """Sums of one value a weight over each convolution and linear layer."""

    def cost_table(self) -> CostTable:
        """Parameters and multiply-accumulates of every architecture."""
