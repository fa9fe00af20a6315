"""Equal neighbouring layers: one compiled body for all of them."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from qnas_jax.nets.build import op_templates
from qnas_jax.nets.flat import Mode
from qnas_jax.nets.pieces import OpTemplate, plan_layer
from qnas_jax.nets.probing import in_range
from qnas_jax.nets.slots import Slots
from qnas_jax.nets.switching import run_layer
from qnas_jax.spaces import Layer

_LARGEST_STACKED = 40_000  # values between the pieces of an op, for one image
Kept = tuple[jax.Array, jax.Array]  # of n equal layers: outputs [n, N, ...], stats


class ChosenOps(NamedTuple):
    """The path's part in n equal layers.

    Attributes:
      ops: int32 [n], which candidate each layer runs.
      params: its row of parameters, a layer.
      stats: its row of running statistics, a layer.
    """

    ops: jax.Array
    params: list[jax.Array]
    stats: list[jax.Array]


@dataclasses.dataclass(frozen=True)
class EqualLayers:
    """Neighbouring layers with the same candidates and shapes; often but one layer.

    Attributes:
      places: which layers.
      templates: their candidates.
    """

    places: slice
    templates: tuple[OpTemplate, ...]

    @property
    def count(self) -> int:
        """Number of layers."""
        return self.places.stop - self.places.start

    def choose(self, arch: jax.Array, params: Slots, stats: Slots) -> ChosenOps:
        """Picks these layers' part of a path.

        Args:
          arch: int32 [L], of the whole network.
          params: a path's parameters.
          stats: a path's running statistics.

        Returns:
          Ops and rows of these layers.
        """
        rows = (slots["layers"][self.places] for slots in (params, stats))
        return ChosenOps(arch[self.places], *rows)


def join_equal_layers(layers: Sequence[Layer]) -> tuple[EqualLayers, ...]:
    """Joins equal neighbouring layers that keep the shape.

    Args:
      layers: all layers of a space.

    Returns:
      The same layers, in order.
    """
    starts = [
        place
        for place, layer in enumerate(layers)
        if place == 0 or layer != layers[place - 1] or layer.stride != 1
    ]
    stops = [*starts[1:], len(layers)]
    return tuple(
        EqualLayers(slice(start, stop), op_templates(layers[start]))
        for start, stop in zip(starts, stops, strict=True)
    )


def run_equal_layers(
    equal: EqualLayers,
    mode: Mode,
    chosen: ChosenOps,
    values: jax.Array,
) -> tuple[jax.Array, list[jax.Array]]:
    """Runs one layer as it is, and several as a scan.

    A scan that is differentiated stacks what each layer keeps. Layers with large values
    inside are therefore written out, at the price of a longer compilation.

    Args:
      equal: the layers.
      mode: how batch normalisation behaves.
      chosen: their ops and rows.
      values: input of the first of the layers, [N, ...].

    Returns:
      The output of the last, and the new row of statistics of each.
    """
    step = functools.partial(_step, equal, mode)
    plan = plan_layer(equal.templates, values.shape[1:])
    if mode == "train" and plan.inner_size > _LARGEST_STACKED:
        found = []
        for op_and_rows in zip(*chosen, strict=True):
            values, row = step(values, op_and_rows)
            found.append(row)
        return values, found
    values, stacked = _scan(step, values, _stacked(chosen))
    return values, list(stacked)


def run_equal_layers_from(
    equal: EqualLayers,
    mode: Mode,
    first: jax.Array,
    chosen: ChosenOps,
    values: jax.Array,
    kept: Kept,
) -> tuple[jax.Array, Kept]:
    """Runs the layers from the first that differs; of earlier ones takes what is kept.

    Args:
      equal: the layers.
      mode: how batch normalisation behaves.
      first: int32 scalar, the first layer of the network to compute.
      chosen: their ops and rows.
      values: input of the first of the layers, [N, ...].
      kept: output and statistics of each of the layers in the call before.

    Returns:
      The output of the last layer, and what is to be kept.
    """

    def step(values: jax.Array, each: Any) -> tuple[jax.Array, Kept]:
        layer, op_and_rows, before = each
        output, found = lax.cond(
            layer >= first,
            lambda: _step(equal, mode, values, op_and_rows),
            lambda: before,
        )
        return output, (output, found)

    layers = jnp.arange(equal.places.start, equal.places.stop)
    return _scan(step, values, (layers, _stacked(chosen), kept))


def nothing_kept(
    equal: EqualLayers, values: jax.ShapeDtypeStruct
) -> tuple[jax.ShapeDtypeStruct, Kept]:
    """What is kept of layers before their first call.

    Args:
      equal: the layers.
      values: shape of the input of the first of them.

    Returns:
      The shape of the output of the last, and zeros of the right shapes.
    """
    width = max(1, *(op.stat_starts[-1] for op in equal.templates))
    template = equal.templates[0]
    rows = (
        jax.ShapeDtypeStruct((template.param_starts[-1],), values.dtype),
        jax.ShapeDtypeStruct((template.stat_starts[-1],), jnp.float32),
    )
    apply = functools.partial(template.apply, "running")
    output, _ = jax.eval_shape(apply, *rows, values)
    outputs = jnp.zeros((equal.count, *output.shape), output.dtype)
    return output, (outputs, jnp.zeros((equal.count, width)))


def _stacked(chosen: ChosenOps) -> tuple[jax.Array, jax.Array, jax.Array]:
    return chosen.ops, jnp.stack(chosen.params), jnp.stack(chosen.stats)


def _step(
    equal: EqualLayers,
    mode: Mode,
    values: jax.Array,
    op_and_rows: tuple[jax.Array, jax.Array, jax.Array],
) -> tuple[jax.Array, jax.Array]:
    op, params, stats = op_and_rows
    values, stats = in_range(values, stats)
    return run_layer(equal.templates, mode, op, params, stats, values)


def _scan(
    step: Callable[[jax.Array, Any], tuple[jax.Array, Any]],
    values: jax.Array,
    each: Any,
) -> tuple[jax.Array, Any]:
    """`lax.scan`, where the only step of one may change the shape of the values."""
    if len(jax.tree.leaves(each)[0]) > 1:
        return lax.scan(step, values, each)
    values, found = step(values, jax.tree.map(lambda leaf: leaf[0], each))
    return values, jax.tree.map(lambda leaf: leaf[None], found)
