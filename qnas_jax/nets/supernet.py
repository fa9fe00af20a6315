"""The weight-sharing supernet: all ops of all layers, run one path at a time.

Weights are `Slots`: a tree {"fixed": [row a block], "layers": [[K_l, D_l] a layer]},
used alike for parameters, running statistics, gradients and optimiser moments. A *path*
is the same tree with one row a layer, gathered by an architecture that is plain data,
so one compiled program serves all architectures and a training step touches only the
chosen rows.

Each layer is a `lax.switch` with its own reverse rule: it keeps the layer's input and
computes the chosen branch again going back. Differentiating a switch directly saves
zero-filled residuals for every branch, 4 x slower (docs: BUILD.md, decisions). Never
`vmap` it: that turns the switch into running every branch.

Source: single-path one-shot training, Guo et al. 2020; Li et al. 2024 (BQNAS).
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from qnas_jax.nets.build import abstract_op, build_op
from qnas_jax.nets.flat import Mode, OpTemplate, template_of
from qnas_jax.nets.subnet import Subnet
from qnas_jax.spaces import Layer, NetworkSpace

Slots = dict[str, list[jax.Array]]
Branch = Callable[[jax.Array, jax.Array, jax.Array], tuple[jax.Array, jax.Array]]


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
        self._stem = tuple(_templates(block) for block in space.stem)
        self._layers = tuple(_templates(layer) for layer in space.layers)
        self._head = tuple(_templates(block) for block in space.head)

    def init(self, key: jax.Array) -> tuple[Slots, Slots]:
        """Draws initial weights.

        Args:
          key: consumed.

        Returns:
          Parameters and running statistics, as `Slots`.
        """
        params: Slots = {"fixed": [], "layers": []}
        stats: Slots = {"fixed": [], "layers": []}
        for position, layer in enumerate(self.space.blocks):
            rows = _init_layer(layer, jax.random.fold_in(key, position))
            searched = 0 <= position - len(self.space.stem) < self.space.num_layers
            for slots, row in zip((params, stats), rows, strict=True):
                slots["layers" if searched else "fixed"].append(
                    row if searched else row[0]
                )
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
        num_stem = len(self._stem)
        values, fixed = images, []
        for position, (template,) in enumerate(self._stem):
            values, row = template.apply(
                mode, params["fixed"][position], stats["fixed"][position], values
            )
            fixed.append(row)
        rows = []
        for layer, templates in enumerate(self._layers):
            branches = tuple(functools.partial(t.apply, mode) for t in templates)
            values, row = _switch(
                branches,
                arch[layer],
                params["layers"][layer],
                stats["layers"][layer],
                values,
            )
            rows.append(row)
        for position, (template,) in enumerate(self._head, start=num_stem):
            values, row = template.apply(
                mode, params["fixed"][position], stats["fixed"][position], values
            )
            fixed.append(row)
        return values, {"fixed": fixed, "layers": rows}

    def cut(self, params: Slots, stats: Slots, arch: Any) -> Subnet:
        """Cuts out the stand-alone network of an architecture, with its weights.

        Args:
          params: the supernet's parameters.
          stats: the supernet's running statistics.
          arch: integers [L].

        Returns:
          A network that owns copies of the chosen weights.
        """
        subnet = Subnet(self.space, arch, rngs=nnx.Rngs(jax.random.key(0)))
        indices = [0] * len(self._stem) + [int(i) for i in arch] + [0] * len(self._head)
        chosen = gather(params, jnp.asarray(arch)), gather(stats, jnp.asarray(arch))
        num_stem = len(self._stem)
        templates = self._stem + self._layers + self._head
        for position, block in enumerate(subnet.blocks()):
            template = templates[position][indices[position]]
            searched = 0 <= position - num_stem < self.space.num_layers
            group = "layers" if searched else "fixed"
            place = position - num_stem if searched else position
            if not searched and position >= num_stem:
                place = position - self.space.num_layers
            rows = [slots[group][place] for slots in chosen]
            nnx.update(
                block,
                template.params.unflatten(rows[0]),
                template.stats.unflatten(rows[1]),
            )
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


def _templates(layer: Layer) -> tuple[OpTemplate, ...]:
    return tuple(
        template_of(abstract_op(layer, index), spec.name)
        for index, spec in enumerate(layer.ops)
    )


@functools.partial(jax.jit, static_argnums=0)
def _init_layer(layer: Layer, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Parameters [K, D] and statistics [K, S] of all ops of a layer.

    Parameters that declare a `normal_scale` come from one draw for the whole layer;
    what the modules drew for them is unused and compiled away.
    """
    templates = _templates(layer)
    # At least one value: checkpoints hold no empty arrays.
    param_width = max(1, *(template.params.size for template in templates))
    stat_width = max(1, *(template.stats.size for template in templates))
    normal_key, module_key = jax.random.split(key)
    normal = jax.random.normal(normal_key, (len(templates), param_width))
    params, stats = [], []
    for index, template in enumerate(templates):
        op_key = jax.random.fold_in(module_key, index)
        module = build_op(layer, index, nnx.Rngs(op_key))
        draws = template.params.unflatten(normal[index])
        chosen = jax.tree.map(
            _initial_value, nnx.state(module, nnx.Param), draws, is_leaf=_is_variable
        )
        params.append(template.params.flatten(chosen, param_width))
        state = nnx.state(module, nnx.BatchStat)
        stats.append(template.stats.flatten(state, stat_width))
    return jnp.stack(params), jnp.stack(stats)


def _is_variable(node: Any) -> bool:
    return isinstance(node, nnx.Variable)


def _initial_value(param: nnx.Variable, draw: nnx.Variable) -> jax.Array:
    scale = param.get_metadata().get("normal_scale")
    return param[...] if scale is None else scale * draw[...]


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _switch(
    branches: tuple[Branch, ...],
    index: jax.Array,
    params: jax.Array,
    stats: jax.Array,
    inputs: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    return lax.switch(index, branches, params, stats, inputs)


def _switch_forward(
    branches: tuple[Branch, ...],
    index: jax.Array,
    params: jax.Array,
    stats: jax.Array,
    inputs: jax.Array,
) -> tuple[tuple[jax.Array, jax.Array], tuple[jax.Array, ...]]:
    return (
        _switch(branches, index, params, stats, inputs),
        (index, params, stats, inputs),
    )


def _switch_backward(
    branches: tuple[Branch, ...],
    saved: tuple[jax.Array, ...],
    gradients: tuple[jax.Array, jax.Array],
) -> tuple[None, jax.Array, None, jax.Array]:
    index, params, stats, inputs = saved
    output_gradient, _ = gradients  # running statistics carry no gradient

    def reverse(branch: Branch) -> Callable[..., tuple[jax.Array, jax.Array]]:
        def run(
            params: jax.Array, inputs: jax.Array, gradient: jax.Array
        ) -> tuple[jax.Array, jax.Array]:
            _, pull = jax.vjp(lambda p, x: branch(p, stats, x)[0], params, inputs)
            return pull(gradient)

        return run

    params_gradient, inputs_gradient = lax.switch(
        index, [reverse(b) for b in branches], params, inputs, output_gradient
    )
    return None, params_gradient, None, inputs_gradient


_switch.defvjp(_switch_forward, _switch_backward)
