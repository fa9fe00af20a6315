"""The transverse-field mixer: exp(-i angle X) on every qubit at once.

With D = diag(1, -i) on each qubit, exp(-i b X) = D R(b) D^-1 where R is a real rotation
by b, and D commutes with diagonal unitaries. In the frame of D the real and imaginary
parts of the state (its planes) go through the same real matrix products, which is half
of the complex work. A Kronecker block K of k rotations multiplies k neighbouring bits
of the index, in one of two ways that transpose nothing:

    in place      x [N / 2^k, 2^k] K' for the lowest bits; K x [2^k, 2^l] for those
                  above the l lowest, a product for each value of the bits still higher
    turned round  K x' [2^k, N / 2^k]: the lowest bits become the highest, and after n
                  bits the order is as before

In place is quicker, as its blocks can be small (k bits take 2^k multiplications a
number). Reverse mode turns round: the slope of a block needs its bits in front as well.
"""

import jax
import jax.numpy as jnp
from jax import lax

from qnas_jax.errors import UserError
from qnas_jax.kernels import dispatch

Planes = tuple[jax.Array, jax.Array]
Blocks = tuple[jax.Array, ...]
Sizes = tuple[int, ...]

_LOW_BITS, _HIGHER_BITS = 5, 3
"""Bits of the blocks in place: products of rows shorter than 2^5 are slow."""

TURNED_BITS = 4


def rotate_x(
    state: jax.Array,
    angle: jax.Array | float,
    *,
    implementation: str | None = None,
) -> jax.Array:
    """Applies exp(-i angle X) to every qubit.

    Args:
      state: complex [2^n].
      angle: [] or [n] (one a qubit), radians.
      implementation: "reference" (qubit after qubit), "blocks" (real Kronecker
        blocks), or None: the faster one on the present backend.

    Returns:
      complex [2^n].

    Raises:
      UserError: the state is no vector of 2^n amplitudes, the angles do not fit, or
        the implementation is unknown.
    """
    num_qubits = check_state("rotate_x", state)
    angles = jnp.asarray(angle, state.real.dtype)
    if angles.shape not in ((), (num_qubits,)):
        raise UserError(
            f"rotate_x: got angles {angles.shape}, expected [] or [{num_qubits}]"
        )
    form = dispatch.choose(implementation, FORMS, {"cpu": "blocks", "gpu": "blocks"})
    return form(state, angles)


def check_state(name: str, state: jax.Array) -> int:
    """Number of qubits of a flat state; UserError if it is not [2^n]."""
    size = state.shape[0] if state.ndim == 1 else 0
    if size < 2 or size & (size - 1):
        raise UserError(f"{name}: got shape {state.shape}, expected [2^n]")
    return size.bit_length() - 1


def _reference(state: jax.Array, angles: jax.Array) -> jax.Array:
    num_qubits = state.size.bit_length() - 1
    angles = jnp.broadcast_to(angles, (num_qubits,))
    cosine, sine = jnp.cos(angles), -1j * jnp.sin(angles)
    for qubit in range(num_qubits):
        halves = state.reshape(2**qubit, 2, -1)
        c, s = cosine[qubit], sine[qubit]
        gate = jnp.array([[c, s], [s, c]]).astype(state.dtype)
        state = jnp.einsum("ij,ajb->aib", gate, halves, precision="highest")
    return state.reshape(-1)


def _blocks(state: jax.Array, angles: jax.Array) -> jax.Array:
    num_qubits = state.size.bit_length() - 1
    return leave_frame(rotate_planes(enter_frame(state), angles, num_qubits))


FORMS = {dispatch.REFERENCE: _reference, "blocks": _blocks}


