"""Batch normalisation of padded values, by the names of a family's arrays.

As `nets.layers.BatchNorm`. A padded channel has scale, offset and mean zero: what it
holds is zero, and stays it.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from qnas_jax.kernels import normalise
from qnas_jax.nets.flat import Mode

Arrays = Mapping[str, jax.Array]


def norm_arrays(name: str, norm: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The variables of an op's batch normalisation, as `Norms` looks for them.

    Args:
      name: of the normalisation in the family.
      norm: `nnx.BatchNorm`.

    Returns:
      Parameters and statistics, for `Member`.
    """
    params = {f"{name}_scale": norm.scale, f"{name}_bias": norm.bias}
    return params, {f"{name}_mean": norm.mean, f"{name}_var": norm.var}


class Norms:
    """The normalisations of one call; collects new statistics.

    Attributes:
      found: the statistics, new ones where a normalisation was called.
    """

    def __init__(self, mode: Mode, params: Arrays, stats: Arrays):
        """Begins a call.

        Args:
          mode: how batch normalisation behaves.
          params: padded parameters by name.
          stats: padded running statistics by name.
        """
        self.found = dict(stats)
        self._mode, self._params, self._stats = mode, params, stats

    def __call__(self, name: str, values: jax.Array) -> jax.Array:
        """Normalises [N, ..., C] by the arrays of a name."""
        mean, var = self._stats[f"{name}_mean"], self._stats[f"{name}_var"]
        exact = jnp.promote_types(values.dtype, jnp.float32)
        if self._mode != "running":
            affine = (self._params[f"{name}_{what}"] for what in ("scale", "bias"))
            new = normalise(values, *affine)
            keep = 0.9 if self._mode == "train" else 0.0
            self.found[f"{name}_mean"] = keep * mean + (1 - keep) * new.mean
            self.found[f"{name}_var"] = keep * var + (1 - keep) * new.var
            return new.values
        axes = tuple(range(values.ndim - 1))
        scale = lax.rsqrt(var + 1e-5) * self._params[f"{name}_scale"].astype(exact)
        offset = self._params[f"{name}_bias"].astype(exact)
        mean, scale, offset = (
            jnp.expand_dims(each, axes) for each in (mean, scale, offset)
        )
        return ((values.astype(exact) - mean) * scale + offset).astype(values.dtype)
