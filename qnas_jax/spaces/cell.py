"""Spaces of cells: one small graph, repeated through the whole network.

A cell is a directed graph whose edges carry ops; node 0 is its input, every later node
the sum of what its edges bring, the last node its output. An architecture is the op of
each edge. The network around it is fixed: a stem, stages of equal cells, between two
stages a residual block that halves the resolution and doubles the channels, and a
head. That is not a chain of layers, hence no `NetworkSpace`.

Source: Dong & Yang, NAS-Bench-201: Extending the scope of reproducible neural
architecture search, ICLR 2020.
"""

import dataclasses
from typing import Any

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.spaces.network import Layer, Op, fixed, op
from qnas_jax.spaces.space import BuildableSpace

NAS_BENCH_201_OPS = (
    op("none", "zero"),
    op("skip_connect", "skip"),
    op("nor_conv_1x1", "relu_conv", kernel=1),
    op("nor_conv_3x3", "relu_conv", kernel=3),
    op("avg_pool_3x3", "average_pool"),
)
"""Ops of an edge, in the benchmark's order; a convolution is ReLU, conv, norm."""

CELL_OPS = tuple(each.name for each in NAS_BENCH_201_OPS)
"""Their names."""


@dataclasses.dataclass(frozen=True)
class CellSpace(BuildableSpace):
    """Ops on the edges of a cell, and the network that the cell is repeated in.

    Attributes:
      name: identifier.
      choices: derived: the op names of each edge.
      input_shape: (height, width, channels) of the images.
      num_classes: number of logits.
      num_nodes: nodes of the cell; there is an edge from each to each later one.
      features: channels of the first stage; each later stage has twice as many.
      stages: number of stages.
      cells: cells of a stage.
      ops: the candidates of every edge; they keep the shape.
    """

    num_nodes: int = 4
    features: int = 16
    stages: int = 3
    cells: int = 5
    ops: tuple[Op, ...] = NAS_BENCH_201_OPS

    def __post_init__(self) -> None:
        for field, least in (
            ("num_nodes", 2),
            ("features", 1),
            ("stages", 1),
            ("cells", 1),
            ("num_classes", 2),
        ):
            value = getattr(self, field)
            if type(value) is not int or value < least:
                raise UserError(
                    f"space {self.name!r}, {field}: got {value!r}, expected an int "
                    f">= {least}"
                )
        if len(self.input_shape) != 3:
            raise UserError(
                f"space {self.name!r}, input_shape: got {tuple(self.input_shape)}, "
                "expected (height, width, channels)"
            )
        height, width, _ = self.input_shape
        halved = 2 ** (self.stages - 1)
        if height % halved or width % halved:
            raise UserError(
                f"space {self.name!r}: got images of {height} x {width}, expected "
                f"multiples of {halved}: the resolution is halved between stages"
            )
        object.__setattr__(self, "ops", tuple(self.ops))
        names = tuple(each.name for each in self.ops)
        object.__setattr__(self, "choices", (names,) * len(self.edges))
        super().__post_init__()

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """(from, to) of each edge: 0-1, 0-2, 1-2, 0-3, 1-3, 2-3."""
        return tuple(
            (before, node)
            for node in range(1, self.num_nodes)
            for before in range(node)
        )

    @property
    def zeros(self) -> tuple[tuple[bool, ...], ...]:
        """For each edge, which of its ops give zeros whatever they get."""
        return (tuple(op.gives_zeros for op in self.ops),) * len(self.edges)

    def longest(self, weights: Any) -> np.ndarray:
        """The largest sum of weights on a way through one cell.

        Args:
          weights: float [..., edges], of what stands at each edge; -inf where nothing
            passes.

        Returns:
          float [...], -inf where there is no way from the first node to the last.
        """
        weights = np.asarray(weights, float)
        nodes = [np.zeros(weights.shape[:-1])]
        for node in range(1, self.num_nodes):
            arriving = [
                nodes[before] + weights[..., edge]
                for edge, (before, to) in enumerate(self.edges)
                if to == node
            ]
            nodes.append(np.max(arriving, axis=0))
        return nodes[-1]

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each stage."""
        return tuple(self.features * 2**stage for stage in range(self.stages))

    @property
    def fixed(self) -> tuple[Layer, ...]:
        """Stem, reductions and head: all blocks that are not searched."""
        return self.stem + self.reductions + self.head

    @property
    def edge_layers(self) -> tuple[Layer, ...]:
        """What may stand at an edge, for each stage."""
        return tuple(Layer(width, width, 1, self.ops) for width in self.widths)

    @property
    def stem(self) -> tuple[Layer, ...]:
        """The fixed blocks before the first cell."""
        block = op("conv", "relu_conv", activated=False)
        return (Layer(self.input_shape[-1], self.features, 1, (block,)),)

    @property
    def reductions(self) -> tuple[Layer, ...]:
        """The fixed block before each stage but the first."""
        return tuple(
            fixed(width, 2 * width, 2, "residual_reduction")
            for width in self.widths[:-1]
        )

    @property
    def head(self) -> tuple[Layer, ...]:
        """The fixed blocks behind the last cell; the last yields the logits."""
        last = self.widths[-1]
        return (
            fixed(last, last, 1, "norm_relu"),
            fixed(last, last, 1, "global_average"),
            fixed(last, self.num_classes, 1, "linear"),
        )


def nas_bench_201(input_shape: tuple[int, ...], num_classes: int) -> CellSpace:
    """Six edges with five ops each: 15,625 architectures, all trained by its authors.

    Args:
      input_shape: (height, width, channels); the benchmark has (32, 32, 3) for CIFAR
        and (16, 16, 3) for ImageNet16-120.
      num_classes: number of classes.

    Returns:
      The space.
    """
    return CellSpace("nas_bench_201", input_shape, num_classes)
