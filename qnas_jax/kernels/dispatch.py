"""Which form of a kernel runs: named by the caller, forced, or chosen by backend."""

import contextlib
import contextvars
from collections.abc import Iterator, Mapping
from typing import Any

import jax

from qnas_jax.errors import UserError

REFERENCE = "reference"

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


def choose(
    implementation: str | None,
    forms: Mapping[str, Any],
    by_backend: Mapping[str, str],
) -> Any:
    """Picks a form at trace time.

    Args:
      implementation: a key of `forms`, or None for the best known on this backend.
      forms: name -> function.
      by_backend: backend -> name; other backends take the reference.

    Returns:
      The function.

    Raises:
      UserError: there is no form of that name.
    """
    name = _forced.get() or implementation
    if name is None:
        name = by_backend.get(jax.default_backend(), REFERENCE)
    if name not in forms:
        raise UserError(
            f"implementation: got {name!r}, expected one of {', '.join(forms)}"
        )
    return forms[name]
