"""The network of a cell space with fresh weights: one program for all architectures.

Shapes do not depend on the architecture; each edge of each cell runs the op that the
architecture names (`nets/cell_ops.py`). Cells of a stage are one scan. The network is
for measuring (zero-cost proxies), not for training: batch normalisation has neither
running statistics nor scale and shift.

Source: Dong & Yang, NAS-Bench-201, ICLR 2020: convolution and normalisation; stages
of cells; between them a residual block with stride 2 whose shortcut is a 2 x 2 mean
and a 1 x 1 convolution; normalisation, ReLU, mean over the pixels, linear layer.
"""

import functools
import math
import operator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from qnas_jax.kernels import conv
from qnas_jax.nets.cell_costs import cell_cost_table
from qnas_jax.nets.cell_ops import CONVOLUTIONS, EdgeKernels, run_edge
from qnas_jax.nets.cell_pass import Passed, PassRules, PassSums, Watch
from qnas_jax.spaces import CellSpace, CostTable


class Reduction(NamedTuple):
    """Weights of the residual block between two stages of C and 2 C channels.

    Attributes:
      first: [3, 3, C, 2 C], stride 2.
      second: [3, 3, 2 C, 2 C].
      shortcut: [1, 1, C, 2 C].
    """

    first: jax.Array
    second: jax.Array
    shortcut: jax.Array


class CellWeights(NamedTuple):
    """Weights of the whole network, for any architecture.

    Attributes:
      stem: [3, 3, C_image, C].
      cells: for each stage `EdgeKernels` with leading axes [cells, edges].
      reductions: one between two stages.
      classifier: [C_last, classes].
      bias: [classes].
    """

    stem: jax.Array
    cells: list[EdgeKernels]
    reductions: list[Reduction]
    classifier: jax.Array
    bias: jax.Array


