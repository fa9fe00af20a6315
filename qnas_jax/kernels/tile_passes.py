"""Passes over a state: a program reads a tile, acts on it, and writes it back.

One pass does all that can be done while a tile is held, for example: finish the mixer
of a layer, apply the phases of the next, begin its mixer. Amplitudes are read and
written once a pass. Written for GPUs (Pallas, Triton); interpreted elsewhere, for tests.

Products of the rotations of lanes and rows run on tensor cores with each number in
parts of few bits, whose products are summed in float32 (Ootomo & Yokota, "Recovering
single precision accuracy from Tensor Cores", 2022, arXiv:2203.03341): three of TF32
leave an error of 2^-22 of the largest term.
"""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu

from qnas_jax.kernels.mixer import Planes
from qnas_jax.kernels.phases import polynomial
from qnas_jax.kernels.tiles import Tile

PRODUCTS: dict[str, Any] = {
    "float32": lax.DotAlgorithmPreset.F32_F32_F32,
    "tf32x3": lax.DotAlgorithmPreset.TF32_TF32_F32_X3,
    "bfloat16x6": lax.DotAlgorithmPreset.BF16_BF16_F32_X6,
    "tf32": lax.DotAlgorithmPreset.TF32_TF32_F32,
}
"""Precision of products on tensor cores ("float32": without them), by name."""


class Step(NamedTuple):
    """One action on a tile.

    Attributes:
      action: "turn" (the mixer on the bits of the tile) or "phase".
      layer: of which layer, counted from the first of the pass.
    """

    action: Literal["turn", "phase"]
    layer: int


class Angles(NamedTuple):
    """What passes read beside the state.

    Attributes:
      costs: [2^n], phases for gamma = 1.
      gammas: [R], of each layer.
      tables: `angle_table` of each tile, of R layers.
    """

    costs: jax.Array
    gammas: jax.Array
    tables: tuple[jax.Array, ...]


@dataclasses.dataclass(frozen=True)
class Undone:
    """What comes out of a pass backwards.

    Attributes:
      planes: the state before, 2 arrays [2^n].
      adjoint: the gradient with respect to it.
      sums: [steps, rotated bits or 1] gradients of angles: of a "turn" one a bit or
        their sum, of a "phase" one in front.
      slopes: [2^n] gradient with respect to each phase, where that was asked for.
    """

    planes: Planes
    adjoint: Planes
    sums: jax.Array
    slopes: jax.Array | None


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def run_pass(
    tile: Tile,
    steps: tuple[Step, ...],
    place: int,
    planes: Planes,
    angles: Angles,
    layer: jax.Array,
) -> Planes:
    """Acts on every tile of a state.

    Args:
      tile: the bits that are held.
      steps: what is done, in order.
      place: of the tile's table in `angles`.
      planes: real and imaginary part in the frame of the mixer, [2^n] each.
      angles: of all layers.
      layer: [1] int32, the first layer of the pass.

    Returns:
      Both planes.
    """
    shape = jax.ShapeDtypeStruct(planes[0].shape, planes[0].dtype)
    real, imaginary = pl.pallas_call(
        functools.partial(_forward, tile, steps),
        out_shape=(shape, shape),
        grid=(tile.num_programs,),
        input_output_aliases={0: 0, 1: 1},
        interpret=_interpreted(),
        **_options(tile),
    )(*planes, layer, angles.costs, angles.gammas, angles.tables[place])
    return real, imaginary


@functools.partial(
    jax.jit, static_argnums=(0, 1, 2), static_argnames=("each_bit", "with_slopes")
)
def undo_pass(
    tile: Tile,
    steps: tuple[Step, ...],
    place: int,
    planes: Planes,
    adjoint: Planes,
    angles: Angles,
    layer: jax.Array,
    *,
    each_bit: bool,
    with_slopes: bool,
) -> Undone:
    """Takes the steps of a pass back, from the state and from its adjoint.

    Args:
      tile: the bits that are held.
      steps: what is undone, in the order in which it is undone.
      place: of the tile's table in `angles`.
      planes: the state behind the steps.
      adjoint: the gradient with respect to it.
      angles: of all layers.
      layer: [1] int32, the layer that steps count from.
      each_bit: whether gradients of angles are told apart by bit.
      with_slopes: whether the gradient with respect to each phase is written; there is
        one "phase" among the steps then.

    Returns:
      State and adjoint before the steps, and the gradients.
    """
    dtype = planes[0].dtype
    shape = jax.ShapeDtypeStruct(planes[0].shape, dtype)
    width = len(steps) * (len(tile.turned) if each_bit else 1)
    sums = jax.ShapeDtypeStruct((tile.num_programs * width,), dtype)
    outputs = (*4 * (shape,), sums) + (shape,) * with_slopes
    out = pl.pallas_call(
        functools.partial(_backward, tile, steps, each_bit),
        out_shape=outputs,
        grid=(tile.num_programs,),
        input_output_aliases={0: 0, 1: 1, 2: 2, 3: 3},
        interpret=_interpreted(),
        **_options(tile),
    )(*planes, *adjoint, layer, angles.costs, angles.gammas, angles.tables[place])
    return Undone(
        (out[0], out[1]),
        (out[2], out[3]),
        out[4].reshape(tile.num_programs, len(steps), -1).sum(axis=0),
        out[5] if with_slopes else None,
    )


