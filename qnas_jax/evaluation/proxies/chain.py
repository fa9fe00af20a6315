"""Chain spaces under zero-cost proxies: a supernet with fresh weights.

A path gathered from a supernet that nobody trained is a network with fresh weights, so
one program measures all architectures (the price is that the weights of all ops are
drawn for each). Weights start as the networks of this package
do (He-normal, fan-out), batch normalisation uses the batch's statistics.

Without batch normalisation (`synflow`) the input is divided between the layers so that
its mean stays tiny: activations that are cut off at 6 are then linear, as the flow
wants them to be.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from qnas_jax.evaluation.proxies.network import Watch
from qnas_jax.nets import ChainSupernet, Mode, Passed, Slots, take_path
from qnas_jax.nets.build import op_templates
from qnas_jax.nets.pieces import OpTemplate
from qnas_jax.spaces import CostTable, NetworkSpace

_MAGNITUDE = 1e-12  # of values without normalisation; far from both ends of float32


class _Leaves(NamedTuple):
    """The arrays in the rows of each op of a block, in order.

    Attributes:
      ends: where each ends, int32 [K, M]; ops with fewer arrays repeat the last.
      sizes: number of values, float32 [K, M].
      wanted: 1.0 for those that are asked for, float32 [K, M].
    """

    ends: np.ndarray
    sizes: np.ndarray
    wanted: np.ndarray

    def sums(self, op: jax.Array, row: jax.Array) -> jax.Array:
        """Sums of the wanted arrays in an op's row [D], float32 [M]; others 0."""
        array = self._array_of(op, row.shape[0])
        count = self.ends.shape[1]
        sums = jax.ops.segment_sum(row, array, num_segments=count + 1)[:count]
        return jnp.asarray(self.wanted)[op] * sums

    def means(self, op: jax.Array, row: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Means of the wanted arrays, float32 [M], and whether there are such."""
        wanted = jnp.asarray(self.wanted)[op]
        return self.sums(op, row) / jnp.asarray(self.sizes)[op], wanted > 0

    def mask(self, op: jax.Array, width: int) -> jax.Array:
        """Whether each value of an op's row belongs to a wanted array, [width]."""
        padded = jnp.pad(jnp.asarray(self.wanted)[op], (0, 1))
        return padded[self._array_of(op, width)] > 0

    def _array_of(self, op: jax.Array, width: int) -> jax.Array:
        ends = jnp.asarray(self.ends)[op]
        return jnp.searchsorted(ends, jnp.arange(width), side="right")


class ChainNetwork:
    """A supernet as proxies want a network.

    Its weights are {"params": `Slots`, "stats": `Slots`}; the statistics stay fresh.

    Attributes:
      space: what it was built from.
      shows_relus: always False: its ops are the user's own modules.
    """

    shows_relus = False

    def __init__(self, space: NetworkSpace):
        """Builds the supernet's templates; no array is made.

        Args:
          space: the search space.

        Raises:
          UserError: as `nets.ChainSupernet`.
        """
        self.space = space
        self._supernet = ChainSupernet(space)
        fixed = [op_templates(block) for block in space.stem + space.head]
        layers = self._supernet.layer_templates
        self._weights = _by_group(fixed, layers, "params", _is_weight)
        self._variances = _by_group(fixed, layers, "stats", _is_variance)

    def init(self, key: jax.Array, *, normal: bool = False) -> dict[str, Slots]:
        """Draws weights of all ops; `normal`: weights of layers from normal(0, 1)."""
        params, stats = self._supernet.init(key)
        if normal:
            params = self._with_normal(jax.random.fold_in(key, 1), params)
        return {"params": params, "stats": stats}

    def _with_normal(self, key: jax.Array, params: Slots) -> Slots:
        drawn: Slots = {"fixed": [], "layers": []}
        for group, blocks in params.items():
            for own, leaves in zip(blocks, self._weights[group], strict=True):
                key, own_key = jax.random.split(key)
                width = own.shape[-1]
                masks = jnp.stack(
                    [
                        leaves.mask(jnp.int32(op), width)
                        for op in range(len(leaves.ends))
                    ]
                )
                mask = masks.reshape(own.shape)
                normal = jax.random.normal(own_key, own.shape)
                drawn[group].append(jnp.where(mask, normal, own))
        return drawn

    def path(self, weights: dict[str, Slots], arch: jax.Array) -> dict[str, Slots]:
        """The rows of an architecture."""
        return {name: take_path(slots, arch) for name, slots in weights.items()}

    def run(
        self,
        weights: dict[str, Slots],
        arch: jax.Array,
        images: jax.Array,
        *,
        normalised: bool = True,
        watch: Watch | None = None,
    ) -> Passed:
        """Passes a batch through a path; `features` are the last layer's output.

        Args:
          weights: of a path.
          arch: int32 [L].
          images: float [N, H, W, C].
          normalised: by the batch's statistics, or not at all.
          watch: None.

        Returns:
          See `nets.Passed`.
        """
        assert watch is None  # `shows_relus` is False.
        params, stats = weights["params"], weights["stats"]
        # Fresh running statistics change nothing.
        mode: Mode = "batch" if normalised else "running"
        divisors: list[jax.Array] = []

        def shrink(values: jax.Array) -> jax.Array:
            mean = lax.stop_gradient(jnp.abs(values).mean())
            divisor = jnp.where(mean > 0, mean / _MAGNITUDE, 1.0)
            divisors.append(divisor)
            return values / divisor

        between = None if normalised else shrink
        values = images if normalised else shrink(images)
        values, stem_stats = self._supernet.stem(params, stats, values, mode=mode)
        features, layer_stats = self._supernet.layers(
            params, stats, arch, values, mode=mode, between=between
        )
        logits, head_stats = self._supernet.head(params, stats, features, mode=mode)
        log_spread = jnp.zeros(())
        if normalised:
            found = {"fixed": stem_stats + head_stats, "layers": layer_stats}
            log_spread = self._log_spread(found, arch)
        log_scale = sum((jnp.log(each) for each in divisors), jnp.zeros(()))
        return Passed(logits, features, None, log_spread, log_scale)

    def _log_spread(self, stats: Slots, arch: jax.Array) -> jax.Array:
        total = jnp.zeros(())
        for leaves, op, row in _rows(self._variances, stats, arch):
            variance, wanted = leaves.means(op, row)
            varies = wanted & (variance > 0)
            logs = jnp.log(jnp.where(varies, variance, 1.0)) / 2
            total += logs.sum()
        return total

    def layer_sums(self, values: dict[str, Slots], arch: jax.Array) -> jax.Array:
        """Sums over each convolution and linear layer, as `CellNetwork.layer_sums`."""
        sums = [
            leaves.sums(op, row)
            for leaves, op, row in _rows(self._weights, values["params"], arch)
        ]
        return jnp.concatenate(sums)

    def cost_table(self) -> CostTable:
        """Parameters and multiply-accumulates of every op."""
        return self._supernet.cost_table()


Groups = dict[str, list[_Leaves]]


def _rows(
    groups: Groups, path: Slots, arch: jax.Array
) -> Iterator[tuple[_Leaves, jax.Array, jax.Array]]:
    """Description, op and row of each block of a path."""
    for leaves, row in zip(groups["fixed"], path["fixed"], strict=True):
        yield leaves, jnp.int32(0), row
    for leaves, op, row in zip(groups["layers"], arch, path["layers"], strict=True):
        yield leaves, op, row


Wanted = Callable[[str, tuple[int, ...]], bool]


def _is_weight(name: str, shape: tuple[int, ...]) -> bool:
    """Scales, shifts and biases are vectors, weights of layers are not."""
    del name
    return len(shape) > 1


def _is_variance(name: str, shape: tuple[int, ...]) -> bool:
    del shape
    return "var" in name.split(".")


def _by_group(
    fixed: Sequence[tuple[OpTemplate, ...]],
    layers: Sequence[tuple[OpTemplate, ...]],
    kind: Literal["params", "stats"],
    wanted: Wanted,
) -> Groups:
    return {
        "fixed": [_leaves(templates, kind, wanted) for templates in fixed],
        "layers": [_leaves(templates, kind, wanted) for templates in layers],
    }


def _leaves(
    templates: tuple[OpTemplate, ...],
    kind: Literal["params", "stats"],
    wanted: Wanted,
) -> _Leaves:
    arrays = [list(_named_shapes(template, kind)) for template in templates]
    most = max(1, *(len(each) for each in arrays))
    sizes = np.zeros((len(templates), most), np.int32)
    flags = np.zeros((len(templates), most), np.float32)
    for op, each in enumerate(arrays):
        for place, (name, shape) in enumerate(each):
            sizes[op, place] = math.prod(shape)
            flags[op, place] = wanted(name, shape)
    ends = np.cumsum(sizes, axis=1, dtype=np.int32)
    return _Leaves(ends, np.maximum(sizes, 1).astype(np.float32), flags)


def _named_shapes(
    template: OpTemplate, kind: Literal["params", "stats"]
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Dotted name and shape of each array in an op's row, in its order."""
    for piece in template.pieces:
        layout = getattr(piece, kind)
        places = jax.tree.unflatten(layout.treedef, range(len(layout.shapes)))
        for path, place in jax.tree_util.tree_leaves_with_path(places):
            name = jax.tree_util.keystr(path, simple=True, separator=".")
            yield name, layout.shapes[place]
