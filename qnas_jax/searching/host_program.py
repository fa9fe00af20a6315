"""How a program of milliseconds is compiled: on the host, quickly, and once a user.

It stays on the CPU whatever accelerator there is. XLA's optimisations are off, since
making such a program takes longer than all its runs. What was compiled is kept in the
user's cache folder, beside that of whole jobs, and JAX's own settings are left alone:
programs of the user's are not kept for it.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax.experimental.compilation_cache import compilation_cache

from qnas_jax.files import user_cache


def compile_for_host(function: Callable[..., Any], *arguments: Any) -> Any:
    """Compiles a function for arguments of one form.

    Args:
      function: pure, in JAX.
      *arguments: pytrees of arrays; what follows has to have their shapes and types.

    Returns:
      The compiled function.
    """
    with on_host(), _kept():
        lowered = jax.jit(function).lower(*arguments)
        return lowered.compile(compiler_options=_quick())


def on_host() -> contextlib.AbstractContextManager[Any]:
    """Arrays and programs within are the CPU's, if JAX may use it."""
    try:
        return jax.default_device(jax.local_devices(backend="cpu")[0])
    except RuntimeError:  # JAX was told to know accelerators only.
        return contextlib.nullcontext()


def _quick() -> dict[str, Any]:
    options: dict[str, Any] = {"xla_backend_optimization_level": 0}
    if jax.__version_info__ < (
        0,
        11,
    ):  # the older emitters are quicker; gone since then
        options["xla_cpu_use_fusion_emitters"] = False
    return options


@contextlib.contextmanager
def _kept() -> Iterator[None]:
    """Programs within are kept in the user's cache folder, unless JAX has another."""
    settings = {
        "jax_compilation_cache_dir": str(user_cache("compiled")),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
    }
    before = {name: jax.config.values[name] for name in settings}
    if before["jax_compilation_cache_dir"]:
        yield
        return
    compilation_cache.reset_cache()  # It looks at the folder once only.
    try:
        for name, value in settings.items():
            jax.config.update(name, value)
        yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()
