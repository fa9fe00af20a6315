"""The weight-sharing supernet: all ops of all layers, run one path at a time.

Weights are `Slots`: a tree {"fixed": [row a block], "layers": [[K_l, D_l] a layer]},
used alike for parameters, running statistics, gradients and optimiser moments. A *path*
is the same tree with one row a layer, gathered by an architecture that is plain data,
so one compiled program serves all architectures and a training step touches only the
chosen rows.

Source: single-path one-shot training, Guo et al. 2020; Li et al. 2024 (BQNAS).
"""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from qnas_jax.nets.build import OpModules, abstract_op, build_op, op_modules
from qnas_jax.nets.chains import OpTemplate, op_template, pieces_of
from qnas_jax.nets.flat import Mode, flatten_state
from qnas_jax.nets.subnet import Subnet
from qnas_jax.nets.switching import run_layer
from qnas_jax.spaces import Layer, NetworkSpace

Slots = dict[str, list[jax.Array]]


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
        self._templates = tuple(_templates(block) for block in space.blocks)
        self._runs = _runs(space, self._places, self._templates)

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
        values = images
        new_stats: Slots = {"fixed": [], "layers": []}
        for (group, first), count, templates in self._runs:
            places = slice(first, first + count)
            rows = params[group][places], stats[group][places]
            if group == "fixed":
                values, row = templates[0].apply(mode, rows[0][0], rows[1][0], values)
                new_stats[group].append(row)
                continue
            values, found = _apply_layers(templates, mode, arch[places], *rows, values)
            new_stats[group].extend(found)
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
        for block, (group, place), templates in zip(
            subnet.blocks(), self._places, self._templates, strict=True
        ):
            template = templates[int(arch[place]) if group == "layers" else 0]
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


Run = tuple[tuple[str, int], int, tuple[OpTemplate, ...]]


def _runs(
    space: NetworkSpace,
    places: Sequence[tuple[str, int]],
    templates: Sequence[tuple[OpTemplate, ...]],
) -> tuple[Run, ...]:
    """Joins equal neighbouring layers: (first place, number of layers, templates).

    They share one compiled body, which shortens compilation by the share of repeats.
    """
    runs: list[Run] = []
    before = None
    for block, place, candidates in zip(space.blocks, places, templates, strict=True):
        repeats = place[0] == "layers" and block == before and block.stride == 1
        if repeats:
            first, count, shared = runs.pop()
            runs.append((first, count + 1, shared))
        else:
            runs.append((place, 1, candidates))
        before = block if place[0] == "layers" else None
    return tuple(runs)


def _apply_layers(
    templates: tuple[OpTemplate, ...],
    mode: Mode,
    indices: jax.Array,
    params: list[jax.Array],
    stats: list[jax.Array],
    values: jax.Array,
) -> tuple[jax.Array, list[jax.Array]]:
    """Runs one layer, or equal neighbouring layers as a scan."""
    run = functools.partial(run_layer, templates, mode)
    if len(params) == 1:
        values, row = run(indices[0], params[0], stats[0], values)
        return values, [row]

    def step(
        values: jax.Array, chosen: tuple[jax.Array, jax.Array, jax.Array]
    ) -> tuple[jax.Array, jax.Array]:
        return run(*chosen, values)

    rows = indices, jnp.stack(params), jnp.stack(stats)
    values, found = lax.scan(step, values, rows)
    return values, list(found)
