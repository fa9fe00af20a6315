"""The weight-sharing supernet: all ops of all layers, run one path at a time.

Weights are `Slots`: a tree {"fixed": [row a block], "layers": [[K_l, D_l] a layer]},
used alike for parameters, running statistics, gradients and optimiser moments. A *path*
is the same tree with one row a layer, gathered by an architecture that is plain data,
so one compiled program serves all architectures and a training step touches only the
chosen rows.

Source: single-path one-shot training, Guo et al. 2020; Li et al. 2024 (BQNAS).
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from qnas_jax.nets.build import OpModules, abstract_op, build_op, op_modules
from qnas_jax.nets.chains import OpTemplate, op_template, pieces_of, plan_layer
from qnas_jax.nets.flat import Mode, flatten_state
from qnas_jax.nets.subnet import Subnet
from qnas_jax.nets.switching import run_layer
from qnas_jax.spaces import Layer, NetworkSpace

Slots = dict[str, list[jax.Array]]
_LARGEST_STACKED = 40_000  # values between the pieces of an op, for one image
Kept = tuple[jax.Array, jax.Array]  # of a run of n layers: outputs [n, N, ...], stats


class Supernet:
    """The static part of a supernet; its arrays travel beside it.

    Attributes:
      space: what it was built from.
    """

    def __init__(self, space: NetworkSpace):
        """Builds the templates of all ops; no array is made.

        Args:
          space: the search space.

        Raises:
          ValueError: an op is not registered, does not fit its options, or has state
            other than parameters and batch statistics.
        """
        self.space = space
        self._places = _places(space)
        self._fixed = tuple(_templates(block)[0] for block in space.stem + space.head)
        self._runs = _runs(space.layers)

    @property
    def layer_templates(self) -> list[tuple[OpTemplate, ...]]:
        """The candidates of each layer."""
        return [run.templates for run in self._runs for _ in range(run.count)]

    def init(self, key: jax.Array) -> tuple[Slots, Slots]:
        """Draws initial weights.

        Args:
          key: consumed.

        Returns:
          Parameters and running statistics, as `Slots`.
        """
        params: Slots = {"fixed": [], "layers": []}
        stats: Slots = {"fixed": [], "layers": []}
        for position, (block, (group, _)) in enumerate(
            zip(self.space.blocks, self._places, strict=True)
        ):
            block_key = jax.random.fold_in(key, position)
            rows = _init_layer(block, op_modules(block), block_key)
            for slots, matrix in zip((params, stats), rows, strict=True):
                slots[group].append(matrix if group == "layers" else matrix[0])
        return params, stats

    def apply(
        self,
        params: Slots,
        stats: Slots,
        arch: jax.Array,
        images: jax.Array,
        *,
        mode: Mode,
    ) -> tuple[jax.Array, Slots]:
        """Runs one path.

        Args:
          params: a path's parameters (see `gather`).
          stats: a path's running statistics.
          arch: int32 [L].
          images: float [N, H, W, C].
          mode: how batch normalisation behaves.

        Returns:
          Logits [N, num_classes] and the path's new statistics.
        """
        values, stem_stats = self.stem(params, stats, images, mode=mode)
        layer_stats = []
        for run in self._runs:
            values, found = _run_layers(
                run,
                mode,
                arch[run.places],
                params["layers"][run.places],
                stats["layers"][run.places],
                values,
            )
            layer_stats.extend(found)
        logits, head_stats = self.head(params, stats, values, mode=mode)
        return logits, {"fixed": stem_stats + head_stats, "layers": layer_stats}

    def stem(
        self, params: Slots, stats: Slots, images: jax.Array, *, mode: Mode
    ) -> tuple[jax.Array, list[jax.Array]]:
        """Runs the fixed blocks before the layers, which all architectures share.

        Args:
          params: parameters; only the fixed ones are read.
          stats: running statistics; likewise.
          images: float [N, H, W, C].
          mode: how batch normalisation behaves.

        Returns:
          Values [N, ...] and the new statistics of the stem.
        """
        blocks = slice(0, len(self.space.stem))
        return self._run_fixed(blocks, params, stats, images, mode)

    def head(
        self, params: Slots, stats: Slots, values: jax.Array, *, mode: Mode
    ) -> tuple[jax.Array, list[jax.Array]]:
        """Runs the fixed blocks behind the layers.

        Args:
          params: parameters; only the fixed ones are read.
          stats: running statistics; likewise.
          values: [N, ...], the output of the last layer.
          mode: how batch normalisation behaves.

        Returns:
          Logits [N, num_classes] and the new statistics of the head.
        """
        blocks = slice(len(self.space.stem), None)
        return self._run_fixed(blocks, params, stats, values, mode)

    def nothing_kept(self, values: jax.Array) -> list[Kept]:
        """What `layers_from` needs before the first architecture.

        Args:
          values: the output of the stem.

        Returns:
          Zeros of the right shapes.
        """
        kept = []
        for run in self._runs:
            width = max(1, *(op.stat_starts[-1] for op in run.templates))
            template = run.templates[0]
            rows = (
                jax.ShapeDtypeStruct((template.param_starts[-1],), values.dtype),
                jax.ShapeDtypeStruct((template.stat_starts[-1],), jnp.float32),
            )
            apply = functools.partial(template.apply, "running")
            values, _ = jax.eval_shape(apply, *rows, values)
            outputs = jnp.zeros((run.count, *values.shape), values.dtype)
            kept.append((outputs, jnp.zeros((run.count, width))))
        return kept

    def layers_from(
        self,
        first: jax.Array,
        params: Slots,
        stats: Slots,
        arch: jax.Array,
        values: jax.Array,
        kept: list[Kept],
        *,
        mode: Mode,
    ) -> tuple[jax.Array, list[Kept]]:
        """Runs the layers from the first that differs; earlier ones are kept.

        Args:
          first: int32 scalar, the first layer to compute; before the first
            architecture it is 0.
          params: a path's parameters.
          stats: a path's running statistics.
          arch: int32 [L].
          values: the output of the stem.
          kept: what the call for the architecture before returned.
          mode: how batch normalisation behaves.

        Returns:
          The output of the last layer, and the output and new statistics of every
          layer, by run of equal layers.
        """
        new_kept = []
        for run, before in zip(self._runs, kept, strict=True):
            rows = [jnp.stack(slots["layers"][run.places]) for slots in (params, stats)]
            layers = jnp.arange(run.places.start, run.places.stop)

            def step(
                values: jax.Array, each: Any, run: Run = run
            ) -> tuple[jax.Array, Kept]:
                layer, op, layer_params, layer_stats, before = each
                output, found = lax.cond(
                    layer >= first,
                    lambda: run_layer(
                        run.templates, mode, op, layer_params, layer_stats, values
                    ),
                    lambda: before,
                )
                return output, (output, found)

            each = (layers, arch[run.places], *rows, before)
            values, found = _scan(step, values, each)
            new_kept.append(found)
        return values, new_kept

    def _run_fixed(
        self,
        blocks: slice,
        params: Slots,
        stats: Slots,
        values: jax.Array,
        mode: Mode,
    ) -> tuple[jax.Array, list[jax.Array]]:
        new_stats = []
        for template, own_params, own_stats in zip(
            self._fixed[blocks],
            params["fixed"][blocks],
            stats["fixed"][blocks],
            strict=True,
        ):
            values, row = template.apply(mode, own_params, own_stats, values)
            new_stats.append(row)
        return values, new_stats

    def cut(self, params: Slots, stats: Slots, arch: Any) -> Subnet:
        """Cuts out the stand-alone network of an architecture, with its weights.

        Args:
          params: the supernet's parameters.
          stats: the supernet's running statistics.
          arch: integers [L].

        Returns:
          A network that owns copies of the chosen weights.
        """
        subnet = nnx.eval_shape(
            lambda: Subnet(self.space, arch, rngs=nnx.Rngs(jax.random.key(0)))
        )
        path = jnp.asarray(arch, jnp.int32)
        path_params, path_stats = gather(params, path), gather(stats, path)
        for block, layer, (group, place) in zip(
            subnet.blocks(), self.space.blocks, self._places, strict=True
        ):
            template = _templates(layer)[int(arch[place]) if group == "layers" else 0]
            rows = path_params[group][place], path_stats[group][place]
            states = template.states(*rows)
            for piece, state in zip(pieces_of(block), states, strict=True):
                nnx.update(piece, *state)
        return subnet


def gather(slots: Slots, arch: jax.Array) -> Slots:
    """Reads the rows of a path.

    Args:
      slots: rows of all ops.
      arch: int32 [L].

    Returns:
      The same tree with one row a layer.
    """
    rows = [
        lax.dynamic_index_in_dim(matrix, arch[layer], keepdims=False)
        for layer, matrix in enumerate(slots["layers"])
    ]
    return {"fixed": slots["fixed"], "layers": rows}


def scatter(slots: Slots, arch: jax.Array, path: Slots) -> Slots:
    """Writes the rows of a path back; all other rows keep their values.

    Args:
      slots: rows of all ops.
      arch: int32 [L].
      path: one row a layer.

    Returns:
      The updated tree.
    """
    layers = [
        lax.dynamic_update_index_in_dim(matrix, row, arch[layer], axis=0)
        for layer, (matrix, row) in enumerate(
            zip(slots["layers"], path["layers"], strict=True)
        )
    ]
    return {"fixed": path["fixed"], "layers": layers}


def _places(space: NetworkSpace) -> tuple[tuple[str, int], ...]:
    """Where the rows of each block lie in `Slots`: group and place, in data order."""
    num_stem, num_fixed = len(space.stem), len(space.stem) + len(space.head)
    stem = [("fixed", place) for place in range(num_stem)]
    layers = [("layers", place) for place in range(space.num_layers)]
    head = [("fixed", place) for place in range(num_stem, num_fixed)]
    return (*stem, *layers, *head)


def _templates(layer: Layer) -> tuple[OpTemplate, ...]:
    return tuple(
        op_template(abstract_op(layer, index), spec.name)
        for index, spec in enumerate(layer.ops)
    )


@functools.partial(jax.jit, static_argnums=(0, 1))
def _init_layer(
    layer: Layer, modules: OpModules, key: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Parameters [K, D] and statistics [K, S] of all ops of a layer.

    Parameters that declare a `normal_scale` come from one draw for the whole layer;
    what the modules drew for them is unused and compiled away.
    """
    del modules  # part of the cache key only
    templates = _templates(layer)
    # At least one value: checkpoints hold no empty arrays.
    param_width = max(1, *(template.param_starts[-1] for template in templates))
    stat_width = max(1, *(template.stat_starts[-1] for template in templates))
    normal_key, module_key = jax.random.split(key)
    normal = jax.random.normal(normal_key, (len(templates), param_width))
    params, stats = [], []
    for index, template in enumerate(templates):
        op_key = jax.random.fold_in(module_key, index)
        module = build_op(layer, index, nnx.Rngs(op_key))
        chosen, found = [], []
        for piece, part, start in zip(
            template.pieces, pieces_of(module), template.param_starts, strict=False
        ):
            draws = piece.params.unflatten(normal[index, start:])
            state = nnx.state(part, nnx.Param)
            chosen.append(
                jax.tree.map(_initial_value, state, draws, is_leaf=_is_variable)
            )
            found.append(nnx.state(part, nnx.BatchStat))
        params.append(flatten_state(chosen, param_width))
        stats.append(flatten_state(found, stat_width))
    return jnp.stack(params), jnp.stack(stats)