class CellNetwork:
    """The static part of the network; its arrays travel beside it.

    Attributes:
      space: what it was built from.
      shows_relus: whether `run` can watch the inputs of its ReLUs; always True.
    """

    shows_relus = True

    def __init__(self, space: CellSpace):
        self.space = space

    def init(self, key: jax.Array, *, normal: bool = False) -> CellWeights:
        """Draws weights for every op of every edge.

        Args:
          key: consumed.
          normal: normal(0, 1), bias 0, instead of PyTorch's default for convolutions
            and linear layers: uniform within 1 / sqrt(inputs of one output).

        Returns:
          The weights.
        """
        shapes = self._shapes()
        sizes = [math.prod(shape) for shape, _ in shapes]
        # One draw for all: a draw for each array takes longer to compile.
        if normal:
            flat = jax.random.normal(key, (sum(sizes),))
        else:
            flat = jax.random.uniform(key, (sum(sizes),), minval=-1.0)
        parts = iter(jnp.split(flat, np.cumsum(sizes)[:-1]))
        draws = iter(
            next(parts).reshape(shape) * (1.0 if normal else inputs**-0.5)
            for shape, inputs in shapes
        )
        stages = range(self.space.stages)
        weights = CellWeights(
            stem=next(draws),
            cells=[EdgeKernels(next(draws), next(draws)) for _ in stages],
            reductions=[
                Reduction(next(draws), next(draws), next(draws)) for _ in stages[1:]
            ],
            classifier=next(draws),
            bias=next(draws),
        )
        return weights._replace(bias=weights.bias * (not normal))

    def _shapes(self) -> list[tuple[tuple[int, ...], int]]:
        """Shape of each array of `CellWeights`, and the inputs of one output."""
        space = self.space
        last = space.widths[-1]
        places = (space.cells, len(space.edges))
        channels = space.input_shape[-1]
        shapes: list[tuple[tuple[int, ...], int]] = [
            ((3, 3, channels, space.features), 9 * channels)
        ]
        for width in space.widths:
            shapes += [
                ((*places, width, width), width),
                ((*places, 3, 3, width, width), 9 * width),
            ]
        for width in space.widths[:-1]:
            shapes += [
                ((3, 3, width, 2 * width), 9 * width),
                ((3, 3, 2 * width, 2 * width), 18 * width),
                ((1, 1, width, 2 * width), width),
            ]
        return [
            *shapes,
            ((last, space.num_classes), last),
            ((space.num_classes,), last),
        ]

    def path(self, weights: CellWeights, arch: jax.Array) -> CellWeights:
        """Sets the weights that an architecture does not use to zero.

        Args:
          weights: of all ops.
          arch: int32 [edges].

        Returns:
          The same form.
        """
        point, full = (_chosen(arch, number) for number in (2, 3))
        cells = [
            EdgeKernels(
                kernels.point * point[None, :, None, None],
                kernels.full * full[None, :, None, None, None, None],
            )
            for kernels in weights.cells
        ]
        return weights._replace(cells=cells)

    def layer_sums(self, values: CellWeights, arch: jax.Array) -> jax.Array:
        """Sums over the weights of each convolution and of the linear layer.

        Args:
          values: one value a weight, in the form of the weights, zero where the
            architecture has no such weight.
          arch: int32 [edges].

        Returns:
          float [layers]; 0 for layers that the architecture does not have.
        """
        del arch  # all architectures have the same form here
        kernels = [values.stem, values.classifier]
        kernels += [each for block in values.reductions for each in block]
        sums = [kernel.sum()[None] for kernel in kernels]
        for stage in values.cells:
            sums += [
                kernel.sum(tuple(range(2, kernel.ndim))).ravel() for kernel in stage
            ]
        return jnp.concatenate(sums)

    def run(
        self,
        weights: CellWeights,
        arch: jax.Array,
        images: jax.Array,
        *,
        normalised: bool = True,
        watch: Watch | None = None,
    ) -> Passed:
        """Passes a batch through the network of an architecture.

        Args:
          weights: see `path`.
          arch: int32 [edges].
          images: float [N, H, W, C].
          normalised: with batch normalisation by the batch's statistics; without, the
            values are divided by their mean magnitude after each cell (`log_scale`),
            and that factor is a constant to gradients.
          watch: what to sum over the inputs [N, H, W, C] of all ReLUs; its result must
            have the same shape for all of them. No gradient flows through it.

        Returns:
          Logits and what was asked for.
        """
        rules = PassRules(normalised, watch)

        def cell(carry: tuple[jax.Array, PassSums], kernels: EdgeKernels) -> Any:
            values, sums = self._cell(rules, arch, kernels, *carry)
            return rules.in_range(values, sums), None

        sums = rules.start(images[..., :1])
        values, sums = rules.normalise(conv(images, weights.stem), sums)
        for stage, kernels in enumerate(weights.cells):
            if stage > 0:
                values, sums = _reduce(
                    rules, weights.reductions[stage - 1], values, sums
                )
            (values, sums), _ = lax.scan(cell, (values, sums), kernels)
        values, sums = rules.normalise(values, sums)
        sums = rules.see(values, sums)
        features = jax.nn.relu(values)
        bias = weights.bias * jnp.exp(-sums.log_scale)
        logits = features.mean(axis=(1, 2)) @ weights.classifier + bias[None]
        watched = None if watch is None else sums.watched
        return Passed(logits, features, watched, sums.log_spread, sums.log_scale)

    def cost_table(self) -> CostTable:
        """Parameters and multiply-accumulates of every op of every edge."""
        return cell_cost_table(self.space)

    def _cell(
        self,
        rules: PassRules,
        arch: jax.Array,
        kernels: EdgeKernels,
        values: jax.Array,
        sums: PassSums,
    ) -> tuple[jax.Array, PassSums]:
        edges = self.space.edges
        nodes = [values]
        for node in range(1, self.space.num_nodes):
            arriving = []
            for edge, (before, after) in enumerate(edges):
                if after == node:
                    own = jax.tree.map(lambda kernel, edge=edge: kernel[edge], kernels)
                    output, spread = run_edge(
                        rules.normalised, arch[edge], own, nodes[before]
                    )
                    sums = sums._replace(log_spread=sums.log_spread + spread)
                    arriving.append(output)
            nodes.append(functools.reduce(operator.add, arriving))
        has_relu = jnp.isin(arch, jnp.asarray(list(CONVOLUTIONS)))
        for node, seen in enumerate(nodes[:-1]):
            leaves_node = jnp.asarray([before == node for before, _ in edges])
            sums = rules.see(seen, sums, times=(has_relu & leaves_node).sum())
        return nodes[-1], sums


def _reduce(
    rules: PassRules, block: Reduction, values: jax.Array, sums: PassSums
) -> tuple[jax.Array, PassSums]:
    """The residual block that halves the resolution."""
    sums = rules.see(values, sums)
    inner = conv(jax.nn.relu(values), block.first, stride=2)
    inner, sums = rules.normalise(inner, sums)
    sums = rules.see(inner, sums)
    inner = conv(jax.nn.relu(inner), block.second, implementation="blocked")
    inner, sums = rules.normalise(inner, sums)
    return rules.in_range(inner + _shortcut(values, block.shortcut), sums)


def _shortcut(values: jax.Array, kernel: jax.Array) -> jax.Array:
    """Mean over 2 x 2 pixels, 1 x 1 convolution."""
    count, height, width, features = values.shape
    squares = values.reshape(count, height // 2, 2, width // 2, 2, features)
    return conv(squares.mean(axis=(2, 4)), kernel)


def _chosen(arch: jax.Array, number: int) -> jax.Array:
    """1.0 for the edges that have this op, float32 [edges]."""
    return (arch == number).astype(jnp.float32)
