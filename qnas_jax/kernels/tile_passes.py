"""Passes over a state: a program reads a tile, acts on it, and writes it back.

One pass does all that can be done while a tile is held, for example: finish the mixer
of a layer, apply the phases of the next, begin its mixer. Amplitudes are read and
written once a pass; all sums are float32. Written for GPUs (Pallas, Triton);
interpreted elsewhere, for tests.
"""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu

from qnas_jax.kernels.held_tile import AngleSlopes, HeldTile
from qnas_jax.kernels.mixer import Planes
from qnas_jax.kernels.tiles import Tile


class Step(NamedTuple):
    """One action on a tile.

    Attributes:
      action: "turn" (the mixer on the rotated bits of the tile) or "phase".
      layer: of which layer, counted from the first of the pass.
    """

    action: Literal["turn", "phase"]
    layer: int


class Angles(NamedTuple):
    """What passes read beside the state.

    Attributes:
      costs: [2^n], phases for gamma = 1.
      gammas: [R], of each layer.
      turns: [R * 2 n], of each layer tan(angle / 2) and sin(angle) of the rotations,
        lowest bit first.
    """

    costs: jax.Array
    gammas: jax.Array
    turns: jax.Array


@jax.tree_util.register_dataclass
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


@functools.partial(jax.jit, static_argnums=(0, 1))
def run_pass(
    tile: Tile,
    steps: tuple[Step, ...],
    planes: Planes,
    angles: Angles,
    layer: jax.Array,
) -> Planes:
    """Acts on every tile of a state.

    Args:
      tile: the bits that are held.
      steps: what is done, in order.
      planes: real and imaginary part in the frame of the mixer, [2^n] each.
      angles: of all layers.
      layer: [3] int32, the first layer of the pass, zero and zero.

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
    )(*planes, layer, *angles)
    return real, imaginary


@functools.partial(
    jax.jit, static_argnums=(0, 1), static_argnames=("each_bit", "with_slopes")
)
def undo_pass(
    tile: Tile,
    steps: tuple[Step, ...],
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
      planes: the state behind the steps.
      adjoint: the gradient with respect to it.
      angles: of all layers.
      layer: [3] int32, the layer that steps count from, zero and zero.
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
    out = pl.pallas_call(
        functools.partial(_backward, tile, steps, each_bit),
        out_shape=(*4 * (shape,), sums) + (shape,) * with_slopes,
        grid=(tile.num_programs,),
        input_output_aliases={0: 0, 1: 1, 2: 2, 3: 3},
        interpret=_interpreted(),
        **_options(tile),
    )(*planes, *adjoint, layer, *angles)
    return Undone(
        (out[0], out[1]),
        (out[2], out[3]),
        out[4].reshape(tile.num_programs, len(steps), -1).sum(axis=0),
        out[5] if with_slopes else None,
    )


def _interpreted() -> bool:
    return jax.default_backend() != "gpu"


def _options(tile: Tile) -> dict[str, Any]:
    warps = max(1, 2 ** (len(tile.order.threads) - 5))
    return {"compiler_params": plgpu.CompilerParams(num_warps=warps, num_stages=1)}


def _forward(tile: Tile, steps: Sequence[Step], *refs: Any) -> None:
    inputs, (layer, costs, gammas, turns), outputs = refs[:2], refs[2:6], refs[6:]
    held, first = HeldTile(tile, inputs, layer), layer[0]
    for step in steps:
        row = first + step.layer
        if step.action == "turn":
            held.turn(turns, row * (2 * tile.num_bits), inverse=False)
        else:
            held.shift(plgpu.load(gammas.at[row]) * held.load(costs))
    held.store(outputs, held.planes())


def _backward(tile: Tile, steps: Sequence[Step], each_bit: bool, *refs: Any) -> None:
    inputs, (layer, costs, gammas, turns), outputs = refs[:4], refs[4:8], refs[8:]
    held, first = HeldTile(tile, inputs, layer), layer[0]
    sums, width = outputs[4], len(tile.turned) if each_bit else 1
    start = pl.program_id(0) * (len(steps) * width)
    for number, step in enumerate(steps):
        row = first + step.layer
        if step.action == "turn":
            slopes = AngleSlopes(tile, each_bit)
            held.turn(turns, row * (2 * tile.num_bits), inverse=True, slopes=slopes)
            found = [jnp.sum(jnp.sum(total, axis=1)) for total in slopes.totals]
        else:
            own = held.load(costs)
            re, im, re_slope, im_slope = held.planes()
            # The phase of an amplitude (re, im) moves it by (im, -re) d theta.
            slope = re_slope * im - im_slope * re
            held.store(outputs[5:], [slope] * len(outputs[5:]))
            found = [jnp.sum(jnp.sum(slope * own, axis=1))]
            held.shift(-plgpu.load(gammas.at[row]) * own)
        found += [jnp.zeros_like(found[0])] * (width - len(found))
        for place, value in enumerate(found):
            plgpu.store(sums.at[start + number * width + place], value)
    held.store(outputs[:4], held.planes())
