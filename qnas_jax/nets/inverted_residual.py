"""What inverted residuals of images and of series have in common.

Expand (left out for expansion 1), depth-wise convolution, attention, project; the input
is added if the shape is kept (Sandler et al. 2018).
"""

from collections.abc import Callable
from typing import Any, ClassVar

import jax
from flax import nnx

from qnas_jax.nets.families import InvertedResidual, Member, norm_arrays
from qnas_jax.nets.families.inverted_residual import ATTENTIONS
from qnas_jax.nets.layers import (
    EfficientChannelAttention,
    Pointwise,
    SqueezeExcite,
    activation_fn,
    batch_norm,
    channel_attention,
)
from qnas_jax.nets.pieces import run_pieces


class InvertedBlock(nnx.Module):
    """The block around a depth-wise convolution."""

    family: ClassVar[Callable[..., InvertedResidual]] = InvertedResidual
    """What runs such blocks of a layer as one."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        stride: int,
        depthwise: Callable[[int], Any],
        *,
        expansion: int,
        attention: str,
        activation: str,
        groups: int = 1,
        rngs: nnx.Rngs,
    ):
        """Builds the parts.

        Args:
          in_features: channels of the input.
          out_features: channels of the output.
          stride: of the depth-wise convolution.
          depthwise: makes it, for a number of channels.
          expansion: its channels for each of the input.
          attention: none, se or eca.
          activation: behind expansion and depth-wise convolution.
          groups: of both point-wise products.
          rngs: keys.
        """
        hidden = in_features * expansion
        widens = expansion != 1
        self.expand = (
            Pointwise(in_features, hidden, groups, rngs=rngs) if widens else None
        )
        self.expand_norm = batch_norm(hidden, rngs) if widens else None
        self.depthwise = depthwise(hidden)
        self.depthwise_norm = batch_norm(hidden, rngs)
        self.attention = channel_attention(attention, hidden, rngs)
        self.project = Pointwise(hidden, out_features, groups, rngs=rngs)
        self.project_norm = batch_norm(out_features, rngs)
        self.activation = activation
        self.residual = stride == 1 and in_features == out_features

    def pieces(self) -> tuple[nnx.Module, ...]:
        """Each ends with a linear operation, whose output is what gradients need."""
        act = activation_fn(self.activation)
        expand: list[nnx.Module] = []
        widened: list[Any] = []
        if self.expand is not None:
            expand, widened = [self.expand], [self.expand_norm, act]
        attention = [] if self.attention is None else [self.attention]
        return (
            nnx.Sequential(*expand),
            nnx.Sequential(*widened, self.depthwise),
            nnx.Sequential(self.depthwise_norm, act, *attention, self.project),
            nnx.Sequential(self.project_norm),
        )

    def in_family(self) -> Member:
        """An inverted residual (`nets/families/inverted_residual.py`)."""
        params: dict[str, Any] = {
            "depthwise": self.depthwise.kernel,
            "project": self.project.kernel,
        }
        stats: dict[str, Any] = {}
        if self.expand is not None:
            params["expand"] = self.expand.kernel
        for name in ("expand_norm", "depthwise_norm", "project_norm"):
            norm = getattr(self, name)
            if norm is not None:
                own_params, own_stats = norm_arrays(name, norm)
                params |= own_params
                stats |= own_stats
        attention: Any = self.attention
        kind = "none"
        if isinstance(attention, SqueezeExcite):
            kind = "se"
            params["squeeze"] = attention.squeeze.kernel
            params["squeeze_bias"] = attention.squeeze_bias
            params["excite"] = attention.excite.kernel
            params["excite_bias"] = attention.excite_bias
        if isinstance(attention, EfficientChannelAttention):
            kind = "eca"
            params["across"] = attention.kernel
        choices = {
            "widens": self.expand is not None,
            "attention": ATTENTIONS.index(kind),
            "activation": self.activation,
            "dilation": getattr(self.depthwise, "dilation", 1),
        }
        return Member(type(self).family, params, stats, choices)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        """[N, ..., C_in] -> [N, ..., C_out]."""
        return run_pieces(self, inputs)
