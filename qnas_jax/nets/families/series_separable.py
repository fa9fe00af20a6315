"""Separable blocks over time as one: a dilated kernel is a longer one with zeros in it.

All else is as for inverted residuals of images (`families/inverted_residual.py`).
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.kernels import series_depthwise
from qnas_jax.nets.families.inverted_residual import InvertedResidual
from qnas_jax.nets.families.rows import Field


@dataclasses.dataclass(frozen=True, eq=False)
class SeriesSeparables(InvertedResidual):
    """Blocks of any kernel length, dilation, expansion and attention."""

    def _widened(self, field: Field) -> Field:
        if field.name == "depthwise":  # [k, 1, C]: of one tap in a second direction
            return dataclasses.replace(field, placing="centred")
        return super()._widened(field)

    def _has_kernels(self) -> bool:
        return False

    def _convolve(
        self, op: jax.Array, values: jax.Array, kernel: jax.Array
    ) -> jax.Array:
        """The depth-wise convolution over time, [N, T, C] with [k, 1, C]."""
        taps, dilation = kernel[:, 0], self.choice("dilation", op)
        if isinstance(dilation, int):
            return series_depthwise(values, taps, stride=self.stride, dilation=dilation)
        spread = jnp.asarray(self._spread, taps.dtype)[op]
        return series_depthwise(values, spread @ taps, stride=self.stride)

    @functools.cached_property
    def _spread(self) -> np.ndarray:
        """For each op where its taps lie in the longest kernel, [K, longest, k]."""
        shapes = [
            (each.params["depthwise"].shape[0], each.choices["dilation"])
            for each in self.own
        ]
        size = max(taps for taps, _ in shapes)
        longest = max((taps - 1) * dilation + 1 for taps, dilation in shapes)
        found = np.zeros((len(self.members), longest, size))
        for index, member in enumerate(self.members):
            if member is None:
                continue
            half = member.params["depthwise"].shape[0] // 2
            for tap in range(-half, half + 1):
                place = longest // 2 + tap * member.choices["dilation"]
                found[index, place, size // 2 + tap] = 1
        return found
