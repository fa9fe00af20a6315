"""Blocks of hand-made networks for series: residual ones, of stride 1.

Sources: Wang, Yan & Oates, IJCNN 2017 (ResNet); Ismail Fawaz et al., InceptionTime,
Data Min. Knowl. Disc. 34 (2020), and its public code.
"""

import jax
from flax import nnx

from qnas_jax.errors import UserError
from qnas_jax.nets.layers import Pointwise, batch_norm
from qnas_jax.nets.probing import relu
from qnas_jax.nets.series.layers import SeriesConv
from qnas_jax.nets.series.ops import SeriesInception

_KERNELS = (8, 5, 3)
_LONGEST = 40  # steps of the longest kernel of an inception module
_MODULES = 3


class SeriesResidual(nnx.Module):
    """Three convolutions of 8, 5 and 3 steps, and a normalised shortcut.

    Raises:
      UserError: the stride is not 1.
    """

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        _check_stride("series_residual", stride)
        widths = (in_features, out_features, out_features)
        self.convs = nnx.List(
            SeriesConv(width, out_features, kernel, 1, rngs=rngs)
            for width, kernel in zip(widths, _KERNELS, strict=True)
        )
        self.norms = nnx.List(batch_norm(out_features, rngs) for _ in _KERNELS)
        widens = in_features != out_features
        self.shortcut = (
            Pointwise(in_features, out_features, rngs=rngs) if widens else None
        )
        self.shortcut_norm = batch_norm(out_features, rngs)

    def __call__(self, series: jax.Array) -> jax.Array:
        """[N, T, C_in] -> [N, T, C_out]."""
        values = series
        for number, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            values = norm(conv(relu(values) if number else values))
        passed = series if self.shortcut is None else self.shortcut(series)
        return relu(values + self.shortcut_norm(passed))


class SeriesInceptionResidual(nnx.Module):
    """Three inception modules and a projected shortcut around them.

    Raises:
      UserError: the stride is not 1, or the number of channels is no multiple of 4.
    """

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        _check_stride("series_inception_residual", stride)
        widths = [in_features] + (_MODULES - 1) * [out_features]
        self.modules = nnx.List(
            SeriesInception(width, out_features, 1, kernel=_LONGEST, rngs=rngs)
            for width in widths
        )
        self.shortcut = Pointwise(in_features, out_features, rngs=rngs)
        self.shortcut_norm = batch_norm(out_features, rngs)

    def __call__(self, series: jax.Array) -> jax.Array:
        """[N, T, C_in] -> [N, T, C_out]."""
        values = series
        for module in self.modules:
            values = module(values)
        return relu(values + self.shortcut_norm(self.shortcut(series)))


def _check_stride(kind: str, stride: int) -> None:
    if stride != 1:
        raise UserError(f"{kind}: got stride {stride}, expected 1")
