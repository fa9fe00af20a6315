"""Equal neighbouring layers: one compiled body for all of them."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from qnas_jax.nets.bodies import Body, layer_body
from qnas_jax.nets.each_once import Mixed, run_each_once
from qnas_jax.nets.families import LINEAR
from qnas_jax.nets.flat import Mode
from qnas_jax.nets.forms import Form
from qnas_jax.nets.precision import as_row
from qnas_jax.nets.probing import in_range
from qnas_jax.nets.slots import Slots
from qnas_jax.nets.switching import SwitchedLayer
from qnas_jax.spaces import Layer

_LARGEST_STACKED = 40_000  # values between the pieces of an op, for one image
Kept = tuple[jax.Array, jax.Array]  # of n equal layers: outputs [n, N, ...], stats


class ChosenOps(NamedTuple):
    """The path's part in n equal layers.

    Attributes:
      ops: int32 [n], which candidate each layer runs.
      params: its row of parameters [D], a layer.
      stats: its row of running statistics [S], a layer.
    """

    ops: jax.Array
    params: list[jax.Array]
    stats: list[jax.Array]


@dataclasses.dataclass(frozen=True)
class EqualLayers:
    """Neighbouring layers with the same candidates and shapes; often but one layer.

    Attributes:
      places: which layers.
      body: what runs their candidates.
      recompute: gradients keep the outputs of linear operations of a padded body only.
    """

    places: slice
    body: Body
    recompute: bool = False

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


def join_equal_layers(
    layers: Sequence[Layer], form: Form, recompute: bool = False
) -> tuple[EqualLayers, ...]:
    """Joins equal neighbouring layers that keep the shape.

    Args:
      layers: all layers of a space.
      form: in which their candidates are run.
      recompute: see `EqualLayers`.

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
        EqualLayers(slice(start, stop), layer_body(layers[start], form), recompute)
        for start, stop in zip(starts, stops, strict=True)
    )


def run_equal_layers(
    equal: EqualLayers,
    mode: Mode,
    chosen: ChosenOps,
    values: jax.Array,
) -> tuple[jax.Array, list[jax.Array]]:
    """Runs one layer as it is, and several as a scan.

    A scan that is differentiated stacks what each layer keeps. Layers that are switched
    with large values inside are therefore written out, at the price of a longer
    compilation; on accelerators, which compile equal kernels once, so are all layers
    that are trained (`_written_out`).

    Args:
      equal: the layers.
      mode: how batch normalisation behaves.
      chosen: their ops and rows.
      values: input of the first of the layers, [N, ...].

    Returns:
      The output of the last, [N, ...], and the new row of statistics [S] of each.
    """
    step: Any = functools.partial(_step, equal, mode)
    if equal.recompute:
        policy = jax.checkpoint_policies.save_only_these_names(LINEAR)
        step = jax.checkpoint(step, policy=policy, prevent_cse=equal.count == 1)
    values = as_row(values, chosen.params[0])
    switched = isinstance(equal.body, SwitchedLayer)
    largest = equal.body.largest(values.shape[1:])
    if mode == "train" and switched and largest > _LARGEST_STACKED:
        found = []
        for op_and_rows in zip(*chosen, strict=True):
            values, row = step(values, op_and_rows)
            found.append(row)
        return values, found
    values, stacked = _scan(step, values, _stacked(chosen), _written_out(mode))
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
      kept: outputs [n, N, ...] and statistics [n, S] of the n layers in the call
        before.

    Returns:
      The output of the last layer, [N, ...], and what is to be kept.
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
    values = as_row(values, chosen.params[0])
    return _scan(step, values, (layers, _stacked(chosen), kept))


def run_equal_layers_once(
    equal: EqualLayers,
    mode: Mode,
    archs: jax.Array,
    params: Slots,
    stats: Slots,
    mixed: Mixed,
) -> tuple[Mixed, list[jax.Array]]:
    """Runs all ops of each layer, each on the values of the path that chose it.

    Args:
      equal: the layers.
      mode: how batch normalisation behaves.
      archs: int32 [K, L], each column a permutation.
      params: the supernet's parameters.
      stats: the supernet's running statistics.
      mixed: values of all paths.

    Returns:
      The output of the last layer, and the new statistics [K, S] of all ops of each.
    """

    def step(mixed: Mixed, each: Any) -> tuple[Mixed, jax.Array]:
        ops, params, stats = each
        templates = equal.body.templates
        return run_each_once(templates, mode, ops, params, stats, mixed)

    rows = (jnp.stack(slots["layers"][equal.places]) for slots in (params, stats))
    mixed = mixed._replace(
        values=as_row(mixed.values, params["layers"][equal.places.start])
    )
    each = archs[:, equal.places].T, *rows
    mixed, found = _scan(step, mixed, each, _written_out(mode))
    return mixed, list(found)


def nothing_kept(
    equal: EqualLayers, params: Slots, values: jax.ShapeDtypeStruct
) -> tuple[jax.ShapeDtypeStruct, Kept]:
    """What is kept of layers before their first call.

    Args:
      equal: the layers.
      params: the supernet's parameters.
      values: shape of the input of the first of them.

    Returns:
      The shape of the output of the last, and zeros of the right shapes.
    """
    templates = equal.body.templates
    width = max(1, *(op.stat_starts[-1] for op in templates))
    template = templates[0]
    matrix = params["layers"][equal.places.start]
    rows = (
        jax.ShapeDtypeStruct((template.param_starts[-1],), matrix.dtype),
        jax.ShapeDtypeStruct((template.stat_starts[-1],), jnp.float32),
    )
    values = jax.eval_shape(lambda values: as_row(values, matrix), values)
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
    return equal.body.run(mode, op, params, stats, values)


def _written_out(mode: Mode) -> bool:
    """Whether a scan is to be written out.

    On an H100 a strictly fair step of `nas_bench_macro` takes 12.5 ms so, 15.4 as a
    loop, with a tenth less memory, and compiles in the same time.
    """
    return mode == "train" and jax.default_backend() != "cpu"


def _scan(
    step: Callable[[Any, Any], tuple[Any, Any]],
    values: Any,
    each: Any,
    written_out: bool = False,
) -> tuple[Any, Any]:
    """`lax.scan`, where the only step of one may change the shape of the values."""
    if len(jax.tree.leaves(each)[0]) > 1:
        return lax.scan(step, values, each, unroll=written_out)
    values, found = step(values, jax.tree.map(lambda leaf: leaf[0], each))
    return values, jax.tree.map(lambda leaf: leaf[None], found)