def rotate_planes(planes: Planes, angles: jax.Array, num_qubits: int) -> Planes:
    """The mixer on planes in the frame of D; differentiable, keeps no step.

    Args:
      planes: real and imaginary part, [2^n] each.
      angles: [] or [n] radians.
      num_qubits: n.

    Returns:
      Both planes.
    """

    @jax.custom_vjp
    def rotate(planes: Planes, angles: jax.Array) -> Planes:
        return turn_all(planes, mixer_blocks(angles, place_sizes(num_qubits)))

    def forward(planes: Planes, angles: jax.Array) -> tuple[Planes, tuple]:
        planes = rotate(planes, angles)
        return planes, (planes, angles)

    def backward(saved: tuple, adjoint: Planes) -> tuple[Planes, jax.Array]:
        planes, angles = saved
        sizes = turned_sizes(num_qubits)
        inverse, pull = jax.vjp(lambda a: mixer_blocks(-a, sizes), angles)
        _, adjoint, slopes = unturn_all(planes, adjoint, inverse, sizes)
        return adjoint, pull(slopes)[0]

    rotate.defvjp(forward, backward)
    return rotate(planes, angles)


def place_sizes(num_qubits: int) -> Sizes:
    """Bits of each block that acts in place, lowest bits first."""
    low = min(_LOW_BITS, num_qubits)
    return (low, *even_sizes(num_qubits - low, _HIGHER_BITS))


def turned_sizes(num_qubits: int, most: int = TURNED_BITS) -> Sizes:
    """Bits of each block that turns the index round, lowest bits first."""
    return even_sizes(num_qubits, most)


