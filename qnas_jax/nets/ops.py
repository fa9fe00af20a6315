"""Candidate operations and fixed blocks, and the registry that names them.

A new op is one Flax module and one registry line:

    class MyOp(nnx.Module):
        def __init__(self, in_features, out_features, stride, *, width=2, rngs): ...
        def __call__(self, images): ...  # [N, H, W, C_in] -> [N, H', W', C_out]
                                         # or series, [N, T, C_in] -> [N, T', C_out]

    register_op("my_op", MyOp)

Its state may be `nnx.Param` and `nnx.BatchStat`. An op that adds its input to its
output says so by an attribute `residual = True`; drop-path then applies to it. An op
may say of what chain of modules it is made, by a method `pieces()`: ops of a layer then
share what they have in common (`nets/pieces.py`). An op whose ReLUs zero-cost proxies
shall see takes `relu` from `nets/probing.py`.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from qnas_jax.errors import UserError
from qnas_jax.nets.cell_ops import (
    AveragePool,
    Linear,
    NormRelu,
    ReluConv,
    ResidualReduction,
    Zero,
)
from qnas_jax.nets.hand_made_ops import (
    BasicBlock,
    Convolution,
    DenseLayer,
    Transition,
)
from qnas_jax.nets.inverted_residual import InvertedBlock
from qnas_jax.nets.layers import (
    Conv,
    Depthwise,
    Pointwise,
    activation_fn,
    batch_norm,
    normal_param,
)
from qnas_jax.nets.series import SERIES_OPS
from qnas_jax.nets.text import TEXT_OPS


class ConvBlock(nnx.Module):
    """Convolution, batch normalisation, activation."""

    sizes = ("kernel",)

    def __init__(
        self,
        in_features: int,
        out_features: int,
        stride: int,
        *,
        kernel: int = 3,
        activation: str = "relu6",
        rngs: nnx.Rngs,
    ):
        self.conv: nnx.Module = (
            Pointwise(in_features, out_features, rngs=rngs)
            if kernel == 1 and stride == 1
            else Conv(in_features, out_features, kernel, stride, rngs=rngs)
        )
        self.norm = batch_norm(out_features, rngs)
        self.activation = activation

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C_in] -> [N, H', W', C_out]."""
        return activation_fn(self.activation)(self.norm(self.conv(images)))


class MBConv(InvertedBlock):
    """Inverted residual block of images, optional channel attention.

    `groups` applies to both point-wise products.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        stride: int,
        *,
        kernel: int = 3,
        expansion: int = 6,
        attention: str = "none",
        groups: int = 1,
        activation: str = "relu6",
        rngs: nnx.Rngs,
    ):
        super().__init__(
            in_features,
            out_features,
            stride,
            lambda hidden: Depthwise(hidden, kernel, stride, rngs=rngs),
            expansion=expansion,
            attention=attention,
            activation=activation,
            groups=groups,
            rngs=rngs,
        )


class Skip(nnx.Module):
    """Identity; a 3 x 3 convolution block where the shape changes (public BQNAS)."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        same = stride == 1 and in_features == out_features
        self.conv = (
            None if same else ConvBlock(in_features, out_features, stride, rngs=rngs)
        )

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C_in] -> [N, H', W', C_out]."""
        return images if self.conv is None else self.conv(images)


class Projection(nnx.Module):
    """Identity; a 1 x 1 convolution with batch normalisation where the shape changes.

    The "identity" of NAS-Bench-Macro (Su et al. 2021).
    """

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        same = stride == 1 and in_features == out_features
        block = functools.partial(ConvBlock, kernel=1, activation="none", rngs=rngs)
        self.conv = None if same else block(in_features, out_features, stride)

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C_in] -> [N, H', W', C_out]."""
        return images if self.conv is None else self.conv(images)


class Shuffle(nnx.Module):
    """Shuffle block (Ma et al. 2018, as in Guo et al. 2020).

    Half of the channels pass untouched (a strided projection where the resolution
    halves or the width changes), the other half goes through point-wise, depth-wise,
    point-wise. Channels are shuffled at the input of blocks that keep the shape.

    Raises:
      UserError: the shape changes, and no channel is left for the main branch.
    """

    sizes = ("kernel",)

    def __init__(
        self,
        in_features: int,
        out_features: int,
        stride: int,
        *,
        kernel: int = 3,
        rngs: nnx.Rngs,
    ):
        self.split, entry, exit_width = _branch_widths(
            in_features, out_features, stride
        )
        width = out_features // 2
        self.shortcut = (
            None if self.split else _shortcut(in_features, kernel, stride, rngs)
        )
        self.main = nnx.Sequential(
            ConvBlock(entry, width, 1, kernel=1, activation="relu", rngs=rngs),
            DepthwiseBlock(width, kernel, stride, rngs=rngs),
            ConvBlock(width, exit_width, 1, kernel=1, activation="relu", rngs=rngs),
        )

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C_in] -> [N, H', W', C_out]."""
        return _two_branches(images, self.split, self.shortcut, self.main)


class ShuffleXception(nnx.Module):
    """Shuffle block with three depth-wise separable convolutions (Guo et al. 2020).

    Raises:
      UserError: the shape changes, and no channel is left for the main branch.
    """

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        self.split, entry, exit_width = _branch_widths(
            in_features, out_features, stride
        )
        width = out_features // 2
        self.shortcut = None if self.split else _shortcut(in_features, 3, stride, rngs)
        widths = [(entry, width), (width, width), (width, exit_width)]
        blocks: list[nnx.Module] = []
        for position, (before, after) in enumerate(widths):
            step = stride if position == 0 else 1
            blocks += [
                DepthwiseBlock(before, 3, step, rngs=rngs),
                ConvBlock(before, after, 1, kernel=1, activation="relu", rngs=rngs),
            ]
        self.main = nnx.Sequential(*blocks)

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C_in] -> [N, H', W', C_out]."""
        return _two_branches(images, self.split, self.shortcut, self.main)


