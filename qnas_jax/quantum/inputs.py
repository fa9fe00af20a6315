"""What is asked of arrays that a user gives, where their values are known.

Inside a trace (jit, grad, vmap) there are no values yet: then only shapes and types
are looked at. NumPy arrays and lists do as well as arrays of JAX.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.errors import UserError


def is_known(tree: Any) -> bool:
    """Whether no leaf of a tree is traced."""
    return not any(isinstance(x, jax.core.Tracer) for x in jax.tree.leaves(tree))


def check_numbers(
    name: str, values: Any, *, infinite: bool = False, least: float | None = None
) -> None:
    """Numbers have to be real and finite.

    Args:
      name: what a message calls them.
      values: an array or a tree of numbers; traced values are taken as they are.
      infinite: whether plus infinity is a number here.
      least: smallest number allowed, or None.

    Raises:
      UserError: complex numbers or no numbers at all, or values that are not allowed.
    """
    if not is_known(values):
        return
    array = np.asarray(values)
    if not (jnp.issubdtype(array.dtype, jnp.floating) or array.dtype.kind in "biu"):
        what = "complex numbers" if array.dtype.kind == "c" else f"{array.dtype} values"
        raise UserError(f"{name}: got {what}, expected real numbers")
    wrong = ~np.isfinite(array) & ~(infinite & (array == np.inf))
    wanted = "a number or infinity" if infinite else "a finite number"
    if least is not None:
        wrong |= array < least
        wanted += f" of at least {least:g}"
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        where = f" at {place if len(place) > 1 else place[0]}" if place else ""
        raise UserError(f"{name}: got {array[place]}{where}, expected {wanted}")


def as_real(name: str, values: jax.typing.ArrayLike) -> jax.Array:
    """Real numbers as floats, so that nothing is rounded to the integers they were.

    Args:
      name: what a message calls them.
      values: [...] real.

    Returns:
      [...] float32, or what floats they are.

    Raises:
      UserError: complex numbers.
    """
    array = jnp.asarray(values)
    if jnp.issubdtype(array.dtype, jnp.complexfloating):
        raise UserError(f"{name}: got complex numbers, expected real numbers")
    return array.astype(jnp.promote_types(array.dtype, jnp.float32))


def as_state(state: jax.typing.ArrayLike) -> jax.Array:
    """Amplitudes [...] as complex64, or complex128 where they were wide."""
    array = jnp.asarray(state)
    return array.astype(jnp.promote_types(array.dtype, jnp.complex64))