jax.tree_util.register_dataclass(Undone)


def _interpreted() -> bool:
    return jax.default_backend() != "gpu"


def _options(tile: Tile) -> dict[str, Any]:
    return {
        "compiler_params": plgpu.CompilerParams(
            num_warps=tile.warps, num_stages=1
        )
    }


def _places(tile: Tile) -> list[jax.Array]:
    """Indices [2^rows, 2^lanes] of the amplitudes of each part."""
    number, base = pl.program_id(0), 0
    for first, count in tile.free:
        base = base + ((number & (2**count - 1)) << first)
        number = number >> count
    rows = jnp.arange(2**tile.rows, dtype=jnp.int32) << tile.row_start
    here = base + rows[:, None] + jnp.arange(2**tile.lanes, dtype=jnp.int32)[None]
    return [here + (part << tile.part_start) for part in range(2**tile.parts)]


Arrays = list[jax.Array]  # a plane of a tile: one array [2^rows, 2^lanes] a part


def _forward(tile: Tile, steps: Sequence[Step], *refs: Any) -> None:
    real, imaginary, layer, costs, gammas, table, *outputs = refs
    places, first = _places(tile), layer[0]
    state = [[plgpu.load(ref.at[p]) for p in places] for ref in (real, imaginary)]
    for step in steps:
        if step.action == "turn":
            state = _turn(tile, table, first + step.layer, state, inverse=False)
        else:
            phases = _phases(costs, gammas, first + step.layer, places)
            state = _shift(state, phases)
    _write(outputs, places, state)


def _backward(tile: Tile, steps: Sequence[Step], each_bit: bool, *refs: Any) -> None:
    inputs, (layer, costs, gammas, table), outputs = refs[:4], refs[4:8], refs[8:]
    places, first = _places(tile), layer[0]
    both = [[plgpu.load(ref.at[p]) for p in places] for ref in inputs]
    sums, bits = outputs[4], len(tile.turned) if each_bit else 1
    start = pl.program_id(0) * (len(steps) * bits)
    for number, step in enumerate(steps):
        row = first + step.layer
        if step.action == "turn":
            found = _turn_slopes(tile, both[:2], both[2:], each_bit=each_bit)
            both = _turn(tile, table, row, both, inverse=True)
        else:
            phases = _phases(costs, gammas, row, places, negative=True)
            # The phase of an amplitude (re, im) moves it by (im, -re) d theta.
            slopes = [
                lr * im - li * re for re, im, lr, li in zip(*both, strict=True)
            ]
            if len(outputs) == 6:
                for where, slope in zip(places, slopes, strict=True):
                    plgpu.store(outputs[5].at[where], slope)
            # Costs are read again: they would be many registers.
            found = [
                sum(
                    _total(slope * plgpu.load(costs.at[where]))
                    for where, slope in zip(places, slopes, strict=True)
                )
            ]
            both = _shift(both[:2], phases) + _shift(both[2:], phases)
        for bit in range(bits):
            value = found[bit] if bit < len(found) else jnp.zeros((), both[0][0].dtype)
            plgpu.store(sums.at[start + number * bits + bit], value)
    _write(outputs[:4], places, both)


def _write(outputs: Sequence[Any], places: Arrays, planes: list[Arrays]) -> None:
    for ref, plane in zip(outputs, planes, strict=True):
        for where, array in zip(places, plane, strict=True):
            plgpu.store(ref.at[where], array)


def _phases(
    costs: Any, gammas: Any, layer: jax.Array, places: Arrays, *, negative: bool = False
) -> list[tuple[jax.Array, jax.Array]]:
    """Cosine and sine of the phases of each part."""
    gamma = plgpu.load(gammas.at[layer])
    gamma = -gamma if negative else gamma
    return [polynomial(gamma * plgpu.load(costs.at[where])) for where in places]


