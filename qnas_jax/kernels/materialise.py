"""Values that several consumers read: computed once, not once for each of them.

XLA on CPU fuses a chain of cheap operations into every consumer and computes it there
again. A depth-wise convolution is such a chain (k * k multiply-adds), so the mean, the
mean of squares and the normalisation that read its result each repeat the convolution.
`lax.optimization_barrier` says that they must not, but the compiler takes the barriers
out before it fuses. `compiler_options` leaves them in (measured by
`experiments/bench_kernels.py`).
"""

from typing import Any

import jax
from jax import lax

_BARRIER_REMOVAL = "cse_barrier_expander"  # the name of XLA's pass


def materialise(values: jax.Array) -> jax.Array:
    """Marks values, and their gradient, as computed once whoever reads them.

    Args:
      values: any array.

    Returns:
      The same values.
    """
    return lax.optimization_barrier(values)


def compiler_options() -> dict[str, Any]:
    """What `jax.jit` needs so that `materialise` holds on the present backend.

    Returns:
      The argument `compiler_options` of the outermost `jax.jit` around a network.
    """
    if jax.default_backend() != "cpu":
        return {}
    return {"xla_disable_hlo_passes": _BARRIER_REMOVAL}
