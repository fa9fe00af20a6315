"""Ops for series by name: those that are searched, and blocks of hand-made networks."""

from flax import nnx

from qnas_jax.nets.series import ops
from qnas_jax.nets.series.hand_made_ops import SeriesInceptionResidual, SeriesResidual

SERIES_OPS: dict[str, type[nnx.Module]] = {
    **ops.SERIES_OPS,
    "series_residual": SeriesResidual,
    "series_inception_residual": SeriesInceptionResidual,
}
