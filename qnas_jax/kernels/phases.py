"""Diagonal unitaries: exp(-i angle d_x) on amplitude x.

The library's sine and cosine of float32 are far slower than the products around them.
One reduction to [-pi/4, pi/4] with pi/2 in three parts (Cody & Waite, "Software Manual
for the Elementary Functions", 1980) and the minimax polynomials of Cephes' `sinf` and
`cosf` serve both at once: error below 2e-7 for angles up to 8,000, growing with the
angle beyond, where float32 angles themselves are coarse.
"""

import jax
import jax.numpy as jnp

from qnas_jax.errors import UserError
from qnas_jax.kernels import dispatch

# pi / 2 in parts of few bits: k times the first two is exact for k < 2^13.
_HALF_PI = (1.5703125, 4.837512969970703125e-4, 7.54978995489188216e-8)
_SIN = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_COS = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)


def apply_phases(
    state: jax.Array,
    angle: jax.Array | float,
    diagonal: jax.Array,
    *,
    implementation: str | None = None,
) -> jax.Array:
    """Applies exp(-i angle diagonal), element by element.

    Args:
      state: complex [..., N].
      angle: [] radians for one unit of the diagonal.
      diagonal: real [N].
      implementation: "reference" (library functions), "polynomial", or None: the
        faster one on the present backend.

    Returns:
      complex [..., N].

    Raises:
      UserError: the lengths differ, or the implementation is unknown.
    """
    if state.shape[-1:] != diagonal.shape:
        raise UserError(
            f"apply_phases: got state {state.shape} and diagonal {diagonal.shape}, "
            "expected [..., N] and [N]"
        )
    cosine, sine = cos_sin(angle * diagonal, implementation=implementation)
    factors = jax.lax.complex(cosine, -sine).astype(state.dtype)
    return state * factors.reshape((1,) * (state.ndim - 1) + factors.shape)


def shift_planes(
    planes: tuple[jax.Array, jax.Array], angles: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Applies exp(-i angle), element by element, to real and imaginary part.

    Args:
      planes: real and imaginary part, [N] each.
      angles: [N] radians.

    Returns:
      Both planes, [N] each.
    """
    real, imaginary = planes
    cosine, sine = cos_sin(angles)
    return (
        real * cosine + imaginary * sine,
        imaginary * cosine - real * sine,
    )


def cos_sin(
    angles: jax.Array, *, implementation: str | None = None
) -> tuple[jax.Array, jax.Array]:
    """Cosine and sine of the same angles.

    Args:
      angles: real [...] radians.
      implementation: as in `apply_phases`; polynomials are for float32, other types
        take the library's functions.

    Returns:
      Both, [...] each.

    Raises:
      UserError: the implementation is unknown.
    """
    form = dispatch.choose(implementation, FORMS, {"cpu": "polynomial"})
    return form(angles)


def _reference(angles: jax.Array) -> tuple[jax.Array, jax.Array]:
    return jnp.cos(angles), jnp.sin(angles)


@jax.custom_jvp
def polynomial(angles: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Cosine and sine [...] of angles [...] in radians, by operations of any kernel.

    Polynomials are for float32; other types take the library's functions.
    """
    if angles.dtype != jnp.float32:
        return _reference(angles)
    turns = jnp.floor(angles * jnp.float32(2 / jnp.pi) + jnp.float32(0.5))
    for part in _HALF_PI:
        angles = angles - turns * jnp.float32(part)
    squares = angles * angles
    sine = angles + angles * squares * _horner(_SIN, squares)
    cosine = 1 - 0.5 * squares + squares * squares * _horner(_COS, squares)
    quarter = turns.astype(jnp.int32)
    odd = (quarter & 1) != 0
    sine, cosine = jnp.where(odd, cosine, sine), jnp.where(odd, sine, cosine)
    return (
        jnp.where((quarter + 1) & 2 != 0, -cosine, cosine),
        jnp.where(quarter & 2 != 0, -sine, sine),
    )


@polynomial.defjvp
def _polynomial_jvp(
    primals: tuple[jax.Array], tangents: tuple[jax.Array]
) -> tuple[tuple[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]:
    cosine, sine = polynomial(*primals)
    return (cosine, sine), (-sine * tangents[0], cosine * tangents[0])


def _horner(coefficients: tuple[float, ...], x: jax.Array) -> jax.Array:
    total = jnp.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total = total * x + coefficient
    return total


FORMS = {dispatch.REFERENCE: _reference, "polynomial": polynomial}
