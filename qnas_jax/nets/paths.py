"""Several paths of a supernet on one batch, side by side or one after the other."""

from collections.abc import Callable
from typing import Any

import jax
from jax import lax

from qnas_jax.nets.forms import Form
from qnas_jax.nets.slots import Slots, put_means

RunPath = Callable[[Slots, Slots, jax.Array], tuple[jax.Array, Slots]]
"""(a path's parameters, its statistics, arch) -> logits and new statistics."""


def run_paths(
    run: RunPath, params: Slots, stats: Slots, archs: jax.Array, form: Form
) -> tuple[jax.Array, Slots]:
    """Runs paths, as `nets.Supernet.apply_paths` says.

    Args:
      run: runs one path.
      params: the supernet's parameters.
      stats: the supernet's running statistics.
      archs: int32 [S, L].
      form: padded paths are a `vmap`.

    Returns:
      Logits [S, N, num_classes] and the supernet's new statistics.
    """

    def run_one(arch: jax.Array, own_params: Any, own_stats: Any) -> Any:
        return run(
            {"fixed": params["fixed"], "layers": own_params},
            {"fixed": stats["fixed"], "layers": own_stats},
            arch,
        )

    # Rows are gathered outside of the loop, whose gradient would else hold all of them.
    each = archs, _gather(params, archs), _gather(stats, archs)
    if form == "padded":
        logits, found = jax.vmap(run_one)(*each)
    else:
        logits, found = lax.map(lambda one: run_one(*one), each)
    return logits, put_means(stats, archs, found)


def _gather(slots: Slots, archs: jax.Array) -> list[jax.Array]:
    """The rows of all paths, [S, D] a layer."""
    return [matrix[archs[:, layer]] for layer, matrix in enumerate(slots["layers"])]