def even_sizes(num_bits: int, most: int) -> Sizes:
    """Parts of `most` bits or fewer, as equal as can be, the larger ones first."""
    count = -(-num_bits // most)
    small, extra = divmod(num_bits, count) if count else (0, 0)
    return (small + 1,) * extra + (small,) * (count - extra)


def mixer_blocks(angles: jax.Array, sizes: Sizes) -> Blocks:
    """The Kronecker blocks of the mixer, lowest bits first.

    Args:
      angles: [] or [n] radians, qubit 0 first.
      sizes: bits of each block, n in all.

    Returns:
      One block of every distinct size for a scalar, else all blocks; [2^k, 2^k] each.
    """
    if angles.ndim == 0:
        return tuple(
            kronecker(jnp.broadcast_to(angles, (size,)))
            for size in sorted(set(sizes), reverse=True)
        )
    ends = [angles.size - sum(sizes[:block]) for block in range(len(sizes))]
    return tuple(
        kronecker(angles[end - size : end])
        for end, size in zip(ends, sizes, strict=True)
    )


def kronecker(angles: jax.Array) -> jax.Array:
    """Rotations by each angle, first qubit most significant: [k] -> [2^k, 2^k]."""
    bits = jnp.arange(2**angles.size)
    places = jnp.arange(angles.size)[::-1]
    ones = (bits[:, None] >> places[None, :]) & 1
    row, column = ones[:, None, :], ones[None, :, :]
    signs = jnp.where(row < column, -1, 1).astype(angles.dtype)
    cosine, sine = jnp.cos(angles)[None, None], jnp.sin(angles)[None, None]
    return jnp.prod(jnp.where(row == column, cosine, signs * sine), axis=-1)


def turn_all(planes: Planes, blocks: Blocks) -> Planes:
    """Applies blocks of the `place_sizes` to both planes."""
    sizes = place_sizes(planes[0].size.bit_length() - 1)
    low = 0
    for block, size in zip(_in_order(blocks, sizes), sizes, strict=True):
        planes = (in_place(planes[0], block, low), in_place(planes[1], block, low))
        low += size
    return planes


def turn_round(planes: Planes, blocks: Blocks, sizes: Sizes) -> Planes:
    """Applies blocks of the given `turned_sizes` to both planes."""
    for block in _in_order(blocks, sizes):
        planes = turn(planes[0], block), turn(planes[1], block)
    return planes


def in_place(plane: jax.Array, block: jax.Array, low: int) -> jax.Array:
    """Applies a block to the bits above the `low` lowest ones.

    Args:
      plane: [2^n], real.
      block: [2^k, 2^k], k <= n - low.
      low: how many bits lie below those of the block.

    Returns:
      [2^n], bits in the same order.
    """
    size = block.shape[0]
    if low == 0:
        moved = jnp.matmul(plane.reshape(-1, size), block.T, precision="highest")
        return moved.reshape(-1)
    parts = plane.reshape(-1, size, 2**low)
    # A product a part: one product over all of them would have to transpose.
    each = jnp.broadcast_to(block, (parts.shape[0], size, size))
    return jnp.matmul(each, parts, precision="highest").reshape(-1)


def turn(plane: jax.Array, block: jax.Array) -> jax.Array:
    """Applies a block [2^k, 2^k] to the lowest bits of a plane, [2^n] -> [2^n].

    They become the highest.
    """
    view = plane.reshape(-1, block.shape[0])
    return jnp.matmul(block, view.T, precision="highest").reshape(-1)


def unturn_all(
    planes: Planes, adjoint: Planes, inverse: Blocks, sizes: Sizes
) -> tuple[Planes, Planes, Blocks]:
    """Takes the mixer back from the state and from its adjoint.

    Args:
      planes: the state after the mixer.
      adjoint: the gradient with respect to it.
      inverse: blocks of the negative angles.
      sizes: the `turned_sizes` of these.

    Returns:
      The state before the mixer, the gradient with respect to it, and the gradient
      with respect to each of the `inverse` blocks as arguments of this function.
    """
    slopes = [jnp.zeros_like(block) for block in inverse]
    for place, block in enumerate(_in_order(inverse, sizes)):
        before = (turn(planes[0], block), turn(planes[1], block))
        adjoint_before = (turn(adjoint[0], block), turn(adjoint[1], block))
        # y = K x with K = inverse': the gradient of K is adjoint_y x'.
        slope = sum(
            jnp.matmul(
                x.reshape(block.shape[0], -1),
                y.reshape(-1, block.shape[0]),
                precision="highest",
            )
            for x, y in zip(before, adjoint, strict=True)
        )
        owner = _owner(place, inverse, sizes)
        slopes[owner] = slopes[owner] + slope
        planes, adjoint = before, adjoint_before
    return planes, adjoint, tuple(slopes)


def _in_order(blocks: Blocks, sizes: Sizes) -> list[jax.Array]:
    return [blocks[_owner(place, blocks, sizes)] for place in range(len(sizes))]


def _owner(place: int, blocks: Blocks, sizes: Sizes) -> int:
    """Which of the given blocks acts at a place: its own, or the one of its size."""
    if len(blocks) == len(sizes):
        return place
    return sorted(set(sizes), reverse=True).index(sizes[place])


def enter_frame(state: jax.Array) -> Planes:
    """Planes, [2^n] each, of D^-1 state [2^n]: amplitude x times i^popcount(x)."""
    quarter = _quarters(state.size)
    swapped = quarter % 2 == 1
    sign = jnp.where(quarter >= 2, -1, 1).astype(state.real.dtype)
    real = jnp.where(swapped, -state.imag, state.real)
    imaginary = jnp.where(swapped, state.real, state.imag)
    return sign * real, sign * imaginary


def uniform_planes(num_qubits: int, dtype: jax.typing.DTypeLike) -> Planes:
    """Planes of the uniform superposition, [2^n] each."""
    size = 2**num_qubits
    uniform = jnp.full(size, size**-0.5, dtype)
    return enter_frame(lax.complex(uniform, jnp.zeros_like(uniform)))


def leave_frame(planes: Planes) -> jax.Array:
    """The state, complex [2^n], with these planes: plane x times (-i)^popcount(x)."""
    real, imaginary = planes
    quarter = _quarters(real.size)
    swapped = quarter % 2 == 1
    sign = jnp.where(quarter >= 2, -1, 1).astype(real.dtype)
    return lax.complex(
        sign * jnp.where(swapped, imaginary, real),
        sign * jnp.where(swapped, -real, imaginary),
    )


def _quarters(size: int) -> jax.Array:
    """popcount(x) mod 4 of every index: the power of i."""
    return lax.population_count(jnp.arange(size, dtype=jnp.int32)) % 4
