"""Values that several consumers read: computed once, not once for each of them.

XLA on CPU fuses a chain of cheap operations into every consumer and computes it there
again. A depth-wise convolution is such a chain (k * k multiply-adds), so the mean, the
mean of squares and the normalisation that read its result each repeat the convolution.
`lax.optimization_barrier` says that they must not, but the compiler takes the barriers
out before it fuses. `jit_network` leaves them in (measured by
`experiments/benches/kernels.py`).
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

_BARRIER_REMOVAL = "cse_barrier_expander"  # the name of XLA's pass
_NO_BARRIERS = (0, 12)  # The version of JAX whose XLA on CPU compiles none.
_ONE_EMITTER = (0, 11)  # That whose XLA on CPU has the newer emitters of fusions alone.


def materialise(values: jax.Array) -> jax.Array:
    """Marks values, and their gradient, as computed once whoever reads them.

    Args:
      values: [...] of any type.

    Returns:
      The same values, [...].
    """
    return lax.optimization_barrier(values)


def jit_network(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """`jax.jit` for programs that hold networks: `materialise` holds in them.

    Args:
      function: what to compile.
      **options: arguments of `jax.jit`, for example `donate_argnums`.

    Returns:
      The compiled function. Called while another function is traced it becomes a part
      of that one, as a nested `jax.jit` does.
    """
    compiled = jax.jit(function, compiler_options=compiler_options(), **options)

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        if isinstance(_nothing(), jax.core.Tracer):
            return function(*arguments)
        return compiled(*arguments)

    return call


@jax.jit
def _nothing() -> jax.Array:
    """A tracer while another function is traced; made on the device, not copied."""
    return jnp.zeros(())


def compiler_options() -> dict[str, Any]:
    """The argument of that name of a `jax.jit` in which `materialise` is to hold.

    The older emitters of fusions compile networks faster, and what they make of them is
    no slower (`experiments/benches/forms.py`).
    """
    if jax.default_backend() != "cpu":
        return {}
    options: dict[str, Any] = {}
    if jax.__version_info__ < _NO_BARRIERS:
        options["xla_disable_hlo_passes"] = _BARRIER_REMOVAL
    if jax.__version_info__ < _ONE_EMITTER:
        options["xla_cpu_use_fusion_emitters"] = False
    return options
