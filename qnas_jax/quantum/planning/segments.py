"""The rounds of a segment on a state vector, and their reverse mode.

- Real matrices [2 d, 2 d] act on the bits of a bin and on the plane, the bit that tells
  real from imaginary parts. The state stays where it is: a product takes (plane, bin)
  to (bin, plane) in the middle of the index, so the plane sinks from the top of the
  index below its last bit while the bins are done, and nothing has to be combined or
  turned round. Numbers that were planes are pairs then; the next gather takes pairs.
- A gather does whatever permutes basis states between two rounds. Its indices are the
  exclusive or of two small tables, so that nothing large is stored in the program.
- Reverse mode undoes the rounds instead of keeping their states, since they are
  unitary: memory stays at a few states however deep the circuit is.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from qnas_jax.quantum.planning.fusion import Segment

_Pair = tuple[jax.Array, jax.Array]
_HIGHEST = lax.Precision.HIGHEST
_SHORT = 16  # library products of so few columns take longer than sums


def real_matrices(matrices: jax.Array) -> jax.Array:
    """Complex matrices of a bin as real ones, (plane, index) -> (index, plane).

    Args:
      matrices: [R, d, d].

    Returns:
      [R, 2 d, 2 d], orthogonal where the complex ones are unitary.
    """
    real, imag = matrices.real, matrices.imag
    rows = [
        jnp.concatenate([real, -imag], axis=2),
        jnp.concatenate([imag, real], axis=2),
    ]
    size = 2 * matrices.shape[1]
    return jnp.stack(rows, axis=2).reshape(-1, size, size)


def product_pairs(vectors: list[jax.Array]) -> jax.Array:
    """State of bins that are not entangled.

    Args:
      vectors: complex [2**k] of each bin, the least significant bin first.

    Returns:
      [2**n, 2] real and imaginary parts.
    """
    half = (len(vectors) + 1) // 2
    one = jnp.ones_like(vectors[0], shape=1)
    low, high = _product(one, vectors[:half]), _product(one, vectors[half:])
    turned = jnp.stack([to_pairs(low), to_pairs(1j * low)])
    columns = turned.reshape(2, -1)
    return jnp.matmul(to_pairs(high), columns, precision=_HIGHEST).reshape(-1, 2)


def _product(state: jax.Array, vectors: list[jax.Array]) -> jax.Array:
    for vector in vectors:
        state = (vector[:, None] * state[None]).reshape(-1)
    return state


def to_pairs(state: jax.Array) -> jax.Array:
    """Real and imaginary parts [2**n, 2] of a complex vector [2**n]."""
    return jnp.stack([state.real, state.imag], axis=-1)


def from_pairs(pairs: jax.Array) -> jax.Array:
    """The complex vector [2**n] whose parts [2**n, 2] these are."""
    return lax.complex(pairs[:, 0], pairs[:, 1])


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def run_segment(
    segment: Segment, pairs: jax.Array, matrices: list[jax.Array]
) -> jax.Array:
    """Applies a segment.

    Args:
      segment: R rounds; static.
      pairs: [2**n, 2] real and imaginary parts.
      matrices: [R, 2 d, 2 d] of each bin, from `real_matrices`.

    Returns:
      [2**n, 2].
    """
    if not segment.rounds:
        return _permute(pairs, segment, inverse=False)
    tables = _stacked_tables(segment, inverse=False)

    def one_round(pairs: jax.Array, inputs: tuple) -> tuple[jax.Array, tuple]:
        (high, low), kernels = inputs
        flat = jnp.moveaxis(_gather(pairs, high, low), -1, 0)
        for place, kernel in _from_the_top(kernels):
            flat = _multiply(flat, kernel, place)
        return flat.reshape(pairs.shape), ()

    pairs, _ = _scan(one_round, pairs, (tables, matrices))
    return _permute(pairs, segment, inverse=False)


def _run_forward(
    segment: Segment, pairs: jax.Array, matrices: list[jax.Array]
) -> tuple[jax.Array, tuple]:
    pairs = run_segment(segment, pairs, matrices)
    return pairs, (pairs, matrices)


def _run_backward(
    segment: Segment, kept: tuple[jax.Array, list[jax.Array]], cotangent: jax.Array
) -> tuple[jax.Array, list[jax.Array]]:
    """Walks back with the state and its cotangent."""
    pairs, matrices = kept
    pairs = _permute(pairs, segment, inverse=True)
    cotangent = _permute(cotangent, segment, inverse=True)
    if not segment.rounds:
        return cotangent, matrices
    tables = _stacked_tables(segment, inverse=True)

    def one_round(both: _Pair, inputs: tuple) -> tuple[_Pair, list[jax.Array]]:
        (high, low), kernels = inputs
        gradients = []
        for place, kernel in reversed(_from_the_top(kernels)):
            both, gradient = _undo(*both, kernel, place)
            gradients.append(gradient)
        state, cotangent = (_gather(_interleaved(x), high, low) for x in both)
        shape = pairs.shape
        return (state.reshape(shape), cotangent.reshape(shape)), gradients

    backwards = jax.tree.map(lambda x: x[::-1], (tables, matrices))
    both, gradients = _scan(one_round, (pairs, cotangent), backwards)
    gradients = [gradient[::-1] for gradient in gradients]
    return both[1], gradients


run_segment.defvjp(_run_forward, _run_backward)


def _scan(
    step: Callable[[Any, Any], tuple[Any, Any]], state: Any, inputs: Any
) -> tuple[Any, Any]:
    """`lax.scan` that carries the inputs of the next step.

    Slices of all inputs would be taken again for each element of the state.
    """

    def body(carry: tuple[Any, Any], following: Any) -> tuple[tuple[Any, Any], Any]:
        state, present = carry
        state, out = step(state, present)
        return (state, following), out

    first = jax.tree.map(lambda x: x[0], inputs)
    following = jax.tree.map(lambda x: jnp.roll(x, -1, axis=0), inputs)
    (state, _), outs = lax.scan(body, (state, first), following)
    return state, outs


def _from_the_top(kernels: list[jax.Array]) -> list[tuple[int, jax.Array]]:
    """Matrices of the bins, the most significant first, and the bits below each."""
    below, places = 0, []
    for kernel in kernels:
        places.append((below, kernel))
        below += kernel.shape[-1].bit_length() - 2
    return places[::-1]


def _multiply(flat: jax.Array, kernel: jax.Array, below: int) -> jax.Array:
    """Multiplies a bin with `below` bits under it; the plane sinks below the bin."""
    size = kernel.shape[-1]
    if below == 0:
        return jnp.matmul(flat.reshape(-1, size), kernel.T, precision=_HIGHEST)
    parts = flat.reshape(-1, size, 2**below)
    if max(size, 2**below) <= _SHORT:
        # Row by row: the program for one sum over all rows finds its place in the
        # index by division, number after number, and is not vectorised.
        rows = [
            sum(weight * parts[:, i] for i, weight in enumerate(weights))
            for weights in kernel
        ]
        return jnp.stack(rows, axis=1)
    many = jnp.broadcast_to(kernel[None], (parts.shape[0], size, size))
    return jnp.matmul(many, parts, precision=_HIGHEST)


def _undo(
    state: jax.Array, cotangent: jax.Array, kernel: jax.Array, below: int
) -> tuple[_Pair, jax.Array]:
    """Undoes `_multiply` for the state and its cotangent; the gradient of the kernel.

    The kernel is orthogonal, so its transpose is its inverse.
    """
    before, after = _multiply(state, kernel.T, below), cotangent
    shape = (-1, kernel.shape[-1], 2**below)
    gradient = jnp.einsum(
        "arb,acb->arc", after.reshape(shape), before.reshape(shape), precision=_HIGHEST
    )
    return (before, _multiply(cotangent, kernel.T, below)), jnp.sum(gradient, axis=0)


def _interleaved(flat: jax.Array) -> jax.Array:
    return flat.reshape(2, -1).T


def _gather(pairs: jax.Array, high: jax.Array, low: jax.Array) -> jax.Array:
    """Takes [2**n, 2] by the indices high ^ low, as [high half, low half, 2].

    One dimension would be slower: the program would divide to find the tables' entries.
    """
    indices = high[:, None] ^ low[None, :]
    return pairs.at[indices].get(mode="promise_in_bounds", unique_indices=True)


def _permute(pairs: jax.Array, segment: Segment, *, inverse: bool) -> jax.Array:
    """The gather behind the last round, or its inverse."""
    if segment.leave.is_identity:
        return pairs
    leave = segment.leave.inverse() if inverse else segment.leave
    high, low = leave.tables
    return _gather(pairs, jnp.asarray(high), jnp.asarray(low)).reshape(pairs.shape)


def _stacked_tables(segment: Segment, *, inverse: bool) -> tuple[jax.Array, jax.Array]:
    """Tables of the gathers of all rounds, [R, high half] and [R, low half]."""
    entries = [each.entry for each in segment.rounds]
    maps = [entry.inverse() if inverse else entry for entry in entries]
    high, low = zip(*(entry.tables for entry in maps), strict=True)
    return jnp.stack(high), jnp.stack(low)