def _shift(
    planes: list[Arrays], phases: list[tuple[jax.Array, jax.Array]]
) -> list[Arrays]:
    """Applies exp(-i phase) to a real and an imaginary plane."""
    parts = list(zip(*planes, phases, strict=True))
    return [
        [re * cosine + im * sine for re, im, (cosine, sine) in parts],
        [im * cosine - re * sine for re, im, (cosine, sine) in parts],
    ]


def _turn(
    tile: Tile, table: Any, layer: jax.Array, planes: list[Arrays], *, inverse: bool
) -> list[Arrays]:
    """Rotates the bits of a tile, in every plane."""
    start = layer * tile.width
    for bit in range(tile.parts):
        cosine = plgpu.load(table.at[start + bit])
        sine = plgpu.load(table.at[start + tile.parts + bit])
        sine = -sine if inverse else sine
        planes = [_turn_parts(plane, bit, cosine, sine) for plane in planes]
    start = start + 2 * tile.parts
    if tile.turn_rows:
        matrix = _matrix(table, start, tile.rows, transposed=inverse)
        planes = [[_dot(tile, matrix, x) for x in plane] for plane in planes]
        start = start + 4**tile.rows
    if tile.turn_lanes:
        matrix = _matrix(table, start, tile.lanes, transposed=not inverse)
        planes = [[_dot(tile, x, matrix) for x in plane] for plane in planes]
    return planes


def _turn_parts(
    plane: Arrays, bit: int, cosine: jax.Array, sine: jax.Array
) -> Arrays:
    turned = list(plane)
    for zero in range(len(plane)):
        one = zero | 1 << bit
        if one != zero:
            turned[zero] = cosine * plane[zero] - sine * plane[one]
            turned[one] = cosine * plane[one] + sine * plane[zero]
    return turned


def _matrix(table: Any, start: jax.Array, bits: int, *, transposed: bool) -> jax.Array:
    """A Kronecker product of a table, or its transpose, which is its inverse."""
    number = jnp.arange(2**bits, dtype=jnp.int32)
    row, column = number[:, None], number[None]
    if transposed:
        row, column = column, row
    return plgpu.load(table.at[start + row * 2**bits + column])


def _dot(tile: Tile, left: jax.Array, right: jax.Array) -> jax.Array:
    precision = PRODUCTS[tile.product]
    if _interpreted():
        precision = lax.Precision.HIGHEST
    return jnp.dot(left, right, precision=precision)


def _turn_slopes(
    tile: Tile, planes: list[Arrays], adjoint: list[Arrays], *, each_bit: bool
) -> Arrays:
    """For each bit of a tile the slope of its angle, d R / d angle = J R; or their sum.

    J takes (x0, x1) to (-x1, x0), so the slope is the sum of y1 x0 - y0 x1 with the
    adjoint y. All rotations of a layer commute: any moment between them will do.
    """
    pairs = [
        (x, y)
        for plane, slopes in zip(planes, adjoint, strict=True)
        for x, y in zip(plane, slopes, strict=True)
    ]
    terms = []
    for bit in range(tile.parts):
        zeros = [p for p in range(2**tile.parts) if not p >> bit & 1]
        terms.append(
            sum(
                y[p | 1 << bit] * x[p] - y[p] * x[p | 1 << bit]
                for x, y in zip(planes, adjoint, strict=True)
                for p in zeros
            )
        )
    groups = [terms]
    if tile.turn_rows:
        products = sum(_dot(tile, y, x.T) for x, y in pairs)
        groups.append([products * _slope_of(bit, tile.rows) for bit in range(tile.rows)])
    if tile.turn_lanes:
        products = sum(_dot(tile, y.T, x) for x, y in pairs)
        groups.append([products * _slope_of(bit, tile.lanes) for bit in range(tile.lanes)])
    if each_bit:
        return [_total(term) for group in groups for term in group]
    return [sum(_total(sum(group)) for group in groups if group)]


def _slope_of(bit: int, bits: int) -> jax.Array:
    """J of one bit over an axis of 2^bits: 1 where the bit is set on the left alone."""
    number = jnp.arange(2**bits, dtype=jnp.int32)
    row, column = number[:, None], number[None]
    sign = (((row >> bit) & 1) - ((column >> bit) & 1)).astype(jnp.float32)
    return jnp.where((row ^ column) == 1 << bit, sign, 0.0)


def _total(array: jax.Array) -> jax.Array:
    return jnp.sum(jnp.sum(array, axis=1), axis=0)
