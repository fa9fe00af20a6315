"""Which form of a kernel runs: named by the caller, forced, or chosen by backend.

Kernels for GPUs are written for Pallas's Triton backend, which JAX has deprecated since
0.11. Where it is not there, the library's form takes their place.
"""

import contextlib
import contextvars
import functools
import importlib
from collections.abc import Iterator, Mapping
from typing import Any

import jax
from absl import logging

from qnas_jax.errors import UserError

REFERENCE = "reference"
OF_TRITON = ("pallas", "tiles")
"""Names of the forms that are kernels of Triton."""

_forced: contextvars.ContextVar[str | None] = contextvars.ContextVar(
    "qnas_jax_kernel_form", default=None
)


@contextlib.contextmanager
def force_implementation(name: str) -> Iterator[None]:
    """Makes every kernel traced in this block use one form, whatever its caller names.

    Args:
      name: the form, for example "reference" (what cost counting and tests need).

    Yields:
      Nothing.
    """
    token = _forced.set(name)
    try:
        yield
    finally:
        _forced.reset(token)


def forced_implementation() -> str | None:
    """The form that is forced at present: a part of the key of whatever is cached."""
    return _forced.get()


@functools.cache
def has_triton() -> bool:
    """Whether JAX has what kernels for GPUs are written for; says so once if not."""
    try:
        importlib.import_module("jax.experimental.pallas.triton")
    except ImportError:
        logging.warning(
            "JAX %s has no Triton backend of Pallas: library functions take the place "
            "of kernels for GPUs, more slowly",
            jax.__version__,
        )
        return False
    return True


def choose(
    implementation: str | None,
    forms: Mapping[str, Any],
    by_backend: Mapping[str, str],
    *,
    without_triton: str = REFERENCE,
) -> Any:
    """Picks a form at trace time.

    Args:
      implementation: a key of `forms`, or None for the best known on this backend.
      forms: name -> function.
      by_backend: backend -> name; other backends take the reference.
      without_triton: the name in its place where that form needs a Triton that JAX has
        not.

    Returns:
      The function.

    Raises:
      UserError: there is no form of that name, or no Triton for the form named.
    """
    named = _forced.get() or implementation
    name = named or by_backend.get(jax.default_backend(), REFERENCE)
    missing = name in OF_TRITON and name in forms and not has_triton()
    if missing and not named:
        return forms[without_triton]
    if missing or name not in forms:
        known = [each for each in forms if not (missing and each in OF_TRITON)]
        raise UserError(
            f"implementation: got {name!r}, expected one of {', '.join(known)}"
            + (f"; JAX {jax.__version__} has no Triton" if missing else "")
        )
    return forms[name]