class DepthwiseBlock(nnx.Module):
    """Depth-wise convolution and batch normalisation, no activation."""

    def __init__(self, features: int, kernel: int, stride: int, *, rngs: nnx.Rngs):
        self.conv = Depthwise(features, kernel, stride, rngs=rngs)
        self.norm = batch_norm(features, rngs)

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C] -> [N, H', W', C]."""
        return self.norm(self.conv(images))


def _branch_widths(
    in_features: int, out_features: int, stride: int
) -> tuple[bool, int, int]:
    """Whether the input is split, and the channels into and out of the main branch."""
    split = stride == 1 and in_features == out_features
    if split:
        return True, in_features // 2, in_features // 2
    if out_features <= in_features:
        raise UserError(
            f"shuffle: got {in_features} -> {out_features} features with stride "
            f"{stride}, expected more than {in_features}: the shortcut keeps them all"
        )
    return False, in_features, out_features - in_features


def _shortcut(features: int, kernel: int, stride: int, rngs: nnx.Rngs) -> nnx.Module:
    return nnx.Sequential(
        DepthwiseBlock(features, kernel, stride, rngs=rngs),
        ConvBlock(features, features, 1, kernel=1, activation="relu", rngs=rngs),
    )


def _two_branches(
    images: jax.Array, split: bool, shortcut: Any, main: Any
) -> jax.Array:
    if split:
        passed, entry = images[..., 0::2], images[..., 1::2]
    else:
        passed, entry = shortcut(images), images
    return jnp.concatenate([passed, main(entry)], axis=-1)


class GlobalAverage(nnx.Module):
    """Mean over all between examples and channels, [N, ..., C] -> [N, C]."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        del rngs, stride
        if in_features != out_features:
            raise UserError(
                f"global_average: got {in_features} -> {out_features} features, "
                "expected the same number"
            )

    def __call__(self, values: jax.Array) -> jax.Array:
        """[N, H, W, C] or [N, T, C] -> [N, C]."""
        return values.mean(axis=tuple(range(1, values.ndim - 1)))


class Classifier(nnx.Module):
    """Linear layer with bias, weights normal(0, 0.01), [N, C] -> [N, classes]."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        del stride
        self.kernel = normal_param(rngs, (in_features, out_features), 0.01)
        self.bias = nnx.Param(jnp.zeros(out_features))

    def __call__(self, features: jax.Array) -> jax.Array:
        """[N, C] -> logits [N, classes]."""
        return jnp.dot(features, self.kernel[...]) + self.bias[...][None]


OPS: dict[str, type[nnx.Module]] = {
    "mbconv": MBConv,
    "skip": Skip,
    "projection": Projection,
    "shuffle": Shuffle,
    "shuffle_xception": ShuffleXception,
    "conv": ConvBlock,
    "global_average": GlobalAverage,
    "classifier": Classifier,
    "zero": Zero,
    "average_pool": AveragePool,
    "relu_conv": ReluConv,
    "residual_reduction": ResidualReduction,
    "norm_relu": NormRelu,
    "linear": Linear,
    "basic_block": BasicBlock,
    "convolution": Convolution,
    "dense_layer": DenseLayer,
    "transition": Transition,
    **SERIES_OPS,
    **TEXT_OPS,
}
BUILT_IN = frozenset(OPS)


def register_op(kind: str, module: type[nnx.Module]) -> None:
    """Makes a module available to search spaces.

    >>> import qnas_jax as qnas
    >>> from flax import nnx
    >>> class Negative(nnx.Module):
    ...     def __init__(self, in_features, out_features, stride, *, rngs):
    ...         pass
    ...     def __call__(self, images):  # [N, H, W, C] -> [N, H, W, C]
    ...         return -images
    >>> qnas.register_op("negative", Negative)
    >>> qnas.op("minus", "negative").kind
    'negative'

    Args:
      kind: a new name.
      module: class with (in_features, out_features, stride, *, rngs, **options).

    Raises:
      UserError: the name is that of a built-in op.
    """
    if kind in BUILT_IN:
        raise UserError(f"op kind {kind!r}: a built-in op; choose another name")
    OPS[kind] = module