def _is_variable(node: Any) -> bool:
    return isinstance(node, nnx.Variable)


def _initial_value(param: nnx.Variable, draw: nnx.Variable) -> jax.Array:
    scale = param.get_metadata().get("normal_scale")
    return param[...] if scale is None else scale * draw[...]


@dataclasses.dataclass(frozen=True)
class Run:
    """Equal neighbouring layers: they share one compiled body.

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


def _runs(layers: Sequence[Layer]) -> tuple[Run, ...]:
    """Joins equal neighbouring layers that keep the shape."""
    starts = [
        place
        for place, layer in enumerate(layers)
        if place == 0 or layer != layers[place - 1] or layer.stride != 1
    ]
    stops = [*starts[1:], len(layers)]
    return tuple(
        Run(slice(start, stop), _templates(layers[start]))
        for start, stop in zip(starts, stops, strict=True)
    )


def _run_layers(
    run: Run,
    mode: Mode,
    ops: jax.Array,
    params: list[jax.Array],
    stats: list[jax.Array],
    values: jax.Array,
) -> tuple[jax.Array, list[jax.Array]]:
    """Runs one layer, or equal neighbouring layers as a scan.

    A scan that is differentiated stacks what each layer keeps. Layers with large values
    inside are therefore written out, at the price of a longer compilation.
    """
    apply = functools.partial(run_layer, run.templates, mode)
    plan = plan_layer(run.templates, values.shape[1:])
    if mode == "train" and plan.inner_size > _LARGEST_STACKED:
        rows = []
        for op, layer_params, layer_stats in zip(ops, params, stats, strict=True):
            values, row = apply(op, layer_params, layer_stats, values)
            rows.append(row)
        return values, rows

    def step(
        values: jax.Array, chosen: tuple[jax.Array, jax.Array, jax.Array]
    ) -> tuple[jax.Array, jax.Array]:
        op, layer_params, layer_stats = chosen
        return apply(op, layer_params, layer_stats, values)

    values, found = _scan(step, values, (ops, jnp.stack(params), jnp.stack(stats)))
    return values, list(found)


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
